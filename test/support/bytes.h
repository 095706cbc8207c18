/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that grow, and that are compared. */
#ifndef ENVL_TEST_BYTES_H
#define ENVL_TEST_BYTES_H

#include "test/support/support.h"

struct bytes {
    unsigned char *p;
    size_t len;
};

/* text_of_len - pseudo-random; text_of - a string; drop() frees them */
struct bytes text_of_len(size_t len);
struct bytes text_of(const char *text);
void put(struct bytes *to, const void *p, size_t len);
void drop(struct bytes *bytes);

/* assert_bytes - these are the same; begin: got is how the others begin */
void assert_bytes(struct bytes got, struct bytes expected);
void assert_begin(struct bytes got, struct bytes expected);

#endif
