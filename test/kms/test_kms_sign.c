/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures: what is refused, TC3 and the plain HMAC; memory that runs out.
 */
#include "test/kms/kms_sign.h"
#include "test/support/memory.h"

#include <openssl/evp.h>

static enum envelope_reason (*const signers[])(struct fixture *) = {
    sign_aws4, sign_tc3, sign_acs3, sign_sdk, sign_hmac
};

/* Refused */

static void
bad_credentials_are_refused(void **state)
{
    static const struct {
        const char *id, *secret, *token;
    } bad[] = {
        { "", AWS_SECRET, "" },
        { "id", "", "" },
        { "i\nd", AWS_SECRET, "" },
        { "id\r\nX-Amz-Target: evil", AWS_SECRET, "" },
        { "id", "secret\n", "" },
        { "id", "secr\xc3\xa9t", "" },
        { "id", AWS_SECRET, "tok\ten" },
        { "id", AWS_SECRET, "token\x7f" },
    };
    struct fixture f;
    size_t i, j;

    (void)state;
    for (i = 0; i < COUNT(bad) * COUNT(signers); i++) {
        j = i / COUNT(signers);
        set_up(&f, "POST", "/");
        kms_text_set(&f.credentials.id, bad[j].id);
        kms_text_set(&f.credentials.secret, bad[j].secret);
        kms_text_set(&f.credentials.token, bad[j].token);
        assert_int_equal(signers[i % COUNT(signers)](&f),
                         ENVELOPE_R_CREDENTIALS);
        assert_null(authorization(&f));
        assert_int_equal(f.request.header_count, 0);
        assert_null(strstr(f.err.detail, "secr\xc3\xa9t"));
        assert_null(strstr(f.err.detail, AWS_SECRET));
        assert_null(strstr(f.err.detail, "evil"));
        tear_down(&f);
    }
}

static void
credentials_end_where_they_end(void **state)
{
    struct fixture f;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(signers); i++) {
        set_up(&f, "POST", "/");
        kms_text_add_bytes(&f.credentials.secret, "\0more", 5);
        assert_int_equal(signers[i](&f), ENVELOPE_R_CREDENTIALS);
        assert_null(authorization(&f));
        tear_down(&f);
    }
}

static void
credentials_that_are_not_whole_are_refused(void **state)
{
    struct fixture f;
    size_t i;

    (void)state;
    for (i = 0; i < 3; i++) {
        set_up(&f, "POST", "/");
        f.credentials.id.failed = i == 0;
        f.credentials.secret.failed = i == 1;
        f.credentials.token.failed = i == 2;
        assert_int_equal(sign_aws4(&f), ENVELOPE_R_MEMORY);
        tear_down(&f);
    }
}

static void
times_without_a_date_are_refused(void **state)
{
    static const int64_t bad[] = { -1, INT64_MIN, INT64_C(253402300800),
                                   INT64_MAX };
    enum kms_sign_form form;
    struct fixture f;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++) {
        for (form = KMS_SIGN_AWS4; form <= KMS_SIGN_HMAC; form++) {
            set_up(&f, "POST", "/");
            assert_int_equal(sign_for(&f, form, "r", "s", bad[i]),
                             ENVELOPE_R_CREDENTIALS);
            assert_non_null(strstr(f.err.detail, "clock"));
            assert_null(authorization(&f));
            tear_down(&f);
        }
    }
}

static void
a_provider_that_lacks_the_hash_is_told(void **state)
{
    const struct envl_libctx none = { .propq = "provider=none" };
    struct fixture f;
    struct kms_sign how = { .ctx = &none, .region = "r", .service = "s" };

    (void)state;
    set_up(&f, "POST", "/");
    how.credentials = &f.credentials;
    for (how.form = KMS_SIGN_AWS4; how.form <= KMS_SIGN_HMAC; how.form++)
        assert_int_equal(kms_sign(&f.request, &how, NOW, &f.err),
                         ENVELOPE_R_CRYPTO);
    assert_null(authorization(&f));
    tear_down(&f);
}

static void
too_many_headers_are_seen_before_sending(void **state)
{
    struct fixture f;
    size_t i;

    (void)state;
    set_up(&f, "POST", "/");
    for (i = 0; i < KMS_HEADERS_MAX; i++)
        kms_request_add(&f.request, i % 2 ? "X-Amz-A" : "X-Amz-B", "%zu", i);
    (void)sign_aws4(&f);
    assert_int_equal(kms_request_check(&f.request, &f.err), ENVELOPE_R_MEMORY);
    tear_down(&f);
}

