/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts of AWS's services. */
#include "kms/aws/endpoint.h"

#include <string.h>

#include "kms/aws/sources.h"

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

static const struct {
    const char *host, *who, *variable;
} services[] = {
    [KMS_AWS_KMS] = { "kms", "awskms", "AWS_ENDPOINT_URL_KMS" },
    [KMS_AWS_STS] = { "sts", "STS", "AWS_ENDPOINT_URL_STS" },
};

/* What environment and profile say. */
struct said {
    struct kms_aws_profile profile;
    bool fips, dual_stack;
    struct kms_text url;
    const char *where; /* the URL is from; or NULL for none */
};

static bool
begins_with(const char *text, const char *begin)
{
    return strncmp(text, begin, strlen(begin)) == 0;
}

static const struct partition *
partition_of(const char *region)
{
    size_t i = 0;

    while (!begins_with(region, partitions[i].region_begin))
        i++; /* the last one takes all */
    return &partitions[i];
}

const char *
kms_aws_partition(const char *region)
{
    return partition_of(region)->name;
}

/* The variable or, if it is not set, the setting: is it "true"? */
static bool
is_true(const struct said *said, const struct kms_world *world,
        const char *name, size_t setting)
{
    const char *value = kms_world_variable(world, name);
    const struct kms_source_section *file =
        kms_aws_profile_has(&said->profile, setting);
    struct kms_span span = { value, value != NULL ? strlen(value) : 0 };

    if (value == NULL && file != NULL)
        span = file->settings[setting].value;
    return kms_same_name(span.data, span.len, "true");
}

/* A URL that is in use where the URI has none. */
static enum envelope_reason
find_url(struct said *said, const struct kms_aws_place *place,
         struct envl_err *err)
{
    const char *const names[] = { services[place->service].variable,
                                  "AWS_ENDPOINT_URL" };
    const struct kms_source_section *file =
        kms_aws_profile_has(&said->profile, KMS_AWS_SERVICES);
    enum envelope_reason rc = ENVELOPE_OK;
    size_t i;

    if (is_true(said, place->world, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
                KMS_AWS_IGNORE_URLS))
        return ENVELOPE_OK;
    for (i = 0; i < sizeof(names) / sizeof(names[0]) && rc == ENVELOPE_OK
                && said->url.len == 0;
         i++) {
        rc = kms_source_variable(&said->url, place->world, names[i], err);
        said->where = names[i];
    }
    if (rc != ENVELOPE_OK || said->url.len > 0)
        return rc;
    if (file != NULL)
        return kms_source_section_fail(
            file, KMS_AWS_SERVICES,
            "cannot be followed here: write endpoint_url instead, or set "
            "AWS_ENDPOINT_URL_KMS and AWS_ENDPOINT_URL_STS",
            err);
    kms_aws_profile_set(&said->url, &said->profile, KMS_AWS_ENDPOINT_URL);
    said->where = said->url.len > 0 ? "endpoint_url of the profile" : NULL;
    return ENVELOPE_OK;
}

static enum envelope_reason
find(struct said *said, const struct kms_aws_place *place, struct envl_err *err)
{
    const struct kms_world *world = place->world;
    enum envelope_reason rc =
        kms_aws_profile_read(&said->profile, world, place->profile, err);

    said->fips = is_true(said, world, "AWS_USE_FIPS_ENDPOINT", KMS_AWS_FIPS);
    said->dual_stack =
        is_true(said, world, "AWS_USE_DUALSTACK_ENDPOINT", KMS_AWS_DUAL_STACK);
    if (rc == ENVELOPE_OK && place->endpoint != NULL) {
        kms_text_set(&said->url, place->endpoint);
        said->where = "endpoint=";
    } else if (rc == ENVELOPE_OK) {
        rc = find_url(said, place, err);
    }
    if (rc == ENVELOPE_OK && said->url.failed)
        rc = envl_fail_memory(err);
    return rc;
}

/* In GovCloud the hosts of STS are FIPS ones without being called so.
 * Source: AWS's endpoint rules for STS. */
static const char *
prefix_of(const struct said *said, const struct kms_aws_place *place)
{
    const bool is_fips_anyway = place->service == KMS_AWS_STS
                                && begins_with(place->region, "us-gov-")
                                && !said->dual_stack;

    return said->fips && !is_fips_anyway ? "-fips" : "";
}

static enum envelope_reason
set_public_url(struct said *said, const struct kms_aws_place *place,
               struct envl_err *err)
{
    const struct partition *here = partition_of(place->region);
    enum envelope_reason rc = ENVELOPE_OK;

    if (place->partition != NULL && strcmp(place->partition, here->name) != 0)
        rc = envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                       "%s: region %s is in partition %s, not in %s: name a "
                       "region of it, or the endpoint, with endpoint= or %s",
                       services[place->service].who, place->region, here->name,
                       place->partition, services[place->service].variable);
    kms_text_addf(&said->url, "https://%s%s.%s.%s",
                  services[place->service].host, prefix_of(said, place),
                  place->region,
                  said->dual_stack ? here->dual_stack_suffix : here->suffix);
    if (rc == ENVELOPE_OK && said->url.failed)
        rc = envl_fail_memory(err);
    said->where = "AWS";
    return rc;
}

enum envelope_reason
kms_aws_endpoint(struct kms_endpoint *endpoint, struct kms_text *ca_file,
                 const struct kms_aws_place *place, struct envl_err *err)
{
    struct said said = { .where = NULL };
    struct envl_err inner;
    enum envelope_reason rc = find(&said, place, err);

    if (rc == ENVELOPE_OK && said.url.len == 0)
        rc = set_public_url(&said, place, err);
    else if (rc == ENVELOPE_OK && (said.fips || said.dual_stack))
        rc = envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                       "%s: %s: an endpoint of one's own has neither FIPS nor "
                       "dual stack: unset %s",
                       services[place->service].who, said.where,
                       said.fips ? "AWS_USE_FIPS_ENDPOINT, or "
                                   "use_fips_endpoint of the profile"
                                 : "AWS_USE_DUALSTACK_ENDPOINT, or "
                                   "use_dualstack_endpoint of the profile");
    if (rc == ENVELOPE_OK) {
        rc = kms_endpoint_parse(endpoint, kms_text_get(&said.url), false,
                                &inner);
        if (rc != ENVELOPE_OK)
            (void)envl_fail(err, rc, "%s: %s: %.300s",
                            services[place->service].who, said.where,
                            inner.detail);
    }
    if (rc == ENVELOPE_OK)
        rc = kms_source_variable(ca_file, place->world, "AWS_CA_BUNDLE", err);
    if (rc == ENVELOPE_OK && ca_file->len == 0)
        kms_aws_profile_set(ca_file, &said.profile, KMS_AWS_CA_BUNDLE);
    if (rc == ENVELOPE_OK && ca_file->failed)
        rc = envl_fail_memory(err);
    kms_text_clear(&said.url);
    kms_aws_profile_clear(&said.profile);
    return rc;
}
