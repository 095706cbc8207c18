/* SPDX-License-Identifier: Apache-2.0 */
/* From header to header, where they should be. */
#include "tools/measure.h"

#include <inttypes.h>
#include <stdbool.h>
#include <unistd.h>

#include <envelope/envelope.h>

#include "filter/member.h"
#include "filter/random.h"
#include "filter/source.h"
#include "filter/tar.h"
#include "filter/xbstream.h"

#define TAG_LEN (ENVELOPE_SEALED_CHUNK_LENGTH - ENVELOPE_CHUNK_LENGTH)
#define CHUNK_COUNT_MAX (UINT64_C(1) << 38)

struct walk {
    struct envl_source source;
    uint64_t size, at;
    uint64_t payload_len, pieces;
    bool ended[ENVL_MEMBER_PAYLOAD + 1]; /* xbstream */
};

static enum envelope_reason
fail_truncated(const struct walk *walk, struct envl_err *err)
{
    return envl_fail(err, ENVELOPE_R_CARRIER_TRUNCATED,
                     "it ends after %" PRIu64 " bytes, and goes on at byte "
                     "%" PRIu64,
                     walk->size, walk->at);
}

/* Go on behind a member, if it is there. */
static enum envelope_reason
skip(struct walk *walk, uint64_t len, struct envl_err *err)
{
    walk->at += len;
    return walk->at <= walk->size ? ENVELOPE_OK : fail_truncated(walk, err);
}

/* Tar */

static bool
is_zero(const unsigned char *p, size_t len)
{
    while (len > 0 && p[len - 1] == 0)
        len--;
    return len == 0;
}

static enum envelope_reason
read_block(struct walk *walk, unsigned char *block, struct envl_err *err)
{
    if (walk->size - walk->at < ENVL_TAR_BLOCK_LEN)
        return envl_fail(err, ENVELOPE_R_CARRIER_TRUNCATED,
                         "it ends after %" PRIu64 " bytes, without its mark of "
                         "the end",
                         walk->size);
    return envl_source_read_at(&walk->source, (int64_t)walk->at, block,
                               ENVL_TAR_BLOCK_LEN, err);
}

static enum envelope_reason
count_tar(struct walk *walk, const struct envl_tar_header *header,
          struct envl_err *err)
{
    uint64_t piece = 0;

    if ((header->type != ENVL_TAR_FILE && header->type != ENVL_TAR_OLD_FILE)
        || envl_member_of_tar(header->name, &piece) != ENVL_MEMBER_PAYLOAD)
        return ENVELOPE_OK;
    if (piece != walk->pieces)
        return envl_fail(err, ENVELOPE_R_CARRIER_MEMBER,
                         "%s comes where %s.%08" PRIu64 " should", header->name,
                         ENVL_NAME_PAYLOAD, walk->pieces);
    walk->pieces++;
    walk->payload_len += header->size;
    return ENVELOPE_OK;
}

static enum envelope_reason
walk_tar(struct walk *walk, struct envl_err *err)
{
    unsigned char block[ENVL_TAR_BLOCK_LEN];
    struct envl_tar_header header;
    enum envelope_reason rc;

    for (;;) {
        if ((rc = read_block(walk, block, err)) != ENVELOPE_OK)
            return rc;
        if (is_zero(block, sizeof(block)))
            break;
        rc = envl_tar_parse(&header, block, walk->at, err);
        if (rc == ENVELOPE_OK)
            rc = count_tar(walk, &header, err);
        if (rc == ENVELOPE_OK)
            rc = skip(walk,
                      sizeof(block) + header.size
                          + envl_tar_padding(header.size),
                      err);
        if (rc != ENVELOPE_OK)
            return rc;
    }
    walk->at += sizeof(block);
    rc = read_block(walk, block, err);
    if (rc == ENVELOPE_OK && !is_zero(block, sizeof(block)))
        rc = envl_fail(err, ENVELOPE_R_CARRIER,
                       "one zero block alone at byte %" PRIu64,
                       walk->at - sizeof(block));
    return rc;
}

/* Xbstream */

static enum envelope_reason
count_xb(struct walk *walk, const struct envl_xb_header *header,
         struct envl_err *err)
{
    enum envl_member member = envl_member_of_xbstream(header->path);

    if (member > ENVL_MEMBER_PAYLOAD)
        return ENVELOPE_OK;
    if (header->type == ENVL_XB_END) {
        walk->ended[member] = true;
        return ENVELOPE_OK;
    }
    if (member == ENVL_MEMBER_PAYLOAD) {
        if (header->offset != walk->payload_len)
            return envl_fail(err, ENVELOPE_R_CARRIER_MEMBER,
                             "%s goes on at offset %" PRIu64 " where %" PRIu64
                             " should come",
                             header->path, header->offset, walk->payload_len);
        walk->payload_len += header->len;
    }
    return skip(walk, header->len, err);
}

