/* SPDX-License-Identifier: Apache-2.0 */
/* EVP calls.  Each call leaves the program's error queue as it was. */
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

/* One thread can read or write while the other encrypts or decrypts. */
#define THREADS_DEFAULT 2

/* As many parameters as an option list can make, and the end. */
#define PARAM_COUNT_MAX 20

struct envl_cipher {
    EVP_CIPHER_CTX *ctx;
    struct envl_stream *stream; /* the stream inside ctx, for batches */
    unsigned threads;
    void (*trace)(void);
};

/* Errors */

/* Mark the end of the program's error records. */
static void
begin(void)
{
    ERR_set_mark();
    envl_err_begin();
}

/* Get the failure that the cipher has kept; false if the cipher did not
 * fail. */
static bool
was_cipher(const struct envl_cipher *cipher, struct envl_err *err)
{
    void *failure = NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_ptr(ENVL_PARAM_FAILURE, &failure, 0),
        OSSL_PARAM_construct_end(),
    };

    if (!EVP_CIPHER_CTX_get_params(cipher->ctx, params) || failure == NULL
        || ((const struct envl_err *)failure)->reason == ENVELOPE_OK)
        return false;
    *err = *(const struct envl_err *)failure;
    return true;
}

/*
 * Get the failure from the cipher, or else from libcrypto's error queue, and
 * drop the records since begin().  The cipher's reason is not read from the
 * queue: if other providers have used up libcrypto's error library numbers, the
 * provider's records have no number of their own.
 */
static enum envelope_reason
take_error(const struct envl_cipher *cipher, struct envl_err *err,
           const char *what)
{
    struct envl_err said;

    (void)envl_fail_crypto(err, what);
    if (cipher->trace != NULL)
        cipher->trace();
    if (cipher->ctx != NULL && was_cipher(cipher, &said))
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
        add_text(list, ENVELOPE_PARAM_SIGNERS, options->signers);
        add_number(list, ENVELOPE_PARAM_RESERVE, options->reserve);
        add_number(list, ENVELOPE_PARAM_WORK_FACTOR, options->work_factor);
        add_number(list, ENVELOPE_PARAM_ALLOW_EXPIRED, options->allow_expired);
        add_number(list, ENVELOPE_PARAM_SKIP_EXPIRED, options->skip_expired);
        add_number(list, ENVELOPE_PARAM_ALLOW_USAGE, options->allow_usage);
        add_number(list, ENVELOPE_PARAM_REQUIRE_POST_QUANTUM,
                   options->require_post_quantum);
    } else {
        add_text(list, ENVELOPE_PARAM_IDENTITIES, options->identities);
        add_text(list, ENVELOPE_PARAM_REQUIRE_LABELS, options->required_labels);
        add_text(list, ENVELOPE_PARAM_SIGNED_BY, options->signed_by);
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

/* The parameter is not documented, so that only this code sets it. */
static int
set_files_in_use(const struct envl_cipher *cipher,
                 const struct envl_options *options)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(
            ENVL_PARAM_FILES_IN_USE, options->in_use.data, options->in_use.len),
        OSSL_PARAM_construct_end(),
    };

    return options->in_use.data == NULL
           || EVP_CIPHER_CTX_set_params(cipher->ctx, params);
}

static enum envelope_reason
set_up(struct envl_cipher *cipher, const struct list *params,
       const struct envl_options *options, enum envl_direction direction,
       struct envl_err *err)
{
    const struct envl_library *library;
    enum envelope_reason rc = envl_library_get(&library, err);

    if (rc != ENVELOPE_OK)
        return rc;
    begin();
    if ((cipher->ctx = EVP_CIPHER_CTX_new()) == NULL
        || !EVP_CipherInit_ex2(cipher->ctx, library->cipher, options->kek, NULL,
                               direction == ENVL_ENCRYPT, params->items)
        || !set_files_in_use(cipher, options))
        return take_error(cipher, err, "initialise the cipher");
    ERR_pop_to_mark();
    return ENVELOPE_OK;
}

enum envelope_reason
envl_cipher_new(struct envl_cipher **out, const struct envl_options *options,
                enum envl_direction direction, struct envl_err *err)
{
    struct envl_cipher *cipher = ENVL_QUIETLY(OPENSSL_zalloc(sizeof(*cipher)));
    enum envelope_reason rc;
    struct list params;

    *out = NULL;
    if (cipher == NULL)
        return envl_fail_memory(err);
    cipher->trace = options->trace;
    make_params(&params, options, direction);
    rc = set_up(cipher, &params, options, direction, err);
    if (rc != ENVELOPE_OK) {
        envl_cipher_free(cipher);
        return rc;
    }
    *out = cipher;
    return ENVELOPE_OK;
}

void
envl_cipher_free(struct envl_cipher *cipher)
{
    if (cipher == NULL)
        return;
    EVP_CIPHER_CTX_free(cipher->ctx);
    OPENSSL_free(cipher);
}