static void
first_and_last_times_have_dates(void **state)
{
    static const struct {
        int64_t now;
        const char *aws4, *scope;
    } times[] = {
        { 0, "19700101T000000Z", "AKIDEXAMPLE/1970-01-01/s/tc3_request" },
        { 951782399, "20000228T235959Z",
          "AKIDEXAMPLE/2000-02-28/s/tc3_request" },
        { 951782400, "20000229T000000Z",
          "AKIDEXAMPLE/2000-02-29/s/tc3_request" },
        { INT64_C(253402300799), "99991231T235959Z",
          "AKIDEXAMPLE/9999-12-31/s/tc3_request" },
    };
    struct fixture f;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(times); i++) {
        set_up(&f, "POST", "/");
        assert_int_equal(sign_for(&f, KMS_SIGN_AWS4, "r", "s", times[i].now),
                         ENVELOPE_OK);
        assert_string_equal(kms_request_header(&f.request, "X-Amz-Date"),
                            times[i].aws4);
        kms_request_clear(&f.request);
        kms_request_init(&f.request, "POST", &f.endpoint, "/");
        assert_int_equal(sign_for(&f, KMS_SIGN_TC3, NULL, "s", times[i].now),
                         ENVELOPE_OK);
        assert_part(&f, "Credential=", times[i].scope);
        tear_down(&f);
    }
}

/* TC3 */

/* Tencent Cloud, "Signature v3": DescribeInstances. */
static void
set_up_tencent(struct fixture *f, const char *content_type)
{
    set_up(f, "POST", "/");
    kms_text_set(&f->endpoint.host, "cvm.tencentcloudapi.com");
    kms_text_set(&f->credentials.id, "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE");
    kms_text_set(&f->credentials.secret, "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE");
    kms_request_add(&f->request, "Content-Type", "%s", content_type);
    kms_request_add(&f->request, "X-TC-Action", "DescribeInstances");
    kms_text_set(&f->request.body,
                 "{\"Limit\": 1, \"Filters\": [{\"Values\": "
                 "[\"\\u672a\\u547d\\u540d\"], \"Name\": \"instance-name\"}]}");
}

static void
the_example_of_tencent_passes(void **state)
{
    static const char *const types[] = {
        "application/json; charset=utf-8",
        "APPLICATION/JSON; charset=UTF-8",
        " application/json;  charset=utf-8 ",
    };
    struct fixture f;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(types); i++) {
        set_up_tencent(&f, types[i]);
        assert_int_equal(sign_for(&f, KMS_SIGN_TC3, NULL, "cvm", 1551113065),
                         ENVELOPE_OK);
        assert_string_equal(
            authorization(&f),
            "TC3-HMAC-SHA256 Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE/"
            "2019-02-25/cvm/tc3_request, SignedHeaders=content-type;host, "
            "Signature="
            "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168");
        assert_string_equal(kms_request_header(&f.request, "X-TC-Timestamp"),
                            "1551113065");
        assert_null(kms_request_header(&f.request, "X-TC-Token"));
        tear_down(&f);
    }
}

static void
tencent_tokens_are_sent_and_not_signed(void **state)
{
    struct fixture f;

    (void)state;
    set_up_tencent(&f, "application/json; charset=utf-8");
    kms_text_set(&f.credentials.token, "token");
    assert_int_equal(sign_for(&f, KMS_SIGN_TC3, NULL, "cvm", 1551113065),
                     ENVELOPE_OK);
    assert_string_equal(kms_request_header(&f.request, "X-TC-Token"), "token");
    assert_part(&f, "SignedHeaders=", "content-type;host");
    assert_part(
        &f, "Signature=",
        "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168");
    tear_down(&f);
}

/* Paths and queries are signed as they are sent, the host with its port; the
 * signature is that of test/kms/differential.py. */
static void
tencent_gets_other_targets_as_sent(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, "POST", "/a/../b%20c?b=1&a=%7e");
    kms_text_set(&f.endpoint.host, "kms.example:8443");
    kms_text_set(&f.credentials.secret, "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE");
    kms_request_add(&f.request, "Content-Type", "application/json");
    kms_text_set(&f.request.body, "{}");
    assert_int_equal(sign_for(&f, KMS_SIGN_TC3, NULL, "kms", 1551113065),
                     ENVELOPE_OK);
    assert_part(
        &f, "Signature=",
        "7418b342e7c17ac748194458512d378caf80eebe10cfbf4b7a70b2cedea4d2c5");
    tear_down(&f);
}

