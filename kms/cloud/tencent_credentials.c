/* SPDX-License-Identifier: Apache-2.0 */
/* Where Tencent Cloud's users keep their credentials: variables, files, and
 * the role of the machine (CVM) that all this runs on. */
#include <string.h>

#include "kms/core/ini.h"
#include "kms/core/json.h"
#include "kms/engine/credentials.h"
#include "kms/http/exchange.h"

#define FILE_LEN_MAX 65536
#define ROLE_LEN_MAX 128

#define METADATA "http://metadata.tencentyun.com"
#define ROLES_PATH "/latest/meta-data/cam/security-credentials/"

#define FILE_VARIABLE "TENCENTCLOUD_CREDENTIALS_FILE"
#define ROLE_VARIABLE "TENCENTCLOUD_CVM_ROLE"

/* Did memory run out in any part? */
static bool
is_broken(const struct kms_credentials *credentials)
{
    return credentials->id.failed || credentials->secret.failed
           || credentials->token.failed;
}

/* No other source is asked then, also where memory ran out at this one. */
static bool
is_found(const struct kms_credentials *credentials)
{
    return credentials->id.len > 0 || is_broken(credentials);
}

static void
set(struct kms_credentials *credentials, const char *id, const char *secret,
    const char *token)
{
    kms_text_set(&credentials->id, id);
    kms_text_set(&credentials->secret, secret);
    if (token != NULL)
        kms_text_set(&credentials->token, token);
}

/* Variables */

static enum envelope_reason
read_variables(struct kms_credentials *credentials,
               const struct kms_world *world, struct envl_err *err)
{
    const char *id = world->variable(world->arg, "TENCENTCLOUD_SECRET_ID");
    const char *secret = world->variable(world->arg, "TENCENTCLOUD_SECRET_KEY");
    const char *token =
        world->variable(world->arg, "TENCENTCLOUD_SESSION_TOKEN");

    if (token == NULL)
        token = world->variable(world->arg, "TENCENTCLOUD_TOKEN");
    if (id == NULL && secret == NULL)
        return ENVELOPE_OK;
    if (id == NULL || secret == NULL)
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         "TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY "
                         "belong together, and one of them is not set");
    set(credentials, id, secret, token);
    return ENVELOPE_OK;
}

/* Files */

/* The settings of a profile; the rest is not ours. */
enum { ID, SECRET, TOKEN, ROLE, SETTING_COUNT };

static void
copy(struct kms_text *text, const struct kms_ini_setting *setting)
{
    kms_text_set(text, "");
    kms_text_add_bytes(text, setting->value.data, setting->value.len);
}

static enum envelope_reason
fail_profile(const struct kms_ini_file *file, const char *profile, size_t line,
             const char *what, struct envl_err *err)
{
    return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                     "%.160s, line %zu: [%.80s]: %s", file->path, line, profile,
                     what);
}

static enum envelope_reason
take_profile(struct kms_credentials *credentials,
             const struct kms_ini_file *file, const char *profile,
             struct envl_err *err)
{
    struct kms_ini_setting settings[SETTING_COUNT + 1] = {
        [ID] = { .name = "secret_id" },
        [SECRET] = { .name = "secret_key" },
        [TOKEN] = { .name = "token" },
        [ROLE] = { .name = "role_arn" },
    };
    struct kms_ini_section section;
    enum envelope_reason rc =
        kms_ini_read(&section, settings, file, profile, err);
    size_t i;

    if (rc != ENVELOPE_OK || section.line == 0)
        return rc;
    if (settings[ROLE].line != 0)
        return fail_profile(file, profile, settings[ROLE].line,
                            "role_arn cannot be followed here: name a profile "
                            "that has the keys of the role",
                            err);
    if (settings[ID].value.len == 0 || settings[SECRET].value.len == 0)
        return fail_profile(file, profile, section.line,
                            "there is no secret_id or no secret_key", err);
    for (i = ID; i <= TOKEN; i++) {
        if (settings[i].value.len > 0 && !kms_span_is_key(settings[i].value))
            return fail_profile(file, profile, settings[i].line,
                                "the value has a character that is in no key, "
                                "such as a blank or a quote",
                                err);
    }
    copy(&credentials->id, &settings[ID]);
    copy(&credentials->secret, &settings[SECRET]);
    copy(&credentials->token, &settings[TOKEN]);
    return is_broken(credentials) ? envl_fail_memory(err) : ENVELOPE_OK;
}

