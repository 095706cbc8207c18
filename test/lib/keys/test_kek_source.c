/* SPDX-License-Identifier: Apache-2.0 */
/* KEK sources: what is built is parsed, what is strange is passed over. */
#include "lib/keys/kek_source.h"

#include "test/support/der.h"
#include "test/support/support.h"

static const struct envl_libctx libctx = { .propq = "" };

/* The largest keyAttr and what stands around it. */
static unsigned char
    written[ENVL_KMS_BLOB_LEN_MAX + ENVL_KMS_KEY_LEN_MAX + 100];

#define OID_LEN 23 /* of the keyAttrId, with its tag and length */

/* What is in the OtherKeyAttribute of a source; valid until the next call. */
static struct envl_der
write_other(const struct envl_kek_source *source)
{
    struct envl_der_writer w;
    struct envl_der in, other;

    envl_der_begin(&w, written, sizeof(written));
    envl_kek_source_put(&w, source);
    in = envl_der_written(&w);
    assert_non_null(in.p);
    assert_true(envl_der_is_valid(in.p, in.len));
    assert_true(envl_der_take(&in, ENVL_DER_SEQUENCE, &other));
    assert_int_equal(in.len, 0);
    return other;
}

static void
scrypt_survives_the_wire(void **state)
{
    static const struct envl_der none = { NULL, 0 };
    struct envl_kek_source source, again;
    struct envl_der other;
    struct envl_err err;

    (void)state;
    assert_int_equal(envl_kek_scrypt_new(&source, &libctx, 15, &err),
                     ENVELOPE_OK);
    other = write_other(&source);
    envl_kek_source_parse(&again, other);
    assert_int_equal(again.kind, ENVL_KEK_SCRYPT);
    assert_int_equal(again.u.scrypt.n, 1 << 15);
    assert_int_equal(again.u.scrypt.r, 8);
    assert_int_equal(again.u.scrypt.p, 1);
    assert_memory_equal(again.u.scrypt.salt, source.u.scrypt.salt,
                        ENVL_SCRYPT_SALT_LEN);

    /* The same attribute under another name is somebody else's. */
    written[sizeof(written) - other.len + OID_LEN - 1] ^= 1;
    envl_kek_source_parse(&again, other);
    assert_int_equal(again.kind, ENVL_KEK_UNKNOWN);
    envl_kek_source_parse(&again, none);
    assert_int_equal(again.kind, ENVL_KEK_BARE);
}

/* Parse a keyAttr given as DER. */
static enum envl_kek_kind
kind_of(const unsigned char *der, size_t len)
{
    struct envl_kek_source source = { .kind = ENVL_KEK_SCRYPT }, made;
    unsigned char in[256];
    struct envl_der other;

    assert_in_range(len, 1, sizeof(in) - OID_LEN);
    other = write_other(&source);
    memcpy(in, other.p, OID_LEN);
    memcpy(in + OID_LEN, der, len);
    envl_kek_source_parse(&made, (struct envl_der){ in, OID_LEN + len });
    return made.kind;
}

/* A keyAttr: a SEQUENCE of texts, and of what comes after them. */
struct attr {
    const char *texts[5], *rest;
    size_t rest_len;
};
#define BYTES(bytes) bytes, sizeof(bytes) - 1

static enum envl_kek_kind
kind_of_attr(const struct attr *attr)
{
    struct der der = { .len = 0 };
    size_t i;

    for (i = 0; attr->texts[i] != NULL; i++)
        der_add_text(&der, attr->texts[i]);
    der_add(&der, attr->rest, attr->rest_len);
    der_enclose(&der, 0, ENVL_DER_SEQUENCE);
    return kind_of(der.p, der.len);
}

static void
strange_attributes_are_passed_over(void **state)
{
    static const struct attr attrs[] = {
        { { NULL }, BYTES("") },
        { { "kms" }, BYTES("") },
        { { "dh", "X25519" }, BYTES("\4\1\11\0\0") },
        { { "dh", "DHE" }, BYTES("\4\1\11\0\0") },
        { { "dh", "X25519" }, BYTES("\4\0") },
        { { NULL }, BYTES("\4\2dh") },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(attrs); i++)
        assert_int_equal(kind_of_attr(&attrs[i]), ENVL_KEK_UNKNOWN);
    assert_int_equal(kind_of((const unsigned char *)"\x0c\2dh", 4),
                     ENVL_KEK_UNKNOWN);
}

