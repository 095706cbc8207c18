/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of alikms share: a key, replies, and calls for which the same reply
 * comes again and again. */
#ifndef ENVL_TEST_KMS_ALI_H
#define ENVL_TEST_KMS_ALI_H

#include "test/kms/kms_trial.h"

#define KEY_ID "key-hzz62f1cb66fa42qo1234"
#define OTHER_ID "1234abcd-12ab-34cd-56ef-1234567890ab"
#define ARN "acs:kms:cn-hangzhou:154035569884:key/" KEY_ID
#define REGION "alikms://cn-hangzhou/"
#define URI REGION KEY_ID
#define ALIAS_URI REGION "alias/backup"
#define OTHER_URI REGION OTHER_ID
#define KEY "cn-hangzhou/" KEY_ID
#define OTHER_KEY "cn-hangzhou/" OTHER_ID

#define REPLY(members) "{" members ",\"RequestId\":\"req-1\"}"
#define ERROR(code)                                   \
    REPLY("\"HttpStatus\":400,\"Code\":\"" code "\"," \
          "\"Message\":\"it says no\"")
#define NAMED "\"KeyId\":\"" KEY_ID "\",\"KeyVersionId\":\"v-1\""
#define PLAIN "\"Plaintext\":\"" KEK_BASE64 "\""
#define BLOB "\"CiphertextBlob\":\"k-blob+/:=\""

#define GENERATED REPLY(NAMED "," PLAIN "," BLOB)
#define DECRYPTED REPLY(NAMED "," PLAIN)
#define REENCRYPTED REPLY(NAMED ",\"CiphertextBlob\":\"new-blob\"")

static inline struct trial
new_trial(void)
{
    static const struct fake_pair variables[] = {
        { "ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAI5tEXAMPLE" },
        { "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secretEXAMPLE" },
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
