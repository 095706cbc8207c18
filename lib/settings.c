/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping, copying and wiping what the user said. */
#include "lib/settings.h"

#include <string.h>

#include <openssl/crypto.h>

#include "lib/kept.h"

/* A list may hold URIs with the PIN of a token in them. */
static void
clear_text(char **field)
{
    if (*field != NULL)
        OPENSSL_clear_free(*field, strlen(*field));
    *field = NULL;
}

int
envl_settings_set_text(char **field, const char *text, size_t len)
{
    char *copy = OPENSSL_strndup(text, len);

    if (copy == NULL)
        return 0;
    clear_text(field);
    *field = copy;
    return 1;
}

int
envl_octets_set(struct envl_octets *octets, const void *data, size_t len)
{
    unsigned char *copy = OPENSSL_malloc(len + 1);

    if (copy == NULL)
        return 0;
    memcpy(copy, data, len);
    envl_octets_clear(octets);
    octets->data = copy;
    octets->len = len;
    return 1;
}

int
envl_octets_copy(struct envl_octets *to, const struct envl_octets *from)
{
    return from->data == NULL || envl_octets_set(to, from->data, from->len);
}

void
envl_octets_clear(struct envl_octets *octets)
{
    OPENSSL_clear_free(octets->data, octets->len);
    *octets = (struct envl_octets){ 0 };
}

int
envl_octets_list_add(struct envl_octets_list *list, const void *data,
                     size_t len)
{
    struct envl_octets *items =
        OPENSSL_realloc(list->items, (list->count + 1) * sizeof(*list->items));

    if (items == NULL)
        return 0;
    list->items = items;
    items[list->count] = (struct envl_octets){ 0 };
    if (!envl_octets_set(&items[list->count], data, len))
        return 0;
    list->count++;
    return 1;
}

static int
copy_text(char **to, const char *from)
{
    return from == NULL || envl_settings_set_text(to, from, strlen(from));
}

static int
copy_list(struct envl_octets_list *to, const struct envl_octets_list *from)
{
    size_t i;

    for (i = 0; i < from->count; i++) {
        if (!envl_octets_list_add(to, from->items[i].data, from->items[i].len))
            return 0;
    }
    return 1;
}

void
envl_settings_keep(struct envl_settings *settings)
{
    envl_kept_free(settings->kept);
    settings->kept = envl_kept_new();
}

int
envl_settings_copy(struct envl_settings *to, const struct envl_settings *from)
{
    struct envl_settings copy = *from;

    copy.recipients = copy.identities = NULL;
    copy.passphrase_file = copy.labels = NULL;
    copy.recipient = copy.identity = (struct envl_octets_list){ 0 };
    copy.passphrase = copy.in_use = (struct envl_octets){ 0 };
    copy.kept = envl_kept_share(from->kept);
    if (copy_text(&copy.recipients, from->recipients)
        && copy_text(&copy.identities, from->identities)
        && copy_text(&copy.passphrase_file, from->passphrase_file)
        && copy_text(&copy.labels, from->labels)
        && copy_list(&copy.recipient, &from->recipient)
        && copy_list(&copy.identity, &from->identity)
        && envl_octets_copy(&copy.passphrase, &from->passphrase)
        && envl_octets_copy(&copy.in_use, &from->in_use)) {
        *to = copy;
        OPENSSL_cleanse(copy.kek, sizeof(copy.kek));
        return 1;
    }
    envl_settings_clear(&copy);
    return 0;
}

static void
clear_list(struct envl_octets_list *list)
{
    size_t i;

    for (i = 0; i < list->count; i++)
        envl_octets_clear(&list->items[i]);
    OPENSSL_free(list->items);
    *list = (struct envl_octets_list){ 0 };
}

void
envl_settings_forget_keys(struct envl_settings *settings)
{
    clear_text(&settings->recipients);
    clear_text(&settings->identities);
    clear_text(&settings->passphrase_file);
    clear_list(&settings->recipient);
    clear_list(&settings->identity);
    envl_octets_clear(&settings->passphrase);
    settings->callback = NULL;
    envl_kept_free(settings->kept);
    settings->kept = NULL;
    settings->is_old = false;
}

void
envl_settings_clear(struct envl_settings *settings)
{
    envl_settings_forget_keys(settings);
    clear_text(&settings->labels);
    envl_octets_clear(&settings->in_use);
    OPENSSL_cleanse(settings, sizeof(*settings));
}
