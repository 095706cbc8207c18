/* SPDX-License-Identifier: Apache-2.0 */
/* What each key service is to the module: a row of functions. */
#ifndef KMS_ENGINE_SERVICE_H
#define KMS_ENGINE_SERVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "kms/core/json.h"
#include "kms/core/uri.h"
#include "kms/http/world.h"
#include "lib/keys/kms_interface.h"

/* One call: all is borrowed. */
struct kms_job {
    const struct kms_world *world;
    const struct envl_libctx *ctx;
    const struct kms_uri *uri; /* the user's, checked */
    const char *labels;        /* or NULL */
    size_t labels_len;
};

/*
 * As in struct envl_kms_module, of the same returns.  wrapped->service is the
 * scheme, and wrapped->key matches; made has service set already.  Where
 * key, blob or context of made are too long, or the KEK has another length
 * than ENVL_KEK_LEN, the reply is nonsense: ENVELOPE_R_KEY_SERVICE.
 */
struct kms_service {
    const char *scheme;
    const char *const *parameters; /* of its URIs; NULL ends them */
    enum envelope_reason (*check)(const struct kms_world *world,
                                  const struct kms_uri *uri,
                                  enum envl_kms_use use, struct envl_err *err);
    bool (*matches)(const struct kms_world *world, const struct kms_uri *uri,
                    const char *key);
    enum envelope_reason (*generate)(struct envl_kms_wrapped *made,
                                     unsigned char kek[ENVL_KEK_LEN],
                                     const struct kms_job *job,
                                     struct envl_err *err);
    enum envelope_reason (*unwrap)(unsigned char kek[ENVL_KEK_LEN],
                                   const struct envl_kms_wrapped *wrapped,
                                   const struct kms_job *job,
                                   struct envl_err *err);
    enum envelope_reason (*rewrap)(struct envl_kms_wrapped *made,
                                   const struct envl_kms_wrapped *wrapped,
                                   const struct kms_job *job,
                                   const struct kms_uri *to,
                                   struct envl_err *err);
};

extern const struct kms_service kms_service_aws, kms_service_exec,
    kms_service_http, kms_service_tencent, kms_service_vault;

/*
 * What a service says of a failure, for people: its name, its code and
 * message and the request's id, each cut and cleaned.
 *
 *     "awskms: AccessDeniedException: not allowed (request 1b2c...)"
 *
 * Returns: reason.
 */
enum envelope_reason kms_fail_service(struct envl_err *err,
                                      enum envelope_reason reason,
                                      const char *service, const char *code,
                                      const char *message,
                                      const char *request_id);

/* kms_take_kek - the key-encryption key at a path of a reply, ENVL_KEK_LEN bytes
 * in base64: 1, or 0 with kek wiped if it is not there or has another length */
int kms_take_kek(unsigned char kek[ENVL_KEK_LEN], const struct kms_json *reply,
                 const char *path);

/* kms_set_key - put a key's name into made: 1, or 0 if it is empty, too long,
 * not printable or with a space, which no header has (FORMAT 5.2) */
int kms_set_key(struct envl_kms_wrapped *made, const char *key);

#endif
