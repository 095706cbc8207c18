/* SPDX-License-Identifier: Apache-2.0 */
/* The user's settings of a stream. */
#ifndef ENVL_SETTINGS_H
#define ENVL_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/keys/key_settings.h"

/*
 * Ownership: the structure owns all of its members, envl_settings_clear().
 *            NULL
 * and zero mean "not set".
 */
struct envl_settings {
    struct envl_key_settings keys;
    char *labels; /* lines in any order */
    bool verified_only;
    bool has_output_slack;
    bool has_threads;
    bool errors_at_end; /* decrypting: only the final call reports failures */
    size_t output_slack;
    size_t reserve;
    unsigned threads;
    unsigned workers; /* for batches of chunks (lib/payload/payload.h) */
};

/* envl_settings_copy - make a deep copy in `to`, which is all zero before; 1,
 * or 0 with `to` still empty if memory ran out */
int envl_settings_copy(struct envl_settings *to,
                       const struct envl_settings *from);

/* envl_settings_clear - wipe and free everything */
void envl_settings_clear(struct envl_settings *settings);

#endif
