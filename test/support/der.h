/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DER by hand, from the inside out: tests see by it what lib/base/der.c reads
 * and writes, so it uses nothing of that but the tags' names.
 */
#ifndef ENVL_TEST_DER_H
#define ENVL_TEST_DER_H

#include <stddef.h>

#include "lib/base/der.h"

/* Begins as { .len = 0 }, and needs no clearing. */
struct der {
    unsigned char p[16384];
    size_t len;
};

/*
 * der_add - bytes as they are
 * der_add_element - bytes with a tag and their length
 * der_add_text - a UTF8String
 * der_enclose - make one element of what stands after begin
 */
void der_add(struct der *to, const void *p, size_t len);
void der_add_element(struct der *to, int tag, const void *p, size_t len);
void der_add_text(struct der *to, const char *text);
void der_enclose(struct der *in, size_t begin, int tag);

#endif
