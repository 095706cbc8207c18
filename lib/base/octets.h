/* SPDX-License-Identifier: Apache-2.0 */
/* Byte strings and texts with an owner.  They are wiped when they are freed,
 * because they may be secret. */
#ifndef ENVL_OCTETS_H
#define ENVL_OCTETS_H

#include <stddef.h>

struct envl_octets {
    unsigned char *data;
    size_t len;
};

struct envl_octets_list {
    struct envl_octets *items;
    size_t count;
};

/*
 * _set and _copy functions replace the old value by a copy, _add adds a copy.
 * The _copy functions do nothing if there is nothing to copy.  The copy of an
 * empty string is not NULL.
 *
 * Ownership: the copy is the caller's, to be freed with the _clear function.
 * Returns:   1; 0, with nothing changed, if memory ran out.
 */
int envl_octets_set(struct envl_octets *octets, const void *data, size_t len);
int envl_octets_copy(struct envl_octets *to, const struct envl_octets *from);
int envl_octets_list_add(struct envl_octets_list *list, const void *data,
                         size_t len);
int envl_text_set(char **text, const char *from, size_t len);
int envl_text_copy(char **text, const char *from);

/* envl_octets_list_copy - copy a list; `to` is all zero before, and may hold a
 * part of the list if memory ran out */
int envl_octets_list_copy(struct envl_octets_list *to,
                          const struct envl_octets_list *from);

/* Wipe and free the bytes; the structure is all zero after that, and may be so
 * before. */
void envl_octets_clear(struct envl_octets *octets);
void envl_octets_list_clear(struct envl_octets_list *list);
void envl_text_clear(char **text);

#endif
