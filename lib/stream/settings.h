/* SPDX-License-Identifier: Apache-2.0 */
/* What a stream is to be made or read with, as its user said it. */
#ifndef ENVL_SETTINGS_H
#define ENVL_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/keys/key_settings.h"

/*
 * Ownership: all of it is the structure's, envl_settings_clear().  NULL and
 * zero mean "not set".
 */
struct envl_settings {
    struct envl_key_settings keys;
    char *labels; /* lines in any order */
    bool verified_only;
    bool has_output_slack;
    bool has_threads;
    bool errors_at_end; /* opening: a failure shows in the final call */
    size_t output_slack;
    size_t reserve;
    unsigned threads;
    unsigned workers; /* for batches of chunks (lib/payload/payload.h) */
};

/* envl_settings_copy - deep; to is all zero; 0, with nothing in it, if memory
 * ran out */
int envl_settings_copy(struct envl_settings *to,
                       const struct envl_settings *from);

/* envl_settings_clear - wipe and free everything */
void envl_settings_clear(struct envl_settings *settings);

#endif
