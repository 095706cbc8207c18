/* SPDX-License-Identifier: Apache-2.0 */
/* The stream is read in order, so that a pipe will do. */
#include "filter/stream/sealed.h"

#include <string.h>

#include "filter/stream/front.h"

static void
add(struct envl_sums *sums, const unsigned char *p, size_t len)
{
    const struct iovec payload = { (void *)(uintptr_t)p, len };
    const struct iovec none = { NULL, 0 };

    if (sums == NULL || len == 0)
        return;
    envl_sums_add(sums, payload, none);
    envl_sums_wait(sums);
}

/* The payload: its start, the rest of the span in which that ended, and all
 * other spans. */
static enum envelope_reason
read_payload(struct envl_front *front, struct envl_sums *sums, uint64_t *len,
             _Atomic uint64_t *passed, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    const unsigned char *p = front->rest;
    size_t n = front->rest_len;

    add(sums, front->start, sizeof(front->start));
    *len = sizeof(front->start);
    do {
        add(sums, p, n);
        *len += n;
        atomic_store(passed, front->spans.given);
        rc = envl_spans_next(&front->spans, &p, &n, err);
    } while (rc == ENVELOPE_OK && n > 0);
    return rc;
}

enum envelope_reason
envl_sealed_read(struct envl_sealed *sealed, int fd, bool with_sums,
                 _Atomic uint64_t *passed, struct envl_err *err)
{
    struct envl_sums *sums = NULL;
    struct envl_front front;
    enum envelope_reason rc;
    uint64_t payload_len = 0;

    *sealed = (struct envl_sealed){ 0 };
    rc = envl_front_read(&front, fd, err);
    if (rc == ENVELOPE_OK && with_sums)
        rc = envl_sums_new(&sums, ENVL_SUM_COUNT_OF_STREAM, &front.header, err);
    if (rc == ENVELOPE_OK)
        rc = read_payload(&front, sums, &payload_len, passed, err);
    if (rc == ENVELOPE_OK && with_sums)
        rc = envl_sums_end(sums, &sealed->sums, err);
    sealed->kind = front.kind;
    sealed->header = front.header;
    front.header = (struct envl_header){ 0 }; /* it is the caller's now */
    memcpy(sealed->start, front.start, sizeof(sealed->start));
    sealed->sums.header.len = sealed->header.prelude.header_len;
    sealed->sums.of[ENVL_SUM_PAYLOAD].len = payload_len;
    sealed->sums.of[ENVL_SUM_FILE].len = front.spans.given;
    envl_sums_free(sums);
    envl_front_clear(&front);
    return rc;
}

void
envl_sealed_clear(struct envl_sealed *sealed)
{
    envl_header_clear(&sealed->header);
}
