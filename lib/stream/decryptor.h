/* SPDX-License-Identifier: Apache-2.0 */
/* Decrypting a stream: gathers and checks the header, and opens its key
 * envelope. */
#ifndef ENVL_DECRYPTOR_H
#define ENVL_DECRYPTOR_H

#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/header/header.h"
#include "lib/keys/keyring.h"
#include "lib/payload/payload.h"
#include "lib/stream/settings.h"

enum envl_decryptor_state {
    ENVL_AT_PRELUDE,
    ENVL_AT_HEADER,
    ENVL_AT_START, /* of the payload: salt and commitment */
    ENVL_AT_PAYLOAD
};

struct envl_decryptor {
    struct envl_keyring *keyring; /* borrowed; may be NULL; set by the caller */
    enum envl_decryptor_state state;
    size_t have; /* bytes that this state has gathered */
    unsigned char prelude[ENVL_PRELUDE_LEN];
    struct envl_header header;
    unsigned char start[ENVL_PAYLOAD_START_LEN];
    struct envl_payload *payload; /* from state ENVL_AT_PAYLOAD on */
};

/*
 * envl_decryptor_gather - take the bytes of the header and of the payload's
 * start from the input; *taken receives their number
 *
 * Returns: ENVELOPE_OK, with input left over only in state ENVL_AT_PAYLOAD;
 *          what envl_prelude_parse(), _header_check(), _header_require(),
 *          _identities_load(), _key_envelope_open() and
 *          _payload_new_decryptor() return.
 */
enum envelope_reason envl_decryptor_gather(struct envl_decryptor *decryptor,
                                           const struct envl_libctx *ctx,
                                           const struct envl_settings *settings,
                                           const unsigned char *in, size_t len,
                                           size_t *taken, struct envl_err *err);

/* envl_decryptor_fail_short - the failure to report if the input ends before
 * the payload */
enum envelope_reason
envl_decryptor_fail_short(const struct envl_decryptor *decryptor,
                          struct envl_err *err);

/* envl_decryptor_clear - wipe and free; decryptor may be all zero */
void envl_decryptor_clear(struct envl_decryptor *decryptor);

#endif
