/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody for whom a key envelope is made, and who can open it. */
#ifndef ENVL_TEST_PARTY_H
#define ENVL_TEST_PARTY_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "lib/keys/identity.h"
#include "lib/keys/recipient.h"
#include "test/support/support.h"

/* What kind of one: a key of this type; without a type a key-encryption key, or
 * with log_n a passphrase. */
struct party_kind {
    const char *name, *type, *curve;
    size_t bits;
    unsigned log_n;
};

struct party {
    EVP_PKEY *key; /* NULL with a secret that is none */
    struct envl_key_settings settings, own;
    struct envl_recipients recipients;
    struct envl_identities identities;
};

static inline EVP_PKEY *
party_key(const struct party_kind *kind)
{
    if (kind->bits > 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, kind->type, kind->bits);
    if (kind->curve != NULL)
        return EVP_PKEY_Q_keygen(NULL, NULL, kind->type, kind->curve);
    return EVP_PKEY_Q_keygen(NULL, NULL, kind->type);
}

static inline void
party_add_der(struct envl_octets_list *to, EVP_PKEY *key,
              int (*encode)(const EVP_PKEY *, unsigned char **))
{
    unsigned char *der = NULL;
    int len = encode(key, &der);

    assert_true(len > 0);
    assert_true(envl_octets_list_add(to, der, (size_t)len));
    OPENSSL_free(der);
}

static inline void
party_make(struct party *p, const struct party_kind *kind,
           const struct envl_libctx *ctx)
{
    static const char passphrase[] = "correct horse";
    struct envl_err err;

    *p = (struct party){ 0 };
    if (kind->type != NULL) {
        p->key = party_key(kind);
        assert_non_null(p->key);
        party_add_der(&p->settings.recipient, p->key, i2d_PUBKEY);
        party_add_der(&p->own.identity, p->key, i2d_PrivateKey);
    } else if (kind->log_n > 0) {
        p->settings.log_n = kind->log_n;
        assert_true(envl_octets_set(&p->settings.passphrase, passphrase,
                                    sizeof(passphrase) - 1));
        assert_true(envl_octets_set(&p->own.passphrase, passphrase,
                                    sizeof(passphrase) - 1));
    } else {
        p->settings.has_kek = p->own.has_kek = true;
        fill(p->settings.kek, ENVL_KEK_LEN, 5);
        fill(p->own.kek, ENVL_KEK_LEN, 5);
    }
    assert_int_equal(
        envl_recipients_load(&p->recipients, ctx, &p->settings, NULL, &err),
        ENVELOPE_OK);
    assert_int_equal(
        envl_identities_load(&p->identities, ctx, &p->own, NULL, &err),
        ENVELOPE_OK);
}

static inline void
party_clear(struct party *p)
{
    envl_identities_clear(&p->identities);
    envl_recipients_clear(&p->recipients);
    envl_key_settings_clear(&p->settings);
    envl_key_settings_clear(&p->own);
    EVP_PKEY_free(p->key);
}

#endif
