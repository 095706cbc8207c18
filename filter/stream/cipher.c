/* SPDX-License-Identifier: Apache-2.0 */
/* EVP calls, each bracketed so that the program's error queue stays its own. */
#include "filter/stream/cipher.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <envelope/envelope.h>

#include "filter/stream/library.h"
#include "lib/stream/stream.h"

/* One can read or write while the other is busy. */
#define THREADS_DEFAULT 2

/* As many parameters as an option list can make, and the end. */
#define PARAM_COUNT_MAX 16

struct envl_session {
    EVP_CIPHER_CTX *ctx;
    struct envl_stream *stream; /* what ctx has inside, for runs */
    unsigned threads;
    void (*trace)(void);
};

/* Errors */

/* The program's records end here, and ours begin. */
static void
begin(void)
{
    ERR_set_mark();
    envl_err_begin();
}

/* The failure that the cipher has kept, if it was the one that failed. */
static bool
was_cipher(const struct envl_session *session, struct envl_err *err)
{
    void *failure = NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_ptr(ENVL_PARAM_FAILURE, &failure, 0),
        OSSL_PARAM_construct_end(),
    };

    if (!EVP_CIPHER_CTX_get_params(session->ctx, params) || failure == NULL
        || ((const struct envl_err *)failure)->reason == ENVELOPE_OK)
        return false;
    *err = *(const struct envl_err *)failure;
    return true;
}

/*
 * What the cipher says of its failure, or else libcrypto; and drop what came
 * since begin().  The error queue is not asked for the cipher's reason: its
 * library's number, libcrypto's alone, may have been given to no provider at
 * all if others had used them up.
 */
static enum envelope_reason
take_error(const struct envl_session *session, struct envl_err *err,
           const char *what)
{
    struct envl_err said;

    (void)envl_fail_crypto(err, what);
    if (session->trace != NULL)
        session->trace();
    if (session->ctx != NULL && was_cipher(session, &said))
        *err = said;
    ERR_pop_to_mark();
    return err->reason;
}

/* Parameters */

struct list {
    OSSL_PARAM items[PARAM_COUNT_MAX];
    size_t count;
    size_t numbers[PARAM_COUNT_MAX];
    void *callback;
};

static void
add_text(struct list *list, const char *name, char *text)
{
    if (text != NULL)
        list->items[list->count++] =
            OSSL_PARAM_construct_utf8_string(name, text, 0);
}

static void
add_number(struct list *list, const char *name, long number)
{
    size_t *to = &list->numbers[list->count];

    if (number < 0)
        return;
    *to = (size_t)number;
    list->items[list->count++] = OSSL_PARAM_construct_size_t(name, to);
}

static void
make_params(struct list *list, const struct envl_options *options,
            enum envl_direction direction)
{
    static char verified[] = ENVELOPE_RELEASE_VERIFIED;

    *list = (struct list){ 0 };
    if (direction == ENVL_ENCRYPT) {
        add_text(list, ENVELOPE_PARAM_RECIPIENTS, options->recipients);
        add_text(list, ENVELOPE_PARAM_LABELS, options->labels);
        add_number(list, ENVELOPE_PARAM_RESERVE, options->reserve);
        add_number(list, ENVELOPE_PARAM_WORK_FACTOR, options->work_factor);
        add_number(list, ENVELOPE_PARAM_ALLOW_EXPIRED, options->allow_expired);
        add_number(list, ENVELOPE_PARAM_SKIP_EXPIRED, options->skip_expired);
        add_number(list, ENVELOPE_PARAM_ALLOW_USAGE, options->allow_usage);
        add_number(list, ENVELOPE_PARAM_REQUIRE_POST_QUANTUM,
                   options->require_post_quantum);
    } else {
        add_text(list, ENVELOPE_PARAM_IDENTITIES, options->identities);
        add_text(list, ENVELOPE_PARAM_RELEASE, verified);
    }
    if (options->passphrase != NULL)
        list->items[list->count++] = OSSL_PARAM_construct_octet_string(
            ENVELOPE_PARAM_PASSPHRASE, options->passphrase,
            strlen(options->passphrase));
    add_text(list, ENVELOPE_PARAM_PASSPHRASE_FILE, options->passphrase_file);
    if (options->callback != NULL) {
        list->callback = (void *)(uintptr_t)options->callback;
        list->items[list->count++] = OSSL_PARAM_construct_octet_ptr(
            ENVELOPE_PARAM_PASSPHRASE_CALLBACK, &list->callback,
            sizeof(*options->callback));
    }
    add_number(list, ENVELOPE_PARAM_THREADS, options->threads);
    add_number(list, ENVELOPE_PARAM_OUTPUT_SLACK, ENVL_SLACK_LEN);
    list->items[list->count] = OSSL_PARAM_construct_end();
}

/* Sessions */

/* Nobody else may set it: it is not among the parameters that are told. */
static int
set_files_in_use(const struct envl_session *session,
                 const struct envl_options *options)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(
            ENVL_PARAM_FILES_IN_USE, options->in_use.data, options->in_use.len),
        OSSL_PARAM_construct_end(),
    };

    return options->in_use.data == NULL
           || EVP_CIPHER_CTX_set_params(session->ctx, params);
}

static enum envelope_reason
set_up(struct envl_session *session, const struct list *params,
       const struct envl_options *options, enum envl_direction direction,
       struct envl_err *err)
{
    const struct envl_library *library;
    enum envelope_reason rc = envl_library_get(&library, err);

