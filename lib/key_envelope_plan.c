/* SPDX-License-Identifier: Apache-2.0 */
/* Who goes and who comes: identifiers are compared, which are claims, and with
 * what has opened the message, which is none.  Nothing is wrapped here. */
#include "lib/key_envelope_plan.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "lib/key_envelope.h"
#include "lib/key_envelope_impl.h"
#include "lib/recipient_words.h"

/* The recipients */

static bool
is_for(const struct envl_recipient_info *info, const unsigned char *id,
       size_t id_len, const struct envl_recipient *recipient,
       const unsigned char kek_id[ENVL_KEK_ID_LEN])
{
    struct envl_fit fit;

    switch (recipient->kind) {
    case ENVL_TO_CERT:
    case ENVL_TO_DH:
        if (id_len != recipient->id.len
            || memcmp(id, recipient->id.bytes, id_len) != 0)
            return false;
        fit = envl_fit_of_key(recipient->key);
        return envl_recipient_info_is_kind(info, &fit);
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

bool
envl_cms_reader_has(const struct envl_cms_reader *o,
                    const struct envl_recipient *recipient,
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
    struct envl_fit fit;
    size_t k;

    for (k = 0; k < ids->key_count; k++) {
        if (&ids->keys[k] == o->opener
            || !envl_identity_is_named(ids, &ids->keys[k], id, len))
            continue;
        fit = envl_fit_of_key(ids->keys[k].key);
        if (envl_recipient_info_is_kind(&o->infos[i], &fit))
            return true;
    }
    return false;
}

/* Who goes for what has opened the message. */
static enum envelope_reason
mark_opener(const struct envl_plan *plan, struct envl_cms_reader *o,
            struct envl_err *err)
{
    enum envl_fate *fates = plan->fates;
    const size_t opener = o->opened_by;
    const unsigned char *id, *opener_id;
    size_t i, len, opener_len;
    int place = 0;

    envl_cms_reader_again(o);
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
    if (o->too_many_unwraps)
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "the key that is replaced may open more than %d of "
                         "its recipients, too many to try: say who goes with "
                         "--remove or --replace-all",
                         ENVL_UNWRAP_COUNT_MAX);
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
check_limits(const struct envl_plan *plan, const struct envl_cms_reader *o,
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

/* The private key of this recipient, if it has not opened the message. */
static struct envl_identity *
other_key_of(const struct envl_cms_reader *o,
             const struct envl_recipient *recipient)
{
    size_t i;

    if (recipient->kind != ENVL_TO_CERT && recipient->kind != ENVL_TO_DH)
        return NULL;
    for (i = 0; i < o->identities->key_count; i++) {
        struct envl_identity *key = &o->identities->keys[i];

        if (key != o->opener && EVP_PKEY_eq(key->key, recipient->key) == 1)
            return key;
    }
    return NULL;
}

/* Does this key alone open its recipient's entry, and to the same content? */
static bool
opens_the_same(size_t *entry, const struct envl_cms_reader *o,
               struct envl_identity *key,
               const struct envl_recipient *recipient,
               const unsigned char kek_id[ENVL_KEK_ID_LEN])
{
    const struct envl_identities alone = { .keys = key,
                                           .key_count = 1,
                                           .certs = o->identities->certs,
                                           .cert_count =
                                               o->identities->cert_count };
    struct envl_cms_reader other = {
        .der = o->der, .len = o->len, .ctx = o->ctx, .identities = &alone
    };
    unsigned char dek[ENVL_DEK_LEN] = { 0 }, other_dek[ENVL_DEK_LEN];
    const unsigned char *id;
    struct envl_err ignored;
    size_t len;
    int place = 0;
    bool same;

    same = envl_cms_reader_begin(&other, &ignored) == ENVELOPE_OK
           && envl_cms_reader_open(&other, &ignored) == ENVELOPE_OK;
    if (same) {
        *entry = other.opened_by;
        id = envl_cms_reader_id(&other, *entry, &place, &len);
        same =
            is_for(&other.infos[*entry], id, len, recipient, kek_id)
            && envl_cms_reader_dek(&other, other_dek, &ignored) == ENVELOPE_OK
            && envl_key_envelope_open(dek, o->der, o->len, o->ctx,
                                      o->identities, &ignored)
                   == ENVELOPE_OK
            && CRYPTO_memcmp(dek, other_dek, sizeof(dek)) == 0;
    }
    envl_cms_reader_end(&other);
    OPENSSL_cleanse(dek, sizeof(dek));
    OPENSSL_cleanse(other_dek, sizeof(other_dek));
    return same;
}

/* Are there other recipients in this one's entry? */
static bool
shares_entry(const struct envl_cms_reader *o, size_t entry)
{
    const CMS_RecipientInfo *info = o->infos[entry].info;
    size_t i, parts = 0;

    for (i = 0; i < o->count; i++)
        parts += o->infos[i].info == info;
    return parts > 1;
}

/*
 * Is there an entry that this recipient need not get anew?  Its own key has to
 * open it.  Who is replaced is told by the one key that opens the message: there
 * no other one is asked.
 */
static bool
is_kept(size_t *entry, const struct envl_plan *plan,
        const struct envl_cms_reader *o, const struct envl_recipient *recipient,
        const struct envl_edit *edit,
        const unsigned char kek_id[ENVL_KEK_ID_LEN])
{
    struct envl_identity *key = NULL;

    *entry = o->opened_by;
    if (!is_opener(o, recipient, edit, kek_id)) {
        if (edit->mode != ENVL_EDIT_REPLACE)
            key = other_key_of(o, recipient);
        if (key == NULL || !opens_the_same(entry, o, key, recipient, kek_id))
            return false;
    }
    return plan->fates[*entry] == ENVL_STAYS
           && (edit->mode != ENVL_EDIT_ALL || !shares_entry(o, *entry));
}

/* Of all recipients those who come, and the entries that are kept. */
static void
sort_recipients(struct envl_plan *plan, bool *kept,
                const struct envl_cms_reader *o, const struct envl_edit *edit,
                const unsigned char kek_id[ENVL_KEK_ID_LEN])
{
    const struct envl_recipients *all = edit->recipients;
    size_t i, entry;

    for (i = 0; i < all->count; i++) {
        if (is_kept(&entry, plan, o, &all->items[i], edit, kek_id))
            kept[entry] = true;
        else
            plan->come.items[plan->come.count++] = all->items[i];
    }
    plan->keeps_opener = kept[o->opened_by];
}

enum envelope_reason
envl_plan_make(struct envl_plan *plan, const struct envl_cms_reader *o,
               const struct envl_edit *edit,
               const unsigned char kek_id[ENVL_KEK_ID_LEN],
               struct envl_err *err)
{
    const struct envl_recipients *all = edit->recipients;
    bool kept[ENVL_RECIPIENT_COUNT_MAX + 1] = { false };
    enum envelope_reason rc = ENVELOPE_OK;
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
    sort_recipients(plan, kept, o, edit, kek_id);
    mark_replaced(plan->fates, o, all, kek_id);
    for (i = 0; i < o->count; i++) {
        if (kept[i])
            plan->fates[i] = ENVL_STAYS;
        else if (edit->mode == ENVL_EDIT_ALL)
            plan->fates[i] = ENVL_MUST_GO;
    }
    return edit->mode != ENVL_EDIT_REPLACE ? check_limits(plan, o, err)
                                           : ENVELOPE_OK;
}

enum envelope_reason
envl_plan_drop(const struct envl_plan *plan, struct envl_cms_reader *o,
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

void
envl_plan_clear(struct envl_plan *plan)
{
    OPENSSL_free(plan->come.items);
    OPENSSL_free(plan->fates);
    *plan = (struct envl_plan){ 0 };
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
            || !envl_cms_reader_has(o, &recipients->items[i], no_kek))
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
        rc = envl_cms_reader_parse_fates(&fates, &o, err);
    if (rc == ENVELOPE_OK && removed != NULL)
        rc = envl_cms_reader_mark(fates, &o, removed, err);
    if (rc == ENVELOPE_OK)
        *is = looks_done(&o, fates, recipients, alone);
    OPENSSL_free(fates);
    envl_cms_reader_end(&o);
    return rc;
}
