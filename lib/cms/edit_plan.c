/* SPDX-License-Identifier: Apache-2.0 */
/* Compares identifiers, which are only claims, and tries entries with the key
 * that has opened the message, which proves them.  No key is wrapped here. */
#include "lib/cms/edit_plan.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

/* The recipients */

static bool
id_is(const struct envl_entry *entry, const unsigned char *id, size_t len)
{
    return entry->id.p != NULL && envl_der_is(&entry->id, id, len);
}

static bool
is_for(const struct envl_entry *entry, const struct envl_recipient *recipient,
       const unsigned char kek_id[ENVL_KEK_ID_LEN])
{
    struct envl_fit fit;

    switch (recipient->kind) {
    case ENVL_TO_KEY:
        if (!id_is(entry, recipient->id.bytes, recipient->id.len))
            return false;
        fit = envl_fit_of_key(recipient->key);
        return envl_entry_is_kind(entry, &fit);
    case ENVL_TO_KEK:
        return entry->kind == ENVL_ENTRY_KEK
               && id_is(entry, kek_id, ENVL_KEK_ID_LEN);
    case ENVL_TO_KMS: /* only the service knows which key a URI means */
        return entry->kind == ENVL_ENTRY_SERVICE;
    default: /* a passphrase's identifier comes from its salt, which is new */
        return entry->kind == ENVL_ENTRY_PASSPHRASE;
    }
}

/* Does a new recipient replace the entry?  Not for a passphrase or the key of a
 * service, whose identifiers do not tell: another entry is added. */
static bool
is_replaced(const struct envl_entry *entry,
            const struct envl_recipients *recipients,
            const unsigned char kek_id[ENVL_KEK_ID_LEN])
{
    size_t i;

    for (i = 0; i < recipients->count; i++) {
        if (recipients->items[i].kind != ENVL_TO_PASSPHRASE
            && recipients->items[i].kind != ENVL_TO_KMS
            && is_for(entry, &recipients->items[i], kek_id))
            return true;
    }
    return false;
}

/* Do both entries name the same key of the same service? */
static bool
is_same_service(const struct envl_entry *entry, const struct envl_entry *other)
{
    const struct envl_kek_source *a = &entry->source, *b = &other->source;

    return entry->kind == ENVL_ENTRY_SERVICE && other->kind == entry->kind
           && a->u.kms.service_len == b->u.kms.service_len
           && a->u.kms.key_len == b->u.kms.key_len
           && memcmp(a->u.kms.service, b->u.kms.service, a->u.kms.service_len)
                  == 0
           && memcmp(a->u.kms.key, b->u.kms.key, a->u.kms.key_len) == 0;
}

/* Does the entry's identifier name the secret that has opened the message? */
static bool
is_namesake(const struct envl_cms_reader *o, const struct envl_entry *entry)
{
    const struct envl_entry *opener = &o->entries[o->opened_by];

    if (entry->kind != opener->kind)
        return false;
    return (opener->id.len > 0 && id_is(entry, opener->id.p, opener->id.len))
           || is_same_service(entry, opener)
           || (o->opened_with != NULL
               && envl_identity_is_named(o->identities, o->opened_with,
                                         entry->id.p, entry->id.len));
}

/* Does the entry's identifier name a key other than the opener? */
static bool
is_of_another_key(const struct envl_cms_reader *o,
                  const struct envl_entry *entry)
{
    const struct envl_identities *ids = o->identities;
    struct envl_fit fit;
    size_t k;

    for (k = 0; k < ids->key_count; k++) {
        if (&ids->keys[k] == o->opened_with
            || !envl_identity_is_named(ids, &ids->keys[k], entry->id.p,
                                       entry->id.len))
            continue;
        fit = envl_fit_of_key(ids->keys[k].key);
        if (envl_entry_is_kind(entry, &fit))
            return true;
    }
    return false;
}

#define SAY_WHO "say who goes with --remove or --replace-all"

static enum envelope_reason
fail_several(struct envl_err *err)
{
    return envl_fail(err, ENVELOPE_R_PARAMETER,
                     "several of the identities open it, and only one can be "
                     "replaced: name that one alone, or " SAY_WHO);
}

