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
    X(ali, "alikms", "Alibaba Cloud KMS")         \
    X(aws, "awskms", "AWS KMS")                   \
    X(azure, "azurekeyvault", NULL)               \
    X(exec, "execkms", NULL)                      \
    X(google, "gcpkms", "Google Cloud KMS")       \
    X(site, "httpkms", NULL)                      \
    X(huawei, "huaweikms", "Huawei Cloud KMS")    \
    X(tencent, "tencentkms", "Tencent Cloud KMS") \
    X(vault, "vault", "Vault transit")

/* X(NAME, another scheme for the same URIs, as other programs write it) */
#define ENVL_KMS_OTHER_SCHEMES(X) X(azure, "azurekms") X(google, "gcp-kms")

#endif
