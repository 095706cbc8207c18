/* SPDX-License-Identifier: Apache-2.0 */
/* States, output room and in-place calls.  encryptor.c, decryptor.c and
 * lib/payload make the bytes. */
#include "lib/stream/stream.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include <openssl/crypto.h>

#include "lib/payload/fork_guard.h"
#include "lib/payload/output_queue.h"
#include "lib/stream/decryptor.h"
#include "lib/stream/encryptor.h"
#include "lib/stream/signed.h"

/* Bytes of input that an in-place call copies at a time. */
#define SCRATCH_LEN 262144

static_assert(ENVELOPE_CHUNK_LENGTH == ENVL_CHUNK_LEN
                  && ENVELOPE_SEALED_CHUNK_LENGTH == ENVL_SEALED_CHUNK_LEN
                  && ENVELOPE_PAYLOAD_START_LENGTH == ENVL_PAYLOAD_START_LEN
                  && ENVELOPE_KEY_LENGTH == ENVL_KEK_LEN,
              "the public header says what the format says");

enum state { NEW, RUNNING, ENDED, FAILED };

/* Encrypting: a sequence of calls whose outputs follow each other in one
 * buffer: one update with data, and updates of no bytes before and after it. */
struct span {
    const unsigned char *end; /* of the output so far; NULL before it */
    size_t in_len, out_len;
    bool has_data, is_over; /* an update had data; a second one had, too */
};

struct envl_stream {
    const struct envl_libctx *ctx;
    const struct envl_settings *settings;
    enum envl_direction direction;
    enum state state;
    struct envl_fork_guard guard; /* of the process that began to encrypt */
    struct envl_err failure;      /* in state FAILED */
    bool reported;                /* a call has returned that failure */
    struct envl_err refusal;      /* of a call that did not fail the stream */
    const struct envl_err *last;

    struct envl_encryptor encryptor; /* direction says which one is used */
    struct envl_decryptor decryptor;
    struct envl_output_queue queue;
    struct span span;
    unsigned char *scratch; /* SCRATCH_LEN bytes, once needed */
};

struct envl_stream *
envl_stream_new(const struct envl_libctx *ctx,
                const struct envl_settings *settings,
                enum envl_direction direction)
{
    struct envl_stream *stream = OPENSSL_zalloc(sizeof(*stream));

    if (stream == NULL)
        return NULL;
    stream->ctx = ctx;
    stream->settings = settings;
    stream->direction = direction;
    stream->last = &stream->failure;
    return stream;
}

void
envl_stream_free(struct envl_stream *stream)
{
    if (stream == NULL)
        return;
    envl_encryptor_clear(&stream->encryptor);
    envl_decryptor_clear(&stream->decryptor);
    envl_output_queue_clear(&stream->queue);
    OPENSSL_clear_free(stream->scratch, SCRATCH_LEN);
    OPENSSL_clear_free(stream, sizeof(*stream));
}

void
envl_stream_set_keyring(struct envl_stream *stream,
                        struct envl_keyring *keyring)
{
    stream->encryptor.keyring = keyring;
    stream->decryptor.keyring = keyring;
}

struct envl_payload *
envl_stream_payload(const struct envl_stream *stream)
{
    return stream->direction == ENVL_ENCRYPT ? stream->encryptor.payload
                                             : stream->decryptor.payload;
}

/* Output room */

/* Bytes that a call may return beyond its input (<envelope/envelope.h>). */
static size_t
slack_of(const struct envl_stream *stream, size_t in_len, bool final)
{
    if (stream->settings->has_output_slack)
        return stream->settings->output_slack;
    if (stream->direction == ENVL_DECRYPT)
        return 0;
    return final || in_len > ENVELOPE_SMALL_UPDATE ? ENVELOPE_BLOCK_SIZE
                                                   : ENVELOPE_UPDATE_SLACK;
}

static size_t
room_of(const struct envl_stream *stream, size_t in_len, size_t out_size,
        bool final)
{
    size_t room = in_len + slack_of(stream, in_len, final);

    /* A slack that was set counts, even if out_size does not include it. */
    if (!stream->settings->has_output_slack && room > out_size)
        room = out_size;
    /* EVP returns lengths as int. */
    return room < INT_MAX ? room : INT_MAX;
}

