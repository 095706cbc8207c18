/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that passes between lib/ and the module of key services, which alone
 * knows the network.  The module is a shared object with one symbol,
 * ENVL_KMS_ENTRY, and is loaded when a URI that the user gave asks for it.
 *
 * Whom to ask, and with which rights, comes from the user's URI, environment
 * and configuration; what stands in a header is compared with that, and is
 * never a reason to connect to somewhere else.
 */
#ifndef ENVL_KMS_INTERFACE_H
#define ENVL_KMS_INTERFACE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/keys/kek_source.h"

/* Raised with any change of what is below. */
#define ENVL_KMS_VERSION 2

#define ENVL_KMS_MODULE_NAME "envelope-kms.so"
#define ENVL_KMS_ENTRY "envl_kms_module"

/* A key-encryption key that a service has encrypted, as it stands in a header
 * (FORMAT 5.2). */
struct envl_kms_wrapped {
    char service[ENVL_KMS_SERVICE_LEN_MAX + 1]; /* the scheme: "awskms" */
    char key[ENVL_KMS_KEY_LEN_MAX + 1];         /* printable ASCII */
    bool has_context; /* the stream's labels are a part of it */
    size_t blob_len;
    unsigned char blob[ENVL_KMS_BLOB_LEN_MAX];
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
 * check   - is the URI good for this use?  It may read the configuration, and
 *           asks nobody.
 * matches - may wrapped be opened by the URI's user?  Service and key are
 *           looked at; without any network.
 * generate - have the service make a new key-encryption key
 * unwrap  - have the service decrypt one that matches; the service's reply
 *           has to name the same key
 * rewrap  - have the service encrypt one that matches call->uri anew, for the
 *           key of to_uri, without showing it; the same key is allowed
 *
 * made is written on success only.  kek receives ENVL_KEK_LEN bytes, which
 * the caller cleanses; it is all zero on failure.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY for a bad URI or
 *          configuration; ENVELOPE_R_CREDENTIALS if there are none;
 *          ENVELOPE_R_KEY_SERVICE_REFUSED if the service says no, or names
 *          another key; ENVELOPE_R_KEY_SERVICE if it cannot be reached, fails
 *          or talks nonsense; _CRYPTO; _MEMORY.
 * Threads: safe.
 */
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
};

/* The type of ENVL_KMS_ENTRY.  The result is static. */
typedef const struct envl_kms_module *envl_kms_module_fn(void);

#endif
