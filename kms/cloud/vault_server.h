/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which server of Vault or OpenBao is meant, and who we are to it: what the URI says,
 * else the variables of Vault, else those of OpenBao.  White space around a variable's
 * text does not count, and other control characters in it are an error.
 */
#ifndef KMS_CLOUD_VAULT_SERVER_H
#define KMS_CLOUD_VAULT_SERVER_H

#include "kms/engine/api.h"

/*
 * kms_vault_server_find - target's endpoint and trust, from its URI and world; the
 * address, in this order: the URI's authority or its address=, VAULT_ADDR, BAO_ADDR
 *
 *   name_space  set to printable text, "" for the root's; the caller's
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY, also where the server's certificate
 *          was not to be verified; ENVELOPE_R_MEMORY.
 */
enum envelope_reason kms_vault_server_find(struct kms_target *target,
                                           struct kms_text *name_space,
                                           struct envl_err *err);

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
