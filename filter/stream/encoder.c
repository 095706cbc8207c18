/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plaintext is read to the place in the frame where it is encrypted.  A slot
 * has room for the lead, then the frame's data, then the rest of the last
 * chunk, with which the next frame begins.
 */
#include "filter/stream/encoder.h"

#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "filter/carrier/reader.h"
#include "filter/carrier/tar.h"
#include "filter/carrier/writer.h"
#include "filter/stream/data_end.h"
#include "filter/stream/sealed.h"
#include "filter/stream/sums.h"
#include "lib/header/header.h"

/* Bytes by which the kind of the data is recognised: a tar's block. */
#define PEEK_LEN ENVL_TAR_BLOCK_LEN

enum state {
    AT_PEEK, /* the data's first bytes decide on the carrier */
    AT_HEAD, /* the header's members are written */
    AT_DATA, /* a frame of the payload is filled */
    AT_FINAL /* the data has ended: only frames are left to write */
};

struct envl_encoder {
    struct envl_cipher *cipher;
    struct envl_carrier_writer writer;
    enum state state;
    size_t piece_len;

    unsigned char *head; /* the header, and the first bytes of the payload;
                          * freed when it was written, unless there are sums */
    size_t head_len, header_len, key_at;

    unsigned char peek[PEEK_LEN];
    size_t peek_len;

    struct envl_sums *sums; /* NULL: nobody wants them */

    bool wants_end;     /* the data is an archive, which has an end */
    const char *dashes; /* of the options, for a message */
    envl_confirm_fn *confirm_end;
    void *confirm_arg;
    const struct envl_stop *stop;
    uint64_t size; /* bytes of the data so far */
    struct envl_data_end end;

    size_t want; /* chunks that the current slot takes */
    unsigned char carry[ENVL_SLACK_LEN];
    size_t carry_len; /* bytes that begin the next frame */
};

/* The header's members are laid side by side in one buffer. */
static size_t
head_size_max(void)
{
    return ENVL_HEADER_LEN_MAX + 2 * (ENVL_FRAME_LEAD_MAX + ENVL_FRAME_TAIL_MAX)
           + 2 * ENVL_TAR_BLOCK_LEN;
}

size_t
envl_encoder_slot_size(const struct envl_encoder *encoder)
{
    /* A chunk may lie across the end of the piece.  The last chunk may follow,
     * whose length is bounded by the cipher's slack. */
    size_t len =
        encoder->state == AT_PEEK && encoder->piece_len < ENVL_SLOT_SEALED_LEN
            ? ENVL_SLOT_SEALED_LEN
            : encoder->piece_len;
    size_t size = ENVL_FRAME_LEAD_MAX + len
                  + 2 * (size_t)ENVELOPE_SEALED_CHUNK_LENGTH + ENVL_SLACK_LEN
                  + ENVL_FRAME_TAIL_MAX + ENVL_FRAME_END_MAX;

    return size > head_size_max() ? size : head_size_max();
}

/* The number of data bytes after which a frame ends. */
static size_t
limit_of(const struct envl_encoder *encoder)
{
    return encoder->writer.kind == ENVL_RAW ? SIZE_MAX : encoder->piece_len;
}

void
envl_encoder_set_stop(struct envl_encoder *encoder,
                      const struct envl_stop *stop)
{
    encoder->stop = stop;
}

struct envl_cipher *
envl_encoder_session(const struct envl_encoder *encoder)
{
    return encoder->cipher;
}

/* Updates of no bytes make the header and return it, ENVL_SLACK_LEN bytes at a
 * time. */
static enum envelope_reason
make_head(struct envl_encoder *encoder, bool wants_sums, struct envl_err *err)
{
    size_t size = ENVL_HEADER_LEN_MAX + 2 * ENVL_SLACK_LEN, n = 1;
    enum envelope_reason rc = ENVELOPE_OK;
    struct envl_header header;

    if ((encoder->head = ENVL_QUIETLY(OPENSSL_malloc(size))) == NULL)
        return envl_fail_memory(err);
    while (rc == ENVELOPE_OK && n > 0) {
        rc = envl_cipher_update(encoder->cipher,
                                encoder->head + encoder->head_len, &n,
                                encoder->carry, 0, err);
        encoder->head_len += n;
    }
    header.bytes = encoder->head;
    if (rc == ENVELOPE_OK)
        rc = envl_prelude_parse(&header.prelude, encoder->head, err);
    if (rc == ENVELOPE_OK) {
        encoder->header_len = header.prelude.header_len;
        encoder->key_at = envl_prelude_key_envelope_at(&header.prelude);
    }
    if (rc == ENVELOPE_OK && wants_sums)
        rc = envl_sums_new(&encoder->sums, ENVL_SUM_COUNT, &header, err);
    return rc;
}

