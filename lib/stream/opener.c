/* SPDX-License-Identifier: Apache-2.0 */
/* Four states, one after the other; each gathers a known number of bytes. */
#include "lib/stream/opener.h"

#include <string.h>

#include <openssl/crypto.h>

#include "lib/cms/key_envelope.h"
#include "lib/keys/identity.h"
#include "lib/stream/header_parts.h"

/* Gather up to want bytes at to; true once they are all there. */
static bool
gather(struct envl_opener *opener, unsigned char *to, size_t want,
       const unsigned char **in, size_t *len)
{
    size_t n = want - opener->have;

    if (n > *len)
        n = *len;
    if (n > 0)
        memcpy(to + opener->have, *in, n);
    opener->have += n;
    *in += n;
    *len -= n;
    return opener->have == want;
}

static void
enter(struct envl_opener *opener, enum envl_opener_state state, size_t have)
{
    opener->state = state;
    opener->have = have;
}

static enum envelope_reason
end_prelude(struct envl_opener *opener, struct envl_err *err)
{
    struct envl_header *header = &opener->header;
    enum envelope_reason rc;

    rc = envl_prelude_parse(&header->prelude, opener->prelude, err);
    if (rc != ENVELOPE_OK)
        return rc;
    header->bytes = OPENSSL_malloc(header->prelude.header_len);
    if (header->bytes == NULL)
        return envl_fail_memory(err);
    memcpy(header->bytes, opener->prelude, ENVL_PRELUDE_LEN);
    enter(opener, ENVL_AT_HEADER, ENVL_PRELUDE_LEN);
    return ENVELOPE_OK;
}

static enum envelope_reason
end_header(struct envl_opener *opener, const struct envl_libctx *ctx,
           const struct envl_settings *settings, struct envl_err *err)
{
    const struct envl_labels labels = envl_header_labels_in(&opener->header);
    struct envl_identities identities;
    enum envelope_reason rc;

    rc = envl_header_check(&opener->header, err);
    if (rc != ENVELOPE_OK)
        return rc;
    rc = envl_identities_load(&identities, ctx, &settings->keys,
                              opener->keyring, err);
    if (rc == ENVELOPE_OK)
        rc = envl_key_envelope_open(opener->dek,
                                    envl_header_key_envelope(&opener->header),
                                    opener->header.prelude.key_envelope_len,
                                    ctx, &identities, &labels, err);
    envl_identities_clear(&identities);
    enter(opener, ENVL_AT_START, 0);
    return rc;
}

/* Where the caller has room for a chunk, nothing speaks for less. */
static bool
releases_verified(const struct envl_settings *settings)
{
    return settings->verified_only
           || (settings->has_output_slack
               && settings->output_slack >= ENVL_CHUNK_LEN);
}

static enum envelope_reason
end_start(struct envl_opener *opener, const struct envl_libctx *ctx,
          const struct envl_settings *settings, struct envl_err *err)
{
    const struct envl_payload_context context =
        envl_header_context(&opener->header);
    enum envelope_reason rc;

    rc = envl_payload_new_opener(
        &opener->payload, ctx, opener->dek, &context, settings->threads,
        settings->lanes, opener->start, releases_verified(settings), err);
    OPENSSL_cleanse(opener->dek, sizeof(opener->dek));
    enter(opener, ENVL_AT_PAYLOAD, 0);
    return rc;
}

enum envelope_reason
envl_opener_gather(struct envl_opener *opener, const struct envl_libctx *ctx,
                   const struct envl_settings *settings,
                   const unsigned char *in, size_t len, size_t *taken,
                   struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    const unsigned char *p = in;

    while (len > 0 && rc == ENVELOPE_OK && opener->state != ENVL_AT_PAYLOAD) {
        switch (opener->state) {
        case ENVL_AT_PRELUDE:
            if (gather(opener, opener->prelude, ENVL_PRELUDE_LEN, &p, &len))
                rc = end_prelude(opener, err);
            else if (opener->have >= ENVL_MAGIC_LEN)
                rc = envl_prelude_check_magic(opener->prelude, ENVL_MAGIC_LEN,
                                              err);
            break;
        case ENVL_AT_HEADER:
            if (gather(opener, opener->header.bytes,
                       opener->header.prelude.header_len, &p, &len))
                rc = end_header(opener, ctx, settings, err);
            break;
        default:
            if (gather(opener, opener->start, sizeof(opener->start), &p, &len))
                rc = end_start(opener, ctx, settings, err);
            break;
        }
    }
    *taken = (size_t)(p - in);
    return rc;
}

enum envelope_reason
envl_opener_fail_short(const struct envl_opener *opener, struct envl_err *err)
{
    enum envelope_reason rc;

    if (opener->state == ENVL_AT_START)
        return envl_fail(err, ENVELOPE_R_TRUNCATED,
                         "it ends behind the header; the data is missing");
    if (opener->state == ENVL_AT_HEADER)
        return envl_fail(err, ENVELOPE_R_HEADER_TRUNCATED,
                         "it has %zu bytes of a header of %u", opener->have,
                         (unsigned)opener->header.prelude.header_len);
    if (opener->have == 0)
        return envl_fail(err, ENVELOPE_R_HEADER_TRUNCATED,
                         "the input is empty");
    rc = envl_prelude_check_magic(
        opener->prelude,
        opener->have < ENVL_MAGIC_LEN ? opener->have : ENVL_MAGIC_LEN, err);
    if (rc != ENVELOPE_OK)
        return rc;
    return envl_fail(err, ENVELOPE_R_HEADER_TRUNCATED,
                     "it has %zu bytes, fewer than the %d of a prelude",
                     opener->have, ENVL_PRELUDE_LEN);
}

void
envl_opener_clear(struct envl_opener *opener)
{
    envl_header_clear(&opener->header);
    envl_payload_free(opener->payload);
    OPENSSL_cleanse(opener, sizeof(*opener));
}
