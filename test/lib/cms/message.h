/* SPDX-License-Identifier: Apache-2.0 */
/* Key envelopes for a test: made, read, and written again. */
#ifndef ENVL_TEST_MESSAGE_H
#define ENVL_TEST_MESSAGE_H

#include "lib/cms/key_envelope.h"
#include "test/support/support.h"

/* envl_key_envelope_build() with other bytes for each message; no memory is
 * asked for them. */
static inline enum envelope_reason
build_key_envelope_for(unsigned char **der, size_t *len,
                       const struct envl_libctx *ctx,
                       const struct envl_recipients *recipients,
                       const struct envl_key_settings *settings,
                       const struct envl_labels *labels,
                       const unsigned char *dek, struct envl_err *err)
{
    static uint32_t seed;
    unsigned char random[ENVL_KEY_ENVELOPE_RANDOM_LEN];

    fill(random, sizeof(random), ++seed);
    return envl_key_envelope_build(der, len, ctx, recipients, settings, labels,
                                   random, dek, err);
}

/* The same, without labels */
static inline enum envelope_reason
build_key_envelope(unsigned char **der, size_t *len,
                   const struct envl_libctx *ctx,
                   const struct envl_recipients *recipients,
                   const struct envl_key_settings *settings,
                   const unsigned char *dek, struct envl_err *err)
{
    return build_key_envelope_for(der, len, ctx, recipients, settings, NULL,
                                  dek, err);
}

/* It points into der. */
static inline struct envl_message
read_message(const unsigned char *der, size_t len)
{
    struct envl_message message;
    struct envl_err err;

    assert_int_equal(envl_message_read(&message, der, len, &err), ENVELOPE_OK);
    return message;
}

/* Write what was changed; nothing is left of the message. */
static inline void
write_message(struct envl_message *message, unsigned char **der, size_t *len)
{
    struct envl_err err;

    assert_int_equal(envl_message_write(message, der, len, &err), ENVELOPE_OK);
    envl_message_clear(message);
}

static inline void
add_info(struct envl_message *message, const unsigned char *der, size_t len)
{
    const struct envl_der info = { der, len };
    struct envl_err err;

    assert_int_equal(envl_message_add(message, &info, &err), ENVELOPE_OK);
}

#endif