enum envelope_reason
envl_encoder_new(struct envl_encoder **out, const struct envl_options *options,
                 struct envl_err *err)
{
    struct envl_encoder *encoder =
        ENVL_QUIETLY(OPENSSL_zalloc(sizeof(*encoder)));
    enum envelope_reason rc;

    *out = NULL;
    if (encoder == NULL)
        return envl_fail_memory(err);
    encoder->state = options->carrier == ENVL_AUTO ? AT_PEEK : AT_HEAD;
    encoder->wants_end = options->any_end <= 0;
    encoder->dashes = options->dashes;
    encoder->confirm_end = options->confirm_end;
    encoder->confirm_arg = options->confirm_arg;
    encoder->writer = (struct envl_carrier_writer){
        .kind = options->carrier,
        .xbcloud = options->xbcloud > 0,
        .mtime = (uint64_t)time(NULL),
    };
    encoder->piece_len = options->piece_len > 0 ? (size_t)options->piece_len
                                                : ENVL_PIECE_LEN_DEFAULT;
    if (options->carrier == ENVL_RAW)
        encoder->piece_len = ENVL_SLOT_SEALED_LEN;
    rc = envl_cipher_new(&encoder->cipher, options, ENVL_ENCRYPT, err);
    if (rc == ENVELOPE_OK)
        rc = envl_cipher_prepare_batches(encoder->cipher, err);
    if (rc == ENVELOPE_OK)
        rc = make_head(encoder, options->wants_sums, err);
    if (rc != ENVELOPE_OK) {
        envl_encoder_free(encoder);
        return rc;
    }
    *out = encoder;
    return ENVELOPE_OK;
}

void
envl_encoder_free(struct envl_encoder *encoder)
{
    if (encoder == NULL)
        return;
    envl_cipher_free(encoder->cipher);
    envl_sums_free(encoder->sums);
    OPENSSL_free(encoder->head);
    OPENSSL_clear_free(encoder, sizeof(*encoder));
}

/* Filling */

/* Write a member to out; returns the number of bytes with its frame. */
static size_t
put_member(struct envl_encoder *encoder, unsigned char *out,
           enum envl_member member, const unsigned char *data, size_t len)
{
    size_t lead = envl_carrier_writer_lead(&encoder->writer, member);

    memcpy(out + lead, data, len);
    return lead + len
           + envl_carrier_writer_frame(&encoder->writer, member, out + lead,
                                       len);
}

static void
put_head(struct envl_encoder *encoder, struct envl_slot *slot)
{
    size_t split = encoder->key_at, len;

    len = put_member(encoder, slot->buf, ENVL_MEMBER_HEADER, encoder->head,
                     split);
    len += put_member(encoder, slot->buf + len, ENVL_MEMBER_KEY,
                      encoder->head + split, encoder->header_len - split);
    slot->rest = (struct iovec){ slot->buf, len };
    encoder->carry_len = encoder->head_len - encoder->header_len;
    memcpy(encoder->carry, encoder->head + encoder->header_len,
           encoder->carry_len);
    if (encoder->sums == NULL) {
        OPENSSL_free(encoder->head);
        encoder->head = NULL;
    }
    encoder->state = AT_DATA;
}

/* Begin the frame with the bytes that the slot before has left.  Then as many
 * chunks follow as fill the piece. */
static void
begin_data(struct envl_encoder *encoder, struct envl_slot *slot)
{
    unsigned char *data = slot->buf + ENVL_FRAME_LEAD_MAX;
    size_t left;

    memcpy(data, encoder->carry, encoder->carry_len);
    slot->frame_data = data;
    slot->batch = data + encoder->carry_len;
    left = encoder->piece_len > encoder->carry_len
               ? encoder->piece_len - encoder->carry_len
               : 0;
    encoder->want = (left + ENVELOPE_SEALED_CHUNK_LENGTH - 1)
                    / ENVELOPE_SEALED_CHUNK_LENGTH;
}

void
envl_encoder_begin(struct envl_encoder *encoder, struct envl_slot *slot)
{
    if (encoder->state != AT_DATA && encoder->state != AT_FINAL)
        return;
    begin_data(encoder, slot);
    if (encoder->peek_len > 0) {
        memcpy(slot->batch, encoder->peek, encoder->peek_len);
        envl_encoder_put(encoder, slot, encoder->peek_len);
        encoder->peek_len = 0;
    }
}

