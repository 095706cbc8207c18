/* SPDX-License-Identifier: Apache-2.0 */
/* Which source of Google's credentials counts: files, and the machine.  What each
 * one does is in files of their own. */
#include "kms/cloud/google_credentials.h"

#include <stdarg.h>
#include <string.h>

#include <openssl/evp.h>

#include "kms/cloud/google_sources.h"
#include "kms/core/span.h"
#include "kms/engine/kept.h"

#define HASH_LEN 32 /* SHA-256 */
#define UNIVERSE "googleapis.com"

#define FILE_VARIABLE "GOOGLE_APPLICATION_CREDENTIALS"
#define UNIVERSE_VARIABLE "GOOGLE_CLOUD_UNIVERSE_DOMAIN"
#define QUOTA_VARIABLE "GOOGLE_CLOUD_QUOTA_PROJECT"

/* The types of files, and what to do about those that have no source; the last one
 * is for all others. */
static const struct kind {
    const char *type;
    kms_google_source *source;
    bool asks;    /* others, which costs something: the token is kept */
    bool guarded; /* the file says who is asked: nobody else may write to it */
    const char *advice;
} kinds[] = {
    { "service_account", kms_google_from_key, false, false, NULL },
    { "authorized_user", kms_google_from_user, true, false, NULL },
    { "external_account", kms_google_from_federation, true, true, NULL },
    { "impersonated_service_account", NULL, false, false,
      "give the user or service account that takes another one's place the role at "
      "the key itself, or use external_account with "
      "service_account_impersonation_url" },
    { "external_account_authorized_user", NULL, false, false,
      "have gcloud iam workforce-pools create-cred-config write a file of type "
      "external_account" },
    { "gdch_service_account", NULL, false, false,
      "Google Distributed Cloud is not reached from here" },
    { NULL, NULL, false, false,
      "it has to be service_account, authorized_user or external_account" },
}, machine = { NULL, kms_google_from_machine, true, false, NULL };

/* What a file has */

enum envelope_reason
kms_google_fail(struct envl_err *err, const struct kms_google_file *file,
                const char *fmt, ...)
{
    struct envl_err what;
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(what.detail, sizeof(what.detail), fmt, args);
    va_end(args);
    return envl_fail(err, ENVELOPE_R_CREDENTIALS, "%.160s: %s",
                     kms_text_get(&file->path), what.detail);
}

const char *
kms_google_get(struct kms_google_file *file, const char *path)
{
    const char *value;

    if (file->json == NULL || !kms_json_has(file->json, path))
        return NULL;
    value = kms_json_text(file->json, path);
    if ((value == NULL || *value == '\0') && file->wrong == NULL)
        file->wrong = path;
    return value;
}

const char *
kms_google_need(struct kms_google_file *file, const char *path)
{
    const char *value = kms_google_get(file, path);

    if (value == NULL && file->wrong == NULL)
        file->wrong = path;
    return value != NULL ? value : "";
}

enum envelope_reason
kms_google_check(const struct kms_google_file *file, struct envl_err *err)
{
    if (file->wrong == NULL)
        return ENVELOPE_OK;
    return kms_json_has(file->json, file->wrong)
               ? kms_google_fail(err, file, "%s is no text, or an empty one",
                                 file->wrong)
               : kms_google_fail(err, file, "there is no %s in it",
                                 file->wrong);
}

static enum envelope_reason
guard_file(const struct kms_google_file *file, struct envl_err *err)
{
    const struct kms_world *world = file->seeker->world;
    enum envelope_reason rc =
        world->guard(world->arg, kms_text_get(&file->path), err);

    if (rc == ENVELOPE_R_UNREADABLE_KEY)
        rc = err->reason = ENVELOPE_R_CREDENTIALS;
    return rc;
}

/* Its labels are looked at where the host is made of it. */
static bool
is_domain(const char *name)
{
    const size_t len = strlen(name);

    return strspn(name, KMS_LOWER KMS_DIGITS "-.") == len
           && strchr(name, '.') != NULL && name[0] != '.'
           && strspn(name + len - 1, KMS_LOWER) == 1;
}

