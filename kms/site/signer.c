/* SPDX-License-Identifier: Apache-2.0 */
/* A table of signers: what each needs of a section, where its secrets are, and
 * whose function signs. */
#include "kms/site/signer.h"

#include <string.h>

#include "kms/engine/credentials.h"
#include "kms/site/site.h"

#define SECRET_LEN_MAX 8192

static const char token_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "abcdefghijklmnopqrstuvwxyz"
                                    "0123456789-";

static const char *
get(const struct kms_section *section, enum kms_http_setting setting)
{
    return kms_section_get(section, setting);
}

static bool
has(const struct kms_section *section, enum kms_http_setting setting)
{
    return *get(section, setting) != '\0';
}

/* Secrets of our own */

static enum envelope_reason
check_secret(const struct kms_section *section, enum kms_http_setting file,
             enum kms_http_setting variable, struct envl_err *err)
{
    if (!has(section, file) && !has(section, variable))
        return kms_section_fail(section, file,
                                "is missing, and so is the name of an "
                                "environment variable",
                                err);
    if (has(section, file) && has(section, variable))
        return kms_section_fail(
            section, variable, "a file is named, too: say one of the two", err);
    return ENVELOPE_OK;
}

static enum envelope_reason
read_secret_file(struct kms_text *secret, const char *path,
                 const struct kms_world *world, struct envl_err *err)
{
    enum envelope_reason rc =
        world->read(world->arg, secret, path, SECRET_LEN_MAX, err);

    if (rc == ENVELOPE_OK && secret->data == NULL)
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS, "%s: there is no such file",
                       path);
    if (rc != ENVELOPE_OK)
        return rc;
    while (secret->len > 0
           && strchr("\r\n", secret->data[secret->len - 1]) != NULL)
        secret->data[--secret->len] = '\0';
    return ENVELOPE_OK;
}

static enum envelope_reason
read_secret(struct kms_text *secret, const struct kms_section *section,
            enum kms_http_setting file, enum kms_http_setting variable,
            const struct kms_world *world, struct envl_err *err)
{
    const char *from = get(section, has(section, file) ? file : variable);
    enum envelope_reason rc = ENVELOPE_OK;
    const char *value;

    if (has(section, file)) {
        rc = read_secret_file(secret, from, world, err);
    } else {
        value = world->variable(world->arg, from);
        if (value == NULL)
            return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                             "the environment variable %.80s is not set, or "
                             "empty",
                             from);
        kms_text_set(secret, value);
    }
    if (rc == ENVELOPE_OK && secret->failed)
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK
        && (strlen(kms_text_get(secret)) != secret->len
            || !kms_is_printable(kms_text_get(secret))))
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                       "%.200s does not hold one line of ASCII", from);
    return rc;
}

/* bearer */

static enum envelope_reason
bearer_check(const struct kms_section *section, struct envl_err *err)
{
    const char *header = get(section, KMS_HTTP_TOKEN_HEADER);

    if (header[strspn(header, token_letters)] != '\0')
        return kms_section_fail(section, KMS_HTTP_TOKEN_HEADER,
                                "is not the name of a header", err);
    return check_secret(section, KMS_HTTP_TOKEN_FILE, KMS_HTTP_TOKEN_VARIABLE,
                        err);
}

static enum envelope_reason
bearer_load(struct kms_signing *signing, const struct kms_world *world,
            struct envl_err *err)
{
    return read_secret(&signing->credentials.token, signing->section,
                       KMS_HTTP_TOKEN_FILE, KMS_HTTP_TOKEN_VARIABLE, world,
                       err);
}

static enum envelope_reason
bearer_sign(struct kms_request *request, const struct kms_signing *signing,
            int64_t now, struct envl_err *err)
{
    const char *token = kms_text_get(&signing->credentials.token);

    (void)now;
    (void)err;
    if (has(signing->section, KMS_HTTP_TOKEN_HEADER))
        kms_request_add(request, get(signing->section, KMS_HTTP_TOKEN_HEADER),
                        "%s", token);
    else
        kms_request_add(request, "Authorization", "Bearer %s", token);
    return ENVELOPE_OK;
}

/* hmac */

static enum envelope_reason
hmac_check(const struct kms_section *section, struct envl_err *err)
{
    if (!has(section, KMS_HTTP_ID))
        return kms_section_fail(section, KMS_HTTP_ID, "is missing", err);
    return check_secret(section, KMS_HTTP_SECRET_FILE, KMS_HTTP_SECRET_VARIABLE,
                        err);
}

static enum envelope_reason
hmac_load(struct kms_signing *signing, const struct kms_world *world,
          struct envl_err *err)
{
    kms_text_set(&signing->credentials.id, get(signing->section, KMS_HTTP_ID));
    if (signing->credentials.id.failed)
        return envl_fail_memory(err);
    return read_secret(&signing->credentials.secret, signing->section,
                       KMS_HTTP_SECRET_FILE, KMS_HTTP_SECRET_VARIABLE, world,
                       err);
}

