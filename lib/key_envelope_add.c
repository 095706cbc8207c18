/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adding: RecipientInfos are kept in the frame as they stand there, and
 * libcrypto's CMS makes new ones.  Who is kept is not decided here.
 *
 * It makes them for the content-encryption key of a message that it has
 * opened, with the property query of that message.  The message at hand may
 * have been read for a key in hardware, or been opened without CMS (kari).  So
 * its key is passed on to a message of its own, which has one recipient: a
 * key-encryption key that was made up for this and is forgotten.
 */
#include "lib/key_envelope_edit.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rand.h>

#include "lib/key_envelope_impl.h"
#include "lib/key_envelope_plan.h"
#include "lib/payload_key.h"

#define WRAPPED_LEN (ENVL_CEK_LEN + 8) /* RFC 3394 adds a block */

/* The message of its own */

/* A kekri with a name of one byte; the wrapped key follows. */
/* clang-format off */
static const unsigned char kekri_start[] = {
    0xa2, 0x3f,                /* [2] IMPLICIT SEQUENCE */
    0x02, 0x01, 0x04,          /*   version 4 */
    0x30, 0x03,                /*   KEKIdentifier */
    0x04, 0x01, 0x00,          /*     keyIdentifier */
    0x30, 0x0b, 0x06, 0x09,    /*   AlgorithmIdentifier: id-aes256-wrap */
    0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2d,
    0x04, WRAPPED_LEN          /*   encryptedKey */
};
/* clang-format on */
static_assert(sizeof(kekri_start) + WRAPPED_LEN == 2 + 0x3f,
              "the length of the kekri");