/*
 * Does this call's output follow the output of the update before?  Many
 * programs encrypt with one update and one final call into one buffer, which
 * has room for the input and one block only, although each call may return a
 * block more than its input.  The output pointer shows such a program.
 */
static bool
goes_on(const struct envl_stream *stream, const unsigned char *out,
        size_t in_len)
{
    const struct span *span = &stream->span;

    return stream->direction == ENVL_ENCRYPT
           && !stream->settings->has_output_slack && !span->is_over
           && !(span->has_data && in_len > 0) && span->end != NULL
           && out == span->end;
}

static size_t
room_in_span(const struct envl_stream *stream, const unsigned char *out,
             size_t in_len, size_t room)
{
    const struct span *span = &stream->span;
    size_t left;

    if (!goes_on(stream, out, in_len))
        return room;
    left = span->in_len + in_len + ENVELOPE_BLOCK_SIZE - span->out_len;
    return left < room ? left : room;
}

/* Note that an update has returned out_len bytes. */
static void
extend_span(struct envl_stream *stream, const unsigned char *out,
            size_t out_len, size_t in_len)
{
    struct span *span = &stream->span;

    if (out == NULL)
        return;
    if (!goes_on(stream, out, in_len)) {
        span->is_over = span->is_over || (span->has_data && in_len > 0);
        span->in_len = span->out_len = 0;
    }
    span->has_data = span->has_data || in_len > 0;
    span->end = out + out_len;
    span->in_len += in_len;
    span->out_len += out_len;
}

/* Encrypting: an update's room must suffice for the tags that it adds. */
static enum envelope_reason
check_update_room(struct envl_stream *stream, size_t in_len)
{
    size_t slack = slack_of(stream, in_len, false);
    size_t tags =
        envl_payload_tags_in(stream->encryptor.payload, in_len) * ENVL_TAG_LEN;

    if (tags <= slack)
        return ENVELOPE_OK;
    return envl_fail(&stream->failure, ENVELOPE_R_OUTPUT_ROOM,
                     "an update of %zu bytes adds %zu, and %zu are allowed: "
                     "pass less at once or set output-slack",
                     in_len, tags, slack);
}

/* Encrypting: the final call's output must fit its room. */
static enum envelope_reason
check_final_room(struct envl_stream *stream, const unsigned char *out,
                 size_t room)
{
    size_t need = stream->queue.queued + ENVL_TAG_LEN;

    if (need <= room)
        return ENVELOPE_OK;
    if (goes_on(stream, out, 0) && need <= ENVELOPE_BLOCK_SIZE)
        return envl_fail(&stream->failure, ENVELOPE_R_OUTPUT_ROOM,
                         "%zu bytes are left for the last call, which writes "
                         "right after an update: %zu bytes of input may give "
                         "%zu of output in one buffer; encrypt in more than "
                         "one update, give the last call a buffer of its own, "
                         "or set output-slack",
                         need, stream->span.in_len,
                         stream->span.in_len + ENVELOPE_BLOCK_SIZE);
    return envl_fail(&stream->failure, ENVELOPE_R_OUTPUT_ROOM,
                     "the header of %u bytes is too large for so short an "
                     "input: %zu bytes are left and the last call may return "
                     "%zu; use fewer recipients, a smaller reserve, more "
                     "input, or set output-slack",
                     (unsigned)stream->encryptor.header.prelude.header_len,
                     need, room);
}

/* Failure */

static enum envelope_reason
fail(struct envl_stream *stream)
{
    stream->state = FAILED;
    stream->reported = true;
    envl_output_queue_rewind(&stream->queue, 0);
    stream->last = &stream->failure;
    return stream->failure.reason;
}

/* May a failure of an update wait for the final call? */
static bool
withholds_errors(const struct envl_stream *stream)
{
    return stream->direction == ENVL_DECRYPT && stream->settings->errors_at_end;
}

static enum envelope_reason
refuse(struct envl_stream *stream)
{
    stream->last = &stream->refusal;
    return stream->refusal.reason;
}

