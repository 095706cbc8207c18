/* SPDX-License-Identifier: Apache-2.0 */
/* Copying and wiping the user's settings of keys. */
#include "lib/keys/key_settings.h"

#include <openssl/crypto.h>

int
envl_key_settings_copy(struct envl_key_settings *to,
                       const struct envl_key_settings *from)
{
    struct envl_key_settings copy = *from;

    copy.recipients = copy.identities = copy.passphrase_file = NULL;
    copy.required_labels = copy.signers = copy.signed_by = NULL;
    copy.recipient = copy.identity = (struct envl_octets_list){ 0 };
    copy.signer = copy.signed_by_key = (struct envl_octets_list){ 0 };
    copy.passphrase = copy.in_use = (struct envl_octets){ 0 };
    if (envl_text_copy(&copy.recipients, from->recipients)
        && envl_text_copy(&copy.identities, from->identities)
        && envl_text_copy(&copy.passphrase_file, from->passphrase_file)
        && envl_text_copy(&copy.required_labels, from->required_labels)
        && envl_text_copy(&copy.signers, from->signers)
        && envl_text_copy(&copy.signed_by, from->signed_by)
        && envl_octets_list_copy(&copy.signer, &from->signer)
        && envl_octets_list_copy(&copy.signed_by_key, &from->signed_by_key)
        && envl_octets_list_copy(&copy.recipient, &from->recipient)
        && envl_octets_list_copy(&copy.identity, &from->identity)
        && envl_octets_copy(&copy.passphrase, &from->passphrase)
        && envl_octets_copy(&copy.in_use, &from->in_use)) {
        *to = copy;
        OPENSSL_cleanse(copy.kek, sizeof(copy.kek));
        return 1;
    }
    envl_key_settings_clear(&copy);
    return 0;
}

static void
forget_for_whom(struct envl_key_settings *settings)
{
    envl_text_clear(&settings->recipients);
    envl_text_clear(&settings->identities);
    envl_text_clear(&settings->passphrase_file);
    envl_octets_list_clear(&settings->recipient);
    envl_octets_list_clear(&settings->identity);
    envl_octets_clear(&settings->passphrase);
    settings->callback = NULL;
}

void
envl_key_settings_forget(struct envl_key_settings *settings,
                         enum envl_key_group group)
{
    if (group == ENVL_FOR_WHOM)
        forget_for_whom(settings);
    if (group == ENVL_SIGNERS) {
        envl_text_clear(&settings->signers);
        envl_octets_list_clear(&settings->signer);
    }
    if (group == ENVL_SIGNED_BY) {
        envl_text_clear(&settings->signed_by);
        envl_octets_list_clear(&settings->signed_by_key);
    }
    settings->is_old[group] = false;
}

void
envl_key_settings_clear(struct envl_key_settings *settings)
{
    int group;

    for (group = 0; group < ENVL_KEY_GROUP_COUNT; group++)
        envl_key_settings_forget(settings, (enum envl_key_group)group);
    envl_octets_clear(&settings->in_use);
    envl_text_clear(&settings->required_labels);
    OPENSSL_cleanse(settings, sizeof(*settings));
}
