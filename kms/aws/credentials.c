/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which AWS credentials are looked for; the environment; and the
 * document that helpers and metadata services answer with. */
#include "kms/engine/credentials.h"

#include <string.h>
#include <time.h>

#include "kms/aws/sources.h"
#include "kms/core/json.h"

#define DEFAULT_PROFILE "default"

static const char *
variable(const struct kms_world *world, const char *name)
{
    return world->variable(world->arg, name);
}

/* The profile that somebody has named, or NULL. */
static enum envelope_reason
find_name(const char **name, const struct kms_world *world, const char *profile,
          struct envl_err *err)
{
    const char *usual = variable(world, "AWS_PROFILE");
    const char *other = variable(world, "AWS_DEFAULT_PROFILE");

    *name = profile != NULL ? profile : usual != NULL ? usual : other;
    if (profile == NULL && usual != NULL && other != NULL
        && strcmp(usual, other) != 0)
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         "AWS_PROFILE and AWS_DEFAULT_PROFILE name two "
                         "profiles, and programs differ in which one counts: "
                         "unset one of them");
    return ENVELOPE_OK;
}

/* Documents */

/* Does text begin as form does, with digits where that has zeros? */
static bool
has_form(const char *text, const char *form)
{
    for (; *form != '\0'; text++, form++) {
        if (*form == '0' ? *text < '0' || *text > '9' : *text != *form)
            return false;
    }
    return true;
}

static int
number(const char *digits, size_t len)
{
    int value = 0;

    while (len-- > 0)
        value = value * 10 + (*digits++ - '0');
    return value;
}

/* Seconds that "+01:00" is ahead of UTC; false for what is no zone. */
static bool
take_zone(int *offset, const char *text)
{
    *offset = 0;
    if (strcmp(text, "Z") == 0)
        return true;
    if ((*text != '+' && *text != '-') || !has_form(text + 1, "00:00")
        || text[6] != '\0')
        return false;
    *offset = (number(text + 1, 2) * 60 + number(text + 4, 2)) * 60;
    if (*text == '-')
        *offset = -*offset;
    return true;
}

/* Seconds since the epoch of an ISO 8601 time; 0 for what is none. */
static int64_t
read_time(const char *text)
{
    struct tm tm = { 0 };
    int offset;

    if (!has_form(text, "0000-00-00T00:00:00"))
        return 0;
    tm.tm_year = number(text, 4) - 1900;
    tm.tm_mon = number(text + 5, 2) - 1;
    tm.tm_mday = number(text + 8, 2);
    tm.tm_hour = number(text + 11, 2);
    tm.tm_min = number(text + 14, 2);
    tm.tm_sec = number(text + 17, 2);
    text += 19;
    if (*text == '.')
        text += 1 + strspn(text + 1, "0123456789");
    return take_zone(&offset, text) ? timegm(&tm) - offset : 0;
}

static const char *
text_or_nothing(const struct kms_json *json, const char *name)
{
    const char *text = kms_json_text(json, name);

    return text != NULL ? text : "";
}

static enum envelope_reason
take_members(struct kms_credentials *credentials, const struct kms_json *json,
             const char *token_name, const char *where, struct envl_err *err)
{
    const char *id = text_or_nothing(json, "AccessKeyId");
    const char *secret = text_or_nothing(json, "SecretAccessKey");
    const char *code = kms_json_text(json, "Code");

    if (code != NULL && strcmp(code, "Success") != 0)
        return envl_fail(err, ENVELOPE_R_CREDENTIALS, "%s: %.40s: %.100s",
                         where, code, text_or_nothing(json, "Message"));
    if (*id == '\0' || *secret == '\0')
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         "%s: the answer has no AccessKeyId or no "
                         "SecretAccessKey",
                         where);
    kms_text_set(&credentials->id, id);
    kms_text_set(&credentials->secret, secret);
    kms_text_set(&credentials->token, text_or_nothing(json, token_name));
    credentials->expires = read_time(text_or_nothing(json, "Expiration"));
    return ENVELOPE_OK;
}

enum envelope_reason
kms_aws_take_document(struct kms_credentials *credentials,
                      const struct kms_text *text, const char *token_name,
                      const char *where, struct envl_err *err)
{
    struct kms_json *json = NULL;
    enum envelope_reason rc;

    rc = kms_json_parse(&json, kms_text_get(text), text->len, err);
    if (rc == ENVELOPE_R_KEY_SERVICE)
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                       "%s: the answer is not a JSON object", where);
    if (rc == ENVELOPE_OK)
        rc = take_members(credentials, json, token_name, where, err);
    kms_json_free(json);
    return rc;
}

/* Sources that need no file of their own */

static enum envelope_reason
from_environment(struct kms_credentials *credentials,
                 const struct kms_world *world, struct envl_err *err)
{
    const char *id = variable(world, "AWS_ACCESS_KEY_ID");
    const char *secret = variable(world, "AWS_SECRET_ACCESS_KEY");
    const char *token = variable(world, "AWS_SESSION_TOKEN");

    if (id == NULL && secret == NULL)
        return ENVELOPE_OK;
    if (id == NULL || secret == NULL)
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         "of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, only "
                         "one is set");
    kms_text_set(&credentials->id, id);
    kms_text_set(&credentials->secret, secret);
    kms_text_set(&credentials->token, token != NULL ? token : "");
    return ENVELOPE_OK;
}

