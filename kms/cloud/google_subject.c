/* SPDX-License-Identifier: Apache-2.0 */
/* The token of somebody else that is exchanged for one of Google's: in a file, or at
 * a URL. */
#include <string.h>

#include "kms/cloud/google_sources.h"

#define SOURCE "credential_source."

/* The content is the token, or has it under one of its names. */
static enum envelope_reason
take_subject(struct kms_text *token, const struct kms_text *content,
             struct kms_google_file *file, struct envl_err *err)
{
    const char *type = kms_google_get(file, SOURCE "format.type");
    const bool is_json = type != NULL && strcmp(type, "json") == 0;
    const char *field =
        is_json
            ? kms_google_need(file, SOURCE "format.subject_token_field_name")
            : NULL;
    const char *text = kms_text_get(content);
    size_t len = content->len;
    struct kms_json *json = NULL;
    enum envelope_reason rc = kms_google_check(file, err);

    if (rc == ENVELOPE_OK && is_json) {
        rc = kms_json_parse(&json, text, len, err);
        text = rc == ENVELOPE_OK ? kms_json_text(json, field) : NULL;
        len = text != NULL ? strlen(text) : 0;
        if (rc == ENVELOPE_R_KEY_SERVICE)
            rc = kms_google_fail(err, file,
                                 "what credential_source names is not JSON");
    } else if (rc == ENVELOPE_OK && type != NULL && strcmp(type, "text") != 0)
        rc = kms_google_fail(err, file,
                             SOURCE "format.type has to be text or json");
    kms_text_add_bytes(token, text, len);
    kms_json_free(json);
    if (rc == ENVELOPE_OK && !token->failed && !kms_source_is_line(token))
        rc = kms_google_fail(err, file,
                             "what credential_source names has no token, or "
                             "not in one line of printable ASCII");
    return rc;
}

/* The host decides here whether plain http will do; the user's own file names it. */
static enum envelope_reason
ask_for_subject(struct kms_text *content, const struct kms_google_file *file,
                const char *url, struct envl_err *err)
{
    const struct kms_json *json = file->json;
    const struct kms_source_request request = {
        .name = SOURCE "url",
        .method = "GET",
        .url = url,
        .headers = {
            { "Authorization",
              kms_json_text(json, SOURCE "headers.Authorization") },
            { "Metadata", kms_json_text(json, SOURCE "headers.Metadata") },
            { "Accept", kms_json_text(json, SOURCE "headers.Accept") },
        },
        .advice = "of credential_source.headers, Authorization, Metadata and "
                  "Accept are sent",
        .is_far = true,
    };
    struct kms_reply reply = { 0 };
    enum envelope_reason rc =
        kms_source_send(&reply, file->seeker, &request, err);

    *content = reply.body;
    reply.body = (struct kms_text){ 0 };
    kms_reply_clear(&reply);
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
        rc = kms_google_fail(
            err, file, SOURCE "file: %.120s: there is no such file", path);
    return rc;
}

enum envelope_reason
kms_google_subject(struct kms_text *token, struct kms_google_file *file,
                   struct envl_err *err)
{
    static const char *const refused[][2] = {
        { SOURCE "executable",
          "no program is run: have it write its token to a file, and name that "
          "as credential_source.file" },
        { SOURCE "environment_id",
          "requests that AWS signs are not sent: use a token of OpenID "
          "Connect, as credential_source.file or .url" },
        { SOURCE "certificate",
          "client certificates are not used: use a token, as "
          "credential_source.file or .url" },
    };
    const char *path = kms_google_get(file, SOURCE "file");
    const char *url = kms_google_get(file, SOURCE "url");
    struct kms_text content = { 0 };
    enum envelope_reason rc;
    size_t i;

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (kms_json_has(file->json, refused[i][0]))
            return kms_google_fail(err, file, "%s: %s", refused[i][0],
                                   refused[i][1]);
    }
    rc = kms_google_check(file, err);
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
