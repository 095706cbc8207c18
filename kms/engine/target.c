/* SPDX-License-Identifier: Apache-2.0 */
/* Opens and closes targets; what a URI means is the service's. */
#include "kms/engine/target.h"

#include <string.h>

#include <openssl/crypto.h>

#include "kms/core/span.h"
#include "kms/engine/source.h"

#define REGION_LEN_MAX 64
#define KEY_ID_LEN_MAX 128

/* Two or three letters, then one or more of "-" with letters and digits. */
bool
kms_is_region(const char *text)
{
    size_t len = strspn(text, KMS_LOWER), part;

    if (len < 2 || len > 3 || strlen(text) > REGION_LEN_MAX)
        return false;
    do {
        text += len;
        if (*text++ != '-')
            return false;
        len = part = strspn(text, KMS_LOWER KMS_DIGITS);
    } while (part > 0 && text[part] != '\0');
    return part > 0;
}

bool
kms_is_key_id(const char *text)
{
    const size_t len = strlen(text);

    return len > 0 && len <= KEY_ID_LEN_MAX
           && strspn(text, KMS_ALNUM "-") == len;
}

enum envelope_reason
kms_target_open(struct kms_target *target, const struct kms_api *api,
                const struct kms_world *world, const char *uri,
                enum envl_kms_use use, struct envl_err *err)
{
    enum envelope_reason rc;

    *target = (struct kms_target){
        .api = api,
        .world = world,
        .shape = &api->shape,
        .title = api->scheme,
    };
    rc = kms_uri_parse(&target->uri, uri, api->parameters, err);
    if (rc != ENVELOPE_OK)
        return rc;
    target->profile = kms_uri_get(&target->uri, "profile");
    if (api->own_size > 0)
        target->own = OPENSSL_zalloc(api->own_size);
    if (api->own_size > 0 && target->own == NULL)
        return envl_fail_memory(err);
    return api->open(target, use, err);
}

void
kms_target_close(struct kms_target *target)
{
    if (target->own != NULL && target->api->close != NULL)
        target->api->close(target);
    OPENSSL_free(target->own);
    kms_text_clear(&target->name);
    kms_endpoint_clear(&target->endpoint);
    kms_uri_clear(&target->uri);
    *target = (struct kms_target){ 0 };
}

bool
kms_target_matches(const struct kms_target *target, const char *key)
{
    if (target->api->matches != NULL)
        return target->api->matches(target, key);
    return strcmp(kms_text_get(&target->name), key) == 0;
}

enum envelope_reason
kms_target_aim(struct kms_target *target, const char *key, struct envl_err *err)
{
    return target->api->aim != NULL ? target->api->aim(target, key, err)
                                    : ENVELOPE_OK;
}

enum envelope_reason
kms_target_endpoint(struct kms_target *target, const char *variable,
                    const char *usual, struct envl_err *err)
{
    const char *said = kms_uri_get(&target->uri, "endpoint");
    struct kms_text url = { 0 };
    enum envelope_reason rc = ENVELOPE_OK;

    if (said == NULL)
        rc = kms_source_variable(&url, target->world, variable, err);
    if (said == NULL)
        said = url.len > 0 ? kms_text_get(&url) : usual;
    if (rc == ENVELOPE_OK)
        rc = kms_endpoint_parse(&target->endpoint, said, false, err);
    else if (rc == ENVELOPE_R_CREDENTIALS)
        rc = err->reason = ENVELOPE_R_UNREADABLE_KEY;
    kms_text_clear(&url);
    return rc;
}
