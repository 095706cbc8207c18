/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removes the carrier's frames from the slot, so that whole chunks are adjacent
 * and are decrypted in place.  Plaintext that was verified before a failure is
 * output before the failure.
 */
#include "filter/stream/decoder.h"

#include <assert.h>
#include <string.h>

#include <openssl/crypto.h>

#include "lib/header/header.h"

/* Bytes of input in a slot, including those that the slot before has left. */
#define INPUT_LEN ENVL_SLOT_SEALED_LEN

/* The stream's bytes come in this order. */
enum state { AT_START, AT_PRELUDE, AT_HEADER, AT_CHUNKS };

struct envl_decoder {
    struct envl_cipher *cipher;
    struct envl_carrier_reader *carrier;
    enum state state;
    size_t left; /* bytes of prelude, or of header and payload's start */
    unsigned char prelude[ENVL_PRELUDE_LEN];

    /* Bytes that a slot leaves to the next one: a beginning that is too short
     * to be recognised, or a part of a chunk. */
    unsigned char carry[ENVELOPE_SEALED_CHUNK_LENGTH];
    size_t carry_len;
    size_t fed; /* bytes of the current chunk that the cipher has */

    bool gave_text, has_map;
    struct envl_map map; /* at the time of the first plaintext */
};

static_assert(ENVL_RECOGNISE_LEN <= ENVELOPE_SEALED_CHUNK_LENGTH,
              "what is not recognised can be left to the next slot");

enum envelope_reason
envl_decoder_new(struct envl_decoder **out, const struct envl_options *options,
                 struct envl_err *err)
{
    struct envl_decoder *decoder =
        ENVL_QUIETLY(OPENSSL_zalloc(sizeof(*decoder)));
    enum envelope_reason rc;

    *out = NULL;
    if (decoder == NULL)
        return envl_fail_memory(err);
    rc = envl_cipher_new(&decoder->cipher, options, ENVL_DECRYPT, err);
    if (rc == ENVELOPE_OK)
        rc = envl_cipher_prepare_batches(decoder->cipher, err);
    if (rc != ENVELOPE_OK) {
        envl_decoder_free(decoder);
        return rc;
    }
    *out = decoder;
    return ENVELOPE_OK;
}

void
envl_decoder_free(struct envl_decoder *decoder)
{
    if (decoder == NULL)
        return;
    envl_cipher_free(decoder->cipher);
    envl_carrier_reader_free(decoder->carrier);
    OPENSSL_free(decoder);
}

size_t
envl_decoder_slot_size(const struct envl_decoder *decoder)
{
    (void)decoder;
    return INPUT_LEN + ENVELOPE_SEALED_CHUNK_LENGTH + ENVL_SLACK_LEN;
}

int
envl_decoder_map(const struct envl_decoder *decoder, struct envl_map *map)
{
    *map = decoder->map;
    return decoder->has_map;
}

struct envl_cipher *
envl_decoder_session(const struct envl_decoder *decoder)
{
    return decoder->cipher;
}

/* Filling */

void
envl_decoder_begin(struct envl_decoder *decoder, struct envl_slot *slot)
{
    memcpy(slot->buf, decoder->carry, decoder->carry_len);
    slot->kept = slot->have = decoder->carry_len;
    decoder->carry_len = 0;
}

unsigned
envl_decoder_room(struct envl_decoder *decoder, struct envl_slot *slot,
                  struct iovec *parts, unsigned max)
{
    (void)decoder;
    (void)max;
    parts[0] = (struct iovec){ slot->buf + slot->have, INPUT_LEN - slot->have };
    /* Plaintext replaces the input in place: all of it must be wiped. */
    envl_slot_use(slot, slot->buf + INPUT_LEN);
    return slot->have < INPUT_LEN ? 1 : 0;
}

void
envl_decoder_put(struct envl_decoder *decoder, struct envl_slot *slot, size_t n)
{
    (void)decoder;
    slot->have += n;
}

/* Closing */

static void
keep(struct envl_decoder *decoder, const unsigned char *p, size_t len)
{
    memcpy(decoder->carry, p, len);
    decoder->carry_len = len;
}

/* Recognise the carrier.  Unknown input is taken as raw; the cipher refuses
 * it. */
