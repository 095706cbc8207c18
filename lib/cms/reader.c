/* SPDX-License-Identifier: Apache-2.0 */
/* Which identity is tried on which recipient, in which order, and how often:
 * the rules of FORMAT 5.1 and 5.2. */
#include "lib/cms/reader.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "lib/cms/kekri.h"

/* End an attempt that began with ERR_set_mark(): note whether it failed because
 * memory ran out, and drop its records, so that the next attempt's oldest
 * record is its own. */
static bool
end_attempt(struct envl_cms_reader *o, bool opened)
{
    if (!opened && envl_crypto_no_memory())
        o->no_memory = true;
    (void)ERR_pop_to_mark();
    return opened;
}

static bool
open_with_key(unsigned char cek[ENVL_CEK_LEN], const struct envl_cms_reader *o,
              const struct envl_identity *identity, size_t i)
{
    const struct envl_secret secret = { .key = identity->key,
                                        .propq = identity->propq };

    return envl_entry_unwrap(cek, &o->entries[i], o->ctx, &secret);
}

static bool
open_with_kek(unsigned char cek[ENVL_CEK_LEN], const struct envl_cms_reader *o,
              const unsigned char kek[ENVL_KEK_LEN], size_t i)
{
    const struct envl_secret secret = { .kek = kek };

    return envl_entry_unwrap(cek, &o->entries[i], o->ctx, &secret);
}

/* Try a private key on entry i, which it fits. */
static bool
try_key(struct envl_cms_reader *o, const struct envl_identity *identity,
        size_t i)
{
    bool opened;

    o->opened_by = i;
    o->opened_with = identity;
    ERR_set_mark();
    opened = open_with_key(o->cek, o, identity, i);
    if (!opened && o->named[i])
        (void)snprintf(o->last_key_error, sizeof(o->last_key_error), "%s",
                       envl_crypto_reason());
    return end_attempt(o, opened);
}

/* Which entries are tried: first those with the key's identifier, which are
 * noted in o->named; then those with no key's identifier. */
enum pass { NAMED, OTHERS };

static bool
is_tried(struct envl_cms_reader *o, const struct envl_identity *identity,
         size_t i, enum pass pass)
{
    const struct envl_der *id = &o->entries[i].id;

    if (pass == OTHERS)
        return !o->named[i];
    if (!envl_identity_is_named(o->identities, identity, id->p, id->len))
        return false;
    return o->named[i] = true;
}

/* Try a private key on all entries of a pass. */
static bool
try_recipients(struct envl_cms_reader *o, const struct envl_identity *identity,
               enum pass pass)
{
    const struct envl_fit fit = envl_fit_of_key(identity->key);
    unsigned *unwraps =
        pass == NAMED ? &o->named_unwraps[fit.kind] : &o->other_unwraps;
    size_t i;

    for (i = 0; i < o->count; i++) {
        if (!envl_entry_fits(&o->entries[i], &fit)
            || !is_tried(o, identity, i, pass))
            continue;
        if (*unwraps == ENVL_UNWRAP_COUNT_MAX) {
            o->too_many_unwraps = true;
            continue; /* and still note the other named entries */
        }
        ++*unwraps;
        if (try_key(o, identity, i))
            return true;
    }
    return false;
}

/* Do the limits allow a passphrase's entry with this work?  If not, note
 * why. */
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
try_passphrase(unsigned char cek[ENVL_CEK_LEN], struct envl_cms_reader *o,
               size_t i)
{
    const struct envl_octets *passphrase = &o->identities->passphrase;
    const struct envl_kek_source *source = &o->entries[i].source;
    uint64_t work = envl_kek_scrypt_work(source);
    unsigned char kek[ENVL_KEK_LEN];
    struct envl_err ignored;
    bool opened;

    if (!may_try_passphrase(o, source->u.scrypt.n, work))
        return false;
    o->passphrases++;
    o->scrypt_work += work;
    ERR_set_mark();
    opened = envl_kek_scrypt_derive(kek, o->ctx, source, passphrase->data,
                                    passphrase->len, &ignored)
                 == ENVELOPE_OK
             && open_with_kek(cek, o, kek, i);
    OPENSSL_cleanse(kek, sizeof(kek));
    return end_attempt(o, opened);
}

