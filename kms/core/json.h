/* SPDX-License-Identifier: Apache-2.0 */
/* JSON (RFC 8259): the one place that knows the library for it. */
#ifndef KMS_CORE_JSON_H
#define KMS_CORE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kms/core/text.h"
#include "lib/base/err.h"

/* An object. */
struct kms_json;

/*
 * kms_json_parse - read one object; names that come twice, what is not UTF-8,
 * deep nesting and anything after the object are refused
 *
 * Ownership: *json is the caller's, kms_json_free(); NULL on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_KEY_SERVICE; ENVELOPE_R_MEMORY.
 */
enum envelope_reason kms_json_parse(struct kms_json **json, const char *text,
                                    size_t len, struct envl_err *err);

/* kms_json_free - every string in it is wiped; NULL is allowed */
void kms_json_free(struct kms_json *json);

/*
 * kms_json_text - the string at a path of names, with dots between them
 * ("Response.Error.Code"), or numbers from 0 to 999 in an array ("errors.0");
 * within json; NULL if there is none or it holds a NUL
 * kms_json_bool - the boolean there, else otherwise
 * kms_json_has - is there anything but null?
 * kms_json_number - the whole number there, or that of a string of its digits; -1 if
 * there is none
 */
const char *kms_json_text(const struct kms_json *json, const char *path);
bool kms_json_bool(const struct kms_json *json, const char *path,
                   bool otherwise);
bool kms_json_has(const struct kms_json *json, const char *path);
int64_t kms_json_number(const struct kms_json *json, const char *path);

/*
 * Writing, without spaces, names in the order in which they were added:
 *
 *     kms_json_begin(text);                    {
 *     kms_json_add(text, "KeyId", id);          "KeyId":"...",
 *     kms_json_add_raw(text, "Context", map);   "Context":{"a":"b"},
 *     kms_json_end(text);                      }
 *
 * Bytes above 0x7F are written as they are; they have to be UTF-8.
 */
void kms_json_begin(struct kms_text *text);
void kms_json_add(struct kms_text *text, const char *name, const char *value);
void kms_json_add_bytes(struct kms_text *text, const char *name,
                        const char *value, size_t len);
void kms_json_add_raw(struct kms_text *text, const char *name,
                      const char *json);
void kms_json_end(struct kms_text *text);

/*
 * kms_json_labels - the stream's labels (FORMAT 3) as an object of strings,
 * in their order, which is sorted: one text for one set
 */
void kms_json_labels(struct kms_text *text, const char *labels, size_t len);

#endif
