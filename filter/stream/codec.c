/* SPDX-License-Identifier: Apache-2.0 */
/* One interface for both directions. */
#include "filter/stream/codec.h"

#include <string.h>

#include <openssl/crypto.h>

#include "filter/stream/decoder.h"
#include "filter/stream/encoder.h"

/* Places that envl_codec_copy() asks for at once. */
#define PARTS 16

struct envl_codec {
    struct envl_encoder *encoder; /* NULL when decrypting */
    struct envl_decoder *decoder;
};

enum envelope_reason
envl_codec_new(struct envl_codec **out, const struct envl_options *options,
               enum envl_direction direction, struct envl_err *err)
{
    struct envl_codec *codec = ENVL_QUIETLY(OPENSSL_zalloc(sizeof(*codec)));
    enum envelope_reason rc;

    *out = NULL;
    if (codec == NULL)
        return envl_fail_memory(err);
    rc = direction == ENVL_ENCRYPT
             ? envl_encoder_new(&codec->encoder, options, err)
             : envl_decoder_new(&codec->decoder, options, err);
    if (rc != ENVELOPE_OK) {
        envl_codec_free(codec);
        return rc;
    }
    *out = codec;
    return ENVELOPE_OK;
}

void
envl_codec_free(struct envl_codec *codec)
{
    if (codec == NULL)
        return;
    envl_encoder_free(codec->encoder);
    envl_decoder_free(codec->decoder);
    OPENSSL_free(codec);
}

void
envl_codec_set_stop(struct envl_codec *codec, const struct envl_stop *stop)
{
    if (codec->encoder != NULL)
        envl_encoder_set_stop(codec->encoder, stop);
}

size_t
envl_codec_slot_size(const struct envl_codec *codec)
{
    return codec->encoder != NULL ? envl_encoder_slot_size(codec->encoder)
                                  : envl_decoder_slot_size(codec->decoder);
}

static const struct envl_cipher *
session_of(const struct envl_codec *codec)
{
    return codec->encoder != NULL ? envl_encoder_session(codec->encoder)
                                  : envl_decoder_session(codec->decoder);
}

unsigned
envl_codec_threads(const struct envl_codec *codec)
{
    return envl_cipher_threads(session_of(codec));
}

const struct envl_recipient_notes *
envl_codec_notes(const struct envl_codec *codec)
{
    return envl_cipher_notes(session_of(codec));
}

void
envl_codec_begin(struct envl_codec *codec, struct envl_slot *slot)
{
    envl_slot_reset(slot);
    if (codec->encoder != NULL)
        envl_encoder_begin(codec->encoder, slot);
    else
        envl_decoder_begin(codec->decoder, slot);
}

unsigned
envl_codec_room(struct envl_codec *codec, struct envl_slot *slot,
                struct iovec *parts, unsigned max)
{
    return codec->encoder != NULL
               ? envl_encoder_room(codec->encoder, slot, parts, max)
               : envl_decoder_room(codec->decoder, slot, parts, max);
}

void
envl_codec_put(struct envl_codec *codec, struct envl_slot *slot, size_t n)
{
    if (codec->encoder != NULL)
        envl_encoder_put(codec->encoder, slot, n);
    else
        envl_decoder_put(codec->decoder, slot, n);
}

size_t
envl_codec_copy(struct envl_codec *codec, struct envl_slot *slot,
                const unsigned char *in, size_t len)
{
    struct iovec parts[PARTS];
    size_t done = 0, n;
    unsigned count, i;

    while (done < len
           && (count = envl_codec_room(codec, slot, parts, PARTS)) > 0) {
        for (i = 0; i < count && done < len; i++) {
            n = len - done < parts[i].iov_len ? len - done : parts[i].iov_len;
            memcpy(parts[i].iov_base, in + done, n);
            envl_codec_put(codec, slot, n);
            done += n;
        }
    }
    return done;
}

bool
envl_codec_is_full(struct envl_codec *codec, struct envl_slot *slot)
{
    struct iovec part;

    return envl_codec_room(codec, slot, &part, 1) == 0;
}

bool
envl_codec_is_ready(struct envl_codec *codec, struct envl_slot *slot)
{
    return (codec->decoder != NULL && slot->have > slot->kept)
           || envl_codec_is_full(codec, slot);
}

void
envl_codec_close(struct envl_codec *codec, struct envl_slot *slot, bool ended)
{
    if (codec->encoder != NULL)
        envl_encoder_close(codec->encoder, slot, ended);
    else
        envl_decoder_close(codec->decoder, slot, ended);
}

void
envl_codec_work(struct envl_codec *codec, struct envl_slot *slot,
                unsigned worker)
{
    if (codec->encoder != NULL)
        envl_encoder_work(codec->encoder, slot, worker);
    else
        envl_decoder_work(codec->decoder, slot, worker);
}

struct envl_sums *
envl_codec_sums(const struct envl_codec *codec)
{
    return codec->encoder != NULL ? envl_encoder_sums(codec->encoder) : NULL;
}

enum envelope_reason
envl_codec_describe(const struct envl_codec *codec, struct envl_sealed *sealed,
                    struct envl_err *err)
{
    return envl_encoder_describe(codec->encoder, sealed, err);
}

enum envelope_reason
envl_codec_sign_receipt(const struct envl_codec *codec, const char *receipt,
                        size_t receipt_len, unsigned char **der, size_t *len,
                        struct envl_err *err)
{
    return envl_cipher_sign_receipt(session_of(codec), receipt, receipt_len,
                                    der, len, err);
}

struct envl_decoder *
envl_codec_decoder(const struct envl_codec *codec)
{
    return codec->decoder;
}
