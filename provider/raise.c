/* SPDX-License-Identifier: Apache-2.0 */
/* The reasons in libcrypto's form, and the only function that raises
 * records. */
#include "provider/provider.h"

#include <stdarg.h>

const OSSL_ITEM envl_reason_strings[] = {
/* The texts are constant, but libcrypto's structure has a pointer that is
 * not. */
#define REASON_ITEM(name, number, text) { name, (void *)(uintptr_t)(text) },
    ENVELOPE_REASONS(REASON_ITEM)
#undef REASON_ITEM
        { 0, NULL }
};

static void
set_error(const struct envl_provider *prov, uint32_t reason, const char *fmt,
          ...)
{
    va_list args;

    va_start(args, fmt);
    prov->vset_error(prov->core, reason, fmt, args);
    va_end(args);
}

int
envl_raise_at(const struct envl_provider *prov, const struct envl_err *err,
              const char *file, int line, const char *func)
{
    prov->new_error(prov->core);
    prov->set_error_debug(prov->core, file, line, func);
    set_error(prov, err->reason, "%s", err->detail);
    return 0;
}
