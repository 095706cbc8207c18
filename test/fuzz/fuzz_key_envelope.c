/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key envelopes, opened with one identity of each kind, and changed: recipients
 * are listed, added, replaced, removed and cleaned out.  There is no passphrase
 * among them: scrypt would take all the time.
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "lib/cms/edit.h"

#include "lib/cms/key_envelope.h"
#include "lib/header/header.h"
#include "test/fuzz/keys.h"
#include "test/fuzz/target.h"

static const char *const keys[] = { FUZZ_KEY_RSA, FUZZ_KEY_P256,
                                    FUZZ_KEY_X25519, FUZZ_KEY_X448 };
enum { KEY_COUNT = sizeof(keys) / sizeof(keys[0]) };

static const struct envl_libctx ctx = { .propq = "?provider=default" };

/* Read once; it lives as long as the program does. */
static const struct envl_identities *
identities(void)
{
    static struct envl_identities ids;
    static struct envl_key_settings settings;
    struct envl_err err;
    size_t i;

    if (ids.key_count > 0)
        return &ids;
    settings.has_kek = true;
    memcpy(settings.kek, FUZZ_KEK, ENVL_KEK_LEN);
    for (i = 0; i < KEY_COUNT; i++)
        MUST(
            envl_octets_list_add(&settings.identity, keys[i], strlen(keys[i])));
    MUST(envl_identities_load(&ids, &ctx, &settings, NULL, &err)
         == ENVELOPE_OK);
    MUST(ids.key_count == KEY_COUNT);
    return &ids;
}

static void
try_open(const uint8_t *data, size_t size)
{
    const struct envl_identities *ids = identities();
    unsigned char dek[ENVL_DEK_LEN];
    enum envelope_reason rc;
    struct envl_err err;

    ERR_clear_error();
    memset(&err, 0, sizeof(err));
    rc = envl_key_envelope_open(dek, data, size, &ctx, ids, NULL, &err);
    MUST(ERR_peek_error() == 0);
    if (rc != ENVELOPE_OK) {
        MUST(err.reason == rc && err.detail[0] != '\0');
        MUST(rc == ENVELOPE_R_KEY_ENVELOPE || rc == ENVELOPE_R_NO_MATCH
             || rc == ENVELOPE_R_MEMORY);
    }
}

/* An X25519 key as a recipient; it lives as long as the program does. */
static const struct envl_key_settings *
newcomer(struct envl_recipients **to)
{
    static struct envl_recipients recipients;
    static struct envl_key_settings settings;
    unsigned char *der = NULL;
    struct envl_err err;
    EVP_PKEY *key;
    int len;

    *to = &recipients;
    if (recipients.count > 0)
        return &settings;
    key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    MUST(key != NULL && (len = i2d_PUBKEY(key, &der)) > 0);
    MUST(envl_octets_list_add(&settings.recipient, der, (size_t)len));
    MUST(envl_recipients_load(&recipients, &ctx, &settings, NULL, &err)
         == ENVELOPE_OK);
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    return &settings;
}

/* What is written can be read, and is there for the others as it was. */
static void
must_be_good(unsigned char *der, size_t len)
{
    struct envl_key_envelope_entry *list;
    struct envl_err err;
    size_t count;

    MUST(envl_key_envelope_list(&list, &count, der, len, &ctx, &err)
         == ENVELOPE_OK);
    MUST(count > 0);
    envl_key_envelope_list_free(list, count);
    OPENSSL_free(der);
}

