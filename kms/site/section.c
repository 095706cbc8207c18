/* SPDX-License-Identifier: Apache-2.0 */
/* Sections by name, settings by place, keys as NAME/KEY. */
#include "kms/site/section.h"

#include <string.h>

#include "kms/core/ini.h"
#include "kms/site/config.h"
#include "lib/keys/kek_source.h"

static const char name_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "abcdefghijklmnopqrstuvwxyz"
                                   "0123456789_.-";

static enum envelope_reason
check_name(const char *scheme, const char *name, struct envl_err *err)
{
    size_t len = strlen(name);

    if (len == 0)
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "%s: the URI names no section: %s://NAME/KEY", scheme,
                         scheme);
    if (len > KMS_SECTION_NAME_LEN_MAX || strspn(name, name_letters) != len)
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "%s://%.80s: a section's name is at most %d letters "
                         "of A-Z a-z 0-9 _ . -",
                         scheme, name, KMS_SECTION_NAME_LEN_MAX);
    return ENVELOPE_OK;
}

/* "[corp]: NAME: what" */
static enum envelope_reason
fail_setting(const struct kms_section *section, const char *setting,
             const char *what, struct envl_err *err)
{
    return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                     "kms.conf: [%s]: %.80s: %s", section->name, setting, what);
}

enum envelope_reason
kms_section_fail(const struct kms_section *section, size_t setting,
                 const char *what, struct envl_err *err)
{
    return fail_setting(section, section->settings[setting].name, what, err);
}

static enum envelope_reason
take_setting(struct kms_section *section, size_t i,
             const struct kms_ini_setting *said, struct envl_err *err)
{
    const struct kms_setting *setting = &section->settings[i];
    struct kms_text *value = &section->values[i];
    const char *text;

    if (said->line != 0)
        kms_text_add_bytes(value, said->value.data, said->value.len);
    else if (setting->fallback != NULL)
        kms_text_set(value, setting->fallback);
    if (value->failed)
        return envl_fail_memory(err);
    text = kms_text_get(value);
    if (setting->is_path && *text != '\0' && *text != '/')
        return kms_section_fail(section, i, "is not an absolute path", err);
    return ENVELOPE_OK;
}

static enum envelope_reason
take_settings(struct kms_section *section, const struct kms_ini_file *file,
              struct envl_err *err)
{
    struct kms_ini_setting said[KMS_SETTING_COUNT_MAX + 1] = { { 0 } };
    struct kms_ini_section found;
    enum envelope_reason rc;
    size_t i;

    for (i = 0; section->settings[i].name != NULL; i++)
        said[i].name = section->settings[i].name;
    rc = kms_ini_read(&found, said, file, section->name, err);
    if (rc == ENVELOPE_OK && found.line == 0)
        rc = envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                       "%.200s has no section [%s]", file->path, section->name);
    if (rc == ENVELOPE_OK && found.other_line != 0)
        rc = envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                       "%.150s, line %zu: [%s]: %.*s: %s has no such setting",
                       file->path, found.other_line, section->name,
                       found.other.len < 80 ? (int)found.other.len : 80,
                       found.other.data, section->scheme);
    for (i = 0; rc == ENVELOPE_OK && section->settings[i].name != NULL; i++)
        rc = take_setting(section, i, &said[i], err);
    return rc;
}

enum envelope_reason
kms_section_read(struct kms_section *section,
                 const struct kms_setting *settings,
                 const struct kms_world *world, const struct kms_uri *uri,
                 struct envl_err *err)
{
    struct kms_text config = { 0 };
    const struct kms_ini_file file = {
        .text = &config,
        .path = kms_config_path(world),
        .is_section = kms_ini_is_named,
        .reason = ENVELOPE_R_UNREADABLE_KEY,
    };
    enum envelope_reason rc;

    *section = (struct kms_section){
        .scheme = uri->scheme,
        .name = uri->authority,
        .settings = settings,
    };
    rc = check_name(uri->scheme, uri->authority, err);
    if (rc == ENVELOPE_OK)
        rc = kms_config_read(&config, world, err);
    if (rc == ENVELOPE_OK)
        rc = take_settings(section, &file, err);
    kms_text_clear(&config);
    return rc;
}

void
kms_section_clear(struct kms_section *section)
{
    size_t i;

    for (i = 0; i < KMS_SETTING_COUNT_MAX; i++)
        kms_text_clear(&section->values[i]);
}

const char *
kms_section_get(const struct kms_section *section, size_t setting)
{
    return kms_text_get(&section->values[setting]);
}

enum envelope_reason
kms_section_key(struct kms_text *key, const struct kms_section *section,
                const struct kms_uri *uri, struct envl_err *err)
{
    const char *only = uri->path;

    if (strcmp(uri->authority, section->name) != 0)
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "%s://%.80s: another section than [%s], which alone "
                         "can encrypt its keys anew",
                         section->scheme, uri->authority, section->name);
    if (*only == '\0')
        only = kms_section_get(section, KMS_SETTING_KEY);
    if (*only == '\0')
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "%s://%s: no key is named, neither after this nor "
                         "in kms.conf",
                         section->scheme, section->name);
    kms_text_set(key, section->name);
    kms_text_add(key, "/");
    kms_text_add(key, only);
    if (key->failed)
        return envl_fail_memory(err);
    if (!kms_is_printable(key->data) || strchr(key->data, ' ') != NULL
        || key->len > ENVL_KMS_KEY_LEN_MAX)
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "%s://%s: the key's name is not ASCII without "
                         "spaces, or longer than %d letters",
                         section->scheme, section->name, ENVL_KMS_KEY_LEN_MAX);
    return ENVELOPE_OK;
}

const char *
kms_section_key_only(const struct kms_text *key)
{
    const char *slash = strchr(kms_text_get(key), '/');

    return slash != NULL ? slash + 1 : "";
}

bool
kms_section_matches(const struct kms_setting *settings,
                    const struct kms_world *world, const struct kms_uri *uri,
                    const char *key)
{
    struct envl_err ignored;
    struct kms_section section;
    struct kms_text own = { 0 };
    bool yes = kms_section_read(&section, settings, world, uri, &ignored)
                   == ENVELOPE_OK
               && kms_section_key(&own, &section, uri, &ignored) == ENVELOPE_OK
               && strcmp(own.data, key) == 0;

    kms_text_clear(&own);
    kms_section_clear(&section);
    return yes;
}
