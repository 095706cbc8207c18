/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcrypto's configuration file.  libcrypto skips mistakes in the file, and
 * often all that follows them, without a message: then settings such as
 * "properties = fips=yes" have no effect.  This code reports every mistake.  It
 * does not know what the settings of the provider's section do.
 */
#ifndef ENVL_CONF_H
#define ENVL_CONF_H

#include <stdbool.h>

#include <openssl/types.h>

#include <envelope/envelope.h>

#include "lib/base/err.h"

/* The settings of the provider's section: the name, the field of struct
 * envl_defaults, and the maximum of a number. */
#define ENVL_CONF_PROPERTIES "properties"
#define ENVL_CONF_SETTINGS(X)                                          \
    X(ENVELOPE_PARAM_RECIPIENTS, recipients, ENVL_CONF_TEXT)           \
    X(ENVELOPE_PARAM_IDENTITIES, identities, ENVL_CONF_TEXT)           \
    X(ENVELOPE_PARAM_PASSPHRASE_FILE, passphrase_file, ENVL_CONF_TEXT) \
    X(ENVELOPE_PARAM_REQUIRE_LABELS, required_labels, ENVL_CONF_TEXT)  \
    X(ENVELOPE_PARAM_SIGNERS, signers, ENVL_CONF_TEXT)                 \
    X(ENVELOPE_PARAM_SIGNED_BY, signed_by, ENVL_CONF_TEXT)             \
    X(ENVELOPE_PARAM_THREADS, threads, ENVL_THREADS_MAX)               \
    X(ENVELOPE_PARAM_ALLOW_EXPIRED, allow_expired, 1)                  \
    X(ENVELOPE_PARAM_SKIP_EXPIRED, skip_expired, 1)                    \
    X(ENVELOPE_PARAM_ALLOW_USAGE, allow_usage, 1)                      \
    X(ENVELOPE_PARAM_REQUIRE_POST_QUANTUM, require_post_quantum, 1)    \
    X(ENVL_CONF_PROPERTIES, properties, ENVL_CONF_TEXT)
#define ENVL_CONF_TEXT 0

/* The content of a file; it never changes after it was read. */
struct envl_conf;

/*
 * envl_conf_read - read the file that OPENSSL_CONF names, or else libcrypto's
 * default file
 *
 * The result is empty if OPENSSL_CONF is set but empty, or if libcrypto's
 * default file does not exist.  A file that OPENSSL_CONF names must exist.
 *
 *   turn  the first or a later reading: a pipe is empty when it is read again
 *
 * Ownership: *conf is the caller's, envl_conf_free(); NULL on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_CONFIGURATION; _MEMORY.
 */
enum envl_conf_turn { ENVL_CONF_FIRST, ENVL_CONF_AGAIN };
enum envelope_reason envl_conf_read(struct envl_conf **conf,
                                    OSSL_LIB_CTX *libctx,
                                    enum envl_conf_turn turn,
                                    struct envl_err *err);
void envl_conf_free(struct envl_conf *conf); /* NULL is fine */

/*
 * envl_conf_check - report mistakes in a file
 *
 * All included files and all sections that are named must exist.  In the
 * sections of this provider and of algorithms, all names must be known and all
 * values valid.  libcrypto must get to these sections from openssl_conf.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CONFIGURATION; _MEMORY.
 */
enum envelope_reason envl_conf_check(const struct envl_conf *conf,
                                     const char *provider,
                                     struct envl_err *err);

/*
 * envl_conf_check_active - if a section has settings of this provider, does it
 * also activate the provider?
 *
 * This is for a built-in provider: libcrypto passes the settings on only if the
 * file activates the provider, else they would have no effect.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CONFIGURATION.
 */
enum envelope_reason envl_conf_check_active(const struct envl_conf *conf,
                                            const char *provider,
                                            struct envl_err *err);

/*
 * envl_conf_number - read a setting that is a number
 *
 *   value  the setting's value; if it is NULL, *number does not change
 *   place  the source of the setting, for messages
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CONFIGURATION if value is not a number, or
 *          above the maximum of the setting.
 */
enum envelope_reason envl_conf_number(unsigned *number, const char *setting,
                                      const char *value, const char *place,
                                      struct envl_err *err);

/*
 * envl_conf_load - let libcrypto apply the file to libctx, and check that the
 * providers are there
 *
 * Engines and object identifiers belong to the process.  libcrypto applies them
 * once by itself, and would fail the second time, so they are left out here.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CONFIGURATION; _MEMORY.
 * Threads: one at a time.
 */
enum envelope_reason envl_conf_load(const struct envl_conf *conf,
                                    OSSL_LIB_CTX *libctx, struct envl_err *err);

/* envl_conf_file - the file's name; empty if there is no file */
const char *envl_conf_file(const struct envl_conf *conf);

/* envl_conf_section - the name of the provider's section; empty if there is
 * none
 * envl_conf_get - the value of a setting in the provider's section, or NULL
 * envl_conf_is_section - is value the name of a section of the file? */
const char *envl_conf_section(const struct envl_conf *conf,
                              const char *provider);
const char *envl_conf_get(const struct envl_conf *conf, const char *provider,
                          const char *setting);
bool envl_conf_is_section(const struct envl_conf *conf, const char *value);

/* envl_conf_names - does the file name this provider at all?
 * envl_conf_activates - does the file activate this provider?
 * envl_conf_activates_other - does the file activate any other provider? */
bool envl_conf_names(const struct envl_conf *conf, const char *provider);
bool envl_conf_activates(const struct envl_conf *conf, const char *provider);
bool envl_conf_activates_other(const struct envl_conf *conf,
                               const char *provider);

#endif
