/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of signatures share: a request, and who signs it. */
#ifndef TEST_UNIT_KMS_SIGN_H
#define TEST_UNIT_KMS_SIGN_H

#include "kms/http/sign.h"

#include "test/support/support.h"

#define NOW INT64_C(1440938160) /* 2015-08-30 12:36:00 UTC */
#define AWS_SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

static const struct envl_libctx ctx = { .propq = "?provider=default" };

struct fixture {
    struct kms_endpoint endpoint;
    struct kms_credentials credentials;
    struct kms_request request;
    struct envl_err err;
};

static inline void
set_up(struct fixture *f, const char *method, const char *path)
{
    *f = (struct fixture){ 0 };
    kms_text_set(&f->endpoint.host, "example.amazonaws.com");
    kms_text_set(&f->credentials.id, "AKIDEXAMPLE");
    kms_text_set(&f->credentials.secret, AWS_SECRET);
    kms_request_init(&f->request, method, &f->endpoint, path);
}

static inline void
tear_down(struct fixture *f)
{
    kms_request_clear(&f->request);
    kms_credentials_clear(&f->credentials);
    kms_endpoint_clear(&f->endpoint);
}

static inline enum envelope_reason
sign_for(struct fixture *f, enum kms_sign_form form, const char *region,
         const char *service, int64_t now)
{
    const struct kms_sign how = { form, &ctx, &f->credentials, region,
                                  service };

    return kms_sign(&f->request, &how, now, &f->err);
}

static inline enum envelope_reason
sign_aws4(struct fixture *f)
{
    return sign_for(f, KMS_SIGN_AWS4, "us-east-1", "service", NOW);
}

static inline enum envelope_reason
sign_tc3(struct fixture *f)
{
    return sign_for(f, KMS_SIGN_TC3, NULL, "service", NOW);
}

static inline enum envelope_reason
sign_at(struct fixture *f, enum kms_sign_form form, int64_t now)
{
    return sign_for(f, form, NULL, NULL, now);
}

static inline enum envelope_reason
sign_hmac(struct fixture *f)
{
    return sign_at(f, KMS_SIGN_HMAC, NOW);
}

static inline enum envelope_reason
sign_acs3(struct fixture *f)
{
    return sign_at(f, KMS_SIGN_ACS3, NOW);
}

static inline enum envelope_reason
sign_sdk(struct fixture *f)
{
    return sign_at(f, KMS_SIGN_SDK, NOW);
}

static inline const char *
authorization(const struct fixture *f)
{
    return kms_request_header(&f->request, "Authorization");
}

/* The part of it that follows the name, such as "Signature=". */
static inline void
assert_part(const struct fixture *f, const char *name, const char *value)
{
    const char *part = strstr(authorization(f), name);

    assert_non_null(part);
    part += strlen(name);
    assert_int_equal(strcspn(part, ","), strlen(value));
    assert_memory_equal(part, value, strlen(value));
}

#endif