static bool
try_kek(unsigned char cek[ENVL_CEK_LEN], struct envl_cms_reader *o,
        const unsigned char kek[ENVL_KEK_LEN], size_t i)
{
    ERR_set_mark();
    return end_attempt(o, open_with_kek(cek, o, kek, i));
}

/* Try the passphrase or the key-encryption key on entry i. */
static bool
try_secrets(unsigned char cek[ENVL_CEK_LEN], struct envl_cms_reader *o,
            size_t i)
{
    const struct envl_identities *ids = o->identities;

    if (o->entries[i].kind == ENVL_ENTRY_PASSPHRASE)
        return ids->passphrase.data != NULL && try_passphrase(cek, o, i);
    return o->entries[i].kind == ENVL_ENTRY_KEK && ids->kek != NULL
           && try_kek(cek, o, ids->kek, i);
}

/* Note the failure to report if no identity opens the message.  A failure that
 * may be temporary is kept rather than a refusal. */
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

static bool
may_ask(struct envl_cms_reader *o)
{
    if (o->service_calls == ENVL_SERVICE_CALL_MAX) {
        o->too_many_calls = true;
        return false;
    }
    o->service_calls++;
    return true;
}

/* What a service's RSA key encrypts is a CEK, and what other services encrypt is a
 * key-encryption key: the module has one buffer for both. */
static_assert(ENVL_CEK_LEN == ENVL_KEK_LEN, "lengths");

/* A search for an entry that a service's RSA key opens. */
struct half_search {
    struct envl_kms_encrypted encrypted;
    struct envl_cms_reader *o;
    bool *asked; /* for each entry: it was found before */
};

/* The first entry with the name of this public half that the service was not asked
 * about; count if there is none.  Entries that do not name their key are not found. */
static size_t
entry_for_half(const struct half_search *search,
               const struct envl_identity *half)
{
    const struct envl_cms_reader *o = search->o;
    const struct envl_entry *entry;
    size_t i;

    for (i = 0; i < o->count; i++) {
        entry = &o->entries[i];
        if (entry->kind == ENVL_ENTRY_RSA && !search->asked[i]
            && envl_identity_is_named(o->identities, half, entry->id.p,
                                      entry->id.len))
            break;
    }
    return i;
}

/* The find of struct envl_kms_encrypted.  What it finds is asked about next, and is the
 * entry that opens if the service's answer does. */
static bool
find_for_half(struct envl_kms_encrypted *encrypted, const unsigned char *der,
              size_t len)
{
    struct half_search *search = encrypted->arg;
    struct envl_cms_reader *o = search->o;
    struct envl_identity half = { .key = NULL };
    size_t i = o->count;

    ERR_set_mark();
    half.key =
        d2i_PUBKEY_ex(NULL, &der, (long)len, o->ctx->libctx, o->ctx->propq);
    if (half.key != NULL && envl_key_id_of_key(&half.id, o->ctx, half.key))
        i = entry_for_half(search, &half);
    EVP_PKEY_free(half.key);
    if (i < o->count) {
        search->asked[i] = true;
        o->opened_by = i;
        encrypted->data = o->entries[i].wrapped.p;
        encrypted->len = o->entries[i].wrapped.len;
    }
    return end_attempt(o, i < o->count);
}

static bool
has_more(const struct half_search *search)
{
    const struct envl_cms_reader *o = search->o;
    size_t i = 0;

    while (i < o->count
           && (o->entries[i].kind != ENVL_ENTRY_RSA || search->asked[i]))
        i++;
    return i < o->count;
}

/* Ask a service that keeps RSA keys.  A header may have several entries with the name
 * of one key, of which only one is good. */
static bool
try_private_half(struct envl_cms_reader *o,
                 const struct envl_kms_module *module, const char *uri)
{
    const struct envl_kms_call call = { .ctx = o->ctx, .uri = uri };
    struct half_search search = { .encrypted = { .find = find_for_half },
                                  .o = o };
    struct envl_kms_encrypted *encrypted = &search.encrypted;
    struct envl_err err;
    enum envelope_reason rc;
    bool opened = false;

    encrypted->arg = &search;
    search.asked = OPENSSL_zalloc((o->count + 1) * sizeof(*search.asked));
    if (search.asked == NULL) {
        o->no_memory = true;
        return false;
    }
    do {
        if (!has_more(&search) || !may_ask(o))
            break;
        encrypted->data = NULL;
        rc = module->decrypt(o->cek, encrypted, &call, &err);
        opened = rc == ENVELOPE_OK;
        if (!opened && rc != ENVELOPE_R_NO_MATCH)
            note_service(o, &err);
    } while (!opened && encrypted->data != NULL);
    OPENSSL_free(search.asked);
    return opened;
}

