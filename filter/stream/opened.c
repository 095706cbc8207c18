/* SPDX-License-Identifier: Apache-2.0 */
/* Reads in order up to the commitment; then the file can be read at places. */
#include "filter/stream/opened.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include <envelope/envelope.h>

#include "filter/stream/random.h"
#include "filter/stream/recover.h"
#include "filter/stream/source.h"
#include "lib/header/header.h"

/* Bytes that the cipher is given at once: nothing comes out of these. */
#define FEED_LEN 4096

struct envl_opened {
    struct envl_source source;
    struct envl_session *session;
    struct envl_carrier_reader *carrier;
    struct envl_layout layout;
    bool has_layout;
    struct envl_random *random;

    struct envl_input in;
    uint64_t given; /* bytes of the file that in was given in all */
    const unsigned char *span;
    size_t span_len;
    unsigned char prelude[ENVL_PRELUDE_LEN];
    uint64_t header_end; /* in the file */
    unsigned char out[FEED_LEN + ENVL_SLACK_LEN];
};

/* In order */

static enum envelope_reason
next_span(struct envl_opened *opened, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;

    while (rc == ENVELOPE_OK) {
        switch (envl_carrier_next(opened->carrier, &opened->in, &opened->span,
                                  &opened->span_len, err)) {
        case ENVL_STEP_INPUT:
            rc = envl_source_next(&opened->source, &opened->in.p,
                                  &opened->in.len, err);
            opened->in.ended = opened->in.len == 0;
            opened->given += opened->in.len;
            break;
        case ENVL_STEP_OUTPUT:
            return ENVELOPE_OK;
        case ENVL_STEP_END:
            opened->span_len = 0;
            return ENVELOPE_OK;
        default:
            return err->reason;
        }
    }
    return rc;
}

/* The stream ends here, and the cipher knows what that is called. */
static enum envelope_reason
end_early(struct envl_opened *opened, struct envl_err *err)
{
    size_t n;

    return envl_session_final(opened->session, opened->out, &n, err);
}

/* Give so many bytes of the stream to the cipher; copy is NULL or room for
 * them. */
static enum envelope_reason
feed(struct envl_opened *opened, uint64_t len, unsigned char *copy,
     struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    size_t n, got;

    while (rc == ENVELOPE_OK && len > 0) {
        if (opened->span_len == 0) {
            rc = next_span(opened, err);
            if (rc == ENVELOPE_OK && opened->span_len == 0)
                rc = end_early(opened, err);
            continue;
        }
        n = opened->span_len < FEED_LEN ? opened->span_len : FEED_LEN;
        if (n > len)
            n = (size_t)len;
        rc = envl_session_update(opened->session, opened->out, &got,
                                 opened->span, n, err);
        if (copy != NULL) {
            memcpy(copy, opened->span, n);
            copy += n;
        }
        opened->span += n;
        opened->span_len -= n;
        len -= n;
    }
    return rc;
}

static enum envelope_reason
feed_header(struct envl_opened *opened, struct envl_err *err)
{
    struct envl_prelude prelude;
    enum envelope_reason rc;

    rc = feed(opened, ENVL_PRELUDE_LEN, opened->prelude, err);
    if (rc == ENVELOPE_OK)
        rc = envl_prelude_parse(&prelude, opened->prelude, err);
    if (rc != ENVELOPE_OK)
        return rc;
    opened->layout.header_len = prelude.header_len;
    rc = feed(opened, prelude.header_len - ENVL_PRELUDE_LEN, NULL, err);
    opened->header_end = opened->given - opened->in.len;
    return rc;
}

static void
find_layout(struct envl_opened *opened)
{
    struct envl_layout layout;

    if (opened->layout.kind == ENVL_RAW) {
        opened->layout.first_at = opened->layout.header_len;
        opened->has_layout = true;
    } else if (envl_carrier_layout(opened->carrier, &layout)
               && layout.header_len == opened->layout.header_len) {
        opened->layout = layout;
        opened->has_layout = true;
    }
}

/* The frame of the first piece is damaged: the others tell where it is.  If
 * there is none, it is the only one. */
static enum envelope_reason
recover(struct envl_opened *opened, struct envl_err *err)
{
    struct envl_layout *l = &opened->layout;
    unsigned char start[ENVELOPE_PAYLOAD_START_LENGTH];
    enum envelope_reason rc;
    size_t got;

    rc = envl_recover_layout(l, &opened->source, opened->header_end, err);
    if (rc == ENVELOPE_OK)
        rc = envl_source_read_at(&opened->source,
                                 (int64_t)(l->first_at + l->lead_len), start,
                                 sizeof(start), err);
    if (rc == ENVELOPE_OK)
        rc = envl_session_update(opened->session, opened->out, &got, start,
                                 sizeof(start), err);
    if (l->piece_len == 0)
        l->piece_len = (uint64_t)envl_source_size(&opened->source) - l->first_at
                       - l->lead_len;
    opened->has_layout = rc == ENVELOPE_OK;
    return rc;
}

