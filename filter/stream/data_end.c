/* SPDX-License-Identifier: Apache-2.0 */
/* The last bytes decide, and what the headers say on the way there. */
#include "filter/stream/data_end.h"

#include <string.h>

#include <envelope/envelope.h>

static void
add_to_tail(struct envl_data_end *end, const unsigned char *p, size_t len)
{
    size_t keep = sizeof(end->tail);

    if (len > keep) {
        p += len - keep;
        len = keep;
    }
    keep -= len;
    if (keep > end->tail_len)
        keep = end->tail_len;
    memmove(end->tail, end->tail + end->tail_len - keep, keep);
    memcpy(end->tail + keep, p, len);
    end->tail_len = keep + len;
}

/* Where a byte of the slot's data is: between two chunks there is room for a
 * tag. */
static const unsigned char *
at(const struct envl_slot *slot, size_t offset)
{
    return slot->batch
           + offset / ENVELOPE_CHUNK_LENGTH * ENVELOPE_SEALED_CHUNK_LENGTH
           + offset % ENVELOPE_CHUNK_LENGTH;
}

/* Copy the last bytes of the data.  They are fewer than a chunk's, so they are
 * in the last two chunks. */
static void
note_tail(struct envl_data_end *end, const struct envl_slot *slot)
{
    const size_t rest = slot->have % ENVELOPE_CHUNK_LENGTH;
    const size_t whole = slot->have - rest;

    if (whole > 0)
        add_to_tail(end, at(slot, whole - ENVELOPE_CHUNK_LENGTH),
                    ENVELOPE_CHUNK_LENGTH);
    add_to_tail(end, at(slot, whole), rest);
}

/* A block of a tar does not lie across chunks, and a slot begins with a chunk. */
static void
walk_tar(struct envl_data_end *end, const struct envl_slot *slot)
{
    struct envl_tar_walk *walk = &end->tar;
    const uint64_t begin = end->size - slot->have;

    while (!walk->lost && walk->next < end->size
           && end->size - walk->next >= ENVL_TAR_BLOCK_LEN)
        envl_tar_walk_on(walk, at(slot, (size_t)(walk->next - begin)));
}

static void
walk_xbstream(struct envl_data_end *end, const struct envl_slot *slot)
{
    size_t offset, len;

    for (offset = 0; offset < slot->have; offset += len) {
        len = slot->have - offset;
        if (len > ENVELOPE_CHUNK_LENGTH)
            len = ENVELOPE_CHUNK_LENGTH;
        envl_xb_walk_on(&end->xbstream, at(slot, offset), len);
    }
}

bool
envl_data_end_init(struct envl_data_end *end, const unsigned char *p,
                   size_t len)
{
    *end = (struct envl_data_end){ .kind = envl_carrier_kind_of(p, len),
                                   .send = envl_send_kind_of(p, len) };
    return end->kind != ENVL_RAW || end->send != ENVL_SEND_NONE;
}

void
envl_data_end_note(struct envl_data_end *end, const struct envl_slot *slot)
{
    end->size += slot->have;
    note_tail(end, slot);
    if (end->kind == ENVL_TAR)
        walk_tar(end, slot);
    else if (end->kind == ENVL_XBSTREAM)
        walk_xbstream(end, slot);
}

const char *
envl_data_end_lacks(const struct envl_data_end *end)
{
    bool has_end;

    if (end->kind == ENVL_RAW)
        return envl_send_lacks(end->send, end->tail, end->tail_len);
    has_end =
        envl_carrier_has_end(end->kind, end->tail, end->tail_len, end->size);
    if (end->kind == ENVL_TAR)
        return has_end && envl_tar_walk_at_end(&end->tar, end->size)
                   ? NULL
                   : "a tar ends with two blocks of zeros";
    if (!has_end)
        return "an xbstream ends where its last file is closed";
    return envl_xb_walk_is_whole(&end->xbstream)
               ? NULL
               : "a backup of mariabackup or XtraBackup ends with the file "
                 "xtrabackup_info";
}