/* Ask a service to decrypt the key of entry i, if the URI matches. */
static bool
try_service(struct envl_cms_reader *o, const struct envl_kms_module *module,
            const char *uri, size_t i)
{
    const struct envl_kms_call call = envl_kekri_call(o->ctx, uri, o->labels);
    unsigned char kek[ENVL_KEK_LEN];
    struct envl_kms_wrapped wrapped;
    struct envl_err err;
    bool opened = false;

    if (o->entries[i].kind != ENVL_ENTRY_SERVICE)
        return false;
    envl_kms_get(&wrapped, &o->entries[i].source);
    if (!module->matches(uri, &wrapped) || !may_ask(o))
        return false;
    if (module->unwrap(kek, &wrapped, &call, &err) != ENVELOPE_OK) {
        note_service(o, &err);
    } else if (!(opened = try_kek(o->cek, o, kek, i))) {
        (void)envl_fail(&err, ENVELOPE_R_KEY_ENVELOPE,
                        "the key of %s %.80s does not open it", wrapped.service,
                        wrapped.key);
        note_service(o, &err);
    }
    OPENSSL_cleanse(kek, sizeof(kek));
    return opened;
}

static enum envelope_reason
try_services(struct envl_cms_reader *o, bool *opened, struct envl_err *err)
{
    const struct envl_identities *ids = o->identities;
    const struct envl_kms_module *module = NULL;
    enum envelope_reason rc = ENVELOPE_OK;
    size_t i, j;

    if (ids->service_count > 0)
        rc = envl_kms_load(&module, o->ctx, err);
    for (i = 0; i < ids->service_count && rc == ENVELOPE_OK && !*opened; i++) {
        if (module->is_public(ids->services[i])) {
            *opened = try_private_half(o, module, ids->services[i]);
            if (*opened)
                o->opened_uri = ids->services[i];
            continue;
        }
        for (j = 0; j < o->count && !*opened; j++) {
            o->opened_by = j;
            *opened = try_service(o, module, ids->services[i], j);
        }
    }
    return rc;
}

/* Try likely and cheap entries first: scrypt is slow, and services are
 * remote. */
static enum envelope_reason
try_all(struct envl_cms_reader *o, bool *opened, struct envl_err *err)
{
    const struct envl_identities *ids = o->identities;
    enum pass pass;
    size_t i;

    *opened = false;
    for (pass = NAMED; pass <= OTHERS; pass++) {
        for (i = 0; i < ids->key_count && !*opened; i++)
            *opened = try_recipients(o, &ids->keys[i], pass);
    }
    if (*opened)
        return ENVELOPE_OK;
    o->opened_with = NULL;
    for (i = 0; i < o->count && !*opened; i++) {
        o->opened_by = i;
        *opened = try_secrets(o->cek, o, i);
    }
    return *opened ? ENVELOPE_OK : try_services(o, opened, err);
}

enum envelope_reason
envl_cms_reader_open(struct envl_cms_reader *o, struct envl_err *err)
{
    bool opened = false;
    enum envelope_reason rc = try_all(o, &opened, err);

    return rc != ENVELOPE_OK || opened ? rc : envl_cms_reader_fail(o, err);
}

/* Other recipients */

void
envl_cms_reader_again(struct envl_cms_reader *o)
{
    o->passphrases = o->other_unwraps = 0;
    o->scrypt_work = 0;
    o->too_many_unwraps = o->too_many_passphrases = o->too_much_work = false;
    o->no_memory = false;
}

/* Is entry i of the kind that opened the message? */
static bool
is_of_opening_kind(const struct envl_cms_reader *o, size_t i)
{
    return o->opened_with == NULL
           && o->entries[i].kind == o->entries[o->opened_by].kind;
}

