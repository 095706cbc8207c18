/* SPDX-License-Identifier: Apache-2.0 */
/* kms.conf: what a URI cannot say of the services httpkms and execkms. */
#ifndef KMS_SITE_CONFIG_H
#define KMS_SITE_CONFIG_H

#include "kms/core/text.h"
#include "kms/http/world.h"
#include "lib/base/err.h"

/*
 * kms_config_read - the file that ENVELOPE_KMS_CONFIG names, or else
 * SYSCONFDIR/envelope/kms.conf, in the form that kms_ini_read() takes
 * kms_config_path - which one that is
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY naming the file; _MEMORY.
 */
enum envelope_reason kms_config_read(struct kms_text *text,
                                     const struct kms_world *world,
                                     struct envl_err *err);
const char *kms_config_path(const struct kms_world *world);

#endif
