/* SPDX-License-Identifier: Apache-2.0 */
/* Looking into an AlgorithmIdentifier, and judging the one key wrap. */
#include "lib/algorithm.h"

#include <openssl/objects.h>

int
envl_algorithm_nid(const X509_ALGOR *algorithm)
{
    const ASN1_OBJECT *oid = NULL;

    if (algorithm == NULL)
        return NID_undef;
    X509_ALGOR_get0(&oid, NULL, NULL, algorithm);
    return OBJ_obj2nid(oid);
}

X509_ALGOR *
envl_algorithm_inner(const X509_ALGOR *algorithm)
{
    const void *value = NULL;
    const unsigned char *p;
    int type = V_ASN1_UNDEF;

    X509_ALGOR_get0(NULL, &type, &value, algorithm);
    if (type != V_ASN1_SEQUENCE)
        return NULL;
    p = ASN1_STRING_get0_data(value);
    return d2i_X509_ALGOR(NULL, &p, ASN1_STRING_length(value));
}

bool
envl_algorithm_is_aes256_wrap(const X509_ALGOR *algorithm)
{
    int type = V_ASN1_UNDEF;

    X509_ALGOR_get0(NULL, &type, NULL, algorithm);
    return type == V_ASN1_UNDEF
           && envl_algorithm_nid(algorithm) == NID_id_aes256_wrap;
}