/* Is there an identity, other than the opener, whose RSA keys a service has? */
static bool
has_other_public(const struct envl_cms_reader *o,
                 const struct envl_kms_module *module)
{
    const struct envl_identities *ids = o->identities;
    size_t k;

    for (k = 0; k < ids->service_count; k++) {
        if (module->is_public(ids->services[k])
            && (o->opened_uri == NULL
                || strcmp(ids->services[k], o->opened_uri) != 0))
            return true;
    }
    return false;
}

/* Fail where the entry is for a service of the identities that is not the opener, or may
 * be.  No service is asked. */
static enum envelope_reason
check_services(const struct envl_cms_reader *o, size_t i, struct envl_err *err)
{
    const enum envl_entry_kind kind = o->entries[i].kind;
    const struct envl_kms_module *module;
    enum envelope_reason rc;

    if (o->identities->service_count == 0
        || (kind != ENVL_ENTRY_SERVICE && kind != ENVL_ENTRY_RSA))
        return ENVELOPE_OK;
    rc = envl_kms_load(&module, o->ctx, err);
    if (rc == ENVELOPE_OK && envl_cms_reader_uri(o, module, i) != NULL)
        return fail_several(err);
    if (rc == ENVELOPE_OK && kind == ENVL_ENTRY_RSA
        && has_other_public(o, module))
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "one of its RSA recipients may be the key of another "
                         "identity, which a key service has: name the one that "
                         "is replaced alone, or " SAY_WHO);
    return rc;
}

/* Mark an entry that goes because the opener opens it or is named in it. */
static enum envelope_reason
mark_one(enum envl_fate *fate, struct envl_cms_reader *o, size_t i,
         struct envl_err *err)
{
    enum envl_opens opens;

    if (!envl_entry_is_known(&o->entries[i])) { /* no reader opens it */
        *fate = ENVL_GOES;
        return ENVELOPE_OK;
    }
    opens = envl_cms_reader_opens(o, i);
    if (opens == ENVL_OPENS_SAME) {
        *fate = ENVL_MUST_GO;
        return ENVELOPE_OK;
    }
    if (opens == ENVL_OPENS_OTHER || is_namesake(o, &o->entries[i])) {
        *fate = ENVL_GOES;
        return ENVELOPE_OK;
    }
    if (is_of_another_key(o, &o->entries[i])
        || envl_cms_reader_secret_opens(o, i))
        return fail_several(err);
    return check_services(o, i, err);
}

static enum envelope_reason
mark_opener(const struct envl_plan *plan, struct envl_cms_reader *o,
            struct envl_err *err)
{
    enum envl_fate *fates = plan->fates;
    enum envelope_reason rc = ENVELOPE_OK;
    size_t i;

    envl_cms_reader_again(o);
    for (i = 0; i < o->count && rc == ENVELOPE_OK; i++) {
        if (i == o->opened_by)
            fates[i] = plan->keeps_opener ? ENVL_STAYS : ENVL_MUST_GO;
        else if (fates[i] == ENVL_STAYS)
            rc = mark_one(&fates[i], o, i, err);
    }
    if (rc != ENVELOPE_OK)
        return rc;
    if (o->no_memory) /* the opener may have failed on an entry of its own */
        return envl_fail_memory(err);
    if (o->too_many_unwraps || o->too_many_passphrases || o->too_much_work)
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "what is replaced may open more of its recipients "
                         "than can be tried: " SAY_WHO);
    return ENVELOPE_OK;
}

/* Mark the entries that new recipients replace. */
static void
mark_replaced(enum envl_fate *fates, const struct envl_cms_reader *o,
              const struct envl_recipients *recipients,
              const unsigned char kek_id[ENVL_KEK_ID_LEN])
{
    size_t i;

    for (i = 0; i < o->count; i++) {
        if (fates[i] == ENVL_STAYS
            && is_replaced(&o->entries[i], recipients, kek_id))
            fates[i] = ENVL_GOES;
    }
}

/* The entries that stay in the message.  An unknown entry stays only if its
 * RecipientInfo also has a known one that stays. */
struct left {
    size_t count, weak, passphrases;
    uint64_t work; /* of scrypt for the passphrases */
};

static void
count_entry(struct left *left, const struct envl_entry *entry)
{
    left->count++;
    if (!envl_entry_is_known(entry))
        return;
    left->weak += envl_entry_post_quantum(entry) != ENVL_PQ_YES;
    if (entry->kind == ENVL_ENTRY_PASSPHRASE) {
        left->passphrases++;
        left->work += envl_kek_scrypt_work(&entry->source);
    }
}

