/* SPDX-License-Identifier: Apache-2.0 */
/* Key services, as far as they can be known without the module that asks
 * them: their URIs, what a header says of them, and loading it. */
#ifndef ENVL_KMS_H
#define ENVL_KMS_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/keys/kek_source.h"
#include "lib/keys/kms_interface.h"

/* envl_kms_is_uri - does a text begin with the scheme of a key service? */
bool envl_kms_is_uri(const char *text);

/*
 * envl_kms_load - the module, from the directory that ctx names; it stays
 * loaded, and what it returns is valid for ever
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_NO_KEY_SERVICES.
 */
enum envelope_reason envl_kms_load(const struct envl_kms_module **module,
                                   const struct envl_libctx *ctx,
                                   struct envl_err *err);

/*
 * envl_kms_get - a copy of what a header says; source is ENVL_KEK_KMS
 * envl_kms_borrow - the other way, of what a service has made; wrapped must
 * stay as long as source
 *
 * Returns: borrow: ENVELOPE_OK; ENVELOPE_R_KEY_SERVICE for what no header can
 *          hold.
 */
void envl_kms_get(struct envl_kms_wrapped *wrapped,
                  const struct envl_kek_source *source);
enum envelope_reason envl_kms_borrow(struct envl_kek_source *source,
                                     const struct envl_kms_wrapped *wrapped,
                                     struct envl_err *err);

#endif
