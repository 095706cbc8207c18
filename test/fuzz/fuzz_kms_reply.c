/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies of key services: the first byte of the input chooses a status, the
 * rest is the body of every reply, and once more a header.  Each service is
 * asked for a new key, and to open one; one that keeps RSA keys, for the public half of
 * one, and to open what is for it.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "kms/dispatch.h"
#include "test/fuzz/target.h"

#define ARN                                                           \
    "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-" \
    "1234567890ab"

#define GOOGLE "projects/p/locations/l/keyRings/r/cryptoKeys/k"
#define HUAWEI "cn-north-4/0d0466b0-e727-4d9c-b35d-f84bb474a37f"

#define AZURE "azurekeyvault://unit.vault.azure.net/keys/backup"

static const char config[] =
    "[corp]\nurl = https://kms.example\nsigner = none\n"
    "generate = /g\ndecrypt = /d\n"
    "[helper]\nexec = /usr/libexec/helper\n";

static const int statuses[] = { 200, 400, 403, 404, 409, 412,
                                429, 500, 503, 302, 204, 599 };
#define STATUS_COUNT (sizeof(statuses) / sizeof(statuses[0]))

static const struct envl_libctx ctx = { .propq = "?provider=default" };

/* Who is asked, and for what. */
static const struct {
    const char *uri, *service, *key, *blob, *labels;
} targets[] = {
    { "awskms:///" ARN, "awskms", ARN, "BOXED", NULL },
    { "awskms:///alias/backup?region=us-east-1", "awskms", ARN, "BOXED",
      "a=1\n" },
    { "alikms://cn-hangzhou/alias/backup", "alikms", "cn-hangzhou/key-1",
      "Qk9YRUQ=", "a=1\n" },
    { "alikms://cn-hangzhou/key-1", "alikms", "cn-hangzhou/key-1",
      "Qk9YRUQ=", NULL },
    { "tencentkms://ap-guangzhou/23e80852-1e38-11e9-b129-5cb9019b4b01",
      "tencentkms", "ap-guangzhou/23e80852-1e38-11e9-b129-5cb9019b4b01",
      "Qk9YRUQ=", "a=1\n" },
    { "vault:backup", "vault", "transit/keys/backup",
      "vault:v1:Qk9YRUQ=", NULL },
    { "gcpkms://" GOOGLE, "gcpkms", GOOGLE, "BOXED", "a=1\n" },
    { "huaweikms://" HUAWEI, "huaweikms", HUAWEI, "BOXED", "a=1\n" },
    { "httpkms://corp/k", "httpkms", "corp/k", "BOXED", "a=1\n" },
    { "execkms://helper/k", "execkms", "helper/k", "BOXED", NULL },
};

/* Attempts at one question for a key and at another; of Azure also 100 versions on ten
 * pages. */
#define REQUESTS_MAX 8
#define VERSION_REQUESTS_MAX (REQUESTS_MAX + 110)

/* The reply, and how often it was sent. */
struct server {
    const uint8_t *data;
    size_t size;
    unsigned count, count_max;
    int64_t ticks;
};

/* A world */

static int64_t
now(void *arg)
{
    (void)arg;
    return INT64_C(1440938160);
}

static int64_t
ticks(void *arg)
{
    return ((struct server *)arg)->ticks;
}

static void
pause_for(void *arg, unsigned milliseconds)
{
    ((struct server *)arg)->ticks += milliseconds;
}

static unsigned
least(void *arg, unsigned bound)
{
    (void)arg;
    (void)bound;
    return 0;
}

static const char *
variable(void *arg, const char *name)
{
    static const char *const known[][2] = {
        { "ALIBABA_CLOUD_ACCESS_KEY_ID", "AKIDEXAMPLE" },
        { "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret" },
        { "AWS_ACCESS_KEY_ID", "AKIDEXAMPLE" },
        { "AWS_SECRET_ACCESS_KEY", "secret" },
        { "TENCENTCLOUD_SECRET_ID", "AKIDEXAMPLE" },
        { "TENCENTCLOUD_SECRET_KEY", "secret" },
        { "AZURE_TENANT_ID", "tenant" },
        { "AZURE_CLIENT_ID", "client" },
        { "AZURE_CLIENT_SECRET", "secret" },
        { "GOOGLE_APPLICATION_CREDENTIALS", "/account.json" },
        { "HUAWEICLOUD_SDK_AK", "AKEXAMPLE" },
        { "HUAWEICLOUD_SDK_SK", "secret" },
        { "HUAWEICLOUD_SDK_PROJECT_ID", "p" },
        { "VAULT_ADDR", "https://vault.example:8200" },
        { "VAULT_TOKEN", "hvs.secret" },
    };
    size_t i;

    (void)arg;
    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i][0], name) == 0)
            return known[i][1];
    }
    return NULL;
}

