/* SPDX-License-Identifier: Apache-2.0 */
/* Files of sections with settings: the profiles of AWS and Tencent Cloud, and
 * our own kms.conf. */
#ifndef KMS_INI_H
#define KMS_INI_H

#include <stddef.h>

#include "kms/text.h"

/*
 * kms_ini_get - the value of a setting
 *
 *   text     the file; lines "[section]" and "name = value"; "#" and ";" begin
 *            a comment line; indented lines belong to the setting before them
 *            and are passed over
 *   section  its name; spaces around it do not count
 *   value    is set to it, without spaces around it
 *
 * Where a section or a setting comes twice, the last one counts.
 *
 * Returns: 1; 0 if there is none, with value empty.
 */
int kms_ini_get(struct kms_text *value, const struct kms_text *text,
                const char *section, const char *name);

/* kms_ini_has - is there such a section? */
int kms_ini_has(const struct kms_text *text, const char *section);

/*
 * kms_ini_unknown - the first setting of a section that is not in names,
 * which end with NULL: 1, with its name in found; else 0
 */
int kms_ini_unknown(struct kms_text *found, const struct kms_text *text,
                    const char *section, const char *const *names);

#endif
