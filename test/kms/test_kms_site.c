/* SPDX-License-Identifier: Apache-2.0 */
/* httpkms: what a section of kms.conf makes of a request, and of a reply;
 * envelope-kms.conf(5) says what it should. */
#include <stdio.h>

#include <openssl/crypto.h>

#include "test/kms/kms_scene.h"

#define LABELS "host=db1\nset=\xc3\xa9\n"
#define CONTEXT "\"context\":{\"host\":\"db1\",\"set\":\"\xc3\xa9\"}"
/* What is not asked for is passed over, but wiped like the rest. */
#define GOOD                                                  \
    "{\"keyId\":\"backup\",\"plaintext\":\"" KEK_BASE64 "\"," \
    "\"ciphertext\":\"v1:blob\",\"more\":\"" SECRET "\"}"
#define BASIC                            \
    "[corp]\n"                           \
    "url = https://kms.example.net/v1\n" \
    "generate = /keys/{key}/datakey\n"   \
    "decrypt = /keys/{key}/decrypt\n"    \
    "rewrap = /keys/{key}/rewrap\n"
#define UNSIGNED BASIC "signer = none\n"
#define NO_PATHS "[corp]\nurl = https://x\nsigner = none\n"

/* What the world does not keep, of the last request. */
static struct {
    char ca_file[64], certificate[64], key[64];
    enum envelope_reason (*send)(void *arg, struct kms_reply *reply,
                                 const struct kms_request *request,
                                 unsigned milliseconds, struct envl_err *err);
} sent;

static void
keep_path(char out[64], const char *path)
{
    (void)snprintf(out, 64, "%s", path != NULL ? path : "-");
}

/* The world's own. */
static enum envelope_reason
send_request(void *arg, struct kms_reply *reply,
             const struct kms_request *request, unsigned milliseconds,
             struct envl_err *err)
{
    keep_path(sent.ca_file, request->tls.ca_file);
    keep_path(sent.certificate, request->tls.certificate);
    keep_path(sent.key, request->tls.key);
    assert_null(request->tls.ca_path);
    return sent.send(arg, reply, request, milliseconds, err);
}

/* The next replies, from the first one on. */
static void
set_reply(size_t i, int status, const char *body, const char *headers)
{
    scene.replies[i] = (struct fake_reply){ status, body, headers };
    scene.fake.replies = scene.replies;
    scene.fake.reply_count = i + 1;
}

static int
set_scene(void **state)
{
    (void)state;
    scene_begin(UNSIGNED, "httpkms://corp/backup", "httpkms", "corp/backup",
                "v1:blob");
    memset(&sent, 0, sizeof(sent));
    sent.send = scene.fake.world.send;
    scene.fake.world.send = send_request;
    set_reply(0, 200, GOOD, NULL);
    return 0;
}

static void
reset(void)
{
    (void)strike_scene(NULL);
    (void)set_scene(NULL);
}

static void
set_config(const char *config)
{
    scene.files[0].content = config;
}

/* Configuration */

static void
bad_configurations_are_refused(void **state)
{
    static const struct {
        const char *config, *detail;
    } cases[] = {
        { "", "no section [corp]" },
        { "[corp]\nsigner=none\n", "url: is missing" },
        { "[corp]\nurl=\nsigner=none\n", "url: is missing" },
        { "[corp]\nurl=ftp://x\nsigner=none\ngenerate=/\n", "url: " },
        { "[corp]\nurl=http://kms.example.net\nsigner=none\ngenerate=/\n",
          "url: " },
        { "[corp]\nurl=https://x?a=b\nsigner=none\ngenerate=/\n", "url: " },
        /* Not to sign has to be said. */
        { BASIC, "signer: has to be" },
        { BASIC "signer=\n", "signer: has to be" },
        { BASIC "signer=basic\n", "signer: has to be" },
        { BASIC "signer=None\n", "signer: has to be" },
        { UNSIGNED "exec=/h\n", "exec: httpkms has no such setting" },
        { UNSIGNED "timeout=3\n", "timeout: httpkms has no such setting" },
        { NO_PATHS "generate=\n", "generate: is missing" },
        { NO_PATHS "generate=keys\n", "generate: has to begin with a slash" },
        { NO_PATHS "generate=https://y/\n", "generate: has to begin" },
        { NO_PATHS "generate=/a b\n", "generate: has a character" },
        { NO_PATHS "generate=/a#b\n", "generate: has a character" },
        { NO_PATHS "generate=/\xc3\xa9\n", "generate: has a character" },
        { NO_PATHS "generate=/{Key}\n", "generate: has a character" },
        { NO_PATHS "generate=/{name}/{key}\n", "generate: has a character" },
        { UNSIGNED "  ca-file=ca.pem\n",
          CONF ", line 7: is indented deeper than the setting before it" },
        { UNSIGNED "ca-file\n", CONF ", line 7: is not \"name = value\"" },
        { UNSIGNED "exec=/h\n", CONF ", line 7: [corp]: exec: httpkms" },
        { UNSIGNED "signer=hmac\n", CONF ", line 7: the setting signer is in "
                                         "line 6 already" },
        { UNSIGNED "[corp]\n", CONF ", line 7: the section corp is in line 1 "
                                    "already" },
        { UNSIGNED "request-blob=\n", "request-blob: is missing" },
        { UNSIGNED "reply-blob=\n", "reply-blob: is missing" },
        { UNSIGNED "reply-plaintext=\n", "reply-plaintext: is missing" },
        { UNSIGNED "request-extra=1\n", "request-extra: is not" },
        { UNSIGNED "request-extra={\n", "request-extra: is not" },
        { UNSIGNED "request-extra=}\n", "request-extra: is not" },
        { UNSIGNED "request-extra={}}\n", "request-extra: is not" },
        { UNSIGNED "request-extra={}{}\n", "request-extra: is not" },
        { UNSIGNED "request-extra=[]\n", "request-extra: is not" },
        { UNSIGNED "request-extra={\"a\":1,}\n", "request-extra: is not" },
        { UNSIGNED "request-extra={\"a\":1}x\n", "request-extra: is not" },
        { UNSIGNED "request-extra={\"a\":{}\n", "request-extra: is not" },
        { UNSIGNED "request-extra={\"keyId\":1}\n", "request-extra: is not" },
        { UNSIGNED "ca-file=ca.pem\n", "ca-file: is not an absolute" },
        { UNSIGNED "ca-path=certs\n", "ca-path: is not an absolute" },
        { UNSIGNED "certificate=/c.pem\n", "certificate: goes together" },
        { UNSIGNED "private-key=/k.pem\n", "certificate: goes together" },
        { BASIC "signer=bearer\n", "token-file: is missing" },
        { BASIC "signer=bearer\ntoken-file=t\n", "token-file: is not an abs" },
        { BASIC "signer=bearer\ntoken-file=/t\ntoken-variable=T\n",
          "token-variable: a file" },
        { BASIC "signer=bearer\ntoken-file=/t\ntoken-header=X Y\n",
          "token-header: is not" },
        { BASIC "signer=bearer\ntoken-file=/t\ntoken-header=X:\n",
          "token-header: is not" },
        { BASIC "signer=hmac\nsecret-file=/s\n", "id: is missing" },
        { BASIC "signer=hmac\nid=me\n", "secret-file: is missing" },
        { BASIC "signer=hmac\nid=me\nsecret-file=s\n", "secret-file: is not" },
        { BASIC "signer=hmac\nid=me\nsecret-file=/s\nsecret-variable=S\n",
          "secret-variable: a file" },
        { BASIC "signer=aws4\nregion=eu\n", "service: is missing" },
        { BASIC "signer=tc3\n", "service: is missing" },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        set_config(cases[i].config);
        if (check("httpkms://corp/backup", ENVL_KMS_RECIPIENT)
                != ENVELOPE_R_UNREADABLE_KEY
            || strstr(scene.err.detail, cases[i].detail) == NULL)
            fail_msg("case %zu: %s", i, scene.err.detail);
        assert_int_equal(generate(), ENVELOPE_R_UNREADABLE_KEY);
    }
    assert_int_equal(scene.fake.request_count, 0);
}