static enum envelope_reason
read_file(struct kms_credentials *credentials, const struct kms_world *world,
          const char *path, const char *profile, struct envl_err *err)
{
    struct kms_text text = { 0 };
    const struct kms_ini_file file = {
        .text = &text,
        .path = path,
        .is_section = kms_ini_is_named,
        .reason = ENVELOPE_R_CREDENTIALS,
    };
    enum envelope_reason rc =
        world->read(world->arg, &text, path, FILE_LEN_MAX, err);

    if (rc == ENVELOPE_OK)
        rc = take_profile(credentials, &file, profile, err);
    kms_text_clear(&text);
    return rc;
}

/* A file that is named is the only one, and has to be there: Tencent Cloud's own
 * programs see it alike. */
static enum envelope_reason
read_named_file(struct kms_credentials *credentials,
                const struct kms_world *world, const char *path,
                const char *profile, struct envl_err *err)
{
    enum envelope_reason rc = read_file(credentials, world, path, profile, err);

    if (rc == ENVELOPE_OK && !is_found(credentials))
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                       FILE_VARIABLE ": %.160s: there is no such file, or no "
                                     "section [%.80s] with secret_id and "
                                     "secret_key in it",
                       path, profile);
    return rc;
}

static enum envelope_reason
read_files(struct kms_credentials *credentials, const struct kms_world *world,
           const char *profile, struct envl_err *err)
{
    const char *named = world->variable(world->arg, FILE_VARIABLE);
    const char *home = world->variable(world->arg, "HOME");
    struct kms_text path = { 0 };
    enum envelope_reason rc = ENVELOPE_OK;

    if (named != NULL)
        return read_named_file(credentials, world, named, profile, err);
    if (home != NULL) {
        kms_text_addf(&path, "%s/.tencentcloud/credentials", home);
        rc = path.failed ? envl_fail_memory(err)
                         : read_file(credentials, world, kms_text_get(&path),
                                     profile, err);
    }
    if (rc == ENVELOPE_OK && !is_found(credentials))
        rc = read_file(credentials, world, "/etc/tencentcloud/credentials",
                       profile, err);
    kms_text_clear(&path);
    return rc;
}

/* The machine's role */

/* What the metadata service has under this name; reply is the caller's. */
static enum envelope_reason
ask(struct kms_reply *reply, const struct kms_world *world, const char *name,
    struct envl_err *err)
{
    struct kms_endpoint endpoint = { 0 };
    struct kms_request request = { 0 };
    struct kms_text path = { 0 };
    enum envelope_reason rc;

    kms_text_addf(&path, ROLES_PATH "%s", name);
    rc = kms_endpoint_parse(&endpoint, METADATA, true, err);
    if (rc == ENVELOPE_OK && path.failed)
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK) {
        kms_request_init(&request, "GET", &endpoint, kms_text_get(&path));
        rc = kms_get(world, reply, &request, err);
    }
    kms_request_clear(&request);
    kms_endpoint_clear(&endpoint);
    kms_text_clear(&path);
    return rc;
}

/* A name that can stand in a path as it is. */
static bool
is_role(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len <= ROLE_LEN_MAX && strcmp(name, ".") != 0
           && strcmp(name, "..") != 0
           && strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                           "abcdefghijklmnopqrstuvwxyz"
                           "0123456789+=,.@_-")
                  == len;
}

/* The first role that the machine has.  None, and no such service, are the
 * same to who runs on another machine: there are no credentials. */
static enum envelope_reason
find_role(struct kms_text *role, const struct kms_world *world,
          struct envl_err *err)
{
    struct kms_reply reply = { 0 };
    enum envelope_reason rc = ask(&reply, world, "", err);
    const char *body = kms_text_get(&reply.body);

