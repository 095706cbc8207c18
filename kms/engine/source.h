/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kinds of places where credentials are: environment variables, sections of INI
 * files, and services near by that answer in JSON.  What these are called at one
 * cloud is data; it is in the file that calls these functions.
 */
#ifndef KMS_ENGINE_SOURCE_H
#define KMS_ENGINE_SOURCE_H

#include <stdbool.h>

#include "kms/core/ini.h"
#include "kms/engine/credentials.h"

/*
 * A source puts what it has into credentials.  Where it has nothing, they stay
 * empty, and the next source is asked.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CREDENTIALS for what cannot be used, naming it;
 *          ENVELOPE_R_KEY_SERVICE where a service fails and may be asked again
 *          later; ENVELOPE_R_MEMORY, also left to a failed text of credentials.
 */
typedef enum envelope_reason kms_source(struct kms_credentials *credentials,
                                        const struct kms_seeker *seeker,
                                        struct envl_err *err);

/*
 * kms_source_first - ask one after the other until one has something
 *
 *   sources  NULL ends the list; one that explains that there is nothing may be
 *            the last
 *
 * credentials are empty on failure, and what was in them before is wiped.
 */
enum envelope_reason kms_source_first(struct kms_credentials *credentials,
                                      const struct kms_seeker *seeker,
                                      kms_source *const *sources,
                                      struct envl_err *err);

/* kms_source_failed - did memory run out in a part of them? */
bool kms_source_failed(const struct kms_credentials *credentials);

/* Names of the parts: of variables, or paths in JSON; NULL for one that there is
 * not. */
struct kms_source_names {
    const char *id, *secret, *token, *other_token; /* the latter if no token */
    const char *project;                           /* of variables only */
};

/* kms_source_variables - an id without a secret, or the other way round, is an
 * error */
enum envelope_reason kms_source_variables(struct kms_credentials *credentials,
                                          const struct kms_seeker *seeker,
                                          const struct kms_source_names *names,
                                          struct envl_err *err);

/*
 * kms_source_variable - a variable's text, such as a URL, without white space
 * around it; "" if it is not set; control characters in it are an error
 * kms_source_is_true - does it say "true", in any case of letters?
 * kms_source_is_line - without the line end after it, is a text one line of printable
 * ASCII?
 * kms_source_token_file - a token from a file, without the line end after it; it may
 * have blanks, as the value of a header has ("Bearer x")
 *
 * The text is the caller's to clear; looked at for memory already.
 */
enum envelope_reason kms_source_variable(struct kms_text *text,
                                         const struct kms_world *world,
                                         const char *name,
                                         struct envl_err *err);
bool kms_source_is_true(const struct kms_world *world, const char *name);
bool kms_source_is_line(struct kms_text *text);
enum envelope_reason kms_source_token_file(struct kms_text *token,
                                           const struct kms_world *world,
                                           const char *path,
                                           struct envl_err *err);

/* Sections of files */

#define KMS_SOURCE_SETTINGS_MAX 32

/* With these every list of settings begins; "" for one that there is not. */
enum {
    KMS_SOURCE_ID,
    KMS_SOURCE_SECRET,
    KMS_SOURCE_TOKEN,
    KMS_SOURCE_OTHER_TOKEN,
    KMS_SOURCE_KEYS_COUNT
};

struct kms_source_file {
    const char *variable; /* that has the path; or NULL */
    const char *path;     /* where it is not set; "~/" is in $HOME */
    size_t len_max;
    kms_ini_is_section *is_section;
    const char *const *settings; /* names; NULL ends them */
};

/* What one file has of a profile. */
struct kms_source_section {
    const char *profile; /* borrowed */
    struct kms_text path, content;
    struct kms_ini_section section; /* line 0: there is none */
    struct kms_ini_setting settings[KMS_SOURCE_SETTINGS_MAX + 1];
};

/*
 * kms_source_section_read - a file that does not exist, or without a home to be in,
 * has no sections; an error names file and line
 * kms_source_section_keys - id, secret and token, if they are there; half of a pair,
 * what cannot be a key, and two tokens that differ are errors
 * kms_source_section_fail - "FILE, line 3: profile P: SETTING what"
 *
 * Ownership: section is the caller's, kms_source_section_clear(), also after a
 *            failure.
 */
