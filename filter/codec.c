/* SPDX-License-Identifier: Apache-2.0 */
/* Either direction behind one face; a failure is for ever. */
#include "filter/codec.h"

#include <openssl/crypto.h>

#include "filter/decoder.h"
#include "filter/encoder.h"
#include "filter/input.h"

struct envl_codec {
    enum envl_way way;
    struct envl_encoder *encoder; /* one of the two */
    struct envl_decoder *decoder;
    struct envl_input in;
    struct envl_err err;
    bool failed;
};

enum envelope_reason
envl_codec_new(struct envl_codec **out, const struct envl_options *options,
               enum envl_way way, struct envl_err *err)
{
    struct envl_codec *codec = OPENSSL_zalloc(sizeof(*codec));
    enum envelope_reason rc;

    *out = NULL;
    if (codec == NULL)
        return envl_fail_memory(err);
    codec->way = way;
    rc = way == ENVL_ENCRYPT ? envl_encoder_new(&codec->encoder, options, err)
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

size_t
envl_codec_out_size(const struct envl_codec *codec)
{
    return codec->way == ENVL_ENCRYPT ? envl_encoder_out_size(codec->encoder)
                                      : envl_decoder_out_size(codec->decoder);
}

void
envl_codec_give(struct envl_codec *codec, const unsigned char *in, size_t len)
{
    codec->in.p = in;
    codec->in.len = len;
}

void
envl_codec_finish(struct envl_codec *codec)
{
    codec->in.ended = true;
}

enum envl_step
envl_codec_step(struct envl_codec *codec, unsigned char *out, size_t *begin,
                size_t *len)
{
    enum envl_step step = ENVL_STEP_FAIL;

    if (codec->failed)
        return step;
    if (codec->way == ENVL_ENCRYPT)
        step = envl_encoder_step(codec->encoder, &codec->in, out, begin, len,
                                 &codec->err);
    else
        step = envl_decoder_step(codec->decoder, &codec->in, out, begin, len,
                                 &codec->err);
    codec->failed = step == ENVL_STEP_FAIL;
    return step;
}

const struct envl_err *
envl_codec_err(const struct envl_codec *codec)
{
    return &codec->err;
}

struct envl_decoder *
envl_codec_decoder(const struct envl_codec *codec)
{
    return codec->decoder;
}