/* The largest of everything, which needs lengths of two bytes in DER. */
static void
kms_survives_the_wire(void **state)
{
    static char key[ENVL_KMS_KEY_LEN_MAX + 1];
    static unsigned char blob[ENVL_KMS_BLOB_LEN_MAX];
    struct envl_kek_source source = { .kind = ENVL_KEK_KMS }, again;
    size_t i, len;
    int context;

    (void)state;
    memset(key, '~', ENVL_KMS_KEY_LEN_MAX);
    fill(blob, sizeof(blob), 7);
    source.u.kms.service = "awskms0123456789";
    source.u.kms.service_len = ENVL_KMS_SERVICE_LEN_MAX;
    source.u.kms.key = key;
    source.u.kms.blob = blob;
    for (i = 0; i < 4; i++) {
        context = i % 2;
        len = i < 2 ? 1 : ENVL_KMS_KEY_LEN_MAX;
        source.u.kms.key_len = len;
        source.u.kms.blob_len = i < 2 ? 1 : ENVL_KMS_BLOB_LEN_MAX;
        source.u.kms.has_context = context != 0;
        envl_kek_source_parse(&again, write_other(&source));
        assert_int_equal(again.kind, ENVL_KEK_KMS);
        assert_int_equal(again.u.kms.has_context, context);
        assert_int_equal(again.u.kms.service_len, ENVL_KMS_SERVICE_LEN_MAX);
        assert_memory_equal(again.u.kms.service, "awskms0123456789", 16);
        assert_int_equal(again.u.kms.key_len, len);
        assert_memory_equal(again.u.kms.key, key, len);
        assert_int_equal(again.u.kms.blob_len, source.u.kms.blob_len);
        assert_memory_equal(again.u.kms.blob, blob, again.u.kms.blob_len);
    }
}

/* What a header must not have is passed over; the writer's own check is the
 * same function. */
static void
strange_kms_is_passed_over(void **state)
{
    static const char good_key[] = "arn:aws:kms:eu-west-1:111122223333:key/1";
    static const struct {
        const char *service, *key;
        size_t blob_len;
    } cases[] = {
        { "", good_key, 8 },
        { "AWSKMS", good_key, 8 },
        { "aws-kms", good_key, 8 },
        { "awskms01234567890", good_key, 8 }, /* 17 */
        { "awskms", "", 8 },
        { "awskms", "a b", 8 },
        { "awskms", "a\nb", 8 },
        { "awskms", "a\x7f", 8 },
        { "awskms", "\xc3\xa9", 8 },
        { "awskms", good_key, 0 },
        { "awskms", good_key, ENVL_KMS_BLOB_LEN_MAX + 1 },
    };
    static unsigned char blob[ENVL_KMS_BLOB_LEN_MAX + 1];
    static char long_key[ENVL_KMS_KEY_LEN_MAX + 2];
    struct envl_kek_source source = { .kind = ENVL_KEK_KMS }, again;
    size_t i;

    (void)state;
    memset(long_key, 'k', ENVL_KMS_KEY_LEN_MAX + 1);
    source.u.kms.blob = blob;
    for (i = 0; i <= COUNT(cases); i++) {
        bool last = i == COUNT(cases);

        source.u.kms.service = last ? "awskms" : cases[i].service;
        source.u.kms.service_len = strlen(source.u.kms.service);
        source.u.kms.key = last ? long_key : cases[i].key;
        source.u.kms.key_len = strlen(source.u.kms.key);
        source.u.kms.blob_len = last ? 8 : cases[i].blob_len;
        assert_false(envl_kek_kms_is_good(&source));
        envl_kek_source_parse(&again, write_other(&source));
        if (again.kind != ENVL_KEK_UNKNOWN)
            fail_msg("case %zu", i);
    }
}

/* Another context, an element more, and a string in pieces (BER), whose bytes
 * lie elsewhere than they seem to. */