static enum envelope_reason
guard_nothing(void *arg, const char *path, struct envl_err *err)
{
    (void)arg;
    (void)path;
    (void)err;
    return ENVELOPE_OK;
}

/* A service account, whose key is made once. */
static const char *
account(void)
{
    static char text[4096];
    EVP_PKEY *key;
    BIO *bio;
    char line[128];
    size_t len;

    if (text[0] != '\0')
        return text;
    key = EVP_RSA_gen(2048);
    bio = BIO_new(BIO_s_mem());
    MUST(key != NULL && bio != NULL
         && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
    len = (size_t)snprintf(text, sizeof(text),
                           "{\"type\":\"service_account\",\"private_key_id\":"
                           "\"1\",\"client_email\":\"a@b.example\","
                           "\"private_key\":\"");
    while (BIO_gets(bio, line, sizeof(line)) > 0)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%.*s\\n",
                                (int)strcspn(line, "\n"), line);
    MUST(len + 3 < sizeof(text));
    (void)strcpy(text + len, "\"}");
    BIO_free(bio);
    EVP_PKEY_free(key);
    return text;
}

static enum envelope_reason
read_known(void *arg, struct kms_text *content, const char *path, size_t max,
           struct envl_err *err)
{
    (void)arg;
    (void)max;
    (void)err;
    kms_text_clear(content);
    if (strcmp(path, ENVELOPE_KMS_CONFIG_PATH) == 0)
        kms_text_set(content, config);
    else if (strcmp(path, "/account.json") == 0)
        kms_text_set(content, account());
    return ENVELOPE_OK;
}

static enum envelope_reason
answer(void *arg, struct kms_reply *reply, const struct kms_request *request,
       unsigned milliseconds, struct envl_err *err)
{
    struct server *server = arg;
    const char *body = (const char *)server->data + 1;

    (void)milliseconds;
    (void)err;
    MUST(!request->endpoint->plain);
    if (strcmp(kms_text_get(&request->path), "/tenant/oauth2/v2.0/token")
        == 0) {
        reply->status = 200;
        kms_text_set(&reply->body, "{\"access_token\":\"t\"}");
        return ENVELOPE_OK;
    }
    MUST(++server->count <= server->count_max);
    reply->status = statuses[server->data[0] % STATUS_COUNT];
    kms_text_add_bytes(&reply->body, body, server->size - 1);
    kms_reply_take_header(reply, body, server->size - 1);
    MUST(!reply->body.failed);
    return ENVELOPE_OK;
}

static enum envelope_reason
run(void *arg, struct kms_text *output, size_t max, char *const argv[],
    const struct kms_text *input, unsigned milliseconds, struct envl_err *err)
{
    struct server *server = arg;

    (void)argv;
    (void)input;
    (void)milliseconds;
    (void)err;
    MUST(++server->count <= server->count_max);
    MUST(server->size - 1 <= max);
    kms_text_add_bytes(output, server->data + 1, server->size - 1);
    return ENVELOPE_OK;
}

static struct kms_world
make_world(struct server *server)
{
    return (struct kms_world){
        .arg = server,
        .now = now,
        .ticks = ticks,
        .sleep = pause_for,
        .random = least,
        .variable = variable,
        .guard = guard_nothing,
        .read = read_known,
        .send = answer,
        .run = run,
    };
}

/* What holds for any reply */

static void
check_failure(enum envelope_reason rc, const struct envl_err *err,
              const unsigned char kek[ENVL_KEK_LEN])
{
    static const unsigned char zero[ENVL_KEK_LEN];

    MUST(rc == err->reason);
    MUST(rc == ENVELOPE_R_KEY_SERVICE || rc == ENVELOPE_R_KEY_SERVICE_REFUSED);
    MUST(err->detail[0] != '\0');
    MUST(memcmp(kek, zero, ENVL_KEK_LEN) == 0);
}

/* A key that was made is one that its URI opens. */
static void
try_generate(const struct kms_world *world, const struct envl_kms_call *call,
             bool ok)
{
    const struct envl_kms_wrapped unset = { .blob_len = 0 };
    struct envl_kms_wrapped made = unset;
    unsigned char kek[ENVL_KEK_LEN];
    struct envl_err err = { .detail = "" };
    enum envelope_reason rc;

    memset(kek, 0xaa, sizeof(kek));
    rc = kms_dispatch_generate(world, &made, kek, call, &err);
    if (rc != ENVELOPE_OK) {
        check_failure(rc, &err, kek);
        MUST(memcmp(&made, &unset, sizeof(made)) == 0);
        return;
    }
    MUST(ok);
    MUST(made.blob_len > 0 && made.blob_len <= sizeof(made.blob));
    MUST(memchr(made.key, '\0', sizeof(made.key)) != NULL);
    MUST(kms_is_printable(made.key));
    MUST(kms_dispatch_matches(world, call->uri, &made));
}