/* May a call begin: is the state good, and this the right process? */
static enum envelope_reason
check_state(struct envl_stream *stream)
{
    if (stream->state == RUNNING && stream->direction == ENVL_ENCRYPT
        && !envl_fork_guard_holds(&stream->guard)) {
        (void)envl_fail(&stream->failure, ENVELOPE_R_IN_USE,
                        "the process was forked: only the parent can go on, "
                        "a copy would use the same key and nonces again");
        return fail(stream);
    }
    if (stream->state == FAILED) {
        stream->reported = true;
        stream->last = &stream->failure;
        return stream->failure.reason;
    }
    if (stream->state == ENDED) {
        (void)envl_fail(&stream->refusal, ENVELOPE_R_NO_STREAM,
                        "the stream has ended; initialise the context again "
                        "for another");
        return refuse(stream);
    }
    return ENVELOPE_OK;
}

/* Steps */

static enum envelope_reason
begin(struct envl_stream *stream)
{
    const struct envl_settings *settings = stream->settings;
    enum envelope_reason rc;

    if (stream->state != NEW)
        return ENVELOPE_OK;
    stream->state = RUNNING;
    if (stream->direction == ENVL_ENCRYPT)
        envl_fork_guard_set(&stream->guard, stream->ctx->watch);
    rc = envl_libctx_check(stream->ctx, &stream->failure);
    if (rc != ENVELOPE_OK)
        return rc;
    if (stream->direction == ENVL_ENCRYPT)
        return envl_encryptor_start(&stream->encryptor, stream->ctx, settings,
                                    &stream->queue, &stream->failure);
    if (settings->verified_only
        && (!settings->has_output_slack
            || settings->output_slack < ENVL_CHUNK_LEN))
        return envl_fail(&stream->failure, ENVELOPE_R_OUTPUT_ROOM,
                         "release=verified needs an output-slack of at least "
                         "%d bytes",
                         ENVL_CHUNK_LEN);
    return ENVELOPE_OK;
}

/* An update of no bytes makes the header before any data comes. */
static enum envelope_reason
begin_early(struct envl_stream *stream, const unsigned char *out, size_t room,
            size_t *out_len)
{
    if (begin(stream) != ENVELOPE_OK)
        return fail(stream);
    if (out != NULL)
        envl_output_queue_extend(&stream->queue, room);
    *out_len = stream->queue.len;
    extend_span(stream, out, *out_len, 0);
    return ENVELOPE_OK;
}

/* Process input that does not overlap the output. */
static enum envelope_reason
feed(struct envl_stream *stream, const unsigned char *in, size_t len)
{
    enum envelope_reason rc = ENVELOPE_OK;
    size_t taken = 0;

    if (stream->direction == ENVL_DECRYPT)
        rc = envl_decryptor_gather(&stream->decryptor, stream->ctx,
                                   stream->settings, in, len, &taken,
                                   &stream->failure);
    if (rc == ENVELOPE_OK && len > taken)
        rc = envl_payload_update(envl_stream_payload(stream), &stream->queue,
                                 in + taken, len - taken, &stream->failure);
    return rc;
}

/*
 * The output may be longer than the input so far, and would overwrite input: so
 * copy a piece of the input first, and write no more than has been copied.
 */
static enum envelope_reason
feed_in_place(struct envl_stream *stream, const unsigned char *in, size_t len,
              size_t room)
{
    enum envelope_reason rc = ENVELOPE_OK;
    size_t done = 0, n;

    if (stream->scratch == NULL
        && (stream->scratch = OPENSSL_malloc(SCRATCH_LEN)) == NULL)
        return envl_fail_memory(&stream->failure);
    while (done < len && rc == ENVELOPE_OK) {
        n = len - done < SCRATCH_LEN ? len - done : SCRATCH_LEN;
        memcpy(stream->scratch, in + done, n);
        done += n;
        envl_output_queue_extend(&stream->queue, done < len ? done : room);
        rc = feed(stream, stream->scratch, n);
    }
    return rc;
}

