/* SPDX-License-Identifier: Apache-2.0 */
/* Where Huawei Cloud's users keep their credentials, and in which project they are. */
#include "kms/cloud/huawei.h"

#include <string.h>

#include "kms/core/json.h"
#include "kms/engine/kept.h"
#include "kms/engine/source.h"

#define SDK "HUAWEICLOUD_SDK_"
#define FILE_VARIABLE SDK "CREDENTIALS_FILE"
#define PROJECT_VARIABLE SDK "PROJECT_ID"
#define FILE_LEN_MAX 65536
#define SECTION "basic"
#define STATUS_UNAUTHORIZED 401

/* Variables */

static enum envelope_reason
from_variables(struct kms_credentials *credentials,
               const struct kms_seeker *seeker, struct envl_err *err)
{
    static const struct kms_source_names names = {
        .id = SDK "AK",
        .secret = SDK "SK",
        .token = SDK "SECURITY_TOKEN",
        .project = PROJECT_VARIABLE,
    };
    enum envelope_reason rc =
        kms_source_variables(credentials, seeker, &names, err);

    if (rc == ENVELOPE_OK && credentials->id.len == 0
        && kms_world_variable(seeker->world, SDK "IDP_ID") != NULL)
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         SDK "IDP_ID: tokens of identity providers are not "
                             "exchanged here: set " SDK "AK and " SDK "SK");
    return rc;
}

/* As go-kms-wrapping calls them. */
static enum envelope_reason
from_other_variables(struct kms_credentials *credentials,
                     const struct kms_seeker *seeker, struct envl_err *err)
{
    static const struct kms_source_names names = {
        .id = "HUAWEICLOUD_ACCESS_KEY",
        .secret = "HUAWEICLOUD_SECRET_KEY",
        .project = "HUAWEICLOUD_PROJECT",
    };

    return kms_source_variables(credentials, seeker, &names, err);
}

/* The file */

enum { PROJECT = KMS_SOURCE_KEYS_COUNT, IDP };
static const char *const settings[] = {
    [KMS_SOURCE_ID] = "ak",
    [KMS_SOURCE_SECRET] = "sk",
    [KMS_SOURCE_TOKEN] = "security_token",
    [KMS_SOURCE_OTHER_TOKEN] = "",
    [PROJECT] = "project_id",
    [IDP] = "idp_id",
    NULL,
};

static enum envelope_reason
take_section(struct kms_credentials *credentials,
             const struct kms_source_section *section, struct envl_err *err)
{
    const struct kms_ini_setting *found = section->settings;

    if (found[IDP].line != 0 && found[KMS_SOURCE_ID].line == 0)
        return kms_source_section_fail(
            section, IDP,
            "cannot be used here: tokens of identity providers are not "
            "exchanged: write ak and sk",
            err);
    if (found[KMS_SOURCE_ID].line != 0)
        kms_source_set(&credentials->project, &found[PROJECT]);
    return kms_source_section_keys(credentials, section, err);
}

/* A file or a section that is named has to be there. */
static enum envelope_reason
from_file(struct kms_credentials *credentials, const struct kms_seeker *seeker,
          struct envl_err *err)
{
    static const struct kms_source_file file = { FILE_VARIABLE,
                                                 "~/.huaweicloud/credentials",
                                                 FILE_LEN_MAX, kms_ini_is_named,
                                                 settings };
    const char *named = kms_world_variable(seeker->world, FILE_VARIABLE);
    const char *profile = seeker->profile != NULL ? seeker->profile : SECTION;
    struct kms_source_section section;
    enum envelope_reason rc =
        kms_source_section_read(&section, seeker->world, &file, profile, err);

    if (rc == ENVELOPE_OK)
        rc = take_section(credentials, &section, err);
    if (rc == ENVELOPE_OK && credentials->id.len == 0 && !credentials->id.failed
        && (named != NULL || seeker->profile != NULL))
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                       "%.160s: there is no such file, or no section [%.80s] "
                       "with ak and sk in it",
                       named != NULL ? named : file.path, profile);
    kms_source_section_clear(&section);
    return rc;
}

/* The pod and the machine */

