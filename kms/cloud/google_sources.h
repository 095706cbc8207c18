/* SPDX-License-Identifier: Apache-2.0 */
/* The sources of Google's tokens, one by one; kms_google_credentials() knows their
 * order. */
#ifndef KMS_CLOUD_GOOGLE_SOURCES_H
#define KMS_CLOUD_GOOGLE_SOURCES_H

#include "kms/cloud/google_credentials.h"
#include "kms/core/json.h"

#define KMS_GOOGLE_FILE_LEN_MAX 65536

#define KMS_GOOGLE_SCOPE "https://www.googleapis.com/auth/cloud-platform"
#define KMS_GOOGLE_KMS_SCOPE "https://www.googleapis.com/auth/cloudkms"
#define KMS_GOOGLE_SCOPES KMS_GOOGLE_SCOPE " " KMS_GOOGLE_KMS_SCOPE

#define KMS_GOOGLE_FORM "application/x-www-form-urlencoded"

/* A credential file. */
struct kms_google_file {
    const struct kms_seeker *seeker; /* borrowed */
    struct kms_text path, content;
    struct kms_json *json; /* NULL: there is no file */
    struct kms_text universe;
};

/*
 * kms_google_get - the text at a path of the file's names; NULL if there is none
 * kms_google_need - the same, but none is an error
 *
 * Returns: ENVELOPE_OK, and the value, which is the file's; ENVELOPE_R_CREDENTIALS
 *          naming file and path, also for what is no text, or an empty one.
 */
enum envelope_reason kms_google_get(const char **value,
                                    const struct kms_google_file *file,
                                    const char *path, struct envl_err *err);
enum envelope_reason kms_google_need(const char **value,
                                     const struct kms_google_file *file,
                                     const char *path, struct envl_err *err);

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
                  const struct kms_google_file *file, struct envl_err *err);

kms_google_source kms_google_from_key;        /* service_account */
kms_google_source kms_google_from_user;       /* authorized_user */
kms_google_source kms_google_from_federation; /* external_account */
kms_google_source kms_google_from_machine;    /* where there is no file */

/* kms_google_machine - the metadata server's URL without a path: as the environment
 * has it, or the usual one; errors are found where it is asked */
void kms_google_machine(struct kms_text *url, const struct kms_world *world);

/* kms_google_subject - the token that an external_account has from somebody else, as
 * its credential_source says */
enum envelope_reason kms_google_subject(struct kms_text *token,
                                        const struct kms_google_file *file,
                                        struct envl_err *err);

/* Asking, with attempts and pauses (kms_exchange) */

struct kms_google_question {
    const char *base, *target; /* "https://host", "/path?query" */
    struct {
        const char *name, *value; /* value NULL: it is not sent */
    } headers[4];
    const char *type; /* of the body; NULL: a GET without one */
    const struct kms_text *body;
    const char *advice; /* what to do if it is refused */
};

/*
 * kms_google_ask - the body of a reply of status 200; any other one is an error, with
 * what it says of itself (RFC 6749, 5.2, or Google's form)
 */
enum envelope_reason kms_google_ask(struct kms_text *answer,
                                    const struct kms_google_question *question,
                                    const struct kms_seeker *seeker,
                                    struct envl_err *err);

/*
 * kms_google_take_token - access_token and expires_in of an answer, or accessToken and
 * expireTime
 *
 *   where  who has answered, for a message
 */
enum envelope_reason kms_google_take_token(struct kms_credentials *credentials,
                                           const struct kms_text *answer,
                                           const char *where,
                                           const struct kms_seeker *seeker,
                                           struct envl_err *err);

/* kms_google_base - "https://host", or what ENVELOPE_GOOGLE_OAUTH_ENDPOINT says */
void kms_google_base(struct kms_text *base, const struct kms_seeker *seeker,
                     const char *host);

/* kms_google_add_field - "name=value" of a form, percent-encoded, after others */
void kms_google_add_field(struct kms_text *form, const char *name,
                          const char *value);

/* kms_google_number - the whole number of this name in a text that is JSON; -1 if
 * there is none */
long kms_google_number(const struct kms_text *json, const char *name);

#endif