/* ACS3 */

/* The vendor's own, without a token; and GenerateDataKey with one, as
 * @alicloud/openapi-core 1.0.8 signs it.  The port is signed, and the "*" of the
 * query as if it were encoded. */
static void
the_examples_of_alibaba_pass(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, "POST",
           "/?RegionId=cn-shanghai&ImageId=win2019_1809_x64_dtc_zh-cn_40G_"
           "alibase_20230811.vhd");
    kms_text_set(&f.endpoint.host, "ecs.cn-shanghai.aliyuncs.com");
    kms_text_set(&f.credentials.id, "YourAccessKeyId");
    kms_text_set(&f.credentials.secret, "YourAccessKeySecret");
    kms_request_add(&f.request, "x-acs-action", "RunInstances");
    kms_request_add(&f.request, "x-acs-version", "2014-05-26");
    kms_request_add(&f.request, "x-acs-signature-nonce",
                    "3156853299f313e23d1673dc12e1703d");
    kms_request_add(&f.request, "accept", "application/json");
    assert_int_equal(sign_at(&f, KMS_SIGN_ACS3, 1698315752), ENVELOPE_OK);
    assert_string_equal(
        authorization(&f),
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;"
        "x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;"
        "x-acs-version,Signature="
        "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0");
    assert_string_equal(kms_request_header(&f.request, "x-acs-date"),
                        "2023-10-26T10:22:32Z");
    assert_null(kms_request_header(&f.request, "x-acs-security-token"));
    assert_null(kms_request_header(&f.request, "x-acs-accesskey-id"));
    tear_down(&f);

    set_up(&f, "POST",
           "/?EncryptionContext=%7B%22a%20b%22%3A%22c%2B%2F%3D~*%22%7D&"
           "KeyId=alias%2Ftest&KeySpec=AES_256");
    kms_text_set(&f.endpoint.host, "127.0.0.1:5601");
    kms_text_set(&f.credentials.id, "AKID");
    kms_text_set(&f.credentials.secret, "SECRET");
    kms_text_set(&f.credentials.token, "STSTOK");
    kms_request_add(&f.request, "x-acs-action", "GenerateDataKey");
    kms_request_add(&f.request, "x-acs-version", "2016-01-20");
    kms_request_add(&f.request, "x-acs-credentials-provider", "static_sts");
    kms_request_add(
        &f.request, "x-acs-signature-nonce",
        "86905e1811986bf52e2d61ecb0e09859a01b80f9d5d75eed29b7f58f58d3519e");
    assert_int_equal(sign_at(&f, KMS_SIGN_ACS3, 1795938480), ENVELOPE_OK);
    assert_part(
        &f, "Signature=",
        "dc153712f54afe47fd901d1ef647f13778a97001d0679f40055be03500fdc077");
    assert_string_equal(kms_request_header(&f.request, "x-acs-security-token"),
                        "STSTOK");
    assert_string_equal(kms_request_header(&f.request, "x-acs-accesskey-id"),
                        "AKID");
    tear_down(&f);
}

/* Whoever sends the same request in the same second is taken for a replay. */
static void
each_signature_has_a_nonce(void **state)
{
    char nonces[2][40];
    struct fixture f;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(nonces); i++) {
        set_up(&f, "POST", "/");
        assert_int_equal(sign_at(&f, KMS_SIGN_ACS3, 1698315752), ENVELOPE_OK);
        (void)snprintf(nonces[i], sizeof(nonces[i]), "%s",
                       kms_request_header(&f.request, "x-acs-signature-nonce"));
        assert_int_equal(strlen(nonces[i]), 32);
        assert_part(&f, "SignedHeaders=",
                    "host;x-acs-content-sha256;x-acs-date;"
                    "x-acs-signature-nonce");
        tear_down(&f);
    }
    assert_string_not_equal(nonces[0], nonces[1]);
}

/* SDK */

/* Of Huawei Cloud's SDK for Python, tests/test_signer.py; the last as
 * @huaweicloud/huaweicloud-sdk-core 3.1.211 signs it. */
