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
#include "lib/stream/header_parts.h"

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

static enum envelope_reason
make_header(struct envl_encryptor *encryptor, const struct envl_libctx *ctx,
            const struct envl_settings *settings, const struct drawn *drawn,
            struct envl_err *err)
{
    struct envl_recipients recipients;
    unsigned char *key_envelope = NULL;
    size_t key_envelope_len = 0;
    struct envl_labels labels = { NULL, 0 };
    enum envelope_reason rc;
    char *sorted = NULL;

    rc = envl_recipients_load(&recipients, ctx, &settings->keys,
                              encryptor->keyring, err);
    if (rc == ENVELOPE_OK && settings->labels != NULL)
        rc = envl_labels_sort(&sorted, &labels.len, settings->labels, err);
    labels.text = sorted;
    if (rc == ENVELOPE_OK)
        rc = envl_key_envelope_build(&key_envelope, &key_envelope_len, ctx,
                                     &recipients, &settings->keys, &labels,
                                     drawn->message, drawn->dek, err);
    if (rc == ENVELOPE_OK)
        rc = envl_header_build(&encryptor->header, labels.text, labels.len,
                               key_envelope, key_envelope_len,
                               settings->reserve, err);
    OPENSSL_free(key_envelope);
    OPENSSL_free(sorted);
    encryptor->notes = recipients.notes;
    recipients.notes = (struct envl_recipient_notes){ 0 };
    envl_recipients_clear(&recipients);
    return rc;
}

static enum envelope_reason
make_payload(struct envl_encryptor *encryptor, const struct envl_libctx *ctx,
             const struct envl_settings *settings, const struct drawn *drawn,
             struct envl_output_queue *queue, struct envl_err *err)
{
    const struct envl_payload_context context =
        envl_header_context(&encryptor->header);
    unsigned char start[ENVL_PAYLOAD_START_LEN];
    enum envelope_reason rc;

    memcpy(start, drawn->salt, ENVL_SALT_LEN);
    rc = envl_payload_new_encryptor(&encryptor->payload, ctx, drawn->dek,
                                    &context, settings->threads,
                                    settings->workers, start, err);
    if (rc == ENVELOPE_OK
        && (!envl_output_queue_put(queue, encryptor->header.bytes,
                                   encryptor->header.prelude.header_len)
            || !envl_output_queue_put(queue, start, sizeof(start))))
        rc = envl_fail_memory(err);
    return rc;
}

enum envelope_reason
envl_encryptor_start(struct envl_encryptor *encryptor,
                     const struct envl_libctx *ctx,
                     const struct envl_settings *settings,
                     struct envl_output_queue *queue, struct envl_err *err)
{
    struct drawn drawn;
    enum envelope_reason rc;

    if (RAND_priv_bytes_ex(ctx->libctx, (unsigned char *)&drawn, sizeof(drawn),
                           0)
        <= 0)
        rc = envl_fail_crypto(err, "get random bytes for a data key");
    else
        rc = make_header(encryptor, ctx, settings, &drawn, err);
    if (rc == ENVELOPE_OK)
        rc = make_payload(encryptor, ctx, settings, &drawn, queue, err);
    OPENSSL_cleanse(&drawn, sizeof(drawn));
    return rc;
}

void
envl_encryptor_clear(struct envl_encryptor *encryptor)
{
    envl_header_clear(&encryptor->header);
    envl_payload_free(encryptor->payload);
    envl_recipient_notes_clear(&encryptor->notes);
    *encryptor = (struct envl_encryptor){ .payload = NULL };
}
