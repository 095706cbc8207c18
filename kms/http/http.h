/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP request and its reply, as data. */
#ifndef KMS_HTTP_HTTP_H
#define KMS_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kms/core/text.h"
#include "lib/base/err.h"

#define KMS_HEADERS_MAX 16
#define KMS_REPLY_LEN_MAX 65536

/* Where requests go: scheme, host and port of an endpoint that the user named
 * or that follows from what he named, and the path in front of all others. */
struct kms_endpoint {
    bool plain;           /* http: loopback and metadata addresses only */
    bool metadata;        /* never through a proxy */
    bool loopback;        /* nor this; set by kms_endpoint_parse() */
    struct kms_text host; /* as in the Host header: with the port unless it is
                           * the scheme's own */
    struct kms_text path; /* "" or "/v1/..", without a slash at its end */
};

/*
 * kms_endpoint_parse - read "https://host[:port][/path]"
 *
 * A name has letters, digits, dots and hyphens; an address is written in full,
 * one of IPv6 in brackets.  No user, query or fragment, and no
 * percent-encoding.  Plain http is for 127.0.0.0/8, [::1] and localhost; with
 * metadata also for 169.254.169.254, 169.254.170.2, 169.254.170.23,
 * [fd00:ec2::23], [fd00:ec2::254], 100.100.100.200 and metadata.tencentyun.com.
 *
 * Ownership: endpoint is the caller's, kms_endpoint_clear(); empty on
 *            failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY; ENVELOPE_R_MEMORY.
 */
enum envelope_reason kms_endpoint_parse(struct kms_endpoint *endpoint,
                                        const char *url, bool metadata,
                                        struct envl_err *err);
void kms_endpoint_clear(struct kms_endpoint *endpoint);

/* kms_endpoint_same - scheme, host, port and path */
bool kms_endpoint_same(const struct kms_endpoint *a,
                       const struct kms_endpoint *b);

struct kms_header {
    const char *name; /* static, as it is sent: "Content-Type" */
    struct kms_text value;
};

/* TLS; ca_file and ca_path in place of the system's trust; borrowed, NULL
 * where nothing was said. */
struct kms_tls {
    const char *ca_file, *ca_path;
    const char *certificate, *key; /* the client's, files in PEM */
};

struct kms_request {
    const char *method;                  /* static: "POST" */
    const struct kms_endpoint *endpoint; /* borrowed */
    struct kms_text path; /* "/..." with the endpoint's in front; what is in
                           * it has been percent-encoded */
    struct kms_header headers[KMS_HEADERS_MAX]; /* but Host, User-Agent and
                                                 * Content-Length */
    size_t header_count;
    struct kms_text body;
    struct kms_tls tls;
};

/*
 * kms_request_init - an empty request to a path after the endpoint's own
 * kms_request_add - a header; its value is set as printf() does
 * kms_request_header - its value in any case of letters, or NULL
 * kms_request_check - did memory run out in any part, or is a control
 * character in a header or in the path?  To be asked before it is sent.
 *     Returns ENVELOPE_OK; ENVELOPE_R_CREDENTIALS naming the header;
 *     ENVELOPE_R_UNREADABLE_KEY for the path; ENVELOPE_R_MEMORY.
 */
void kms_request_init(struct kms_request *request, const char *method,
                      const struct kms_endpoint *endpoint, const char *path);
void kms_request_add(struct kms_request *request, const char *name,
                     const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
const char *kms_request_header(const struct kms_request *request,
                               const char *name);
enum envelope_reason kms_request_check(const struct kms_request *request,
                                       struct envl_err *err);
void kms_request_clear(struct kms_request *request);

/* The headers of a reply that somebody asks for. */
enum kms_reply_header {
    KMS_REPLY_DATE,
    KMS_REPLY_REQUEST_ID, /* x-amzn-RequestId, x-ms-request-id, X-Request-Id */
    KMS_REPLY_ERROR_TYPE, /* x-amzn-ErrorType */
    KMS_REPLY_FLAVOR,     /* Metadata-Flavor */
    KMS_REPLY_RETRY_AFTER,
    KMS_REPLY_HEADER_COUNT
};

struct kms_reply {
    int status; /* 200 */
    struct kms_text headers[KMS_REPLY_HEADER_COUNT];
    struct kms_text body;
};

/* kms_reply_take_header - keep a header that is in the list; len bytes of a
 * line "Name: value" */
void kms_reply_take_header(struct kms_reply *reply, const char *line,
                           size_t len);

/* kms_reply_date - when it was sent, seconds since the epoch; -1 if it does
 * not say so (RFC 9110, 5.6.7: IMF-fixdate) */
int64_t kms_reply_date(const struct kms_reply *reply);
void kms_reply_clear(struct kms_reply *reply);

#endif
