/* SPDX-License-Identifier: Apache-2.0 */
/* Azure Key Vault in a fake world: a key and its versions, and the calls of such a
 * service. */
#ifndef TEST_KMS_AZURE_H
#define TEST_KMS_AZURE_H

#include <string.h>

#include "kms/core/text.h"
#include "kms/engine/kept.h"
#include "test/kms/kms_trial.h"

#define HOST "unit.vault.azure.net"
#define NAME HOST "/keys/backup"
#define URI "azurekeyvault://" NAME
#define KID "https://" NAME "/"

#define TENANT "11111111-2222-3333-4444-555555555555"
#define LOGIN "https://login.microsoftonline.com/"

/* Two moduli of 1,024 bits */
#define N1                                                     \
    "uLTmUuRNp_I3DZ4mDicTZVCko6bQf1wMMy-LEiQIP9IrkC-JEegYGPjJ" \
    "nV1dmDGVdQTZDpRd4uj1TueBzHX2NthQmQlaowAWWmcDb5tUDWuPC-IR" \
    "JBecPdn3OBfObhGNJkqtbLbdIQ-vlKzTz5LBkCN8sR9dEIzyWTAmOTiz" \
    "cKE"
#define N2                                                     \
    "tXafoPFIP5WpDZ3y8TDWD88EvZP1CuaVFNqMZZzisQzM2uv5kNGYOLDX" \
    "7As-l4GOy5bE262-FyKW1SNKQrJMa6Tm7STsY2qKwKEnHlhmJ5I4qvhO" \
    "WAVtjy-o7dCUupeuixVELuLbYRqRv-OUaXM6kkfVj6PFUBgwA3JVX9I1" \
    "8Rk"

#define TOKEN                                                       \
    {                                                               \
        200, "{\"access_token\":\"tok\",\"expires_in\":3599}", NULL \
    }
#define OK(body)        \
    {                   \
        200, body, NULL \
    }
#define REFUSED(status, body) \
    {                         \
        status, body, NULL    \
    }

/* What the service says of a version. */
#define KEY_AS(kid, type, ops, numbers, attributes)                        \
    "{\"key\":{\"kid\":\"" kid "\",\"kty\":\"" type "\",\"key_ops\":[" ops \
    "]" numbers "},\"attributes\":{" attributes "}}"
#define OPS "\"sign\",\"wrapKey\",\"unwrapKey\""
#define NUMBERS(n) ",\"n\":\"" n "\",\"e\":\"AQAB\""
#define ENABLED "\"enabled\":true"
#define KEY(version, n) KEY_AS(KID version, "RSA", OPS, NUMBERS(n), ENABLED)
#define ITEM(version) "{\"kid\":\"" KID version "\"}"
#define UNWRAPPED(version) \
    "{\"kid\":\"" KID version "\",\"value\":\"" KEK_URL "\"}"
#define KEK_URL "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define ERROR_AS(code, more) \
    "{\"error\":{\"code\":\"" code "\",\"message\":\"no\"" more "}}"
#define ERROR(code) ERROR_AS(code, ",\"innererror\":null")
#define INNER(code) \
    ERROR_AS("Forbidden", ",\"innererror\":{\"code\":\"" code "\"}")

static const struct fake_pair variables[] = {
    { "AZURE_TENANT_ID", TENANT },
    { "AZURE_CLIENT_ID", "app" },
    { "AZURE_CLIENT_SECRET", "wipe-me!" },
    { NULL, NULL },
};

static inline struct trial
new_trial(void)
{
    struct trial t = { .variables = variables };

    fake_world_init(&t.fake);
    return t;
}

/* A header with something for the key of this modulus; NULL: for nobody's. */
struct for_key {
    struct envl_kms_encrypted encrypted;
    const char *n;
    unsigned looked_at; /* public halves */
};

static inline bool
find_for_key(struct envl_kms_encrypted *encrypted, const unsigned char *der,
             size_t len)
{
    struct for_key *header = encrypted->arg;
    unsigned char n[256];
    long n_len;
    size_t i;

    header->looked_at++;
    if (header->n == NULL)
        return false;
    n_len = kms_base64url_decode(n, sizeof(n), header->n, strlen(header->n));
    assert_true(n_len > 0);
    for (i = 0; i + (size_t)n_len <= len; i++) {
        if (memcmp(der + i, n, (size_t)n_len) != 0)
            continue;
        encrypted->data = (const unsigned char *)"BOXED";
        encrypted->len = 5;
        return true;
    }
    return false;
}

/* With what is kept, if there is anywhere to keep it. */
static inline enum envelope_reason
trial_decrypt(struct trial *t, struct kms_kept *kept, const char *uri,
              struct for_key *header, const struct fake_reply *replies,
              size_t count)
{
    struct envl_kms_call call = trial_call(t, uri);
    enum envelope_reason rc;

    trial_begin(t, replies, count);
    t->fake.world.kept = kept;
    header->encrypted =
        (struct envl_kms_encrypted){ .find = find_for_key, .arg = header };
    rc = kms_dispatch_decrypt(&t->fake.world, t->kek, &header->encrypted, &call,
                              &t->err);
    assert_kek(t, rc);
    assert_failure_told(t, rc);
    return rc;
}

static inline enum envelope_reason
trial_public_key(struct trial *t, const char *uri, unsigned char *der,
                 size_t *len, const struct fake_reply *replies, size_t count)
{
    struct envl_kms_call call = trial_call(t, uri);
    enum envelope_reason rc;

    trial_begin(t, replies, count);
    *len = 0;
    rc = kms_dispatch_public_key(&t->fake.world, der, len, &call, &t->err);
    assert_failure_told(t, rc);
    return rc;
}

/* Request i was for this. */
static inline void
assert_sent(const struct trial *t, size_t i, const char *method,
            const char *url)
{
    assert_true(i < t->fake.request_count);
    assert_string_equal(t->fake.requests[i].method, method);
    assert_string_equal(t->fake.requests[i].url, url);
}

#endif
