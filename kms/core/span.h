/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a text that somebody else owns; there is no NUL after one. */
#ifndef KMS_CORE_SPAN_H
#define KMS_CORE_SPAN_H

#include <stdbool.h>
#include <stddef.h>

/* Alphabets, for strspn(3). */
#define KMS_DIGITS "0123456789"
#define KMS_LOWER "abcdefghijklmnopqrstuvwxyz"
#define KMS_UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define KMS_ALNUM KMS_DIGITS KMS_LOWER KMS_UPPER
#define KMS_UNRESERVED KMS_ALNUM "-._~" /* RFC 3986, 2.3 */

struct kms_span {
    const char *data;
    size_t len;
};

/*
 * kms_span_is - is it this text?
 * kms_span_trim - without the blanks before and after it
 * kms_span_skip - without its first len bytes, which it has
 * kms_span_up_to - up to the first byte that is a or b; all of it if none is
 * kms_span_cut - what the rest begins with up to the first c, which is taken away
 *     with it; all of it if there is none
 * kms_span_blanks - how many blanks it begins with
 * kms_span_has_control - is there a control character in it, other than a tab?
 */
bool kms_span_is(struct kms_span span, const char *text);
struct kms_span kms_span_trim(struct kms_span span);
struct kms_span kms_span_skip(struct kms_span span, size_t len);
struct kms_span kms_span_up_to(struct kms_span span, char a, char b);
struct kms_span kms_span_cut(struct kms_span *rest, char c);
size_t kms_span_blanks(struct kms_span span);
bool kms_span_has_control(struct kms_span span);

/*
 * kms_span_octet - take the first octet of a span that is not empty, and decode
 * its percent-encoding
 *
 * Returns: the octet; -1 for a "%" without two hexadecimal digits, which alone is
 *          taken.
 */
int kms_span_octet(struct kms_span *span);

/*
 * kms_span_within - has it characters of ASCII from first to "~" alone?  From "!"
 *     there are no blanks.
 * kms_span_is_key - from "!" without quotes, and not empty: as keys and tokens are
 */
bool kms_span_within(struct kms_span span, char first);
bool kms_span_is_key(struct kms_span value);

#endif
