/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of vault share: a server, replies, and calls for which the
 * same reply comes again and again. */
#ifndef ENVL_TEST_KMS_VAULT_H
#define ENVL_TEST_KMS_VAULT_H

#include "test/kms/kms_trial.h"

#define URI "vault:backup"
#define KEY "transit/keys/backup"
#define CIPHERTEXT "vault:v1:AbCd+/=="
#define TOKEN "hvs.CAESIexampleTOKEN"

#define REPLY(members) \
    "{\"request_id\":\"req-1\",\"lease_id\":\"\",\"data\":{" members "}}"
#define PLAIN "\"plaintext\":\"" KEK_BASE64 "\""
#define CIPHER "\"ciphertext\":\"" CIPHERTEXT "\""

#define GENERATED REPLY(PLAIN "," CIPHER ",\"key_version\":1")
#define DECRYPTED REPLY(PLAIN)
#define REWRAPPED REPLY("\"ciphertext\":\"vault:v12:New=\"")

static inline struct trial
new_trial(void)
{
    static const struct fake_pair variables[] = {
        { "VAULT_ADDR", "https://vault.example:8200" },
        { "VAULT_TOKEN", TOKEN },
        { NULL, NULL },
    };

    return (struct trial){ .variables = variables };
}

static inline enum envelope_reason
generate(struct trial *t, const char *uri, int status, const char *body)
{
    return trial_generate_same(t, uri, status, body);
}

static inline enum envelope_reason
unwrap(struct trial *t, const char *uri, const struct envl_kms_wrapped *wrapped,
       const char *body)
{
    return trial_unwrap_same(t, uri, wrapped, 200, body);
}

static inline enum envelope_reason
rewrap(struct trial *t, const char *uri, const struct envl_kms_wrapped *wrapped,
       const char *to_uri, const char *body)
{
    return trial_rewrap_same(t, uri, wrapped, to_uri, body);
}

#endif