enum envelope_reason
envl_cipher_update(struct envl_cipher *cipher, unsigned char *out,
                   size_t *out_len, const unsigned char *in, size_t in_len,
                   struct envl_err *err)
{
    int n = 0;

    *out_len = 0;
    begin();
    if (!EVP_CipherUpdate(cipher->ctx, out, &n, in, (int)in_len))
        return take_error(cipher, err, "run the cipher");
    ERR_pop_to_mark();
    *out_len = (size_t)n;
    return ENVELOPE_OK;
}

enum envelope_reason
envl_cipher_final(struct envl_cipher *cipher, unsigned char *out,
                  size_t *out_len, struct envl_err *err)
{
    int n = 0;

    *out_len = 0;
    begin();
    if (!EVP_CipherFinal_ex(cipher->ctx, out, &n))
        return take_error(cipher, err, "end the cipher");
    ERR_pop_to_mark();
    *out_len = (size_t)n;
    return ENVELOPE_OK;
}

/* Batches */

enum envelope_reason
envl_cipher_prepare_batches(struct envl_cipher *cipher, struct envl_err *err)
{
    unsigned threads = 0;
    void *stream = NULL;
    OSSL_PARAM said[] = {
        OSSL_PARAM_construct_uint(ENVELOPE_PARAM_THREADS, &threads),
        OSSL_PARAM_construct_octet_ptr(ENVL_PARAM_STREAM, &stream, 0),
        OSSL_PARAM_construct_end(),
    };
    OSSL_PARAM needed[] = {
        OSSL_PARAM_construct_uint(ENVL_PARAM_WORKERS, &cipher->threads),
        OSSL_PARAM_construct_end(),
    };

    begin();
    if (!EVP_CIPHER_CTX_get_params(cipher->ctx, said))
        return take_error(cipher, err, "ask for the threads");
    cipher->threads = threads > 0 ? threads : THREADS_DEFAULT;
    cipher->stream = stream;
    if (!EVP_CIPHER_CTX_set_params(cipher->ctx, needed))
        return take_error(cipher, err, "set the workers");
    ERR_pop_to_mark();
    return ENVELOPE_OK;
}

unsigned
envl_cipher_threads(const struct envl_cipher *cipher)
{
    return cipher->threads;
}

enum envelope_reason
envl_cipher_reserve(struct envl_cipher *cipher, uint64_t count, uint64_t *index,
                    struct envl_err *err)
{
    enum envelope_reason rc = envl_stream_reserve(cipher->stream, count, index);

    if (rc != ENVELOPE_OK)
        *err = *envl_stream_err(cipher->stream);
    return rc;
}

enum envelope_reason
envl_cipher_batch(struct envl_cipher *cipher, unsigned worker, uint64_t index,
                  unsigned char *data, size_t count, size_t *good,
                  struct envl_err *err)
{
    struct envl_payload *payload = envl_stream_payload(cipher->stream);
    enum envelope_reason rc = ENVELOPE_OK;

    begin();
    *good = envl_payload_batch(payload, worker, index, data, count);
    if (*good < count)
        rc = envl_payload_classify(payload, worker, index + *good,
                                   data + *good * ENVELOPE_SEALED_CHUNK_LENGTH,
                                   err);
    ERR_pop_to_mark();
    return rc;
}

const struct envl_recipient_notes *
envl_cipher_notes(const struct envl_cipher *cipher)
{
    return cipher->stream != NULL ? envl_stream_notes(cipher->stream) : NULL;
}

size_t
envl_cipher_header_len(const struct envl_cipher *cipher)
{
    size_t len = 0;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_size_t(ENVELOPE_PARAM_HEADER_LENGTH, &len),
        OSSL_PARAM_construct_end(),
    };

    return EVP_CIPHER_CTX_get_params(cipher->ctx, params) ? len : 0;
}

enum envelope_reason
envl_cipher_seek(struct envl_cipher *cipher, uint64_t chunk,
                 struct envl_err *err)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_uint64(ENVELOPE_PARAM_NEXT_CHUNK, &chunk),
        OSSL_PARAM_construct_end(),
    };

    begin();
    if (!EVP_CIPHER_CTX_set_params(cipher->ctx, params))
        return take_error(cipher, err, "choose the next chunk");
    ERR_pop_to_mark();
    return ENVELOPE_OK;
}

enum envelope_reason
envl_cipher_sign_receipt(const struct envl_cipher *cipher, const char *receipt,
                         size_t receipt_len, unsigned char **der, size_t *len,
                         struct envl_err *err)
{
    enum envelope_reason rc;

    begin();
    rc = envl_stream_sign_receipt(cipher->stream, receipt, receipt_len, der,
                                  len, err);
    ERR_pop_to_mark();
    return rc;
}
