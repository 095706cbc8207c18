/* SPDX-License-Identifier: Apache-2.0 */
/* Recognises keys for which this libcrypto is too old, because libcrypto itself
 * only says that it found no key. */
#ifndef ENVL_KEY_NEWER_H
#define ENVL_KEY_NEWER_H

#include "lib/base/err.h"
#include "lib/keys/key_text.h"

/*
 * envl_key_newer_check - does a file that could not be read hold an ML-KEM key,
 * and is this libcrypto older than 3.5?
 *
 *   name  the file, for messages
 *
 * Returns: ENVELOPE_OK if not; ENVELOPE_R_NO_ALGORITHM with the version that is
 *          needed; _MEMORY.
 */
enum envelope_reason envl_key_newer_check(const struct envl_key_text *text,
                                          const char *name,
                                          struct envl_err *err);

#endif
