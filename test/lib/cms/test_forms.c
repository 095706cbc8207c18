/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message of each kind of recipient, with every bit of it flipped: no bit is
 * free but those of the identifier, which is a claim (FORMAT 5.1).  And what is
 * between the parts of a message, cut, doubled and swapped.
 */
#include "lib/cms/key_envelope.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "lib/cms/form.h"
#include "lib/cms/reader.h"
#include "test/lib/cms/message.h"
#include "test/lib/cms/party.h"
#include "test/support/support.h"

static const struct envl_libctx ctx = { .propq = "?provider=default" };
static const unsigned char dek[ENVL_DEK_LEN] = "the data key";

/* A passphrase takes long: of its message only some bits are flipped. */
static const struct party_kind kinds[] = {
    { .name = "RSA", .type = "RSA", .bits = 2048 },
    { .name = "P-256", .type = "EC", .curve = "P-256" },
    { .name = "P-521", .type = "EC", .curve = "P-521" },
    { .name = "X25519", .type = "X25519" },
    { .name = "X448", .type = "X448" },
    { .name = "key-encryption key" },
    { .name = "passphrase", .log_n = 14 },
    { .name = "ML-KEM-768", .type = "ML-KEM-768" },
};
#define PASSPHRASE_STEP 23

static size_t
kind_count(void)
{
    return COUNT(kinds) - (OpenSSL_version_num() < 0x30500000UL);
}

static enum envelope_reason
open_it(const unsigned char *der, size_t len, const struct party *p)
{
    unsigned char got[ENVL_DEK_LEN];
    enum envelope_reason rc;
    struct envl_err err;

    rc =
        envl_key_envelope_open(got, der, len, &ctx, &p->identities, NULL, &err);
    assert_int_equal(ERR_peek_error(), 0);
    if (rc == ENVELOPE_OK)
        assert_memory_equal(got, dek, sizeof(dek));
    else
        assert_true(err.reason == rc && err.detail[0] != '\0');
    return rc;
}

/* Where the identifier of the only recipient stands. */
static struct envl_der
find_id(const unsigned char *der, size_t len)
{
    struct envl_cms_reader o = { .der = der, .len = len, .ctx = &ctx };
    struct envl_err err;
    struct envl_der id;

    assert_int_equal(envl_cms_reader_begin(&o, &err), ENVELOPE_OK);
    assert_int_equal(o.count, 1);
    id = o.entries[0].id;
    envl_cms_reader_end(&o);
    return id;
}

static void
flip_all(const struct party *p, const struct party_kind *kind)
{
    const size_t step = kind->log_n > 0 ? PASSPHRASE_STEP : 1;
    unsigned char *der;
    struct envl_der id;
    struct envl_err err;
    size_t len, bit;

    assert_int_equal(build_key_envelope(&der, &len, &ctx, &p->recipients,
                                        &p->settings, dek, &err),
                     ENVELOPE_OK);
    assert_int_equal(open_it(der, len, p), ENVELOPE_OK);
    id = find_id(der, len);
    for (bit = 0; bit < 8 * len; bit += step) {
        const size_t at = bit / 8, id_at = (size_t)(id.p - der);
        const bool is_free = at >= id_at && at < id_at + id.len;
        enum envelope_reason rc;

        der[at] ^= (unsigned char)(1u << bit % 8);
        rc = open_it(der, len, p);
        der[at] ^= (unsigned char)(1u << bit % 8);
        if ((rc == ENVELOPE_OK) != is_free)
            fail_msg("%s: bit %zu of byte %zu: %d", kind->name, bit % 8, at,
                     rc);
        if (rc != ENVELOPE_OK && rc != ENVELOPE_R_KEY_ENVELOPE
            && rc != ENVELOPE_R_NO_MATCH && rc != ENVELOPE_R_WRONG_KEY
            && rc != ENVELOPE_R_WORK_FACTOR)
            fail_msg("%s: bit %zu of byte %zu: reason %d", kind->name, bit % 8,
                     at, rc);
    }
    OPENSSL_free(der);
}

static void
no_bit_is_free(void **state)
{
    struct party party;
    size_t i;

    (void)state;
    for (i = 0; i < kind_count(); i++) {
        party_make(&party, &kinds[i], &ctx);
        flip_all(&party, &kinds[i]);
        party_clear(&party);
    }
}

/*
 * What may stand after the name of a kari's recipient (RFC 5652, 6.2.2): a date,
 * and an attribute.  The name is made shorter by one bit of its length, so that
 * its own end is what stands there.
 */