/* All recipients of a RecipientInfo stay if one of them does. */
static struct left
count_left(const struct envl_cms_reader *o, const enum envl_fate *fates)
{
    struct left left = { 0, 0, 0, 0 };
    size_t i, end;
    bool stays;

    for (i = 0; i < o->count;) {
        stays = false;
        for (end = i; end < o->count
                      && o->entries[end].info_index == o->entries[i].info_index;
             end++)
            stays = stays || fates[end] == ENVL_STAYS;
        for (; i < end; i++) {
            if (stays)
                count_entry(&left, &o->entries[i]);
        }
    }
    return left;
}

/* A reader's limits must let it try every passphrase. */
static enum envelope_reason
check_passphrases(const struct left *left, const struct envl_recipients *come,
                  unsigned log_n, struct envl_err *err)
{
    size_t i, fresh = 0;

    for (i = 0; i < come->count; i++)
        fresh += come->items[i].kind == ENVL_TO_PASSPHRASE;
    if (fresh == 0)
        return ENVELOPE_OK;
    if (fresh + left->passphrases > ENVL_PASSPHRASE_COUNT_MAX)
        return envl_fail(err, ENVELOPE_R_TOO_MANY_RECIPIENTS,
                         "it keeps %zu passphrases, and readers try no more "
                         "than %d: remove one",
                         left->passphrases, ENVL_PASSPHRASE_COUNT_MAX);
    if (left->work + fresh * envl_kek_scrypt_new_work(log_n)
        > ENVL_SCRYPT_WORK_MAX)
        return envl_fail(err, ENVELOPE_R_TOO_MANY_RECIPIENTS,
                         "it keeps %zu passphrases, and readers do not try so "
                         "much work in all: remove one, or take a lower work "
                         "factor",
                         left->passphrases);
    return ENVELOPE_OK;
}

/* Check the limits for all entries that stay or are added. */
static enum envelope_reason
check_limits(const struct envl_plan *plan, const struct envl_cms_reader *o,
             const struct envl_key_settings *settings, struct envl_err *err)
{
    const struct left left = count_left(o, plan->fates);
    const struct envl_recipients *come = &plan->come;

    if (left.weak > 0 && settings->require_post_quantum == ENVL_YES)
        return envl_fail(err, ENVELOPE_R_NOT_POST_QUANTUM,
                         "it keeps %zu recipients that could be broken by a "
                         "quantum computer, or of which it is not known: say "
                         "who goes with --remove or --replace-all",
                         left.weak);
    if (left.count + come->count > ENVL_RECIPIENT_COUNT_MAX)
        return envl_fail(err, ENVELOPE_R_TOO_MANY_RECIPIENTS,
                         "it keeps %zu recipients, and %zu more would be above "
                         "%d",
                         left.count, come->count, ENVL_RECIPIENT_COUNT_MAX);
    return check_passphrases(&left, come, settings->log_n, err);
}

/* Is the opened entry the one that this recipient would get?  The recipient's
 * own key has opened it, which proves it.  A new entry may still differ: in the
 * work of a passphrase, or in the version of a service's key. */
static bool
is_opener(const struct envl_cms_reader *o,
          const struct envl_recipient *recipient, const struct envl_edit *edit,
          const unsigned char kek_id[ENVL_KEK_ID_LEN])
{
    const unsigned char *kek = o->identities->kek;

    if (!is_for(&o->entries[o->opened_by], recipient, kek_id))
        return false;
    if (recipient->kind == ENVL_TO_KEY)
        return o->opened_with != NULL
               && EVP_PKEY_eq(o->opened_with->key, recipient->key) == 1;
    return recipient->kind == ENVL_TO_KEK && o->opened_with == NULL
           && kek != NULL
           && CRYPTO_memcmp(kek, edit->settings->kek, ENVL_KEK_LEN) == 0;
}

/* The recipient's private key among the identities, if it is not the opener. */
static struct envl_identity *
other_key_of(const struct envl_cms_reader *o,
             const struct envl_recipient *recipient)
{
    size_t i;

    if (recipient->kind != ENVL_TO_KEY)
        return NULL;
    for (i = 0; i < o->identities->key_count; i++) {
        struct envl_identity *key = &o->identities->keys[i];

        if (key != o->opened_with && EVP_PKEY_eq(key->key, recipient->key) == 1)
            return key;
    }
    return NULL;
}

