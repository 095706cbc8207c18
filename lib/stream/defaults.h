/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds where a program says nothing: what the environment says, or else
 * the provider's section of openssl.cnf.
 */
#ifndef ENVL_DEFAULTS_H
#define ENVL_DEFAULTS_H

#include "lib/base/err.h"
#include "lib/stream/conf.h"
#include "lib/stream/settings.h"

/* The provider's section.  The strings are those of libcrypto, or of the file;
 * NULL is what it does not say. */
struct envl_defaults {
#define ENVL_DEFAULTS_FIELD(name, field, max) char *field;
    ENVL_CONF_SETTINGS(ENVL_DEFAULTS_FIELD)
#undef ENVL_DEFAULTS_FIELD
    char place[200]; /* the file and the section, as far as known */
};

/* envl_defaults_get - the section as the file has it, which must outlive it */
void envl_defaults_get(struct envl_defaults *defaults,
                       const struct envl_conf *conf, const char *provider);

/* envl_defaults_kms_modules - where the environment says that modules for key
 * services are; NULL where it does not */
const char *envl_defaults_kms_modules(void);

/*
 * envl_defaults_threads - how many threads the settings say, or if they say
 * nothing the section: 0 if that does not, either
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CONFIGURATION.
 */
enum envelope_reason envl_defaults_threads(const struct envl_defaults *defaults,
                                           const struct envl_settings *settings,
                                           unsigned *threads,
                                           struct envl_err *err);

/*
 * Each fills what settings leave open.
 *
 * envl_defaults_recipients    for whom a stream is
 * envl_defaults_rules         which keys and certificates may be recipients:
 *                             allow-expired and skip-expired of the section
 *                             count only if the program has set neither
 * envl_defaults_identities    with what it is opened
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
