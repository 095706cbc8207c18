/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers are allocated once and reused; they are wiped when they are freed. */
#include "filter/stream/slot.h"

#include <string.h>

#include <openssl/crypto.h>

int
envl_slot_init(struct envl_slot *slot, size_t size)
{
    *slot = (struct envl_slot){ .buf = ENVL_QUIETLY(OPENSSL_malloc(size)) };
    return slot->buf != NULL;
}

void
envl_slot_use(struct envl_slot *slot, const unsigned char *end)
{
    size_t used = (size_t)(end - slot->buf);

    if (slot->used < used)
        slot->used = used;
}

void
envl_slot_reset(struct envl_slot *slot)
{
    OPENSSL_clear_free(slot->early, slot->early_len);
    slot->early = NULL;
    slot->early_len = slot->early_size = 0;
    slot->kept = slot->have = slot->batch_count = 0;
    slot->frame_data = NULL;
    slot->rest.iov_len = slot->payload.iov_len = 0;
    slot->span_count = 0;
    slot->last = false;
    slot->err.reason = ENVELOPE_OK;
    slot->error = 0;
}

void
envl_slot_clear(struct envl_slot *slot)
{
    if (slot->buf != NULL)
        envl_slot_reset(slot);
    OPENSSL_clear_free(slot->buf, slot->used);
    slot->buf = NULL;
}

/* Grow the buffer at least twofold, so that small pieces do not cost a copy
 * each. */
int
envl_slot_reserve_early(struct envl_slot *slot, size_t len)
{
    size_t size = slot->early_len + len;
    unsigned char *early;

    if (size <= slot->early_size)
        return 1;
    size = size < 2 * slot->early_size ? 2 * slot->early_size : size;
    early =
        ENVL_QUIETLY(OPENSSL_clear_realloc(slot->early, slot->early_len, size));
    if (early == NULL)
        return 0;
    slot->early = early;
    slot->early_size = size;
    return 1;
}

void
envl_slot_add(struct envl_slot *slot, unsigned char *p, size_t len)
{
    if (len > 0)
        slot->spans[slot->span_count++] = (struct iovec){ p, len };
}

void
envl_slot_join(struct envl_slot *slot)
{
    unsigned first = slot->early_len > 0 ? 1 : 0, i;
    struct iovec *to = &slot->spans[first];

    for (i = first + 1; i < slot->span_count; i++) {
        memmove((unsigned char *)to->iov_base + to->iov_len,
                slot->spans[i].iov_base, slot->spans[i].iov_len);
        to->iov_len += slot->spans[i].iov_len;
    }
    if (slot->span_count > first + 1)
        slot->span_count = first + 1;
}

void
envl_slot_fail(struct envl_slot *slot, const struct envl_err *err)
{
    slot->last = true;
    slot->err = *err;
}
