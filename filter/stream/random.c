/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a chunk lies follows from its number: chunks have one length, pieces
 * have one length.  That the pieces are what they should be is checked when
 * one is entered; that the chunks are is what the cipher checks.
 */
#include "filter/stream/random.h"

#include <inttypes.h>

#include <openssl/crypto.h>

#include <envelope/envelope.h>

#include "filter/carrier/member.h"
#include "filter/carrier/tar.h"
#include "filter/carrier/xbstream.h"
#include "filter/stream/carrier_pass.h"

/* Chunks that are read at once: few after a jump, more when reading on. */
#define RUN_MIN 4
#define RUN_MAX 64

/* Zero bytes may end an archive: as many of the shortest pieces as they may
 * take the place of are looked for in vain. */
#define TRY_COUNT_MAX (ENVL_TRAILING_LEN_MAX / ENVL_PIECE_LEN_MIN + 2)

#define TAG_LEN (ENVELOPE_SEALED_CHUNK_LENGTH - ENVELOPE_CHUNK_LENGTH)

struct envl_random {
    struct envl_source *source;
    struct envl_session *session;
    struct envl_layout layout;
    uint64_t payload_len; /* of all pieces together */
    uint64_t pieces;
    uint64_t chunks;  /* the last one, which is shorter, counted */
    uint64_t checked; /* piece whose lead was checked last, counted from 1 */
    uint64_t first;   /* chunk that text begins with */
    unsigned run;     /* chunks that text was read from */
    size_t text_len;
    unsigned char sealed[RUN_MAX * ENVELOPE_SEALED_CHUNK_LENGTH];
    unsigned char text[RUN_MAX * ENVELOPE_SEALED_CHUNK_LENGTH + ENVL_SLACK_LEN];
};

/* Pieces */

static enum envelope_reason
fail_layout(struct envl_err *err, uint64_t piece)
{
    return envl_fail(err, ENVELOPE_R_CARRIER_MEMBER,
                     "piece %" PRIu64
                     " of the payload is not where it should be: the archive "
                     "was packed again, and can only be read in order",
                     piece);
}

static enum envelope_reason
parse_tar_lead(uint64_t *len, const unsigned char *lead, uint64_t piece,
               struct envl_err *err)
{
    struct envl_tar_header header;
    uint64_t number = 0;

    if (envl_tar_parse(&header, lead, 0, err) != ENVELOPE_OK
        || (header.type != ENVL_TAR_FILE && header.type != ENVL_TAR_OLD_FILE)
        || envl_member_of_tar(header.name, &number) != ENVL_MEMBER_PAYLOAD
        || number != piece)
        return fail_layout(err, piece);
    *len = header.size;
    return ENVELOPE_OK;
}

static enum envelope_reason
parse_xb_lead(uint64_t *len, const struct envl_random *random,
              const unsigned char *lead, uint64_t piece, struct envl_err *err)
{
    size_t want, lead_len = (size_t)random->layout.lead_len;
    struct envl_xb_header header;

    if (envl_xb_parse(&header, lead, lead_len, 0, &want, err) != ENVELOPE_OK
        || want != lead_len || header.type != ENVL_XB_PAYLOAD
        || envl_member_of_xbstream(header.path) != ENVL_MEMBER_PAYLOAD
        || header.offset != piece * random->layout.piece_len)
        return fail_layout(err, piece);
    *len = header.len;
    return ENVELOPE_OK;
}

/* Read a piece's lead; *len is what it says of the piece. */
static enum envelope_reason
read_lead(struct envl_random *random, uint64_t piece, uint64_t *len,
          struct envl_err *err)
{
    const struct envl_layout *l = &random->layout;
    unsigned char lead[ENVL_XB_HEADER_LEN_MAX];
    enum envelope_reason rc;

