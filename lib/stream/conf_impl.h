/* SPDX-License-Identifier: Apache-2.0 */
/* What reading the configuration file and checking it share: the walk, in which
 * names mean what they mean to libcrypto. */
#ifndef ENVL_CONF_IMPL_H
#define ENVL_CONF_IMPL_H

#include <stdbool.h>

#include <openssl/conf.h>

#include "lib/base/err.h"
#include "lib/stream/conf.h"

/* What names the section of modules, and two names in that. */
#define ENVL_CONF_INIT_KEY "openssl_conf"
#define ENVL_CONF_ALGORITHMS_MODULE "alg_section"
#define ENVL_CONF_PROVIDERS_MODULE "providers"

/* Of a provider's section */
#define ENVL_CONF_ACTIVATE "activate"
#define ENVL_CONF_IDENTITY "identity"
#define ENVL_CONF_SOFT_LOAD "soft_load"

struct envl_conf {
    char *file;
    CONF *conf;              /* NULL: it is empty */
    struct envl_err include; /* a file that it includes and that is not read */
};

struct envl_conf_module {
    const char *name;
    bool of_process; /* done once, whichever the library context */
};

/* A provider as the file has it. */
struct envl_conf_entry {
    const CONF_VALUE *item; /* of the list */
    const char *name;
    STACK_OF(CONF_VALUE) * section; /* its own, or NULL */
};

/* envl_conf_each - go through the providers; false if take was, which ends it */
typedef bool envl_conf_entry_fn(void *arg, const struct envl_conf_entry *entry);
bool envl_conf_each(const struct envl_conf *conf, envl_conf_entry_fn *take,
                    void *arg);

/* envl_conf_find_section - NULL if there is none, or name is NULL
 * envl_conf_init_name - the name of the section of modules, or NULL
 * envl_conf_find_module - as libcrypto finds it; NULL for one it does not know
 * envl_conf_is_module - is that the one of this name? */
STACK_OF(CONF_VALUE)
*envl_conf_find_section(const struct envl_conf *conf, const char *name);
const char *envl_conf_init_name(const struct envl_conf *conf);
const struct envl_conf_module *envl_conf_find_module(const char *name);
bool envl_conf_is_module(const CONF_VALUE *item, const char *name);

/* envl_conf_skip_dot - within a provider's section, and in the list of them, a
 * name can be "2.name"
 * envl_conf_core_value - the value of such a name, or NULL */
const char *envl_conf_skip_dot(const char *name);
const char *envl_conf_core_value(const STACK_OF(CONF_VALUE) * section,
                                 const char *name);

/*
 * envl_conf_fail - a failure with what libcrypto says of it: its newest record,
 * and the oldest one, which is nearer to the cause
 *
 *   where  goes after the name of the file
 *
 * Returns: ENVELOPE_R_CONFIGURATION; _MEMORY.
 */
enum envelope_reason envl_conf_fail(const struct envl_conf *conf,
                                    const char *where, struct envl_err *err);

#endif
