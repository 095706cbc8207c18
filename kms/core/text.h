/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text that grows and is wiped: requests, replies, credentials.  All of it
 * is treated as a secret, so that nobody has to know which part is one.
 */
#ifndef KMS_CORE_TEXT_H
#define KMS_CORE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* All zero is an empty text.  data is NULL or ends with a NUL that len does
 * not count. */
struct kms_text {
    char *data;
    size_t len, size;
    bool failed; /* memory ran out at some point: the text is not whole */
};

/* Adding.  A failure stays with the text, and is looked at once, at the end
 * of the work: envl_fail_memory() if failed. */
void kms_text_add(struct kms_text *text, const char *more);
void kms_text_add_bytes(struct kms_text *text, const void *more, size_t len);
void kms_text_addf(struct kms_text *text, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void kms_text_vaddf(struct kms_text *text, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));
/* In base64 (RFC 4648, 4); in that for URLs (5), without padding; in lower-case
 * hexadecimal; percent-encoded but for KMS_UNRESERVED of core/span.h. */
void kms_text_add_base64(struct kms_text *text, const void *more, size_t len);
void kms_text_add_base64url(struct kms_text *text, const void *more,
                            size_t len);
void kms_text_add_hex(struct kms_text *text, const void *more, size_t len);
void kms_text_add_encoded(struct kms_text *text, const void *more, size_t len);

/* kms_text_set - empty it first; a failure stays, until kms_text_clear() */
void kms_text_set(struct kms_text *text, const char *content);

/* kms_text_get - the content; "" for an empty text */
const char *kms_text_get(const struct kms_text *text);

/* kms_text_clear - wipe and free; it is an empty text then */
void kms_text_clear(struct kms_text *text);

/*
 * kms_base64_decode - strict RFC 4648, 4: no other characters, canonical
 * padding
 * kms_base64url_decode - strict RFC 4648, 5, without padding
 *
 *   out  room bytes; wiped on failure
 *
 * Returns: the length, or -1 if it is not base64 or longer than room.
 */
long kms_base64_decode(unsigned char *out, size_t room, const char *text,
                       size_t len);
long kms_base64url_decode(unsigned char *out, size_t room, const char *text,
                          size_t len);

/* kms_is_printable - is it free of control characters and of anything that is
 * not ASCII, and not empty?  A credential must be, to be put in a header. */
bool kms_is_printable(const char *text);

/*
 * kms_text_is_token - take the white space at both ends away: is what is left a
 * token, printable ASCII without blanks, and not empty?
 *
 * For the content of a token file, which an editor or "echo" ends with a line
 * feed, and for tokens of the environment.  The text is changed in either case.
 */
bool kms_text_is_token(struct kms_text *text);

/*
 * Letters of ASCII in any case, whatever the locale says of them:
 *
 * kms_lower - a capital letter's small one, any other character itself
 * kms_same_name - is text, len bytes of it, this name?
 */
char kms_lower(char c);
bool kms_same_name(const char *text, size_t len, const char *name);

#endif
