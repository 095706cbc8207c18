/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Defaults for settings that the program leaves out: from the environment, or
 * else from the provider's section of openssl.cnf.
 */
#ifndef ENVL_DEFAULTS_H
#define ENVL_DEFAULTS_H

#include "lib/base/err.h"
#include "lib/stream/conf.h"
#include "lib/stream/settings.h"

/* The provider's section.  The strings are borrowed from libcrypto or from the
 * file; NULL for a setting that the section does not have. */
struct envl_defaults {
#define ENVL_DEFAULTS_FIELD(name, field, max) char *field;
    ENVL_CONF_SETTINGS(ENVL_DEFAULTS_FIELD)
#undef ENVL_DEFAULTS_FIELD
    char place[200]; /* the file and the section, as far as known */
};

/* envl_defaults_get - get the section from conf, which must outlive defaults */
void envl_defaults_get(struct envl_defaults *defaults,
                       const struct envl_conf *conf, const char *provider);

/* envl_defaults_kms_modules - the directory of the module of key services, from
 * the environment; NULL if that does not name it */
const char *envl_defaults_kms_modules(void);

/*
 * envl_defaults_threads - get the number of threads from the settings, or else
 * from the section; 0 if neither has it
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CONFIGURATION.
 */
enum envelope_reason envl_defaults_threads(const struct envl_defaults *defaults,
                                           const struct envl_settings *settings,
                                           unsigned *threads,
                                           struct envl_err *err);

/*
 * Each function fills settings that the program has not set.
 *
 * envl_defaults_recipients    the recipients and the signers
 * envl_defaults_rules         which keys and certificates may be recipients;
 *                             allow-expired and skip-expired of the section
 *                             count only if the program has set neither
 * envl_defaults_identities    the identities, the labels that are required,
 *                             and the signers to trust
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CONFIGURATION; _MEMORY.
 */
enum envelope_reason
envl_defaults_recipients(const struct envl_defaults *defaults,
                         struct envl_key_settings *settings,
                         struct envl_err *err);
enum envelope_reason envl_defaults_rules(const struct envl_defaults *defaults,
                                         struct envl_key_settings *settings,
                                         struct envl_err *err);
enum envelope_reason
envl_defaults_identities(const struct envl_defaults *defaults,
                         struct envl_key_settings *settings,
                         struct envl_err *err);

#endif
