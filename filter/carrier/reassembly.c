/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps members until the stream can begin. */
#include "filter/carrier/reassembly.h"

#include <string.h>

#include <openssl/crypto.h>

#include "lib/header/header.h"
#include "lib/header/labels.h"
#include "lib/header/signatures.h"

/* How much of the stream was returned. */
enum { NOTHING, HEADER, HEADER_AND_KEY, SOME_THAT_WAITED, ALL };

/* Bytes of a block.  free() returns blocks of this size to the system at
 * once. */
#define BLOCK_LEN 4194304

struct envl_waiting_block {
    struct envl_waiting_block *next;
    size_t len;
    unsigned char p[BLOCK_LEN];
};

static const size_t limits[] = {
    [ENVL_MEMBER_HEADER] =
        ENVL_PRELUDE_LEN + ENVL_LABELS_LEN_MAX + ENVL_SIGNATURES_LEN_MAX,
    [ENVL_MEMBER_KEY] = ENVL_HEADER_LEN_MAX,
    [ENVL_MEMBER_PAYLOAD] = ENVL_WAITING_LEN_MAX,
};

static void
clear_blob(struct envl_blob *blob)
{
    OPENSSL_free(blob->p);
    *blob = (struct envl_blob){ 0 };
}

static void
drop_first(struct envl_waiting *waiting)
{
    struct envl_waiting_block *block = waiting->first;

    waiting->first = block->next;
    waiting->len -= block->len;
    OPENSSL_free(block);
}

void
envl_reassembly_clear(struct envl_reassembly *members)
{
    clear_blob(&members->header);
    clear_blob(&members->key);
    while (members->waiting.first != NULL)
        drop_first(&members->waiting);
}

/* Allocate for bytes that have come, not for a length that an archive
 * claims. */
static int
append(struct envl_blob *blob, const unsigned char *p, size_t len)
{
    size_t size = blob->len + len;
    unsigned char *q;

    if (size > blob->size) {
        size = size < 2 * blob->size ? 2 * blob->size : size;
        if ((q = ENVL_QUIETLY(OPENSSL_realloc(blob->p, size))) == NULL)
            return 0;
        blob->p = q;
        blob->size = size;
    }
    if (len > 0)
        memcpy(blob->p + blob->len, p, len);
    blob->len += len;
    return 1;
}

static struct envl_waiting_block *
add_block(struct envl_waiting *waiting)
{
    struct envl_waiting_block *block =
        ENVL_QUIETLY(OPENSSL_malloc(sizeof(*block)));

    if (block == NULL)
        return NULL;
    block->next = NULL;
    block->len = 0;
    if (waiting->first == NULL)
        waiting->first = block;
    else
        waiting->last->next = block;
    waiting->last = block;
    return block;
}

static int
append_waiting(struct envl_waiting *waiting, const unsigned char *p, size_t len)
{
    struct envl_waiting_block *block;
    size_t n;

    for (; len > 0; p += n, len -= n) {
        block = waiting->first != NULL ? waiting->last : NULL;
        if ((block == NULL || block->len == BLOCK_LEN)
            && (block = add_block(waiting)) == NULL)
            return 0;
        n = len < BLOCK_LEN - block->len ? len : BLOCK_LEN - block->len;
        memcpy(block->p + block->len, p, n);
        block->len += n;
        waiting->len += n;
    }
    return 1;
}

uint64_t
envl_reassembly_len(const struct envl_reassembly *members,
                    enum envl_member member)
{
    switch (member) {
    case ENVL_MEMBER_HEADER:
        return members->header.len;
    case ENVL_MEMBER_KEY:
        return members->key.len;
    default:
        return members->payload_len;
    }
}

enum envelope_reason
envl_reassembly_check_len(const struct envl_reassembly *members,
                          enum envl_member member, uint64_t more,
                          struct envl_err *err)
{
    if (more <= limits[member] - envl_reassembly_len(members, member))
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_CARRIER, "%s has more than %zu bytes%s",
                     envl_member_name(member), limits[member],
                     member == ENVL_MEMBER_PAYLOAD
                         ? " before header and key have come"
                         : "");
}

