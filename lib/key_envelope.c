/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcrypto's CMS makes and opens the message.  It would open more than the
 * format allows, a four-byte tag for one, so its frame is checked first.
 */
#include "lib/key_envelope.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "lib/key_envelope_impl.h"
#include "lib/kms.h"
#include "lib/ktri.h"
#include "lib/recipient_words.h"

/* A libcrypto call has failed on the message, or so it seems. */
static enum envelope_reason
fail_message(struct envl_err *err, const char *why)
{
    if (envl_crypto_no_memory())
        return envl_fail_memory(err);
    return envl_fail(err, ENVELOPE_R_KEY_ENVELOPE, "%s", why);
}

/* Opening */

static void
drop_cms(struct envl_cms_reader *o)
{
    int i;

    for (i = 0; i < o->kari_count; i++)
        envl_kari_clear(&o->karis[i]);
    o->kari_count = 0;
    o->count = 0;
    CMS_ContentInfo_free(o->cms);
    o->cms = NULL;
}

/* The kari at this place of the message, or NULL if it is none that is
 * allowed.  Both readings of the message have the same order. */
static const struct envl_kari *
read_kari(struct envl_cms_reader *o, CMS_RecipientInfo *info, int i)
{
    struct envl_kari *kari = &o->karis[i];
    const unsigned char *der;
    size_t len;

    *kari = (struct envl_kari){ 0 };
    o->kari_count = i + 1;
    if (CMS_RecipientInfo_type(info) == CMS_RECIPINFO_AGREE
        && envl_frame_recipient(o->frame, i, &der, &len)
        && envl_kari_read(kari, info, der, len))
        return kari;
    return NULL;
}

/* List the recipients, each part of a kari on its own; false if there are
 * more than a header may have. */
static bool
list_infos(struct envl_cms_reader *o)
{
    STACK_OF(CMS_RecipientInfo) *all = CMS_get0_RecipientInfos(o->cms);
    int i, part, n = sk_CMS_RecipientInfo_num(all);
    const unsigned char *der;
    size_t len;

    for (i = 0; i < n && i < ENVL_RECIPIENT_COUNT_MAX; i++) {
        CMS_RecipientInfo *info = sk_CMS_RecipientInfo_value(all, i);
        const struct envl_kari *kari = read_kari(o, info, i);

        envl_frame_raw(o->frame, i, &der, &len);
        for (part = 0; envl_recipient_info_parse(&o->infos[o->count], info,
                                                 kari, part, der, len);
             part++) {
            if (++o->count > ENVL_RECIPIENT_COUNT_MAX)
                return false;
        }
    }
    return true;
}

/* The frame has been looked at; this goes for what is inside of it. */
static bool
is_der(const struct envl_cms_reader *o)
{
    unsigned char *again = NULL;
    int n = i2d_CMS_ContentInfo(o->cms, &again);
    bool same =
        n > 0 && (size_t)n == o->len && memcmp(again, o->der, o->len) == 0;

    OPENSSL_free(again);
    return same;
}

/* Property queries; NULL is one, too. */
static bool
is_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

enum envelope_reason
envl_cms_reader_parse(struct envl_cms_reader *o, const char *propq,
                      struct envl_err *err)
{
    const unsigned char *p = o->der;

    if (o->cms != NULL && is_same(o->propq, propq))
        return ENVELOPE_OK;
    drop_cms(o);
    o->propq = propq;
    o->parses++;
    o->cms = CMS_ContentInfo_new_ex(o->ctx->libctx, propq);
    if (o->cms == NULL)
        return envl_fail_memory(err);
    /* On failure d2i frees the message and clears the pointer. */
    if (d2i_CMS_ContentInfo(&o->cms, &p, (long)o->len) == NULL)
        return fail_message(err, "it is not a CMS message");
    if (!is_der(o))
        return fail_message(err, "it is not in DER");
    if (!list_infos(o))
        return envl_fail(err, ENVELOPE_R_KEY_ENVELOPE,
                         "it has more than 1,024 recipients");
    return ENVELOPE_OK;
}

/* The place in the message of recipient i, whose predecessor's is given.  A
 * kari has one place and several recipients, or none. */
static int
place_of(const struct envl_cms_reader *o, size_t i, int place)
{
    STACK_OF(CMS_RecipientInfo) *all = CMS_get0_RecipientInfos(o->cms);

    while (sk_CMS_RecipientInfo_value(all, place) != o->infos[i].info)
        place++;
    return place;
}

