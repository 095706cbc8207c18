/* SPDX-License-Identifier: Apache-2.0 */
/* Which section of AWS's two files is a profile, as the aws command sees it. */
#ifndef KMS_AWS_SECTION_H
#define KMS_AWS_SECTION_H

#include "kms/core/ini.h"

/*
 * kms_aws_is_credentials_section - [NAME] in the file of credentials
 * kms_aws_is_config_section - [profile NAME] in that of the configuration, or
 * [default]; the words are those of a shell: 'profile "my team"'
 */
kms_ini_is_section kms_aws_is_credentials_section, kms_aws_is_config_section;

#endif
