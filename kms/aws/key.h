/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of keys at AWS KMS: what a URI may say, what a header or a reply may
 * say, and whether one means the other.  Functions of their arguments only.
 */
#ifndef KMS_AWS_KEY_H
#define KMS_AWS_KEY_H

#include <stdbool.h>

#include "kms/core/text.h"
#include "kms/core/uri.h"
#include "lib/base/err.h"
#include "lib/keys/kms_interface.h"

#define KMS_AWS_PARTITION_SIZE 24
#define KMS_AWS_REGION_SIZE 32
#define KMS_AWS_ACCOUNT_SIZE 13

/* arn:PARTITION:kms:REGION:ACCOUNT:key/ID, or :alias/NAME */
struct kms_aws_arn {
    char partition[KMS_AWS_PARTITION_SIZE];
    char region[KMS_AWS_REGION_SIZE];
    char account[KMS_AWS_ACCOUNT_SIZE];
    bool is_alias;
    const char *id; /* "1234abcd-...", "alias/NAME": within the text */
};

/*
 * kms_aws_arn_parse - of a key or an alias; false for anything else, so that
 * each part can stand in a host name
 * kms_aws_arn_parse_key - of a key only
 * kms_aws_arn_is_multi_region - is it a key whose siblings in other regions are of
 * the same id and material?
 * kms_aws_arn_same - the same key, or one of its siblings in another region,
 * if it is a multi-Region key
 */
bool kms_aws_arn_parse(struct kms_aws_arn *arn, const char *text);
bool kms_aws_arn_parse_key(struct kms_aws_arn *arn, const char *text);
bool kms_aws_arn_is_multi_region(const struct kms_aws_arn *arn);
bool kms_aws_arn_same(const struct kms_aws_arn *a, const struct kms_aws_arn *b);

bool kms_aws_is_region(const char *text);

enum kms_aws_kind {
    KMS_AWS_ARN,      /* of a key or an alias */
    KMS_AWS_ALIAS,    /* "alias/NAME" */
    KMS_AWS_ID,       /* the last part of a key's ARN */
    KMS_AWS_DISCOVERY /* any key of some accounts */
};

/* What a URI names. */
struct kms_aws_key {
    enum kms_aws_kind kind;
    const struct kms_uri *uri; /* borrowed */
    struct kms_text name;      /* "arn:...", "alias/NAME", an id, or "" */
    struct kms_aws_arn arn;    /* of KMS_AWS_ARN; within name */
};

/*
 * kms_aws_key_read - check all that a URI says
 *
 *     awskms:///KEY[?account=A..][&region=R][&profile=P][&endpoint=URL]
 *     awskms://alias/NAME[?..], as others write awskms:///alias/NAME
 *     awskms:?account=A[&account=..][&partition=T][&region=R..][&..]
 *
 * Ownership: key is the caller's, kms_aws_key_clear(), also after a failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY; ENVELOPE_R_MEMORY.
 */
enum envelope_reason kms_aws_key_read(struct kms_aws_key *key,
                                      const struct kms_uri *uri,
                                      enum envl_kms_use use,
                                      struct envl_err *err);
void kms_aws_key_clear(struct kms_aws_key *key);

/* kms_aws_key_partition - as the URI has it; NULL if it follows from the
 * region */
const char *kms_aws_key_partition(const struct kms_aws_key *key);

/*
 * kms_aws_key_matches - can the URI's user mean this key?
 *
 *   region  where an alias or a bare id is asked for; for a discovery whose
 *           URI has no region, the only one that is asked
 */
bool kms_aws_key_matches(const struct kms_aws_key *key, const char *region,
                         const struct kms_aws_arn *arn);

#endif
