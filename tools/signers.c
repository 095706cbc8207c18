/* SPDX-License-Identifier: Apache-2.0 */
/* Keys come from one list: the option's, or else the defaults'. */
#include "tools/signers.h"

#include <string.h>

#include <envelope/envelope.h>

#include "filter/stream/library.h"
#include "lib/sign/algorithm.h"
#include "lib/stream/signed.h"
#include "tools/context.h"

/* Trust */

enum envelope_reason
envl_trust_load(struct envl_trust *trust, char *signed_by,
                enum envl_trust_place place, struct envl_err *err)
{
    struct envl_key_settings settings = { .signed_by = NULL };
    enum envelope_reason rc = ENVELOPE_OK;

    *trust = (struct envl_trust){ .keys = NULL };
    if (signed_by != NULL
        && !envl_text_set(&settings.signed_by, signed_by, strlen(signed_by)))
        return envl_fail_memory(err);
    if (place == ENVL_TRUST_ANYWHERE)
        rc = envl_library_identities(&settings, err);
    if (rc == ENVELOPE_OK && settings.signed_by != NULL) {
        rc = envl_context_get(&trust->ctx, err);
        if (rc == ENVELOPE_OK)
            rc = envl_signed_by_load(&trust->keys, &trust->ctx, &settings, NULL,
                                     err);
    }
    envl_key_settings_clear(&settings);
    if (rc != ENVELOPE_OK)
        envl_trust_clear(trust);
    return rc;
}

void
envl_trust_clear(struct envl_trust *trust)
{
    envl_signature_keys_free(trust->keys);
    envl_context_clear(&trust->ctx);
    *trust = (struct envl_trust){ .keys = NULL };
}

/* Signatures */

enum envelope_reason
envl_signers_read(struct envl_signers *signers,
                  const struct envl_header *header, const unsigned char *start,
                  const struct envl_trust *trust, struct envl_err *err)
{
    enum envelope_reason rc;

    rc = envl_signatures_read(&signers->signatures,
                              envl_header_signatures(header),
                              header->prelude.signatures_len, err);
    signers->is_checked =
        rc == ENVELOPE_OK && start != NULL && trust->keys != NULL;
    return signers->is_checked ? envl_signed_check(
               signers->states, header, start, &trust->ctx, trust->keys, err)
                               : rc;
}

const char *
envl_signers_word(const struct envl_signers *signers, size_t i)
{
    static const char *const words[] = {
        [ENVL_SIGNATURE_UNKNOWN] = "untrusted",
        [ENVL_SIGNATURE_GOOD] = "good",
        [ENVL_SIGNATURE_WRONG] = "wrong",
    };

    return signers->is_checked ? words[signers->states[i]] : "unchecked";
}

void
envl_signers_put(struct envl_json *json, const struct envl_signers *signers)
{
    size_t i;

    envl_json_name(json, "signers", strlen("signers"));
    envl_json_begin(json, '[');
    for (i = 0; i < signers->signatures.count; i++) {
        const struct envl_signature *one = &signers->signatures.items[i];

        envl_json_begin(json, '{');
        envl_json_member(json, "algorithm",
                         envl_sign_algorithm_name(&one->algorithm));
        envl_json_name(json, "id", strlen("id"));
        envl_json_hex(json, one->signer, ENVL_SIGNER_ID_LEN);
        envl_json_member(json, "signature", envl_signers_word(signers, i));
        envl_json_end(json, '}');
    }
    envl_json_end(json, ']');
}
