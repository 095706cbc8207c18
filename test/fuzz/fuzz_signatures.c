/* SPDX-License-Identifier: Apache-2.0 */
/* The signatures of a header: what is read has one encoding, and is checked with
 * trusted keys of each kind without harm. */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "lib/sign/signing.h"

#include "lib/sign/algorithm.h"
#include "test/fuzz/keys.h"
#include "test/fuzz/target.h"
#include "test/lib/keys/openssh_keys.h"

static const struct envl_libctx ctx = { .propq = "?provider=default" };

/* Read once; they live as long as the program does. */
static const struct envl_signature_keys *
trusted(void)
{
    static const char *const keys[] = { OPENSSH_ED25519_PUB, OPENSSH_P256_PUB,
                                        OPENSSH_P521_PUB, OPENSSH_RSA_PUB };
    static struct envl_signature_keys *list;
    struct envl_key_settings settings = { .signed_by = NULL };
    struct envl_err err;
    size_t i;

    if (list != NULL)
        return list;
    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        MUST(envl_octets_list_add(&settings.signed_by_key, keys[i],
                                  strlen(keys[i])));
    MUST(envl_signed_by_load(&list, &ctx, &settings, NULL, &err)
         == ENVELOPE_OK);
    envl_key_settings_clear(&settings);
    return list;
}

static void
check(const struct envl_signatures *signatures)
{
    static unsigned char bytes[] = "what was signed";
    const struct envl_octets message = { bytes, sizeof(bytes) };
    enum envl_signature_state states[ENVL_SIGNATURE_COUNT_MAX];
    enum envelope_reason rc;
    struct envl_err err;
    size_t i, good = 0;

    rc =
        envl_signing_check(states, signatures, trusted(), &ctx, &message, &err);
    MUST(rc == ENVELOPE_OK || rc == ENVELOPE_R_UNSIGNED
         || rc == ENVELOPE_R_OTHER_SIGNER || rc == ENVELOPE_R_BAD_SIGNATURE);
    for (i = 0; i < signatures->count; i++)
        good += states[i] == ENVL_SIGNATURE_GOOD;
    MUST((rc == ENVELOPE_OK) == (good > 0));
    MUST(ERR_peek_error() == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct envl_signatures signatures;
    unsigned char *copy, *again;
    struct envl_err err;
    size_t len, i;

    if (size > ENVL_SIGNATURES_LEN_MAX)
        return 0;
    copy = malloc(size > 0 ? size : 1);
    MUST(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    ERR_clear_error();
    if (envl_signatures_read(&signatures, copy, size, &err) == ENVELOPE_OK) {
        MUST(signatures.count <= ENVL_SIGNATURE_COUNT_MAX);
        for (i = 0; i < signatures.count; i++)
            MUST(envl_sign_algorithm_name(&signatures.items[i].algorithm)
                 != NULL);
        check(&signatures);
        if (signatures.count > 0) {
            MUST(envl_signatures_write(&again, &len, &signatures, &err)
                 == ENVELOPE_OK);
            MUST(len == size && memcmp(again, data, size) == 0);
            OPENSSL_free(again);
        }
    }
    free(copy);
    return 0;
}