static void
a_use_needs_its_path(void **state)
{
    (void)state;
    set_config("[corp]\nurl=https://x\nsigner=none\ngenerate=/g\n");
    assert_int_equal(check("httpkms://corp/k", ENVL_KMS_RECIPIENT),
                     ENVELOPE_OK);
    assert_int_equal(check("httpkms://corp/k", ENVL_KMS_IDENTITY),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_detail_has("decrypt: is missing");
    scene.call.uri = "httpkms://corp/backup";
    assert_int_equal(unwrap(), ENVELOPE_R_UNREADABLE_KEY);
    set_config("[corp]\nurl=https://x\nsigner=none\ndecrypt=/d\n");
    assert_int_equal(check("httpkms://corp/k", ENVL_KMS_IDENTITY), ENVELOPE_OK);
    assert_int_equal(check("httpkms://corp/k", ENVL_KMS_RECIPIENT),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_detail_has("generate: is missing");
    scene.call.uri = "httpkms://corp/backup";
    assert_int_equal(rewrap("httpkms://corp/backup"),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_detail_has("rewrap: is missing");
    assert_int_equal(scene.fake.request_count, 0);
}

static void
check_reads_no_secret(void **state)
{
    (void)state;
    set_config(BASIC "signer=bearer\ntoken-file=/missing\n");
    assert_int_equal(check("httpkms://corp/k", ENVL_KMS_RECIPIENT),
                     ENVELOPE_OK);
    set_config(BASIC "signer=aws4\nservice=kms\nregion=eu-west-1\n");
    assert_int_equal(check("httpkms://corp/k", ENVL_KMS_RECIPIENT),
                     ENVELOPE_OK);
    set_config(BASIC "signer=tc3\nservice=kms\n");
    assert_int_equal(check("httpkms://corp/k", ENVL_KMS_RECIPIENT),
                     ENVELOPE_OK);
    assert_int_equal(scene.fake.request_count, 0);
}

static void
keys_match_by_name_alone(void **state)
{
    static const struct {
        const char *uri, *key;
        bool matches;
    } cases[] = {
        { "httpkms://corp/backup", "corp/backup", true },
        { "httpkms://corp/back%75p", "corp/backup", true },
        { "httpkms://corp", "corp/daily", true }, /* the section's key */
        { "httpkms://corp", "corp/backup", false },
        { "httpkms://corp/backup", "corp/daily", false },
        { "httpkms://corp/backup", "other/backup", false },
        { "httpkms://corp/backup", "backup", false },
        { "httpkms://other/backup", "other/backup", false },
    };
    size_t i;

    (void)state;
    set_config(UNSIGNED "key = daily\n");
    for (i = 0; i < COUNT(cases); i++) {
        scene.call.uri = cases[i].uri;
        if (matches(cases[i].key) != cases[i].matches)
            fail_msg("case %zu", i);
    }
    assert_int_equal(scene.fake.request_count, 0);
}

/* Requests */

static void
generate_asks_for_a_key(void **state)
{
    const struct fake_request *request = &scene.fake.requests[0];

    (void)state;
    assert_int_equal(generate(), ENVELOPE_OK);
    assert_int_equal(scene.fake.request_count, 1);
    assert_string_equal(request->method, "POST");
    assert_string_equal(request->url,
                        "https://kms.example.net/v1/keys/backup/datakey");
    assert_string_equal(request->headers, "Content-Type: application/json\n"
                                          "Accept: application/json\n");
    assert_string_equal(request->body, "{\"keyId\":\"backup\"}");
    assert_string_equal(scene.made.key, "corp/backup");
    assert_int_equal(scene.made.blob_len, 7);
    assert_memory_equal(scene.made.blob, "v1:blob", 7);
    assert_false(scene.made.has_context);
    assert_kek_is('k');
    assert_string_equal(sent.ca_file, "-");
    assert_string_equal(sent.certificate, "-");
}

static void
a_key_is_encoded_in_the_path(void **state)
{
    static const struct {
        const char *uri, *generate, *url, *body;
    } cases[] = {
        { "httpkms://corp/a%2fb%27c", "/{key}", "/a%2Fb%27c",
          "{\"keyId\":\"a/b'c\"}" },
        { "httpkms://corp/%7e%25%3f%23%22", "/k/{key}", "/k/~%25%3F%23%22",
          "{\"keyId\":\"~%?#\\\"\"}" },
        { "httpkms://corp/%7bkey%7d", "/{key}", "/%7Bkey%7D",
          "{\"keyId\":\"{key}\"}" },
        { "httpkms://corp/k", "/{key}/{key}?id={key}&v=1", "/k/k?id=k&v=1",
          "{\"keyId\":\"k\"}" },
        { "httpkms://corp/..k", "/{key}", "/..k", "{\"keyId\":\"..k\"}" },
        { "httpkms://corp/..", "/", "/", "{\"keyId\":\"..\"}" },
    };
    char config[200];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        (void)snprintf(config, sizeof(config),
                       "[corp]\nurl=https://x\nsigner=none\ngenerate=%s\n"
                       "reply-key=\n",
                       cases[i].generate);
        set_config(config);
        scene.call.uri = cases[i].uri;
        if (generate() != ENVELOPE_OK)
            fail_msg("case %zu: %s", i, scene.err.detail);
        assert_string_equal(scene.fake.requests[0].url + strlen("https://x"),
                            cases[i].url);
        assert_string_equal(scene.fake.requests[0].body, cases[i].body);
        reset();
    }
}

/* Nobody is asked for what could not be kept. */
static void
a_key_has_no_spaces(void **state)
{
    (void)state;
    scene.call.uri = "httpkms://corp/a%20b";
    assert_int_equal(generate(), ENVELOPE_R_UNREADABLE_KEY);
    assert_detail_has("spaces");
    assert_int_equal(scene.fake.request_count, 0);
}

static void
a_key_never_leads_up_the_path(void **state)
{
    (void)state;
    scene.call.uri = "httpkms://corp/..";
    assert_int_equal(generate(), ENVELOPE_R_UNREADABLE_KEY);
    scene.call.uri = "httpkms://corp/%2e";
    assert_int_equal(generate(), ENVELOPE_R_UNREADABLE_KEY);
    assert_int_equal(scene.fake.request_count, 0);
}

static void
labels_are_the_context(void **state)
{
    (void)state;
    set_labels(LABELS);
    assert_int_equal(generate(), ENVELOPE_OK);
    assert_string_equal(scene.fake.requests[0].body,
                        "{\"keyId\":\"backup\"," CONTEXT "}");
    assert_true(scene.made.has_context);

    reset();
    set_labels(LABELS);
    scene.call.labels_len = 0;
    assert_int_equal(generate(), ENVELOPE_OK);
    assert_string_equal(scene.fake.requests[0].body, "{\"keyId\":\"backup\"}");
    assert_false(scene.made.has_context);

    /* A service without any */
    reset();
    set_labels(LABELS);
    set_config(UNSIGNED "request-context=\n");
    assert_int_equal(generate(), ENVELOPE_OK);
    assert_string_equal(scene.fake.requests[0].body, "{\"keyId\":\"backup\"}");
    assert_false(scene.made.has_context);
}

static void
members_are_named_by_the_section(void **state)
{
    (void)state;
    set_labels(LABELS);
    set_config(UNSIGNED "request-key = KeyId\n"
                        "request-context = EncryptionContext\n"
                        "request-extra = {\"Spec\":\"AES_256\", \"n\":[{}] }\n"
                        "reply-key = d.KeyId\n"
                        "reply-plaintext = d.Plaintext\n"
                        "reply-blob = d.Blob\n");
    set_reply(0, 200,
              "{\"d\":{\"KeyId\":\"backup\",\"Plaintext\":\"" KEK_BASE64
              "\",\"Blob\":\"B\"}}",
              NULL);
    assert_int_equal(generate(), ENVELOPE_OK);
    assert_string_equal(scene.fake.requests[0].body,
                        "{\"Spec\":\"AES_256\", \"n\":[{}],"
                        "\"KeyId\":\"backup\",\"EncryptionContext\":"
                        "{\"host\":\"db1\",\"set\":\"\xc3\xa9\"}}");
    assert_int_equal(scene.made.blob_len, 1);
    assert_kek_is('k');

    reset();
    set_config(UNSIGNED "request-key =\nrequest-extra = { }\n");
    assert_int_equal(generate(), ENVELOPE_OK);
    assert_string_equal(scene.fake.requests[0].body, "{}");
}

/* Also one that only another request has. */
static void
extra_members_come_once(void **state)
{
    (void)state;
    set_config(UNSIGNED "request-extra = {\"ciphertext\":\"x\"}\n");
    assert_int_equal(generate(), ENVELOPE_R_UNREADABLE_KEY);
    assert_detail_has("request-extra");
    assert_int_equal(unwrap(), ENVELOPE_R_UNREADABLE_KEY);
    assert_detail_has("request-extra");
    assert_int_equal(scene.fake.request_count, 0);
}

static void
unwrap_asks_with_the_blob(void **state)
{
    (void)state;
    set_labels(LABELS);
    assert_int_equal(unwrap(), ENVELOPE_OK);
    assert_string_equal(scene.fake.requests[0].url,
                        "https://kms.example.net/v1/keys/backup/decrypt");
    assert_string_equal(scene.fake.requests[0].body,
                        "{\"keyId\":\"backup\",\"ciphertext\":\"v1:blob\"}");
    assert_kek_is('k');

    reset();
    set_labels(LABELS);
    scene.wrapped.has_context = true;
    assert_int_equal(unwrap(), ENVELOPE_OK);
    assert_string_equal(scene.fake.requests[0].body,
                        "{\"keyId\":\"backup\"," CONTEXT ","
                        "\"ciphertext\":\"v1:blob\"}");
}

static void
blobs_of_a_header_are_text(void **state)
{
    static const char *const bad[] = { "a\nb", "\xff", "\xc3\xa9", "a\x7f" };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++) {
        scene.wrapped.blob_len = strlen(bad[i]);
        memcpy(scene.wrapped.blob, bad[i], scene.wrapped.blob_len);
        assert_int_equal(unwrap(), ENVELOPE_R_KEY_SERVICE_REFUSED);
        assert_int_equal(rewrap("httpkms://corp/backup"),
                         ENVELOPE_R_KEY_SERVICE_REFUSED);
    }
    scene.wrapped.blob_len = 0;
    assert_int_equal(unwrap(), ENVELOPE_R_KEY_SERVICE_REFUSED);
    memcpy(scene.wrapped.blob, "a\0b", 3);
    scene.wrapped.blob_len = 3;
    assert_int_equal(unwrap(), ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_int_equal(scene.fake.request_count, 0);
    /* These are text, and stay what they are. */
    memcpy(scene.wrapped.blob, "\"\\\"", 3);
    assert_int_equal(unwrap(), ENVELOPE_OK);
    assert_non_null(strstr(scene.fake.requests[0].body,
                           "\"ciphertext\":\"\\\"\\\\\\\"\"}"));
}

#define REWRAPPED(key) "{\"keyId\":\"" key "\",\"ciphertext\":\"v2:new\"}"

static void
rewrap_is_for_the_same_key(void **state)
{
    (void)state;
    set_labels(LABELS);
    scene.wrapped.has_context = true;
    set_config(UNSIGNED "request-to =\n");
    set_reply(0, 200, REWRAPPED("backup"), NULL);
    assert_int_equal(rewrap("httpkms://corp/backup"), ENVELOPE_OK);
    assert_string_equal(scene.fake.requests[0].url,
                        "https://kms.example.net/v1/keys/backup/rewrap");
    assert_string_equal(scene.fake.requests[0].body,
                        "{\"keyId\":\"backup\"," CONTEXT ","
                        "\"ciphertext\":\"v1:blob\"}");
    assert_string_equal(scene.made.key, "corp/backup");
    assert_memory_equal(scene.made.blob, "v2:new", 6);
    assert_int_equal(scene.made.blob_len, 6);
    assert_true(scene.made.has_context);
    assert_kek_is(0);

    /* Where it could be named, it is not. */
    reset();
    assert_int_equal(rewrap("httpkms://corp/backup"), ENVELOPE_OK);
    assert_string_equal(scene.fake.requests[0].body,
                        "{\"keyId\":\"backup\",\"ciphertext\":\"v1:blob\"}");
}

static void
rewrap_is_for_another_key(void **state)
{
    (void)state;
    set_labels(LABELS);
    set_reply(0, 200, REWRAPPED("next"), NULL);
    assert_int_equal(rewrap("httpkms://corp/next"), ENVELOPE_OK);
    assert_string_equal(scene.fake.requests[0].url,
                        "https://kms.example.net/v1/keys/backup/rewrap");
    assert_string_equal(scene.fake.requests[0].body,
                        "{\"keyId\":\"backup\",\"newKeyId\":\"next\","
                        "\"ciphertext\":\"v1:blob\"}");
    assert_string_equal(scene.made.key, "corp/next");
    assert_false(scene.made.has_context);
}

static void
rewrap_is_refused(void **state)
{
    (void)state;
    assert_int_equal(rewrap("httpkms://other/backup"),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_detail_has("no section [other]");
    set_config(UNSIGNED "request-to =\n");
    assert_int_equal(rewrap("httpkms://corp/next"), ENVELOPE_R_UNREADABLE_KEY);
    assert_detail_has("request-to");
    assert_int_equal(scene.fake.request_count, 0);
    /* The reply is about the old key. */
    set_config(UNSIGNED);
    set_reply(0, 200, REWRAPPED("backup"), NULL);
    assert_int_equal(rewrap("httpkms://corp/next"),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
}

static void
tls_is_the_sections(void **state)
{
    (void)state;
    set_config(UNSIGNED "ca-file = /ca.pem\n"
                        "certificate = /me.pem\n"
                        "private-key = /me.key\n");
    assert_int_equal(generate(), ENVELOPE_OK);
    assert_string_equal(sent.ca_file, "/ca.pem");
    assert_string_equal(sent.certificate, "/me.pem");
    assert_string_equal(sent.key, "/me.key");
}

/* Signers */

#define BEARER_FILE BASIC "signer = bearer\ntoken-file = /t\n"
#define BEARER_VARIABLE BASIC "signer = bearer\ntoken-variable = TOKEN\n"

static const char *
authorization(size_t request)
{
    return fake_header(&scene.fake.requests[request], "Authorization");
}

static void
a_token_is_sent(void **state)
{
    (void)state;
    set_config(BEARER_FILE);
    scene.files[1] = (struct fake_pair){ "/t", "s." SECRET "\r\n" };
    assert_int_equal(generate(), ENVELOPE_OK);
    assert_string_equal(authorization(0), "Bearer s." SECRET);

    reset();
    set_config(BEARER_VARIABLE);
    scene.variables[0] = (struct fake_pair){ "TOKEN", "s.42" };
    assert_int_equal(generate(), ENVELOPE_OK);
    assert_string_equal(authorization(0), "Bearer s.42");

    reset();
    set_config(BEARER_VARIABLE "token-header = X-Api-Key\n");
    scene.variables[0] = (struct fake_pair){ "TOKEN", "s.42" };
    assert_int_equal(generate(), ENVELOPE_OK);
    assert_null(authorization(0));
    assert_string_equal(fake_header(&scene.fake.requests[0], "X-Api-Key"),
                        "s.42");
}

static void
bad_tokens_are_refused(void **state)
{
    static const char *const bad[] = {
        "", "\n", "a\nb", "a\nb\n", "\xc3\xa9", "a\x7f", SECRET "\r\nX: y\n"
    };
    size_t i;

    (void)state;
    set_config(BEARER_FILE);
    assert_int_equal(generate(), ENVELOPE_R_CREDENTIALS);
    assert_detail_has("/t: there is no such file");
    for (i = 0; i < COUNT(bad); i++) {
        scene.files[1] = (struct fake_pair){ "/t", bad[i] };
        assert_int_equal(generate(), ENVELOPE_R_CREDENTIALS);
        assert_detail_has("/t");
        assert_null(strstr(scene.err.detail, SECRET));
    }
    set_config(BEARER_VARIABLE);
    assert_int_equal(generate(), ENVELOPE_R_CREDENTIALS);
    assert_detail_has("TOKEN");
    scene.variables[0] = (struct fake_pair){ "TOKEN", "a\nb" };
    assert_int_equal(generate(), ENVELOPE_R_CREDENTIALS);
    assert_int_equal(scene.fake.request_count, 0);
}

/* Of a file with a NUL in it. */
static enum envelope_reason
read_nul(void *arg, struct kms_text *content, const char *path, size_t max,
         struct envl_err *err)
{
    (void)max;
    kms_text_set(content, "");
    if (strcmp(path, "/t") == 0)
        kms_text_add_bytes(content, "a\0b", 3);
    else
        kms_text_set(content, BEARER_FILE);
    (void)arg;
    return content->failed ? envl_fail_memory(err) : ENVELOPE_OK;
}

static void
a_token_has_no_nul(void **state)
{
    (void)state;
    scene.fake.world.read = read_nul;
    assert_int_equal(generate(), ENVELOPE_R_CREDENTIALS);
    assert_int_equal(scene.fake.request_count, 0);
}

#define HMAC BASIC "signer = hmac\nid = me\nsecret-file = /s\n"

static void
hmac_signs(void **state)
{
    (void)state;
    set_config(HMAC);
    assert_int_equal(generate(), ENVELOPE_R_CREDENTIALS);
    scene.files[1] = (struct fake_pair){ "/s", SECRET "\n" };
    assert_int_equal(generate(), ENVELOPE_OK);
    assert_string_equal(
        fake_header(&scene.fake.requests[0], "X-Envelope-Timestamp"),
        "1440938160");
    /* By openssl-dgst(1), over the five lines that kms/sign.h describes. */
    assert_string_equal(authorization(0),
                        "HMAC-SHA256 Credential=me, Signature="
                        "2d0024ab4b0154c376dc2b20e37c80bd"
                        "7823d386c40e0a129ec7d214fb0b4260");
}

static void
aws4_signs(void **state)
{
    (void)state;
    set_config(BASIC "signer = aws4\nservice = execute-api\nregion = eu-1\n");
    scene.variables[0] = (struct fake_pair){ "AWS_ACCESS_KEY_ID", "AKID" };
    scene.variables[1] = (struct fake_pair){ "AWS_SECRET_ACCESS_KEY", SECRET };
    assert_int_equal(generate(), ENVELOPE_OK);
    assert_non_null(authorization(0));
    assert_non_null(strstr(authorization(0),
                           "AWS4-HMAC-SHA256 Credential=AKID/20150830/eu-1/"
                           "execute-api/aws4_request, "
                           "SignedHeaders=content-type;host;x-amz-date, "));
}

static void
aws4_finds_a_region(void **state)
{
    (void)state;
    set_config(BASIC "signer = aws4\nservice = kms\n");
    scene.variables[0] = (struct fake_pair){ "AWS_ACCESS_KEY_ID", "AKID" };
    scene.variables[1] = (struct fake_pair){ "AWS_SECRET_ACCESS_KEY", SECRET };
    assert_int_equal(generate(), ENVELOPE_R_UNREADABLE_KEY);
    assert_detail_has("region: is missing");
    scene.variables[2] = (struct fake_pair){ "AWS_REGION", "us-2" };
    assert_int_equal(generate(), ENVELOPE_OK);
    assert_non_null(strstr(authorization(0), "/us-2/kms/aws4_request"));
}

static void
aws4_takes_the_profile(void **state)
{
    (void)state;
    set_config(BASIC "signer = aws4\nservice = kms\nprofile = p\n");
    scene.variables[0] =
        (struct fake_pair){ "AWS_SHARED_CREDENTIALS_FILE", "/c" };
    scene.variables[1] = (struct fake_pair){ "AWS_CONFIG_FILE", "/none" };
    scene.variables[2] = (struct fake_pair){ "AWS_REGION", "us-2" };
    scene.files[1] = (struct fake_pair){
        "/c", "[p]\naws_access_key_id = OFP\naws_secret_access_key = x\n"
    };
    assert_int_equal(generate(), ENVELOPE_OK);
    assert_non_null(strstr(authorization(0), "Credential=OFP/"));
}

static void
tc3_signs(void **state)
{
    (void)state;
    set_config(BASIC "signer = tc3\nservice = gate\n");
    scene.variables[0] = (struct fake_pair){ "TENCENTCLOUD_SECRET_ID", "ID" };
    scene.variables[1] =
        (struct fake_pair){ "TENCENTCLOUD_SECRET_KEY", SECRET };
    assert_int_equal(generate(), ENVELOPE_OK);
    assert_non_null(authorization(0));
    assert_non_null(strstr(authorization(0),
                           "TC3-HMAC-SHA256 Credential=ID/2015-08-30/gate/"
                           "tc3_request, SignedHeaders=content-type;host, "));
}

/* Replies */

static void
bad_replies_are_refused(void **state)
{
    static const struct {
        const char *body;
        enum envelope_reason reason;
    } cases[] = {
        { "", ENVELOPE_R_KEY_SERVICE },
        { "<html>", ENVELOPE_R_KEY_SERVICE },
        { "[]", ENVELOPE_R_KEY_SERVICE },
        { "{}", ENVELOPE_R_KEY_SERVICE },
        { GOOD GOOD, ENVELOPE_R_KEY_SERVICE },
        { "{\"keyId\":\"backup\",\"ciphertext\":\"b\"}",
          ENVELOPE_R_KEY_SERVICE },
        /* another key, and what names none */
        { "{\"keyId\":\"other\",\"plaintext\":\"" KEK_BASE64
          "\",\"ciphertext\":\"b\"}",
          ENVELOPE_R_KEY_SERVICE_REFUSED },
        { "{\"keyId\":\"\",\"plaintext\":\"" KEK_BASE64
          "\",\"ciphertext\":\"b\"}",
          ENVELOPE_R_KEY_SERVICE_REFUSED },
        { "{\"keyId\":7,\"plaintext\":\"" KEK_BASE64 "\",\"ciphertext\":\"b\"}",
          ENVELOPE_R_KEY_SERVICE },
        /* 31 and 33 bytes, and what is no base64 */
        { "{\"plaintext\":\"a2tra2tra2tra2tra2tra2tra2tra2tra2tra2trag==\","
          "\"ciphertext\":\"b\"}",
          ENVELOPE_R_KEY_SERVICE },
        { "{\"plaintext\":\"a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tr\","
          "\"ciphertext\":\"b\"}",
          ENVELOPE_R_KEY_SERVICE },
        { "{\"plaintext\":\"a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s\","
          "\"ciphertext\":\"b\"}",
          ENVELOPE_R_KEY_SERVICE },
        { "{\"plaintext\":\"" KEK_BASE64 "\",\"plaintext\":\"" KEK_BASE64
          "\",\"ciphertext\":\"b\"}",
          ENVELOPE_R_KEY_SERVICE },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        set_reply(0, 200, cases[i].body, NULL);
        set_reply(1, 200, cases[i].body, NULL);
        if (generate() != cases[i].reason)
            fail_msg("reply %zu: %s", i, scene.err.detail);
        assert_kek_is(0);
        if (unwrap() != cases[i].reason)
            fail_msg("reply %zu: %s", i, scene.err.detail);
        assert_kek_is(0);
        assert_null(strstr(scene.err.detail, "a2tr"));
        assert_int_equal(scene.fake.pause_count, 0);
        reset();
    }
}

static void
bad_blobs_are_refused(void **state)
{
    static const char *const bad[] = {
        "{\"plaintext\":\"" KEK_BASE64 "\"}",
        "{\"plaintext\":\"" KEK_BASE64 "\",\"ciphertext\":\"\"}",
        "{\"plaintext\":\"" KEK_BASE64 "\",\"ciphertext\":1}",
        "{\"plaintext\":\"" KEK_BASE64 "\",\"ciphertext\":\"a\\nb\"}",
        "{\"plaintext\":\"" KEK_BASE64 "\",\"ciphertext\":\"a\\u0000b\"}",
        "{\"plaintext\":\"" KEK_BASE64 "\",\"ciphertext\":\"\xc3\xa9\"}",
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++) {
        set_reply(0, 200, bad[i], NULL);
        set_reply(1, 200, bad[i], NULL);
        assert_int_equal(generate(), ENVELOPE_R_KEY_SERVICE);
        assert_detail_has("no encrypted key of 1 to 8192 bytes at ciphertext");
        assert_kek_is(0);
        assert_int_equal(rewrap("httpkms://corp/backup"),
                         ENVELOPE_R_KEY_SERVICE);
        reset();
    }
}

/* A blob of so many letters. */
static enum envelope_reason
generate_blob(size_t len)
{
    struct kms_text body = { 0 };
    enum envelope_reason rc;
    size_t i;

    reset();
    kms_text_add(&body, "{\"plaintext\":\"" KEK_BASE64 "\",\"ciphertext\":\"");
    for (i = 0; i < len; i++)
        kms_text_add(&body, "b");
    kms_text_add(&body, "\"}");
    set_reply(0, 200, body.data, NULL);
    rc = generate();
    if (rc == ENVELOPE_OK)
        assert_int_equal(scene.made.blob_len, len);
    kms_text_clear(&body);
    return rc;
}

static void
blobs_are_limited(void **state)
{
    (void)state;
    assert_int_equal(generate_blob(ENVL_KMS_BLOB_LEN_MAX), ENVELOPE_OK);
    assert_int_equal(scene.made.blob[ENVL_KMS_BLOB_LEN_MAX - 1], 'b');
    assert_int_equal(generate_blob(ENVL_KMS_BLOB_LEN_MAX + 1),
                     ENVELOPE_R_KEY_SERVICE);
}

static void
a_reply_need_not_name_the_key(void **state)
{
    static const char anonymous[] = "{\"plaintext\":\"" KEK_BASE64
                                    "\",\"ciphertext\":\"b\",\"keyId\":null}";
    static const char other[] = "{\"plaintext\":\"" KEK_BASE64
                                "\",\"ciphertext\":\"b\",\"keyId\":\"x\"}";

    (void)state;
    set_reply(0, 200, anonymous, NULL);
    assert_int_equal(generate(), ENVELOPE_OK);
    reset();
    set_config(UNSIGNED "reply-key =\n");
    set_reply(0, 200, other, NULL);
    assert_int_equal(generate(), ENVELOPE_OK);
    assert_string_equal(scene.made.key, "corp/backup");
}

static void
a_refusal_is_told(void **state)
{
    static const struct {
        int status;
        const char *body, *headers, *detail;
    } cases[] = {
        { 403,
          "{\"error\":{\"code\":\"Denied\",\"message\":\"not you\"},"
          "\"requestId\":\"r-1\"}",
          "X-Request-Id: r-2\r\n",
          "httpkms://corp: Denied: not you (request r-1)" },
        { 401, "", "X-Request-Id: r-2\r\n",
          "httpkms://corp: HTTP status 401 (request r-2)" },
        { 400, "<html>", NULL, "httpkms://corp: HTTP status 400" },
        { 404, "{\"error\":{\"message\":\"no key\"}}", NULL,
          "httpkms://corp: HTTP status 404: no key" },
        { 400, "{\"error\":{\"code\":\"\"}}", NULL,
          "httpkms://corp: HTTP status 400" },
        { 400, GOOD, NULL, "httpkms://corp: HTTP status 400" },
        { 200, "{\"error\":{\"code\":\"Denied\",\"message\":\"not you\"}}",
          NULL, "httpkms://corp: Denied: not you" },
        /* whatever else there is */
        { 200,
          "{\"error\":{\"code\":\"Denied\"},\"plaintext\":\"" KEK_BASE64
          "\",\"ciphertext\":\"b\"}",
          NULL, "httpkms://corp: Denied" },
        { 200, "{\"error\":{\"code\":5,\"message\":\"five\"}}", NULL,
          "httpkms://corp: five" },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        set_reply(0, cases[i].status, cases[i].body, cases[i].headers);
        assert_int_equal(generate(), ENVELOPE_R_KEY_SERVICE_REFUSED);
        assert_string_equal(scene.err.detail, cases[i].detail);
        assert_int_equal(scene.fake.pause_count, 0);
        assert_kek_is(0);
        reset();
    }
}

static void
errors_are_where_the_section_says(void **state)
{
    (void)state;
    set_config(UNSIGNED "reply-error = errorCode\nreply-message = why\n"
                        "reply-id = log.id\n");
    set_reply(0, 200,
              "{\"errorCode\":\"E7\",\"why\":\"so\",\"log\":{\"id\":\"1\"}}",
              NULL);
    assert_int_equal(generate(), ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_string_equal(scene.err.detail, "httpkms://corp: E7: so (request 1)");

    /* Null and "" are none. */
    reset();
    set_config(UNSIGNED "reply-error = errorCode\n");
    set_reply(0, 200,
              "{\"errorCode\":\"\",\"plaintext\":\"" KEK_BASE64
              "\",\"ciphertext\":\"b\"}",
              NULL);
    assert_int_equal(generate(), ENVELOPE_OK);
    reset();
    set_config(UNSIGNED "reply-error = errorCode\n");
    set_reply(0, 200,
              "{\"errorCode\":null,\"plaintext\":\"" KEK_BASE64
              "\",\"ciphertext\":\"b\"}",
              NULL);
    assert_int_equal(generate(), ENVELOPE_OK);

    /* Where nothing is one, what is missing is told with the message. */
    reset();
    set_config(UNSIGNED "reply-error =\nreply-message = why\n");
    set_reply(0, 200, "{\"code\":7,\"why\":\"so\"}", NULL);
    assert_int_equal(unwrap(), ENVELOPE_R_KEY_SERVICE);
    assert_detail_has("at plaintext: so");
}

static void
some_failures_are_tried_again(void **state)
{
    static const int statuses[] = { 408, 429, 500, 502, 503, 504, 599, 0 };
    size_t i, j;

    (void)state;
    for (i = 0; i < COUNT(statuses); i++) {
        set_reply(0, statuses[i], "{\"error\":{\"code\":\"Busy\"}}", NULL);
        set_reply(1, 200, GOOD, NULL);
        assert_int_equal(generate(), ENVELOPE_OK);
        assert_int_equal(scene.fake.request_count, 2);
        assert_string_equal(scene.fake.requests[0].body,
                            scene.fake.requests[1].body);
        assert_int_equal(scene.fake.pause_count, 1);
        assert_int_equal(scene.fake.pauses[0], statuses[i] == 429 ? 499 : 99);
        assert_kek_is('k');
        reset();
        for (j = 0; j < COUNT(scene.replies); j++)
            set_reply(j, statuses[i], "", NULL);
        assert_int_equal(generate(), ENVELOPE_R_KEY_SERVICE);
        assert_int_equal(scene.fake.request_count, 4);
        assert_kek_is(0);
        reset();
    }
}

static void
a_wrong_clock_is_set_right(void **state)
{
    static const char later[] = "Date: Sun, 30 Aug 2015 13:36:00 GMT\r\n";

    (void)state;
    set_config(HMAC);
    scene.files[1] = (struct fake_pair){ "/s", SECRET };
    set_reply(0, 403, "", later);
    set_reply(1, 200, GOOD, later);
    assert_int_equal(generate(), ENVELOPE_OK);
    assert_string_equal(
        fake_header(&scene.fake.requests[1], "X-Envelope-Timestamp"),
        "1440941760");

    /* Once, and only where the clock has a part in it. */
    reset();
    set_config(HMAC);
    scene.files[1] = (struct fake_pair){ "/s", SECRET };
    set_reply(0, 403, "", later);
    set_reply(1, 403, "", later);
    assert_int_equal(generate(), ENVELOPE_R_KEY_SERVICE_REFUSED);
    reset();
    set_config(BEARER_FILE);
    scene.files[1] = (struct fake_pair){ "/t", SECRET };
    set_reply(0, 403, "", later);
    assert_int_equal(generate(), ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_int_equal(scene.fake.request_count, 1);
}

/* Memory */

/* The world's own lists are not what is tested. */
static enum envelope_reason
send_plainly(void *arg, struct kms_reply *reply,
             const struct kms_request *request, unsigned milliseconds,
             struct envl_err *err)
{
    (void)arg;
    (void)request;
    (void)milliseconds;
    reply->status = 200;
    kms_text_set(&reply->body, GOOD);
    return reply->body.failed ? envl_fail_memory(err) : ENVELOPE_OK;
}

/* The number of allocations that a success takes. */
static size_t
sweep(const char *config)
{
    enum envelope_reason rc = ENVELOPE_R_MEMORY;
    size_t n;
    long live = memory_live();

    set_config(config);
    for (n = 0; rc != ENVELOPE_OK; n++) {
        memset(&scene.made, 0, sizeof(scene.made));
        memory_fail(n + 1);
        rc = generate();
        memory_fail(0);
        if (rc != ENVELOPE_OK && rc != ENVELOPE_R_MEMORY)
            fail_msg("allocation %zu: %s", n + 1, scene.err.detail);
        assert_int_equal(memory_live(), live);
    }
    assert_kek_is('k');
    assert_string_equal(scene.made.key, "corp/backup");
    return n;
}

static void
memory_may_run_out_anywhere(void **state)
{
    (void)state;
    set_labels(LABELS);
    scene.files[1] = (struct fake_pair){ "/t", SECRET };
    scene.variables[0] = (struct fake_pair){ "TOKEN", SECRET };
    scene.fake.world.send = send_plainly;
    assert_true(sweep(BEARER_FILE "request-extra = {\"bits\":256}\n") > 30);
    assert_true(sweep(BEARER_VARIABLE "ca-file = /ca\n") > 30);
}

#define IN_SCENE(test) \
    cmocka_unit_test_setup_teardown(test, set_scene, strike_scene)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCENE(bad_configurations_are_refused),
        IN_SCENE(a_use_needs_its_path),
        IN_SCENE(check_reads_no_secret),
        IN_SCENE(keys_match_by_name_alone),
        IN_SCENE(generate_asks_for_a_key),
        IN_SCENE(a_key_is_encoded_in_the_path),
        IN_SCENE(a_key_has_no_spaces),
        IN_SCENE(a_key_never_leads_up_the_path),
        IN_SCENE(labels_are_the_context),
        IN_SCENE(members_are_named_by_the_section),
        IN_SCENE(extra_members_come_once),
        IN_SCENE(unwrap_asks_with_the_blob),
        IN_SCENE(blobs_of_a_header_are_text),
        IN_SCENE(rewrap_is_for_the_same_key),
        IN_SCENE(rewrap_is_for_another_key),
        IN_SCENE(rewrap_is_refused),
        IN_SCENE(tls_is_the_sections),
        IN_SCENE(a_token_is_sent),
        IN_SCENE(bad_tokens_are_refused),
        IN_SCENE(a_token_has_no_nul),
        IN_SCENE(hmac_signs),
        IN_SCENE(aws4_signs),
        IN_SCENE(aws4_finds_a_region),
        IN_SCENE(aws4_takes_the_profile),
        IN_SCENE(tc3_signs),
        IN_SCENE(bad_replies_are_refused),
        IN_SCENE(bad_blobs_are_refused),
        IN_SCENE(blobs_are_limited),
        IN_SCENE(a_reply_need_not_name_the_key),
        IN_SCENE(a_refusal_is_told),
        IN_SCENE(errors_are_where_the_section_says),
        IN_SCENE(some_failures_are_tried_again),
        IN_SCENE(a_wrong_clock_is_set_right),
        IN_SCENE(memory_may_run_out_anywhere),
    };

    memory_install(SECRET);
    return cmocka_run_group_tests_name("httpkms", tests, NULL, NULL);
}
