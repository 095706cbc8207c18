/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a tar: header blocks, members, and the two zero blocks at the end. */
#include <inttypes.h>
#include <stdio.h>

#include "filter/carrier/pax.h"
#include "filter/carrier/reader_impl.h"

enum { AT_BLOCK, AT_PAX, AT_DATA, AT_PADDING, AT_SECOND_ZERO, AT_TRAILING };

static int
fail(struct envl_err *err, enum envelope_reason reason, const char *name,
     const char *what)
{
    (void)envl_fail(err, reason, "%s: %s", name, what);
    return ENVL_STEP_FAIL;
}

/* Begin a piece of the payload, which must be the next one. */
static int
begin_piece(struct envl_carrier_reader *reader, uint64_t piece,
            struct envl_err *err)
{
    struct envl_reassembly *members = &reader->members;

    if (piece != members->pieces) {
        (void)envl_fail(err, ENVELOPE_R_CARRIER_MEMBER,
                        "%s comes where %s.%08" PRIu64 " should", reader->name,
                        ENVL_NAME_PAYLOAD, members->pieces);
        return ENVL_STEP_FAIL;
    }
    if (piece == 0 && members->ended[ENVL_MEMBER_HEADER]
        && members->ended[ENVL_MEMBER_KEY]) {
        reader->has_map = true;
        reader->map.header_len = members->stream_header_len;
        reader->map.first_at = reader->at - ENVL_TAR_BLOCK_LEN;
        reader->map.lead_len = ENVL_TAR_BLOCK_LEN;
        reader->map.piece_len = reader->left;
    }
    members->pieces++;
    return ENVL_STEP_AGAIN;
}

static int
begin_file(struct envl_carrier_reader *reader, struct envl_err *err)
{
    uint64_t piece = 0;

    reader->member = envl_member_of_tar(reader->name, &piece);
    if (reader->member >= ENVL_MEMBER_IGNORED)
        return fail(err, ENVELOPE_R_CARRIER_MEMBER, reader->name,
                    "no member of an envelope");
    if (reader->left == 0)
        return fail(err, ENVELOPE_R_CARRIER_MEMBER, reader->name, "is empty");
    reader->state = AT_DATA;
    if (reader->member == ENVL_MEMBER_PAYLOAD)
        return begin_piece(reader, piece, err);
    if (reader->members.ended[reader->member])
        return fail(err, ENVELOPE_R_CARRIER_MEMBER, reader->name,
                    "comes a second time");
    envl_note_place(reader, 0, reader->left);
    return envl_reassembly_check_len(&reader->members, reader->member,
                                     reader->left, err)
                   == ENVELOPE_OK
               ? ENVL_STEP_AGAIN
               : ENVL_STEP_FAIL;
}

/* Begin the member whose header block is in buf. */
static int
begin_member(struct envl_carrier_reader *reader, struct envl_err *err)
{
    struct envl_tar_header header;
    uint64_t ignored;

    if (envl_tar_parse(&header, reader->buf, reader->at - ENVL_TAR_BLOCK_LEN,
                       err)
        != ENVELOPE_OK)
        return ENVL_STEP_FAIL;
    (void)snprintf(reader->name, sizeof(reader->name), "%s", header.name);
    reader->left = header.size;
    reader->padding = envl_tar_padding(header.size);
    switch (header.type) {
    case ENVL_TAR_FILE:
    case ENVL_TAR_OLD_FILE:
        return begin_file(reader, err);
    case ENVL_TAR_PAX:
    case ENVL_TAR_PAX_GLOBAL:
        reader->state = AT_PAX;
        return header.size <= ENVL_PAX_LEN_MAX
                   ? ENVL_STEP_AGAIN
                   : fail(err, ENVELOPE_R_CARRIER, reader->name,
                          "a pax header of more than 65536 bytes");
    case ENVL_TAR_DIRECTORY:
        if (envl_member_of_tar(reader->name, &ignored) != ENVL_MEMBER_IGNORED)
            return fail(err, ENVELOPE_R_CARRIER_MEMBER, reader->name,
                        "no member of an envelope");
        return header.size == 0 ? ENVL_STEP_AGAIN
                                : fail(err, ENVELOPE_R_CARRIER, reader->name,
                                       "a directory with a size");
    default:
        return fail(err, ENVELOPE_R_CARRIER, reader->name,
                    "an entry of a type that no envelope has");
    }
}