/* An xbstream has no checksum over the length of a piece: do others agree? */
static enum envelope_reason
check_layout(struct envl_opened *opened, struct envl_err *err)
{
    struct envl_layout *l = &opened->layout, found = *l;
    unsigned char lead[ENVL_LEAD_LEN_MAX];
    enum envelope_reason rc;

    if (l->kind != ENVL_XBSTREAM || !opened->has_layout
        || (envl_source_read_at(&opened->source,
                                (int64_t)(l->first_at + envl_layout_stride(l)),
                                lead, (size_t)l->lead_len, err)
                == ENVELOPE_OK
            && envl_recover_is_lead(l, lead, 1)))
        return ENVELOPE_OK;
    rc = envl_recover_layout(&found, &opened->source, l->first_at, err);
    if (rc == ENVELOPE_OK && found.piece_len > 0)
        *l = found;
    return rc;
}

static enum envelope_reason
feed_start(struct envl_opened *opened, enum envl_frames frames,
           struct envl_err *err)
{
    bool lenient = frames == ENVL_FRAMES_LENIENT && opened->source.seekable;
    enum envelope_reason rc =
        feed(opened, ENVELOPE_PAYLOAD_START_LENGTH, NULL, err);

    if (rc == ENVELOPE_OK) {
        find_layout(opened);
        return lenient ? check_layout(opened, err) : rc;
    }
    if (lenient
        && (rc == ENVELOPE_R_CARRIER || rc == ENVELOPE_R_CARRIER_MEMBER))
        rc = recover(opened, err);
    return rc;
}

/* Opening */

static enum envelope_reason
open_carrier(struct envl_opened *opened, struct envl_err *err)
{
    enum envl_carrier kind = ENVL_RAW;
    enum envelope_reason rc = envl_source_peek(&opened->source, err);

    if (rc != ENVELOPE_OK)
        return rc;
    /* What begins like no carrier is for the cipher to refuse. */
    (void)envl_carrier_recognise(&kind, opened->source.start,
                                 opened->source.start_len);
    opened->layout.kind = kind;
    opened->carrier = envl_carrier_reader_new(kind);
    return opened->carrier != NULL ? ENVELOPE_OK : envl_fail_memory(err);
}

enum envelope_reason
envl_opened_new(struct envl_opened **out, int fd,
                const struct envl_options *options, enum envl_frames frames,
                struct envl_err *err)
{
    struct envl_opened *opened = ENVL_QUIETLY(OPENSSL_zalloc(sizeof(*opened)));
    enum envelope_reason rc;

    *out = NULL;
    if (opened == NULL)
        return envl_fail_memory(err);
    envl_source_init(&opened->source, fd, 0);
    rc = envl_session_new(&opened->session, options, ENVL_DECRYPT, err);
    if (rc == ENVELOPE_OK)
        rc = open_carrier(opened, err);
    if (rc == ENVELOPE_OK)
        rc = feed_header(opened, err);
    if (rc == ENVELOPE_OK)
        rc = feed_start(opened, frames, err);
    if (rc != ENVELOPE_OK) {
        envl_opened_free(opened);
        return rc;
    }
    *out = opened;
    return ENVELOPE_OK;
}

void
envl_opened_free(struct envl_opened *opened)
{
    if (opened == NULL)
        return;
    envl_random_free(opened->random);
    envl_session_free(opened->session);
    envl_carrier_reader_free(opened->carrier);
    envl_source_clear(&opened->source);
    OPENSSL_free(opened);
}

/* At any place */

static enum envelope_reason
check_place(const struct envl_opened *opened, struct envl_err *err)
{
    if (!opened->source.seekable)
        return envl_fail(err, ENVELOPE_R_READ,
                         "it cannot seek, as pipes and terminals cannot: put "
                         "it into a file, and name that");
    if (!opened->has_layout)
        return envl_fail(err, ENVELOPE_R_CARRIER_MEMBER,
                         "the archive was packed again, and can only be read "
                         "in order");
    return ENVELOPE_OK;
}

enum envelope_reason
envl_opened_place(struct envl_opened *opened, struct envl_source **source,
                  struct envl_session **session, struct envl_layout *layout,
                  struct envl_err *err)
{
    *source = &opened->source;
    *session = opened->session;
    *layout = opened->layout;
    return check_place(opened, err);
}

enum envelope_reason
envl_opened_measure(struct envl_opened *opened, uint64_t *size,
                    struct envl_err *err)
{
    enum envelope_reason rc = check_place(opened, err);

    if (rc != ENVELOPE_OK)
        return rc;
    errno = 0;
    rc =
        envl_random_new(&opened->random, &opened->source, &opened->layout, err);
    if (rc == ENVELOPE_R_READ && errno == 0) /* no call has failed */
        rc = envl_fail(err, ENVELOPE_R_CARRIER_TRUNCATED,
                       "the archive has no end");
    if (rc == ENVELOPE_OK)
        rc = envl_random_open(opened->random, opened->session, err);
    if (rc == ENVELOPE_OK)
        *size = (uint64_t)envl_random_size(opened->random);
    return rc;
}

enum envelope_reason
envl_opened_read(struct envl_opened *opened, uint64_t offset,
                 const unsigned char **p, size_t *len, struct envl_err *err)
{
    return envl_random_read(opened->random, (int64_t)offset, p, len, err);
}
