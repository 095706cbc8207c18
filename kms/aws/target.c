/* SPDX-License-Identifier: Apache-2.0 */
/* From a URI to a region, an endpoint and a key's name. */
#include "kms/aws/target.h"

#include <string.h>

#include "kms/engine/credentials.h"

/*
 * The parts of AWS's world, and what their hosts' names end with.
 * Source: botocore 1.43, data/partitions.json.
 */
static const struct partition {
    const char *name, *region_begin, *suffix, *dual_stack_suffix;
} partitions[] = {
    { "aws-cn", "cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn" },
    { "aws-eusc", "eusc-", "amazonaws.eu", "api.amazonwebservices.eu" },
    { "aws-us-gov", "us-gov-", "amazonaws.com", "api.aws" },
    { "aws-iso", "us-iso-", "c2s.ic.gov", "api.aws.ic.gov" },
    { "aws-iso-b", "us-isob-", "sc2s.sgov.gov", "api.aws.scloud" },
    { "aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk" },
    { "aws-iso-f", "us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov" },
    { "aws", "", "amazonaws.com", "api.aws" }, /* all others */
};
#define PARTITION_COUNT (sizeof(partitions) / sizeof(partitions[0]))

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

    *target = (struct kms_aws_target){ .key_id = uri->path };
    rc = kms_aws_key_read(&target->key, uri, use, err);
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
    kms_text_clear(&target->region);
    kms_endpoint_clear(&target->endpoint);
    *target = (struct kms_aws_target){ 0 };
}

/* Endpoint */

static bool
is_true(const struct kms_world *world, const char *name)
{
    const char *value = world->variable(world->arg, name);

    return value != NULL && kms_same_name(value, strlen(value), "true");
}

static const struct partition *
partition_of(const char *region)
{
    size_t i = 0;

    while (strncmp(region, partitions[i].region_begin,
                   strlen(partitions[i].region_begin))
           != 0)
        i++; /* the last one takes all */
    return &partitions[i];
}

static const struct partition *
partition_named(const char *name)
{
    size_t i;

    for (i = 0; i < PARTITION_COUNT; i++) {
        if (strcmp(partitions[i].name, name) == 0)
            return &partitions[i];
    }
    return NULL;
}

/* AWS's own; name may be NULL. */
static enum envelope_reason
public_endpoint(struct kms_endpoint *endpoint, const struct kms_world *world,
                const char *name, const char *region, struct envl_err *err)
{
    const struct partition *here = partition_of(region);
    const struct partition *said = name != NULL ? partition_named(name) : here;
    bool dual = is_true(world, "AWS_USE_DUALSTACK_ENDPOINT");
    bool fips = is_true(world, "AWS_USE_FIPS_ENDPOINT");
    struct kms_text url = { 0 };
    enum envelope_reason rc;

    if (said == NULL)
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "awskms: partition %s: it is not known where this "
                         "is: name the endpoint with endpoint=",
                         name);
    if (said != here)
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "awskms: region %s is in partition %s, not in %s",
                         region, here->name, said->name);
    kms_text_addf(&url, "https://kms%s.%s.%s", fips ? "-fips" : "", region,
                  dual ? here->dual_stack_suffix : here->suffix);
    rc = url.failed
             ? envl_fail_memory(err)
             : kms_endpoint_parse(endpoint, kms_text_get(&url), false, err);
    kms_text_clear(&url);
    return rc;
}

/* What the user has said of the endpoint, and where; NULL for nothing. */
static const char *
said_endpoint(const char **where, const struct kms_world *world,
              const struct kms_uri *uri)
{
    static const char *const names[] = { "AWS_ENDPOINT_URL_KMS",
                                         "AWS_ENDPOINT_URL" };
    const char *url = kms_uri_get(uri, "endpoint");
    size_t i;

    *where = "endpoint=";
    if (url != NULL || is_true(world, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"))
        return url;
    for (i = 0; i < sizeof(names) / sizeof(names[0]) && url == NULL; i++) {
        *where = names[i];
        url = world->variable(world->arg, names[i]);
    }
    return url;
}

static enum envelope_reason
find_endpoint(struct kms_endpoint *endpoint, const struct kms_world *world,
              const struct kms_aws_key *key, const char *region,
              struct envl_err *err)
{
    const char *where, *url = said_endpoint(&where, world, key->uri);
    struct envl_err inner;
    enum envelope_reason rc;

    if (url == NULL)
        return public_endpoint(endpoint, world, kms_aws_key_partition(key),
                               region, err);
    rc = kms_endpoint_parse(endpoint, url, false, &inner);
    if (rc != ENVELOPE_OK)
        return envl_fail(err, rc, "awskms: %s: %.300s", where, inner.detail);
    return ENVELOPE_OK;
}

/* Is there one for each region of the URI? */
static enum envelope_reason
check_endpoints(const struct kms_world *world, const struct kms_aws_key *key,
                struct envl_err *err)
{
    const struct kms_uri *uri = key->uri;
    struct kms_endpoint endpoint = { 0 };
    enum envelope_reason rc = ENVELOPE_OK;
    size_t i;

    for (i = 0; i < uri->query_count && rc == ENVELOPE_OK; i++) {
        if (strcmp(uri->query[i].name, "region") != 0)
            continue;
        rc = find_endpoint(&endpoint, world, key, uri->query[i].value, err);
        kms_endpoint_clear(&endpoint);
    }
    return rc;
}

enum envelope_reason
kms_aws_target_connect(struct kms_aws_target *target,
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
        return check_endpoints(world, key, err);
    return find_endpoint(&target->endpoint, world, key,
                         kms_text_get(&target->region), err);
}

/* NULL is the same as NULL only. */
static bool
same_or_none(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool
kms_aws_target_same_place(const struct kms_aws_target *a,
                          const struct kms_aws_target *b)
{
    return kms_endpoint_same(&a->endpoint, &b->endpoint)
           && strcmp(kms_text_get(&a->region), kms_text_get(&b->region)) == 0
           && same_or_none(kms_uri_get(a->key.uri, "profile"),
                           kms_uri_get(b->key.uri, "profile"));
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

static enum envelope_reason
fail_key(const char *said, const char *wanted, struct envl_err *err)
{
    struct kms_aws_arn parsed;

    if (said == NULL || !kms_aws_arn_parse_key(&parsed, said))
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                         "the reply does not name a key by its ARN");
    return envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                     "the service used another key, %.110s, than it was asked "
                     "for, %.110s",
                     said, wanted);
}

/* Is it a key in the region that was asked? */
static bool
is_local(const struct kms_aws_target *target, struct kms_aws_arn *arn,
         const char *said)
{
    return said != NULL && kms_aws_arn_parse_key(arn, said)
           && strcmp(arn->region, kms_text_get(&target->region)) == 0;
}

enum envelope_reason
kms_aws_target_check_new(const struct kms_aws_target *target, const char *said,
                         struct envl_err *err)
{
    struct kms_aws_arn arn;

    if (is_local(target, &arn, said)
        && kms_aws_key_matches(&target->key, kms_text_get(&target->region),
                               &arn))
        return ENVELOPE_OK;
    return fail_key(said, target->key_id, err);
}

enum envelope_reason
kms_aws_target_check_old(const struct kms_aws_target *target, const char *said,
                         const char *arn, struct envl_err *err)
{
    struct kms_aws_arn found, wanted;

    if (is_local(target, &found, said) && kms_aws_arn_parse_key(&wanted, arn)
        && kms_aws_arn_same(&found, &wanted))
        return ENVELOPE_OK;
    return fail_key(said, arn, err);
}
