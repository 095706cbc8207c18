/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that this libcrypto is too old for: it only says that it knows none. */
#ifndef ENVL_KEY_NEWER_H
#define ENVL_KEY_NEWER_H

#include "lib/base/err.h"
#include "lib/keys/key_text.h"

/*
 * envl_key_newer_check - does a text that could not be read hold a key of ML-KEM,
 * and is this libcrypto older than 3.5?
 *
 *   name  of the source, for messages
 *
 * Returns: ENVELOPE_OK if not; ENVELOPE_R_NO_ALGORITHM with the version that is
 *          needed; _MEMORY.
 */
enum envelope_reason envl_key_newer_check(const struct envl_key_text *text,
                                          const char *name,
                                          struct envl_err *err);

#endif
