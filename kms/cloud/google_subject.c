/* SPDX-License-Identifier: Apache-2.0 */
/* The token of somebody else that is exchanged for one of Google's: in a file, or at
 * a URL. */
#include <string.h>

#include "kms/cloud/google_sources.h"

/* Its text, or one of its names. */
static enum envelope_reason
take_subject(struct kms_text *token, const struct kms_text *content,
             const struct kms_google_file *file, struct envl_err *err)
{
    const char *type, *field = NULL, *text = kms_text_get(content);
    struct kms_json *json = NULL;
    enum envelope_reason rc =
        kms_google_get(&type, file, "credential_source.format.type", err);

    if (rc != ENVELOPE_OK)
        return rc;
    if (type != NULL && strcmp(type, "json") == 0) {
        rc = kms_google_need(
            &field, file, "credential_source.format.subject_token_field_name",
            err);
        if (rc == ENVELOPE_OK)
            rc = kms_json_parse(&json, text, content->len, err);
        if (rc == ENVELOPE_R_KEY_SERVICE)
            rc = kms_google_fail(err, file,
                                 "what credential_source names is not JSON");
        text = rc == ENVELOPE_OK ? kms_json_text(json, field) : NULL;
    } else if (type != NULL && strcmp(type, "text") != 0)
        rc = kms_google_fail(err, file,
                             "credential_source.format.type has to be text or "
                             "json");
    else if (strlen(text) != content->len)
        text = NULL; /* there is a NUL in it */
    if (rc == ENVELOPE_OK) {
        kms_text_set(token, text != NULL ? text : "");
        while (token->len > 0 && strchr("\r\n", token->data[token->len - 1]))
            token->data[--token->len] = '\0';
        if (!token->failed && !kms_is_printable(kms_text_get(token)))
            rc = kms_google_fail(err, file,
                                 "what credential_source names has no token, "
                                 "or not in one line of printable ASCII");
    }
    kms_json_free(json);
    return rc;
}

static enum envelope_reason
read_subject(struct kms_text *content, const struct kms_google_file *file,
             const char *path, struct envl_err *err)
{
    const struct kms_world *world = file->seeker->world;
    enum envelope_reason rc =
        world->read(world->arg, content, path, KMS_GOOGLE_FILE_LEN_MAX, err);

    if (rc == ENVELOPE_OK && content->data == NULL)
        rc = kms_google_fail(err, file,
                             "credential_source.file: %.120s: there is no such "
                             "file",
                             path);
    return rc;
}

/* The host decides here whether plain http will do; the user's own file names it. */
static enum envelope_reason
ask_for_subject(struct kms_text *content, const struct kms_google_file *file,
                const char *url, struct envl_err *err)
{
    const char *host = strstr(url, "://");
    const size_t len = host != NULL ? strcspn(host + 3, "/?#") : 0;
    const struct kms_json *json = file->json;
    struct kms_text base = { 0 };
    struct kms_google_question question = {
        .headers = {
            { "Authorization",
              kms_json_text(json, "credential_source.headers.Authorization") },
            { "Metadata",
              kms_json_text(json, "credential_source.headers.Metadata") },
            { "Accept",
              kms_json_text(json, "credential_source.headers.Accept") },
        },
        .advice = "of credential_source.headers, Authorization, Metadata and "
                  "Accept are sent",
    };
    enum envelope_reason rc;

    if (host == NULL || host[3 + len] != '/' || strchr(url, '#') != NULL)
        return kms_google_fail(err, file,
                               "credential_source.url is not a URL with a "
                               "path");
    kms_text_add_bytes(&base, url, (size_t)(host - url) + 3 + len);
    question.base = kms_text_get(&base);
    question.target = host + 3 + len;
    if (base.failed)
        rc = envl_fail_memory(err);
    else
        rc = kms_google_ask(content, &question, file->seeker, err);
    kms_text_clear(&base);
    return rc;
}

enum envelope_reason
kms_google_subject(struct kms_text *token, const struct kms_google_file *file,
                   struct envl_err *err)
{
    static const char *const refused[][2] = {
        { "credential_source.executable",
          "no program is run: have it write its token to a file, and name that "
          "as credential_source.file" },
        { "credential_source.environment_id",
          "requests that AWS signs are not sent: use a token of OpenID "
          "Connect, "
          "as credential_source.file or .url" },
        { "credential_source.certificate",
          "client certificates are not used: use a token, as "
          "credential_source.file or .url" },
    };
    const char *path = NULL, *url = NULL;
    struct kms_text content = { 0 };
    enum envelope_reason rc;
    size_t i;

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (kms_json_has(file->json, refused[i][0]))
            return kms_google_fail(err, file, "%s: %s", refused[i][0],
                                   refused[i][1]);
    }
    rc = kms_google_get(&path, file, "credential_source.file", err);
    if (rc == ENVELOPE_OK)
        rc = kms_google_get(&url, file, "credential_source.url", err);
    if (rc == ENVELOPE_OK && (path == NULL) == (url == NULL))
        rc = kms_google_fail(err, file,
                             "credential_source has to have a file or a url");
    else if (rc == ENVELOPE_OK)
        rc = path != NULL ? read_subject(&content, file, path, err)
                          : ask_for_subject(&content, file, url, err);
    if (rc == ENVELOPE_OK)
        rc = take_subject(token, &content, file, err);
    kms_text_clear(&content);
    return rc;
}
