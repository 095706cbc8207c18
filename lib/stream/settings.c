/* SPDX-License-Identifier: Apache-2.0 */
/* Copying and wiping the user's settings. */
#include "lib/stream/settings.h"

#include <openssl/crypto.h>

int
envl_settings_copy(struct envl_settings *to, const struct envl_settings *from)
{
    struct envl_settings copy = *from;

    copy.keys = (struct envl_key_settings){ 0 };
    copy.labels = NULL;
    if (envl_key_settings_copy(&copy.keys, &from->keys)
        && envl_text_copy(&copy.labels, from->labels)) {
        *to = copy;
        OPENSSL_cleanse(copy.keys.kek, sizeof(copy.keys.kek));
        return 1;
    }
    envl_settings_clear(&copy);
    return 0;
}

void
envl_settings_clear(struct envl_settings *settings)
{
    envl_key_settings_clear(&settings->keys);
    envl_text_clear(&settings->labels);
    *settings = (struct envl_settings){ 0 };
}
