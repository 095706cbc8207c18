/* SPDX-License-Identifier: Apache-2.0 */
/* A raw stream has no frames; a tar's frames are a block and padding; those of
 * an xbstream are the headers of chunks. */
#include "filter/carrier/writer.h"

#include <stdio.h>
#include <string.h>

static size_t
xb_lead(enum envl_member member)
{
    return envl_xb_header_len(ENVL_XB_PAYLOAD, envl_member_name(member));
}

size_t
envl_carrier_writer_lead(const struct envl_carrier_writer *writer,
                         enum envl_member member)
{
    switch (writer->kind) {
    case ENVL_TAR:
        return ENVL_TAR_BLOCK_LEN;
    case ENVL_XBSTREAM:
        return xb_lead(member);
    default:
        return 0;
    }
}

static size_t
put_xb_end(unsigned char *out, const char *path)
{
    struct envl_xb_header header = { .type = ENVL_XB_END };

    (void)snprintf(header.path, sizeof(header.path), "%s", path);
    return envl_xb_build(out, &header);
}

/* Bytes of the tail.  The payload's end chunk belongs to the archive's end. */
static size_t
tail_len(enum envl_carrier kind, enum envl_member member, size_t len)
{
    if (kind == ENVL_TAR)
        return envl_tar_padding(len);
    if (kind == ENVL_XBSTREAM && member != ENVL_MEMBER_PAYLOAD)
        return envl_xb_header_len(ENVL_XB_END, envl_member_name(member));
    return 0;
}

size_t
envl_carrier_writer_reserve(struct envl_carrier_writer *writer,
                            struct envl_frame *frame, enum envl_member member,
                            size_t len)
{
    const bool of_payload = member == ENVL_MEMBER_PAYLOAD;
    const size_t tail = tail_len(writer->kind, member, len);

    *frame = (struct envl_frame){
        .kind = writer->kind,
        .member = member,
        .piece = writer->pieces,
        .offset = of_payload ? writer->offset : 0,
        .mtime = writer->mtime,
        .len = len,
    };
    writer->written += envl_carrier_writer_lead(writer, member) + len + tail;
    writer->pieces += of_payload;
    writer->offset += of_payload ? len : 0;
    return tail;
}

static void
build_tar(const struct envl_frame *frame, unsigned char *data)
{
    char name[ENVL_TAR_NAME_MAX + 1];

    envl_member_tar_name(name, sizeof(name), frame->member, frame->piece);
    envl_tar_build(data - ENVL_TAR_BLOCK_LEN, name, frame->len, frame->mtime);
    memset(data + frame->len, 0, envl_tar_padding(frame->len));
}

static void
build_xbstream(const struct envl_frame *frame, unsigned char *data)
{
    struct envl_xb_header header = {
        .type = ENVL_XB_PAYLOAD,
        .len = frame->len,
        .offset = frame->offset,
        .crc = envl_xb_crc(0, data, frame->len),
    };

    (void)snprintf(header.path, sizeof(header.path), "%s",
                   envl_member_name(frame->member));
    (void)envl_xb_build(data - xb_lead(frame->member), &header);
    if (frame->member != ENVL_MEMBER_PAYLOAD)
        (void)put_xb_end(data + frame->len, header.path);
}

void
envl_frame_build(const struct envl_frame *frame, unsigned char *data)
{
    if (frame->kind == ENVL_TAR)
        build_tar(frame, data);
    else if (frame->kind == ENVL_XBSTREAM)
        build_xbstream(frame, data);
}

size_t
envl_carrier_writer_frame(struct envl_carrier_writer *writer,
                          enum envl_member member, unsigned char *data,
                          size_t len)
{
    struct envl_frame frame;
    size_t tail = envl_carrier_writer_reserve(writer, &frame, member, len);

    envl_frame_build(&frame, data);
    return tail;
}

int
envl_carrier_writer_can_go_on(const struct envl_carrier_writer *writer)
{
    return writer->kind != ENVL_TAR || writer->pieces < ENVL_PIECE_COUNT_MAX;
}

size_t
envl_carrier_writer_end(struct envl_carrier_writer *writer, unsigned char *out)
{
    size_t len = 0, over;

    if (writer->kind == ENVL_XBSTREAM) {
        len = put_xb_end(out, ENVL_NAME_PAYLOAD);
        if (writer->xbcloud > 0)
            len += put_xb_end(out + len, ENVL_NAME_XBCLOUD_1);
        if (writer->xbcloud > 0)
            len += put_xb_end(out + len, ENVL_NAME_XBCLOUD_2);
    } else if (writer->kind == ENVL_TAR) {
        len = ENVL_TAR_END_BLOCKS * ENVL_TAR_BLOCK_LEN;
        over = (size_t)((writer->written + len) % ENVL_TAR_RECORD_LEN);
        len += over > 0 ? ENVL_TAR_RECORD_LEN - over : 0;
        memset(out, 0, len);
    }
    writer->written += len;
    return len;
}
