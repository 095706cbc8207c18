/* SPDX-License-Identifier: Apache-2.0 */
/* The labels of a header (FORMAT 3): checking and sorting them. */
#ifndef ENVL_LABELS_H
#define ENVL_LABELS_H

#include <stddef.h>

#include "lib/base/err.h"

#define ENVL_LABELS_LEN_MAX 65536
#define ENVL_LABEL_KEY_LEN_MAX 128

/* Labels in the form of FORMAT 3, borrowed; text is NULL if there are none. */
struct envl_labels {
    const char *text;
    size_t len;
};

/*
 * envl_labels_check - are len bytes of text labels in the form of FORMAT 3?
 *
 * Returns: ENVELOPE_OK, or ENVELOPE_R_LABELS naming the line.
 */
enum envelope_reason envl_labels_check(const char *text, size_t len,
                                       struct envl_err *err);

/*
 * envl_labels_require - are these labels among those of a header?
 *
 *   required  lines in any order, the last line with or without its LF; NULL: no
 *             label is required
 *   have      those of the header, which were checked
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_OTHER_LABELS naming the first one that is not
 *          there, or has another value; ENVELOPE_R_PARAMETER naming one that is
 *          no label.
 */
enum envelope_reason envl_labels_require(const char *required,
                                         const struct envl_labels *have,
                                         struct envl_err *err);

/*
 * envl_labels_sort - bring lines in any order, the last line with or without
 * its LF, into the form of FORMAT 3
 *
 * Ownership: *out is the caller's, OPENSSL_free(); NULL on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_LABELS; ENVELOPE_R_MEMORY.
 */
enum envelope_reason envl_labels_sort(char **out, size_t *out_len,
                                      const char *text, struct envl_err *err);

#endif