static enum envelope_reason
from_profile(struct kms_credentials *credentials, const struct kms_world *world,
             const char *name, struct envl_err *err)
{
    struct kms_aws_profile profile;
    enum envelope_reason rc = kms_aws_profile_read(&profile, world, name, err);

    if (rc == ENVELOPE_OK)
        rc = kms_aws_from_profile(credentials, world, &profile, err);
    kms_aws_profile_clear(&profile);
    return rc;
}

static enum envelope_reason
from_default_profile(struct kms_credentials *credentials,
                     const struct kms_world *world, struct envl_err *err)
{
    return from_profile(credentials, world, DEFAULT_PROFILE, err);
}

/* A role that we cannot take must not be passed over for the machine's. */
static enum envelope_reason
refuse_web_identity(struct kms_credentials *credentials,
                    const struct kms_world *world, struct envl_err *err)
{
    (void)credentials;
    if (variable(world, "AWS_WEB_IDENTITY_TOKEN_FILE") == NULL)
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                     "AWS_WEB_IDENTITY_TOKEN_FILE is set, and cannot be used "
                     "here: name a profile with credential_process = aws "
                     "configure export-credentials --format process");
}

/* The order */

static enum envelope_reason
find_credentials(struct kms_credentials *credentials,
                 const struct kms_world *world, struct envl_err *err)
{
    static enum envelope_reason (*const sources[])(struct kms_credentials *,
                                                   const struct kms_world *,
                                                   struct envl_err *) = {
        from_environment,    from_default_profile,  kms_aws_from_container,
        refuse_web_identity, kms_aws_from_instance,
    };
    enum envelope_reason rc = ENVELOPE_OK;
    size_t i;

    for (i = 0; i < sizeof(sources) / sizeof(sources[0]) && rc == ENVELOPE_OK
                && credentials->id.len == 0;
         i++)
        rc = sources[i](credentials, world, err);
    return rc;
}

/* "PATH (no section [x])", or "PATH, line 3" */
static void
add_place(struct kms_text *places, const struct kms_aws_profile *profile,
          enum kms_aws_file file)
{
    const bool is_bare = file == KMS_AWS_CREDENTIALS_FILE
                         || strcmp(profile->name, DEFAULT_PROFILE) == 0;
    const struct kms_aws_profile_file *it = &profile->files[file];

    kms_text_addf(places, "in %.60s ", kms_text_get(&it->path));
    if (it->section.line != 0)
        kms_text_addf(places, "(line %zu)", it->section.line);
    else
        kms_text_addf(places, "(no section [%s%.30s])",
                      is_bare ? "" : "profile ", profile->name);
}

static enum envelope_reason
fail_nothing(const struct kms_world *world, const char *profile,
             struct envl_err *err)
{
    struct kms_aws_profile files;
    struct kms_text places = { 0 };
    enum envelope_reason rc = kms_aws_profile_read(
        &files, world, profile != NULL ? profile : DEFAULT_PROFILE, err);

    if (rc == ENVELOPE_OK) {
        add_place(&places, &files, KMS_AWS_CREDENTIALS_FILE);
        kms_text_add(&places, " and ");
        add_place(&places, &files, KMS_AWS_CONFIG_FILE);
    }
    if (places.failed)
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK && profile != NULL)
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                       "profile %.64s has no AWS credentials: looked for "
                       "aws_access_key_id and credential_process %s",
                       profile, kms_text_get(&places));
    else if (rc == ENVELOPE_OK)
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                       "no AWS credentials: looked for AWS_ACCESS_KEY_ID, for "
                       "aws_access_key_id and credential_process %s, for "
                       "AWS_CONTAINER_CREDENTIALS_*, and for the "
                       "instance's metadata service, which %s",
                       kms_text_get(&places),
                       kms_aws_instance_is_off(world) ? "is switched off"
                                                      : "does not answer");
    kms_text_clear(&places);
    kms_aws_profile_clear(&files);
    return rc;
}

enum envelope_reason
kms_aws_credentials(struct kms_credentials *credentials,
                    const struct kms_seeker *seeker, struct envl_err *err)
{
    const struct kms_world *world = seeker->world;
    const char *profile;
    enum envelope_reason rc = find_name(&profile, world, seeker->profile, err);

    *credentials = (struct kms_credentials){ 0 };
    if (rc == ENVELOPE_OK)
        rc = profile != NULL ? from_profile(credentials, world, profile, err)
                             : find_credentials(credentials, world, err);
    if (rc == ENVELOPE_OK
        && (credentials->id.failed || credentials->secret.failed
            || credentials->token.failed))
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK && credentials->id.len == 0)
        rc = fail_nothing(world, profile, err);
    if (rc != ENVELOPE_OK)
        kms_credentials_clear(credentials);
    return rc;
}

enum envelope_reason
kms_aws_region(struct kms_text *region, const struct kms_world *world,
               const char *profile, struct envl_err *err)
{
    const char *said = variable(world, "AWS_REGION"), *name = NULL;
    struct kms_aws_profile files = { 0 };
    enum envelope_reason rc = ENVELOPE_OK;

    if (said == NULL)
        said = variable(world, "AWS_DEFAULT_REGION");
    kms_text_set(region, said != NULL ? said : "");
    if (said == NULL)
        rc = find_name(&name, world, profile, err);
    if (said == NULL && rc == ENVELOPE_OK)
        rc = kms_aws_profile_read(&files, world,
                                  name != NULL ? name : DEFAULT_PROFILE, err);
    if (said == NULL && rc == ENVELOPE_OK)
        kms_aws_profile_region(region, &files);
    kms_aws_profile_clear(&files);
    if (rc == ENVELOPE_OK && region->failed)
        rc = envl_fail_memory(err);
    return rc;
}
