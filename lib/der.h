/* SPDX-License-Identifier: Apache-2.0 */
/* Walking through DER, where libcrypto has no words for what stands there. */
#ifndef ENVL_DER_H
#define ENVL_DER_H

#include <stdbool.h>
#include <stddef.h>

/* First bytes of an element. */
enum {
    ENVL_DER_INTEGER = 0x02,
    ENVL_DER_OCTETS = 0x04,
    ENVL_DER_OID = 0x06,
    ENVL_DER_UTF8 = 0x0c,
    ENVL_DER_SEQUENCE = 0x30,
    ENVL_DER_ANY = -1
};

struct envl_der {
    const unsigned char *p;
    size_t len;
};

/* envl_der_take - take the next element of in, and what is in it; false if it
 * begins with another byte than want, or its length is not in DER */
bool envl_der_take(struct envl_der *in, int want, struct envl_der *content);

/* envl_der_is - is this the content? */
bool envl_der_is(const struct envl_der *der, const unsigned char *bytes,
                 size_t len);

#endif