/* Plaintext goes where it will be encrypted; between chunks is room for
 * tags. */
unsigned
envl_encoder_room(struct envl_encoder *encoder, struct envl_slot *slot,
                  struct iovec *parts, unsigned max)
{
    size_t chunk = slot->have / ENVELOPE_CHUNK_LENGTH;
    size_t at = slot->have % ENVELOPE_CHUNK_LENGTH;
    unsigned count = 0;

    if (encoder->state == AT_PEEK && encoder->peek_len < PEEK_LEN) {
        parts[0] = (struct iovec){ encoder->peek + encoder->peek_len,
                                   PEEK_LEN - encoder->peek_len };
        return 1;
    }
    if (encoder->state != AT_DATA)
        return 0;
    for (; count < max && chunk < encoder->want; count++, chunk++, at = 0)
        parts[count] = (struct iovec){
            slot->batch + chunk * ENVELOPE_SEALED_CHUNK_LENGTH + at,
            ENVELOPE_CHUNK_LENGTH - at,
        };
    /* Wipe all of it later: bytes may be read here although a stopped thread
     * does not put them. */
    if (count > 0)
        envl_slot_use(slot, (unsigned char *)parts[count - 1].iov_base
                                + parts[count - 1].iov_len);
    return count;
}

void
envl_encoder_put(struct envl_encoder *encoder, struct envl_slot *slot, size_t n)
{
    if (encoder->state == AT_PEEK)
        encoder->peek_len += n;
    else
        slot->have += n;
}

/* Closing */

/* The data's first bytes decide on the carrier, and are data all the same. */
static void
choose_carrier(struct envl_encoder *encoder)
{
    if (!envl_data_end_init(&encoder->end, encoder->peek, encoder->peek_len))
        encoder->wants_end = false;
    encoder->writer.kind = encoder->end.kind;
    if (encoder->writer.kind == ENVL_RAW)
        encoder->piece_len = ENVL_SLOT_SEALED_LEN;
}

/* Check the end of the data: its writer may have died, which a pipe does not
 * show. */
static enum envelope_reason
check_end(const struct envl_encoder *encoder, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    const char *lacks;

    if (encoder->confirm_end != NULL)
        rc = encoder->confirm_end(encoder->confirm_arg, encoder->size,
                                  encoder->stop, err);
    if (rc != ENVELOPE_OK || !encoder->wants_end
        || (lacks = envl_data_end_lacks(&encoder->end)) == NULL)
        return rc;
    return envl_fail(err, ENVELOPE_R_INCOMPLETE,
                     "%s, and this one does not: see whether what wrote it has "
                     "failed; %sany-end encrypts it all the same",
                     lacks, encoder->dashes);
}

/*
 * Reserve the indexes of the slot's chunks in the payload.  A chunk that lies
 * across the end of the piece is encrypted now, because the next slot needs its
 * end.
 */
static enum envelope_reason
reserve_chunks(struct envl_encoder *encoder, struct envl_slot *slot,
               size_t *fill, struct envl_err *err)
{
    size_t count = slot->have / ENVELOPE_CHUNK_LENGTH, good;
    enum envelope_reason rc;

    *fill = encoder->carry_len + count * ENVELOPE_SEALED_CHUNK_LENGTH;
    slot->batch_count = count;
    rc = envl_cipher_reserve(encoder->cipher, count, &slot->batch_index, err);
    if (rc != ENVELOPE_OK || *fill <= limit_of(encoder))
        return rc;
    slot->batch_count = --count;
    return envl_cipher_batch(encoder->cipher, 0, slot->batch_index + count,
                             slot->batch + count * ENVELOPE_SEALED_CHUNK_LENGTH,
                             1, &good, err);
}

/* Encrypt the last chunk, which is not whole, in its place. */
static enum envelope_reason
seal_last(struct envl_encoder *encoder, struct envl_slot *slot, size_t *fill,
          struct envl_err *err)
{
    size_t len = slot->have % ENVELOPE_CHUNK_LENGTH, n;
    unsigned char *to = slot->frame_data + *fill;
    enum envelope_reason rc = ENVELOPE_OK;

    if (len > 0) {
        memcpy(encoder->carry, to, len);
        rc = envl_cipher_update(encoder->cipher, to, &n, encoder->carry, len,
                                err);
        *fill += n;
    }
    if (rc == ENVELOPE_OK) {
        rc = envl_cipher_final(encoder->cipher, slot->frame_data + *fill, &n,
                               err);
        *fill += n;
    }
    encoder->state = AT_FINAL;
    return rc;
}