static enum envelope_reason
find_universe(struct kms_google_file *file, struct envl_err *err)
{
    const char *said =
        kms_world_variable(file->seeker->world, UNIVERSE_VARIABLE);
    const char *own = kms_google_get(file, "universe_domain");
    enum envelope_reason rc = kms_google_check(file, err);

    if (rc == ENVELOPE_OK && own != NULL && said != NULL
        && strcmp(own, said) != 0)
        rc = kms_google_fail(err, file,
                             "it is for the cloud %.80s, and " UNIVERSE_VARIABLE
                             " is %.80s",
                             own, said);
    /* It decides where tokens are sent to. */
    if (rc == ENVELOPE_OK && own != NULL && strcmp(own, UNIVERSE) != 0)
        rc = guard_file(file, err);
    file->universe = own != NULL ? own : said != NULL ? said : UNIVERSE;
    if (rc == ENVELOPE_OK && !is_domain(file->universe))
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                       "%.160s: %.100s is not the name of a domain in lower "
                       "case, such as " UNIVERSE,
                       own != NULL ? kms_text_get(&file->path)
                                   : UNIVERSE_VARIABLE,
                       file->universe);
    return rc;
}

/* Where there is no file, nothing is in it but the universe. */
static enum envelope_reason
open_file(struct kms_google_file *file, const struct kms_seeker *seeker,
          struct envl_err *err)
{
    static const char name[] = "application_default_credentials.json";
    const struct kms_world *world = seeker->world;
    const char *named, *config, *home;
    enum envelope_reason rc = ENVELOPE_OK;

    *file = (struct kms_google_file){ .seeker = seeker };
    named = seeker->profile != NULL
                ? seeker->profile
                : kms_world_variable(file->seeker->world, FILE_VARIABLE);
    config = kms_world_variable(file->seeker->world, "CLOUDSDK_CONFIG");
    home = kms_world_variable(file->seeker->world, "HOME");
    if (named != NULL)
        kms_text_set(&file->path, named);
    else if (config != NULL)
        kms_text_addf(&file->path, "%s/%s", config, name);
    else if (home != NULL)
        kms_text_addf(&file->path, "%s/.config/gcloud/%s", home, name);
    if (file->path.failed)
        return envl_fail_memory(err);
    if (file->path.len > 0)
        rc = world->read(world->arg, &file->content, kms_text_get(&file->path),
                         KMS_GOOGLE_FILE_LEN_MAX, err);
    if (rc == ENVELOPE_OK && file->content.data != NULL)
        rc = kms_json_parse(&file->json, file->content.data, file->content.len,
                            err);
    else if (rc == ENVELOPE_OK && named != NULL)
        rc = kms_google_fail(err, file, "there is no such file");
    if (rc == ENVELOPE_R_KEY_SERVICE)
        rc = kms_google_fail(err, file,
                             "it is not a credential file of Google Cloud, "
                             "which is one JSON object");
    return rc == ENVELOPE_OK ? find_universe(file, err) : rc;
}

static void
close_file(struct kms_google_file *file)
{
    kms_text_clear(&file->path);
    kms_text_clear(&file->content);
    kms_json_free(file->json);
}

static enum envelope_reason
find_kind(const struct kind **kind, struct kms_google_file *file,
          struct envl_err *err)
{
    const char *type;
    enum envelope_reason rc;

    *kind = &machine;
    if (file->json == NULL)
        return ENVELOPE_OK;
    type = kms_google_need(file, "type");
    rc = kms_google_check(file, err);
    if (rc != ENVELOPE_OK)
        return rc;
    *kind = kinds;
    while ((*kind)->type != NULL && strcmp(type, (*kind)->type) != 0)
        ++*kind;
    if ((*kind)->source == NULL)
        return kms_google_fail(err, file,
                               "credentials of type %.60s cannot be used here: "
                               "%s",
                               type, (*kind)->advice);
    return (*kind)->guarded ? guard_file(file, err) : ENVELOPE_OK;
}

/* Tokens */