const unsigned char *
envl_cms_reader_id(const struct envl_cms_reader *o, size_t i, int *place,
                   size_t *id_len)
{
    const unsigned char *der;
    size_t len;

    *place = place_of(o, i, *place);
    envl_frame_raw(o->frame, *place, &der, &len);
    return envl_recipient_id(&o->infos[i], der, len, id_len);
}

/* An attempt, begun with ERR_set_mark(), is over.  Did it fail because memory
 * ran out?  Its records go: the oldest of the next attempt is then its own. */
static bool
end_attempt(struct envl_cms_reader *o, bool opened)
{
    if (!opened && envl_crypto_no_memory())
        o->no_memory = true;
    (void)ERR_pop_to_mark();
    return opened;
}

static bool
open_with_key(struct envl_cms_reader *o, const struct envl_recipient_info *info,
              const struct envl_identity *identity)
{
    o->has_cek = false;
    if (info->kind == ENVL_INFO_RSA)
        o->has_cek =
            envl_ktri_unwrap(info->encrypted, info->encrypted_len, o->ctx,
                             identity->key, identity->propq, o->cek);
    else if (info->kind == ENVL_INFO_EC)
        o->has_cek = envl_kari_unwrap(info->kari, info->part, o->ctx,
                                      identity->key, identity->propq, o->cek);
    else
        return envl_recipient_info_open_key(o->cms, info, o->ctx, identity);
    return o->has_cek;
}

/* Try a private key on a recipient, which it fits. */
static bool
try_key(struct envl_cms_reader *o, const struct envl_identity *identity,
        size_t i)
{
    bool opened;

    o->opened_by = i;
    o->opener = identity;
    ERR_set_mark();
    opened = open_with_key(o, &o->infos[i], identity);
    if (!opened && o->named[i])
        (void)snprintf(o->trouble, sizeof(o->trouble), "%s",
                       envl_crypto_reason());
    return end_attempt(o, opened);
}

/* Which recipients are tried: those that bear the key's name, which are noted,
 * or those that bear the name of none. */
enum pass { NAMED, OTHERS };

static bool
is_tried(struct envl_cms_reader *o, const struct envl_identity *identity,
         size_t i, enum pass pass)
{
    const struct envl_recipient_info *info = &o->infos[i];

    if (pass == OTHERS)
        return !o->named[i];
    if (!envl_identity_is_named(o->identities, identity, info->id,
                                info->id_len))
        return false;
    return o->named[i] = true;
}

/* Try a private key on all recipients of a pass. */
static enum envelope_reason
try_recipients(struct envl_cms_reader *o, const struct envl_identity *identity,
               enum pass pass, bool *opened, struct envl_err *err)
{
    const struct envl_fit fit = envl_fit_of_key(identity->key);
    unsigned *unwraps =
        pass == NAMED ? &o->named_unwraps[fit.kind] : &o->other_unwraps;
    enum envelope_reason rc = ENVELOPE_OK;
    size_t i;

    for (i = 0; i < o->count && rc == ENVELOPE_OK && !*opened; i++) {
        if (!envl_recipient_info_fits(&o->infos[i], &fit)
            || !is_tried(o, identity, i, pass))
            continue;
        if (*unwraps == ENVL_UNWRAP_COUNT_MAX) {
            o->too_many_unwraps = true;
            continue; /* to note the others that are named */
        }
        ++*unwraps;
        if (fit.kind == ENVL_INFO_ML_KEM)
            rc = envl_cms_reader_parse(o, identity->propq, err);
        if (rc == ENVELOPE_OK)
            *opened = try_key(o, identity, i);
    }
    return rc;
}

/* Is a recipient with so much work to be tried?  If not, note why. */
static bool
may_try_passphrase(struct envl_cms_reader *o, uint64_t n, uint64_t work)
{
    if (n < ENVL_SCRYPT_N_MIN)
        o->too_little_work = true;
    else if (o->passphrases == ENVL_PASSPHRASE_COUNT_MAX)
        o->too_many_passphrases = true;
    else if (work > ENVL_SCRYPT_WORK_MAX - o->scrypt_work)
        o->too_much_work = true;
    else
        return true;
    return false;
}

static bool
try_passphrase(struct envl_cms_reader *o,
               const struct envl_recipient_info *info)
{
    const struct envl_octets *passphrase = &o->identities->passphrase;
    uint64_t work = envl_kek_scrypt_work(&info->source);
    unsigned char kek[ENVL_KEK_LEN];
    struct envl_err ignored;
    bool opened;

    if (!may_try_passphrase(o, info->source.u.scrypt.n, work))
        return false;
    o->passphrases++;
    o->scrypt_work += work;
    ERR_set_mark();
    opened = envl_kek_scrypt_derive(kek, o->ctx, &info->source,
                                    passphrase->data, passphrase->len, &ignored)
                 == ENVELOPE_OK
             && envl_recipient_info_open_kek(o->cms, info, kek);
    OPENSSL_cleanse(kek, sizeof(kek));
    return end_attempt(o, opened);
}

