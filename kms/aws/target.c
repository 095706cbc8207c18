/* SPDX-License-Identifier: Apache-2.0 */
/* From a URI to a region, an endpoint and a key's name. */
#include "kms/aws/target.h"

#include <string.h>

#include "kms/aws/endpoint.h"
#include "kms/engine/credentials.h"

/* Region */

static enum envelope_reason
configured_region(struct kms_text *region, const struct kms_world *world,
                  const struct kms_uri *uri, struct envl_err *err)
{
    enum envelope_reason rc =
        kms_aws_region(region, world, kms_uri_get(uri, "profile"), err);

    if (rc != ENVELOPE_OK)
        return rc;
    if (region->len == 0)
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "awskms: there is no region: name it in the URI "
                         "(region=), in AWS_REGION or in the profile, or give "
                         "the key's ARN");
    if (!kms_aws_is_region(kms_text_get(region)))
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "awskms: the region that AWS_REGION, "
                         "AWS_DEFAULT_REGION or the profile names is none: "
                         "\"%.64s\"",
                         kms_text_get(region));
    return ENVELOPE_OK;
}

enum envelope_reason
kms_aws_target_read(struct kms_aws_target *target,
                    const struct kms_world *world, const struct kms_uri *uri,
                    enum envl_kms_use use, struct envl_err *err)
{
    const char *said = kms_uri_get(uri, "region");
    enum envelope_reason rc;

    *target = (struct kms_aws_target){ 0 };
    rc = kms_aws_key_read(&target->key, uri, use, err);
    target->key_id = kms_text_get(&target->key.name);
    if (rc != ENVELOPE_OK)
        return rc;
    if (target->key.kind == KMS_AWS_ARN)
        said = target->key.arn.region;
    if (said == NULL)
        return configured_region(&target->region, world, uri, err);
    if (target->key.kind != KMS_AWS_DISCOVERY)
        kms_text_set(&target->region, said);
    return target->region.failed ? envl_fail_memory(err) : ENVELOPE_OK;
}

void
kms_aws_target_clear(struct kms_aws_target *target)
{
    kms_aws_key_clear(&target->key);
    kms_text_clear(&target->region);
    kms_text_clear(&target->ca_file);
    *target = (struct kms_aws_target){ 0 };
}

/* Endpoint */

static enum envelope_reason
find_endpoint(struct kms_aws_target *target, struct kms_endpoint *endpoint,
              const struct kms_world *world, const char *region,
              struct envl_err *err)
{
    const struct kms_uri *uri = target->key.uri;
    const struct kms_aws_place place = {
        .world = world,
        .service = KMS_AWS_KMS,
        .region = region,
        .partition = kms_aws_key_partition(&target->key),
        .endpoint = kms_uri_get(uri, "endpoint"),
        .profile = kms_uri_get(uri, "profile"),
    };

    kms_endpoint_clear(endpoint);
    return kms_aws_endpoint(endpoint, &target->ca_file, &place, err);
}

/* Is there one for each region of the URI? */
static enum envelope_reason
check_endpoints(struct kms_aws_target *target, const struct kms_world *world,
                struct envl_err *err)
{
    struct kms_endpoint endpoint = { 0 };
    const struct kms_uri *uri = target->key.uri;
    enum envelope_reason rc = ENVELOPE_OK;
    size_t i;

    for (i = 0; i < uri->query_count && rc == ENVELOPE_OK; i++) {
        if (strcmp(uri->query[i].name, "region") == 0)
            rc = find_endpoint(target, &endpoint, world, uri->query[i].value,
                               err);
    }
    kms_endpoint_clear(&endpoint);
    return rc;
}

enum envelope_reason
kms_aws_target_connect(struct kms_aws_target *target,
                       struct kms_endpoint *endpoint,
                       const struct kms_world *world, const char *arn,
                       struct envl_err *err)
{
    const struct kms_aws_key *key = &target->key;
    struct kms_aws_arn found;

    if (key->kind == KMS_AWS_DISCOVERY && arn != NULL
        && kms_aws_arn_parse_key(&found, arn)) {
        target->key_id = arn;
        kms_text_set(&target->region, found.region);
    }
    if (target->region.failed)
        return envl_fail_memory(err);
    if (target->region.len == 0)
        return check_endpoints(target, world, err);
    return find_endpoint(target, endpoint, world, kms_text_get(&target->region),
                         err);
}

/* Keys in headers and replies */

bool
kms_aws_target_matches(const struct kms_aws_target *target, const char *arn)
{
    struct kms_aws_arn parsed;

    return kms_aws_arn_parse_key(&parsed, arn)
           && kms_aws_key_matches(&target->key, kms_text_get(&target->region),
                                  &parsed);
}

enum envelope_reason
kms_aws_target_check(const struct kms_aws_target *target, const char *said,
                     const char *wanted, struct envl_err *err)
{
    const char *region = kms_text_get(&target->region);
    struct kms_aws_arn found, other;

    if (!kms_aws_arn_parse_key(&found, said))
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                         "the reply does not name a key by its ARN");
    if (strcmp(found.region, region) == 0
        && (wanted == NULL ? kms_aws_key_matches(&target->key, region, &found)
                           : kms_aws_arn_parse_key(&other, wanted)
                                 && kms_aws_arn_same(&found, &other)))
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                     "the service used another key, %.110s, than it was asked "
                     "for, %.110s",
                     said, wanted != NULL ? wanted : target->key_id);
}

void
kms_aws_target_advise(const struct kms_aws_target *target, const char *arn,
                      struct envl_err *err)
{
    const char *region = kms_text_get(&target->region);
    const struct envl_err said = *err;
    struct kms_aws_arn parsed;

    if (kms_aws_arn_parse_key(&parsed, arn)
        && kms_aws_arn_is_multi_region(&parsed)
        && strcmp(parsed.region, region) != 0)
        (void)envl_fail(err, said.reason,
                        "%.220s; the key may have no replica in %s: write "
                        "awskms:///%.100s, or the ARN of a replica",
                        said.detail, region, arn);
}
