/* SPDX-License-Identifier: Apache-2.0 */
/* One line that says which key it is: identifier, type, name. */
#ifndef ENVL_FINGERPRINT_H
#define ENVL_FINGERPRINT_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/keys/keys.h"

/*
 * envl_fingerprint_print - a line "ID  TYPE  NAME", or with is_json an object
 *
 *   id    as the header of an envelope has it
 *   key   a public or private one; its type is shown as keygen --type takes it
 *   name  where the key is; what could harm a terminal is replaced
 *
 * Whether it was written shows in ferror(to).
 */
void envl_fingerprint_print(FILE *to, bool is_json,
                            const struct envl_key_id *id, EVP_PKEY *key,
                            const char *name);

#endif