static enum envelope_reason
recognise(struct envl_decoder *decoder, const unsigned char *p, size_t len,
          bool ended, struct envl_err *err)
{
    enum envl_carrier kind = ENVL_RAW;

    /* Look at the same number of bytes, however many the slot has. */
    if (!envl_carrier_recognise(
            &kind, p, len < ENVL_RECOGNISE_LEN ? len : ENVL_RECOGNISE_LEN)
        && len < ENVL_RECOGNISE_LEN && !ended) {
        keep(decoder, p, len);
        return ENVELOPE_OK;
    }
    decoder->carrier = envl_carrier_reader_new(kind);
    decoder->state = AT_PRELUDE;
    decoder->left = ENVL_PRELUDE_LEN;
    return decoder->carrier != NULL ? ENVELOPE_OK : envl_fail_memory(err);
}

/*
 * Bytes that are not in a batch go through the cipher's update.  The cipher
 * first returns the plaintext before damage and fails in the next call.  The
 * update of no bytes makes it fail now, without waiting for input.
 *
 * The payload that waited for header and key comes block by block.  Reserve
 * room for all of its plaintext at once, so that it need not be copied.
 */
static enum envelope_reason
feed(struct envl_decoder *decoder, struct envl_slot *slot,
     const unsigned char *p, size_t len, struct envl_err *err)
{
    const size_t waiting = envl_carrier_waiting(decoder->carrier);
    enum envelope_reason rc;
    size_t got;

    if (!envl_slot_reserve_early(slot, (len > waiting ? len : waiting)
                                           + ENVL_SLACK_LEN))
        return envl_fail_memory(err);
    rc = envl_cipher_update(decoder->cipher, slot->early + slot->early_len,
                            &got, p, len, err);
    slot->early_len += got;
    if (rc == ENVELOPE_OK)
        rc = envl_cipher_update(decoder->cipher, slot->early, &got, slot->early,
                                0, err);
    return rc;
}

/* The prelude says how long the header is. */
static enum envelope_reason
feed_header(struct envl_decoder *decoder, struct envl_slot *slot,
            const unsigned char *p, size_t len, struct envl_err *err)
{
    enum envelope_reason rc = feed(decoder, slot, p, len, err);
    struct envl_prelude prelude;

    if (decoder->state == AT_PRELUDE)
        memcpy(decoder->prelude + ENVL_PRELUDE_LEN - decoder->left, p, len);
    decoder->left -= len;
    if (rc != ENVELOPE_OK || decoder->left > 0)
        return rc;
    if (decoder->state == AT_PRELUDE) {
        rc = envl_prelude_parse(&prelude, decoder->prelude, err);
        if (rc == ENVELOPE_OK)
            decoder->left = prelude.header_len - ENVL_PRELUDE_LEN
                            + ENVELOPE_PAYLOAD_START_LENGTH;
    }
    decoder->state++;
    return rc;
}

/* Take a span of the stream: move chunks after the *fill bytes of chunks that
 * the slot has; feed all else to the cipher. */
static enum envelope_reason
take(struct envl_decoder *decoder, struct envl_slot *slot,
     const unsigned char *p, size_t len, size_t *fill, struct envl_err *err)
{
    bool here = p >= slot->buf && p < slot->buf + INPUT_LEN;
    enum envelope_reason rc = ENVELOPE_OK;
    size_t n;

    for (; len > 0 && rc == ENVELOPE_OK; p += n, len -= n) {
        n = len < ENVL_UPDATE_LEN_MAX ? len : ENVL_UPDATE_LEN_MAX;
        if (decoder->state < AT_CHUNKS) {
            n = n < decoder->left ? n : decoder->left;
            rc = feed_header(decoder, slot, p, n, err);
        } else if (here && decoder->fed == 0) {
            memmove(slot->buf + *fill, p, n);
            *fill += n;
        } else {
            if (here && n > ENVELOPE_SEALED_CHUNK_LENGTH - decoder->fed)
                n = ENVELOPE_SEALED_CHUNK_LENGTH - decoder->fed;
            rc = feed(decoder, slot, p, n, err);
            decoder->fed = (decoder->fed + n) % ENVELOPE_SEALED_CHUNK_LENGTH;
        }
    }
    return rc;
}

/* Take all spans of the stream in the slot; *over is set at the stream's
 * end. */
static enum envelope_reason
unwrap(struct envl_decoder *decoder, struct envl_slot *slot,
       struct envl_input *in, size_t *fill, bool *over, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    const unsigned char *span;
    size_t len;

    while (rc == ENVELOPE_OK) {
        switch (envl_carrier_next(decoder->carrier, in, &span, &len, err)) {
        case ENVL_STEP_INPUT:
            return rc;
        case ENVL_STEP_OUTPUT:
            rc = take(decoder, slot, span, len, fill, err);
            break;
        case ENVL_STEP_END:
            *over = true;
            return rc;
        default:
            return err->reason;
        }
    }
    return rc;
}