enum envelope_reason
envl_reassembly_put(struct envl_reassembly *members, enum envl_member member,
                    const unsigned char *p, size_t len, struct envl_err *err)
{
    enum envelope_reason rc;

    rc = envl_reassembly_check_len(members, member, len, err);
    if (rc != ENVELOPE_OK)
        return rc;
    if (member == ENVL_MEMBER_PAYLOAD
            ? !append_waiting(&members->waiting, p, len)
            : !append(member == ENVL_MEMBER_HEADER ? &members->header
                                                   : &members->key,
                      p, len))
        return envl_fail_memory(err);
    if (member == ENVL_MEMBER_PAYLOAD)
        members->payload_len += len;
    return ENVELOPE_OK;
}

enum envelope_reason
envl_reassembly_end(struct envl_reassembly *members, enum envl_member member,
                    struct envl_err *err)
{
    if (members->ended[member])
        return envl_fail(err, ENVELOPE_R_CARRIER_MEMBER, "%s ends twice",
                         envl_member_name(member));
    members->ended[member] = true;
    if (member != ENVL_MEMBER_PAYLOAD)
        members->stream_header_len += envl_reassembly_len(members, member);
    return ENVELOPE_OK;
}

/* Get the next bytes to return; the caller no longer uses the last span. */
static struct envl_blob
next_blob(struct envl_reassembly *members)
{
    struct envl_blob blob = { 0 };

    while (members->given < HEADER_AND_KEY && blob.len == 0) {
        if (members->given == HEADER)
            clear_blob(&members->header);
        blob = members->given == NOTHING ? members->header : members->key;
        members->given++;
    }
    return blob;
}

static struct envl_blob
next_block(struct envl_reassembly *members)
{
    struct envl_waiting *waiting = &members->waiting;
    struct envl_blob blob = { 0 };

    if (members->given == HEADER_AND_KEY)
        clear_blob(&members->key);
    if (members->given == SOME_THAT_WAITED)
        drop_first(waiting);
    members->given = waiting->first != NULL ? SOME_THAT_WAITED : ALL;
    if (waiting->first != NULL)
        blob = (struct envl_blob){ .p = waiting->first->p,
                                   .len = waiting->first->len };
    return blob;
}

int
envl_reassembly_give(struct envl_reassembly *members,
                     const unsigned char **span, size_t *len)
{
    struct envl_blob blob;

    if (!members->ended[ENVL_MEMBER_HEADER] || !members->ended[ENVL_MEMBER_KEY])
        return 0;
    blob = next_blob(members);
    if (blob.len == 0)
        blob = next_block(members);
    *span = blob.p;
    *len = blob.len;
    return blob.len > 0;
}

size_t
envl_reassembly_waiting(const struct envl_reassembly *members)
{
    return members->waiting.len;
}

bool
envl_reassembly_passes(const struct envl_reassembly *members)
{
    return members->given == ALL;
}

void
envl_reassembly_skip(struct envl_reassembly *members, uint64_t pieces,
                     uint64_t payload_len)
{
    members->ended[ENVL_MEMBER_HEADER] = members->ended[ENVL_MEMBER_KEY] = true;
    members->given = ALL;
    members->pieces = pieces;
    members->payload_len = payload_len;
}

enum envelope_reason
envl_reassembly_check(const struct envl_reassembly *members,
                      struct envl_err *err)
{
    unsigned member;

    for (member = 0; member <= ENVL_MEMBER_PAYLOAD; member++) {
        if (members->ended[member])
            continue;
        return envl_reassembly_len(members, member) > 0
                   ? envl_fail(err, ENVELOPE_R_CARRIER_TRUNCATED,
                               "%s has no end", envl_member_name(member))
                   : envl_fail(err, ENVELOPE_R_CARRIER_MEMBER, "%s is missing",
                               envl_member_name(member));
    }
    return ENVELOPE_OK;
}
