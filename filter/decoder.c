/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spans of the stream go from the carrier straight into the cipher, text from
 * there straight into the output.  Text that was verified before a failure
 * comes out before the failure does.
 */
#include "filter/decoder.h"

#include <string.h>

#include <openssl/crypto.h>

#include "lib/header.h"

/* Input of one output buffer. */
#define OUT_LEN 1048576

enum state { AT_START, AT_DATA, AT_FINAL, ENDED, FAILED };

struct envl_decoder {
    struct envl_session *session;
    struct envl_carrier_reader *carrier;
    enum state state;
    const unsigned char *span; /* of the stream, not yet decrypted */
    size_t span_len;
    size_t fill;             /* bytes of text in the output buffer */
    struct envl_err failure; /* in FAILED */

    bool gave_text, has_layout;
    struct envl_layout layout; /* as of the first text */

    unsigned char start[ENVL_RECOGNISE_LEN];
    size_t start_len;
    struct envl_input first; /* of these, what has not been used up */
};

enum envelope_reason
envl_decoder_new(struct envl_decoder **out, const struct envl_options *options,
                 struct envl_err *err)
{
    struct envl_decoder *decoder = OPENSSL_zalloc(sizeof(*decoder));
    enum envelope_reason rc;

    *out = NULL;
    if (decoder == NULL)
        return envl_fail_memory(err);
    rc = envl_session_new(&decoder->session, options, ENVL_DECRYPT, err);
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
    envl_session_free(decoder->session);
    envl_carrier_reader_free(decoder->carrier);
    OPENSSL_free(decoder);
}

size_t
envl_decoder_out_size(const struct envl_decoder *decoder)
{
    (void)decoder;
    return OUT_LEN + ENVL_SLACK_LEN;
}

static void
find_layout(struct envl_decoder *decoder)
{
    struct envl_layout *layout = &decoder->layout;
    size_t header_len = envl_session_header_len(decoder->session);

    if (envl_carrier_layout(decoder->carrier, layout)) {
        decoder->has_layout = layout->header_len == header_len;
    } else {
        layout->header_len = layout->first_at = header_len;
        decoder->has_layout = layout->kind == ENVL_RAW;
    }
}

int
envl_decoder_layout(const struct envl_decoder *decoder,
                    struct envl_layout *layout)
{
    *layout = decoder->layout;
    return decoder->has_layout;
}

struct envl_session *
envl_decoder_session(const struct envl_decoder *decoder)
{
    return decoder->session;
}

/* What begins like no carrier is for the cipher to refuse. */
static enum envl_step
recognise(struct envl_decoder *decoder, struct envl_err *err)
{
    enum envl_carrier kind = ENVL_RAW;

    (void)envl_carrier_recognise(&kind, decoder->start, decoder->start_len);
    decoder->carrier = envl_carrier_reader_new(kind);
    if (decoder->carrier == NULL) {
        (void)envl_fail_memory(err);
        return ENVL_STEP_FAIL;
    }
    decoder->first =
        (struct envl_input){ decoder->start, decoder->start_len, false };
    decoder->state = AT_DATA;
    return ENVL_STEP_OUTPUT;
}

/* Gather the first bytes, until they tell the kind. */
static enum envl_step
start(struct envl_decoder *decoder, struct envl_input *in, struct envl_err *err)
{
    size_t n = sizeof(decoder->start) - decoder->start_len;
    enum envl_carrier kind;

    if (n > in->len)
        n = in->len;
    if (n > 0)
        memcpy(decoder->start + decoder->start_len, in->p, n);
    decoder->start_len += n;
    envl_input_take(in, n);
    if (decoder->start_len < sizeof(decoder->start) && !in->ended
        && !envl_carrier_recognise(&kind, decoder->start, decoder->start_len))
        return ENVL_STEP_INPUT;
    return recognise(decoder, err);
}

/* The next span, from the first bytes or else from the input. */
static enum envl_step
next_span(struct envl_decoder *decoder, struct envl_input *in,
          struct envl_err *err)
{
    enum envl_step step = ENVL_STEP_INPUT;

    if (decoder->first.len > 0)
        step = envl_carrier_next(decoder->carrier, &decoder->first,
                                 &decoder->span, &decoder->span_len, err);
    if (step == ENVL_STEP_INPUT)
        step = envl_carrier_next(decoder->carrier, in, &decoder->span,
                                 &decoder->span_len, err);
    return step;
}

/* The cipher gives text that comes before damage first, and fails in the next
 * call: that must not wait for input. */
static bool
is_sound(struct envl_decoder *decoder, unsigned char *out, struct envl_err *err)
{
    size_t got;

    return envl_session_update(decoder->session, out + decoder->fill, &got, out,
                               0, err)
           == ENVELOPE_OK;
}

/* Decrypt until the buffer is full or the input used up. */
static enum envl_step
decrypt(struct envl_decoder *decoder, struct envl_input *in, unsigned char *out,
        struct envl_err *err)
{
    enum envl_step step;
    size_t n, got;

    while (decoder->fill < OUT_LEN) {
        if (decoder->span_len == 0) {
            step = next_span(decoder, in, err);
            if (step == ENVL_STEP_INPUT && !is_sound(decoder, out, err))
                return ENVL_STEP_FAIL;
            if (step != ENVL_STEP_OUTPUT)
                return step;
        }
        n = OUT_LEN - decoder->fill;
        if (n > decoder->span_len)
            n = decoder->span_len;
        if (envl_session_update(decoder->session, out + decoder->fill, &got,
                                decoder->span, n, err)
            != ENVELOPE_OK)
            return ENVL_STEP_FAIL;
        decoder->fill += got;
        decoder->span += n;
        decoder->span_len -= n;
    }
    return ENVL_STEP_OUTPUT;
}

static enum envl_step
finish(struct envl_decoder *decoder, unsigned char *out, struct envl_err *err)
{
    decoder->state = ENDED;
    return envl_session_final(decoder->session, out, &decoder->fill, err)
                   == ENVELOPE_OK
               ? ENVL_STEP_END
               : ENVL_STEP_FAIL;
}

/*
 * What was decrypted comes out before anything else is said.  Whoever gets
 * the first of it may ask for the layout, from another thread: it is not
 * touched again.
 */
static enum envl_step
put_out(struct envl_decoder *decoder, size_t *begin, size_t *len)
{
    if (!decoder->gave_text)
        find_layout(decoder);
    decoder->gave_text = true;
    *begin = 0;
    *len = decoder->fill;
    decoder->fill = 0;
    return ENVL_STEP_OUTPUT;
}

enum envl_step
envl_decoder_step(struct envl_decoder *decoder, struct envl_input *in,
                  unsigned char *out, size_t *begin, size_t *len,
                  struct envl_err *err)
{
    enum envl_step step = ENVL_STEP_OUTPUT;

    if (decoder->state == AT_START)
        step = start(decoder, in, err);
    if (decoder->state == AT_DATA)
        step = decrypt(decoder, in, out, err);
    if (decoder->state == AT_DATA && step == ENVL_STEP_END)
        decoder->state = AT_FINAL;
    if (decoder->state == AT_FINAL && decoder->fill == 0)
        step = finish(decoder, out, err);
    if (step == ENVL_STEP_FAIL) {
        decoder->state = FAILED;
        decoder->failure = *err;
    }
    if (decoder->fill > 0)
        return put_out(decoder, begin, len);
    if (decoder->state == FAILED) {
        *err = decoder->failure;
        return ENVL_STEP_FAIL;
    }
    return decoder->state == ENDED ? ENVL_STEP_END : step;
}
