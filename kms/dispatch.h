/* SPDX-License-Identifier: Apache-2.0 */
/* From a call of lib/ to the service that its URI names, in any world. */
#ifndef KMS_DISPATCH_H
#define KMS_DISPATCH_H

#include "kms/http/world.h"
#include "lib/keys/kms_interface.h"

/*
 * What struct envl_kms_module asks for, under the same names.  A service gets
 * a URI that was parsed and passed its check; an unwrap or rewrap gets there
 * only with what matches, and out of it only with a key and a blob.
 */
enum envelope_reason kms_dispatch_check(const struct kms_world *world,
                                        const char *uri, enum envl_kms_use use,
                                        struct envl_err *err);
bool kms_dispatch_matches(const struct kms_world *world, const char *uri,
                          const struct envl_kms_wrapped *wrapped);
enum envelope_reason kms_dispatch_generate(const struct kms_world *world,
                                           struct envl_kms_wrapped *made,
                                           unsigned char kek[ENVL_KEK_LEN],
                                           const struct envl_kms_call *call,
                                           struct envl_err *err);
enum envelope_reason kms_dispatch_unwrap(const struct kms_world *world,
                                         unsigned char kek[ENVL_KEK_LEN],
                                         const struct envl_kms_wrapped *wrapped,
                                         const struct envl_kms_call *call,
                                         struct envl_err *err);
enum envelope_reason kms_dispatch_rewrap(const struct kms_world *world,
                                         struct envl_kms_wrapped *made,
                                         const struct envl_kms_wrapped *wrapped,
                                         const struct envl_kms_call *call,
                                         const char *to_uri,
                                         struct envl_err *err);
bool kms_dispatch_is_public(const char *uri);
enum envelope_reason kms_dispatch_public_key(const struct kms_world *world,
                                             unsigned char *der, size_t *len,
                                             const struct envl_kms_call *call,
                                             struct envl_err *err);
enum envelope_reason kms_dispatch_decrypt(const struct kms_world *world,
                                          unsigned char key[ENVL_KEK_LEN],
                                          struct envl_kms_encrypted *encrypted,
                                          const struct envl_kms_call *call,
                                          struct envl_err *err);

#endif
