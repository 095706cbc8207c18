/* SPDX-License-Identifier: Apache-2.0 */
/* A table of signers: what each needs of a section, where its secrets are, and whose
 * function signs. */
#include "kms/site/signer.h"

#include <string.h>

#include "kms/http/sign.h"

#define SECRET_LEN_MAX 8192

static const char token_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "abcdefghijklmnopqrstuvwxyz"
                                    "0123456789-";

static bool
has(const struct kms_site *site, enum kms_site_setting setting)
{
    return *kms_site_get(site, setting) != '\0';
}

static enum envelope_reason
need(const struct kms_site *site, enum kms_site_setting setting,
     struct envl_err *err)
{
    return has(site, setting)
               ? ENVELOPE_OK
               : kms_section_fail(&site->section, setting, "is missing", err);
}

/* Secrets of our own: a file, or a variable that the next setting names. */

static enum envelope_reason
check_secret(const struct kms_site *site, enum kms_site_setting file,
             struct envl_err *err)
{
    if (!has(site, file) && !has(site, file + 1))
        return kms_section_fail(&site->section, file,
                                "is missing, and so is the name of an "
                                "environment variable",
                                err);
    if (has(site, file) && has(site, file + 1))
        return kms_section_fail(&site->section, file + 1,
                                "a file is named, too: say one of the two",
                                err);
    return ENVELOPE_OK;
}

static enum envelope_reason
read_secret(struct kms_text *secret, const struct kms_site *site,
            enum kms_site_setting file, const struct kms_world *world,
            struct envl_err *err)
{
    const char *from = kms_site_get(site, has(site, file) ? file : file + 1);
    enum envelope_reason rc = ENVELOPE_OK;
    const char *value;

    if (has(site, file)) {
        rc = world->read(world->arg, secret, from, SECRET_LEN_MAX, err);
        if (rc == ENVELOPE_OK && secret->data == NULL)
            rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                           "%s: there is no such file", from);
    } else {
        value = kms_world_variable(world, from);
        if (value == NULL)
            return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                             "the environment variable %.80s is not set, or "
                             "empty",
                             from);
        kms_text_set(secret, value);
    }
    if (rc == ENVELOPE_OK && secret->failed)
        rc = envl_fail_memory(err);
    while (rc == ENVELOPE_OK && secret->len > 0
           && strchr("\r\n", secret->data[secret->len - 1]) != NULL)
        secret->data[--secret->len] = '\0';
    if (rc == ENVELOPE_OK
        && (strlen(kms_text_get(secret)) != secret->len
            || !kms_is_printable(kms_text_get(secret))))
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                       "%.200s does not hold one line of ASCII", from);
    return rc;
}

/* bearer */

static enum envelope_reason
bearer_open(struct kms_site *site, const struct kms_world *world,
            struct envl_err *err)
{
    const char *header = kms_site_get(site, KMS_SITE_TOKEN_HEADER);

    (void)world;
    if (header[strspn(header, token_letters)] != '\0')
        return kms_section_fail(&site->section, KMS_SITE_TOKEN_HEADER,
                                "is not the name of a header", err);
    return check_secret(site, KMS_SITE_TOKEN_FILE, err);
}

static enum envelope_reason
bearer_credentials(struct kms_credentials *credentials,
                   const struct kms_seeker *seeker, struct envl_err *err)
{
    return read_secret(&credentials->token, seeker->own, KMS_SITE_TOKEN_FILE,
                       seeker->world, err);
}

static enum envelope_reason
bearer_sign(struct kms_request *request, const struct kms_call *call,
            int64_t now, struct envl_err *err)
{
    const struct kms_site *site = call->asked->own;
    const char *token = kms_text_get(&call->credentials.token);

    (void)now;
    (void)err;
    if (has(site, KMS_SITE_TOKEN_HEADER))
        kms_request_add(request, kms_site_get(site, KMS_SITE_TOKEN_HEADER),
                        "%s", token);
    else
        kms_request_add(request, "Authorization", "Bearer %s", token);
    return ENVELOPE_OK;
}

/* hmac */

static enum envelope_reason
hmac_open(struct kms_site *site, const struct kms_world *world,
          struct envl_err *err)
{
    enum envelope_reason rc = need(site, KMS_SITE_ID, err);

    (void)world;
    return rc == ENVELOPE_OK ? check_secret(site, KMS_SITE_SECRET_FILE, err)
                             : rc;
}

