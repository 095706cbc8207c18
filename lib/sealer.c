/* SPDX-License-Identifier: Apache-2.0 */
/* From settings to a stream's first bytes; the payload does the rest. */
#include "lib/sealer.h"

#include <assert.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include "lib/kept.h"
#include "lib/key_envelope.h"
#include "lib/labels.h"
#include "lib/pattern.h"
#include "lib/recipient.h"

/* What is drawn for a stream, at once: asking costs more than the bytes. */
struct secrets {
    unsigned char dek[ENVL_DEK_LEN];
    unsigned char message[ENVL_PATTERN_RANDOM_LEN]; /* where it has a pattern */
};

static_assert(sizeof(struct secrets) == ENVL_DEK_LEN + ENVL_PATTERN_RANDOM_LEN,
              "all of it is drawn");

/* What is kept of the recipients, if they are the keys in memory and one. */
static struct envl_kept *
kept_of_one(const struct envl_recipients *recipients,
            const struct envl_settings *settings)
{
    return settings->recipient.count > 0 && settings->recipients == NULL
                   && recipients->count == 1
                   && recipients->notes.left_out == NULL
               ? settings->kept
               : NULL;
}

/* Where that fails, the next stream does without a pattern, too. */
static void
keep_pattern(struct envl_kept *kept, const struct envl_libctx *ctx,
             const struct envl_recipient *recipient, const unsigned char *der,
             size_t len)
{
    struct envl_pattern *pattern = NULL;

    ERR_set_mark();
    if (recipient->kind == ENVL_TO_CERT
        && envl_key_kind(recipient->key) == ENVL_KEY_RSA)
        pattern = envl_pattern_new(ctx, recipient->key, der, len);
    ERR_pop_to_mark();
    if (pattern != NULL)
        envl_kept_put_pattern(kept, pattern);
}

/* The first of several streams makes the pattern for the others. */
static enum envelope_reason
make_key_envelope(unsigned char **der, size_t *len,
                  const struct envl_libctx *ctx,
                  const struct envl_recipients *recipients,
                  const struct envl_settings *settings,
                  const struct secrets *secrets, struct envl_err *err)
{
    struct envl_kept *kept = kept_of_one(recipients, settings);
    const struct envl_pattern *pattern = envl_kept_pattern(kept);
    enum envelope_reason rc;

    if (pattern != NULL)
        return envl_pattern_fill(der, len, pattern, secrets->message,
                                 secrets->dek, err);
    rc = envl_key_envelope_build(der, len, ctx, recipients, settings,
                                 secrets->dek, err);
    if (rc == ENVELOPE_OK && kept != NULL)
        keep_pattern(kept, ctx, &recipients->items[0], *der, *len);
    return rc;
}

static enum envelope_reason
make_header(struct envl_sealer *sealer, const struct envl_libctx *ctx,
            const struct envl_settings *settings, const struct secrets *secrets,
            struct envl_err *err)
{
    struct envl_recipients recipients;
    unsigned char *key_envelope = NULL;
    size_t key_envelope_len = 0, labels_len = 0;
    enum envelope_reason rc;
    char *labels = NULL;

    rc = envl_recipients_load(&recipients, ctx, settings, err);
    if (rc == ENVELOPE_OK && settings->labels != NULL)
        rc = envl_labels_sort(&labels, &labels_len, settings->labels, err);
    recipients.labels = (struct envl_labels){ labels, labels_len };
    if (rc == ENVELOPE_OK)
        rc = make_key_envelope(&key_envelope, &key_envelope_len, ctx,
                               &recipients, settings, secrets, err);
    if (rc == ENVELOPE_OK)
        rc =
            envl_header_build(&sealer->header, labels, labels_len, key_envelope,
                              key_envelope_len, settings->reserve, err);
    OPENSSL_free(key_envelope);
    OPENSSL_free(labels);
    sealer->notes = recipients.notes;
    recipients.notes = (struct envl_recipient_notes){ 0 };
    envl_recipients_clear(&recipients);
    return rc;
}

static enum envelope_reason
make_payload(struct envl_sealer *sealer, const struct envl_libctx *ctx,
             const struct envl_settings *settings, const unsigned char *dek,
             struct envl_sink *sink, struct envl_err *err)
{
    const struct envl_payload_context context =
        envl_header_context(&sealer->header);
    const struct envl_pattern *pattern = envl_kept_pattern(settings->kept);
    unsigned char start[ENVL_PAYLOAD_START_LEN];
    struct envl_libctx lent = *ctx;
    enum envelope_reason rc;

    if (pattern != NULL)
        envl_pattern_lend(pattern, &lent);
    rc =
        envl_payload_new_sealer(&sealer->payload, &lent, dek, &context,
                                settings->threads, settings->lanes, start, err);
    if (rc == ENVELOPE_OK
        && (!envl_sink_put(sink, sealer->header.bytes,
                           sealer->header.prelude.header_len)
            || !envl_sink_put(sink, start, sizeof(start))))
        rc = envl_fail_memory(err);
    return rc;
}

enum envelope_reason
envl_sealer_start(struct envl_sealer *sealer, const struct envl_libctx *ctx,
                  const struct envl_settings *settings, struct envl_sink *sink,
                  struct envl_err *err)
{
    struct secrets secrets;
    enum envelope_reason rc;

    if (RAND_priv_bytes_ex(ctx->libctx, (unsigned char *)&secrets,
                           sizeof(secrets), 0)
        <= 0)
        rc = envl_fail_crypto(err, "get random bytes for a data key");
    else
        rc = make_header(sealer, ctx, settings, &secrets, err);
    if (rc == ENVELOPE_OK)
        rc = make_payload(sealer, ctx, settings, secrets.dek, sink, err);
    OPENSSL_cleanse(&secrets, sizeof(secrets));
    return rc;
}

void
envl_sealer_clear(struct envl_sealer *sealer)
{
    envl_header_clear(&sealer->header);
    envl_payload_free(sealer->payload);
    envl_recipient_notes_clear(&sealer->notes);
    *sealer = (struct envl_sealer){ .payload = NULL };
}
