/* SPDX-License-Identifier: Apache-2.0 */
/* Recognises the kind of a carrier; and functions that all kinds share. */
#include "filter/carrier/reader.h"

#include <inttypes.h>
#include <string.h>

#include <openssl/crypto.h>

#include "filter/carrier/reader_impl.h"
#include "lib/header/header.h"

/* Recognition */

static int
is_our_xbstream(const unsigned char *in, size_t len)
{
    char path[ENVL_MEMBER_NAME_MAX + 1];

    return envl_xb_path(path, in, len)
           && envl_member_of_xbstream(path) != ENVL_MEMBER_FOREIGN;
}

/* In an archive that was packed again, directories and pax headers may come
 * first. */
static int
is_our_tar(const unsigned char *in, size_t len)
{
    struct envl_tar_header header;
    struct envl_err ignored;
    enum envl_member member;
    uint64_t piece, skip;

    for (; len >= ENVL_TAR_BLOCK_LEN; in += skip, len -= (size_t)skip) {
        if (envl_tar_parse(&header, in, 0, &ignored) != ENVELOPE_OK)
            return 0;
        member = envl_member_of_tar(header.name, &piece);
        skip = ENVL_TAR_BLOCK_LEN;
        if (header.type == ENVL_TAR_PAX || header.type == ENVL_TAR_PAX_GLOBAL)
            skip += header.size + envl_tar_padding(header.size);
        else if (header.type != ENVL_TAR_DIRECTORY
                 || member != ENVL_MEMBER_IGNORED)
            return member < ENVL_MEMBER_IGNORED;
        if (skip > len)
            return 0;
    }
    return 0;
}

int
envl_carrier_recognise(enum envl_carrier *kind, const unsigned char *in,
                       size_t len)
{
    struct envl_err ignored;

    if (len >= ENVL_MAGIC_LEN
        && envl_prelude_check_magic(in, ENVL_MAGIC_LEN, &ignored)
               == ENVELOPE_OK)
        *kind = ENVL_RAW;
    else if (is_our_xbstream(in, len))
        *kind = ENVL_XBSTREAM;
    else if (is_our_tar(in, len))
        *kind = ENVL_TAR;
    else
        return 0;
    return 1;
}

enum envl_carrier
envl_carrier_kind_of(const unsigned char *in, size_t len)
{
    struct envl_tar_header header;
    struct envl_err ignored;

    if (len >= ENVL_XB_MAGIC_LEN
        && memcmp(in, ENVL_XB_MAGIC, ENVL_XB_MAGIC_LEN) == 0)
        return ENVL_XBSTREAM;
    if (len >= ENVL_TAR_BLOCK_LEN
        && envl_tar_parse(&header, in, 0, &ignored) == ENVELOPE_OK)
        return ENVL_TAR;
    return ENVL_RAW;
}

bool
envl_carrier_has_end(enum envl_carrier kind, const unsigned char *tail,
                     size_t len, uint64_t size)
{
    switch (kind) {
    case ENVL_TAR:
        return size % ENVL_TAR_BLOCK_LEN == 0 && envl_tar_has_end(tail, len);
    case ENVL_XBSTREAM:
        return envl_xb_has_end(tail, len);
    default:
        return true;
    }
}

/* Readers */

struct envl_carrier_reader *
envl_carrier_reader_new(enum envl_carrier kind)
{
    struct envl_carrier_reader *reader =
        ENVL_QUIETLY(OPENSSL_zalloc(sizeof(*reader)));

    if (reader != NULL)
        reader->kind = reader->map.kind = kind;
    return reader;
}

void
envl_carrier_reader_free(struct envl_carrier_reader *reader)
{
    if (reader == NULL)
        return;
    envl_reassembly_clear(&reader->members);
    OPENSSL_free(reader);
}

static int
raw_step(struct envl_carrier_reader *reader, struct envl_input *in,
         const unsigned char **span, size_t *len)
{
    if (in->len == 0)
        return in->ended ? ENVL_STEP_END : ENVL_STEP_INPUT;
    *span = in->p;
    *len = in->len;
    envl_take(reader, in, in->len);
    return ENVL_STEP_OUTPUT;
}

enum envl_step
envl_carrier_next(struct envl_carrier_reader *reader, struct envl_input *in,
                  const unsigned char **span, size_t *len, struct envl_err *err)
{
    int step = ENVL_STEP_AGAIN;

    while (step == ENVL_STEP_AGAIN) {
        if (reader->kind == ENVL_RAW)
            step = raw_step(reader, in, span, len);
        else if (!envl_reassembly_passes(&reader->members)
                 && envl_reassembly_give(&reader->members, span, len))
            step = ENVL_STEP_OUTPUT;
        else if (reader->kind == ENVL_TAR)
            step = envl_tar_step(reader, in, span, len, err);
        else
            step = envl_xbstream_step(reader, in, span, len, err);
    }
    return (enum envl_step)step;
}

