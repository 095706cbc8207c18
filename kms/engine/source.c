/* SPDX-License-Identifier: Apache-2.0 */
/* Sources that ask nobody: variables and files; and the order of all. */
#include "kms/engine/source.h"

#include <stdio.h>
#include <string.h>

#define TOKEN_LEN_MAX 65536
#define BLANKS " \t\r\n"

bool
kms_source_failed(const struct kms_credentials *credentials)
{
    return credentials->id.failed || credentials->secret.failed
           || credentials->token.failed || credentials->project.failed;
}

enum envelope_reason
kms_source_first(struct kms_credentials *credentials,
                 const struct kms_seeker *seeker, kms_source *const *sources,
                 struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;

    kms_credentials_clear(credentials);
    for (; *sources != NULL && rc == ENVELOPE_OK && credentials->id.len == 0
           && credentials->token.len == 0;
         sources++) {
        rc = (*sources)(credentials, seeker, err);
        if (rc == ENVELOPE_OK && kms_source_failed(credentials))
            rc = envl_fail_memory(err);
    }
    if (rc != ENVELOPE_OK)
        kms_credentials_clear(credentials);
    return rc;
}

/* Variables */

enum envelope_reason
kms_source_variables(struct kms_credentials *credentials,
                     const struct kms_seeker *seeker,
                     const struct kms_source_names *names, struct envl_err *err)
{
    const char *const token_name =
        kms_world_variable(seeker->world, names->token) != NULL
            ? names->token
            : names->other_token;
    const struct {
        const char *name;
        struct kms_text *text;
    } parts[] = {
        { names->id, &credentials->id },
        { names->secret, &credentials->secret },
        { token_name, &credentials->token },
        { names->project, &credentials->project },
    };
    const bool has_id = kms_world_variable(seeker->world, names->id) != NULL,
               has_secret =
                   kms_world_variable(seeker->world, names->secret) != NULL;
    const char *value;
    size_t i;

    if (!has_id && !has_secret)
        return ENVELOPE_OK;
    if (!has_id || !has_secret)
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         "%s is set, and %s is not: they belong together",
                         has_id ? names->id : names->secret,
                         has_id ? names->secret : names->id);
    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        value = kms_world_variable(seeker->world, parts[i].name);
        if (value == NULL)
            continue;
        if (!kms_span_is_key((struct kms_span){ value, strlen(value) }))
            return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                             "%s has a character that is in no key, such as a "
                             "blank, a quote or a line end",
                             parts[i].name);
        kms_text_set(parts[i].text, value);
    }
    return ENVELOPE_OK;
}

enum envelope_reason
kms_source_variable(struct kms_text *text, const struct kms_world *world,
                    const char *name, struct envl_err *err)
{
    const char *value = kms_world_variable(world, name);
    size_t len;

    kms_text_set(text, "");
    if (value != NULL) {
        value += strspn(value, BLANKS);
        len = strlen(value);
        while (len > 0 && strchr(BLANKS, value[len - 1]) != NULL)
            len--;
        kms_text_add_bytes(text, value, len);
    }
    if (text->failed)
        return envl_fail_memory(err);
    if (text->len > 0 && !kms_is_printable(kms_text_get(text)))
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         "%s has a character that is not printable ASCII",
                         name);
    return ENVELOPE_OK;
}

bool
kms_source_is_true(const struct kms_world *world, const char *name)
{
    const char *value = kms_world_variable(world, name);

    return value != NULL && kms_same_name(value, strlen(value), "true");
}

/* Files */

bool
kms_source_is_line(struct kms_text *text)
{
    while (text->len > 0 && strchr("\r\n", text->data[text->len - 1]) != NULL)
        text->data[--text->len] = '\0';
    return kms_is_printable(kms_text_get(text))
           && strlen(text->data) == text->len;
}

enum envelope_reason
kms_source_token_file(struct kms_text *token, const struct kms_world *world,
                      const char *path, struct envl_err *err)
{
    enum envelope_reason rc =
        world->read(world->arg, token, path, TOKEN_LEN_MAX, err);

    if (rc != ENVELOPE_OK || kms_source_is_line(token))
        return rc;
    return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                     "%.200s: the token is missing, empty or not one line of "
                     "printable ASCII",
                     path);
}

/* Other programs fill in variables and homes of other users. */
static enum envelope_reason
set_path(struct kms_text *path, const struct kms_world *world,
         const struct kms_source_file *file, struct envl_err *err)
{
    const char *said = kms_world_variable(world, file->variable);
    const char *home = kms_world_variable(world, "HOME");

    if (said == NULL)
        said = file->path;
    if (strchr(said, '$') != NULL
        || (said[0] == '~' && strncmp(said, "~/", 2) != 0))
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         "%s: %.200s: variables and homes of other users are "
                         "not filled in here: write the whole path",
                         file->variable, said);
    if (home != NULL && strncmp(said, "~/", 2) == 0)
        kms_text_addf(path, "%s%s", home, said + 1);
    else
        kms_text_set(path, said);
    return path->failed ? envl_fail_memory(err) : ENVELOPE_OK;
}

