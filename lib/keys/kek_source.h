/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KEK sources (FORMAT 5.2): how the key-encryption key of a kekri is got
 * again, as an OtherKeyAttribute, and getting it.
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

/* What a reader spends on passphrases, FORMAT 5.2. */
#define ENVL_SCRYPT_MEMORY_MAX (UINT64_C(1) << 30)
#define ENVL_SCRYPT_WORK_MAX (UINT64_C(1) << 24)
#define ENVL_SCRYPT_RP_MAX 64

/* A header with cheap work factors, or many salts, would let its maker try out
 * many passphrases on a reader whose exit status he sees. */
#define ENVL_PASSPHRASE_COUNT_MAX 8
#define ENVL_SCRYPT_N_MIN (UINT64_C(1) << ENVL_SCRYPT_LOG_N_MIN)

/* log2 of n when writing. */
#define ENVL_SCRYPT_LOG_N_MIN 14
#define ENVL_SCRYPT_LOG_N_DEFAULT 17
#define ENVL_SCRYPT_LOG_N_MAX 20

enum envl_kek_kind {
    ENVL_KEK_BARE,   /* no source: the reader has the key */
    ENVL_KEK_SCRYPT, /* from a passphrase */
    ENVL_KEK_KMS,    /* a key service has it */
    ENVL_KEK_UNKNOWN /* somebody else's */
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
            bool has_context; /* the stream's labels are a part of it */
            const unsigned char *blob;
            size_t blob_len;
        } kms; /* borrowed from the attribute */
    } u;
};

/*
 * envl_kek_source_parse - read a kekri's other attribute
 *
 *   other  what is in the OtherKeyAttribute; its p is NULL where there is none
 *
 * What is not understood is ENVL_KEK_UNKNOWN, never an error.
 */
void envl_kek_source_parse(struct envl_kek_source *source,
                           struct envl_der other);

/* envl_kek_source_put - write the OtherKeyAttribute of a source that is not
 * bare */
void envl_kek_source_put(struct envl_der_writer *w,
                         const struct envl_kek_source *source);

/*
 * envl_kek_scrypt_new - a source with a fresh salt; log_n is that of n, or 0 for
 * the default
 * envl_kek_scrypt_new_work - n * r * p of such a one
 * envl_kek_scrypt_work - n * r * p, or UINT64_MAX where a limit is exceeded
 * envl_kek_scrypt_is_tried - does a reader try it at all?  Nobody writes others
 * envl_kek_scrypt_derive - the KEK; the caller has checked the work and
 * cleanses kek
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
 * envl_kek_kms_is_good - are service, key and blob such as FORMAT 5.2 has?
 * envl_kek_kms_id - the identifier of a key in a service (FORMAT 5.1)
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
