/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of signatures: the private keys that sign a stream, and the public
 * keys, one of which must have signed what is read. */
#ifndef ENVL_SIGN_SIGNATURE_KEYS_H
#define ENVL_SIGN_SIGNATURE_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/types.h>

#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/header/signatures.h"
#include "lib/keys/key_kind.h"
#include "lib/keys/key_settings.h"
#include "lib/keys/keyring.h"

struct envl_signature_key {
    EVP_PKEY *public_key;  /* in software, owned */
    EVP_PKEY *private_key; /* of a signer, owned; else NULL */
    char *propq;           /* for operations with private_key, owned */
    char *name;            /* where it came from, for messages, owned */
    struct envl_key_id id;
};

/* A list that never changes once it was loaded; its owners share it. */
struct envl_signature_keys;

/*
 * envl_signers_load - load the private keys that sign
 * envl_signed_by_load - load the public keys to trust
 *
 * A key that comes twice is there once.  Of a certificate only its key counts:
 * it may have expired, as backups outlive certificates.  If a source has a
 * chain, its leaf is the one.
 *
 *   *keys    NULL if settings name no signer
 *   keyring  the cache for the keys of these settings; may be NULL
 *
 * Ownership: *keys is the caller's, envl_signature_keys_free().
 * Returns:   ENVELOPE_OK; what envl_key_check() and envl_keys_read_list()
 *            return; ENVELOPE_R_PRIVATE_KEY for a private key to trust;
 *            _UNREADABLE_KEY for a list without a key; _TOO_MANY_RECIPIENTS
 *            for more than ENVL_SIGNATURE_COUNT_MAX signers; _CRYPTO; _MEMORY.
 */
enum envelope_reason envl_signers_load(struct envl_signature_keys **keys,
                                       const struct envl_libctx *ctx,
                                       const struct envl_key_settings *settings,
                                       struct envl_keyring *keyring,
                                       struct envl_err *err);
enum envelope_reason
envl_signed_by_load(struct envl_signature_keys **keys,
                    const struct envl_libctx *ctx,
                    const struct envl_key_settings *settings,
                    struct envl_keyring *keyring, struct envl_err *err);
void envl_signature_keys_free(struct envl_signature_keys *keys);

/* envl_signature_keys_count - how many there are
 * envl_signature_keys_get - the key at an index below that; borrowed */
size_t envl_signature_keys_count(const struct envl_signature_keys *keys);
const struct envl_signature_key *
envl_signature_keys_get(const struct envl_signature_keys *keys, size_t i);

#endif
