/* SPDX-License-Identifier: Apache-2.0 */
/* Which key made which signature is found by its identifier. */
#include "lib/sign/signing.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "lib/sign/algorithm.h"

/* Making */

/* Sign with the first of the key's algorithms whose signature verifies. */
static enum envelope_reason
sign_with(struct envl_octets *value, struct envl_sign_algorithm *algorithm,
          const struct envl_signature_key *key, const struct envl_libctx *ctx,
          const struct envl_octets *message, struct envl_err *err)
{
    bool no_memory = false;
    struct envl_der der;
    unsigned turn;

    ERR_set_mark();
    for (turn = 0; envl_sign_algorithm(algorithm, key->public_key, turn);
         turn++) {
        if (!envl_sign(value, ctx, key->private_key, key->propq, algorithm,
                       message))
            continue;
        der = (struct envl_der){ value->data, value->len };
        if (envl_sign_verify(&der, ctx, key->public_key, algorithm, message,
                             &no_memory)) {
            ERR_pop_to_mark();
            return ENVELOPE_OK;
        }
    }
    ERR_clear_last_mark();
    if (no_memory || envl_crypto_no_memory())
        return envl_fail_memory(err);
    return envl_fail(err, ENVELOPE_R_CRYPTO, "%s: it does not sign: %s",
                     key->name, envl_crypto_reason());
}

enum envelope_reason
envl_signing_make(unsigned char **der, size_t *len,
                  const struct envl_signature_keys *signers,
                  const struct envl_libctx *ctx,
                  const struct envl_octets *message, struct envl_err *err)
{
    struct envl_sign_algorithm algorithms[ENVL_SIGNATURE_COUNT_MAX];
    struct envl_octets values[ENVL_SIGNATURE_COUNT_MAX] = { { NULL, 0 } };
    struct envl_signatures made = { .count = 0 };
    enum envelope_reason rc = ENVELOPE_OK;
    const struct envl_signature_key *key;
    size_t i, count = envl_signature_keys_count(signers);

    *der = NULL;
    for (i = 0; i < count && rc == ENVELOPE_OK; i++) {
        key = envl_signature_keys_get(signers, i);
        rc = sign_with(&values[i], &algorithms[i], key, ctx, message, err);
        made.items[made.count++] = (struct envl_signature){
            .signer = key->id.bytes,
            .algorithm = { algorithms[i].id, algorithms[i].id_len },
            .value = { values[i].data, values[i].len },
        };
    }
    if (rc == ENVELOPE_OK)
        rc = envl_signatures_write(der, len, &made, err);
    for (i = 0; i < count; i++)
        envl_octets_clear(&values[i]);
    return rc;
}

/* Checking */

static const struct envl_signature_key *
find_signer(const struct envl_signature_keys *trusted,
            const struct envl_signature *signature)
{
    const struct envl_signature_key *key;
    size_t i;

    for (i = 0; i < envl_signature_keys_count(trusted); i++) {
        key = envl_signature_keys_get(trusted, i);
        if (memcmp(key->id.bytes, signature->signer, ENVL_SIGNER_ID_LEN) == 0)
            return key;
    }
    return NULL;
}

/* Has the signature one of its key's algorithms? */
static bool
find_algorithm(struct envl_sign_algorithm *algorithm,
               const struct envl_signature *signature,
               const struct envl_signature_key *key)
{
    unsigned turn;

    for (turn = 0; envl_sign_algorithm(algorithm, key->public_key, turn);
         turn++) {
        if (envl_der_is(&signature->algorithm, algorithm->id,
                        algorithm->id_len))
            return true;
    }
    return false;
}

static enum envelope_reason
fail_none(const struct envl_signatures *signatures,
          const struct envl_signature_key *wrong, struct envl_err *err)
{
    char ids[ENVL_SIGNATURE_COUNT_MAX * (2 * ENVL_SIGNER_ID_LEN + 2)] = "";
    size_t i, k, at = 0;

    if (signatures->count == 0)
        return envl_fail(err, ENVELOPE_R_UNSIGNED,
                         "it has no signature, and signed-by says who must "
                         "have signed it");
    if (wrong != NULL)
        return envl_fail(err, ENVELOPE_R_BAD_SIGNATURE,
                         "the signature that claims to be made with the key of "
                         "%s is not: the labels, the salt or the commitment "
                         "were altered, or somebody else made it",
                         wrong->name);
    for (i = 0; i < signatures->count; i++) {
        at += (size_t)snprintf(ids + at, sizeof(ids) - at, i > 0 ? ", " : "");
        for (k = 0; k < ENVL_SIGNER_ID_LEN; k++)
            at += (size_t)snprintf(ids + at, sizeof(ids) - at, "%02x",
                                   signatures->items[i].signer[k]);
    }
    return envl_fail(err, ENVELOPE_R_OTHER_SIGNER,
                     "it claims to be signed with the key of identifier %s, "
                     "which signed-by does not name",
                     ids);
}

enum envelope_reason
envl_signing_check(enum envl_signature_state states[ENVL_SIGNATURE_COUNT_MAX],
                   const struct envl_signatures *signatures,
                   const struct envl_signature_keys *trusted,
                   const struct envl_libctx *ctx,
                   const struct envl_octets *message, struct envl_err *err)
{
    const struct envl_signature_key *key, *wrong = NULL;
    struct envl_sign_algorithm algorithm;
    bool is_good = false, no_memory = false;
    size_t i;

    for (i = 0; i < signatures->count; i++) {
        const struct envl_signature *one = &signatures->items[i];

        states[i] = ENVL_SIGNATURE_UNKNOWN;
        key = find_signer(trusted, one);
        if (key == NULL || !find_algorithm(&algorithm, one, key))
            continue;
        if (envl_sign_verify(&one->value, ctx, key->public_key, &algorithm,
                             message, &no_memory)) {
            states[i] = ENVL_SIGNATURE_GOOD;
            is_good = true;
        } else {
            states[i] = ENVL_SIGNATURE_WRONG;
            wrong = key;
        }
    }
    if (is_good)
        return ENVELOPE_OK;
    return no_memory ? envl_fail_memory(err)
                     : fail_none(signatures, wrong, err);
}
