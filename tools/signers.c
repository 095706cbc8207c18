/* SPDX-License-Identifier: Apache-2.0 */
/* The words, and the array. */
#include "tools/signers.h"

#include <string.h>

#include "lib/sign/algorithm.h"

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