static void
try_edit(const uint8_t *data, size_t size)
{
    struct envl_key_envelope_entry *list;
    struct envl_recipients *recipients;
    const struct envl_key_settings *settings = newcomer(&recipients);
    unsigned char *out, *copy;
    size_t count, len;
    struct envl_err err;
    bool opened;
    int mode;

    if (envl_key_envelope_list(&list, &count, data, size, &ctx, &err)
        != ENVELOPE_OK)
        return;
    envl_key_envelope_list_free(list, count);
    for (mode = ENVL_EDIT_ADD; mode <= ENVL_EDIT_ALL; mode++) {
        const struct envl_edit edit = { .mode = (enum envl_edit_mode)mode,
                                        .recipients = recipients,
                                        .settings = settings };

        if (envl_key_envelope_add(&out, &len, data, size, &ctx, identities(),
                                  &edit, NULL, &opened, &err)
            == ENVELOPE_OK)
            must_be_good(out, len);
    }
    if (envl_key_envelope_remove(&out, &len, data, size, &ctx, "00000000\n",
                                 &err)
        == ENVELOPE_OK)
        must_be_good(out, len);
    copy = OPENSSL_memdup(data, size);
    len = size;
    MUST(copy != NULL);
    if (envl_key_envelope_clean(&copy, &len, &ctx, &err) == ENVELOPE_OK)
        must_be_good(copy, len);
    else
        OPENSSL_free(copy);
    MUST(ERR_peek_error() == 0);
}

/*
 * What stands before and after the RecipientInfos of a key envelope.  Few
 * changes to a whole message leave it DER, so what is behind that check is
 * reached by a second way: the input as RecipientInfos, in this frame.
 */
static const unsigned char type[] = { 0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7,
                                      0x0d, 0x01, 0x09, 0x10, 0x01, 0x17 };
static const unsigned char version[] = { 0x02, 0x01, 0x00 };
static const unsigned char tail[] = {
    0x30, 0x4d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01,
    0x07, 0x01, 0x30, 0x1e, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
    0x03, 0x04, 0x01, 0x2e, 0x30, 0x11, 0x04, 0x0c, 0x00, 0x01, 0x02,
    0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x02, 0x01,
    0x10, 0x80, 0x20, 0x5c, 0x53, 0x5f, 0xa4, 0x4e, 0x30, 0xed, 0xeb,
    0xb4, 0xf0, 0xc3, 0xcd, 0x2a, 0x7e, 0x50, 0x33, 0x03, 0x61, 0xfb,
    0x77, 0x7e, 0x04, 0xb0, 0x06, 0x3c, 0x14, 0xc9, 0xa1, 0xa7, 0x9c,
    0xd5, 0x87, 0x04, 0x10, 0x4b, 0x89, 0x6d, 0x9d, 0x43, 0x58, 0xa8,
    0x73, 0x77, 0x31, 0xd1, 0x0b, 0x60, 0x95, 0x4c, 0xdb
};

/* The caller frees *buf, with which it ends. */
static struct envl_der
put_in_frame(unsigned char **buf, const uint8_t *data, size_t size)
{
    const size_t room = size + 256;
    struct envl_der_writer w;
    size_t infos;

    MUST((*buf = malloc(room)) != NULL);
    envl_der_begin(&w, *buf, room);
    envl_der_put(&w, tail, sizeof(tail));
    infos = envl_der_len(&w);
    envl_der_put(&w, data, size);
    envl_der_wrap(&w, ENVL_DER_SET, infos);
    envl_der_put(&w, version, sizeof(version));
    envl_der_wrap(&w, ENVL_DER_SEQUENCE, 0);
    envl_der_wrap(&w, ENVL_DER_CONSTRUCTED, 0);
    envl_der_put(&w, type, sizeof(type));
    envl_der_wrap(&w, ENVL_DER_SEQUENCE, 0);
    MUST(!w.is_full);
    return envl_der_written(&w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct envl_der framed;
    unsigned char *buf;

    if (size == 0 || size > ENVL_KEY_ENVELOPE_LEN_MAX)
        return 0;
    try_open(data, size);
    try_edit(data, size);
    framed = put_in_frame(&buf, data, size);
    try_open(framed.p, framed.len);
    try_edit(framed.p, framed.len);
    free(buf);
    return 0;
}