static bool
overlap(const unsigned char *a, size_t a_len, const unsigned char *b,
        size_t b_len)
{
    uintptr_t pa = (uintptr_t)a, pb = (uintptr_t)b;

    return pa < pb + b_len && pb < pa + a_len;
}

enum envelope_reason
envl_stream_update(struct envl_stream *stream, unsigned char *out,
                   size_t *out_len, size_t out_size, const unsigned char *in,
                   size_t in_len)
{
    size_t room = room_in_span(stream, out, in_len,
                               room_of(stream, in_len, out_size, false));
    enum envelope_reason rc;

    *out_len = 0;
    envl_output_queue_begin(&stream->queue, out, 0);
    if (stream->state == FAILED && withholds_errors(stream))
        return ENVELOPE_OK;
    if ((rc = check_state(stream)) != ENVELOPE_OK)
        return rc;
    if (in_len == 0)
        return stream->direction == ENVL_ENCRYPT
                   ? begin_early(stream, out, room, out_len)
                   : ENVELOPE_OK;
    if (in_len > INT_MAX) {
        (void)envl_fail(
            &stream->failure, ENVELOPE_R_PARAMETER,
            "a negative length: read from BIO_f_cipher() at most "
            "256 bytes at once, or decrypt with " ENVELOPE_DECRYPT_NAME);
        return fail(stream);
    }
    if (out == NULL) {
        (void)envl_fail(&stream->failure, ENVELOPE_R_OUTPUT_ROOM,
                        "no output buffer; there is no additional data to "
                        "authenticate, use labels");
        return fail(stream);
    }
    if (in != out && overlap(in, in_len, out, room)) {
        (void)envl_fail(&stream->failure, ENVELOPE_R_OVERLAP,
                        "output must be the input's own buffer or another "
                        "one");
        return fail(stream);
    }
    rc = begin(stream);
    if (rc == ENVELOPE_OK && stream->direction == ENVL_ENCRYPT)
        rc = check_update_room(stream, in_len);
    if (rc == ENVELOPE_OK && in == out) {
        rc = feed_in_place(stream, in, in_len, room);
    } else if (rc == ENVELOPE_OK) {
        envl_output_queue_extend(&stream->queue, room);
        rc = feed(stream, in, in_len);
    }
    /* Return the plaintext of verified chunks; the next call fails. */
    if (rc != ENVELOPE_OK && !withholds_errors(stream)
        && (stream->direction == ENVL_ENCRYPT || stream->queue.len == 0))
        return fail(stream);
    if (rc != ENVELOPE_OK) {
        stream->state = FAILED;
        stream->reported = false;
    }
    *out_len = stream->queue.len;
    extend_span(stream, out, *out_len, in_len);
    return ENVELOPE_OK;
}

enum envelope_reason
envl_stream_final(struct envl_stream *stream, unsigned char *out,
                  size_t *out_len, size_t out_size)
{
    size_t room = out != NULL ? room_in_span(stream, out, 0,
                                             room_of(stream, 0, out_size, true))
                              : 0;
    enum envelope_reason rc;

    *out_len = 0;
    envl_output_queue_begin(&stream->queue, out, 0);
    if ((rc = check_state(stream)) != ENVELOPE_OK)
        return rc;
    rc = begin(stream);
    if (rc == ENVELOPE_OK && stream->direction == ENVL_ENCRYPT)
        rc = check_final_room(stream, out, room);
    else if (rc == ENVELOPE_OK && stream->decryptor.state != ENVL_AT_PAYLOAD)
        rc = envl_decryptor_fail_short(&stream->decryptor, &stream->failure);
    if (rc == ENVELOPE_OK) {
        envl_output_queue_extend(&stream->queue, room);
        rc = envl_payload_final(envl_stream_payload(stream), &stream->queue,
                                &stream->failure);
    }
    if (rc == ENVELOPE_OK && stream->queue.queued > 0)
        rc = envl_fail(&stream->failure, ENVELOPE_R_OUTPUT_ROOM,
                       "%zu bytes of text are left and the last call has no "
                       "room for them",
                       stream->queue.queued);
    if (rc != ENVELOPE_OK)
        return fail(stream);
    stream->state = ENDED;
    *out_len = stream->queue.len;
    return ENVELOPE_OK;
}

