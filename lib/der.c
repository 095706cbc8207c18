/* SPDX-License-Identifier: Apache-2.0 */
/* libcrypto reads the tag and the length. */
#include "lib/der.h"

#include <string.h>

#include <openssl/asn1.h>

bool
envl_der_take(struct envl_der *in, int want, struct envl_der *content)
{
    const unsigned char *p = in->p;
    int tag, class, flags;
    long len = 0;

    if (in->len == 0 || (want != ENVL_DER_ANY && *p != want))
        return false;
    flags = ASN1_get_object(&p, &len, &tag, &class, (long)in->len);
    if ((flags & 0x81) != 0) /* an error, or of no given length */
        return false;
    if ((p - in->p) + len != ASN1_object_size(0, (int)len, tag))
        return false; /* a longer form than need be */
    *content = (struct envl_der){ p, (size_t)len };
    in->len -= (size_t)(p - in->p) + (size_t)len;
    in->p = p + len;
    return true;
}

bool
envl_der_is(const struct envl_der *der, const unsigned char *bytes, size_t len)
{
    return der->len == len && memcmp(der->p, bytes, len) == 0;
}
