/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hosts of AWS as kms/ has them: for each line "SERVICE REGION FIPS DUAL-STACK"
 * that is read, the same with the URL after it, or with "none".
 */
#include <stdio.h>
#include <string.h>

#include "kms/aws/endpoint.h"
#include "test/kms/world.h"

static void
print_host(const char *service, const char *region, const char *fips,
           const char *dual_stack)
{
    const struct fake_pair variables[] = {
        { "AWS_USE_FIPS_ENDPOINT", fips },
        { "AWS_USE_DUALSTACK_ENDPOINT", dual_stack },
        { NULL, NULL },
    };
    struct fake_world fake;
    const struct kms_aws_place place = {
        .world = &fake.world,
        .service = strcmp(service, "sts") == 0 ? KMS_AWS_STS : KMS_AWS_KMS,
        .region = region,
    };
    struct kms_endpoint endpoint = { 0 };
    struct kms_text ca_file = { 0 };
    struct envl_err err;

    fake_world_init(&fake);
    fake.variables = variables;
    printf("%s %s %s %s ", service, region, fips, dual_stack);
    if (kms_aws_endpoint(&endpoint, &ca_file, &place, &err) == ENVELOPE_OK)
        printf("https://%s\n", kms_text_get(&endpoint.host));
    else
        printf("none\n");
    kms_text_clear(&ca_file);
    kms_endpoint_clear(&endpoint);
    fake_world_clear(&fake);
}

int
main(void)
{
    char line[256], *rest, *service, *region, *fips, *dual_stack;

    while (fgets(line, sizeof(line), stdin) != NULL) {
        rest = line;
        line[strcspn(line, "\n")] = '\0';
        service = strsep(&rest, " ");
        region = strsep(&rest, " ");
        fips = strsep(&rest, " ");
        dual_stack = strsep(&rest, " ");
        if (dual_stack == NULL)
            return 1;
        print_host(service, region, fips, dual_stack);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
