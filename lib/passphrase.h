/* SPDX-License-Identifier: Apache-2.0 */
/* Where the passphrase of a stream comes from. */
#ifndef ENVL_PASSPHRASE_H
#define ENVL_PASSPHRASE_H

#include "lib/err.h"
#include "lib/settings.h"

/*
 * envl_passphrase_load - the passphrase that settings hold, or the first line
 * of the file that they name; empty if they do neither
 *
 * Ownership: *passphrase is the caller's, envl_octets_clear(); empty on
 *            failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY naming the file;
 *            ENVELOPE_R_MEMORY.
 */
enum envelope_reason envl_passphrase_load(struct envl_octets *passphrase,
                                          const struct envl_settings *settings,
                                          struct envl_err *err);

#endif
