/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a stream's header and the payload's start from the settings. */
#include "lib/stream/encryptor.h"

#include <assert.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "lib/cms/key_envelope.h"
#include "lib/header/labels.h"
#include "lib/keys/recipient.h"
#include "lib/stream/signed.h"

/* All random bytes of a stream, drawn in one call: a call costs more than the
 * bytes. */
struct drawn {
    unsigned char dek[ENVL_DEK_LEN];
    unsigned char message[ENVL_KEY_ENVELOPE_RANDOM_LEN];
    unsigned char salt[ENVL_SALT_LEN];
};

static_assert(sizeof(struct drawn)
                  == ENVL_DEK_LEN + ENVL_KEY_ENVELOPE_RANDOM_LEN
                         + ENVL_SALT_LEN,
              "all of it is drawn");

/* Make the payload's key, and fill start. */
static enum envelope_reason
make_payload(struct envl_encryptor *encryptor, const struct envl_libctx *ctx,
             const struct envl_settings *settings, const struct drawn *drawn,
             const struct envl_payload_context *context, unsigned char *start,
             struct envl_err *err)
{
    memcpy(start, drawn->salt, ENVL_SALT_LEN);
    return envl_payload_new_encryptor(&encryptor->payload, ctx, drawn->dek,
                                      context, settings->threads,
                                      settings->workers, start, err);
}

/* Make the header; the signatures bind the payload's start. */
static enum envelope_reason
make_header(struct envl_encryptor *encryptor, const struct envl_libctx *ctx,
            const struct envl_settings *settings, const struct drawn *drawn,
            const struct envl_labels *labels, unsigned char *start,
            struct envl_err *err)
{
    unsigned char prelude[ENVL_PRELUDE_CONTEXT_LEN];
    const struct envl_payload_context context = {
        .prelude = prelude,
        .prelude_len = sizeof(prelude),
        .labels = (const unsigned char *)labels->text,
        .labels_len = labels->len,
    };
    unsigned char *key_envelope = NULL, *signatures = NULL;
    struct envl_header_contents contents = { .labels = labels->text,
                                             .labels_len = labels->len,
                                             .reserve = settings->reserve };
    struct envl_recipients recipients;
    enum envelope_reason rc;

    envl_prelude_put_context(prelude);
    rc = envl_recipients_load(&recipients, ctx, &settings->keys,
                              encryptor->keyring, err);
    if (rc == ENVELOPE_OK)
        rc =
            make_payload(encryptor, ctx, settings, drawn, &context, start, err);
    if (rc == ENVELOPE_OK)
        rc = envl_signers_load(&encryptor->signers, ctx, &settings->keys,
                               encryptor->keyring, err);
    if (rc == ENVELOPE_OK)
        rc = envl_signed_make(&signatures, &contents.signatures_len, ctx,
                              encryptor->signers, &context, start, err);
    if (rc == ENVELOPE_OK)
        rc = envl_key_envelope_build(&key_envelope, &contents.key_envelope_len,
                                     ctx, &recipients, &settings->keys, labels,
                                     drawn->message, drawn->dek, err);
    contents.signatures = signatures;
    contents.key_envelope = key_envelope;
    if (rc == ENVELOPE_OK)
        rc = envl_header_build(&encryptor->header, &contents, err);
    OPENSSL_free(key_envelope);
    OPENSSL_free(signatures);
    encryptor->notes = recipients.notes;
    recipients.notes = (struct envl_recipient_notes){ 0 };
    envl_recipients_clear(&recipients);
    return rc;
}

enum envelope_reason
envl_encryptor_start(struct envl_encryptor *encryptor,
                     const struct envl_libctx *ctx,
                     const struct envl_settings *settings,
                     struct envl_output_queue *queue, struct envl_err *err)
{
    unsigned char start[ENVL_PAYLOAD_START_LEN];
    struct envl_labels labels = { NULL, 0 };
    enum envelope_reason rc = ENVELOPE_OK;
    struct drawn drawn;
    char *sorted = NULL;

    if (RAND_priv_bytes_ex(ctx->libctx, (unsigned char *)&drawn, sizeof(drawn),
                           0)
        <= 0)
        rc = envl_fail_crypto(err, "get random bytes for a data key");
    if (rc == ENVELOPE_OK && settings->labels != NULL)
        rc = envl_labels_sort(&sorted, &labels.len, settings->labels, err);
    labels.text = sorted;
    if (rc == ENVELOPE_OK)
        rc = make_header(encryptor, ctx, settings, &drawn, &labels, start, err);
    OPENSSL_cleanse(&drawn, sizeof(drawn));
    OPENSSL_free(sorted);
    if (rc == ENVELOPE_OK
        && (!envl_output_queue_put(queue, encryptor->header.bytes,
                                   encryptor->header.prelude.header_len)
            || !envl_output_queue_put(queue, start, sizeof(start))))
        rc = envl_fail_memory(err);
    return rc;
}

void
envl_encryptor_clear(struct envl_encryptor *encryptor)
{
    envl_header_clear(&encryptor->header);
    envl_payload_free(encryptor->payload);
    envl_recipient_notes_clear(&encryptor->notes);
    envl_signature_keys_free(encryptor->signers);
    *encryptor = (struct envl_encryptor){ .payload = NULL };
}
