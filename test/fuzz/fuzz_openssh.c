/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSH's keys: the input is a file, and a second time the binary inside of
 * a private and of a public key.  What is accepted must be a key.
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "lib/keys/openssh.h"
#include "lib/keys/openssh_key.h"
#include "test/fuzz/target.h"

/* A modulus of more bits takes libcrypto seconds to look at. */
#define BLOB_LEN_MAX 4096

static const struct envl_libctx ctx = { .propq = "?provider=default" };

static void
check_key(const EVP_PKEY *key)
{
    switch (envl_key_kind(key)) {
    case ENVL_KEY_RSA:
        MUST(EVP_PKEY_get_bits(key) <= 16384);
        break;
    case ENVL_KEY_EC:
        MUST(EVP_PKEY_get_bits(key) == 256 || EVP_PKEY_get_bits(key) == 384
             || EVP_PKEY_get_bits(key) == 521);
        break;
    case ENVL_KEY_EDDSA:
        MUST(EVP_PKEY_is_a(key, "ED25519"));
        break;
    default:
        MUST(0);
    }
}

static enum envelope_reason
take(void *arg, const struct envl_key_item *item, struct envl_err *err)
{
    (void)arg;
    (void)err;
    MUST(item->cert == NULL && item->name != NULL);
    MUST((item->private_key != NULL) != (item->public_key != NULL));
    check_key(item->private_key != NULL ? item->private_key : item->public_key);
    return ENVELOPE_OK;
}

static void
check_failure(enum envelope_reason rc, const struct envl_err *err)
{
    MUST(err->reason == rc && err->detail[0] != '\0');
    MUST(rc == ENVELOPE_R_UNREADABLE_KEY || rc == ENVELOPE_R_UNSUPPORTED_KEY
         || rc == ENVELOPE_R_MEMORY);
}

static void
try_file(const struct envl_octets *octets)
{
    const struct envl_key_reader reader = { .ctx = &ctx, .take = take };
    const struct envl_key_item origin = { .name = "input" };
    struct envl_err err = { 0 };
    struct envl_key_text text;
    enum envelope_reason rc;

    ERR_clear_error();
    rc = envl_key_text_check(&text, octets, origin.name, &err);
    if (rc == ENVELOPE_OK)
        rc = envl_openssh_read(&reader, &text, &origin, &err);
    if (rc == ENVELOPE_OK)
        MUST(ERR_peek_error() == 0);
    else
        check_failure(rc, &err);
}

typedef enum envelope_reason parse_fn(EVP_PKEY **key,
                                      const struct envl_libctx *libctx,
                                      const struct envl_octets *blob,
                                      const char *name, struct envl_err *err);

static void
try_blob(parse_fn *parse, const struct envl_octets *blob)
{
    struct envl_err err = { 0 };
    enum envelope_reason rc;
    EVP_PKEY *key = NULL;

    ERR_clear_error();
    rc = parse(&key, &ctx, blob, "input", &err);
    MUST((rc == ENVELOPE_OK) == (key != NULL));
    if (rc == ENVELOPE_OK)
        check_key(key);
    else
        check_failure(rc, &err);
    EVP_PKEY_free(key);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A copy, to be wiped by its owner as others are */
    struct envl_octets octets = { .data = malloc(size > 0 ? size : 1),
                                  .len = size };

    MUST(octets.data != NULL);
    if (size > 0)
        memcpy(octets.data, data, size);
    try_file(&octets);
    if (size <= BLOB_LEN_MAX) {
        try_blob(envl_openssh_key_public, &octets);
        try_blob(envl_openssh_key_private, &octets);
    }
    free(octets.data);
    return 0;
}
