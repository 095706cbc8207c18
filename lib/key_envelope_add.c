/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adding: RecipientInfos are kept in the frame as they stand there, and
 * libcrypto's CMS makes new ones.
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
#include "lib/payload_key.h"
#include "lib/recipient_words.h"

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
            NULL, 0)
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

/* The recipients */

static bool
is_for(const struct envl_recipient_info *info, const unsigned char *id,
       size_t id_len, const struct envl_recipient *recipient,
       const unsigned char kek_id[ENVL_KEK_ID_LEN])
{
    switch (recipient->kind) {
    case ENVL_TO_CERT:
    case ENVL_TO_DH:
        return envl_recipient_info_fits(info, recipient->key)
               && id_len == recipient->id.len
               && memcmp(id, recipient->id.bytes, id_len) == 0;
    case ENVL_TO_KEK:
        return info->kind == ENVL_INFO_KEK && info->source.kind == ENVL_KEK_BARE
               && id_len == ENVL_KEK_ID_LEN && memcmp(id, kek_id, id_len) == 0;
    case ENVL_TO_KMS: /* which key that is, only the service knows */
        return info->kind == ENVL_INFO_KEK && info->source.kind == ENVL_KEK_KMS;
    default: /* its name is a part of its salt, and not known beforehand */
        return info->kind == ENVL_INFO_KEK
               && info->source.kind == ENVL_KEK_SCRYPT;
    }
}

/* Does the message have an entry for this recipient, as it seems? */
static bool
has(const struct envl_cms_reader *o, const struct envl_recipient *recipient,
    const unsigned char kek_id[ENVL_KEK_ID_LEN])
{
    const unsigned char *id;
    size_t i, id_len;
    int place = 0;

    for (i = 0; i < o->count; i++) {
        id = envl_cms_reader_id(o, i, &place, &id_len);
        if (is_for(&o->infos[i], id, id_len, recipient, kek_id))
            return true;
    }
    return false;
}

/* An entry that a new recipient takes the place of.  A passphrase may come
 * again: with its salt it is another recipient; so may the key of a service. */
static bool
is_replaced(const struct envl_recipient_info *info, const unsigned char *id,
            size_t id_len, const struct envl_recipients *recipients,
            const unsigned char kek_id[ENVL_KEK_ID_LEN])
{
    size_t i;

    for (i = 0; i < recipients->count; i++) {
        if (recipients->items[i].kind != ENVL_TO_PASSPHRASE
            && recipients->items[i].kind != ENVL_TO_KMS
            && is_for(info, id, id_len, &recipients->items[i], kek_id))
            return true;
    }
    return false;
}

/* Does a recipient bear the identifier of another one, of the same kind? */
static bool
is_namesake(const struct envl_cms_reader *o, const unsigned char *id,
            size_t len, size_t i, const unsigned char *other_id,
            size_t other_len, size_t other)
{
    return len > 0 && o->infos[i].kind == o->infos[other].kind
           && len == other_len && memcmp(id, other_id, len) == 0;
}

/* Is another identity than the opener a recipient, by its name? */
static bool
is_of_another(const struct envl_cms_reader *o, size_t i,
              const unsigned char *id, size_t len)
{
    const struct envl_identities *ids = o->identities;
    size_t k;

    for (k = 0; k < ids->key_count; k++) {
        if (&ids->keys[k] != o->opener
            && envl_recipient_info_fits(&o->infos[i], ids->keys[k].key)
            && envl_identity_is_named(ids, &ids->keys[k], id, len))
            return true;
    }
    return false;
}

/* What is to become of the entries, and for whom new ones are made. */
struct plan {
    enum envl_fate *fates;       /* owned */
    struct envl_recipients come; /* items is owned, what they have is not */
    bool keeps_opener;           /* it is one of the new recipients */
};

