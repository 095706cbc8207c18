/* SPDX-License-Identifier: Apache-2.0 */
/* Sending one request over the network, and getting its whole reply. */
#ifndef KMS_HTTP_TRANSPORT_H
#define KMS_HTTP_TRANSPORT_H

#include "kms/http/http.h"
#include "lib/base/err.h"

#define KMS_CONNECT_MS 5000
#define KMS_REPLY_HEADERS_LEN_MAX 16384 /* with all that came before 200 */

/*
 * kms_transport_send - struct kms_world's send
 *
 * HTTP/1.1, and TLS 1.2 at least, without which only an endpoint that is
 * plain is asked.  No redirection, cookie, password file, or compression.
 * Proxies are those of the environment (https_proxy, all_proxy, no_proxy);
 * none where the endpoint is plain, of metadata, or on loopback, and none in a
 * program that runs with raised privileges.
 *
 * Where the request has a ca_file or a ca_path, these are trusted, and the
 * system's authorities are not.
 *
 *   request  has passed kms_request_check()
 *
 * The connection is kept for the next request to the same endpoint with the same
 * settings (http/handles.h).  Where the server has closed it, libcurl asks once more
 * on a new one.
 *
 * Memory:  the request's and the reply's texts are wiped by their owners;
 *          libcurl and its TLS have copies of their own as long as the connection
 *          is kept, and free them as they are.
 * Returns: as there; reply is empty on failure.
 * Threads: safe.
 */
enum envelope_reason kms_transport_send(void *arg, struct kms_reply *reply,
                                        const struct kms_request *request,
                                        unsigned milliseconds,
                                        struct envl_err *err);

#endif
