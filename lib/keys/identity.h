/* SPDX-License-Identifier: Apache-2.0 */
/* The identities, with which a reader opens an envelope: private keys, shared
 * secrets, and key services that may be asked. */
#ifndef ENVL_IDENTITY_H
#define ENVL_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/types.h>

#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/keys/key_settings.h"
#include "lib/keys/keyring.h"
#include "lib/keys/keys.h"

struct envl_identity {
    EVP_PKEY *key;         /* private, owned */
    char *propq;           /* for operations with key, owned */
    struct envl_key_id id; /* of the bare key; length 0 if not known */
};

/* A certificate that was read with the keys: a recipient may name its key by
 * the certificate's identifier. */
struct envl_identity_cert {
    X509 *cert; /* owned */
    struct envl_key_id id;
};

struct envl_identities {
    struct envl_identity *keys;
    size_t key_count;
    struct envl_identity_cert *certs;
    size_t cert_count;
    struct envl_octets passphrase; /* owned; data NULL for none */
    bool took_passphrase; /* passphrase decrypted a stored key: it is not tried
                           * on a header, and the keyring does not keep it */
    const unsigned char *kek; /* borrowed from the settings, or NULL */
    char **services;          /* URIs, owned */
    size_t service_count;
};

/*
 * envl_identities_load - read all identities that settings name
 *
 * Streams that share a keyring read keys in memory only once, unless one of the
 * keys is in a device, or was decrypted with a passphrase that settings do not
 * hold.
 *
 *   keyring  the cache for the keys of these settings; may be NULL
 *
 * Ownership: identities is the caller's, envl_identities_clear(); empty on
 *            failure.  settings must outlive identities.
 * Returns:   ENVELOPE_OK with at least one; ENVELOPE_R_NO_IDENTITY,
 *            _UNREADABLE_KEY; what envl_keys_read_list() returns;
 *            _NO_KEY_SERVICES; _MEMORY.  No request goes to a key service.
 */
enum envelope_reason
envl_identities_load(struct envl_identities *identities,
                     const struct envl_libctx *ctx,
                     const struct envl_key_settings *settings,
                     struct envl_keyring *keyring, struct envl_err *err);

/* envl_identities_clear - wipe and free; identities is all zero after that */
void envl_identities_clear(struct envl_identities *identities);

/* envl_identity_is_named - does id, of len bytes, name this key or one of the
 * certificates for it? */
bool envl_identity_is_named(const struct envl_identities *identities,
                            const struct envl_identity *identity,
                            const unsigned char *id, size_t len);

#endif
