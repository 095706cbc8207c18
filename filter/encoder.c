/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cipher writes straight into the frame that it fills.  An output buffer
 * is: room for the lead, the frame's data, and behind it what the cipher may
 * add to its last update, which begins the next frame.
 */
#include "filter/encoder.h"

#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "filter/carrier.h"
#include "filter/framer.h"
#include "lib/header.h"

/* Data of a frame where the carrier has none. */
#define RAW_PIECE_LEN 1048576

/* A stream of this kind is recognised by so many bytes: a tar's block. */
#define PEEK_LEN ENVL_TAR_BLOCK_LEN

enum state {
    AT_PEEK,  /* which carrier? */
    AT_HEAD,  /* the header's members are to be written */
    AT_DATA,  /* a frame of the payload is being filled */
    AT_FINAL, /* all data is encrypted; frames may be left */
    AT_END,   /* the archive's end is to be written */
    ENDED
};

struct envl_encoder {
    struct envl_session *session;
    struct envl_framer framer;
    enum state state;
    size_t piece_len;

    unsigned char *head; /* the header, and the first bytes of the payload */
    size_t head_len, header_len, labels_end;

    unsigned char peek[PEEK_LEN];
    size_t peek_len, peek_used;

    size_t fill; /* bytes in the frame */
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
envl_encoder_out_size(const struct envl_encoder *encoder)
{
    size_t size = ENVL_FRAME_LEAD_MAX + encoder->piece_len + ENVL_SLACK_LEN
                  + ENVL_FRAME_TAIL_MAX + ENVL_FRAME_END_MAX;

    return size > head_size_max() ? size : head_size_max();
}

/* Empty updates make the header and hand it out, a slack at a time. */
static enum envelope_reason
make_head(struct envl_encoder *encoder, struct envl_err *err)
{
    size_t size = ENVL_HEADER_LEN_MAX + 2 * ENVL_SLACK_LEN, n = 1;
    enum envelope_reason rc = ENVELOPE_OK;
    struct envl_prelude prelude;

    if ((encoder->head = OPENSSL_malloc(size)) == NULL)
        return envl_fail_memory(err);
    while (rc == ENVELOPE_OK && n > 0) {
        rc = envl_session_update(encoder->session,
                                 encoder->head + encoder->head_len, &n,
                                 encoder->carry, 0, err);
        encoder->head_len += n;
    }
    if (rc == ENVELOPE_OK)
        rc = envl_prelude_parse(&prelude, encoder->head, err);
    if (rc == ENVELOPE_OK) {
        encoder->header_len = prelude.header_len;
        encoder->labels_end = ENVL_PRELUDE_LEN + prelude.labels_len;
    }
    return rc;
}

enum envelope_reason
envl_encoder_new(struct envl_encoder **out, const struct envl_options *options,
                 struct envl_err *err)
{
    struct envl_encoder *encoder = OPENSSL_zalloc(sizeof(*encoder));
    enum envelope_reason rc;

    *out = NULL;
    if (encoder == NULL)
        return envl_fail_memory(err);
    encoder->state = options->carrier == ENVL_AUTO ? AT_PEEK : AT_HEAD;
    encoder->framer = (struct envl_framer){
        .kind = options->carrier,
        .xbcloud = options->xbcloud > 0,
        .mtime = (uint64_t)time(NULL),
    };
    encoder->piece_len = options->piece_len > 0 ? (size_t)options->piece_len
                                                : ENVL_PIECE_LEN_DEFAULT;
    if (options->carrier == ENVL_RAW)
        encoder->piece_len = RAW_PIECE_LEN;
    rc = envl_session_new(&encoder->session, options, ENVL_ENCRYPT, err);
    if (rc == ENVELOPE_OK)
        rc = make_head(encoder, err);
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
    envl_session_free(encoder->session);
    OPENSSL_free(encoder->head);
    OPENSSL_clear_free(encoder, sizeof(*encoder));
}

/* Steps */

/* The data's first bytes decide on the carrier, and are data all the same. */
static enum envl_step
peek(struct envl_encoder *encoder, struct envl_input *in)
{
    size_t n = PEEK_LEN - encoder->peek_len;

    if (n > in->len)
        n = in->len;
    if (n > 0)
        memcpy(encoder->peek + encoder->peek_len, in->p, n);
    encoder->peek_len += n;
    envl_input_take(in, n);
    if (encoder->peek_len < PEEK_LEN && !in->ended)
        return ENVL_STEP_INPUT;
    encoder->framer.kind =
        envl_carrier_kind_of(encoder->peek, encoder->peek_len);
    if (encoder->framer.kind == ENVL_RAW)
        encoder->piece_len = RAW_PIECE_LEN;
    encoder->state = AT_HEAD;
    return ENVL_STEP_OUTPUT;
}

/* Lay a member down at out; returns the bytes of its frame. */
static size_t
put_member(struct envl_encoder *encoder, unsigned char *out,
           enum envl_member member, const unsigned char *data, size_t len)
{
    size_t lead = envl_framer_lead(&encoder->framer, member);

