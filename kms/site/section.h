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
#include "kms/core/uri.h"
#include "kms/http/world.h"
#include "lib/base/err.h"

#define KMS_SETTING_COUNT_MAX 32
#define KMS_SECTION_NAME_LEN_MAX 64

/* The settings of a service; the first one is "key". */
struct kms_setting {
    const char *name;     /* NULL ends them */
    const char *fallback; /* where nothing is said; NULL: "" */
    bool is_path;         /* of a file: absolute, or empty */
};
#define KMS_SETTING_KEY 0

struct kms_section {
    const char *scheme, *name; /* borrowed from the URI */
    const struct kms_setting *settings;
    struct kms_text values[KMS_SETTING_COUNT_MAX]; /* as in settings */
};

/*
 * kms_section_read - the section of a URI
 *
 * A setting that is not among settings is refused, such as all those of the
 * other service.
 *
 * Ownership: section is the caller's, kms_section_clear(), also after a
 *            failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY naming section and
 *            setting; ENVELOPE_R_MEMORY.
 */
enum envelope_reason kms_section_read(struct kms_section *section,
                                      const struct kms_setting *settings,
                                      const struct kms_world *world,
                                      const struct kms_uri *uri,
                                      struct envl_err *err);
void kms_section_clear(struct kms_section *section);

/* kms_section_get - a setting by its place in settings; "" for none */
const char *kms_section_get(const struct kms_section *section, size_t setting);

/* kms_section_fail - ENVELOPE_R_UNREADABLE_KEY: what is wrong with a setting,
 * "kms.conf: [corp]: url: is missing" */
enum envelope_reason kms_section_fail(const struct kms_section *section,
                                      size_t setting, const char *what,
                                      struct envl_err *err);

/*
 * kms_section_key - NAME/KEY of a URI that leads to this section
 * kms_section_key_only - KEY, within it
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY for another section, and for
 *          no key at all or one that fits into no header; ENVELOPE_R_MEMORY.
 */
enum envelope_reason kms_section_key(struct kms_text *key,
                                     const struct kms_section *section,
                                     const struct kms_uri *uri,
                                     struct envl_err *err);
const char *kms_section_key_only(const struct kms_text *key);

/* kms_section_matches - is this the NAME/KEY of the URI?  Nobody is asked. */
bool kms_section_matches(const struct kms_setting *settings,
                         const struct kms_world *world,
                         const struct kms_uri *uri, const char *key);

#endif
