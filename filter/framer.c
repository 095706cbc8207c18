/* SPDX-License-Identifier: Apache-2.0 */
/* Raw has no frames, tar a block and padding, xbstream chunks. */
#include "filter/framer.h"

#include <stdio.h>
#include <string.h>

static size_t
xb_lead(enum envl_member member)
{
    return envl_xb_header_len(ENVL_XB_PAYLOAD, envl_member_name(member));
}

size_t
envl_framer_lead(const struct envl_framer *framer, enum envl_member member)
{
    switch (framer->kind) {
    case ENVL_TAR:
        return ENVL_TAR_BLOCK_LEN;
    case ENVL_XBSTREAM:
        return xb_lead(member);
    default:
        return 0;
    }
}

static size_t
frame_tar(struct envl_framer *framer, enum envl_member member,
          unsigned char *data, size_t len)
{
    char name[ENVL_TAR_NAME_MAX + 1];
    size_t tail = envl_tar_padding(len);

    envl_member_tar_name(name, sizeof(name), member, framer->pieces);
    envl_tar_build(data - ENVL_TAR_BLOCK_LEN, name, len, framer->mtime);
    memset(data + len, 0, tail);
    return tail;
}

static size_t
put_xb_end(unsigned char *out, const char *path)
{
    struct envl_xb_header header = { .type = ENVL_XB_END };

    (void)snprintf(header.path, sizeof(header.path), "%s", path);
    return envl_xb_build(out, &header);
}

/* The payload's end chunk comes with the end of the archive. */
static size_t
frame_xbstream(struct envl_framer *framer, enum envl_member member,
               unsigned char *data, size_t len)
{
    struct envl_xb_header header = {
        .type = ENVL_XB_PAYLOAD,
        .len = len,
        .offset = member == ENVL_MEMBER_PAYLOAD ? framer->offset : 0,
        .crc = envl_xb_crc(0, data, len),
    };

    (void)snprintf(header.path, sizeof(header.path), "%s",
                   envl_member_name(member));
    (void)envl_xb_build(data - xb_lead(member), &header);
    return member == ENVL_MEMBER_PAYLOAD ? 0
                                         : put_xb_end(data + len, header.path);
}

size_t
envl_framer_frame(struct envl_framer *framer, enum envl_member member,
                  unsigned char *data, size_t len)
{
    size_t tail = 0;

    if (framer->kind == ENVL_TAR)
        tail = frame_tar(framer, member, data, len);
    else if (framer->kind == ENVL_XBSTREAM)
        tail = frame_xbstream(framer, member, data, len);
    framer->written += envl_framer_lead(framer, member) + len + tail;
    if (member == ENVL_MEMBER_PAYLOAD) {
        framer->pieces++;
        framer->offset += len;
    }
    return tail;
}

int
envl_framer_can_go_on(const struct envl_framer *framer)
{
    return framer->kind != ENVL_TAR || framer->pieces < ENVL_PIECE_COUNT_MAX;
}

size_t
envl_framer_end(struct envl_framer *framer, unsigned char *out)
{
    size_t len = 0, over;

    if (framer->kind == ENVL_XBSTREAM) {
        len = put_xb_end(out, ENVL_NAME_PAYLOAD);
        if (framer->xbcloud > 0)
            len += put_xb_end(out + len, ENVL_NAME_XBCLOUD_1);
        if (framer->xbcloud > 0)
            len += put_xb_end(out + len, ENVL_NAME_XBCLOUD_2);
    } else if (framer->kind == ENVL_TAR) {
        len = ENVL_TAR_END_BLOCKS * ENVL_TAR_BLOCK_LEN;
        over = (size_t)((framer->written + len) % ENVL_TAR_RECORD_LEN);
        len += over > 0 ? ENVL_TAR_RECORD_LEN - over : 0;
        memset(out, 0, len);
    }
    framer->written += len;
    return len;
}