/* Try the identity that opened the message on another entry. */
static bool
try_opener(unsigned char cek[ENVL_CEK_LEN], struct envl_cms_reader *o, size_t i)
{
    struct envl_fit fit;

    if (o->opened_with == NULL)
        return is_of_opening_kind(o, i) && try_secrets(cek, o, i);
    fit = envl_fit_of_key(o->opened_with->key);
    if (!envl_entry_fits(&o->entries[i], &fit))
        return false;
    if (fit.kind == ENVL_ENTRY_RSA
        && o->other_unwraps == ENVL_UNWRAP_COUNT_MAX) {
        o->too_many_unwraps = true;
        return false;
    }
    o->other_unwraps++;
    ERR_set_mark();
    return end_attempt(o, open_with_key(cek, o, o->opened_with, i));
}

/* Compare an attempt's key with the message's, and wipe it. */
static enum envl_opens
judge(const struct envl_cms_reader *o, unsigned char cek[ENVL_CEK_LEN],
      bool opened)
{
    enum envl_opens opens = ENVL_OPENS_NOT;

    if (opened)
        opens = CRYPTO_memcmp(cek, o->cek, ENVL_CEK_LEN) == 0
                    ? ENVL_OPENS_SAME
                    : ENVL_OPENS_OTHER;
    OPENSSL_cleanse(cek, ENVL_CEK_LEN);
    return opens;
}

enum envl_opens
envl_cms_reader_opens(struct envl_cms_reader *o, size_t i)
{
    unsigned char cek[ENVL_CEK_LEN];
    bool opened = try_opener(cek, o, i);

    return judge(o, cek, opened);
}

bool
envl_cms_reader_secret_opens(struct envl_cms_reader *o, size_t i)
{
    unsigned char cek[ENVL_CEK_LEN];
    bool opened = !is_of_opening_kind(o, i) && try_secrets(cek, o, i);

    return judge(o, cek, opened) == ENVL_OPENS_SAME;
}

bool
envl_cms_reader_opens_same(const struct envl_cms_reader *o, size_t i,
                           const struct envl_identity *identity)
{
    const struct envl_fit fit = envl_fit_of_key(identity->key);
    unsigned char cek[ENVL_CEK_LEN];
    bool opened = envl_entry_fits(&o->entries[i], &fit)
                  && open_with_key(cek, o, identity, i);

    return judge(o, cek, opened) == ENVL_OPENS_SAME;
}

const char *
envl_cms_reader_uri(const struct envl_cms_reader *o,
                    const struct envl_kms_module *module, size_t i)
{
    const struct envl_identities *ids = o->identities;
    struct envl_kms_wrapped wrapped;
    size_t k;

    if (o->entries[i].kind != ENVL_ENTRY_SERVICE)
        return NULL;
    envl_kms_get(&wrapped, &o->entries[i].source);
    for (k = 0; k < ids->service_count; k++) {
        if (module->matches(ids->services[k], &wrapped))
            return ids->services[k];
    }
    return NULL;
}

/* From beginning to end */

enum envelope_reason
envl_cms_reader_dek(const struct envl_cms_reader *o, unsigned char *dek,
                    struct envl_err *err)
{
    if (envl_message_decrypt(&o->message, o->ctx, o->cek, dek))
        return ENVELOPE_OK;
    if (envl_crypto_no_memory())
        return envl_fail_memory(err);
    return envl_fail(err, ENVELOPE_R_KEY_ENVELOPE,
                     "its data key fails authentication");
}

enum envelope_reason
envl_cms_reader_begin(struct envl_cms_reader *o, struct envl_err *err)
{
    enum envelope_reason rc;

    /* Failed attempts leave error records, even if a later one succeeds. */
    ERR_set_mark();
    rc = envl_message_read(&o->message, o->der, o->len, err);
    if (rc == ENVELOPE_OK)
        rc = envl_entries_read(&o->entries, &o->count, &o->message, err);
    if (rc != ENVELOPE_OK)
        return rc;
    /* One more element, because a size of 0 would give NULL. */
    o->named = OPENSSL_zalloc((o->count + 1) * sizeof(*o->named));
    return o->named != NULL ? ENVELOPE_OK : envl_fail_memory(err);
}

void
envl_cms_reader_end(struct envl_cms_reader *o)
{
    OPENSSL_free(o->entries);
    OPENSSL_free(o->named);
    envl_message_clear(&o->message);
    OPENSSL_cleanse(o->cek, sizeof(o->cek));
    ERR_pop_to_mark();
}