    rc = envl_source_read_at(
        random->source, (int64_t)(l->first_at + piece * envl_layout_stride(l)),
        lead, (size_t)l->lead_len, err);
    if (rc != ENVELOPE_OK)
        return rc;
    return l->kind == ENVL_TAR ? parse_tar_lead(len, lead, piece, err)
                               : parse_xb_lead(len, random, lead, piece, err);
}

/* A piece that is entered is where it should be, and as long. */
static enum envelope_reason
check_lead(struct envl_random *random, uint64_t piece, struct envl_err *err)
{
    uint64_t before = piece * random->layout.piece_len;
    uint64_t len = random->layout.piece_len, said;
    enum envelope_reason rc = read_lead(random, piece, &said, err);

    if (len > random->payload_len - before)
        len = random->payload_len - before;
    if (rc == ENVELOPE_OK && said != len)
        rc = fail_layout(err, piece);
    if (rc == ENVELOPE_OK)
        random->checked = piece + 1;
    return rc;
}

/* Look for the last piece from the end of the archive on backwards. */
static enum envelope_reason
find_last_piece(struct envl_random *random, uint64_t size, struct envl_err *err)
{
    const struct envl_layout *l = &random->layout;
    enum envelope_reason rc = ENVELOPE_OK;
    uint64_t piece, len = 0, all;
    unsigned tries;

    if (size < l->first_at + l->lead_len)
        return fail_layout(err, 0);
    piece = (size - l->first_at - l->lead_len) / envl_layout_stride(l);
    for (tries = 0;; tries++, piece--) {
        rc = read_lead(random, piece, &len, err);
        if (rc == ENVELOPE_OK || piece == 0 || tries == TRY_COUNT_MAX)
            break;
    }
    if (rc != ENVELOPE_OK)
        return rc;
    if (len == 0 || len > l->piece_len)
        return fail_layout(err, piece);
    random->pieces = piece + 1;
    random->payload_len = all = piece * l->piece_len + len;
    rc = envl_carrier_pass_end(&all, random->pieces, l, random->source, err);
    return all > random->payload_len ? fail_layout(err, random->pieces) : rc;
}

/* The payload */

/* Bytes of the payload, wherever their pieces are. */
static enum envelope_reason
read_payload(struct envl_random *random, uint64_t from, unsigned char *to,
             size_t len, struct envl_err *err)
{
    const struct envl_layout *l = &random->layout;
    uint64_t piece = 0, at = from;
    enum envelope_reason rc = ENVELOPE_OK;
    size_t n = len;

    for (; len > 0 && rc == ENVELOPE_OK; to += n, from += n, len -= n) {
        n = len;
        at = from;
        if (l->piece_len > 0) {
            piece = from / l->piece_len;
            at = from % l->piece_len;
            if (n > l->piece_len - at)
                n = (size_t)(l->piece_len - at);
            if (random->checked != piece + 1)
                rc = check_lead(random, piece, err);
        }
        if (rc == ENVELOPE_OK)
            rc = envl_source_read_at(random->source,
                                     (int64_t)(l->first_at
                                               + piece * envl_layout_stride(l)
                                               + l->lead_len + at),
                                     to, n, err);
    }
    return rc;
}

/* Decrypt count chunks from this one on. */
static enum envelope_reason
read_chunks(struct envl_random *random, uint64_t first, unsigned count,
            struct envl_err *err)
{
    uint64_t from =
        ENVELOPE_PAYLOAD_START_LENGTH + first * ENVELOPE_SEALED_CHUNK_LENGTH;
    size_t len = (size_t)count * ENVELOPE_SEALED_CHUNK_LENGTH, n = 0;
    enum envelope_reason rc;

