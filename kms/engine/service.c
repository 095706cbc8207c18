/* SPDX-License-Identifier: Apache-2.0 */
/* What all key services do alike: tell of a failure, and name a key. */
#include "kms/engine/service.h"

#include <string.h>

#include <openssl/crypto.h>

#include "kms/core/text.h"

/* So that even the longest of all leave room for the last parenthesis. */
#define SERVICE_SHOWN "%.80s"
#define CODE_SHOWN "%.80s"
#define MESSAGE_SHOWN "%.150s"
#define ID_SHOWN "%.60s"

static const char *
or_nothing(const char *text)
{
    return text != NULL ? text : "";
}

enum envelope_reason
kms_fail_service(struct envl_err *err, enum envelope_reason reason,
                 const char *service, const char *code, const char *message,
                 const char *request_id)
{
    const char *id = or_nothing(request_id);
    const char *between;

    code = or_nothing(code);
    message = or_nothing(message);
    if (*code == '\0' && *message == '\0')
        message = "no reason was given";
    between = *code != '\0' && *message != '\0' ? ": " : "";
    return envl_fail(
        err, reason,
        SERVICE_SHOWN ": " CODE_SHOWN "%s" MESSAGE_SHOWN "%s" ID_SHOWN "%s",
        service, code, between, message, *id != '\0' ? " (request " : "", id,
        *id != '\0' ? ")" : "");
}

int
kms_take_kek(unsigned char kek[ENVL_KEK_LEN], const struct kms_json *reply,
             const char *path)
{
    if (kms_json_octets(reply, path, kek, ENVL_KEK_LEN) == ENVL_KEK_LEN)
        return 1;
    OPENSSL_cleanse(kek, ENVL_KEK_LEN);
    return 0;
}

int
kms_set_key(struct envl_kms_wrapped *made, const char *key)
{
    size_t len = strlen(key);

    if (!kms_is_printable(key) || strchr(key, ' ') != NULL
        || len >= sizeof(made->key))
        return 0;
    memcpy(made->key, key, len + 1);
    return 1;
}
