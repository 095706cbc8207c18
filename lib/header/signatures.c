/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes the SEQUENCE of FORMAT 11. */
#include "lib/header/signatures.h"

#include <string.h>

#include <openssl/crypto.h>

static bool
take_one(struct envl_der *list, struct envl_signature *signature)
{
    struct envl_der one, signer, parts;

    if (!envl_der_take(list, ENVL_DER_SEQUENCE, &one)
        || !envl_der_take(&one, ENVL_DER_OCTETS, &signer)
        || signer.len != ENVL_SIGNER_ID_LEN
        || !envl_der_take_whole(&one, ENVL_DER_SEQUENCE, &signature->algorithm)
        || !envl_der_take(&one, ENVL_DER_OCTETS, &signature->value)
        || signature->value.len == 0 || one.len > 0)
        return false;
    signature->signer = signer.p;
    /* AlgorithmIdentifier: an OBJECT IDENTIFIER, and at most one parameter. */
    one = signature->algorithm;
    return envl_der_take(&one, ENVL_DER_SEQUENCE, &parts)
           && envl_der_take(&parts, ENVL_DER_OID, &signer)
           && (parts.len == 0
               || (envl_der_take(&parts, ENVL_DER_ANY, &signer)
                   && parts.len == 0));
}

enum envelope_reason
envl_signatures_read(struct envl_signatures *signatures,
                     const unsigned char *der, size_t len, struct envl_err *err)
{
    struct envl_der in = { der, len }, list;
    size_t count = 0;

    *signatures = (struct envl_signatures){ .count = 0 };
    if (len == 0)
        return ENVELOPE_OK;
    if (!envl_der_is_valid(der, len)
        || !envl_der_take(&in, ENVL_DER_SEQUENCE, &list) || list.len == 0)
        return envl_fail(err, ENVELOPE_R_SIGNATURES,
                         "they are not a sequence in DER");
    while (list.len > 0) {
        if (count == ENVL_SIGNATURE_COUNT_MAX)
            return envl_fail(err, ENVELOPE_R_SIGNATURES,
                             "there are more than %d",
                             ENVL_SIGNATURE_COUNT_MAX);
        if (!take_one(&list, &signatures->items[count]))
            return envl_fail(err, ENVELOPE_R_SIGNATURES,
                             "signature %zu has another form", count + 1);
        signatures->count = ++count;
    }
    return ENVELOPE_OK;
}

enum envelope_reason
envl_signatures_write(unsigned char **der, size_t *len,
                      const struct envl_signatures *signatures,
                      struct envl_err *err)
{
    unsigned char *buf = OPENSSL_malloc(ENVL_SIGNATURES_LEN_MAX);
    struct envl_der_writer w;
    struct envl_der written;
    size_t i, since;

    *der = NULL;
    if (buf == NULL)
        return envl_fail_memory(err);
    envl_der_begin(&w, buf, ENVL_SIGNATURES_LEN_MAX);
    for (i = signatures->count; i-- > 0;) {
        const struct envl_signature *one = &signatures->items[i];

        since = envl_der_len(&w);
        envl_der_put_element(&w, ENVL_DER_OCTETS, one->value.p, one->value.len);
        envl_der_put(&w, one->algorithm.p, one->algorithm.len);
        envl_der_put_element(&w, ENVL_DER_OCTETS, one->signer,
                             ENVL_SIGNER_ID_LEN);
        envl_der_wrap(&w, ENVL_DER_SEQUENCE, since);
    }
    envl_der_wrap(&w, ENVL_DER_SEQUENCE, 0);
    written = envl_der_written(&w);
    if (written.p == NULL) {
        OPENSSL_free(buf);
        return envl_fail(err, ENVELOPE_R_HEADER_TOO_LARGE,
                         "the signatures need more than %d bytes",
                         ENVL_SIGNATURES_LEN_MAX);
    }
    memmove(buf, written.p, written.len);
    *der = buf;
    *len = written.len;
    return ENVELOPE_OK;
}