/* Reserve the piece's place in the archive, and keep the bytes after its end
 * for the next piece.  The archive ends after the last piece. */
static enum envelope_reason
reserve_frame(struct envl_encoder *encoder, struct envl_slot *slot, size_t fill,
              struct envl_err *err)
{
    unsigned char *data = slot->frame_data;
    size_t lead =
        envl_carrier_writer_lead(&encoder->writer, ENVL_MEMBER_PAYLOAD);
    size_t len = fill < limit_of(encoder) ? fill : limit_of(encoder), tail;

    if (!envl_carrier_writer_can_go_on(&encoder->writer))
        return envl_fail(err, ENVELOPE_R_TOO_LONG,
                         "a tar carrier has at most %d pieces: set a larger "
                         "piece-size",
                         ENVL_PIECE_COUNT_MAX);
    encoder->carry_len = fill - len;
    memcpy(encoder->carry, data + len, encoder->carry_len);
    tail = envl_carrier_writer_reserve(&encoder->writer, &slot->frame,
                                       ENVL_MEMBER_PAYLOAD, len);
    if (encoder->state == AT_FINAL && encoder->carry_len == 0) {
        slot->last = true;
        tail += envl_carrier_writer_end(&encoder->writer, data + len + tail);
    }
    slot->payload = (struct iovec){ data, len };
    slot->rest = (struct iovec){ data - lead, lead + len + tail };
    return ENVELOPE_OK;
}

void
envl_encoder_close(struct envl_encoder *encoder, struct envl_slot *slot,
                   bool ended)
{
    enum envelope_reason rc = ENVELOPE_OK;
    size_t fill = encoder->carry_len;
    struct envl_err err;

    if (encoder->state < AT_DATA) {
        if (encoder->state == AT_PEEK)
            choose_carrier(encoder);
        else
            encoder->wants_end = false; /* the kind of the data is not known */
        put_head(encoder, slot);
        return;
    }
    if (encoder->state == AT_DATA)
        encoder->size += slot->have;
    if (encoder->wants_end && encoder->state == AT_DATA)
        envl_data_end_note(&encoder->end, slot);
    if (encoder->state == AT_DATA && ended)
        rc = check_end(encoder, &err);
    if (rc == ENVELOPE_OK && encoder->state == AT_DATA)
        rc = reserve_chunks(encoder, slot, &fill, &err);
    if (rc == ENVELOPE_OK && encoder->state == AT_DATA && ended)
        rc = seal_last(encoder, slot, &fill, &err);
    if (rc == ENVELOPE_OK)
        rc = reserve_frame(encoder, slot, fill, &err);
    if (rc != ENVELOPE_OK)
        envl_slot_fail(slot, &err);
}

/* Working */

void
envl_encoder_work(struct envl_encoder *encoder, struct envl_slot *slot,
                  unsigned worker)
{
    struct envl_err err;
    size_t good;

    if (slot->err.reason != ENVELOPE_OK)
        return;
    if (slot->batch_count > 0
        && envl_cipher_batch(encoder->cipher, worker, slot->batch_index,
                             slot->batch, slot->batch_count, &good, &err)
               != ENVELOPE_OK) {
        envl_slot_fail(slot, &err);
        return;
    }
    if (slot->frame_data != NULL)
        envl_frame_build(&slot->frame, slot->frame_data);
    envl_slot_add(slot, slot->rest.iov_base, slot->rest.iov_len);
}

/* Describing */

struct envl_sums *
envl_encoder_sums(const struct envl_encoder *encoder)
{
    return encoder->sums;
}

enum envelope_reason
envl_encoder_describe(const struct envl_encoder *encoder,
                      struct envl_sealed *sealed, struct envl_err *err)
{
    struct envl_header *header = &sealed->header;

    *sealed = (struct envl_sealed){ .kind = encoder->writer.kind };
    header->bytes =
        ENVL_QUIETLY(OPENSSL_memdup(encoder->head, encoder->header_len));
    if (header->bytes == NULL)
        return envl_fail_memory(err);
    memcpy(sealed->start, encoder->head + encoder->header_len,
           sizeof(sealed->start));
    if (envl_prelude_parse(&header->prelude, header->bytes, err) != ENVELOPE_OK)
        return err->reason;
    return envl_sums_end(encoder->sums, &sealed->sums, err);
}
