/* SPDX-License-Identifier: Apache-2.0 */
/* A key of Azure Key Vault or Managed HSM, and its versions. */
#ifndef KMS_CLOUD_AZURE_H
#define KMS_CLOUD_AZURE_H

#include "kms/cloud/azure_credentials.h"
#include "kms/engine/api.h"

#define KMS_AZURE_SCHEME "azurekeyvault"
#define KMS_AZURE_VERSION_LEN_MAX 64
/* Versions of a page: with 15 tags each, five fit into KMS_REPLY_LEN_MAX.  More than
 * were asked for may come, up to what the service has without being asked. */
#define KMS_AZURE_PAGE_ASKED 5
#define KMS_AZURE_PAGE_LEN 25

/* struct kms_target's own. */
struct kms_azure {
    const struct kms_azure_cloud *cloud;
    bool is_named; /* the version, by the URI */

    /* Of the next request, and of the last reply */
    char version[KMS_AZURE_VERSION_LEN_MAX + 1]; /* "": the current one */
    struct kms_text
        page; /* query of a page of versions, "" for the first; a reply
                           * sets that of the next, or "" where there is none */
    bool is_disabled, is_absent; /* why the version was refused */
};

/* What a request for a key's public half is answered with: call->result. */
struct kms_azure_version {
    char version[KMS_AZURE_VERSION_LEN_MAX + 1];
    unsigned char der[ENVL_KMS_PUBLIC_KEY_LEN_MAX];
    size_t der_len; /* 0: it is of a type that has none */
};

/* And what a request for a page of versions is. */
struct kms_azure_page {
    char versions[KMS_AZURE_PAGE_LEN][KMS_AZURE_VERSION_LEN_MAX + 1];
    size_t count;
};

/*
 * struct kms_api's functions of these names
 *
 * kms_azure_decrypt finds the version with the public half that something was encrypted
 * for: the one that the URI names; or one that is known in this process, the current
 * one, or one of the list.  What is known costs no request, that there is none is
 * believed for KMS_AZURE_LIST_S.
 */
#define KMS_AZURE_LIST_S 60
enum envelope_reason kms_azure_public_key(struct kms_target *target,
                                          const struct envl_libctx *ctx,
                                          unsigned char *der, size_t *len,
                                          struct envl_err *err);
enum envelope_reason kms_azure_decrypt(struct kms_target *target,
                                       const struct envl_libctx *ctx,
                                       unsigned char key[ENVL_KEK_LEN],
                                       struct envl_kms_encrypted *encrypted,
                                       struct envl_err *err);

#endif