/* Who goes for what has opened the message. */
static enum envelope_reason
mark_opener(const struct plan *plan, struct envl_cms_reader *o,
            struct envl_err *err)
{
    enum envl_fate *fates = plan->fates;
    const size_t opener = o->opened_by;
    const unsigned char *id, *opener_id;
    size_t i, len, opener_len;
    int place = 0;

    /* Each is tried once more, within the same bounds. */
    o->passphrases = o->unwraps = 0;
    o->scrypt_work = 0;
    opener_id = envl_cms_reader_id(o, opener, &place, &opener_len);
    for (i = 0, place = 0; i < o->count; i++) {
        id = envl_cms_reader_id(o, i, &place, &len);
        if (i == opener)
            fates[i] = plan->keeps_opener ? ENVL_STAYS : ENVL_MUST_GO;
        else if (fates[i] != ENVL_STAYS)
            continue;
        else if (is_namesake(o, id, len, i, opener_id, opener_len, opener)
                 || envl_cms_reader_opens(o, i))
            fates[i] = ENVL_GOES;
        else if (is_of_another(o, i, id, len))
            return envl_fail(err, ENVELOPE_R_PARAMETER,
                             "several of the identities open it, and only one "
                             "can be replaced: name that one alone, or say who "
                             "goes with --remove or --replace-all");
    }
    return ENVELOPE_OK;
}

/* Who goes for a new recipient. */
static void
mark_replaced(enum envl_fate *fates, const struct envl_cms_reader *o,
              const struct envl_recipients *recipients,
              const unsigned char kek_id[ENVL_KEK_ID_LEN])
{
    const unsigned char *id;
    size_t i, len;
    int place = 0;

    for (i = 0; i < o->count; i++) {
        id = envl_cms_reader_id(o, i, &place, &len);
        if (fates[i] == ENVL_STAYS
            && is_replaced(&o->infos[i], id, len, recipients, kek_id))
            fates[i] = ENVL_GOES;
    }
}

/* A passphrase that readers try; others are not ours. */
static bool
is_passphrase(const struct envl_recipient_info *info)
{
    return info->kind == ENVL_INFO_KEK && info->source.kind == ENVL_KEK_SCRYPT
           && envl_kek_scrypt_is_tried(&info->source);
}

/* Those that stay and those that come. */
static enum envelope_reason
check_limits(const struct plan *plan, const struct envl_cms_reader *o,
             struct envl_err *err)
{
    const struct envl_recipients *come = &plan->come;
    const enum envl_fate *fates = plan->fates;
    size_t i, stay = 0, passphrases = 0, fresh = 0;

    for (i = 0; i < o->count; i++) {
        stay += fates[i] == ENVL_STAYS;
        passphrases += fates[i] == ENVL_STAYS && is_passphrase(&o->infos[i]);
    }
    for (i = 0; i < come->count; i++)
        fresh += come->items[i].kind == ENVL_TO_PASSPHRASE;
    if (stay + come->count > ENVL_RECIPIENT_COUNT_MAX)
        return envl_fail(err, ENVELOPE_R_TOO_MANY_RECIPIENTS,
                         "it keeps %zu recipients, and %zu more would be above "
                         "%d",
                         stay, come->count, ENVL_RECIPIENT_COUNT_MAX);
    if (fresh > 0 && fresh + passphrases > ENVL_PASSPHRASE_COUNT_MAX)
        return envl_fail(err, ENVELOPE_R_TOO_MANY_RECIPIENTS,
                         "it keeps %zu passphrases, and readers try no more "
                         "than %d: remove one",
                         passphrases, ENVL_PASSPHRASE_COUNT_MAX);
    return ENVELOPE_OK;
}

/* Is the entry that was opened the one that this recipient would get?  Its own
 * key has opened it, so that it is no claim.  A passphrase may come with other
 * work, and the key of a service in another version. */