/* Does this key open an entry with its identifier, to the same
 * content-encryption key?  An attacker may have added many such entries that
 * do not open. */
static bool
opens_the_same(size_t *entry, const struct envl_cms_reader *o,
               const struct envl_identity *key,
               const struct envl_recipient *recipient,
               const unsigned char kek_id[ENVL_KEK_ID_LEN])
{
    unsigned tries = 0;
    size_t i;

    for (i = 0; i < o->count && tries < ENVL_UNWRAP_COUNT_MAX; i++) {
        if (!is_for(&o->entries[i], recipient, kek_id))
            continue;
        tries++;
        *entry = i;
        if (envl_cms_reader_opens_same(o, i, key))
            return true;
    }
    return false;
}

/* Does the entry's RecipientInfo have other recipients? */
static bool
shares_entry(const struct envl_cms_reader *o, size_t entry)
{
    size_t i, parts = 0;

    for (i = 0; i < o->count; i++)
        parts += o->entries[i].info_index == o->entries[entry].info_index;
    return parts > 1;
}

/*
 * Is there an entry that can be kept for this recipient?  The recipient's own
 * key must open it.  With ENVL_EDIT_REPLACE only the opener counts, because it
 * also tells which entries are replaced.
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

/* Divide the new recipients: those for whom an entry is kept, and those who are
 * added. */
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
    envl_cms_reader_mark_unknown(plan->fates, o);
    for (i = 0; i < o->count; i++) {
        if (kept[i])
            plan->fates[i] = ENVL_STAYS;
        else if (edit->mode == ENVL_EDIT_ALL)
            plan->fates[i] = ENVL_MUST_GO;
    }
    return edit->mode != ENVL_EDIT_REPLACE
               ? check_limits(plan, o, edit->settings, err)
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
            rc = check_limits(plan, o, edit->settings, err);
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

/* May the entry be for one of the identities?  A key's identifier tells.  For a
 * passphrase, a KEK or a key service nothing tells: assume that it is. */
static bool
may_be_identity(const struct envl_cms_reader *o, const struct envl_entry *entry)
{
    const struct envl_identities *ids = o->identities;

    switch (entry->kind) {
    case ENVL_ENTRY_PASSPHRASE:
        return ids->passphrase.data != NULL;
    case ENVL_ENTRY_SERVICE:
        return ids->service_count > 0;
    case ENVL_ENTRY_KEK:
        return ids->kek != NULL;
    default:
        return is_of_another_key(o, entry);
    }
}

/* A key in hardware that does not show its public half has no identifier. */
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

static bool
has_entry(const struct envl_cms_reader *o,
          const struct envl_recipient *recipient)
{
    static const unsigned char no_kek[ENVL_KEK_ID_LEN] = { 0 };
    size_t i;

    for (i = 0; i < o->count; i++) {
        if (is_for(&o->entries[i], recipient, no_kek))
            return true;
    }
    return false;
}

/* No identity has opened the message: only identifiers are compared. */
static bool
looks_done(const struct envl_cms_reader *o, const enum envl_fate *fates,
           const struct envl_recipients *recipients, bool alone)
{
    static const unsigned char no_kek[ENVL_KEK_ID_LEN] = { 0 };
    size_t i;

    if (!have_names(o->identities))
        return false;
    for (i = 0; i < recipients->count; i++) {
        if (recipients->items[i].kind != ENVL_TO_KEY
            || !has_entry(o, &recipients->items[i]))
            return false;
    }
    for (i = 0; i < o->count; i++) {
        if (!envl_entry_is_known(&o->entries[i]) || fates[i] != ENVL_STAYS
            || may_be_identity(o, &o->entries[i])
            || (alone && !is_replaced(&o->entries[i], recipients, no_kek)))
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
        rc = envl_cms_reader_fates(&fates, &o, err);
    if (rc == ENVELOPE_OK && removed != NULL)
        rc = envl_cms_reader_mark(fates, &o, removed, err);
    if (rc == ENVELOPE_OK)
        *is = looks_done(&o, fates, recipients, alone);
    OPENSSL_free(fates);
    envl_cms_reader_end(&o);
    return rc;
}
