/* SPDX-License-Identifier: Apache-2.0 */
/* The sources of Google's tokens, one by one; kms_google_credentials() knows their
 * order. */
#ifndef KMS_CLOUD_GOOGLE_SOURCES_H
#define KMS_CLOUD_GOOGLE_SOURCES_H

#include "kms/cloud/google_credentials.h"
#include "kms/core/json.h"
#include "kms/engine/source.h"

#define KMS_GOOGLE_FILE_LEN_MAX 65536

#define KMS_GOOGLE_SCOPE "https://www.googleapis.com/auth/cloud-platform"
#define KMS_GOOGLE_KMS_SCOPE "https://www.googleapis.com/auth/cloudkms"
#define KMS_GOOGLE_SCOPES KMS_GOOGLE_SCOPE " " KMS_GOOGLE_KMS_SCOPE

/* Who else is asked. */
#define KMS_GOOGLE_OAUTH_VARIABLE "ENVELOPE_GOOGLE_OAUTH_ENDPOINT"
#define KMS_GOOGLE_IP_VARIABLE "GCE_METADATA_IP"
#define KMS_GOOGLE_HOST_VARIABLE "GCE_METADATA_HOST"

/* A credential file. */
struct kms_google_file {
    const struct kms_seeker *seeker; /* borrowed */
    struct kms_text path, content;
    struct kms_json *json; /* NULL: there is no file */
    const char *universe;  /* borrowed, "googleapis.com" */
    const char *wrong;     /* the first path that kms_google_check() tells */
};

/*
 * kms_google_get - the text at a path of the file's names; NULL if there is none
 * kms_google_need - the same, but "" if there is none, which is wrong
 * kms_google_check - to be asked after these: was anything wrong?
 *
 * What is there and is no text, or an empty one, is wrong, too.
 *
 * Returns: kms_google_check(): ENVELOPE_OK; ENVELOPE_R_CREDENTIALS naming file and
 *          path.
 */
const char *kms_google_get(struct kms_google_file *file, const char *path);
const char *kms_google_need(struct kms_google_file *file, const char *path);
enum envelope_reason kms_google_check(const struct kms_google_file *file,
                                      struct envl_err *err);

/* kms_google_fail - ENVELOPE_R_CREDENTIALS, with the file's path in front */
enum envelope_reason kms_google_fail(struct envl_err *err,
                                     const struct kms_google_file *file,
                                     const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * The sources: credentials receive the token, and when it expires.  They return what
 * kms_google_credentials() does.
 */
typedef enum envelope_reason
kms_google_source(struct kms_credentials *credentials,
                  struct kms_google_file *file, struct envl_err *err);

kms_google_source kms_google_from_key;        /* service_account */
kms_google_source kms_google_from_user;       /* authorized_user */
kms_google_source kms_google_from_federation; /* external_account */
kms_google_source kms_google_from_machine;    /* where there is no file */

/* kms_google_form - fields of a form; one whose value is NULL has that of the file,
 * which needs it: kms_google_check() */
struct kms_google_field {
    const char *name, *value;
};
void kms_google_form(struct kms_text *form, struct kms_google_file *file,
                     const struct kms_google_field *fields, size_t count);

/*
 * kms_google_ask - a token of one of Google's services: "sts.googleapis.com"
 *
 *   request  path, Authorization, body and type, advice; the rest is filled in
 */
enum envelope_reason kms_google_ask(struct kms_credentials *credentials,
                                    const struct kms_google_file *file,
                                    const char *host,
                                    struct kms_source_request *request,
                                    struct envl_err *err);

#endif