static enum envelope_reason
hmac_sign(struct kms_request *request, const struct kms_signing *signing,
          int64_t now, struct envl_err *err)
{
    return kms_sign_hmac(request, signing->ctx, &signing->credentials, now,
                         err);
}

/* aws4 and tc3 */

static enum envelope_reason
cloud_check(const struct kms_section *section, struct envl_err *err)
{
    if (!has(section, KMS_HTTP_SERVICE))
        return kms_section_fail(section, KMS_HTTP_SERVICE,
                                "is missing: the service in the scope of a "
                                "signature",
                                err);
    return ENVELOPE_OK;
}

static struct kms_seeker
seeker(const struct kms_signing *signing, const struct kms_world *world)
{
    const char *profile = get(signing->section, KMS_HTTP_PROFILE);

    return (struct kms_seeker){
        .world = world,
        .ctx = signing->ctx,
        .profile = *profile != '\0' ? profile : NULL,
    };
}

static enum envelope_reason
aws4_load(struct kms_signing *signing, const struct kms_world *world,
          struct envl_err *err)
{
    const struct kms_seeker who = seeker(signing, world);
    enum envelope_reason rc = ENVELOPE_OK;

    kms_text_set(&signing->region, get(signing->section, KMS_HTTP_REGION));
    if (signing->region.failed)
        return envl_fail_memory(err);
    if (signing->region.len == 0)
        rc = kms_aws_region(&signing->region, world, who.profile, err);
    if (rc == ENVELOPE_OK && signing->region.len == 0)
        rc = kms_section_fail(signing->section, KMS_HTTP_REGION,
                              "is missing, and AWS_REGION is not set", err);
    if (rc == ENVELOPE_OK)
        rc = kms_aws_credentials(&signing->credentials, &who, err);
    return rc;
}

static enum envelope_reason
aws4_sign(struct kms_request *request, const struct kms_signing *signing,
          int64_t now, struct envl_err *err)
{
    return kms_sign_aws4(request, signing->ctx, &signing->credentials,
                         kms_text_get(&signing->region),
                         get(signing->section, KMS_HTTP_SERVICE), now, err);
}

static enum envelope_reason
tc3_load(struct kms_signing *signing, const struct kms_world *world,
         struct envl_err *err)
{
    const struct kms_seeker who = seeker(signing, world);

    return kms_tencent_credentials(&signing->credentials, &who, err);
}

static enum envelope_reason
tc3_sign(struct kms_request *request, const struct kms_signing *signing,
         int64_t now, struct envl_err *err)
{
    return kms_sign_tc3(request, signing->ctx, &signing->credentials,
                        get(signing->section, KMS_HTTP_SERVICE), now, err);
}

/* All of them */

/* NULL where there is nothing to do. */
struct kms_signer {
    const char *name;
    bool is_timed;
    enum envelope_reason (*check)(const struct kms_section *section,
                                  struct envl_err *err);
    enum envelope_reason (*load)(struct kms_signing *signing,
                                 const struct kms_world *world,
                                 struct envl_err *err);
    enum envelope_reason (*sign)(struct kms_request *request,
                                 const struct kms_signing *signing, int64_t now,
                                 struct envl_err *err);
};

static const struct kms_signer signers[] = {
    { "none", false, NULL, NULL, NULL },
    { "bearer", false, bearer_check, bearer_load, bearer_sign },
    { "hmac", true, hmac_check, hmac_load, hmac_sign },
    { "aws4", true, cloud_check, aws4_load, aws4_sign },
    { "tc3", true, cloud_check, tc3_load, tc3_sign },
};

enum envelope_reason
kms_signer_find(const struct kms_signer **signer,
                const struct kms_section *section, struct envl_err *err)
{
    const char *name = get(section, KMS_HTTP_SIGNER);
    size_t i;

    *signer = NULL;
    for (i = 0; i < sizeof(signers) / sizeof(signers[0]); i++) {
        if (strcmp(signers[i].name, name) != 0)
            continue;
        *signer = &signers[i];
        return signers[i].check != NULL ? signers[i].check(section, err)
                                        : ENVELOPE_OK;
    }
    /* Not to sign is a decision, and nobody's default. */
    return kms_section_fail(section, KMS_HTTP_SIGNER,
                            "has to be none, bearer, hmac, aws4 or tc3", err);
}

bool
kms_signer_is_timed(const struct kms_signer *signer)
{
    return signer->is_timed;
}

enum envelope_reason
kms_signer_load(const struct kms_signer *signer, struct kms_signing *signing,
                const struct kms_world *world, struct envl_err *err)
{
    return signer->load != NULL ? signer->load(signing, world, err)
                                : ENVELOPE_OK;
}

enum envelope_reason
kms_signer_sign(const struct kms_signer *signer, struct kms_request *request,
                const struct kms_signing *signing, int64_t now,
                struct envl_err *err)
{
    return signer->sign != NULL ? signer->sign(request, signing, now, err)
                                : ENVELOPE_OK;
}

void
kms_signing_clear(struct kms_signing *signing)
{
    kms_credentials_clear(&signing->credentials);
    kms_text_clear(&signing->region);
}
