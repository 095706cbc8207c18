/* SPDX-License-Identifier: Apache-2.0 */
/* libcrypto's CMS makes the message; it is read once more before it is used. */
#include "lib/key_envelope.h"

#include <stdbool.h>

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "lib/frame.h"
#include "lib/recipient_info.h"

/* Where memory runs out, i2d may return bytes that it did not write. */
static bool
is_written(const unsigned char *der, int len, size_t recipients)
{
    struct envl_frame *frame = NULL;
    struct envl_err ignored;
    bool is =
        len > 0
        && envl_frame_read(&frame, der, (size_t)len, &ignored) == ENVELOPE_OK
        && (size_t)envl_frame_count(frame) == recipients;

    envl_frame_free(frame);
    return is;
}

/*
 * The content is written to the message's own BIO: CMS_final() would copy the
 * data key through a buffer that nobody wipes.
 */
static enum envelope_reason
encode(CMS_ContentInfo *cms, const unsigned char *dek, size_t recipients,
       unsigned char **der, size_t *len, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    BIO *content = NULL;
    int n = -1;

    if (CMS_set_detached(cms, 0) && (content = CMS_dataInit(cms, NULL)) != NULL
        && BIO_write(content, dek, ENVL_DEK_LEN) == ENVL_DEK_LEN
        && BIO_flush(content) > 0 && CMS_dataFinal(cms, content))
        n = i2d_CMS_ContentInfo(cms, der);
    if (!is_written(*der, n, recipients)) {
        rc = envl_fail_crypto(err, "wrap the data key");
        OPENSSL_free(*der);
        *der = NULL;
    } else {
        *len = (size_t)n;
    }
    BIO_free_all(content);
    return rc;
}

enum envelope_reason
envl_key_envelope_build(unsigned char **der, size_t *len,
                        const struct envl_libctx *ctx,
                        const struct envl_recipients *recipients,
                        const struct envl_settings *settings,
                        const unsigned char *dek, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    CMS_ContentInfo *cms = NULL;
    EVP_CIPHER *aead;
    size_t i;

    *der = NULL;
    aead = EVP_CIPHER_fetch(ctx->libctx, "AES-256-GCM", ctx->propq);
    if (aead == NULL
        || (cms =
                CMS_AuthEnvelopedData_create_ex(aead, ctx->libctx, ctx->propq))
               == NULL)
        rc = envl_fail_crypto(err, "make a key envelope");
    for (i = 0; i < recipients->count && rc == ENVELOPE_OK; i++)
        rc = envl_recipient_info_add(cms, ctx, recipients, i, settings, err);
    if (rc == ENVELOPE_OK)
        rc = encode(cms, dek, recipients->count, der, len, err);
    CMS_ContentInfo_free(cms);
    EVP_CIPHER_free(aead);
    return rc;
}