static int
wrap_key(unsigned char wrapped[WRAPPED_LEN], const struct envl_libctx *ctx,
         const unsigned char kek[ENVL_KEK_LEN],
         const unsigned char cek[ENVL_CEK_LEN])
{
    EVP_CIPHER *aes = EVP_CIPHER_fetch(ctx->libctx, "AES-256-WRAP", ctx->propq);
    EVP_CIPHER_CTX *cctx = EVP_CIPHER_CTX_new();
    int n = 0, ok = 0;

    if (aes != NULL && cctx != NULL) {
        EVP_CIPHER_CTX_set_flags(cctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
        ok = EVP_EncryptInit_ex2(cctx, aes, kek, NULL, NULL)
             && EVP_EncryptUpdate(cctx, wrapped, &n, cek, ENVL_CEK_LEN)
             && n == WRAPPED_LEN;
    }
    EVP_CIPHER_CTX_free(cctx);
    EVP_CIPHER_free(aes);
    return ok;
}

/* Take out of frame what other has, too. */
static void
subtract(struct envl_frame *frame, const struct envl_frame *other)
{
    const unsigned char *der;
    size_t len;
    int i;

    for (i = envl_frame_count(frame) - 1; i >= 0; i--) {
        envl_frame_raw(frame, i, &der, &len);
        if (envl_frame_has(other, der, len))
            envl_frame_drop(frame, i);
    }
}

/*
 * Read again what CMS has made of a message: its recipients that old has not,
 * which are count.  Where memory runs out, i2d may return bytes that it did
 * not write.
 */
static enum envelope_reason
read_new(struct envl_frame **out, CMS_ContentInfo *cms,
         const struct envl_frame *old, size_t count, struct envl_err *err)
{
    struct envl_frame *frame = NULL;
    unsigned char *der = NULL;
    int len = i2d_CMS_ContentInfo(cms, &der);
    enum envelope_reason rc = ENVELOPE_OK;

    if (len <= 0
        || envl_frame_read(&frame, der, (size_t)len, err) != ENVELOPE_OK)
        rc = envl_fail_crypto(err, "encode the key envelope");
    OPENSSL_free(der);
    if (rc != ENVELOPE_OK)
        return rc;
    subtract(frame, old);
    *out = frame;
    return (size_t)envl_frame_count(frame) == count
               ? ENVELOPE_OK
               : envl_fail_crypto(err, "encode the key envelope");
}

/* The recipient is made by CMS, which has the content-encryption key. */
static enum envelope_reason
lend_by_cms(struct envl_frame **lent, struct envl_cms_reader *o,
            const unsigned char kek[ENVL_KEK_LEN], struct envl_err *err)
{
    unsigned char *kek_copy = OPENSSL_memdup(kek, ENVL_KEK_LEN);
    unsigned char *id = OPENSSL_zalloc(1);
    CMS_RecipientInfo *info = NULL;

    if (kek_copy != NULL && id != NULL)
        info = CMS_add0_recipient_key(o->cms, NID_id_aes256_wrap, kek_copy,
                                      ENVL_KEK_LEN, id, 1, NULL, NULL, NULL);
    if (info == NULL) {
        OPENSSL_clear_free(kek_copy, ENVL_KEK_LEN);
        OPENSSL_free(id);
        return envl_fail_crypto(err, "pass on the key");
    }
    if (!CMS_RecipientInfo_encrypt(o->cms, info))
        return envl_fail_crypto(err, "pass on the key");
    return read_new(lent, o->cms, o->frame, 1, err);
}

/* The recipient is made here, who have the content-encryption key. */
static enum envelope_reason
lend_by_hand(struct envl_frame **lent, struct envl_cms_reader *o,
             const unsigned char kek[ENVL_KEK_LEN], struct envl_err *err)
{
    unsigned char kekri[sizeof(kekri_start) + WRAPPED_LEN];
    enum envelope_reason rc = envl_frame_read(lent, o->der, o->len, err);

    if (rc != ENVELOPE_OK)
        return rc;
    subtract(*lent, o->frame);
    memcpy(kekri, kekri_start, sizeof(kekri_start));
    if (!wrap_key(kekri + sizeof(kekri_start), o->ctx, kek, o->cek))
        return envl_fail_crypto(err, "pass on the key");
    return envl_frame_add(*lent, kekri, sizeof(kekri)) ? ENVELOPE_OK
                                                       : envl_fail_memory(err);
}

/* Have CMS read the message of its own, and open it. */
static enum envelope_reason
open_lent(CMS_ContentInfo **cms, const struct envl_frame *lent,
          const struct envl_libctx *ctx, const unsigned char kek[ENVL_KEK_LEN],
          struct envl_err *err)
{
    struct envl_recipient_info info;
    enum envelope_reason rc;
    const unsigned char *p;
    unsigned char *der;
    size_t len;

    rc = envl_frame_write(lent, &der, &len, err);
    if (rc != ENVELOPE_OK)
        return rc;
    p = der;
    *cms = CMS_ContentInfo_new_ex(ctx->libctx, ctx->propq);
    /* On failure d2i frees the message and clears the pointer. */
    if (*cms == NULL || d2i_CMS_ContentInfo(cms, &p, (long)len) == NULL
        || !envl_recipient_info_parse(
            &info, sk_CMS_RecipientInfo_value(CMS_get0_RecipientInfos(*cms), 0),
            NULL, 0, NULL, 0)
        || !envl_recipient_info_open_kek(*cms, &info, kek))
        rc = envl_fail_crypto(err, "pass on the key");
    OPENSSL_free(der);
    return rc;
}

/* A message of its own that CMS has opened, and its frame. */
static enum envelope_reason
lend(CMS_ContentInfo **cms, struct envl_frame **lent, struct envl_cms_reader *o,
     struct envl_err *err)
{
    unsigned char kek[ENVL_KEK_LEN];
    enum envelope_reason rc;

    if (RAND_priv_bytes_ex(o->ctx->libctx, kek, sizeof(kek), 0) <= 0)
        return envl_fail_crypto(err, "get random bytes for a key");
    rc = o->has_cek ? lend_by_hand(lent, o, kek, err)
                    : lend_by_cms(lent, o, kek, err);
    if (rc == ENVELOPE_OK)
        rc = open_lent(cms, *lent, o->ctx, kek, err);
    OPENSSL_cleanse(kek, sizeof(kek));
    return rc;
}

/* Afterwards: all of them are there, and in the way that readers expect.
 * Where memory runs out libcrypto may leave out a parameter in silence. */
static enum envelope_reason
check_made(const struct envl_frame *fresh, const struct envl_cms_reader *old,
           const struct envl_recipients *recipients,
           const unsigned char kek_id[ENVL_KEK_ID_LEN], struct envl_err *err)
{
    struct envl_cms_reader o = { .ctx = old->ctx };
    enum envelope_reason rc;
    unsigned char *der;
    size_t i;

    rc = envl_frame_write(fresh, &der, &o.len, err);
    if (rc != ENVELOPE_OK)
        return rc;
    o.der = der;
    rc = envl_cms_reader_begin(&o, err);
    if (rc == ENVELOPE_OK)
        rc = envl_cms_reader_parse(&o, o.ctx->propq, err);
    for (i = 0; i < recipients->count && rc == ENVELOPE_OK; i++) {
        if (!envl_cms_reader_has(&o, &recipients->items[i], kek_id))
            rc = envl_fail_crypto(err, "add a recipient");
    }
    envl_cms_reader_end(&o);
    OPENSSL_free(der);
    return rc;
}

/* Add recipients to a message that CMS has opened; fresh is they alone. */
static enum envelope_reason
wrap_all(struct envl_frame **fresh, CMS_ContentInfo *cms,
         const struct envl_frame *lent, const struct envl_libctx *ctx,
         const struct envl_recipients *recipients,
         const struct envl_settings *settings, struct envl_err *err)
{
    STACK_OF(CMS_RecipientInfo) *all = CMS_get0_RecipientInfos(cms);
    enum envelope_reason rc = ENVELOPE_OK;
    size_t i;

    for (i = 0; i < recipients->count && rc == ENVELOPE_OK; i++) {
        rc = envl_recipient_info_add(cms, ctx, recipients, i, settings, err);
        if (rc == ENVELOPE_OK)
            rc = envl_recipient_info_wrap(
                cms, ctx,
                sk_CMS_RecipientInfo_value(all,
                                           sk_CMS_RecipientInfo_num(all) - 1),
                err);
    }
    return rc == ENVELOPE_OK
               ? read_new(fresh, cms, lent, recipients->count, err)
               : rc;
}

static enum envelope_reason
put_in(struct envl_frame *frame, const struct envl_frame *fresh,
       struct envl_err *err)
{
    const unsigned char *der;
    size_t len;
    int i;

    for (i = 0; i < envl_frame_count(fresh); i++) {
        envl_frame_raw(fresh, i, &der, &len);
        if (!envl_frame_add(frame, der, len))
            return envl_fail_memory(err);
    }
    return ENVELOPE_OK;
}

/* The entries of those that come, and what the message holds. */
static enum envelope_reason
make_fresh(struct envl_frame **fresh, unsigned char *content,
           struct envl_cms_reader *o, const struct envl_recipients *come,
           const struct envl_settings *settings,
           const unsigned char kek_id[ENVL_KEK_ID_LEN], struct envl_err *err)
{
    struct envl_frame *lent = NULL;
    CMS_ContentInfo *cms = NULL;
    enum envelope_reason rc;

    rc = lend(&cms, &lent, o, err);
    if (rc == ENVELOPE_OK)
        rc = wrap_all(fresh, cms, lent, o->ctx, come, settings, err);
    /* Last, because it is the end of the key: is it the content's? */
    if (rc == ENVELOPE_OK && !envl_cms_content(cms, content))
        rc = envl_fail(err, ENVELOPE_R_KEY_ENVELOPE,
                       "its data key fails authentication");
    if (rc == ENVELOPE_OK)
        rc = check_made(*fresh, o, come, kek_id, err);
    CMS_ContentInfo_free(cms);
    envl_frame_free(lent);
    return rc;
}

/* The message has been opened. */
static enum envelope_reason
add_opened(struct envl_cms_reader *o, const struct envl_edit *edit,
           const unsigned char kek_id[ENVL_KEK_ID_LEN], unsigned char *dek,
           struct envl_err *err)
{
    unsigned char content[ENVL_DEK_LEN];
    struct envl_frame *fresh = NULL;
    struct envl_plan plan = { 0 };
    enum envelope_reason rc;

    rc = envl_plan_make(&plan, o, edit, kek_id, err);
    if (rc == ENVELOPE_OK)
        rc = plan.come.count == 0 ? envl_cms_reader_dek(o, content, err)
                                  : make_fresh(&fresh, content, o, &plan.come,
                                               edit->settings, kek_id, err);
    if (rc == ENVELOPE_OK)
        rc = envl_plan_drop(&plan, o, edit, err);
    if (rc == ENVELOPE_OK && fresh != NULL)
        rc = put_in(o->frame, fresh, err);
    if (rc == ENVELOPE_OK && dek != NULL)
        memcpy(dek, content, sizeof(content));
    OPENSSL_cleanse(content, sizeof(content));
    envl_frame_free(fresh);
    envl_plan_clear(&plan);
    return rc;
}

enum envelope_reason
envl_key_envelope_add(unsigned char **out, size_t *out_len,
                      const unsigned char *der, size_t len,
                      const struct envl_libctx *ctx,
                      const struct envl_identities *identities,
                      const struct envl_edit *edit, unsigned char *dek,
                      bool *opened, struct envl_err *err)
{
    struct envl_cms_reader o = {
        .der = der,
        .len = len,
        .ctx = ctx,
        .identities = identities,
    };
    unsigned char kek_id[ENVL_KEK_ID_LEN] = { 0 };
    enum envelope_reason rc = envl_cms_reader_begin(&o, err);

    *out = NULL;
    *opened = false;
    if (rc == ENVELOPE_OK && edit->recipients->count == 0)
        rc = envl_fail(err, ENVELOPE_R_NO_RECIPIENT,
                       "there is no recipient to add");
    if (rc == ENVELOPE_OK && edit->settings->has_kek)
        rc = envl_kek_id(kek_id, ctx, edit->settings->kek, err);
    if (rc == ENVELOPE_OK)
        rc = envl_cms_reader_parse(&o, ctx->propq, err);
    if (rc == ENVELOPE_OK)
        rc = envl_cms_reader_open(&o, err);
    *opened = rc == ENVELOPE_OK;
    if (rc == ENVELOPE_OK)
        rc = add_opened(&o, edit, kek_id, dek, err);
    if (rc == ENVELOPE_R_KEY_ENVELOPE) /* the content is looked at last */
        *opened = false;
    if (rc == ENVELOPE_OK)
        rc = envl_frame_write(o.frame, out, out_len, err);
    envl_cms_reader_end(&o);
    return rc;
}
