/* SPDX-License-Identifier: Apache-2.0 */
/* Finds kms.conf.  A service that needs it cannot do without, so that a file
 * that is missing is an error. */
#include "kms/site/config.h"

#define CONFIG_LEN_MAX 65536

const char *
kms_config_path(const struct kms_world *world)
{
    const char *path = world->variable(world->arg, "ENVELOPE_KMS_CONFIG");

    return path != NULL ? path : ENVELOPE_KMS_CONFIG_PATH;
}

enum envelope_reason
kms_config_read(struct kms_text *text, const struct kms_world *world,
                struct envl_err *err)
{
    const char *path = kms_config_path(world);
    enum envelope_reason rc = world->guard(world->arg, path, err);

    if (rc == ENVELOPE_OK)
        rc = world->read(world->arg, text, path, CONFIG_LEN_MAX, err);

    /* It names the file, but takes it for one of credentials. */
    if (rc == ENVELOPE_R_CREDENTIALS)
        rc = err->reason = ENVELOPE_R_UNREADABLE_KEY;
    if (rc == ENVELOPE_OK && text->data == NULL)
        rc = envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                       "%s: there is no such file; it has to describe the "
                       "key service (ENVELOPE_KMS_CONFIG names another one)",
                       path);
    return rc;
}
