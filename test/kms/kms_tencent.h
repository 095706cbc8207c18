/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of tencentkms share: a key, replies, and calls for which the
 * same reply comes again and again. */
#ifndef ENVL_TEST_KMS_TENCENT_H
#define ENVL_TEST_KMS_TENCENT_H

#include "test/kms/kms_trial.h"

#define KEY_ID "1b3b7c2e-58b2-11ee-9d4f-525400d31bd1"
#define OTHER_ID "2b3b7c2e-58b2-11ee-9d4f-525400d31bd1"
#define URI "tencentkms://ap-guangzhou/" KEY_ID
#define OTHER_URI "tencentkms://ap-guangzhou/" OTHER_ID
#define KEY "ap-guangzhou/" KEY_ID

#define REPLY(members) "{\"Response\":{" members ",\"RequestId\":\"req-1\"}}"
#define ERROR(code) \
    REPLY("\"Error\":{\"Code\":\"" code "\",\"Message\":\"it says no\"}")
#define NAMED "\"KeyId\":\"" KEY_ID "\""
#define PLAIN "\"Plaintext\":\"" KEK_BASE64 "\""
#define BLOB "\"CiphertextBlob\":\"k-blob+/:=\""

#define GENERATED REPLY(NAMED "," PLAIN "," BLOB)
#define DECRYPTED REPLY(NAMED "," PLAIN)
#define REENCRYPTED                                              \
    REPLY("\"KeyId\":\"" OTHER_ID "\",\"SourceKeyId\":\"" KEY_ID \
          "\",\"ReEncrypted\":true,\"CiphertextBlob\":\"new-blob\"")

static inline struct trial
new_trial(void)
{
    static const struct fake_pair variables[] = {
        { "TENCENTCLOUD_SECRET_ID", "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE" },
        { "TENCENTCLOUD_SECRET_KEY", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE" },
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
unwrap(struct trial *t, const struct envl_kms_wrapped *wrapped, int status,
       const char *body)
{
    return trial_unwrap_same(t, URI, wrapped, status, body);
}

static inline enum envelope_reason
rewrap(struct trial *t, const struct envl_kms_wrapped *wrapped,
       const char *to_uri, const char *body)
{
    return trial_rewrap_same(t, URI, wrapped, to_uri, body);
}

#endif
