/* SPDX-License-Identifier: Apache-2.0 */
/* The canonical form of a request: what both ends make of it before they
 * sign. */
#ifndef KMS_HTTP_CANONICAL_H
#define KMS_HTTP_CANONICAL_H

#include <stdbool.h>

#include "kms/core/text.h"
#include "kms/http/http.h"
#include "lib/base/err.h"

#define KMS_QUERY_COUNT_MAX 32

/* Where the services differ. */
struct kms_canonical_form {
    const char *signed_prefix; /* of headers that are signed beside Host and
                                * Content-Type; or NULL */
    bool lower_values;         /* of headers */
    /* Where they have no form of their own: else the path is without empty and
     * dotted segments, and encoded once more; the query is sorted. */
    bool path_as_sent, query_as_sent;
    bool slash_at_end; /* of the path, if there is none */
};

/*
 * kms_canonical_request - all of it but the body's hash, which comes after it
 *
 *   text   receives method, path, query, headers and their names, each with a
 *          line feed at its end
 *   names  receives the names once more: "content-type;host;x-amz-date"
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY for a query of more than
 *          KMS_QUERY_COUNT_MAX parameters, which only a form of its own has
 *          to count.  Where memory runs out, text or names has failed.
 */
enum envelope_reason
kms_canonical_request(struct kms_text *text, struct kms_text *names,
                      const struct kms_canonical_form *form,
                      const struct kms_request *request, struct envl_err *err);

/* kms_request_target - path and query as they are sent: "/" for none */
const char *kms_request_target(const struct kms_request *request);

#endif
