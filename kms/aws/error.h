/* SPDX-License-Identifier: Apache-2.0 */
/* What AWS KMS says when it does not do what it was asked for. */
#ifndef KMS_AWS_ERROR_H
#define KMS_AWS_ERROR_H

#include "kms/http/exchange.h"
#include "kms/http/http.h"
#include "lib/base/err.h"

/*
 * kms_aws_error - what a reply whose status is not 200 means; err tells
 * people, with what they can do about it
 *
 * The error's code decides; of one that is not known here, the status.
 */
enum kms_outcome kms_aws_error(const struct kms_reply *reply,
                               struct envl_err *err);

#endif