size_t
envl_carrier_waiting(const struct envl_carrier_reader *reader)
{
    return envl_reassembly_waiting(&reader->members);
}

int
envl_carrier_map(const struct envl_carrier_reader *reader, uint64_t header_len,
                 struct envl_map *map)
{
    *map = reader->map;
    if (reader->kind == ENVL_RAW) {
        map->header_len = map->first_at = header_len;
        return 1;
    }
    return reader->has_map && map->header_len == header_len;
}

int
envl_carrier_place(const struct envl_carrier_reader *reader,
                   enum envl_member member, struct envl_place *place)
{
    *place = reader->places[member];
    return place->len > 0;
}

bool
envl_carrier_is_for_xbcloud(const struct envl_carrier_reader *reader)
{
    return reader->for_xbcloud;
}

/* Shared by the kinds */

void
envl_note_place(struct envl_carrier_reader *reader, uint64_t offset,
                uint64_t len)
{
    const struct envl_place whole = { reader->at, len }, none = { 0, 0 };

    if (reader->member < ENVL_MEMBER_PAYLOAD)
        reader->places[reader->member] = offset == 0 ? whole : none;
}

void
envl_take(struct envl_carrier_reader *reader, struct envl_input *in, size_t n)
{
    envl_input_take(in, n);
    reader->at += n;
}

bool
envl_gather(struct envl_carrier_reader *reader, struct envl_input *in,
            size_t want)
{
    size_t n = want - reader->have;

    if (n > in->len)
        n = in->len;
    if (n > 0)
        memcpy(reader->buf + reader->have, in->p, n);
    reader->have += n;
    envl_take(reader, in, n);
    return reader->have == want;
}

int
envl_need_input(const struct envl_carrier_reader *reader,
                const struct envl_input *in, struct envl_err *err)
{
    if (!in->ended)
        return ENVL_STEP_INPUT;
    (void)envl_fail(err, ENVELOPE_R_CARRIER_TRUNCATED,
                    "it ends after %" PRIu64 " bytes%s%s%s", reader->at,
                    reader->left > 0 ? ", inside " : "",
                    reader->left > 0 ? reader->name : "",
                    reader->left > 0   ? ""
                    : reader->have > 0 ? ", inside a header"
                                       : ", without its mark of the end");
    return ENVL_STEP_FAIL;
}

/* Count payload that is not read; its CRC-32 is not checked. */
static int
pass_over(struct envl_carrier_reader *reader, struct envl_input *in,
          struct envl_err *err)
{
    struct envl_reassembly *members = &reader->members;
    uint64_t there = reader->size - reader->at;
    uint64_t n = reader->left < there ? reader->left : there;

    if (n == 0)
        return envl_need_input(reader, in, err);
    if (!envl_reassembly_passes(members)
        && envl_reassembly_check_len(members, reader->member, n, err)
               != ENVELOPE_OK)
        return ENVL_STEP_FAIL;
    members->payload_len += n;
    reader->at += n;
    reader->left -= n;
    reader->crc = reader->should_crc;
    envl_input_take(in, n < in->len ? (size_t)n : in->len);
    return ENVL_STEP_AGAIN;
}

int
envl_member_data(struct envl_carrier_reader *reader, struct envl_input *in,
                 const unsigned char **span, size_t *len, struct envl_err *err)
{
    size_t n = in->len < reader->left ? in->len : (size_t)reader->left;
    struct envl_reassembly *members = &reader->members;
    const unsigned char *p = in->p;

    if (reader->passes && reader->member == ENVL_MEMBER_PAYLOAD)
        return pass_over(reader, in, err);
    if (n == 0)
        return envl_need_input(reader, in, err);
    envl_take(reader, in, n);
    reader->left -= n;
    if (reader->kind == ENVL_XBSTREAM)
        reader->crc = envl_xb_crc(reader->crc, p, n);
    if (reader->member == ENVL_MEMBER_PAYLOAD
        && envl_reassembly_passes(members)) {
        members->payload_len += n;
        *span = p;
        *len = n;
        return ENVL_STEP_OUTPUT;
    }
    return envl_reassembly_put(members, reader->member, p, n, err)
                   == ENVELOPE_OK
               ? ENVL_STEP_AGAIN
               : ENVL_STEP_FAIL;
}

int
envl_trailing(struct envl_carrier_reader *reader, struct envl_input *in,
              struct envl_err *err)
{
    reader->trailing += in->len;
    if (!envl_is_zero(in->p, in->len)
        || reader->trailing > ENVL_TRAILING_LEN_MAX) {
        (void)envl_fail(err, ENVELOPE_R_CARRIER,
                        "something follows the end of the archive, near byte "
                        "%" PRIu64,
                        reader->at);
        return ENVL_STEP_FAIL;
    }
    envl_take(reader, in, in->len);
    if (!in->ended)
        return ENVL_STEP_INPUT;
    return envl_reassembly_check(&reader->members, err) == ENVELOPE_OK
               ? ENVL_STEP_END
               : ENVL_STEP_FAIL;
}
