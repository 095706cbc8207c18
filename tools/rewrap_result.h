/* SPDX-License-Identifier: Apache-2.0 */
/* What has become of a file that was to be rewrapped, in words and as JSON. */
#ifndef ENVL_REWRAP_RESULT_H
#define ENVL_REWRAP_RESULT_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/stream/rewrap.h"
#include "tools/os/journal.h"

struct envl_rewrap_result {
    struct envl_rewrapped made;
    bool is_claimed; /* by identifiers it is done, and nothing opened it */
    enum envl_journal_state recovered; /* what became of an earlier rewrap */
};

/*
 * envl_rewrap_result_print - for how many recipients it is, and a line for each
 * envl_rewrap_result_put - an object: file, status ("ok", "unchanged" or
 * "failed"), error, opened, interrupted, absent, recipients
 *
 *   err  why it failed; NULL if it did not
 */
void envl_rewrap_result_print(const char *name,
                              const struct envl_rewrap_result *result);
void envl_rewrap_result_put(const char *name,
                            const struct envl_rewrap_result *result,
                            const struct envl_err *err);

#endif