    if (rc != ENVELOPE_OK)
        return rc;
    begin();
    if ((session->ctx = EVP_CIPHER_CTX_new()) == NULL
        || !EVP_CipherInit_ex2(session->ctx, library->cipher, options->kek,
                               NULL, direction == ENVL_ENCRYPT, params->items)
        || !set_files_in_use(session, options))
        return take_error(session, err, "initialise the cipher");
    ERR_pop_to_mark();
    return ENVELOPE_OK;
}

enum envelope_reason
envl_session_new(struct envl_session **out, const struct envl_options *options,
                 enum envl_direction direction, struct envl_err *err)
{
    struct envl_session *session =
        ENVL_QUIETLY(OPENSSL_zalloc(sizeof(*session)));
    enum envelope_reason rc;
    struct list params;

    *out = NULL;
    if (session == NULL)
        return envl_fail_memory(err);
    session->trace = options->trace;
    make_params(&params, options, direction);
    rc = set_up(session, &params, options, direction, err);
    if (rc != ENVELOPE_OK) {
        envl_session_free(session);
        return rc;
    }
    *out = session;
    return ENVELOPE_OK;
}

void
envl_session_free(struct envl_session *session)
{
    if (session == NULL)
        return;
    EVP_CIPHER_CTX_free(session->ctx);
    OPENSSL_free(session);
}

enum envelope_reason
envl_session_update(struct envl_session *session, unsigned char *out,
                    size_t *out_len, const unsigned char *in, size_t in_len,
                    struct envl_err *err)
{
    int n = 0;

    *out_len = 0;
    begin();
    if (!EVP_CipherUpdate(session->ctx, out, &n, in, (int)in_len))
        return take_error(session, err, "run the cipher");
    ERR_pop_to_mark();
    *out_len = (size_t)n;
    return ENVELOPE_OK;
}

enum envelope_reason
envl_session_final(struct envl_session *session, unsigned char *out,
                   size_t *out_len, struct envl_err *err)
{
    int n = 0;

    *out_len = 0;
    begin();
    if (!EVP_CipherFinal_ex(session->ctx, out, &n))
        return take_error(session, err, "end the cipher");
    ERR_pop_to_mark();
    *out_len = (size_t)n;
    return ENVELOPE_OK;
}

/* Runs */

enum envelope_reason
envl_session_prepare_runs(struct envl_session *session, struct envl_err *err)
{
    unsigned threads = 0;
    void *stream = NULL;
    OSSL_PARAM said[] = {
        OSSL_PARAM_construct_uint(ENVELOPE_PARAM_THREADS, &threads),
        OSSL_PARAM_construct_octet_ptr(ENVL_PARAM_STREAM, &stream, 0),
        OSSL_PARAM_construct_end(),
    };
    OSSL_PARAM needed[] = {
        OSSL_PARAM_construct_uint(ENVL_PARAM_LANES, &session->threads),
        OSSL_PARAM_construct_end(),
    };

    begin();
    if (!EVP_CIPHER_CTX_get_params(session->ctx, said))
        return take_error(session, err, "ask for the threads");
    session->threads = threads > 0 ? threads : THREADS_DEFAULT;
    session->stream = stream;
    if (!EVP_CIPHER_CTX_set_params(session->ctx, needed))
        return take_error(session, err, "set the lanes");
    ERR_pop_to_mark();
    return ENVELOPE_OK;
}

unsigned
envl_session_threads(const struct envl_session *session)
{
    return session->threads;
}

enum envelope_reason
envl_session_reserve(struct envl_session *session, uint64_t count,
                     uint64_t *index, struct envl_err *err)
{
    enum envelope_reason rc =
        envl_stream_reserve(session->stream, count, index);

    if (rc != ENVELOPE_OK)
        *err = *envl_stream_err(session->stream);
    return rc;
}

enum envelope_reason
envl_session_run(struct envl_session *session, unsigned lane, uint64_t index,
                 unsigned char *data, size_t count, size_t *good,
                 struct envl_err *err)
{
    struct envl_payload *payload = envl_stream_payload(session->stream);
    enum envelope_reason rc = ENVELOPE_OK;

    begin();
    *good = envl_payload_run(payload, lane, index, data, count);
    if (*good < count)
        rc = envl_payload_explain(payload, lane, index + *good,
                                  data + *good * ENVELOPE_SEALED_CHUNK_LENGTH,
                                  err);
    ERR_pop_to_mark();
    return rc;
}

const struct envl_recipient_notes *
envl_session_notes(const struct envl_session *session)
{
    return session->stream != NULL ? envl_stream_notes(session->stream) : NULL;
}

size_t
envl_session_header_len(const struct envl_session *session)
{
    size_t len = 0;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_size_t(ENVELOPE_PARAM_HEADER_LENGTH, &len),
        OSSL_PARAM_construct_end(),
    };

    return EVP_CIPHER_CTX_get_params(session->ctx, params) ? len : 0;
}

enum envelope_reason
envl_session_seek(struct envl_session *session, uint64_t chunk,
                  struct envl_err *err)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_uint64(ENVELOPE_PARAM_NEXT_CHUNK, &chunk),
        OSSL_PARAM_construct_end(),
    };

    begin();
    if (!EVP_CIPHER_CTX_set_params(session->ctx, params))
        return take_error(session, err, "choose the next chunk");
    ERR_pop_to_mark();
    return ENVELOPE_OK;
}
