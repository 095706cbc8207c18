/* SPDX-License-Identifier: Apache-2.0 */
/* Both kinds of key are raw bytes in a SubjectPublicKeyInfo or a
 * PrivateKeyInfo. */
#include "provider/hybrid_der.h"

#include <string.h>

/* AlgorithmIdentifiers without parameters. */
static const unsigned char hybrid[] = { ENVL_DER_SEQUENCE, 10,
                                        ENVL_KEY_HYBRID_OID };
static const unsigned char xwing[] = { ENVL_DER_SEQUENCE, 13,
                                       ENVL_KEY_XWING_OID };

static const unsigned char version[] = { ENVL_DER_INTEGER, 1, 0 };

enum algorithm { NONE, HYBRID, XWING };

/* Take an AlgorithmIdentifier; NONE if it is of another algorithm. */
static enum algorithm
take_algorithm(struct envl_der *in)
{
    if (envl_der_take_just(in, hybrid, sizeof(hybrid)))
        return HYBRID;
    return envl_der_take_just(in, xwing, sizeof(xwing)) ? XWING : NONE;
}

int
envl_hybrid_read_public(struct envl_hybrid *key, struct envl_der in)
{
    struct envl_der spki, bits;

    if (!envl_der_take(&in, ENVL_DER_SEQUENCE, &spki)
        || take_algorithm(&spki) == NONE)
        return 0;
    if (in.len > 0 || !envl_der_take(&spki, ENVL_DER_BITS, &bits)
        || spki.len > 0 || bits.len != 1 + ENVL_HYBRID_PUBLIC_LEN
        || bits.p[0] != 0)
        return -1;
    return envl_hybrid_set_public(key, bits.p + 1) ? 1 : -1;
}

int
envl_hybrid_read_private(struct envl_hybrid *key, struct envl_der in)
{
    struct envl_der info, octets;
    enum algorithm algorithm;
    int ok;

    if (!envl_der_take(&in, ENVL_DER_SEQUENCE, &info)
        || !envl_der_take_just(&info, version, sizeof(version))
        || (algorithm = take_algorithm(&info)) == NONE)
        return 0;
    if (in.len > 0 || !envl_der_take(&info, ENVL_DER_OCTETS, &octets)
        || info.len > 0)
        return -1;
    if (algorithm == XWING)
        ok = octets.len == ENVL_XWING_SEED_LEN
             && envl_hybrid_set_seed(key, octets.p);
    else
        ok = octets.len == ENVL_HYBRID_PRIVATE_LEN
             && envl_hybrid_set_private(key, octets.p);
    return ok ? 1 : -1;
}

int
envl_hybrid_put_public(struct envl_der_writer *w, const struct envl_hybrid *key)
{
    unsigned char bits[1 + ENVL_HYBRID_PUBLIC_LEN] = { 0 };
    size_t since = envl_der_len(w);

    if (!envl_hybrid_get_public(key, bits + 1))
        return 0;
    envl_der_put_element(w, ENVL_DER_BITS, bits, sizeof(bits));
    envl_der_put(w, hybrid, sizeof(hybrid));
    envl_der_wrap(w, ENVL_DER_SEQUENCE, since);
    return 1;
}

int
envl_hybrid_put_private(struct envl_der_writer *w,
                        const struct envl_hybrid *key)
{
    unsigned char bytes[ENVL_HYBRID_PRIVATE_LEN];
    size_t since = envl_der_len(w);

    if (!envl_hybrid_get_private(key, bytes))
        return 0;
    envl_der_put_element(w, ENVL_DER_OCTETS, bytes, sizeof(bytes));
    envl_der_put(w, hybrid, sizeof(hybrid));
    envl_der_put(w, version, sizeof(version));
    envl_der_wrap(w, ENVL_DER_SEQUENCE, since);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return 1;
}
