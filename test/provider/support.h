/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the API tests share: a library context with the module, keys made in
 * memory, whole streams at any cut, and a look at the error queue.
 */
#ifndef ENVL_TEST_API_SUPPORT_H
#define ENVL_TEST_API_SUPPORT_H

#include <stdbool.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/x509.h>

#include <envelope/envelope.h>

#include "test/support/cmocka.h"

#define TAG_LEN 16
#define PRELUDE_LEN 32

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* A library context with the provider in it */

struct support {
    OSSL_LIB_CTX *libctx;
    OSSL_PROVIDER *provider, *beside; /* beside: "default", or NULL */
    EVP_CIPHER *cipher;
};

/*
 * support_open - a fresh library context with the module that
 * $ENVELOPE_MODULES holds, and the default provider if so asked
 *
 * libcrypto gives every provider that it loads another library number for
 * its errors and has little more than a hundred of them: open one context
 * for a group of tests, not one for each.
 */
enum support_beside { SUPPORT_ALONE, SUPPORT_WITH_DEFAULT };
void support_open(struct support *s, enum support_beside beside);
void support_close(struct support *s);

/* As cmocka's group fixture: *state becomes a struct support. */
int support_group_setup(void **state);
int support_group_teardown(void **state);

/* Bytes */

struct octets {
    unsigned char *data; /* from malloc(), len bytes at least; or NULL */
    size_t len;
};

void *support_malloc(size_t len); /* never NULL, also for 0 */
struct octets support_octets(const void *data, size_t len);
struct octets support_join(struct octets a, struct octets b); /* a copy */
void support_drop(struct octets *octets);

/* support_noise - pseudo-random bytes, the same for the same seed */
struct octets support_noise(size_t len, uint64_t seed);

extern const unsigned char support_kek[ENVELOPE_KEY_LENGTH];
extern const unsigned char support_other_kek[ENVELOPE_KEY_LENGTH];

/* Parameters; the values are borrowed until the list has been used */

struct support_params {
    OSSL_PARAM list[24]; /* ends with OSSL_PARAM_END at all times */
    uint64_t numbers[24];
    size_t count;
};

void support_params_init(struct support_params *params);
void support_add_text(struct support_params *params, const char *name,
                      const char *text);
void support_add_octets(struct support_params *params, const char *name,
                        const void *data, size_t len);
void support_add_number(struct support_params *params, const char *name,
                        uint64_t number);

/* Streams */

/* support_init - a new context, initialised; the test fails if that does */
enum support_direction { SUPPORT_OPEN = 0, SUPPORT_SEAL = 1 };
EVP_CIPHER_CTX *support_init(const struct support *s,
                             enum support_direction direction,
                             const unsigned char *key,
                             const OSSL_PARAM *params);

struct support_how {
    size_t cut; /* bytes in an update; 0: all at once */
    bool in_place;
    bool has_slack; /* the output-slack that the context was given */
    size_t slack;
    /* called after every call that succeeded, with the output so far */
    void (*after)(EVP_CIPHER_CTX *ctx, const struct octets *out);
};

/*
 * support_room - bytes of output that <envelope/envelope.h> promises a call
 * stays within
 */
size_t support_room(const struct support_how *how,
                    enum support_direction direction, size_t in_len,
                    bool final);

/*
 * support_update, support_final - one call, its buffers exactly as large as
 * they must be; what came out is put after out
 *
 * Fails the test where a call keeps to another contract than its own: more
 * output than promised, output or a length after a failure, anything left in
 * the buffer after the output, an error record after a success.
 * Returns: what libcrypto returned.
 */
bool support_update(EVP_CIPHER_CTX *ctx, const struct support_how *how,
                    const void *in, size_t len, struct octets *out);
bool support_final(EVP_CIPHER_CTX *ctx, const struct support_how *how,
                   struct octets *out);

/* support_run - all of in, then the final call; false at the first failure */
bool support_run(EVP_CIPHER_CTX *ctx, const struct support_how *how,
                 const void *in, size_t len, struct octets *out);

/* support_seal, support_opens - a whole stream with a context of its own:
 * the first must work; the second says whether it did */
struct octets support_seal(const struct support *s, const unsigned char *key,
                           const OSSL_PARAM *params,
                           const struct support_how *how, const void *in,
                           size_t len);
bool support_opens(const struct support *s, const unsigned char *key,
                   const OSSL_PARAM *params, const struct support_how *how,
                   struct octets in, struct octets *out);

/* support_get - a number that the context knows */
size_t support_get(EVP_CIPHER_CTX *ctx, const char *name);
/* support_header - the bytes of the header; it must be known */
struct octets support_header(EVP_CIPHER_CTX *ctx);

/* support_stream_length - FORMAT 1: one length for one plaintext */
size_t support_stream_length(size_t header_len, size_t text_len);

/* Errors */

/*
 * expect_reason - the last call failed, with one record of this provider on
 * top of the error queue, that reason in it and word in its detail
 *
 * The queue is empty afterwards.
 */
#define expect_reason(reason, word) \
    support_expect_reason(reason, word, __FILE__, __LINE__)
void support_expect_reason(int reason, const char *word, const char *file,
                           int line);

/* support_take_reason - the reason of that record, with the same checks */
#define take_reason() support_take_reason(__FILE__, __LINE__)
int support_take_reason(const char *file, int line);

/* assert_no_errors - the error queue is empty */
#define assert_no_errors() support_assert_no_errors(__FILE__, __LINE__)
void support_assert_no_errors(const char *file, int line);

/* Keys */

/* support_keygen - EVP_PKEY_Q_keygen() of "RSA" with bits, "EC" with curve
 * or another kind without either; NULL where libcrypto has not got it */
EVP_PKEY *support_keygen(const struct support *s, const char *type,
                         const char *curve, size_t bits);

/* Encodings: format is "PEM" or "DER". */
struct octets support_public(EVP_PKEY *key, const char *format);
struct octets support_private(EVP_PKEY *key, const char *format);
struct octets support_encrypted(EVP_PKEY *key, const char *format,
                                const char *passphrase);

/* support_cert - a self-made certificate, valid from and to so many seconds
 * from now; an Ed25519 key signs it */
enum support_ski { SUPPORT_NO_SKI, SUPPORT_SKI };
X509 *support_cert(const struct support *s, EVP_PKEY *key, enum support_ski ski,
                   long from, long to);
struct octets support_cert_octets(X509 *cert, const char *format);

#endif
