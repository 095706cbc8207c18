/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The URIs (RFC 3986) that name keys in services:
 *
 *     scheme:[//authority/]path[?name=value&...]
 */
#ifndef KMS_CORE_URI_H
#define KMS_CORE_URI_H

#include <stddef.h>

#include "lib/base/err.h"

#define KMS_URI_LEN_MAX 4096
#define KMS_URI_QUERY_MAX 16

struct kms_uri {
    char *scheme;    /* lower case */
    char *authority; /* "" if there is none */
    char *path;      /* without the slash in front; "" if there is none */
    struct {
        char *name, *value;
    } query[KMS_URI_QUERY_MAX];
    size_t query_count;
};

/*
 * kms_uri_parse - take a URI apart and decode its percent-encoding; control
 * characters and what is not ASCII are refused, encoded or not
 *
 *   parameters  names that its query may have, then NULL; one that may come
 *               again has a plus sign after it
 *
 * Ownership: uri is the caller's, kms_uri_clear(); empty on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY, with the URI without its
 *            query, and what is wrong; ENVELOPE_R_MEMORY.
 */
enum envelope_reason kms_uri_parse(struct kms_uri *uri, const char *text,
                                   const char *const *parameters,
                                   struct envl_err *err);
void kms_uri_clear(struct kms_uri *uri);

/* kms_uri_get - the first value of this name, or NULL */
const char *kms_uri_get(const struct kms_uri *uri, const char *name);

/* kms_uri_has - is there this name with this value?  For those that may come
 * again. */
int kms_uri_has(const struct kms_uri *uri, const char *name, const char *value);

/* kms_uri_scheme_is - before it is parsed; in any case of letters */
int kms_uri_scheme_is(const char *text, const char *scheme);

#endif
