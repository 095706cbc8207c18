/* SPDX-License-Identifier: Apache-2.0 */
/* A recipient of an envelope, as JSON and in words. */
#ifndef ENVL_ENTRY_H
#define ENVL_ENTRY_H

#include "lib/cms/edit.h"
#include "tools/json.h"

/*
 * envl_entry_put - the members of a recipient, within an object that is open:
 *
 *   type       "rsa", "ec", "x25519", "x448", "ml-kem", "ml-kem-x25519", "kek",
 *              "passphrase", "kms" or "other"
 *   kind       the same in words
 *   algorithm  in words
 *   id         in hexadecimal; null if it is named in another way
 *   service    string, the scheme of the key's URI; only of "kms"
 *   key        string, the key's name there; only of "kms"
 *   post_quantum  "yes", "no" or "unknown"
 *   known      whether the format has such recipients
 */
void envl_entry_put(struct envl_json *json,
                    const struct envl_key_envelope_entry *entry);

/* envl_entry_print_id - the identifier in hexadecimal, on standard output, or
 * that there is none */
void envl_entry_print_id(const struct envl_key_envelope_entry *entry);

/*
 * envl_entry_print_changes - what has become of each recipient: a line on
 * standard output with the change, the kind and the identifier
 * envl_entry_put_changes - the same as a member "recipients": an array of
 * objects with "change" ("kept", "removed" or "added"), and the above
 */
void envl_entry_print_changes(const struct envl_key_envelope_entry *entries,
                              size_t count);
void envl_entry_put_changes(struct envl_json *json,
                            const struct envl_key_envelope_entry *entries,
                            size_t count);

#endif
