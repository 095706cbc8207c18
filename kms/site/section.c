/* SPDX-License-Identifier: Apache-2.0 */
/* Sections by name, settings by place, keys as NAME/KEY. */
#include "kms/site/section.h"

#include <string.h>

#include "kms/core/ini.h"
#include "lib/keys/kek_source.h"

static const char name_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "abcdefghijklmnopqrstuvwxyz"
                                   "0123456789_.-";

#define CONFIG_LEN_MAX 65536

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

enum envelope_reason
kms_section_fail(const struct kms_section *section, size_t setting,
                 const char *what, struct envl_err *err)
{
    return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                     "kms.conf: [%s]: %.80s: %s", section->name,
                     section->settings[setting].name, what);
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
    if (setting->is_needed && *text == '\0')
        return kms_section_fail(section, i, "is missing", err);
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

/* A service that needs the file cannot do without: that it is missing is an error. */
static enum envelope_reason
read_config(struct kms_text *text, const struct kms_world *world,
            const char *path, struct envl_err *err)
{
    enum envelope_reason rc = world->guard(world->arg, path, err);

    if (rc == ENVELOPE_OK)
        rc = world->read(world->arg, text, path, CONFIG_LEN_MAX, err);
    /* It names the file, but takes it for one of credentials. */
    if (rc == ENVELOPE_R_CREDENTIALS)
        rc = err->reason = ENVELOPE_R_UNREADABLE_KEY;
    if (rc == ENVELOPE_OK && text->data == NULL)
        rc = envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                       "%s: there is no such file; it has to describe the "
                       "key service (ENVELOPE_KMS_CONFIG names another one)",
                       path);
    return rc;
}

static enum envelope_reason
set_key(struct kms_target *target, const struct kms_section *section,
        struct envl_err *err)
{
    const char *key = target->uri.path;
    struct kms_text *name = &target->name;

    if (*key == '\0')
        key = kms_section_get(section, KMS_SETTING_KEY);
    if (*key == '\0')
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "%s: no key is named, neither after this nor in "
                         "kms.conf",
                         kms_text_get(&section->title));
    kms_text_addf(name, "%s/%s", section->name, key);
    if (name->failed)
        return envl_fail_memory(err);
    if (!kms_is_printable(name->data) || strchr(name->data, ' ') != NULL
        || name->len > ENVL_KMS_KEY_LEN_MAX)
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "%s: the key's name is not ASCII without spaces, or "
                         "longer than %d letters",
                         kms_text_get(&section->title), ENVL_KMS_KEY_LEN_MAX);
    return ENVELOPE_OK;
}

enum envelope_reason
kms_section_open(struct kms_section *section,
                 const struct kms_setting *settings, struct kms_target *target,
                 struct envl_err *err)
{
    const struct kms_world *world = target->world;
    const struct kms_uri *uri = &target->uri;
    const char *said = kms_world_variable(world, "ENVELOPE_KMS_CONFIG");
    struct kms_text config = { 0 };
    const struct kms_ini_file file = {
        .text = &config,
        .path = said != NULL ? said : ENVELOPE_KMS_CONFIG_PATH,
        .is_section = kms_ini_is_named,
        .reason = ENVELOPE_R_UNREADABLE_KEY,
    };
    enum envelope_reason rc = check_name(uri->scheme, uri->authority, err);

    section->scheme = uri->scheme;
    section->name = uri->authority;
    section->settings = settings;
    kms_text_addf(&section->title, "%s://%.64s", uri->scheme, uri->authority);
    if (rc == ENVELOPE_OK && section->title.failed)
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK)
        rc = read_config(&config, world, file.path, err);
    if (rc == ENVELOPE_OK)
        rc = take_settings(section, &file, err);
    if (rc == ENVELOPE_OK)
        rc = set_key(target, section, err);
    kms_text_clear(&config);
    target->title = kms_text_get(&section->title);
    target->region = section->name;
    if (rc == ENVELOPE_OK)
        target->key_id =
            kms_text_get(&target->name) + strlen(section->name) + 1;
    return rc;
}

void
kms_section_clear(struct kms_section *section)
{
    size_t i;

    for (i = 0; i < KMS_SETTING_COUNT_MAX; i++)
        kms_text_clear(&section->values[i]);
    kms_text_clear(&section->title);
}

const char *
kms_section_get(const struct kms_section *section, size_t setting)
{
    return kms_text_get(&section->values[setting]);
}
