/* SPDX-License-Identifier: Apache-2.0 */
/* For libraries to preload: the function that one of theirs stands in for. */
#ifndef REAL_H
#define REAL_H

#include <dlfcn.h>
#include <err.h>

static void *
next(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);

    if (function == NULL)
        errx(99, "%s", dlerror());
    return function;
}

#define REAL(name) ((__typeof__(&(name)))next(#name))

#endif
