/* SPDX-License-Identifier: Apache-2.0 */
/* The library context of this process, for what reads and makes keys. */
#ifndef ENVL_CONTEXT_H
#define ENVL_CONTEXT_H

#include "lib/base/err.h"
#include "lib/base/libctx.h"

/*
 * envl_context_get - envl_library_get()'s context, for work with keys
 *
 * Where openssl.cnf activates no provider that could do the work, it gets the
 * default one.
 *
 * Ownership: envl_context_clear() ends it, and leaves the library context.
 * Returns:   ENVELOPE_OK; what envl_library_get() and envl_libctx_check()
 *            return; ENVELOPE_R_MEMORY.
 */
enum envelope_reason envl_context_get(struct envl_libctx *ctx,
                                      struct envl_err *err);
void envl_context_clear(struct envl_libctx *ctx);

#endif