static bool
try_kek(struct envl_cms_reader *o, const struct envl_recipient_info *info,
        const unsigned char kek[ENVL_KEK_LEN])
{
    ERR_set_mark();
    return end_attempt(o, envl_recipient_info_open_kek(o->cms, info, kek));
}

/* Try what is a secret rather than a key. */
static bool
try_secrets(struct envl_cms_reader *o, const struct envl_recipient_info *info)
{
    if (info->kind != ENVL_INFO_KEK)
        return false;
    if (info->source.kind == ENVL_KEK_SCRYPT)
        return o->identities->passphrase.data != NULL
               && try_passphrase(o, info);
    return info->source.kind == ENVL_KEK_BARE && o->identities->kek != NULL
           && try_kek(o, info, o->identities->kek);
}

/* What will be told if nothing opens it.  A failure that may pass goes before
 * a refusal. */
static void
note_service(struct envl_cms_reader *o, const struct envl_err *err)
{
    if (err->reason == ENVELOPE_R_MEMORY)
        o->no_memory = true;
    else if (o->service_err.reason == ENVELOPE_OK
             || (err->reason == ENVELOPE_R_KEY_SERVICE
                 && o->service_err.reason != ENVELOPE_R_KEY_SERVICE))
        o->service_err = *err;
}

/* Ask a service for the key of a recipient, if that may be its. */
static bool
try_service(struct envl_cms_reader *o, const struct envl_kms_module *module,
            const char *uri, const struct envl_recipient_info *info)
{
    const struct envl_labels *labels = &o->identities->labels;
    const struct envl_kms_call call = { o->ctx, uri, labels->text,
                                        labels->len };
    unsigned char kek[ENVL_KEK_LEN];
    struct envl_kms_wrapped wrapped;
    struct envl_err err;
    bool opened = false;

    if (info->kind != ENVL_INFO_KEK || info->source.kind != ENVL_KEK_KMS)
        return false;
    envl_kms_get(&wrapped, &info->source);
    if (!module->matches(uri, &wrapped))
        return false;
    if (o->service_calls == ENVL_SERVICE_CALL_MAX) {
        o->too_many_calls = true;
        return false;
    }
    o->service_calls++;
    if (module->unwrap(kek, &wrapped, &call, &err) != ENVELOPE_OK) {
        note_service(o, &err);
    } else if (!(opened = try_kek(o, info, kek))) {
        (void)envl_fail(&err, ENVELOPE_R_KEY_ENVELOPE,
                        "the key of %s %.80s does not open it", wrapped.service,
                        wrapped.key);
        note_service(o, &err);
    }
    OPENSSL_cleanse(kek, sizeof(kek));
    return opened;
}

/* The message has been parsed. */
static enum envelope_reason
try_services(struct envl_cms_reader *o, bool *opened, struct envl_err *err)
{
    const struct envl_identities *ids = o->identities;
    const struct envl_kms_module *module = NULL;
    enum envelope_reason rc = ENVELOPE_OK;
    size_t i, j;

    if (ids->service_count > 0)
        rc = envl_kms_load(&module, o->ctx, err);
    for (i = 0; i < ids->service_count && rc == ENVELOPE_OK; i++) {
        for (j = 0; j < o->count && !*opened; j++) {
            o->opened_by = j;
            *opened = try_service(o, module, ids->services[i], &o->infos[j]);
        }
    }
    return rc;
}

/* The likely and cheap first: scrypt takes long, and services are far away. */
static enum envelope_reason
try_all(struct envl_cms_reader *o, bool *opened, struct envl_err *err)
{
    const struct envl_identities *ids = o->identities;
    enum envelope_reason rc;
    enum pass pass;
    size_t i;

    *opened = false;
    rc = envl_cms_reader_parse(o, o->ctx->propq, err);
    for (pass = NAMED; pass <= OTHERS; pass++) {
        for (i = 0; i < ids->key_count && rc == ENVELOPE_OK && !*opened; i++)
            rc = try_recipients(o, &ids->keys[i], pass, opened, err);
    }
    if (rc != ENVELOPE_OK || *opened)
        return rc;
    o->opener = NULL;
    rc = envl_cms_reader_parse(o, o->ctx->propq, err);
    for (i = 0; i < o->count && rc == ENVELOPE_OK && !*opened; i++) {
        o->opened_by = i;
        *opened = try_secrets(o, &o->infos[i]);
    }
    if (rc == ENVELOPE_OK && !*opened)
        rc = try_services(o, opened, err);
    return rc;
}