static bool
is_opener(const struct envl_cms_reader *o,
          const struct envl_recipient *recipient, const struct envl_edit *edit,
          const unsigned char kek_id[ENVL_KEK_ID_LEN])
{
    const unsigned char *kek = o->identities->kek;
    const unsigned char *id;
    size_t len;
    int place = 0;

    id = envl_cms_reader_id(o, o->opened_by, &place, &len);
    if (!is_for(&o->infos[o->opened_by], id, len, recipient, kek_id))
        return false;
    if (recipient->kind == ENVL_TO_CERT || recipient->kind == ENVL_TO_DH)
        return o->opener != NULL
               && EVP_PKEY_eq(o->opener->key, recipient->key) == 1;
    return recipient->kind == ENVL_TO_KEK && o->opener == NULL && kek != NULL
           && CRYPTO_memcmp(kek, edit->settings->kek, ENVL_KEK_LEN) == 0;
}

/* Are there other recipients in the entry that was opened? */
static bool
shares_entry(const struct envl_cms_reader *o)
{
    const CMS_RecipientInfo *info = o->infos[o->opened_by].info;
    size_t i, parts = 0;

    for (i = 0; i < o->count; i++)
        parts += o->infos[i].info == info;
    return parts > 1;
}

/* Who goes whatever has opened the message, and who comes. */
static enum envelope_reason
make_plan(struct plan *plan, const struct envl_cms_reader *o,
          const struct envl_edit *edit,
          const unsigned char kek_id[ENVL_KEK_ID_LEN], struct envl_err *err)
{
    const struct envl_recipients *all = edit->recipients;
    enum envelope_reason rc = ENVELOPE_OK;
    bool may_keep;
    size_t i;

    plan->come = *all;
    plan->come.count = 0;
    plan->come.items = OPENSSL_malloc((all->count + 1) * sizeof(*all->items));
    plan->fates = OPENSSL_zalloc((o->count + 1) * sizeof(*plan->fates));
    if (plan->come.items == NULL || plan->fates == NULL)
        return envl_fail_memory(err);
    if (edit->removed != NULL)
        rc = envl_cms_reader_mark(plan->fates, o, edit->removed, err);
    if (rc != ENVELOPE_OK)
        return rc;
    may_keep = plan->fates[o->opened_by] == ENVL_STAYS
               && (edit->mode != ENVL_EDIT_ALL || !shares_entry(o));
    for (i = 0; i < all->count; i++) {
        if (may_keep && is_opener(o, &all->items[i], edit, kek_id))
            plan->keeps_opener = true;
        else
            plan->come.items[plan->come.count++] = all->items[i];
    }
    mark_replaced(plan->fates, o, all, kek_id);
    for (i = 0; i < o->count && edit->mode == ENVL_EDIT_ALL; i++)
        plan->fates[i] = ENVL_MUST_GO;
    if (plan->keeps_opener)
        plan->fates[o->opened_by] = ENVL_STAYS;
    return edit->mode != ENVL_EDIT_REPLACE ? check_limits(plan, o, err)
                                           : ENVELOPE_OK;
}