static enum envelope_reason
walk_xb(struct walk *walk, struct envl_err *err)
{
    unsigned char start[ENVL_XB_HEADER_LEN_MAX];
    struct envl_xb_header header;
    enum envelope_reason rc = ENVELOPE_OK;
    size_t have, want;
    int i;

    while (rc == ENVELOPE_OK && walk->at < walk->size) {
        have = sizeof(start);
        if (have > walk->size - walk->at)
            have = (size_t)(walk->size - walk->at);
        rc = envl_source_read_at(&walk->source, (int64_t)walk->at, start, have,
                                 err);
        if (rc == ENVELOPE_OK && is_zero(start, have))
            break; /* what tapes pad with */
        if (rc == ENVELOPE_OK)
            rc = envl_xb_parse(&header, start, have, walk->at, &want, err);
        if (rc == ENVELOPE_OK)
            rc = skip(walk, want, err);
        if (rc == ENVELOPE_OK)
            rc = count_xb(walk, &header, err);
    }
    for (i = 0; i <= ENVL_MEMBER_PAYLOAD && rc == ENVELOPE_OK; i++) {
        if (!walk->ended[i])
            rc = envl_fail(err, ENVELOPE_R_CARRIER_TRUNCATED,
                           "it ends after %" PRIu64 " bytes, without the end "
                           "of %s",
                           walk->size, envl_member_name((enum envl_member)i));
    }
    return rc;
}

/* The face */

/* As this project lays an archive out; 0 if it is not, or not whole. */
static int
measure_fast(uint64_t *len, const struct envl_head *head,
             struct envl_source *source)
{
    size_t lead = head->kind == ENVL_TAR
                      ? ENVL_TAR_BLOCK_LEN
                      : envl_xb_header_len(ENVL_XB_PAYLOAD, ENVL_NAME_PAYLOAD);
    struct envl_layout layout = {
        .kind = head->kind,
        .header_len = head->header.prelude.header_len,
        .first_at = head->start_at - lead,
        .lead_len = lead,
        .piece_len = head->piece_len,
    };
    struct envl_random *random;
    struct envl_err ignored;

    if (head->piece_len == 0
        || envl_random_new(&random, source, &layout, &ignored) != ENVELOPE_OK)
        return 0;
    *len = envl_random_payload_len(random);
    envl_random_free(random);
    return 1;
}

enum envelope_reason
envl_measure_payload(uint64_t *len, const struct envl_head *head, int fd,
                     uint64_t size, struct envl_err *err)
{
    uint64_t header_len = head->header.prelude.header_len;
    struct walk walk = {
        .source = { .fd = fd, .size = (int64_t)size },
        .size = size,
    };
    enum envelope_reason rc;

    *len = size > header_len ? size - header_len : 0;
    if (head->kind == ENVL_RAW || measure_fast(len, head, &walk.source))
        return ENVELOPE_OK;
    rc = head->kind == ENVL_TAR ? walk_tar(&walk, err) : walk_xb(&walk, err);
    *len = walk.payload_len;
    return rc;
}

enum envelope_reason
envl_measure_text(uint64_t *text_len, uint64_t payload_len,
                  struct envl_err *err)
{
    uint64_t chunks, last;

    if (payload_len < ENVELOPE_PAYLOAD_START_LENGTH + TAG_LEN)
        return envl_fail(err, ENVELOPE_R_TRUNCATED,
                         "the payload has %" PRIu64 " bytes; the shortest one "
                         "has %d",
                         payload_len, ENVELOPE_PAYLOAD_START_LENGTH + TAG_LEN);
    payload_len -= ENVELOPE_PAYLOAD_START_LENGTH;
    chunks = payload_len / ENVELOPE_SEALED_CHUNK_LENGTH + 1;
    last = payload_len % ENVELOPE_SEALED_CHUNK_LENGTH;
    if (last < TAG_LEN)
        return envl_fail(err, ENVELOPE_R_TRUNCATED,
                         "it ends %" PRIu64 " bytes into chunk %" PRIu64
                         ", and a last chunk has %d at least",
                         last, chunks - 1, TAG_LEN);
    if (chunks > CHUNK_COUNT_MAX)
        return envl_fail(err, ENVELOPE_R_TOO_LONG, "it has %" PRIu64 " chunks",
                         chunks);
    *text_len = payload_len - chunks * TAG_LEN;
    return ENVELOPE_OK;
}

enum envl_ending
envl_measure_ending(int fd)
{
    struct envl_head head = { 0 };
    struct envl_err ignored;
    uint64_t len, text_len;
    off_t size = lseek(fd, 0, SEEK_END);
    enum envl_ending ending = ENVL_ENDING_UNKNOWN;

    if (size >= 0 && envl_head_read(&head, fd, &ignored) == ENVELOPE_OK
        && head.kind != ENVL_RAW)
        ending = envl_measure_payload(&len, &head, fd, (uint64_t)size, &ignored)
                             == ENVELOPE_OK
                         && envl_measure_text(&text_len, len, &ignored)
                                == ENVELOPE_OK
                     ? ENVL_ENDING_WHOLE
                     : ENVL_ENDING_BAD;
    envl_head_clear(&head);
    return ending;
}