/* Decrypt the last chunk, which is not whole, to the room after the input. */
static enum envelope_reason
open_last(struct envl_decoder *decoder, struct envl_slot *slot,
          const unsigned char *sealed, size_t len, struct envl_err *err)
{
    unsigned char *text = slot->buf + INPUT_LEN;
    enum envelope_reason rc = ENVELOPE_OK;
    size_t n = 0;

    slot->last = true;
    if (len > 0)
        rc = envl_cipher_update(decoder->cipher, text, &n, sealed, len, err);
    if (rc == ENVELOPE_OK)
        rc = envl_cipher_final(decoder->cipher, text, &n, err);
    slot->rest = (struct iovec){ text, n };
    envl_slot_use(slot, text + n);
    return rc;
}

/*
 * After the first plaintext another thread may ask for the map: set it once,
 * and never change it after that.
 */
static void
note_map(struct envl_decoder *decoder, const struct envl_slot *slot)
{
    if (decoder->gave_text
        || slot->early_len + slot->batch_count + slot->rest.iov_len == 0)
        return;
    decoder->has_map = envl_carrier_map(decoder->carrier,
                                        envl_cipher_header_len(decoder->cipher),
                                        &decoder->map);
    decoder->gave_text = true;
}

/* Reserve the whole chunks for a batch; a part of a chunk waits for its
 * rest. */
static enum envelope_reason
close_chunks(struct envl_decoder *decoder, struct envl_slot *slot, size_t fill,
             bool over, struct envl_err *err)
{
    size_t count = fill / ENVELOPE_SEALED_CHUNK_LENGTH;
    size_t len = fill % ENVELOPE_SEALED_CHUNK_LENGTH;
    enum envelope_reason rc = ENVELOPE_OK;

    slot->batch = slot->buf;
    if (count > 0)
        rc = envl_cipher_reserve(decoder->cipher, count, &slot->batch_index,
                                 err);
    if (rc != ENVELOPE_OK)
        return rc;
    slot->batch_count = count;
    if (over)
        return open_last(decoder, slot, slot->buf + fill - len, len, err);
    keep(decoder, slot->buf + fill - len, len);
    return rc;
}

void
envl_decoder_close(struct envl_decoder *decoder, struct envl_slot *slot,
                   bool ended)
{
    struct envl_input in = { slot->buf, slot->have, ended };
    enum envelope_reason rc = ENVELOPE_OK, closed;
    size_t fill = 0;
    struct envl_err err, later;
    bool over = false;

    if (decoder->state == AT_CHUNKS)
        envl_input_take(&in, fill = slot->kept);
    if (decoder->state == AT_START)
        rc = recognise(decoder, slot->buf, slot->have, ended, &err);
    if (decoder->state == AT_START)
        return;
    if (rc == ENVELOPE_OK)
        rc = unwrap(decoder, slot, &in, &fill, &over, &err);
    /* Chunks before a failure are decrypted, too. */
    closed = close_chunks(decoder, slot, fill, over, &later);
    note_map(decoder, slot);
    if (rc != ENVELOPE_OK || closed != ENVELOPE_OK)
        envl_slot_fail(slot, rc != ENVELOPE_OK ? &err : &later);
}

/* Working */

void
envl_decoder_work(struct envl_decoder *decoder, struct envl_slot *slot,
                  unsigned worker)
{
    unsigned char *text = slot->batch;
    enum envelope_reason rc = ENVELOPE_OK;
    struct envl_err err;
    size_t good = 0, i;

    if (slot->batch_count > 0)
        rc = envl_cipher_batch(decoder->cipher, worker, slot->batch_index,
                               slot->batch, slot->batch_count, &good, &err);
    envl_slot_add(slot, slot->early, slot->early_len);
    for (i = 0; i < good; i++, text += ENVELOPE_SEALED_CHUNK_LENGTH)
        envl_slot_add(slot, text, ENVELOPE_CHUNK_LENGTH);
    /* A bad chunk of the batch precedes the failure of the slot. */
    if (rc != ENVELOPE_OK)
        envl_slot_fail(slot, &err);
    else
        envl_slot_add(slot, slot->rest.iov_base, slot->rest.iov_len);
}