enum envelope_reason kms_source_section_read(struct kms_source_section *section,
                                             const struct kms_world *world,
                                             const struct kms_source_file *file,
                                             const char *profile,
                                             struct envl_err *err);
enum envelope_reason
kms_source_section_keys(struct kms_credentials *credentials,
                        const struct kms_source_section *section,
                        struct envl_err *err);
enum envelope_reason
kms_source_section_fail(const struct kms_source_section *section,
                        size_t setting, const char *what, struct envl_err *err);
void kms_source_section_clear(struct kms_source_section *section);

/* kms_source_set - a setting's value as a text; "" for one that is not there */
void kms_source_set(struct kms_text *text,
                    const struct kms_ini_setting *setting);

/* Documents and services */

/* Credentials in JSON: paths of their parts.  A bearer token alone has neither id nor
 * secret. */
struct kms_source_document {
    struct kms_source_names names;
    const char *expires;         /* a time, see kms_time_read(); or NULL */
    const char *expires_in;      /* seconds from now, which count; or NULL */
    bool is_whole;               /* token, expires, and code if any, have to be
                                  * there */
    const char *code, *message;  /* code has to be "Success"; or NULL */
    enum envelope_reason reason; /* of an answer without credentials; 0:
                                  * _CREDENTIALS */
};

/* kms_source_take - credentials out of a document; where is for messages; a part that
 * cannot be a key (kms_span_is_key) is none */
enum envelope_reason kms_source_take(struct kms_credentials *credentials,
                                     const struct kms_seeker *seeker,
                                     const struct kms_text *text,
                                     const struct kms_source_document *document,
                                     const char *where, struct envl_err *err);

#define KMS_SOURCE_HEADERS_MAX 3

struct kms_source_request {
    const char *name; /* of the service, for messages */
    const char *method;
    const char *url; /* as the user has it */
    const char
        *path; /* after it; NULL: the URL has one, and may have a query */
    struct {
        const char *name, *value; /* value NULL: it is not sent */
    } headers[KMS_SOURCE_HEADERS_MAX];
    const struct kms_text *body; /* or NULL; where memory ran out, it is told */
    const char *type;            /* of the body; or NULL */
    const char *advice;          /* what to do where it is refused; or NULL */
    const struct kms_sign *sign; /* each attempt of a far one; or NULL */
    bool is_far;          /* false: of this machine or the host below it */
    bool may_be_starting; /* a far one: 404 and 410 may pass, too */
};

/*
 * kms_source_send - from a service near by any reply at all, after one attempt of 1
 * second without a proxy; from a far one, by kms_exchange(), a reply of status 200
 * kms_source_ask - credentials in a reply of status 200
 *
 * Returns: as a source does; ENVELOPE_R_UNREADABLE_KEY for ENVELOPE_KMS_TIMEOUT.
 */
enum envelope_reason kms_source_send(struct kms_reply *reply,
                                     const struct kms_seeker *seeker,
                                     const struct kms_source_request *request,
                                     struct envl_err *err);
enum envelope_reason kms_source_ask(struct kms_credentials *credentials,
                                    const struct kms_seeker *seeker,
                                    const struct kms_source_request *request,
                                    const struct kms_source_document *document,
                                    struct envl_err *err);

/* A metadata service: first a session token, then the role, then its credentials. */
struct kms_source_metadata {
    const char *name;                           /* for messages */
    const char *url;                            /* without a path */
    const char *session_path, *lifetime_header; /* NULL: without a session */
    const char *session_header;
    bool may_lack_session; /* 404, 405 and 503 say that there are none */
    const char *roles_path;
    const char *only_role; /* where there is no list of them; or NULL */
    const struct kms_source_document *document;
};

/*
 * kms_source_metadata_ask - the credentials of a machine's role, kept
 *
 *   role  "" for the first one that the service lists, or its only one
 *
 * A service that does not answer at all has nothing; in any other case, not having
 * credentials is an error.
 */
enum envelope_reason
kms_source_metadata_ask(struct kms_credentials *credentials,
                        const struct kms_seeker *seeker,
                        const struct kms_source_metadata *metadata,
                        const char *role, struct envl_err *err);

/* kms_form_add - a field of a form, "name=value", and "&" in front unless it is the
 * first; the value is percent-encoded */
#define KMS_FORM "application/x-www-form-urlencoded"
void kms_form_add(struct kms_text *form, const char *name, const char *value);

#endif