static enum envelope_reason
from_pod(struct kms_credentials *credentials, const struct kms_seeker *seeker,
         struct envl_err *err)
{
    static const char url_name[] = "HC_CONTAINER_CREDENTIALS_FULL_URI",
                      file_name[] = "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE";
    static const struct kms_source_document document = {
        .names = { .id = "credentials.accessKeyId",
                   .secret = "credentials.secretAccessKey",
                   .token = "credentials.securityToken" },
        .expires = "credentials.expiration",
        .is_whole = true,
    };
    const char *path = kms_world_variable(seeker->world, file_name);
    struct kms_text body = { 0 }, url = { 0 }, token = { 0 };
    struct kms_source_request request = {
        .name = url_name,
        .method = "POST",
        .headers = { { "Authorization", NULL } },
        .body = &body,
        .type = "application/json",
    };
    enum envelope_reason rc =
        kms_source_variable(&url, seeker->world, url_name, err);

    if (rc == ENVELOPE_OK && (url.len > 0) != (path != NULL))
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                       "%s is set, and %s is not: they belong together",
                       path != NULL ? file_name : url_name,
                       path != NULL ? url_name : file_name);
    if (rc == ENVELOPE_OK && path != NULL
        && !kms_kept_find(credentials, seeker, url.data)) {
        rc = kms_source_token_file(&token, seeker->world, path, err);
        kms_text_set(&body, "{}");
        request.url = url.data;
        request.headers[0].value = token.data;
        if (rc == ENVELOPE_OK)
            rc = kms_source_ask(credentials, seeker, &request, &document, err);
        if (rc == ENVELOPE_OK)
            kms_kept_put(seeker, url.data, credentials);
    }
    kms_text_clear(&body);
    kms_text_clear(&token);
    kms_text_clear(&url);
    return rc;
}

/* Who runs on another machine reads that there are no credentials, whoever it is that
 * says no at this address, or does not answer. */
static enum envelope_reason
from_machine(struct kms_credentials *credentials,
             const struct kms_seeker *seeker, struct envl_err *err)
{
    static const struct kms_source_document document = {
        .names = { .id = "credential.access",
                   .secret = "credential.secret",
                   .token = "credential.securitytoken" },
        .expires = "credential.expires_at",
        .is_whole = true,
    };
    static const struct kms_source_metadata metadata = {
        .name = "the metadata service",
        .url = "http://169.254.169.254",
        .session_path = "/meta-data/latest/api/token",
        .lifetime_header = "X-Metadata-Token-Ttl-Seconds",
        .session_header = "X-Metadata-Token",
        .may_lack_session = true,
        .roles_path = "/openstack/latest/",
        .only_role = "securitykey", /* of the machine's agency */
        .document = &document,
    };
    struct envl_err why = { 0 };
    enum envelope_reason rc =
        kms_source_metadata_ask(credentials, seeker, &metadata, "", &why);

    if (rc == ENVELOPE_R_MEMORY)
        return envl_fail_memory(err);
    if (rc == ENVELOPE_OK && kms_source_failed(credentials))
        return envl_fail_memory(err);
    if (rc == ENVELOPE_OK && credentials->id.len > 0)
        return ENVELOPE_OK;
    if (rc == ENVELOPE_R_KEY_SERVICE) { /* it may be better later */
        *err = why;
        return rc;
    }
    return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                     "no credentials for Huawei Cloud: neither " SDK
                     "AK and " SDK "SK, nor a section [" SECTION
                     "] in ~/.huaweicloud/credentials, nor a pod's identity, "
                     "nor a machine's agency: %.150s",
                     why.detail);
}

/* Projects */

static enum envelope_reason
take_project(struct kms_text *project, const struct kms_text *reply,
             const char *region, struct envl_err *err)
{
    struct kms_json *json = NULL;
    struct envl_err none;
    enum envelope_reason rc =
        kms_json_parse(&json, kms_text_get(reply), reply->len, &none);
    const char *id = json != NULL ? kms_json_text(json, "projects.0.id") : NULL;

    if (rc == ENVELOPE_R_MEMORY)
        return envl_fail_memory(err);
    if (id != NULL && !kms_json_has(json, "projects.1"))
        kms_text_set(project, id);
    kms_json_free(json);
    if (project->failed)
        return envl_fail_memory(err);
    return project->len > 0
               ? ENVELOPE_OK
               : envl_fail(err, ENVELOPE_R_CREDENTIALS,
                           "IAM does not name one project for %s: write "
                           "project= into the URI",
                           region);
}