static enum envelope_reason
hmac_credentials(struct kms_credentials *credentials,
                 const struct kms_seeker *seeker, struct envl_err *err)
{
    const struct kms_site *site = seeker->own;

    kms_text_set(&credentials->id, kms_site_get(site, KMS_SITE_ID));
    if (credentials->id.failed)
        return envl_fail_memory(err);
    return read_secret(&credentials->secret, site, KMS_SITE_SECRET_FILE,
                       seeker->world, err);
}

/* aws4 and tc3: the service is that in the scope of a signature */

static enum envelope_reason
tc3_open(struct kms_site *site, const struct kms_world *world,
         struct envl_err *err)
{
    (void)world;
    return need(site, KMS_SITE_SERVICE, err);
}

static enum envelope_reason
aws4_open(struct kms_site *site, const struct kms_world *world,
          struct envl_err *err)
{
    const char *profile = kms_site_get(site, KMS_SITE_PROFILE);
    enum envelope_reason rc = need(site, KMS_SITE_SERVICE, err);

    kms_text_set(&site->region, kms_site_get(site, KMS_SITE_REGION));
    if (rc == ENVELOPE_OK && site->region.failed)
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK && site->region.len == 0)
        rc = kms_aws_region(&site->region, world,
                            *profile != '\0' ? profile : NULL, err);
    if (rc == ENVELOPE_OK && site->region.len == 0)
        rc = kms_section_fail(&site->section, KMS_SITE_REGION,
                              "is missing, and AWS_REGION is not set", err);
    return rc;
}

/* All of them */

/* NULL where there is nothing to do. */
struct kms_signer {
    const char *name;
    enum envelope_reason (*open)(struct kms_site *site,
                                 const struct kms_world *world,
                                 struct envl_err *err);
    enum envelope_reason (*credentials)(struct kms_credentials *credentials,
                                        const struct kms_seeker *seeker,
                                        struct envl_err *err);
    enum envelope_reason (*sign)(struct kms_request *request,
                                 const struct kms_call *call, int64_t now,
                                 struct envl_err *err);
    enum kms_sign_form form; /* of sign_request */
};

static enum envelope_reason
sign_request(struct kms_request *request, const struct kms_call *call,
             int64_t now, struct envl_err *err)
{
    const struct kms_site *site = call->asked->own;
    const struct kms_sign how = {
        .form = site->signer->form,
        .ctx = call->ctx,
        .credentials = &call->credentials,
        .region = site->region.len > 0 ? kms_text_get(&site->region) : NULL,
        .service = kms_site_get(site, KMS_SITE_SERVICE),
    };

    return kms_sign(request, &how, now, err);
}

static const struct kms_signer signers[] = {
    { .name = "none" },
    { "bearer", bearer_open, bearer_credentials, bearer_sign, 0 },
    { "hmac", hmac_open, hmac_credentials, sign_request, KMS_SIGN_HMAC },
    { "aws4", aws4_open, kms_aws_credentials, sign_request, KMS_SIGN_AWS4 },
    { "tc3", tc3_open, kms_tencent_credentials, sign_request, KMS_SIGN_TC3 },
};

enum envelope_reason
kms_signer_open(struct kms_site *site, const struct kms_world *world,
                struct envl_err *err)
{
    const char *name = kms_site_get(site, KMS_SITE_SIGNER);
    size_t i;

    for (i = 0; i < sizeof(signers) / sizeof(signers[0]); i++) {
        if (strcmp(signers[i].name, name) != 0)
            continue;
        site->signer = &signers[i];
        return signers[i].open != NULL ? signers[i].open(site, world, err)
                                       : ENVELOPE_OK;
    }
    /* Not to sign is a decision, and nobody's default. */
    return kms_section_fail(&site->section, KMS_SITE_SIGNER,
                            "has to be none, bearer, hmac, aws4 or tc3", err);
}

bool
kms_signer_is_timed(const struct kms_signer *signer)
{
    return signer->sign == sign_request;
}

enum envelope_reason
kms_signer_credentials(struct kms_credentials *credentials,
                       const struct kms_seeker *seeker, struct envl_err *err)
{
    const struct kms_site *site = seeker->own;

    return site->signer->credentials != NULL
               ? site->signer->credentials(credentials, seeker, err)
               : ENVELOPE_OK;
}

enum envelope_reason
kms_signer_sign(struct kms_request *request, const struct kms_call *call,
                int64_t now, struct envl_err *err)
{
    const struct kms_site *site = call->asked->own;

    return site->signer->sign != NULL
               ? site->signer->sign(request, call, now, err)
               : ENVELOPE_OK;
}
