/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A key service as a table: what its requests and replies look like, what its errors
 * mean, and the few functions that are truly its own.  The engine (call.h) does the
 * rest.
 *
 * A new service is a constant struct kms_api in a file of its own, its credentials,
 * and a line in lib/keys/kms_schemes.h.
 */
#ifndef KMS_ENGINE_API_H
#define KMS_ENGINE_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kms/core/uri.h"
#include "kms/engine/credentials.h"
#include "kms/http/exchange.h"
#include "kms/http/http.h"
#include "kms/http/world.h"
#include "lib/keys/kms_interface.h"

/* Fields of requests and replies */

enum kms_what {
    KMS_FIXED,    /* of a request: the field's own text */
    KMS_KEY,      /* the key that opens; a reply has to name it */
    KMS_NEW_KEY,  /* the key that is encrypted for; a reply has to name it */
    KMS_BLOB,     /* the encrypted key of the header */
    KMS_NEW_BLOB, /* of a reply: the encrypted key that goes into a header */
    KMS_PLAINTEXT, /* the key-encryption key.  Where the request to generate has it,
                     * we make it, and the service only encrypts it. */
    KMS_LABELS, /* the context that the encrypted key of the header has */
    KMS_NEW_LABELS, /* the context that the new one gets.  Of a reply: a boolean that
                     * has to be true where they were sent */
    KMS_FLAG        /* of a reply: a boolean that has to be true */
};

/* How a value is written.  A blob as KMS_TEXT is printable text to its service, which
 * a header keeps as it is; in all other forms it is octets. */
enum kms_form {
    KMS_TEXT,        /* a string as it is */
    KMS_JSON,        /* no string: 256, true */
    KMS_BASE64,      /* RFC 4648, 4 */
    KMS_BASE64URL,   /* RFC 4648, 5, without padding */
    KMS_HEX,         /* of a request in small letters */
    KMS_OBJECT,      /* labels: an object of strings */
    KMS_OBJECT_TEXT, /* labels: that object as a string */
    KMS_CRC32C, /* decimal, of the octets; in a reply a string or a number */
    KMS_SHA256  /* the digest of the octets, in hexadecimal */
};

struct kms_field {
    const char
        *name; /* of a reply: a path as in json.h.  "": not sent or looked at */
    enum kms_what what;
    enum kms_form form;
    const char *text; /* of KMS_FIXED */
    bool optional;    /* of a reply: it may not be there */
};

#define KMS_FIELD(n, w, f)                    \
    {                                         \
        .name = (n), .what = (w), .form = (f) \
    }
#define KMS_CONSTANT(n, f, t)                                    \
    {                                                            \
        .name = (n), .what = KMS_FIXED, .form = (f), .text = (t) \
    }

enum kms_action_kind {
    KMS_GENERATE,
    KMS_DECRYPT,
    KMS_REENCRYPT,
    /* Of a service whose RSA keys have a public half; these are GET, and have no
     * body */
    KMS_PUBLIC_KEY,
    KMS_LIST_VERSIONS,
    KMS_ACTION_COUNT
};

struct kms_call;
struct kms_json;

static inline bool
kms_is_get(enum kms_action_kind kind)
{
    return kind == KMS_PUBLIC_KEY || kind == KMS_LIST_VERSIONS;
}

#define KMS_FIELD_COUNT_MAX 8

struct kms_action {
    const char *name; /* as the service calls it; NULL: it does not have it */
    struct kms_field request[KMS_FIELD_COUNT_MAX]; /* name NULL ends them */
    struct kms_field reply[KMS_FIELD_COUNT_MAX];
};

/* What a failure means.  The first rule counts whose code is the reply's, or begins it
 * up to a dot ("*x" is for any code that has an x in it), or whose status is the
 * reply's; after these come rules for 408, 429 and 500 and above. */
struct kms_rule {
    const char *code; /* or NULL */
    int status;       /* where there is no code; both zero end a list */
    enum kms_outcome outcome;
    const char *advice; /* what people can do about it; or NULL */
};

#define KMS_PATH_COUNT_MAX 3

/* What requests and replies look like. */
struct kms_shape {
    struct kms_action actions[KMS_ACTION_COUNT];
    const char *begin;    /* of the JSON of a request; NULL: a brace */
    bool in_query;        /* the fields are parameters of a query, not JSON */
    const char *error_at; /* a reply that has this fails, whatever its status */
    const char *retry_at; /* a failure that has true here may be tried again */
    const char *code_at[KMS_PATH_COUNT_MAX], *message_at[KMS_PATH_COUNT_MAX],
        *id_at
            [KMS_PATH_COUNT_MAX]; /* the first that is there; NULL ends them */
    const struct kms_rule *rules;
};

/* A call */

struct kms_api;

/* Where a URI leads to.  The engine clears what is held here; the service owns what is
 * pointed at, in own. */
struct kms_target {
    const struct kms_api *api;
    const struct kms_world *world;
    struct kms_uri uri;
    struct kms_endpoint endpoint; /* who is asked */
    struct kms_text name; /* as it is in headers; "": as the reply names it, */
    bool in_region;       /* after the region and a slash */
    void *own;
    const struct kms_shape *shape; /* the service's, or one of own */
    const char *title;             /* in messages: the scheme, */
                                   /* or with a section's name */
    const char *key_id;            /* as the service is told */
    const char *region;            /* or NULL */
    const char *profile;           /* for credentials, or NULL */
    struct kms_tls tls;
    unsigned milliseconds; /* for an attempt; 0: as http/exchange.h has it */
    bool binds_labels; /* new keys get the stream's labels as their context */
    bool needs_labels; /* and only these are made, and opened */
};

