/* SPDX-License-Identifier: Apache-2.0 */
/* A stream's bytes are read straight to their places in a slot.  Records, and
 * bytes that were read ahead, come in blocks and are copied. */
#include "filter/stream/descriptors.h"

#include <errno.h>

/* Places to read into at once. */
#define PARTS ENVL_SLOT_CHUNKS

/* Bytes of a record in the output: tar's default blocking factor. */
#define RECORD_LEN 10240

/* Reading */

void
envl_inlet_init(struct envl_inlet *in, int fd)
{
    envl_source_init(&in->own_source, fd, 0);
    envl_source_find_records(&in->own_source);
    in->source = &in->own_source;
}

void
envl_inlet_clear(struct envl_inlet *in)
{
    envl_source_clear(&in->own_source);
}

void
envl_inlet_begin(struct envl_inlet *in, const struct envl_stop *stop)
{
    if (in->source != NULL && in->source->fd >= 0
        && envl_fd_blocks(in->source->fd))
        in->source->stop = stop;
}

void
envl_inlet_end(struct envl_inlet *in)
{
    if (in->source != NULL)
        in->source->stop = NULL;
}

static bool
comes_in_blocks(const struct envl_inlet *in)
{
    return in->block_len > 0 || in->source->record_len > 0
           || envl_source_pending(in->source);
}

/* Get the next block, or read bytes into the slot; returns the number of bytes
 * that are in the slot now. */
static size_t
read_some(struct envl_inlet *in, struct envl_codec *codec,
          struct envl_slot *slot)
{
    struct iovec parts[PARTS];
    unsigned count = envl_codec_room(codec, slot, parts, PARTS);
    bool in_blocks = comes_in_blocks(in);
    enum envelope_reason rc;
    size_t len = 0;

    errno = 0;
    rc = in_blocks ? envl_source_next(in->source, &in->block, &len, &in->err)
                   : envl_fd_read_vec(in->source->fd, in->source->stop, parts,
                                      count, &len, &in->err);
    in->error = errno;
    in->ended = rc == ENVELOPE_OK && len == 0;
    in->taken += len;
    if (in_blocks)
        in->block_len = len;
    return in_blocks ? 0 : len;
}

/* Is the slot filled?  Input of a stream does not wait for more. */
static bool
is_filled(const struct envl_inlet *in, struct envl_codec *codec,
          struct envl_slot *slot)
{
    return comes_in_blocks(in) ? envl_codec_is_full(codec, slot)
                               : envl_codec_is_ready(codec, slot);
}

/* Fill a slot, or fill it in part if the input ends. */
void
envl_inlet_fill(struct envl_inlet *in, struct envl_codec *codec,
                struct envl_slot *slot)
{
    size_t len;

    envl_codec_begin(codec, slot);
    while (!in->ended && in->err.reason == ENVELOPE_OK
           && !is_filled(in, codec, slot)) {
        if (in->block_len == 0) {
            envl_codec_put(codec, slot, read_some(in, codec, slot));
            continue;
        }
        len = envl_codec_copy(codec, slot, in->block, in->block_len);
        in->block += len;
        in->block_len -= len;
    }
    if (in->err.reason == ENVELOPE_OK || envl_codec_is_ready(codec, slot)) {
        envl_codec_close(codec, slot, in->ended);
    } else {
        envl_slot_fail(slot, &in->err);
        slot->error = in->error;
    }
}

/* Writing */

int
envl_outlet_init(struct envl_outlet *out, int fd)
{
    out->fd = fd;
    envl_fd_out_init(&out->to, fd, NULL);
    out->blocks = &out->own_blocks;
    if (fd < 0 || !envl_fd_has_records(fd))
        return 1;
    out->blocks->size = RECORD_LEN;
    out->blocks->multiple = 1;
    return envl_blocks_hold(out->blocks);
}

void
envl_outlet_clear(struct envl_outlet *out)
{
    envl_blocks_clear(&out->own_blocks);
}

void
envl_outlet_begin(struct envl_outlet *out, const struct envl_stop *stop)
{
    if (out->fd >= 0)
        envl_fd_out_init(&out->to, out->fd, stop);
}

void
envl_outlet_end_writing(struct envl_outlet *out)
{
    if (out->fd >= 0)
        envl_fd_out_clear(&out->to);
}

enum envelope_reason
envl_outlet_put(struct envl_outlet *out, const unsigned char *p, size_t len,
                struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    const unsigned char *block;
    size_t n;

    while (rc == ENVELOPE_OK
           && (n = envl_blocks_next(out->blocks, &p, &len, &block)) > 0)
        rc = envl_fd_out_put(&out->to, block, n, err);
    return rc;
}

enum envelope_reason
envl_outlet_end(struct envl_outlet *out, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    const unsigned char *block;
    size_t n;

    while (rc == ENVELOPE_OK && (n = envl_blocks_end(out->blocks, &block)) > 0)
        rc = envl_fd_out_put(&out->to, block, n, err);
    return rc;
}

/* Write a slot in blocks; the end is not padded after a failure. */
static enum envelope_reason
write_blocks(struct envl_outlet *out, const struct envl_slot *slot,
             struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    unsigned i;

    for (i = 0; rc == ENVELOPE_OK && i < slot->span_count; i++)
        rc = envl_outlet_put(out, slot->spans[i].iov_base,
                             slot->spans[i].iov_len, err);
    if (slot->last && slot->err.reason != ENVELOPE_OK)
        out->blocks->multiple = 1;
    return rc == ENVELOPE_OK && slot->last ? envl_outlet_end(out, err) : rc;
}

enum envelope_reason
envl_outlet_write(struct envl_outlet *out, struct envl_slot *slot,
                  struct envl_err *err)
{
    enum envelope_reason rc;

    if (out->sums != NULL) /* made while the slot is written */
        envl_sums_add(out->sums, slot->payload, slot->rest);
    rc = out->blocks->size > 0
             ? write_blocks(out, slot, err)
             : envl_fd_out_write_quietly(&out->to, slot->spans,
                                         slot->span_count, err);
    if (rc == ENVELOPE_OK && atomic_load(&out->to_disk))
        envl_fd_begin_to_disk(out->fd);
    if (out->sums != NULL)
        envl_sums_wait(out->sums);
    return rc;
}
