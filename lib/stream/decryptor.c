/* SPDX-License-Identifier: Apache-2.0 */
/* Three states follow each other, and each gathers a known number of bytes; the
 * payload is the fourth. */
#include "lib/stream/decryptor.h"

#include <string.h>

#include <openssl/crypto.h>

#include "lib/cms/key_envelope.h"
#include "lib/keys/identity.h"
#include "lib/stream/header_parts.h"
#include "lib/stream/signed.h"

/* Gather input until `to` has want bytes; true if it has. */
static bool
gather(struct envl_decryptor *decryptor, unsigned char *to, size_t want,
       const unsigned char **in, size_t *len)
{
    size_t n = want - decryptor->have;

    if (n > *len)
        n = *len;
    if (n > 0)
        memcpy(to + decryptor->have, *in, n);
    decryptor->have += n;
    *in += n;
    *len -= n;
    return decryptor->have == want;
}

static void
enter(struct envl_decryptor *decryptor, enum envl_decryptor_state state,
      size_t have)
{
    decryptor->state = state;
    decryptor->have = have;
}

static enum envelope_reason
end_prelude(struct envl_decryptor *decryptor, struct envl_err *err)
{
    struct envl_header *header = &decryptor->header;
    enum envelope_reason rc;

    rc = envl_prelude_parse(&header->prelude, decryptor->prelude, err);
    if (rc != ENVELOPE_OK)
        return rc;
    header->bytes = OPENSSL_malloc(header->prelude.header_len);
    if (header->bytes == NULL)
        return envl_fail_memory(err);
    memcpy(header->bytes, decryptor->prelude, ENVL_PRELUDE_LEN);
    enter(decryptor, ENVL_AT_HEADER, ENVL_PRELUDE_LEN);
    return ENVELOPE_OK;
}

static enum envelope_reason
end_header(struct envl_decryptor *decryptor, struct envl_err *err)
{
    enum envelope_reason rc = envl_header_check(&decryptor->header, err);

    if (rc == ENVELOPE_OK)
        enter(decryptor, ENVL_AT_START, 0);
    return rc;
}

/* Release only verified plaintext, too, if the caller has room for a chunk. */
static bool
releases_verified(const struct envl_settings *settings)
{
    return settings->verified_only
           || (settings->has_output_slack
               && settings->output_slack >= ENVL_CHUNK_LEN);
}

/* Open the key envelope. */
static enum envelope_reason
unwrap(unsigned char *dek, const struct envl_decryptor *decryptor,
       const struct envl_libctx *ctx, const struct envl_key_settings *settings,
       struct envl_err *err)
{
    const struct envl_header *header = &decryptor->header;
    const struct envl_labels labels = envl_header_labels_in(header);
    struct envl_identities identities;
    enum envelope_reason rc;

    rc = envl_identities_load(&identities, ctx, settings, decryptor->keyring,
                              err);
    if (rc == ENVELOPE_OK)
        rc = envl_key_envelope_open(dek, envl_header_key_envelope(header),
                                    header->prelude.key_envelope_len, ctx,
                                    &identities, &labels, err);
    envl_identities_clear(&identities);
    return rc;
}

static enum envelope_reason
require(const struct envl_decryptor *decryptor, const struct envl_libctx *ctx,
        const struct envl_key_settings *settings, struct envl_err *err)
{
    struct envl_signature_keys *trusted;
    enum envelope_reason rc;

    rc = envl_signed_by_load(&trusted, ctx, settings, decryptor->keyring, err);
    if (rc == ENVELOPE_OK)
        rc = envl_header_require(&decryptor->header, decryptor->start, ctx,
                                 settings->required_labels, trusted, err);
    envl_signature_keys_free(trusted);
    return rc;
}

/* All that needs no secret is checked first: whoever wrote the header makes the
 * reader use no key, no passphrase and no key service in vain. */
static enum envelope_reason
end_start(struct envl_decryptor *decryptor, const struct envl_libctx *ctx,
          const struct envl_settings *settings, struct envl_err *err)
{
    const struct envl_payload_context context =
        envl_header_context(&decryptor->header);
    unsigned char dek[ENVL_DEK_LEN];
    enum envelope_reason rc;

    rc = require(decryptor, ctx, &settings->keys, err);
    if (rc == ENVELOPE_OK)
        rc = unwrap(dek, decryptor, ctx, &settings->keys, err);
    if (rc == ENVELOPE_OK)
        rc = envl_payload_new_decryptor(&decryptor->payload, ctx, dek, &context,
                                        settings->threads, settings->workers,
                                        decryptor->start,
                                        releases_verified(settings), err);
    OPENSSL_cleanse(dek, sizeof(dek));
    enter(decryptor, ENVL_AT_PAYLOAD, 0);
    return rc;
}

enum envelope_reason
envl_decryptor_gather(struct envl_decryptor *decryptor,
                      const struct envl_libctx *ctx,
                      const struct envl_settings *settings,
                      const unsigned char *in, size_t len, size_t *taken,
                      struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    const unsigned char *p = in;

    while (len > 0 && rc == ENVELOPE_OK
           && decryptor->state != ENVL_AT_PAYLOAD) {
        switch (decryptor->state) {
        case ENVL_AT_PRELUDE:
            if (gather(decryptor, decryptor->prelude, ENVL_PRELUDE_LEN, &p,
                       &len))
                rc = end_prelude(decryptor, err);
            else if (decryptor->have >= ENVL_MAGIC_LEN)
                rc = envl_prelude_check_magic(decryptor->prelude,
                                              ENVL_MAGIC_LEN, err);
            break;
        case ENVL_AT_HEADER:
            if (gather(decryptor, decryptor->header.bytes,
                       decryptor->header.prelude.header_len, &p, &len))
                rc = end_header(decryptor, err);
            break;
        default:
            if (gather(decryptor, decryptor->start, sizeof(decryptor->start),
                       &p, &len))
                rc = end_start(decryptor, ctx, settings, err);
            break;
        }
    }
    *taken = (size_t)(p - in);
    return rc;
}

enum envelope_reason
envl_decryptor_fail_short(const struct envl_decryptor *decryptor,
                          struct envl_err *err)
{
    enum envelope_reason rc;

    if (decryptor->state == ENVL_AT_START)
        return envl_fail(err, ENVELOPE_R_TRUNCATED,
                         "it ends after the header; the data is missing");
    if (decryptor->state == ENVL_AT_HEADER)
        return envl_fail(err, ENVELOPE_R_HEADER_TRUNCATED,
                         "it has %zu bytes of a header of %u", decryptor->have,
                         (unsigned)decryptor->header.prelude.header_len);
    if (decryptor->have == 0)
        return envl_fail(err, ENVELOPE_R_HEADER_TRUNCATED,
                         "the input is empty");
    rc = envl_prelude_check_magic(
        decryptor->prelude,
        decryptor->have < ENVL_MAGIC_LEN ? decryptor->have : ENVL_MAGIC_LEN,
        err);
    if (rc != ENVELOPE_OK)
        return rc;
    return envl_fail(err, ENVELOPE_R_HEADER_TRUNCATED,
                     "it has %zu bytes, fewer than the %d of a prelude",
                     decryptor->have, ENVL_PRELUDE_LEN);
}

void
envl_decryptor_clear(struct envl_decryptor *decryptor)
{
    envl_header_clear(&decryptor->header);
    envl_payload_free(decryptor->payload);
    OPENSSL_cleanse(decryptor, sizeof(*decryptor));
}
