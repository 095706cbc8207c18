/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one list of key services: lib/ knows their URIs by it, the module its tables
 * (kms_api_NAME), and lint holds FORMAT and the manuals to it.
 */
#ifndef ENVL_KMS_SCHEMES_H
#define ENVL_KMS_SCHEMES_H

/* X(NAME, SCHEME, what people call it; NULL: its URIs name it) in the order of their
 * schemes. */
#define ENVL_KMS_SCHEMES(X)                       \
    X(aws, "awskms", "AWS KMS")                   \
    X(exec, "execkms", NULL)                      \
    X(site, "httpkms", NULL)                      \
    X(tencent, "tencentkms", "Tencent Cloud KMS") \
    X(vault, "vault", "Vault transit")

#endif
