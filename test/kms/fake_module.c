/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A module of key services without any: it "encrypts" a key by turning its
 * bits over, and keeps the labels beside it.  A URI says what goes wrong:
 *
 *     execkms://fake/KEY[?fail=down|refused|credentials|other|name|blob]
 *
 * And a service that keeps RSA keys, the versions of one in a file: the current one
 * first.
 *
 *     azurekeyvault://fake/FILE[?fail=down|refused|credentials|other]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "lib/keys/kms_interface.h"

#define PREFIX "execkms://"
#define PUBLIC_PREFIX "azurekeyvault://fake"
#define LABELS_MAX 1024

/* What was asked, for the test to look at. */
extern unsigned fake_kms_checks, fake_kms_questions;
unsigned fake_kms_checks __attribute__((visibility("default")));
unsigned fake_kms_questions __attribute__((visibility("default")));

envl_kms_module_fn envl_kms_module __attribute__((visibility("default")));

/* Does the URI ask for this failure? */
static bool
fails(const char *uri, const char *how)
{
    const char *query = strstr(uri, "?fail=");

    return query != NULL && strcmp(query + strlen("?fail="), how) == 0;
}

static void
copy_key(char key[ENVL_KMS_KEY_LEN_MAX + 1], const char *uri)
{
    uri += strlen(PREFIX);
    (void)snprintf(key, ENVL_KMS_KEY_LEN_MAX + 1, "%.*s",
                   (int)strcspn(uri, "?"), uri);
}

static enum envelope_reason
check(const char *uri, enum envl_kms_use use, struct envl_err *err)
{
    (void)use;
    fake_kms_checks++;
    if (strncmp(uri, PREFIX "fake/", strlen(PREFIX "fake/")) != 0
        && strncmp(uri, PUBLIC_PREFIX "/", strlen(PUBLIC_PREFIX "/")) != 0)
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY, "%.*s: not a fake",
                         (int)strcspn(uri, "?"), uri);
    return ENVELOPE_OK;
}

static bool
matches(const char *uri, const struct envl_kms_wrapped *wrapped)
{
    char key[ENVL_KMS_KEY_LEN_MAX + 1];

    copy_key(key, uri);
    return strcmp(wrapped->service, "execkms") == 0
           && strcmp(wrapped->key, key) == 0;
}

static enum envelope_reason
ask(const char *uri, struct envl_err *err)
{
    fake_kms_questions++;
    ERR_raise(ERR_LIB_SSL, ERR_R_INTERNAL_ERROR); /* as TLS may leave one */
    if (fails(uri, "down"))
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE, "fake: it is down");
    if (fails(uri, "refused"))
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED, "fake: no");
    if (fails(uri, "credentials"))
        return envl_fail(err, ENVELOPE_R_CREDENTIALS, "fake: who is it");
    return ENVELOPE_OK;
}

/* The key with its bits turned over, and the labels. */
static void
wrap(struct envl_kms_wrapped *made, const unsigned char *kek,
     const struct envl_kms_call *call)
{
    size_t i, n = call->labels_len < LABELS_MAX ? call->labels_len : LABELS_MAX;

    for (i = 0; i < ENVL_KEK_LEN; i++)
        made->blob[i] = (unsigned char)~kek[i];
    if (n > 0)
        memcpy(made->blob + ENVL_KEK_LEN, call->labels, n);
    made->blob_len = ENVL_KEK_LEN + n;
    made->has_context = n > 0;
}

static enum envelope_reason
generate(struct envl_kms_wrapped *made, unsigned char kek[ENVL_KEK_LEN],
         const struct envl_kms_call *call, struct envl_err *err)
{
    enum envelope_reason rc = ask(call->uri, err);

    memset(kek, 0, ENVL_KEK_LEN);
    if (rc != ENVELOPE_OK)
        return rc;
    *made = (struct envl_kms_wrapped){ .service = "execkms" };
    copy_key(made->key, call->uri);
    if (RAND_bytes_ex(call->ctx->libctx, kek, ENVL_KEK_LEN, 0) <= 0)
        return envl_fail_crypto(err, "fake");
    wrap(made, kek, call);
    if (fails(call->uri, "name"))
        (void)snprintf(made->key, sizeof(made->key), "%s", "a b");
    if (fails(call->uri, "blob"))
        made->blob_len = 0;
    return ENVELOPE_OK;
}

static enum envelope_reason
unwrap(unsigned char kek[ENVL_KEK_LEN], const struct envl_kms_wrapped *wrapped,
       const struct envl_kms_call *call, struct envl_err *err)
{
    enum envelope_reason rc = ask(call->uri, err);
    size_t i;

    memset(kek, 0, ENVL_KEK_LEN);
    if (rc != ENVELOPE_OK)
        return rc;
    if (wrapped->blob_len != ENVL_KEK_LEN + call->labels_len
        || wrapped->has_context != (call->labels_len > 0)
        || (call->labels_len > 0
            && memcmp(wrapped->blob + ENVL_KEK_LEN, call->labels,
                      call->labels_len)
                   != 0))
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                         "fake: other labels");
    for (i = 0; i < ENVL_KEK_LEN; i++)
        kek[i] = (unsigned char)~wrapped->blob[i];
    if (fails(call->uri, "other"))
        kek[0] ^= 1;
    return ENVELOPE_OK;
}