/* Who is asked and with what, as a hash: there are secrets in a file. */
static enum envelope_reason
add_source(struct kms_text *source, const struct kms_google_file *file,
           struct envl_err *err)
{
    static const char *const places[] = { KMS_GOOGLE_OAUTH_VARIABLE,
                                          KMS_GOOGLE_IP_VARIABLE,
                                          KMS_GOOGLE_HOST_VARIABLE };
    const struct envl_libctx *ctx = file->seeker->ctx;
    unsigned char hash[HASH_LEN];
    struct kms_text all = { 0 };
    const char *said;
    enum envelope_reason rc = ENVELOPE_OK;
    size_t i;

    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        said = kms_world_variable(file->seeker->world, places[i]);
        kms_text_addf(&all, "%s\n", said != NULL ? said : "");
    }
    kms_text_addf(&all, "%s\n%s\n", file->universe, kms_text_get(&file->path));
    kms_text_add_bytes(&all, kms_text_get(&file->content), file->content.len);
    if (all.failed)
        rc = envl_fail_memory(err);
    else if (!EVP_Q_digest(ctx->libctx, "SHA256", ctx->propq, all.data, all.len,
                           hash, NULL))
        rc = envl_fail_crypto(err, "hash what credentials come from");
    else
        kms_text_add_hex(source, hash, sizeof(hash));
    kms_text_clear(&all);
    return source->failed ? envl_fail_memory(err) : rc;
}

static enum envelope_reason
find_token(struct kms_credentials *credentials, struct kms_google_file *file,
           const struct kind *kind, struct envl_err *err)
{
    struct kms_text source = { 0 };
    enum envelope_reason rc;

    if (!kind->asks)
        return kind->source(credentials, file, err);
    kms_text_add(&source, "google ");
    rc = add_source(&source, file, err);
    if (rc == ENVELOPE_OK
        && !kms_kept_find(credentials, file->seeker, kms_text_get(&source))) {
        rc = kind->source(credentials, file, err);
        if (rc == ENVELOPE_OK)
            kms_kept_put(file->seeker, kms_text_get(&source), credentials);
    }
    kms_text_clear(&source);
    return rc;
}

static enum envelope_reason
set_quota_project(struct kms_credentials *credentials,
                  struct kms_google_file *file, struct envl_err *err)
{
    const char *project =
        kms_world_variable(file->seeker->world, QUOTA_VARIABLE);
    enum envelope_reason rc;

    if (project == NULL)
        project = kms_google_get(file, "quota_project_id");
    rc = kms_google_check(file, err);
    if (rc != ENVELOPE_OK || project == NULL)
        return rc;
    if (!kms_span_is_key((struct kms_span){ project, strlen(project) }))
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         QUOTA_VARIABLE ", or quota_project_id of a credential "
                                        "file, is not the name of a project");
    kms_text_set(&credentials->id, project);
    return ENVELOPE_OK;
}

enum envelope_reason
kms_google_credentials(struct kms_credentials *credentials,
                       const struct kms_seeker *seeker, struct envl_err *err)
{
    struct kms_google_file file;
    const struct kind *kind;
    enum envelope_reason rc = open_file(&file, seeker, err);

    kms_credentials_clear(credentials);
    if (rc == ENVELOPE_OK)
        rc = find_kind(&kind, &file, err);
    if (rc == ENVELOPE_OK)
        rc = find_token(credentials, &file, kind, err);
    if (rc == ENVELOPE_OK)
        rc = set_quota_project(credentials, &file, err);
    if (rc == ENVELOPE_OK && kms_source_failed(credentials))
        rc = envl_fail_memory(err);
    if (rc != ENVELOPE_OK)
        kms_credentials_clear(credentials);
    close_file(&file);
    return rc;
}

enum envelope_reason
kms_google_universe(struct kms_text *domain, const struct kms_seeker *seeker,
                    struct envl_err *err)
{
    struct kms_google_file file;
    enum envelope_reason rc = open_file(&file, seeker, err);

    kms_text_clear(domain);
    if (rc == ENVELOPE_OK)
        kms_text_set(domain, file.universe);
    if (domain->failed)
        rc = envl_fail_memory(err);
    if (rc != ENVELOPE_OK)
        kms_text_clear(domain);
    close_file(&file);
    return rc;
}