static void
malformed_kms_is_passed_over(void **state)
{
    static const struct attr good = { { "kms", "v", "k", "" },
                                      BYTES("\4\2\1\2") };
    static const struct attr bad[] = {
        { { "kms", "v", "k", "x" }, BYTES("\4\2\1\2") },
        { { "kms", "v", "k", "" }, BYTES("\4\2\1\2\5\0") },
        { { "kms", "v", "k", "" }, BYTES("\x24\4\4\2\1\2") },
    };
    size_t i;

    (void)state;
    assert_int_equal(kind_of_attr(&good), ENVL_KEK_KMS);
    for (i = 0; i < COUNT(bad); i++)
        assert_int_equal(kind_of_attr(&bad[i]), ENVL_KEK_UNKNOWN);
}

static void
scrypt_work_is_bounded(void **state)
{
    static const struct {
        uint64_t n, r, p, work;
    } cases[] = {
        { 1 << 17, 8, 1, 1 << 20 },
        { 1 << 20, 8, 1, 1 << 23 }, /* exactly 1 GiB */
        { 1 << 20, 8, 2, 1 << 24 }, /* exactly the work */
        { 1 << 20, 8, 3, UINT64_MAX },
        { 1 << 21, 8, 1, UINT64_MAX }, /* 2 GiB */
        { 1 << 20, 9, 1, UINT64_MAX },
        { 2, 64, 64, 8192 },
        { 2, 65, 1, UINT64_MAX },
        { 2, 1, 65, UINT64_MAX },
        { 0, 8, 1, UINT64_MAX },
        { 1, 8, 1, UINT64_MAX },
        { 3, 8, 1, UINT64_MAX },
        { 1 << 14, 0, 1, UINT64_MAX },
        { 1 << 14, 8, 0, UINT64_MAX },
        { UINT64_C(1) << 63, 1, 1, UINT64_MAX },
        { UINT64_C(1) << 63, 2, 1, UINT64_MAX }, /* wraps to 0 */
        { 1 << 14, UINT64_C(1) << 50, 1, UINT64_MAX },
        { 1 << 14, 1, UINT64_C(1) << 50, UINT64_MAX },
    };
    struct envl_kek_source source = { .kind = ENVL_KEK_SCRYPT };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        source.u.scrypt.n = cases[i].n;
        source.u.scrypt.r = cases[i].r;
        source.u.scrypt.p = cases[i].p;
        if (envl_kek_scrypt_work(&source) != cases[i].work)
            fail_msg("case %zu", i);
    }
}

/* libcrypto has the vectors of RFC 7914 in its own tests; what is shown here is
 * that salt and passphrase reach it. */
static void
scrypt_depends_on_everything(void **state)
{
    unsigned char a[ENVL_KEK_LEN], b[ENVL_KEK_LEN];
    struct envl_kek_source source;
    struct envl_err err;

    (void)state;
    assert_int_equal(envl_kek_scrypt_new(&source, &libctx, 14, &err),
                     ENVELOPE_OK);
    assert_int_equal(envl_kek_scrypt_derive(a, &libctx, &source,
                                            (const unsigned char *)"pass", 4,
                                            &err),
                     ENVELOPE_OK);
    assert_int_equal(envl_kek_scrypt_derive(b, &libctx, &source,
                                            (const unsigned char *)"pass", 4,
                                            &err),
                     ENVELOPE_OK);
    assert_memory_equal(a, b, sizeof(a));
    source.u.scrypt.salt[31] ^= 1;
    assert_int_equal(envl_kek_scrypt_derive(b, &libctx, &source,
                                            (const unsigned char *)"pass", 4,
                                            &err),
                     ENVELOPE_OK);
    assert_memory_not_equal(a, b, sizeof(a));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scrypt_survives_the_wire),
        cmocka_unit_test(strange_attributes_are_passed_over),
        cmocka_unit_test(kms_survives_the_wire),
        cmocka_unit_test(strange_kms_is_passed_over),
        cmocka_unit_test(malformed_kms_is_passed_over),
        cmocka_unit_test(scrypt_work_is_bounded),
        cmocka_unit_test(scrypt_depends_on_everything),
    };

    return cmocka_run_group_tests_name("kek_source", tests, NULL, NULL);
}
