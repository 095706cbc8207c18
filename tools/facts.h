/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What inspect, a receipt and a check without a key say of an envelope, as
 * members of a JSON object that is open: each in the same words.
 */
#ifndef ENVL_FACTS_H
#define ENVL_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/cms/edit.h"
#include "lib/header/header.h"
#include "tools/json.h"
#include "tools/status.h"

struct envl_recipient_list {
    struct envl_key_envelope_entry *list; /* owned */
    size_t count;
};

/*
 * envl_recipient_list_read - list the recipients of a header; no key is used
 *
 * Ownership: recipients is the caller's, envl_recipient_list_clear(); all zero on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_KEY_ENVELOPE; _MEMORY.
 */
enum envelope_reason
envl_recipient_list_read(struct envl_recipient_list *recipients,
                         const struct envl_header *header,
                         struct envl_err *err);
void envl_recipient_list_clear(struct envl_recipient_list *recipients);

/* envl_recipient_list_strength - that of the weakest recipient */
enum envl_post_quantum
envl_recipient_list_strength(const struct envl_recipient_list *recipients);

/*
 * envl_label_next - take the next label, which is key=value and a LF
 *
 *   text, len  what is left of the labels; both move
 *   key        receives the label, of *key_len bytes, '=' and *value_len bytes
 *
 * Returns: false if there is none.
 */
bool envl_label_next(const char **text, size_t *len, const char **key,
                     size_t *key_len, size_t *value_len);

/*
 * envl_put_status - "file", "file_base64" if the name is no UTF-8, "status", and
 * "error" unless that is "ok"
 *
 *   name        NULL is standard input
 *   has_header  it is an envelope, whatever else is wrong
 */
void envl_put_status(struct envl_json *json, const char *name,
                     enum envl_status status, bool has_header,
                     const struct envl_err *err);

/* envl_put_number - a member with a number; envl_put_hex - one with bytes */
void envl_put_number(struct envl_json *json, const char *name, uint64_t value);
void envl_put_hex(struct envl_json *json, const char *name,
                  const unsigned char *bytes, size_t len);

/* envl_put_labels - "labels": an object of strings, in the order of the header
 * envl_put_recipients - "post_quantum", and "recipients": an array of objects with
 * the members of envl_entry_put() */
void envl_put_labels(struct envl_json *json, const struct envl_header *header);
void envl_put_recipients(struct envl_json *json,
                         const struct envl_recipient_list *recipients);

#endif