static enum envelope_reason
rewrap(struct envl_kms_wrapped *made, const struct envl_kms_wrapped *wrapped,
       const struct envl_kms_call *call, const char *to_uri,
       struct envl_err *err)
{
    enum envelope_reason rc = ask(call->uri, err);

    if (rc != ENVELOPE_OK)
        return rc;
    *made = *wrapped;
    memset(made->key, 0, sizeof(made->key));
    copy_key(made->key, to_uri);
    return ENVELOPE_OK;
}

static bool
is_public(const char *uri)
{
    return strncmp(uri, PUBLIC_PREFIX, strlen(PUBLIC_PREFIX)) == 0;
}

static BIO *
open_versions(const char *uri)
{
    char path[4096];

    uri += strlen(PUBLIC_PREFIX);
    (void)snprintf(path, sizeof(path), "%.*s", (int)strcspn(uri, "?"), uri);
    return BIO_new_file(path, "r");
}

/* The next version, and its public half in memory that is the caller's. */
static EVP_PKEY *
next_version(BIO *versions, unsigned char **der, int *len)
{
    EVP_PKEY *key = PEM_read_bio_PrivateKey(versions, NULL, NULL, NULL);

    *der = NULL;
    *len = key != NULL ? i2d_PUBKEY(key, der) : 0;
    return key;
}

static enum envelope_reason
public_key(unsigned char *to, size_t *to_len, const struct envl_kms_call *call,
           struct envl_err *err)
{
    enum envelope_reason rc = ask(call->uri, err);
    BIO *versions = rc == ENVELOPE_OK ? open_versions(call->uri) : NULL;
    unsigned char *der = NULL;
    EVP_PKEY *key = NULL;
    int len = 0;

    if (versions != NULL)
        key = next_version(versions, &der, &len);
    if (rc == ENVELOPE_OK && len <= 0)
        rc = envl_fail_crypto(err, "fake");
    if (rc == ENVELOPE_OK) {
        memcpy(to, der, (size_t)len);
        *to_len = (size_t)len;
    }
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    BIO_free(versions);
    return rc;
}

static bool
unlock(unsigned char out[ENVL_KEK_LEN], EVP_PKEY *key,
       const struct envl_kms_encrypted *encrypted)
{
    EVP_PKEY_CTX *pctx = EVP_PKEY_CTX_new(key, NULL);
    unsigned char text[4096];
    size_t len = sizeof(text);
    bool ok =
        EVP_PKEY_decrypt_init(pctx) > 0
        && EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_OAEP_PADDING) > 0
        && EVP_PKEY_CTX_set_rsa_oaep_md(pctx, EVP_sha256()) > 0
        && EVP_PKEY_decrypt(pctx, text, &len, encrypted->data, encrypted->len)
               > 0
        && len == ENVL_KEK_LEN;

    if (ok)
        memcpy(out, text, ENVL_KEK_LEN);
    EVP_PKEY_CTX_free(pctx);
    return ok;
}

static enum envelope_reason
decrypt(unsigned char out[ENVL_KEK_LEN], struct envl_kms_encrypted *encrypted,
        const struct envl_kms_call *call, struct envl_err *err)
{
    enum envelope_reason rc = ask(call->uri, err);
    BIO *versions = rc == ENVELOPE_OK ? open_versions(call->uri) : NULL;
    unsigned char *der;
    EVP_PKEY *key;
    int len;

    memset(out, 0, ENVL_KEK_LEN);
    if (rc == ENVELOPE_OK)
        rc = envl_fail(err, ENVELOPE_R_NO_MATCH, "fake: for no version");
    while (versions != NULL && rc == ENVELOPE_R_NO_MATCH
           && (key = next_version(versions, &der, &len)) != NULL) {
        if (encrypted->find(encrypted, der, (size_t)len))
            rc = unlock(out, key, encrypted)
                     ? ENVELOPE_OK
                     : envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                                 "fake: it does not open it");
        OPENSSL_free(der);
        EVP_PKEY_free(key);
    }
    if (fails(call->uri, "other"))
        out[0] ^= 1;
    BIO_free(versions);
    return rc;
}

const struct envl_kms_module *
envl_kms_module(void)
{
    static const struct envl_kms_module module = {
        .version = ENVL_KMS_VERSION,
        .check = check,
        .matches = matches,
        .generate = generate,
        .unwrap = unwrap,
        .rewrap = rewrap,
        .is_public = is_public,
        .public_key = public_key,
        .decrypt = decrypt,
    };
    static const struct envl_kms_module later = {
        .version = ENVL_KMS_VERSION + 1,
    };

    return getenv("FAKE_KMS_LATER") != NULL ? &later : &module;
}
