/* SPDX-License-Identifier: Apache-2.0 */
/* All that is signed is public, and none of it changes in a rewrap. */
#include "lib/stream/signed.h"

#include <string.h>

#include <openssl/crypto.h>

#include "lib/header/signatures.h"
#include "lib/payload/payload.h"
#include "lib/stream/header_parts.h"

/* What is signed begins with its purpose, and a NUL byte. */
static const char purpose[] = "envelope v1 signature";
static const char receipt_purpose[] = "envelope v1 receipt";

static unsigned char *
put(unsigned char *to, const void *from, size_t len)
{
    if (len > 0)
        memcpy(to, from, len);
    return to + len;
}

enum envelope_reason
envl_signed_message(struct envl_octets *message,
                    const struct envl_payload_context *context,
                    const unsigned char *start, struct envl_err *err)
{
    size_t len = sizeof(purpose) + context->prelude_len + context->labels_len
                 + ENVL_PAYLOAD_START_LEN;
    unsigned char *p = OPENSSL_malloc(len);

    *message = (struct envl_octets){ p, p != NULL ? len : 0 };
    if (p == NULL)
        return envl_fail_memory(err);
    p = put(p, purpose, sizeof(purpose));
    p = put(p, context->prelude, context->prelude_len);
    p = put(p, context->labels, context->labels_len);
    (void)put(p, start, ENVL_PAYLOAD_START_LEN);
    return ENVELOPE_OK;
}

enum envelope_reason
envl_receipt_message(struct envl_octets *message, const char *receipt,
                     size_t len, struct envl_err *err)
{
    size_t size = sizeof(receipt_purpose) + len;
    unsigned char *p = OPENSSL_malloc(size);

    *message = (struct envl_octets){ p, p != NULL ? size : 0 };
    if (p == NULL)
        return envl_fail_memory(err);
    p = put(p, receipt_purpose, sizeof(receipt_purpose));
    (void)put(p, receipt, len);
    return ENVELOPE_OK;
}

enum envelope_reason
envl_signed_make(unsigned char **der, size_t *len,
                 const struct envl_libctx *ctx,
                 const struct envl_signature_keys *signers,
                 const struct envl_payload_context *context,
                 const unsigned char *start, struct envl_err *err)
{
    struct envl_octets message = { NULL, 0 };
    enum envelope_reason rc;

    *der = NULL;
    *len = 0;
    if (signers == NULL)
        return ENVELOPE_OK;
    rc = envl_signed_message(&message, context, start, err);
    if (rc == ENVELOPE_OK)
        rc = envl_signing_make(der, len, signers, ctx, &message, err);
    envl_octets_clear(&message);
    return rc;
}

enum envelope_reason
envl_signed_check(enum envl_signature_state states[ENVL_SIGNATURE_COUNT_MAX],
                  const struct envl_header *header, const unsigned char *start,
                  const struct envl_libctx *ctx,
                  const struct envl_signature_keys *trusted,
                  struct envl_err *err)
{
    const struct envl_payload_context context = envl_header_context(header);
    struct envl_octets message = { NULL, 0 };
    struct envl_signatures signatures;
    enum envelope_reason rc;

    rc = envl_signatures_read(&signatures, envl_header_signatures(header),
                              header->prelude.signatures_len, err);
    if (rc == ENVELOPE_OK)
        rc = envl_signed_message(&message, &context, start, err);
    if (rc == ENVELOPE_OK)
        rc = envl_signing_check(states, &signatures, trusted, ctx, &message,
                                err);
    envl_octets_clear(&message);
    return rc;
}

enum envelope_reason
envl_header_require(const struct envl_header *header,
                    const unsigned char *start, const struct envl_libctx *ctx,
                    const char *labels,
                    const struct envl_signature_keys *trusted,
                    struct envl_err *err)
{
    const struct envl_labels have = envl_header_labels_in(header);
    enum envl_signature_state states[ENVL_SIGNATURE_COUNT_MAX];
    enum envelope_reason rc = envl_labels_require(labels, &have, err);

    return rc != ENVELOPE_OK || trusted == NULL
               ? rc
               : envl_signed_check(states, header, start, ctx, trusted, err);
}