    if (rc == ENVELOPE_OK && reply.status == 200)
        kms_text_add_bytes(role, body, strcspn(body, "\r\n"));
    if (role->failed)
        rc = envl_fail_memory(err);
    else if (rc != ENVELOPE_R_MEMORY && !is_role(kms_text_get(role)))
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                       "no credentials for Tencent Cloud: neither "
                       "TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY, "
                       "nor a section [default] in "
                       "~/.tencentcloud/credentials or "
                       "/etc/tencentcloud/credentials, nor a CVM's role");
    kms_reply_clear(&reply);
    return rc;
}

static enum envelope_reason
take_role(struct kms_credentials *credentials, const struct kms_reply *reply,
          const char *role, struct envl_err *err)
{
    struct kms_json *json = NULL;
    const char *id, *secret, *token, *code;
    enum envelope_reason rc;

    if (reply->status != 200)
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                         METADATA ": status %d for the role %s", reply->status,
                         role);
    rc =
        kms_json_parse(&json, kms_text_get(&reply->body), reply->body.len, err);
    if (rc != ENVELOPE_OK)
        return rc;
    code = kms_json_text(json, "Code");
    id = kms_json_text(json, "TmpSecretId");
    secret = kms_json_text(json, "TmpSecretKey");
    token = kms_json_text(json, "Token");
    if (code == NULL || strcmp(code, "Success") != 0)
        rc = envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                       METADATA ": no success for the role %s: %.80s", role,
                       code != NULL ? code : "no Code");
    else if (id == NULL || secret == NULL || token == NULL)
        rc = envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                       METADATA ": the role %s comes without TmpSecretId, "
                                "TmpSecretKey or Token",
                       role);
    else
        set(credentials, id, secret, token);
    kms_json_free(json);
    return rc;
}

static enum envelope_reason
read_role(struct kms_credentials *credentials, const struct kms_world *world,
          struct envl_err *err)
{
    const char *named = world->variable(world->arg, ROLE_VARIABLE);
    struct kms_text role = { 0 };
    struct kms_reply reply = { 0 };
    enum envelope_reason rc = ENVELOPE_OK;

    if (named == NULL)
        rc = find_role(&role, world, err);
    else if (!is_role(named))
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                       ROLE_VARIABLE " is not the name of a role");
    else
        kms_text_set(&role, named);
    if (rc == ENVELOPE_OK && role.failed)
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK)
        rc = ask(&reply, world, kms_text_get(&role), err);
    if (rc == ENVELOPE_OK)
        rc = take_role(credentials, &reply, kms_text_get(&role), err);
    kms_reply_clear(&reply);
    kms_text_clear(&role);
    return rc;
}

/* All of them */

enum envelope_reason
kms_tencent_credentials(struct kms_credentials *credentials,
                        const struct kms_seeker *seeker, struct envl_err *err)
{
    const struct kms_world *world = seeker->world;
    const char *profile = seeker->profile;
    enum envelope_reason rc = ENVELOPE_OK;

    kms_credentials_clear(credentials);
    /* Who names a profile means it, whatever the environment has. */
    if (profile == NULL)
        rc = read_variables(credentials, world, err);
    if (rc == ENVELOPE_OK && !is_found(credentials))
        rc = read_files(credentials, world,
                        profile != NULL ? profile : "default", err);
    if (rc == ENVELOPE_OK && !is_found(credentials)) {
        if (profile != NULL)
            rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                           "no section [%.80s] with secret_id and "
                           "secret_key, neither in "
                           "~/.tencentcloud/credentials nor in "
                           "/etc/tencentcloud/credentials",
                           profile);
        else
            rc = read_role(credentials, world, err);
    }
    if (rc == ENVELOPE_OK && is_broken(credentials))
        rc = envl_fail_memory(err);
    if (rc != ENVELOPE_OK)
        kms_credentials_clear(credentials);
    return rc;
}