static void
try_unwrap(const struct kms_world *world, const struct envl_kms_call *call,
           const struct envl_kms_wrapped *wrapped, bool ok)
{
    unsigned char kek[ENVL_KEK_LEN];
    struct envl_err err = { .detail = "" };
    enum envelope_reason rc;

    memset(kek, 0xaa, sizeof(kek));
    rc = kms_dispatch_unwrap(world, kek, wrapped, call, &err);
    if (rc != ENVELOPE_OK)
        check_failure(rc, &err, kek);
    else
        MUST(ok);
}

static void
try_target(size_t i, const uint8_t *data, size_t size)
{
    const char *labels = targets[i].labels;
    struct server server = { .data = data,
                             .size = size,
                             .count_max = REQUESTS_MAX };
    const struct kms_world world = make_world(&server);
    const struct envl_kms_call call = {
        .ctx = &ctx,
        .uri = targets[i].uri,
        .labels = labels,
        .labels_len = labels != NULL ? strlen(labels) : 0,
    };
    struct envl_kms_wrapped wrapped = {
        .has_context = labels != NULL,
        .blob_len = strlen(targets[i].blob),
    };
    const int status = statuses[data[0] % STATUS_COUNT];
    /* A helper has no status. */
    const bool ok = status == 200 || status == 204
                    || strcmp(targets[i].service, "execkms") == 0;

    (void)snprintf(wrapped.service, sizeof(wrapped.service), "%s",
                   targets[i].service);
    (void)snprintf(wrapped.key, sizeof(wrapped.key), "%s", targets[i].key);
    memcpy(wrapped.blob, targets[i].blob, wrapped.blob_len);
    try_generate(&world, &call, ok);
    try_unwrap(&world, &call, &wrapped, ok);
}

/* All public halves are those of the header's recipient, or none is. */
static bool
find_all(struct envl_kms_encrypted *encrypted, const unsigned char *der,
         size_t len)
{
    MUST(der[0] == 0x30 && len > 20);
    encrypted->data = (const unsigned char *)"BOXED";
    encrypted->len = 5;
    return true;
}

static bool
find_none(struct envl_kms_encrypted *encrypted, const unsigned char *der,
          size_t len)
{
    (void)encrypted;
    MUST(der[0] == 0x30 && len > 20);
    return false;
}

static void
try_public(const char *uri, const uint8_t *data, size_t size)
{
    static const unsigned char zero[ENVL_KEK_LEN];
    struct envl_kms_encrypted all = { .find = find_all },
                              none = { .find = find_none };
    struct server server = { .data = data,
                             .size = size,
                             .count_max = 3 * VERSION_REQUESTS_MAX };
    const struct kms_world world = make_world(&server);
    const struct envl_kms_call call = { .ctx = &ctx, .uri = uri };
    const bool ok = statuses[data[0] % STATUS_COUNT] == 200
                    || statuses[data[0] % STATUS_COUNT] == 204;
    unsigned char der[ENVL_KMS_PUBLIC_KEY_LEN_MAX], kek[ENVL_KEK_LEN];
    struct envl_err err = { .detail = "" };
    enum envelope_reason rc;
    size_t len = 0;

    rc = kms_dispatch_public_key(&world, der, &len, &call, &err);
    if (rc != ENVELOPE_OK)
        check_failure(rc, &err, zero);
    else
        MUST(ok && len > 20 && len <= sizeof(der));
    memset(kek, 0xaa, sizeof(kek));
    rc = kms_dispatch_decrypt(&world, kek, &all, &call, &err);
    if (rc == ENVELOPE_R_NO_MATCH)
        MUST(all.data == NULL && memcmp(kek, zero, sizeof(kek)) == 0);
    else if (rc != ENVELOPE_OK)
        check_failure(rc, &err, kek);
    else
        MUST(ok && all.data != NULL);
    memset(kek, 0xaa, sizeof(kek));
    rc = kms_dispatch_decrypt(&world, kek, &none, &call, &err);
    if (rc != ENVELOPE_R_NO_MATCH)
        check_failure(rc, &err, kek);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t i;

    if (size == 0 || size > KMS_REPLY_LEN_MAX)
        return 0;
    for (i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
        try_target(i, data, size);
    try_public(AZURE, data, size);
    try_public(AZURE "/v1", data, size);
    return 0;
}