    memcpy(out + lead, data, len);
    return lead + len
           + envl_framer_frame(&encoder->framer, member, out + lead, len);
}

static enum envl_step
put_head(struct envl_encoder *encoder, unsigned char *out, size_t *begin,
         size_t *len)
{
    size_t split = encoder->labels_end;

    *begin = 0;
    *len = put_member(encoder, out, ENVL_MEMBER_HEADER, encoder->head, split);
    *len += put_member(encoder, out + *len, ENVL_MEMBER_KEY,
                       encoder->head + split, encoder->header_len - split);
    encoder->carry_len = encoder->head_len - encoder->header_len;
    memcpy(encoder->carry, encoder->head + encoder->header_len,
           encoder->carry_len);
    OPENSSL_free(encoder->head);
    encoder->head = NULL;
    encoder->state = AT_DATA;
    return ENVL_STEP_OUTPUT;
}

/* Hand out a frame; what the cipher wrote behind it begins the next one. */
static enum envl_step
put_frame(struct envl_encoder *encoder, unsigned char *data, size_t *begin,
          size_t *len, struct envl_err *err)
{
    size_t lead = envl_framer_lead(&encoder->framer, ENVL_MEMBER_PAYLOAD);
    size_t n =
        encoder->fill < encoder->piece_len ? encoder->fill : encoder->piece_len;

    if (!envl_framer_can_go_on(&encoder->framer)) {
        (void)envl_fail(err, ENVELOPE_R_TOO_LONG,
                        "a tar carrier has at most %d pieces: set a larger "
                        "piece-size",
                        ENVL_PIECE_COUNT_MAX);
        return ENVL_STEP_FAIL;
    }
    encoder->carry_len = encoder->fill - n;
    memcpy(encoder->carry, data + n, encoder->carry_len);
    encoder->fill = 0;
    *begin = ENVL_FRAME_LEAD_MAX - lead;
    *len = lead + n
           + envl_framer_frame(&encoder->framer, ENVL_MEMBER_PAYLOAD, data, n);
    return ENVL_STEP_OUTPUT;
}

/* Encrypt what there is, as far as the frame goes. */
static enum envelope_reason
fill_frame(struct envl_encoder *encoder, struct envl_input *in,
           unsigned char *data, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    struct envl_input peeked = {
        .p = encoder->peek + encoder->peek_used,
        .len = encoder->peek_len - encoder->peek_used,
    };
    struct envl_input *from = peeked.len > 0 ? &peeked : in;
    size_t room, n;

    while (rc == ENVELOPE_OK && from->len > 0
           && encoder->fill < encoder->piece_len) {
        room = encoder->piece_len - encoder->fill;
        n = from->len < room ? from->len : room;
        if (n > ENVL_UPDATE_LEN_MAX)
            n = ENVL_UPDATE_LEN_MAX;
        rc = envl_session_update(encoder->session, data + encoder->fill, &room,
                                 from->p, n, err);
        encoder->fill += room;
        envl_input_take(from, n);
        if (from == &peeked)
            encoder->peek_used += n;
        if (from->len == 0)
            from = in;
    }
    return rc;
}

static enum envelope_reason
fill_final(struct envl_encoder *encoder, unsigned char *data,
           struct envl_err *err)
{
    enum envelope_reason rc;
    size_t n;

    rc = envl_session_final(encoder->session, data + encoder->fill, &n, err);
    encoder->fill += n;
    encoder->state = AT_FINAL;
    return rc;
}

static enum envl_step
put_payload(struct envl_encoder *encoder, struct envl_input *in,
            unsigned char *out, size_t *begin, size_t *len,
            struct envl_err *err)
{
    unsigned char *data = out + ENVL_FRAME_LEAD_MAX;
    enum envelope_reason rc = ENVELOPE_OK;

    if (encoder->carry_len > 0) {
        memcpy(data, encoder->carry, encoder->carry_len);
        encoder->fill = encoder->carry_len;
        encoder->carry_len = 0;
    }
    if (encoder->state == AT_DATA)
        rc = fill_frame(encoder, in, data, err);
    if (rc == ENVELOPE_OK && encoder->state == AT_DATA && in->ended
        && in->len == 0 && encoder->fill < encoder->piece_len)
        rc = fill_final(encoder, data, err);
    if (rc != ENVELOPE_OK)
        return ENVL_STEP_FAIL;
    if (encoder->fill >= encoder->piece_len
        || (encoder->state == AT_FINAL && encoder->fill > 0))
        return put_frame(encoder, data, begin, len, err);
    if (encoder->state == AT_DATA)
        return ENVL_STEP_INPUT;
    encoder->state = AT_END;
    *begin = 0;
    *len = envl_framer_end(&encoder->framer, out);
    return *len > 0 ? ENVL_STEP_OUTPUT : ENVL_STEP_END;
}

enum envl_step
envl_encoder_step(struct envl_encoder *encoder, struct envl_input *in,
                  unsigned char *out, size_t *begin, size_t *len,
                  struct envl_err *err)
{
    if (encoder->state == AT_PEEK && peek(encoder, in) == ENVL_STEP_INPUT)
        return ENVL_STEP_INPUT;
    switch (encoder->state) {
    case AT_HEAD:
        return put_head(encoder, out, begin, len);
    case AT_DATA:
    case AT_FINAL:
        return put_payload(encoder, in, out, begin, len, err);
    default:
        encoder->state = ENDED;
        return ENVL_STEP_END;
    }
}