    if (len > random->payload_len - from)
        len = (size_t)(random->payload_len - from);
    rc = read_payload(random, from, random->sealed, len, err);
    if (rc == ENVELOPE_OK)
        rc = envl_session_seek(random->session, first, err);
    if (rc == ENVELOPE_OK)
        rc = envl_session_update(random->session, random->text, &n,
                                 random->sealed, len, err);
    random->text_len = n;
    if (rc == ENVELOPE_OK && first + count >= random->chunks) {
        rc = envl_session_final(random->session, random->text + n, &n, err);
        random->text_len += n;
    }
    if (rc != ENVELOPE_OK)
        random->text_len = 0;
    random->first = first;
    random->run = count;
    return rc;
}

/* The face */

static enum envelope_reason
measure(struct envl_random *random, struct envl_err *err)
{
    int64_t size = envl_source_size(random->source);
    enum envelope_reason rc = ENVELOPE_OK;

    if (size < 0)
        return envl_fail(err, ENVELOPE_R_READ, "the source cannot seek");
    if (random->layout.piece_len > 0)
        rc = find_last_piece(random, (uint64_t)size, err);
    else if ((uint64_t)size > random->layout.header_len)
        random->payload_len = (uint64_t)size - random->layout.header_len;
    if (rc == ENVELOPE_OK
        && random->payload_len < ENVELOPE_PAYLOAD_START_LENGTH + TAG_LEN)
        rc = fail_layout(err, 0);
    random->chunks = (random->payload_len - ENVELOPE_PAYLOAD_START_LENGTH)
                         / ENVELOPE_SEALED_CHUNK_LENGTH
                     + 1;
    return rc;
}

enum envelope_reason
envl_random_new(struct envl_random **out, struct envl_source *source,
                const struct envl_layout *layout, struct envl_err *err)
{
    struct envl_random *random = ENVL_QUIETLY(OPENSSL_zalloc(sizeof(*random)));
    enum envelope_reason rc;

    *out = NULL;
    if (random == NULL) {
        envl_source_restore(source);
        return envl_fail_memory(err);
    }
    random->source = source;
    random->layout = *layout;
    rc = measure(random, err);
    if (rc != ENVELOPE_OK) {
        envl_source_restore(source);
        envl_random_free(random);
        return rc;
    }
    *out = random;
    return ENVELOPE_OK;
}

void
envl_random_free(struct envl_random *random)
{
    if (random != NULL)
        OPENSSL_clear_free(random, sizeof(*random));
}

enum envelope_reason
envl_random_open(struct envl_random *random, struct envl_session *session,
                 struct envl_err *err)
{
    random->session = session;
    return read_chunks(random, random->chunks - 1, 1, err);
}

int64_t
envl_random_size(const struct envl_random *random)
{
    return (int64_t)(random->payload_len - ENVELOPE_PAYLOAD_START_LENGTH
                     - random->chunks * TAG_LEN);
}

uint64_t
envl_random_payload_len(const struct envl_random *random)
{
    return random->payload_len;
}

enum envelope_reason
envl_random_read(struct envl_random *random, int64_t offset,
                 const unsigned char **p, size_t *len, struct envl_err *err)
{
    uint64_t chunk = (uint64_t)offset / ENVELOPE_CHUNK_LENGTH;
    uint64_t from = random->first * ENVELOPE_CHUNK_LENGTH;
    enum envelope_reason rc = ENVELOPE_OK;
    unsigned run = RUN_MIN;

    *len = 0;
    if (offset >= envl_random_size(random))
        return ENVELOPE_OK;
    if ((uint64_t)offset < from
        || (uint64_t)offset - from >= random->text_len) {
        if (chunk == random->first + random->run)
            run = random->run < RUN_MAX / 2 ? 2 * random->run : RUN_MAX;
        if (run > random->chunks - chunk)
            run = (unsigned)(random->chunks - chunk);
        rc = read_chunks(random, chunk, run, err);
        from = chunk * ENVELOPE_CHUNK_LENGTH;
    }
    if (rc != ENVELOPE_OK)
        return rc;
    *p = random->text + ((uint64_t)offset - from);
    *len = random->text_len - (size_t)((uint64_t)offset - from);
    return ENVELOPE_OK;
}