static void
after_a_name(void **state)
{
    static const struct {
        char end[17];
        enum envelope_reason reason;
    } cases[] = {
        { "\x30\x0e\x06\x0cotherattrib", ENVELOPE_OK },
        { "\x04\x0esome more text", ENVELOPE_R_KEY_ENVELOPE },
        { "\x18\x0e"
          "20260101000000",
          ENVELOPE_R_KEY_ENVELOPE },
        { "\x30\x02\x05\x00\x04\x0a"
          "afterwards",
          ENVELOPE_R_KEY_ENVELOPE },
        { "no DER, but text", ENVELOPE_R_KEY_ENVELOPE },
    };
    static const struct party_kind x25519 = { .name = "X25519",
                                              .type = "X25519" };
    struct party party;
    struct envl_key_id *id;
    struct envl_err err;
    unsigned char *der;
    size_t i, len;

    (void)state;
    party_make(&party, &x25519, &ctx);
    id = &party.recipients.items[0].id;
    assert_int_equal(id->len, 4 + 16);
    for (i = 0; i < COUNT(cases); i++) {
        memcpy(id->bytes + 4, cases[i].end, 16);
        assert_int_equal(build_key_envelope(&der, &len, &ctx, &party.recipients,
                                            &party.settings, dek, &err),
                         ENVELOPE_OK);
        assert_int_equal(open_it(der, len, &party), ENVELOPE_OK);
        der[find_id(der, len).p - 1 - der] = 4;
        assert_int_equal(open_it(der, len, &party), cases[i].reason);
        OPENSSL_free(der);
    }
    party_clear(&party);
}

static void
no_byte_may_be_missing(void **state)
{
    struct party party;
    unsigned char *der;
    struct envl_err err;
    size_t i, len, cut;

    (void)state;
    for (i = 0; i < kind_count(); i++) {
        party_make(&party, &kinds[i], &ctx);
        assert_int_equal(build_key_envelope(&der, &len, &ctx, &party.recipients,
                                            &party.settings, dek, &err),
                         ENVELOPE_OK);
        for (cut = 0; cut < len; cut++)
            assert_int_equal(open_it(der, cut, &party),
                             ENVELOPE_R_KEY_ENVELOPE);
        OPENSSL_free(der);
        party_clear(&party);
    }
}

/* Two messages for one recipient: parts of one do not fit into the other. */
static void
parts_of_two_messages(void **state)
{
    unsigned char *one, *other, *mixed;
    size_t one_len, other_len, len;
    struct envl_message a, b;
    struct party party;
    struct envl_err err;

    (void)state;
    party_make(&party, &kinds[3], &ctx);
    assert_int_equal(build_key_envelope(&one, &one_len, &ctx, &party.recipients,
                                        &party.settings, dek, &err),
                     ENVELOPE_OK);
    assert_int_equal(build_key_envelope(&other, &other_len, &ctx,
                                        &party.recipients, &party.settings, dek,
                                        &err),
                     ENVELOPE_OK);
    a = read_message(one, one_len);
    b = read_message(other, other_len);

    /* Both RecipientInfos: one of them is for another key. */
    add_info(&a, b.infos[0].der.p, b.infos[0].der.len);
    assert_int_equal(envl_message_write(&a, &mixed, &len, &err), ENVELOPE_OK);
    assert_true(open_it(mixed, len, &party) == ENVELOPE_OK
                || open_it(mixed, len, &party) == ENVELOPE_R_KEY_ENVELOPE);
    OPENSSL_free(mixed);

    /* The other one alone. */
    envl_message_clear(&a);
    a = read_message(one, one_len);
    envl_message_drop(&a, 0);
    add_info(&a, b.infos[0].der.p, b.infos[0].der.len);
    write_message(&a, &mixed, &len);
    assert_int_equal(open_it(mixed, len, &party), ENVELOPE_R_KEY_ENVELOPE);
    OPENSSL_free(mixed);
    envl_message_clear(&b);
    OPENSSL_free(one);
    OPENSSL_free(other);
    party_clear(&party);
}

/* A SET OF has one order (X.690, 11.6). */
static void
recipients_in_no_order(void **state)
{
    unsigned char *der, *swapped, *at;
    struct envl_message message;
    struct envl_der a, b;
    struct party party;
    struct envl_err err;
    size_t len, i;

    (void)state;
    party_make(&party, &kinds[3], &ctx);
    assert_int_equal(build_key_envelope(&der, &len, &ctx, &party.recipients,
                                        &party.settings, dek, &err),
                     ENVELOPE_OK);
    message = read_message(der, len);
    for (i = 0; i < 3; i++) /* of no kind that is known, in their order */
        add_info(&message, (const unsigned char *)"\xa3\x02\x05\x00", 4);
    write_message(&message, &swapped, &len);
    OPENSSL_free(der);
    assert_int_equal(open_it(swapped, len, &party), ENVELOPE_OK);
    message = read_message(swapped, len);
    a = message.infos[0].der;
    b = message.infos[1].der;
    at = swapped + (a.p - swapped);
    der = OPENSSL_memdup(a.p, a.len);
    assert_non_null(der);
    memmove(at, b.p, b.len);
    memcpy(at + b.len, der, a.len);
    assert_int_equal(open_it(swapped, len, &party), ENVELOPE_R_KEY_ENVELOPE);
    envl_message_clear(&message);
    OPENSSL_free(der);
    OPENSSL_free(swapped);
    party_clear(&party);
}

