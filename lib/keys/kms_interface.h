/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interface between lib/ and the module of key services, which alone uses
 * the network.  The module is a shared object with one symbol, ENVL_KMS_ENTRY.
 * It is loaded when the user gives the URI of a key service.
 *
 * Only the user's URI, environment and configuration say which service is
 * asked, and with which credentials.  The data in a header is compared with
 * these; it never makes the module connect to another place.
 */
#ifndef ENVL_KMS_INTERFACE_H
#define ENVL_KMS_INTERFACE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/keys/kek_source.h"

/* Must be raised with every change of this interface. */
#define ENVL_KMS_VERSION 3

#define ENVL_KMS_MODULE_NAME "envelope-kms.so"
#define ENVL_KMS_ENTRY "envl_kms_module"

/* A key-encryption key that a service has encrypted, as it stands in a header
 * (FORMAT 5.2). */
struct envl_kms_wrapped {
    char service[ENVL_KMS_SERVICE_LEN_MAX + 1]; /* the scheme: "awskms" */
    char key[ENVL_KMS_KEY_LEN_MAX + 1];         /* printable ASCII */
    bool has_context; /* the stream's labels are bound to the blob */
    size_t blob_len;
    unsigned char blob[ENVL_KMS_BLOB_LEN_MAX];
};

/* What a header has for RSA keys (RSAES-OAEP with SHA-256).  A service may keep one of
 * these keys, whose public half is an ordinary recipient's. */
struct envl_kms_encrypted {
    /* Is there anything for the key with this SubjectPublicKeyInfo (DER)?  Then it is
     * what data and len say.  What was found once is not found again. */
    bool (*find)(struct envl_kms_encrypted *encrypted, const unsigned char *der,
                 size_t der_len);
    void *arg;                 /* of find */
    const unsigned char *data; /* NULL: nothing was found */
    size_t len;
};

/* Who is asked, and about which stream. */
struct envl_kms_call {
    const struct envl_libctx *ctx; /* for hashes and random numbers */
    const char *uri;               /* the user's */
    const char *labels;            /* FORMAT 3: sorted lines; or NULL */
    size_t labels_len;
};

enum envl_kms_use { ENVL_KMS_RECIPIENT, ENVL_KMS_IDENTITY };

/*
 * check   - is the URI good for this use?  It may read the configuration, but
 *           does not use the network.
 * matches - is wrapped for the service and key of the URI?  It does not use the
 *           network.
 * generate - let the service make a new key-encryption key
 * unwrap  - let the service decrypt a wrapped key that matches the URI; the
 *           service's reply must name the same key
 * rewrap  - let the service encrypt a wrapped key that matches call->uri again,
 *           for the key of to_uri, without showing the plaintext; both URIs may
 *           name the same key
 *
 * is_public - is the URI of a service whose RSA keys have a public half?  The next two
 *           are for such a service only, and the four before are not.
 * public_key - ask for the public half of the key of the URI: a
 *           SubjectPublicKeyInfo in DER, of at most ENVL_KMS_PUBLIC_KEY_LEN_MAX bytes
 * decrypt - find what was encrypted for a version of the URI's key, and let the service
 *           decrypt it, to ENVL_KEK_LEN bytes
 *
 * made is written on success only.  kek receives ENVL_KEK_LEN bytes, which
 * the caller cleanses; it is all zero on failure.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY for a bad URI or
 *          configuration; ENVELOPE_R_CREDENTIALS if there are none;
 *          ENVELOPE_R_KEY_SERVICE_REFUSED if the service says no, or names
 *          another key; ENVELOPE_R_KEY_SERVICE if it cannot be reached, fails
 *          or sends a malformed reply; _CRYPTO; _MEMORY.
 * Threads: safe.
 */
#define ENVL_KMS_PUBLIC_KEY_LEN_MAX 2200 /* 16,384 bits */

struct envl_kms_module {
    unsigned version;
    enum envelope_reason (*check)(const char *uri, enum envl_kms_use use,
                                  struct envl_err *err);
    bool (*matches)(const char *uri, const struct envl_kms_wrapped *wrapped);
    enum envelope_reason (*generate)(struct envl_kms_wrapped *made,
                                     unsigned char kek[ENVL_KEK_LEN],
                                     const struct envl_kms_call *call,
                                     struct envl_err *err);
    enum envelope_reason (*unwrap)(unsigned char kek[ENVL_KEK_LEN],
                                   const struct envl_kms_wrapped *wrapped,
                                   const struct envl_kms_call *call,
                                   struct envl_err *err);
    enum envelope_reason (*rewrap)(struct envl_kms_wrapped *made,
                                   const struct envl_kms_wrapped *wrapped,
                                   const struct envl_kms_call *call,
                                   const char *to_uri, struct envl_err *err);
    bool (*is_public)(const char *uri);
    enum envelope_reason (*public_key)(unsigned char *der, size_t *len,
                                       const struct envl_kms_call *call,
                                       struct envl_err *err);
    enum envelope_reason (*decrypt)(unsigned char key[ENVL_KEK_LEN],
                                    struct envl_kms_encrypted *encrypted,
                                    const struct envl_kms_call *call,
                                    struct envl_err *err);
};

/* The type of ENVL_KMS_ENTRY.  The result is static. */
typedef const struct envl_kms_module *envl_kms_module_fn(void);

#endif