static int
on_block(struct envl_carrier_reader *reader, struct envl_err *err)
{
    reader->have = 0;
    if (!envl_is_zero(reader->buf, ENVL_TAR_BLOCK_LEN))
        return begin_member(reader, err);
    reader->state = AT_SECOND_ZERO;
    return ENVL_STEP_AGAIN;
}

static int
on_pax(struct envl_carrier_reader *reader, struct envl_err *err)
{
    bool harmless =
        envl_pax_is_harmless((const char *)reader->buf, reader->have);

    reader->have = 0;
    reader->left = 0;
    reader->state = AT_PADDING;
    return harmless ? ENVL_STEP_AGAIN
                    : fail(err, ENVELOPE_R_CARRIER, reader->name,
                           "a pax header that changes a member");
}

static int
on_second_zero(struct envl_carrier_reader *reader, struct envl_err *err)
{
    if (!envl_is_zero(reader->buf, ENVL_TAR_BLOCK_LEN)) {
        (void)envl_fail(err, ENVELOPE_R_CARRIER,
                        "a zero block at byte %" PRIu64
                        " is followed by another kind of block",
                        reader->at - 2 * ENVL_TAR_BLOCK_LEN);
        return ENVL_STEP_FAIL;
    }
    reader->have = 0;
    reader->state = AT_TRAILING;
    reader->members.ended[ENVL_MEMBER_PAYLOAD] = reader->members.pieces > 0;
    return ENVL_STEP_AGAIN;
}

static int
on_data_end(struct envl_carrier_reader *reader, struct envl_err *err)
{
    reader->state = AT_PADDING;
    if (reader->member == ENVL_MEMBER_PAYLOAD)
        return ENVL_STEP_AGAIN;
    return envl_reassembly_end(&reader->members, reader->member, err)
                   == ENVELOPE_OK
               ? ENVL_STEP_AGAIN
               : ENVL_STEP_FAIL;
}

static int
on_padding(struct envl_carrier_reader *reader, struct envl_err *err)
{
    bool zero = envl_is_zero(reader->buf, reader->have);

    reader->have = 0;
    reader->state = AT_BLOCK;
    return zero ? ENVL_STEP_AGAIN
                : fail(err, ENVELOPE_R_CARRIER, reader->name,
                       "the padding after it is not zero");
}

int
envl_tar_step(struct envl_carrier_reader *reader, struct envl_input *in,
              const unsigned char **span, size_t *len, struct envl_err *err)
{
    switch (reader->state) {
    case AT_BLOCK:
        if (envl_gather(reader, in, ENVL_TAR_BLOCK_LEN))
            return on_block(reader, err);
        break;
    case AT_PAX:
        if (envl_gather(reader, in, (size_t)reader->left))
            return on_pax(reader, err);
        break;
    case AT_DATA:
        if (reader->left == 0)
            return on_data_end(reader, err);
        return envl_member_data(reader, in, span, len, err);
    case AT_PADDING:
        if (envl_gather(reader, in, reader->padding))
            return on_padding(reader, err);
        break;
    case AT_SECOND_ZERO:
        if (envl_gather(reader, in, ENVL_TAR_BLOCK_LEN))
            return on_second_zero(reader, err);
        break;
    default:
        return envl_trailing(reader, in, err);
    }
    return envl_need_input(reader, in, err);
}

void
envl_tar_stand_behind(struct envl_carrier_reader *reader, uint64_t len)
{
    reader->state = AT_PADDING;
    reader->padding = envl_tar_padding(len);
}