/* RSAES-OAEP with SHA-256, one way or the other. */
static size_t
rsa(EVP_PKEY *key, bool decrypt, unsigned char *out, size_t size,
    const unsigned char *in, size_t len)
{
    EVP_PKEY_CTX *pctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);

    assert_non_null(pctx);
    assert_true((decrypt ? EVP_PKEY_decrypt_init : EVP_PKEY_encrypt_init)(pctx)
                > 0);
    assert_true(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_OAEP_PADDING) > 0);
    assert_true(EVP_PKEY_CTX_set_rsa_oaep_md(pctx, EVP_sha256()) > 0);
    assert_true((decrypt ? EVP_PKEY_decrypt : EVP_PKEY_encrypt)(pctx, out,
                                                                &size, in, len)
                > 0);
    EVP_PKEY_CTX_free(pctx);
    return size;
}

/* The right key, and something more or less. */
static void
rsa_key_has_one_length(void **state)
{
    unsigned char cek[256] = { 0 };
    struct envl_cms_reader o;
    unsigned char *der, *at;
    struct party party;
    struct envl_err err;
    size_t len, n;

    (void)state;
    party_make(&party, &kinds[0], &ctx);
    assert_int_equal(build_key_envelope(&der, &len, &ctx, &party.recipients,
                                        &party.settings, dek, &err),
                     ENVELOPE_OK);
    o = (struct envl_cms_reader){ .der = der, .len = len, .ctx = &ctx };
    assert_int_equal(envl_cms_reader_begin(&o, &err), ENVELOPE_OK);
    assert_int_equal(o.entries[0].wrapped.len, sizeof(cek));
    at = der + (o.entries[0].wrapped.p - der);
    envl_cms_reader_end(&o);
    n = rsa(party.key, true, cek, sizeof(cek), at, sizeof(cek));
    assert_int_equal(n, ENVL_CEK_LEN);
    for (n = ENVL_CEK_LEN - 1; n <= ENVL_CEK_LEN + 1; n++) {
        assert_int_equal(rsa(party.key, false, at, sizeof(cek), cek, n),
                         sizeof(cek));
        assert_int_equal(open_it(der, len, &party) == ENVELOPE_OK,
                         n == ENVL_CEK_LEN);
    }
    OPENSSL_free(der);
    party_clear(&party);
}

/* No time goes into an entry that the key is too long or too short for. */
static void
keys_that_fit(void **state)
{
    const struct envl_entry entry = { .kind = ENVL_ENTRY_RSA, .key_len = 256 };
    const struct envl_entry unknown = { .kind = ENVL_ENTRY_RSA };
    struct envl_fit fit = { .kind = ENVL_ENTRY_RSA, .key_len = 256 };

    (void)state;
    assert_true(envl_entry_fits(&entry, &fit));
    assert_false(envl_entry_fits(&unknown, &fit));
    fit.key_len = 384;
    assert_false(envl_entry_fits(&entry, &fit));
    fit.key_len = 0; /* it does not tell */
    assert_true(envl_entry_fits(&entry, &fit));
    fit.kind = ENVL_ENTRY_EC;
    assert_false(envl_entry_fits(&entry, &fit));
}

/* People read it: one service must not be called another. */
static void
names_of_services(void **state)
{
    static const char *const cases[][2] = {
        { "alikms", "Alibaba Cloud KMS" },
        { "awskms", "AWS KMS" },
        { "vault", "Vault transit" },
        { "tencentkms", "Tencent Cloud KMS" },
        { "gcpkms", "Google Cloud KMS" },
        { "newkms", "key service newkms" },
        { "aws", "key service aws" },
        { "volts", "key service volts" },
    };
    struct envl_entry entry = { .kind = ENVL_ENTRY_SERVICE,
                                .form = &envl_kekri };
    struct envl_description description;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        entry.source.u.kms.service = cases[i][0];
        entry.source.u.kms.service_len = strlen(cases[i][0]);
        envl_entry_describe(&description, &entry);
        assert_string_equal(description.kind, cases[i][1]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_bit_is_free),
        cmocka_unit_test(after_a_name),
        cmocka_unit_test(no_byte_may_be_missing),
        cmocka_unit_test(parts_of_two_messages),
        cmocka_unit_test(recipients_in_no_order),
        cmocka_unit_test(rsa_key_has_one_length),
        cmocka_unit_test(keys_that_fit),
        cmocka_unit_test(names_of_services),
    };

    return cmocka_run_group_tests_name("forms", tests, NULL, NULL);
}