static void
the_examples_of_huawei_pass(void **state)
{
    static const struct {
        const char *method, *body, *signature;
    } examples[] = {
        { "GET", "",
          "cfb4171acec81de07d50e53d57eb77edd537414d66ddb1d7d780f128e12cd842" },
        { "POST", "{\"name\":\"test\",\"id\":1}",
          "436b1ac0a1ae03705934bb70ef2f2e09f7bfed2117d731a38235053199323a1f" },
    };
    struct fixture f;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(examples); i++) {
        set_up(&f, examples[i].method, "/resources?size=1");
        kms_text_set(&f.endpoint.host, "service.endpoint.myhuaweicloud.com");
        kms_text_set(&f.credentials.id, "AccessKey");
        kms_text_set(&f.credentials.secret, "SecretKey");
        kms_text_set(&f.request.body, examples[i].body);
        assert_int_equal(sign_at(&f, KMS_SIGN_SDK, 1591583940), ENVELOPE_OK);
        assert_part(&f, "Access=", "AccessKey");
        assert_part(&f, ", SignedHeaders=", "host;x-sdk-date");
        assert_part(&f, ", Signature=", examples[i].signature);
        assert_string_equal(kms_request_header(&f.request, "X-Sdk-Date"),
                            "20200608T023900Z");
        assert_string_equal(kms_text_get(&f.request.path), "/resources?size=1");
        tear_down(&f);
    }
    set_up(&f, "POST",
           "/v1.0/0d0466b0e7274d9cb35df84bb474a37f/kms/create-datakey");
    kms_text_set(&f.endpoint.host, "127.0.0.1:5602");
    kms_text_set(&f.credentials.id, "AK");
    kms_text_set(&f.credentials.secret, "SK");
    kms_text_set(&f.credentials.token, "TOK");
    kms_request_add(&f.request, "Content-Type", "application/json");
    kms_request_add(&f.request, "X-Project-Id",
                    "0d0466b0e7274d9cb35df84bb474a37f");
    kms_text_set(&f.request.body,
                 "{\"key_id\":\"0d0466b0-e727-4d9c-b35d-f84bb474a37f\","
                 "\"key_spec\":\"AES_256\"}");
    assert_int_equal(sign_at(&f, KMS_SIGN_SDK, 1795938790), ENVELOPE_OK);
    assert_part(&f, "SignedHeaders=",
                "content-type;host;x-project-id;x-sdk-date;x-security-token");
    assert_part(
        &f, "Signature=",
        "4ed3ea7c046260abe377e0d2a09ed64ec01ef2421f3e9374543e4424dfaafdae");
    tear_down(&f);
}

/* HMAC */

#define BLOCK_LEN 64
#define HASH_LEN 32

/* RFC 2104, from its definition. */
static void
hmac(unsigned char out[HASH_LEN], const void *key, size_t key_len,
     const void *text, size_t len)
{
    unsigned char inner[BLOCK_LEN + 1024], outer[BLOCK_LEN + HASH_LEN] = { 0 };
    size_t i;

    assert_true(len <= sizeof(inner) - BLOCK_LEN);
    if (key_len > BLOCK_LEN)
        assert_true(
            EVP_Q_digest(NULL, "SHA256", NULL, key, key_len, outer, NULL));
    else
        memcpy(outer, key, key_len);
    for (i = 0; i < BLOCK_LEN; i++) {
        inner[i] = outer[i] ^ 0x36;
        outer[i] ^= 0x5c;
    }
    memcpy(inner + BLOCK_LEN, text, len);
    assert_true(EVP_Q_digest(NULL, "SHA256", NULL, inner, BLOCK_LEN + len,
                             outer + BLOCK_LEN, NULL));
    assert_true(
        EVP_Q_digest(NULL, "SHA256", NULL, outer, sizeof(outer), out, NULL));
}

static void
assert_hmac(const void *key, size_t key_len, const char *text,
            const char *expected)
{
    struct kms_text hex = { 0 };
    unsigned char out[HASH_LEN];

    hmac(out, key, key_len, text, strlen(text));
    kms_text_add_hex(&hex, out, sizeof(out));
    assert_string_equal(kms_text_get(&hex), expected);
    kms_text_clear(&hex);
}