struct kms_call {
    const struct kms_world *world;
    const struct envl_libctx *ctx; /* for hashes and random numbers */
    const char *labels;            /* FORMAT 3: sorted lines */
    size_t labels_len;
    enum kms_action_kind kind;
    struct kms_target *from; /* the key that opens; NULL to generate */
    struct kms_target *to; /* the key that is encrypted for; NULL to decrypt */
    const struct envl_kms_wrapped *wrapped; /* the header's, where from is */
    struct envl_kms_wrapped *made;          /* a new one, where to is */
    unsigned char *kek; /* ENVL_KEK_LEN; NULL to re-encrypt */
    void *result;       /* of the service's own take */

    /* The engine's own */
    struct kms_target *asked; /* from, or else to */
    const struct kms_action *action;
    struct kms_credentials credentials;
    bool is_denied;          /* the last reply was KMS_DENIED */
    struct kms_text content; /* body or query */
};

/* The service */

/*
 * A function that is NULL does what stands after it.
 *
 * open - check all that the URI says, and fill target in, its own included, which is
 *     there, all zero.  The network is not used.  Each service has it.
 * close - free what own holds, also after a failure of open: nothing.
 * aim - the endpoint for the header's key, or, where key is NULL, for any: nothing.
 * matches - can the user mean the header's key?  It is target's name.
 * is_key - does the reply name the right key?  what is KMS_KEY or KMS_NEW_KEY.  It is
 *     the target's key_id.
 * advise - what else people can do about a failure with this code: nothing.
 * may_reencrypt - can one request be for both?  Endpoint, region and profile are the
 *     same, and that is looked at before.
 * take - what no field of a reply can say, after them; its detail does not begin with
 *     the service's name: nothing.
 * is_blob - is this what the service makes, as far as one can see?  It is.
 * path - of the request, after the endpoint's, when there are credentials; by
 *     kms_call_check() it is tried without: "/".
 * sign - add headers to a request that is complete otherwise; it is called for each
 *     attempt, now is in seconds since the epoch: nothing.
 * credentials - who we are: nothing.
 * send - as in struct kms_world, with the call as its first argument: over HTTP.
 *
 * public_key, decrypt - as in struct envl_kms_module, for a target that is open: such
 *     a service has no other calls.
 *
 * Returns: ENVELOPE_OK; as struct envl_kms_module says; is_key: _KEY_SERVICE for what
 *          is no key's name, _KEY_SERVICE_REFUSED for another key's; its detail does
 *          not begin with the service's name.
 */
struct kms_api {
    const char *scheme;
    const char *const *parameters; /* of its URIs; NULL ends them */
    size_t own_size;
    struct kms_shape shape;
    size_t blob_max;    /* octets; 0: ENVL_KMS_BLOB_LEN_MAX */
    size_t context_max; /* bytes of the object of labels; 0: any */
    bool is_smithy;     /* codes are "namespace#Code:more", also in a header */
    unsigned attempts;  /* at most; 0: KMS_ATTEMPTS_MAX */

    enum envelope_reason (*open)(struct kms_target *target,
                                 enum envl_kms_use use, struct envl_err *err);
    void (*close)(struct kms_target *target);
    enum envelope_reason (*aim)(struct kms_target *target, const char *key,
                                struct envl_err *err);
    bool (*matches)(const struct kms_target *target, const char *key);
    enum envelope_reason (*is_key)(const struct kms_call *call,
                                   enum kms_what what, const char *said,
                                   struct envl_err *err);
    void (*advise)(const struct kms_call *call, const char *code,
                   struct envl_err *err);
    enum envelope_reason (*may_reencrypt)(struct kms_call *call,
                                          struct envl_err *err);
    enum envelope_reason (*take)(const struct kms_call *call,
                                 const struct kms_json *reply,
                                 struct envl_err *err);
    bool (*is_blob)(const char *text);
    enum envelope_reason (*path)(struct kms_text *path,
                                 const struct kms_call *call,
                                 struct envl_err *err);
    enum envelope_reason (*sign)(struct kms_request *request,
                                 const struct kms_call *call, int64_t now,
                                 struct envl_err *err);
    enum envelope_reason (*credentials)(struct kms_credentials *credentials,
                                        const struct kms_seeker *seeker,
                                        struct envl_err *err);
    enum envelope_reason (*public_key)(struct kms_target *target,
                                       const struct envl_libctx *ctx,
                                       unsigned char *der, size_t *len,
                                       struct envl_err *err);
    enum envelope_reason (*decrypt)(struct kms_target *target,
                                    const struct envl_libctx *ctx,
                                    unsigned char key[ENVL_KEK_LEN],
                                    struct envl_kms_encrypted *encrypted,
                                    struct envl_err *err);
    enum envelope_reason (*send)(void *call, struct kms_reply *reply,
                                 const struct kms_request *request,
                                 unsigned milliseconds, struct envl_err *err);
};

#endif
