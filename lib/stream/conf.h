/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcrypto's configuration file, which libcrypto reads forgivingly: what is
 * wrong in it is left out without a word, and all that follows.  With it goes
 * what was meant to hold, such as "properties = fips=yes".  Here nothing is
 * forgiven.  What the settings of our own section do is not known here.
 */
#ifndef ENVL_CONF_H
#define ENVL_CONF_H

#include <stdbool.h>

#include <openssl/types.h>

#include <envelope/envelope.h>

#include "lib/base/err.h"

/* The settings of the provider's section: name, field of struct envl_defaults,
 * and of a number the most that it may be. */
#define ENVL_CONF_PROPERTIES "properties"
#define ENVL_CONF_SETTINGS(X)                                          \
    X(ENVELOPE_PARAM_RECIPIENTS, recipients, ENVL_CONF_TEXT)           \
    X(ENVELOPE_PARAM_IDENTITIES, identities, ENVL_CONF_TEXT)           \
    X(ENVELOPE_PARAM_PASSPHRASE_FILE, passphrase_file, ENVL_CONF_TEXT) \
    X(ENVELOPE_PARAM_THREADS, threads, ENVL_THREADS_MAX)               \
    X(ENVELOPE_PARAM_ALLOW_EXPIRED, allow_expired, 1)                  \
    X(ENVELOPE_PARAM_SKIP_EXPIRED, skip_expired, 1)                    \
    X(ENVELOPE_PARAM_ALLOW_USAGE, allow_usage, 1)                      \
    X(ENVELOPE_PARAM_REQUIRE_POST_QUANTUM, require_post_quantum, 1)    \
    X(ENVL_CONF_PROPERTIES, properties, ENVL_CONF_TEXT)
#define ENVL_CONF_TEXT 0

/* What a file says; never changed once it was read. */
struct envl_conf;

/*
 * envl_conf_read - the file that OPENSSL_CONF names, or else libcrypto's own
 *
 * Empty is what OPENSSL_CONF makes of it where it is set and empty, and
 * libcrypto's own file where it is not there.  A file that was named must be.
 *
 *   turn  a pipe can be read once, and is empty when read again
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
 * envl_conf_check - is each file there that is included, and each section that
 * another one names, and is what is in the section of this provider, and in that
 * of algorithms, known, and a number where it shall be one?  Is there a way to
 * each of them?
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CONFIGURATION; _MEMORY.
 */
enum envelope_reason envl_conf_check(const struct envl_conf *conf,
                                     const char *provider,
                                     struct envl_err *err);

/*
 * envl_conf_check_active - does a section with settings activate this provider?
 *
 * For one that is built in: it would take the settings to be missing, because
 * libcrypto passes them on where it activates the provider itself, and only
 * there.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CONFIGURATION.
 */
enum envelope_reason envl_conf_check_active(const struct envl_conf *conf,
                                            const char *provider,
                                            struct envl_err *err);

/*
 * envl_conf_number - what a setting says that is a number
 *
 *   value  of the setting; *number stays as it is where this is NULL
 *   place  where it is from, for messages
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CONFIGURATION if it is no number, or more
 *          than the setting may be.
 */
enum envelope_reason envl_conf_number(unsigned *number, const char *setting,
                                      const char *value, const char *place,
                                      struct envl_err *err);

/*
 * envl_conf_load - have libcrypto do in libctx what the file says, and see that
 * the providers are there
 *
 * What belongs to the process, engines and object identifiers, libcrypto does
 * once by itself: it fails the second time.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CONFIGURATION; _MEMORY.
 * Threads: one at a time.
 */
enum envelope_reason envl_conf_load(const struct envl_conf *conf,
                                    OSSL_LIB_CTX *libctx, struct envl_err *err);

/* envl_conf_file - its name; empty if there is none */
const char *envl_conf_file(const struct envl_conf *conf);

/* envl_conf_section - the name of the provider's section; empty if there is none,
 * envl_conf_get - what the provider's section says for this setting, or NULL;
 * envl_conf_is_section - could libcrypto take it for a section's name? */
const char *envl_conf_section(const struct envl_conf *conf,
                              const char *provider);
const char *envl_conf_get(const struct envl_conf *conf, const char *provider,
                          const char *setting);
bool envl_conf_is_section(const struct envl_conf *conf, const char *value);

/* envl_conf_names - does the file have this provider at all?
 * envl_conf_activates - does it activate it?
 * envl_conf_activates_other - does it activate any other one? */
bool envl_conf_names(const struct envl_conf *conf, const char *provider);
bool envl_conf_activates(const struct envl_conf *conf, const char *provider);
bool envl_conf_activates_other(const struct envl_conf *conf,
                               const char *provider);

#endif