/* RFC 4231, 4.2, 4.3 and 4.7: so the function above is right. */
static void
the_reference_is_right(void **state)
{
    unsigned char key[131];

    (void)state;
    memset(key, 0x0b, 20);
    assert_hmac(
        key, 20, "Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    assert_hmac(
        "Jefe", 4, "what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key));
    assert_hmac(
        key, sizeof(key),
        "Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void
a_plain_hmac_is_that_of_the_text(void **state)
{
    static const char long_secret[] =
        "a secret that is longer than a block of the hash, and so becomes the "
        "hash of itself";
    static const char *const secrets[] = { "Jefe", long_secret };
    /* The SHA-256 of "{}". */
    static const char text[] =
        "POST\n/v1/keys/k?a=b\nkms.example:8443\n1440938160\n"
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    unsigned char out[HASH_LEN];
    struct kms_text hex = { 0 };
    struct fixture f;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(secrets); i++) {
        set_up(&f, "POST", "/v1/keys/k?a=b");
        kms_text_set(&f.endpoint.host, "kms.example:8443");
        kms_text_set(&f.credentials.id, "id");
        kms_text_set(&f.credentials.secret, secrets[i]);
        kms_text_set(&f.credentials.token, "not used");
        kms_text_set(&f.request.body, "{}");
        assert_int_equal(sign_hmac(&f), ENVELOPE_OK);
        hmac(out, secrets[i], strlen(secrets[i]), text, strlen(text));
        kms_text_set(&hex, "HMAC-SHA256 Credential=id, Signature=");
        kms_text_add_hex(&hex, out, sizeof(out));
        assert_string_equal(authorization(&f), kms_text_get(&hex));
        assert_string_equal(
            kms_request_header(&f.request, "X-Envelope-Timestamp"),
            "1440938160");
        assert_int_equal(f.request.header_count, 2);
        tear_down(&f);
    }
    kms_text_clear(&hex);
}

/* Memory */

/* Fail the n-th allocation alone.  Whatever would be sent is signed as if it
 * had not failed.  Returns whether there were that many. */
static bool
fails_well(enum envelope_reason (*signer)(struct fixture *), size_t n,
           struct kms_text *signature)
{
    enum envelope_reason rc;
    struct fixture f;
    bool failed;

    set_up(&f, "POST", "/a/../b?c=d&e=f");
    /* Any other one would differ each time. */
    kms_request_add(&f.request, "x-acs-signature-nonce", "n");
    kms_text_set(&f.credentials.secret, SECRET);
    kms_text_set(&f.credentials.token, SECRET);
    kms_request_add(&f.request, "Content-Type", "application/json");
    kms_request_add(&f.request, "X-Amz-Target", "TrentService.Decrypt");
    kms_text_set(&f.request.body, "{}");
    memory_fail(n);
    rc = signer(&f);
    failed = n > 0 && memory_failed();
    memory_fail(0);
    if (rc != ENVELOPE_OK)
        assert_null(authorization(&f));
    else
        rc = kms_request_check(&f.request, &f.err);
    if (rc == ENVELOPE_OK && n == 0)
        kms_text_set(signature, authorization(&f));
    else if (rc == ENVELOPE_OK)
        assert_string_equal(authorization(&f), kms_text_get(signature));
    else
        assert_true(failed
                    && (rc == ENVELOPE_R_MEMORY || rc == ENVELOPE_R_CRYPTO));
    tear_down(&f);
    return failed;
}

static void
memory_may_run_out_anywhere(void **state)
{
    struct kms_text signature = { 0 };
    size_t i, n;

    (void)state;
    for (i = 0; i < COUNT(signers); i++) {
        assert_false(fails_well(signers[i], 0, &signature));
        for (n = 1; fails_well(signers[i], n, &signature); n++)
            ;
        assert_true(n > 10);
    }
    kms_text_clear(&signature);
    assert_int_equal(memory.unwiped, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_credentials_are_refused),
        cmocka_unit_test(credentials_end_where_they_end),
        cmocka_unit_test(credentials_that_are_not_whole_are_refused),
        cmocka_unit_test(times_without_a_date_are_refused),
        cmocka_unit_test(a_provider_that_lacks_the_hash_is_told),
        cmocka_unit_test(too_many_headers_are_seen_before_sending),
        cmocka_unit_test(first_and_last_times_have_dates),
        cmocka_unit_test(the_example_of_tencent_passes),
        cmocka_unit_test(tencent_tokens_are_sent_and_not_signed),
        cmocka_unit_test(tencent_gets_other_targets_as_sent),
        cmocka_unit_test(the_examples_of_alibaba_pass),
        cmocka_unit_test(each_signature_has_a_nonce),
        cmocka_unit_test(the_examples_of_huawei_pass),
        cmocka_unit_test(the_reference_is_right),
        cmocka_unit_test(a_plain_hmac_is_that_of_the_text),
        cmocka_unit_test(memory_may_run_out_anywhere),
    };

    memory_install(SECRET);
    return cmocka_run_group_tests_name("kms_sign", tests, NULL, NULL);
}
