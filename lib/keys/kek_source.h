/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KEK sources (FORMAT 5.2): an OtherKeyAttribute says how a reader gets the
 * key-encryption key (KEK) of a kekri again.
 */
#ifndef ENVL_KEK_SOURCE_H
#define ENVL_KEK_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/der.h"
#include "lib/base/err.h"
#include "lib/base/libctx.h"

#define ENVL_KEK_LEN 32
#define ENVL_SCRYPT_SALT_LEN 32

/* Key services, FORMAT 5.2. */
#define ENVL_KMS_SERVICE_LEN_MAX 16
#define ENVL_KMS_KEY_LEN_MAX 2048
#define ENVL_KMS_BLOB_LEN_MAX 8192

/* The limits of a reader's work on passphrases, FORMAT 5.2. */
#define ENVL_SCRYPT_MEMORY_MAX (UINT64_C(1) << 30)
#define ENVL_SCRYPT_WORK_MAX (UINT64_C(1) << 24)
#define ENVL_SCRYPT_RP_MAX 64

/* An attacker who sees a reader's exit status could use it to test passphrases:
 * he would write headers with cheap work factors or many salts. */
#define ENVL_PASSPHRASE_COUNT_MAX 8
#define ENVL_SCRYPT_N_MIN (UINT64_C(1) << ENVL_SCRYPT_LOG_N_MIN)

/* log2 of n when writing. */
#define ENVL_SCRYPT_LOG_N_MIN 14
#define ENVL_SCRYPT_LOG_N_DEFAULT 17
#define ENVL_SCRYPT_LOG_N_MAX 20

enum envl_kek_kind {
    ENVL_KEK_BARE,   /* no source: the reader has the key */
    ENVL_KEK_SCRYPT, /* derived from a passphrase */
    ENVL_KEK_KMS,    /* a key service has encrypted the key */
    ENVL_KEK_UNKNOWN /* a source that this version does not know */
};

struct envl_kek_source {
    enum envl_kek_kind kind;
    union {
        struct {
            unsigned char salt[ENVL_SCRYPT_SALT_LEN];
            uint64_t n, r, p;
        } scrypt;
        struct {
            const char *service, *key; /* without a NUL */
            size_t service_len, key_len;
            bool has_context; /* the stream's labels are bound to the blob */
            const unsigned char *blob;
            size_t blob_len;
        } kms; /* borrowed from the attribute */
    } u;
};

/*
 * envl_kek_source_parse - read a kekri's other attribute
 *
 *   other  the content of the OtherKeyAttribute; p is NULL if there is none
 *
 * An attribute that is not understood is ENVL_KEK_UNKNOWN, never an error.
 */
void envl_kek_source_parse(struct envl_kek_source *source,
                           struct envl_der other);

/* envl_kek_source_put - write the OtherKeyAttribute of a source that is not
 * bare */
void envl_kek_source_put(struct envl_der_writer *w,
                         const struct envl_kek_source *source);

/*
 * envl_kek_scrypt_new - make a source with a fresh salt
 * envl_kek_scrypt_new_work - n * r * p of a source that is made with log_n
 * envl_kek_scrypt_work - n * r * p, or UINT64_MAX if a limit is exceeded
 * envl_kek_scrypt_is_tried - does a reader try this source at all?  No writer
 * makes others
 * envl_kek_scrypt_derive - derive the KEK from a passphrase of len bytes; the
 * caller has checked the work
 *
 *   log_n  log2 of scrypt's n; 0 for the default
 *   kek    receives the KEK, which the caller cleanses
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CRYPTO; ENVELOPE_R_MEMORY.
 */
enum envelope_reason envl_kek_scrypt_new(struct envl_kek_source *source,
                                         const struct envl_libctx *ctx,
                                         unsigned log_n, struct envl_err *err);
uint64_t envl_kek_scrypt_new_work(unsigned log_n);
uint64_t envl_kek_scrypt_work(const struct envl_kek_source *source);
bool envl_kek_scrypt_is_tried(const struct envl_kek_source *source);
enum envelope_reason envl_kek_scrypt_derive(
    unsigned char kek[ENVL_KEK_LEN], const struct envl_libctx *ctx,
    const struct envl_kek_source *source, const unsigned char *passphrase,
    size_t len, struct envl_err *err);

/*
 * envl_kek_kms_is_good - does FORMAT 5.2 allow this service, key and blob?
 * envl_kek_kms_id - the identifier of a service's key (FORMAT 5.1)
 */
bool envl_kek_kms_is_good(const struct envl_kek_source *source);
#define ENVL_KMS_ID_LEN 20
enum envelope_reason envl_kek_kms_id(unsigned char id[ENVL_KMS_ID_LEN],
                                     const struct envl_libctx *ctx,
                                     const struct envl_kek_source *source,
                                     struct envl_err *err);

/*
 * envl_kek_id - the identifier of a bare key-encryption key (FORMAT 5.1)
 */
#define ENVL_KEK_ID_LEN 20
enum envelope_reason envl_kek_id(unsigned char id[ENVL_KEK_ID_LEN],
                                 const struct envl_libctx *ctx,
                                 const unsigned char kek[ENVL_KEK_LEN],
                                 struct envl_err *err);

#endif
