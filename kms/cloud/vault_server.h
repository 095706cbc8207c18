/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which server of Vault or OpenBao is meant, and who we are to it: what the URI says,
 * else the variables of Vault, else those of OpenBao.  White space around a variable's
 * text does not count, and other control characters in it are an error.
 */
#ifndef KMS_CLOUD_VAULT_SERVER_H
#define KMS_CLOUD_VAULT_SERVER_H

#include "kms/core/uri.h"
#include "kms/http/http.h"
#include "kms/http/world.h"
#include "lib/base/err.h"

struct kms_vault_server {
    struct kms_endpoint endpoint;
    struct kms_text name_space; /* printable; "": the root's */
    struct kms_tls tls;
};

/*
 * kms_vault_server_find - the address, in this order: the URI's authority or
 * its address=, VAULT_ADDR, BAO_ADDR; and what belongs to it
 *
 * Ownership: server is the caller's, kms_vault_server_clear(); empty on
 *            failure.  It borrows from world and uri.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY, also where the server's
 *            certificate was not to be verified; ENVELOPE_R_MEMORY.
 */
enum envelope_reason kms_vault_server_find(struct kms_vault_server *server,
                                           const struct kms_world *world,
                                           const struct kms_uri *uri,
                                           struct envl_err *err);
void kms_vault_server_clear(struct kms_vault_server *server);

/*
 * kms_vault_token - VAULT_TOKEN, BAO_TOKEN, or what ~/.vault-token has
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CREDENTIALS if there is none, or none that
 *          is printable; ENVELOPE_R_MEMORY.  token is empty on failure.
 */
enum envelope_reason kms_vault_token(struct kms_text *token,
                                     const struct kms_world *world,
                                     struct envl_err *err);

#endif
