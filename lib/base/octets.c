/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/octets.h"

#include <string.h>

#include <openssl/crypto.h>

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

int
envl_octets_list_copy(struct envl_octets_list *to,
                      const struct envl_octets_list *from)
{
    size_t i;

    for (i = 0; i < from->count; i++) {
        if (!envl_octets_list_add(to, from->items[i].data, from->items[i].len))
            return 0;
    }
    return 1;
}

void
envl_octets_list_clear(struct envl_octets_list *list)
{
    size_t i;

    for (i = 0; i < list->count; i++)
        envl_octets_clear(&list->items[i]);
    OPENSSL_free(list->items);
    *list = (struct envl_octets_list){ 0 };
}

int
envl_text_set(char **text, const char *from, size_t len)
{
    char *copy = OPENSSL_strndup(from, len);

    if (copy == NULL)
        return 0;
    envl_text_clear(text);
    *text = copy;
    return 1;
}

int
envl_text_copy(char **text, const char *from)
{
    return from == NULL || envl_text_set(text, from, strlen(from));
}

void
envl_text_clear(char **text)
{
    if (*text != NULL)
        OPENSSL_clear_free(*text, strlen(*text));
    *text = NULL;
}
