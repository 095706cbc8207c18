/* SPDX-License-Identifier: Apache-2.0 */
/* Encrypting a stream: first the header, then the payload. */
#ifndef ENVL_ENCRYPTOR_H
#define ENVL_ENCRYPTOR_H

#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/header/header.h"
#include "lib/keys/keyring.h"
#include "lib/keys/recipient_notes.h"
#include "lib/payload/output_queue.h"
#include "lib/payload/payload.h"
#include "lib/sign/signature_keys.h"
#include "lib/stream/settings.h"

struct envl_encryptor {
    struct envl_keyring *keyring; /* borrowed; may be NULL; set by the caller */
    struct envl_header header;    /* bytes is NULL until it is made */
    struct envl_payload *payload;
    struct envl_recipient_notes notes;   /* on its recipients; owned */
    struct envl_signature_keys *signers; /* owned; NULL if nobody signs */
};

/*
 * envl_encryptor_start - make a data key, wrap it, and put the header and the
 * payload's start into the queue; the data key is wiped before the return
 *
 * Returns: ENVELOPE_OK; what envl_recipients_load(), _key_envelope_build(),
 *          _header_build() and _payload_new_encryptor() return.
 */
enum envelope_reason envl_encryptor_start(struct envl_encryptor *encryptor,
                                          const struct envl_libctx *ctx,
                                          const struct envl_settings *settings,
                                          struct envl_output_queue *queue,
                                          struct envl_err *err);

/* envl_encryptor_clear - free; encryptor may be all zero */
void envl_encryptor_clear(struct envl_encryptor *encryptor);

#endif