void
envl_cms_reader_again(struct envl_cms_reader *o)
{
    o->passphrases = o->other_unwraps = 0;
    o->scrypt_work = 0;
    o->too_many_unwraps = false;
}

bool
envl_cms_reader_opens(struct envl_cms_reader *o, size_t i)
{
    const struct envl_recipient_info *info = &o->infos[i];
    struct envl_fit fit;

    if (o->opener == NULL)
        return info->source.kind == o->infos[o->opened_by].source.kind
               && try_secrets(o, info);
    fit = envl_fit_of_key(o->opener->key);
    if (!envl_recipient_info_fits(info, &fit))
        return false;
    if (fit.kind == ENVL_INFO_RSA
        && o->other_unwraps == ENVL_UNWRAP_COUNT_MAX) {
        o->too_many_unwraps = true;
        return false;
    }
    o->other_unwraps++;
    return open_with_key(o, info, o->opener);
}

/* For the same reason as above not with CMS_decrypt(). */
int
envl_cms_content(CMS_ContentInfo *cms, unsigned char *dek)
{
    unsigned char buf[ENVL_DEK_LEN + 1];
    BIO *content = CMS_dataInit(cms, NULL);
    size_t len = 0;
    int n = 1;
    bool good;

    while (content != NULL && n > 0 && len < sizeof(buf)) {
        n = BIO_read(content, buf + len, (int)(sizeof(buf) - len));
        len += n > 0 ? (size_t)n : 0;
    }
    good = content != NULL && len == ENVL_DEK_LEN
           && BIO_get_cipher_status(content) > 0;
    if (good)
        memcpy(dek, buf, ENVL_DEK_LEN);
    OPENSSL_cleanse(buf, sizeof(buf));
    BIO_free_all(content);
    return good;
}

enum envelope_reason
envl_cms_reader_dek(const struct envl_cms_reader *o, unsigned char *dek,
                    struct envl_err *err)
{
    if (o->has_cek ? envl_frame_decrypt(o->frame, o->ctx, o->cek, dek)
                   : envl_cms_content(o->cms, dek))
        return ENVELOPE_OK;
    return fail_message(err, "its data key fails authentication");
}

enum envelope_reason
envl_cms_reader_open(struct envl_cms_reader *o, struct envl_err *err)
{
    bool opened = false;
    enum envelope_reason rc = try_all(o, &opened, err);

    return rc != ENVELOPE_OK || opened ? rc : envl_cms_reader_fail(o, err);
}

enum envelope_reason
envl_cms_reader_begin(struct envl_cms_reader *o, struct envl_err *err)
{
    enum envelope_reason rc;

    /* Trying leaves records behind, also when it succeeds in the end. */
    ERR_set_mark();
    rc = envl_frame_read(&o->frame, o->der, o->len, err);
    if (rc != ENVELOPE_OK)
        return rc;
    /* One more than there may be, to see that there are too many. */
    o->infos =
        OPENSSL_malloc((ENVL_RECIPIENT_COUNT_MAX + 2) * sizeof(*o->infos));
    o->karis = OPENSSL_malloc(ENVL_RECIPIENT_COUNT_MAX * sizeof(*o->karis));
    o->named = OPENSSL_zalloc(ENVL_RECIPIENT_COUNT_MAX * sizeof(*o->named));
    return o->infos != NULL && o->karis != NULL && o->named != NULL
               ? ENVELOPE_OK
               : envl_fail_memory(err);
}

void
envl_cms_reader_end(struct envl_cms_reader *o)
{
    drop_cms(o);
    OPENSSL_free(o->infos);
    OPENSSL_free(o->karis);
    OPENSSL_free(o->named);
    envl_frame_free(o->frame);
    OPENSSL_cleanse(o->cek, sizeof(o->cek));
    ERR_pop_to_mark();
}

enum envelope_reason
envl_key_envelope_open(unsigned char *dek, const unsigned char *der, size_t len,
                       const struct envl_libctx *ctx,
                       const struct envl_identities *identities,
                       struct envl_err *err)
{
    struct envl_cms_reader o = {
        .der = der,
        .len = len,
        .ctx = ctx,
        .identities = identities,
    };
    enum envelope_reason rc = envl_cms_reader_begin(&o, err);

    if (rc == ENVELOPE_OK)
        rc = envl_cms_reader_open(&o, err);
    if (rc == ENVELOPE_OK)
        rc = envl_cms_reader_dek(&o, dek, err);
    envl_cms_reader_end(&o);
    return rc;
}
