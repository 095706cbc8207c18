/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Services that a section of kms.conf describes, httpkms and execkms: the
 * section with its settings, and the key that a URI names in it,
 *
 *     scheme://NAME/KEY, or scheme://NAME where the section has a key
 *
 * which stands in headers as NAME/KEY.
 */
#ifndef KMS_SITE_SECTION_H
#define KMS_SITE_SECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "kms/core/text.h"
#include "kms/engine/api.h"
#include "lib/base/err.h"

#define KMS_SETTING_COUNT_MAX 32
#define KMS_SECTION_NAME_LEN_MAX 64

/* The settings of a service; the first one is "key". */
struct kms_setting {
    const char *name;     /* NULL ends them */
    const char *fallback; /* where nothing is said; NULL: "" */
    bool is_path;         /* of a file: absolute, or empty */
    bool is_needed;       /* it must not be empty */
};
#define KMS_SETTING_KEY 0

struct kms_section {
    const char *scheme, *name; /* borrowed from the URI */
    const struct kms_setting *settings;
    struct kms_text values[KMS_SETTING_COUNT_MAX]; /* as in settings */
    struct kms_text title;                         /* scheme://NAME */
};

/*
 * kms_section_open - the section of a target's URI, and what target has of it: title,
 * key_id, name and region, by which keys of two sections differ
 *
 * The file is the one that ENVELOPE_KMS_CONFIG names, or else
 * SYSCONFDIR/envelope/kms.conf, in the form that kms_ini_read() takes.  Nobody but
 * the user and root may be able to write to it.  A setting that is not among settings
 * is refused, such as all those of the other service.
 *
 * Ownership: section is the caller's, kms_section_clear(), also after a failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY naming the file, or section and
 *            setting, also where no key is named, or one that fits into no header;
 *            ENVELOPE_R_MEMORY.
 */
enum envelope_reason kms_section_open(struct kms_section *section,
                                      const struct kms_setting *settings,
                                      struct kms_target *target,
                                      struct envl_err *err);
void kms_section_clear(struct kms_section *section);

/* kms_section_get - a setting by its place in settings; "" for none */
const char *kms_section_get(const struct kms_section *section, size_t setting);

/* kms_section_fail - ENVELOPE_R_UNREADABLE_KEY: what is wrong with a setting,
 * "kms.conf: [corp]: url: is missing" */
enum envelope_reason kms_section_fail(const struct kms_section *section,
                                      size_t setting, const char *what,
                                      struct envl_err *err);

#endif
