/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by conf.c and conf_check.c: following the names in the file, as
 * libcrypto does. */
#ifndef ENVL_CONF_IMPL_H
#define ENVL_CONF_IMPL_H

#include <stdbool.h>

#include <openssl/conf.h>

#include "lib/base/err.h"
#include "lib/stream/conf.h"

/* The name that leads to the section of modules, and two names in that. */
#define ENVL_CONF_INIT_KEY "openssl_conf"
#define ENVL_CONF_ALGORITHMS_MODULE "alg_section"
#define ENVL_CONF_PROVIDERS_MODULE "providers"

/* Names in a provider's section */
#define ENVL_CONF_ACTIVATE "activate"
#define ENVL_CONF_IDENTITY "identity"
#define ENVL_CONF_SOFT_LOAD "soft_load"

struct envl_conf {
    char *file;
    CONF *conf;              /* NULL: the file is empty */
    struct envl_err include; /* the failure of an include; or reason 0 */
};

struct envl_conf_module {
    const char *name;
    bool of_process; /* applied once in a process, for all library contexts */
};

/* A provider in the file's list. */
struct envl_conf_entry {
    const CONF_VALUE *item; /* in the list */
    const char *name;
    STACK_OF(CONF_VALUE) * section; /* the provider's own; or NULL */
};

/* envl_conf_each - call take for each provider, until take returns false; false
 * if it did */
typedef bool envl_conf_entry_fn(void *arg, const struct envl_conf_entry *entry);
bool envl_conf_each(const struct envl_conf *conf, envl_conf_entry_fn *take,
                    void *arg);

/* envl_conf_find_section - the section of this name; NULL if there is none, or
 * name is NULL
 * envl_conf_init_name - the name of the section of modules, or NULL
 * envl_conf_find_module - the module that libcrypto finds by this name; NULL if
 * it knows none
 * envl_conf_is_module - is item the module of this name? */
STACK_OF(CONF_VALUE)
*envl_conf_find_section(const struct envl_conf *conf, const char *name);
const char *envl_conf_init_name(const struct envl_conf *conf);
const struct envl_conf_module *envl_conf_find_module(const char *name);
bool envl_conf_is_module(const CONF_VALUE *item, const char *name);

/* envl_conf_skip_dot - the part of "2.name" after the dot: names may have such
 * a prefix in the list of providers and in a provider's section
 * envl_conf_core_value - the value of a name in a section, with or without
 * such a prefix; or NULL */
const char *envl_conf_skip_dot(const char *name);
const char *envl_conf_core_value(const STACK_OF(CONF_VALUE) * section,
                                 const char *name);

/*
 * envl_conf_fail - fail with the texts of libcrypto's newest error record and
 * of the oldest one, which is nearer to the cause
 *
 *   where  text that follows the name of the file
 *
 * Returns: ENVELOPE_R_CONFIGURATION; _MEMORY.
 */
enum envelope_reason envl_conf_fail(const struct envl_conf *conf,
                                    const char *where, struct envl_err *err);

#endif