/* A project has the region's name. */
static enum envelope_reason
ask_iam(struct kms_credentials *credentials, const struct kms_seeker *seeker,
        struct envl_err *err)
{
    const char *region = ((const struct kms_huawei *)seeker->own)->region;
    const struct kms_sign sign = {
        .form = KMS_SIGN_SDK,
        .ctx = seeker->ctx,
        .credentials = credentials,
    };
    struct kms_source_request request = {
        .name = "IAM",
        .method = "GET",
        .sign = &sign,
        .advice = "check the credentials, or write project= into the URI",
        .is_far = true,
    };
    struct kms_text url = { 0 }, path = { 0 };
    struct kms_reply reply = { 0 };
    enum envelope_reason rc =
        kms_source_variable(&url, seeker->world, SDK "IAM_ENDPOINT", err);

    if (rc == ENVELOPE_OK && url.len == 0)
        kms_huawei_url(&url, "iam", region);
    kms_text_addf(&path, "/v3/projects?name=%s", region);
    request.url = kms_text_get(&url);
    request.path = kms_text_get(&path);
    if (rc == ENVELOPE_OK && (url.failed || path.failed))
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK
        && kms_kept_is_denied(seeker->world, request.url, credentials))
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                       "IAM: it refused these credentials a moment ago, and is "
                       "not asked again so soon");
    else if (rc == ENVELOPE_OK)
        rc = kms_source_send(&reply, seeker, &request, err);
    if (rc != ENVELOPE_OK && reply.status == STATUS_UNAUTHORIZED)
        kms_kept_deny(seeker->world, request.url, credentials);
    if (rc == ENVELOPE_OK)
        rc = take_project(&credentials->project, &reply.body, region, err);
    kms_reply_clear(&reply);
    kms_text_clear(&path);
    kms_text_clear(&url);
    return rc;
}

/* Kept by region and access key: the URI and the variables cost nothing. */
static enum envelope_reason
find_iam_project(struct kms_credentials *credentials,
                 const struct kms_seeker *seeker, struct envl_err *err)
{
    const struct kms_huawei *own = seeker->own;
    /* It is the same for credentials that were got anew. */
    const struct kms_seeker any = { .world = seeker->world };
    struct kms_credentials kept = { 0 };
    struct kms_text source = { 0 };
    enum envelope_reason rc = ENVELOPE_OK;

    kms_text_addf(&source, "project %s %s", own->region,
                  kms_text_get(&credentials->id));
    if (source.failed) {
        rc = envl_fail_memory(err);
    } else if (kms_kept_find(&kept, &any, source.data)) {
        kms_text_set(&credentials->project, kms_text_get(&kept.project));
    } else {
        rc = ask_iam(credentials, seeker, err);
        kms_text_set(&kept.project, kms_text_get(&credentials->project));
        if (rc == ENVELOPE_OK && !kept.project.failed)
            kms_kept_put(seeker, source.data, &kept);
    }
    if (rc == ENVELOPE_OK && kms_source_failed(&kept))
        rc = envl_fail_memory(err);
    kms_credentials_clear(&kept);
    kms_text_clear(&source);
    return rc;
}

static enum envelope_reason
find_project(struct kms_credentials *credentials,
             const struct kms_seeker *seeker, struct envl_err *err)
{
    const struct kms_huawei *own = seeker->own;
    enum envelope_reason rc = ENVELOPE_OK;

    if (own->project != NULL)
        kms_text_set(&credentials->project, own->project);
    else if (credentials->project.len == 0)
        rc = kms_source_variable(&credentials->project, seeker->world,
                                 PROJECT_VARIABLE, err);
    if (rc == ENVELOPE_OK && credentials->project.len == 0)
        rc = find_iam_project(credentials, seeker, err);
    if (rc == ENVELOPE_OK && kms_source_failed(credentials))
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK
        && !kms_huawei_is_project(kms_text_get(&credentials->project)))
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                       "the project of the credentials, %.80s, is not the id "
                       "of one: it has letters and digits",
                       kms_text_get(&credentials->project));
    return rc;
}

enum envelope_reason
kms_huawei_credentials(struct kms_credentials *credentials,
                       const struct kms_seeker *seeker, struct envl_err *err)
{
    /* Who names a profile means it, whatever the environment has. */
    static kms_source *const of_profile[] = { from_file, NULL };
    static kms_source *const of_all[] = { from_variables, from_other_variables,
                                          from_file,      from_pod,
                                          from_machine,   NULL };
    enum envelope_reason rc =
        kms_source_first(credentials, seeker,
                         seeker->profile != NULL ? of_profile : of_all, err);

    if (rc == ENVELOPE_OK)
        rc = find_project(credentials, seeker, err);
    if (rc != ENVELOPE_OK)
        kms_credentials_clear(credentials);
    return rc;
}
