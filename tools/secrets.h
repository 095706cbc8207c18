/* SPDX-License-Identifier: Apache-2.0 */
/* The secrets that a command line names, read once, before the command runs. */
#ifndef ENVL_SECRETS_H
#define ENVL_SECRETS_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "tools/arguments.h"

/*
 * envl_secrets_read - put the passphrase and the key-encryption keys that are
 * named where the commands look for them
 *
 *   asks_for  what -p asks for
 *   twice     ask twice
 *   direction       receives whose failure it would be, for envl_report()
 *
 * The files that carry the command's data and its output are noted in
 * options.in_use first: no key or passphrase is read from one of them, here or
 * later.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_PARAMETER for a passphrase from two places
 *          or a file in use; what envl_passphrase_load(), envl_kek_read() and
 *          envl_prompt_passphrase() return.
 */
enum envelope_reason envl_secrets_read(struct envl_arguments *arguments,
                                       const char *asks_for, bool twice,
                                       enum envl_direction *direction,
                                       struct envl_err *err);

#endif