/*
 * May a seek end this failure?  A bad chunk does not affect other chunks.  But
 * a failure that no call has returned yet must be returned first.
 */
static bool
can_go_on(const struct envl_stream *stream)
{
    const struct envl_payload *payload = envl_stream_payload(stream);

    if (stream->state == ENDED)
        return true;
    if (stream->state != FAILED || !stream->reported || payload == NULL
        || !envl_payload_is_verified_only(payload))
        return false;
    switch (stream->failure.reason) {
    case ENVELOPE_R_CHUNK:
    case ENVELOPE_R_LAST_CHUNK:
    case ENVELOPE_R_TRUNCATED:
    case ENVELOPE_R_TRAILING_DATA:
        return true;
    default:
        return false;
    }
}

enum envelope_reason
envl_stream_seek(struct envl_stream *stream, uint64_t index)
{
    enum envelope_reason rc =
        can_go_on(stream) ? ENVELOPE_OK : check_state(stream);

    if (rc != ENVELOPE_OK)
        return rc;
    if (envl_stream_payload(stream) == NULL) {
        (void)envl_fail(&stream->refusal, ENVELOPE_R_PARAMETER,
                        "the next chunk can be chosen only after the header, "
                        "the salt and the commitment");
        return refuse(stream);
    }
    rc =
        envl_payload_seek(envl_stream_payload(stream), index, &stream->refusal);
    if (rc != ENVELOPE_OK)
        return refuse(stream);
    stream->state = RUNNING;
    return ENVELOPE_OK;
}

enum envelope_reason
envl_stream_reserve(struct envl_stream *stream, uint64_t count, uint64_t *index)
{
    enum envelope_reason rc;

    envl_output_queue_begin(&stream->queue, NULL,
                            0); /* what was given out stays */
    if ((rc = check_state(stream)) != ENVELOPE_OK)
        return rc;
    if (envl_stream_payload(stream) == NULL)
        rc = envl_fail(&stream->failure, ENVELOPE_R_PARAMETER,
                       "batches of chunks come after the header");
    else
        rc = envl_payload_reserve(envl_stream_payload(stream), count, index,
                                  &stream->failure);
    return rc == ENVELOPE_OK ? rc : fail(stream);
}

const struct envl_err *
envl_stream_err(const struct envl_stream *stream)
{
    return stream->last;
}

bool
envl_stream_is_new(const struct envl_stream *stream)
{
    return stream->state == NEW;
}

const unsigned char *
envl_stream_header(const struct envl_stream *stream, size_t *len)
{
    const struct envl_header *header = stream->direction == ENVL_ENCRYPT
                                           ? &stream->encryptor.header
                                           : &stream->decryptor.header;

    if (header->bytes == NULL
        || (stream->direction == ENVL_DECRYPT
            && stream->decryptor.state < ENVL_AT_START))
        return NULL;
    *len = header->prelude.header_len;
    return header->bytes;
}

const struct envl_recipient_notes *
envl_stream_notes(const struct envl_stream *stream)
{
    return &stream->encryptor.notes;
}

uint64_t
envl_stream_verified_len(const struct envl_stream *stream)
{
    const struct envl_payload *payload = envl_stream_payload(stream);

    return payload != NULL ? envl_payload_verified_len(payload) : 0;
}

enum envelope_reason
envl_stream_sign_receipt(const struct envl_stream *stream, const char *receipt,
                         size_t receipt_len, unsigned char **der, size_t *len,
                         struct envl_err *err)
{
    const struct envl_signature_keys *signers = stream->encryptor.signers;
    struct envl_octets message = { NULL, 0 };
    enum envelope_reason rc;

    *der = NULL;
    *len = 0;
    if (signers == NULL)
        return ENVELOPE_OK;
    rc = envl_receipt_message(&message, receipt, receipt_len, err);
    if (rc == ENVELOPE_OK)
        rc = envl_signing_make(der, len, signers, stream->ctx, &message, err);
    envl_octets_clear(&message);
    return rc;
}
