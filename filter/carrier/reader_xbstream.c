/* SPDX-License-Identifier: Apache-2.0 */
/* Reads an xbstream: chunks of files, in any order of files. */
#include <inttypes.h>
#include <stdio.h>

#include "filter/carrier/reader_impl.h"

enum { AT_HEADER, AT_DATA, AT_TRAILING }; /* after data: AT_HEADER */

static int
fail_chunk(struct envl_err *err, enum envelope_reason reason,
           const struct envl_xb_header *header, const char *what)
{
    (void)envl_fail(err, reason, "%s: %s at offset %" PRIu64, header->path,
                    what, header->type == ENVL_XB_PAYLOAD ? header->offset : 0);
    return ENVL_STEP_FAIL;
}

static int
end_file(struct envl_carrier_reader *reader, struct envl_err *err)
{
    if (reader->member == ENVL_MEMBER_IGNORED) {
        reader->for_xbcloud = true;
        return ENVL_STEP_AGAIN;
    }
    return envl_reassembly_end(&reader->members, reader->member, err)
                   == ENVELOPE_OK
               ? ENVL_STEP_AGAIN
               : ENVL_STEP_FAIL;
}

/* Make the map from the first chunk of the payload. */
static void
note_map(struct envl_carrier_reader *reader,
         const struct envl_xb_header *header)
{
    const struct envl_reassembly *members = &reader->members;

    if (reader->member != ENVL_MEMBER_PAYLOAD || header->offset != 0
        || header->len == 0 || !members->ended[ENVL_MEMBER_HEADER]
        || !members->ended[ENVL_MEMBER_KEY])
        return;
    reader->has_map = true;
    reader->map.header_len = members->stream_header_len;
    reader->map.lead_len = envl_xb_header_len(ENVL_XB_PAYLOAD, header->path);
    reader->map.first_at = reader->at - reader->map.lead_len;
    reader->map.piece_len = header->len;
}

static int
begin_chunk(struct envl_carrier_reader *reader,
            const struct envl_xb_header *header, struct envl_err *err)
{
    struct envl_reassembly *members = &reader->members;

    (void)snprintf(reader->name, sizeof(reader->name), "%s", header->path);
    reader->member = envl_member_of_xbstream(header->path);
    if (header->type == ENVL_XB_END)
        return end_file(reader, err);
    if (reader->member == ENVL_MEMBER_IGNORED)
        return header->len == 0
                   ? ENVL_STEP_AGAIN
                   : fail_chunk(err, ENVELOPE_R_CARRIER_MEMBER, header,
                                "should be empty, has data");
    if (members->ended[reader->member])
        return fail_chunk(err, ENVELOPE_R_CARRIER_MEMBER, header,
                          "a chunk comes after the end of the file,");
    if (header->offset != envl_reassembly_len(members, reader->member)) {
        (void)envl_fail(err, ENVELOPE_R_CARRIER_MEMBER,
                        "%s: the chunk at offset %" PRIu64
                        " comes where that at %" PRIu64 " should",
                        header->path, header->offset,
                        envl_reassembly_len(members, reader->member));
        return ENVL_STEP_FAIL;
    }
    if (reader->member != ENVL_MEMBER_PAYLOAD
        && envl_reassembly_check_len(members, reader->member, header->len, err)
               != ENVELOPE_OK)
        return ENVL_STEP_FAIL;
    note_map(reader, header);
    envl_note_place(reader, header->offset, header->len);
    reader->left = header->len;
    reader->crc = 0;
    reader->should_crc = header->crc;
    reader->state = AT_DATA;
    return ENVL_STEP_AGAIN;
}

static int
on_data_end(struct envl_carrier_reader *reader, struct envl_err *err)
{
    reader->state = AT_HEADER;
    if (reader->crc == reader->should_crc)
        return ENVL_STEP_AGAIN;
    (void)envl_fail(
        err, ENVELOPE_R_CARRIER,
        "%s: the chunk that ends at offset %" PRIu64 " has a wrong CRC",
        reader->name, envl_reassembly_len(&reader->members, reader->member));
    return ENVL_STEP_FAIL;
}

/* After a chunk come another chunk, the end, or zero bytes after the end. */
static int
at_header(struct envl_carrier_reader *reader, struct envl_input *in,
          struct envl_err *err)
{
    struct envl_xb_header header;
    size_t want = 0;

    if (reader->have == 0
        && ((in->len == 0 && in->ended) || (in->len > 0 && *in->p == 0))) {
        reader->state = AT_TRAILING;
        return ENVL_STEP_AGAIN;
    }
    do {
        if (envl_xb_parse(&header, reader->buf, reader->have,
                          reader->at - reader->have, &want, err)
            != ENVELOPE_OK)
            return ENVL_STEP_FAIL;
        if (want <= reader->have) {
            reader->have = 0;
            return begin_chunk(reader, &header, err);
        }
    } while (envl_gather(reader, in, want));
    return envl_need_input(reader, in, err);
}

int
envl_xbstream_step(struct envl_carrier_reader *reader, struct envl_input *in,
                   const unsigned char **span, size_t *len,
                   struct envl_err *err)
{
    switch (reader->state) {
    case AT_HEADER:
        return at_header(reader, in, err);
    case AT_DATA:
        if (reader->left == 0)
            return on_data_end(reader, err);
        return envl_member_data(reader, in, span, len, err);
    default:
        return envl_trailing(reader, in, err);
    }
}