/* The message is not needed any more. */
static enum envelope_reason
drop_old(const struct plan *plan, struct envl_cms_reader *o,
         const struct envl_edit *edit, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;

    if (edit->mode == ENVL_EDIT_REPLACE) {
        rc = mark_opener(plan, o, err);
        if (rc == ENVELOPE_OK)
            rc = check_limits(plan, o, err);
    }
    return rc == ENVELOPE_OK ? envl_cms_reader_drop(o, plan->fates, err) : rc;
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
        if (!has(&o, &recipients->items[i], kek_id))
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
    struct plan plan = { 0 };
    enum envelope_reason rc;

    rc = make_plan(&plan, o, edit, kek_id, err);
    if (rc == ENVELOPE_OK)
        rc = plan.come.count == 0 ? envl_cms_reader_dek(o, content, err)
                                  : make_fresh(&fresh, content, o, &plan.come,
                                               edit->settings, kek_id, err);
    if (rc == ENVELOPE_OK)
        rc = drop_old(&plan, o, edit, err);
    if (rc == ENVELOPE_OK && fresh != NULL)
        rc = put_in(o->frame, fresh, err);
    if (rc == ENVELOPE_OK && dek != NULL)
        memcpy(dek, content, sizeof(content));
    OPENSSL_cleanse(content, sizeof(content));
    envl_frame_free(fresh);
    OPENSSL_free(plan.come.items);
    OPENSSL_free(plan.fates);
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

/* Whether it is done already */

/* May the entry be one of what the identities stand for?  A key has its name in
 * it; a passphrase or the key of a service may be another one, or wrong. */
static bool
may_be_identity(const struct envl_cms_reader *o, size_t i,
                const unsigned char *id, size_t len)
{
    const struct envl_identities *ids = o->identities;
    const struct envl_recipient_info *info = &o->infos[i];

    if (info->kind != ENVL_INFO_KEK || info->source.kind == ENVL_KEK_DH)
        return is_of_another(o, i, id, len);
    if (info->source.kind == ENVL_KEK_SCRYPT)
        return ids->passphrase.data != NULL;
    if (info->source.kind == ENVL_KEK_KMS)
        return ids->service_count > 0;
    return ids->kek != NULL;
}

/* A key in hardware may not tell its name. */
static bool
have_names(const struct envl_identities *identities)
{
    size_t i;

    for (i = 0; i < identities->key_count; i++) {
        if (identities->keys[i].id.len == 0)
            return false;
    }
    return true;
}

/* The message has been parsed, and nobody has opened it. */
static bool
looks_done(const struct envl_cms_reader *o, const enum envl_fate *fates,
           const struct envl_recipients *recipients, bool alone)
{
    static const unsigned char no_kek[ENVL_KEK_ID_LEN] = { 0 };
    struct envl_recipient_words words;
    const unsigned char *id, *der;
    size_t i, len, der_len;
    int place = 0;

    if (!have_names(o->identities))
        return false;
    for (i = 0; i < recipients->count; i++) {
        if ((recipients->items[i].kind != ENVL_TO_CERT
             && recipients->items[i].kind != ENVL_TO_DH)
            || !has(o, &recipients->items[i], no_kek))
            return false;
    }
    for (i = 0; i < o->count; i++) {
        id = envl_cms_reader_id(o, i, &place, &len);
        envl_frame_raw(o->frame, place, &der, &der_len);
        envl_recipient_words(&words, &o->infos[i], der, der_len);
        if (!words.known || fates[i] != ENVL_STAYS
            || may_be_identity(o, i, id, len)
            || (alone
                && !is_replaced(&o->infos[i], id, len, recipients, no_kek)))
            return false;
    }
    return true;
}

enum envelope_reason
envl_key_envelope_is_done(bool *is, const unsigned char *der, size_t len,
                          const struct envl_libctx *ctx,
                          const struct envl_identities *identities,
                          const struct envl_recipients *recipients,
                          const char *removed, bool alone, struct envl_err *err)
{
    struct envl_cms_reader o = {
        .der = der,
        .len = len,
        .ctx = ctx,
        .identities = identities,
    };
    enum envelope_reason rc = envl_cms_reader_begin(&o, err);
    enum envl_fate *fates = NULL;

    *is = false;
    if (rc == ENVELOPE_OK)
        rc = envl_cms_reader_parse(&o, ctx->propq, err);
    if (rc == ENVELOPE_OK
        && (fates = OPENSSL_zalloc((o.count + 1) * sizeof(*fates))) == NULL)
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK && removed != NULL)
        rc = envl_cms_reader_mark(fates, &o, removed, err);
    if (rc == ENVELOPE_OK)
        *is = looks_done(&o, fates, recipients, alone);
    OPENSSL_free(fates);
    envl_cms_reader_end(&o);
    return rc;
}