/* Without a home there is no file in it; as it is written, the path would be
 * one in the working directory, which may be anybody's. */
static bool
is_nowhere(const struct kms_text *path)
{
    return strncmp(kms_text_get(path), "~/", 2) == 0;
}

enum envelope_reason
kms_source_section_read(struct kms_source_section *section,
                        const struct kms_world *world,
                        const struct kms_source_file *file, const char *profile,
                        struct envl_err *err)
{
    struct kms_ini_file ini = {
        .text = &section->content,
        .is_section = file->is_section,
        .reason = ENVELOPE_R_CREDENTIALS,
    };
    enum envelope_reason rc;
    size_t i;

    *section = (struct kms_source_section){ .profile = profile };
    for (i = 0; file->settings[i] != NULL; i++)
        section->settings[i].name = file->settings[i];
    rc = set_path(&section->path, world, file, err);
    ini.path = kms_text_get(&section->path);
    if (rc == ENVELOPE_OK && !is_nowhere(&section->path))
        rc = world->read(world->arg, &section->content, ini.path, file->len_max,
                         err);
    return rc == ENVELOPE_OK ? kms_ini_read(
               &section->section, section->settings, &ini, profile, err)
                             : rc;
}

void
kms_source_section_clear(struct kms_source_section *section)
{
    kms_text_clear(&section->path);
    kms_text_clear(&section->content);
    *section = (struct kms_source_section){ 0 };
}

enum envelope_reason
kms_source_section_fail(const struct kms_source_section *section,
                        size_t setting, const char *what, struct envl_err *err)
{
    return envl_fail(
        err, ENVELOPE_R_CREDENTIALS, "%.150s, line %zu: profile %.64s: %s %s",
        kms_text_get(&section->path), section->settings[setting].line,
        section->profile, section->settings[setting].name, what);
}

void
kms_source_set(struct kms_text *text, const struct kms_ini_setting *setting)
{
    kms_text_set(text, "");
    kms_text_add_bytes(text, setting->value.data, setting->value.len);
}

/* Other programs send what is there, whatever it is; those that know comments
 * after a value would send less. */
static enum envelope_reason
check_keys(const struct kms_source_section *section, struct envl_err *err)
{
    const struct kms_ini_setting *settings = section->settings;
    const struct kms_span other = settings[KMS_SOURCE_OTHER_TOKEN].value,
                          token = settings[KMS_SOURCE_TOKEN].value;
    const bool has_id = settings[KMS_SOURCE_ID].line != 0,
               has_secret = settings[KMS_SOURCE_SECRET].line != 0;
    char what[64];
    size_t i;

    (void)snprintf(what, sizeof(what), "is there without %s",
                   settings[has_id ? KMS_SOURCE_SECRET : KMS_SOURCE_ID].name);
    if (has_id != has_secret)
        return kms_source_section_fail(
            section, has_id ? KMS_SOURCE_ID : KMS_SOURCE_SECRET, what, err);
    for (i = 0; i < KMS_SOURCE_KEYS_COUNT; i++) {
        if (settings[i].line != 0 && !kms_span_is_key(settings[i].value)
            && (i <= KMS_SOURCE_SECRET || settings[i].value.len > 0))
            return kms_source_section_fail(
                section, i,
                "is empty, or has a character that is in no key, such as a "
                "blank or a quote",
                err);
    }
    if (other.len > 0 && token.len > 0
        && (other.len != token.len
            || memcmp(other.data, token.data, other.len) != 0))
        return kms_source_section_fail(section, KMS_SOURCE_OTHER_TOKEN,
                                       "is another token, and programs differ "
                                       "in which one counts",
                                       err);
    return ENVELOPE_OK;
}

/* A token alone, or one of another file, is not theirs. */
enum envelope_reason
kms_source_section_keys(struct kms_credentials *credentials,
                        const struct kms_source_section *section,
                        struct envl_err *err)
{
    const struct kms_ini_setting *settings = section->settings;
    enum envelope_reason rc = check_keys(section, err);

    if (rc != ENVELOPE_OK || settings[KMS_SOURCE_ID].line == 0)
        return rc;
    kms_source_set(&credentials->id, &settings[KMS_SOURCE_ID]);
    kms_source_set(&credentials->secret, &settings[KMS_SOURCE_SECRET]);
    kms_source_set(&credentials->token,
                   &settings[settings[KMS_SOURCE_TOKEN].value.len > 0
                                 ? KMS_SOURCE_TOKEN
                                 : KMS_SOURCE_OTHER_TOKEN]);
    return ENVELOPE_OK;
}
