/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hosts of AWS as kms/ has them: for each line "SERVICE REGION FIPS DUAL-STACK"
 * that is read, the same with the URL after it, or with "none".
 */
#include <stdio.h>
#include <string.h>

#include "kms/aws/endpoint.h"

static const char *fips, *dual_stack; /* of the line */

static const char *
variable(void *arg, const char *name)
{
    (void)arg;
    if (strcmp(name, "AWS_USE_FIPS_ENDPOINT") == 0)
        return fips;
    return strcmp(name, "AWS_USE_DUALSTACK_ENDPOINT") == 0 ? dual_stack : NULL;
}

static enum envelope_reason
read_nothing(void *arg, struct kms_text *content, const char *path,
             size_t len_max, struct envl_err *err)
{
    (void)arg;
    (void)content;
    (void)path;
    (void)len_max;
    (void)err;
    return ENVELOPE_OK;
}

static void
print_host(const char *service, const char *region)
{
    static const struct kms_world world = { .variable = variable,
                                            .read = read_nothing };
    const struct kms_aws_place place = {
        .world = &world,
        .service = strcmp(service, "sts") == 0 ? KMS_AWS_STS : KMS_AWS_KMS,
        .region = region,
    };
    struct kms_endpoint endpoint = { 0 };
    struct kms_text ca_file = { 0 };
    struct envl_err err;

    printf("%s %s %s %s ", service, region, fips, dual_stack);
    if (kms_aws_endpoint(&endpoint, &ca_file, &place, &err) == ENVELOPE_OK)
        printf("https://%s\n", kms_text_get(&endpoint.host));
    else
        printf("none\n");
    kms_text_clear(&ca_file);
    kms_endpoint_clear(&endpoint);
}

int
main(void)
{
    char line[256], *rest, *service, *region;

    while (fgets(line, sizeof(line), stdin) != NULL) {
        rest = line;
        line[strcspn(line, "\n")] = '\0';
        service = strsep(&rest, " ");
        region = strsep(&rest, " ");
        fips = strsep(&rest, " ");
        dual_stack = strsep(&rest, " ");
        if (dual_stack == NULL)
            return 1;
        print_host(service, region);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
