/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of sections with settings: the profiles of AWS and of Tencent Cloud,
 * and our own kms.conf.
 *
 * The dialect is that of Python's configparser, by which the aws command reads
 * its files.  Where it and other programs read a line of the section in
 * different ways, or nobody can read it, the line is an error.  It is never
 * passed over: it may be the one that says who we are.
 */
#ifndef KMS_CORE_INI_H
#define KMS_CORE_INI_H

#include <stdbool.h>
#include <stddef.h>

#include "kms/core/span.h"
#include "kms/core/text.h"
#include "lib/base/err.h"

/*
 * Whether the section of this name is the one that is wanted.  Where programs
 * differ in that, trouble says how, for a message.
 */
typedef bool kms_ini_is_section(struct kms_span name, const char *wanted,
                                const char **trouble);

/* kms_ini_is_named - is the name the same byte by byte?  Blanks and quotes
 * around it are trouble. */
kms_ini_is_section kms_ini_is_named;

struct kms_ini_file {
    const struct kms_text *text;
    const char *path; /* for messages */
    kms_ini_is_section *is_section;
    enum envelope_reason reason; /* of all errors */
};

/* A setting that is looked for; name NULL ends a list of them. */
struct kms_ini_setting {
    const char *name; /* in small letters */
    struct kms_span value;
    size_t line; /* 0: it is not there */
};

struct kms_ini_section {
    size_t line;           /* of its header; 0: there is none */
    struct kms_span other; /* the first setting that is not in the list */
    size_t other_line;     /* 0: there is no such setting */
};

/*
 * kms_ini_read - find a section and take its settings
 *
 *   settings  the list; values and lines are filled in
 *
 * A line is "[section]", "name = value" or "name: value", or it is empty, or
 * a comment that begins with "#" or ";".  All of these may be indented.
 * The name of a setting has letters, small or capital, digits and "_-." in it.
 * A line that is indented deeper than the setting before it belongs to that
 * one: below a setting without a value and not in the list it is passed over,
 * and anywhere else it is an error.
 *
 * Ownership: section and settings point into the file's text.
 * Returns:   ENVELOPE_OK, also where there is no such section; else the
 *            file's reason, with a text that names file and line.
 */
enum envelope_reason kms_ini_read(struct kms_ini_section *section,
                                  struct kms_ini_setting *settings,
                                  const struct kms_ini_file *file,
                                  const char *wanted, struct envl_err *err);

#endif
