/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses the form of RecipientInfo: by tag when reading, by recipient when
 * writing. */
#include "lib/cms/entry.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "lib/cms/form.h"

const char envl_bad_version[] =
    "one of its version numbers is not that of its structure";
const char envl_bad_structure[] = "one of its RecipientInfos is malformed";

#define TAG_KEY_ID (ENVL_DER_CONTEXT + 0)

bool
envl_form_take_rid(struct envl_der *id, struct envl_der *in)
{
    *id = (struct envl_der){ NULL, 0 };
    return envl_der_take(in, TAG_KEY_ID, id) || envl_form_take_issuer(in);
}

bool
envl_form_take_issuer(struct envl_der *in)
{
    struct envl_der content, name, number;

    return envl_der_take(in, ENVL_DER_SEQUENCE, &content)
           && envl_der_take(&content, ENVL_DER_SEQUENCE, &name)
           && envl_der_take(&content, ENVL_DER_INTEGER, &number)
           && content.len == 0;
}

bool
envl_form_is_typed(struct envl_der content)
{
    struct envl_der oid, value;

    return envl_der_take(&content, ENVL_DER_OID, &oid)
           && (content.len == 0
               || (envl_der_take_whole(&content, ENVL_DER_ANY, &value)
                   && content.len == 0));
}

bool
envl_form_take_algorithm(struct envl_der *content, struct envl_der *in)
{
    return envl_der_take(in, ENVL_DER_SEQUENCE, content)
           && envl_form_is_typed(*content);
}

bool
envl_form_take_key_id(struct envl_der *id, struct envl_der *other,
                      struct envl_der in)
{
    struct envl_der date;

    *other = (struct envl_der){ NULL, 0 };
    if (!envl_der_take(&in, ENVL_DER_OCTETS, id))
        return false;
    (void)envl_der_take(&in, ENVL_DER_TIME, &date);
    return in.len == 0
           || (envl_der_take(&in, ENVL_DER_SEQUENCE, other) && in.len == 0
               && envl_form_is_typed(*other));
}

/* PasswordRecipientInfo is skipped: no program writes it with scrypt. */

static const char *
list_pwri(struct envl_entry *to, size_t *count, struct envl_der in)
{
    (void)to;
    (void)in;
    *count = 1;
    return NULL;
}

static void
describe_pwri(struct envl_description *to, const struct envl_entry *entry)
{
    (void)entry;
    (void)snprintf(to->kind, sizeof(to->kind),
                   "passphrase (PasswordRecipientInfo)");
}

static const struct envl_form pwri = { .tag = ENVL_DER_CONSTRUCTED + 3,
                                       .list = list_pwri,
                                       .describe = describe_pwri };

static const struct envl_form *const forms[] = { &envl_ktri, &envl_kari,
                                                 &envl_kekri, &pwri,
                                                 &envl_kemri };

/* Reading */

static const struct envl_form *
form_of(const struct envl_der *info)
{
    size_t i;

    for (i = 0; i < COUNT_OF(forms); i++) {
        if (info->p[0] == forms[i]->tag)
            return forms[i];
    }
    return NULL;
}

/* The recipients of RecipientInfo info_index; to is NULL to count them only. */
static const char *
list(struct envl_entry *to, size_t *count, const struct envl_message *message,
     size_t info_index)
{
    struct envl_der in = message->infos[info_index].der, content;
    const struct envl_form *form = form_of(&in);

    if (form == NULL || !envl_der_take(&in, form->tag, &content))
        return envl_bad_structure;
    if (to != NULL)
        *to = (struct envl_entry){ .kind = ENVL_ENTRY_OTHER,
                                   .form = form,
                                   .info_index = info_index,
                                   .info = message->infos[info_index].der };
    return form->list(to, count, content);
}

/* Count all recipients, before memory for them is allocated. */
static const char *
count_all(size_t *count, const struct envl_message *message)
{
    const char *fault = NULL;
    size_t i, n;

    *count = 0;
    for (i = 0; i < message->count && fault == NULL; i++) {
        fault = list(NULL, &n, message, i);
        if (fault == NULL)
            *count += n;
        if (*count > ENVL_RECIPIENT_COUNT_MAX)
            fault = "it has more than 1,024 recipients";
    }
    return fault;
}

enum envelope_reason
envl_entries_read(struct envl_entry **entries, size_t *count,
                  const struct envl_message *message, struct envl_err *err)
{
    const char *fault = count_all(count, message);
    size_t i, n, done = 0;

    *entries = NULL;
    if (fault != NULL)
        return envl_fail(err, ENVELOPE_R_KEY_ENVELOPE, "%s", fault);
    /* One more element: a kari without recipients is valid, too. */
    *entries = OPENSSL_malloc((*count + 1) * sizeof(**entries));
    if (*entries == NULL)
        return envl_fail_memory(err);
    for (i = 0; i < message->count; i++) {
        (void)list(*entries + done, &n, message, i); /* count_all() checked */
        done += n;
    }
    return ENVELOPE_OK;
}

/* Keys */

struct envl_fit
envl_fit_of_key(const EVP_PKEY *key)
{
    static const enum envl_entry_kind kinds[] = {
        [ENVL_KEY_RSA] = ENVL_ENTRY_RSA,
        [ENVL_KEY_EC] = ENVL_ENTRY_EC,
        [ENVL_KEY_DH] = ENVL_ENTRY_DH,
        [ENVL_KEY_ML_KEM] = ENVL_ENTRY_KEM,
        [ENVL_KEY_EDDSA] = ENVL_ENTRY_OTHER,
        [ENVL_KEY_ML_DSA] = ENVL_ENTRY_OTHER,
        [ENVL_KEY_OTHER] = ENVL_ENTRY_OTHER,
    };
    int bits = EVP_PKEY_get_bits(key); /* 0 if a key in hardware hides it */
    char curve[ENVL_CURVE_NAME_MAX];   /* empty, likewise */
    enum envl_key_kind kind;
    struct envl_fit fit;

    fit.algorithm = envl_key_algorithm(&kind, key);
    fit.kind = kinds[kind];
    fit.key_len = bits > 0 ? ((size_t)bits + 7) / 8 : 0;
    if (kind == ENVL_KEY_EC && !envl_key_has_curve(key, curve)
        && curve[0] != '\0')
        fit.kind = ENVL_ENTRY_OTHER;
    return fit;
}

bool
envl_entry_is_kind(const struct envl_entry *entry, const struct envl_fit *fit)
{
    if (entry->kind != fit->kind || entry->kind == ENVL_ENTRY_OTHER)
        return false;
    return (entry->kind != ENVL_ENTRY_DH && entry->kind != ENVL_ENTRY_KEM)
           || strcmp(entry->algorithm, fit->algorithm) == 0;
}

bool
envl_entry_fits(const struct envl_entry *entry, const struct envl_fit *fit)
{
    if (!envl_entry_is_kind(entry, fit))
        return false;
    if (entry->kind != ENVL_ENTRY_RSA && entry->kind != ENVL_ENTRY_EC)
        return true;
    return entry->key_len > 0
           && (fit->key_len == 0 || fit->key_len == entry->key_len);
}

bool
envl_entry_unwrap(unsigned char cek[ENVL_CEK_LEN],
                  const struct envl_entry *entry, const struct envl_libctx *ctx,
                  const struct envl_secret *secret)
{
    return entry->form->unwrap(cek, entry, ctx, secret);
}

/* Writing */

static const struct envl_form *
form_for(const struct envl_recipient *recipient)
{
    if (recipient->kind != ENVL_TO_KEY)
        return &envl_kekri;
    switch (recipient->key_kind) {
    case ENVL_KEY_RSA:
        return &envl_ktri;
    case ENVL_KEY_ML_KEM:
        return &envl_kemri;
    default:
        return &envl_kari;
    }
}

enum envelope_reason
envl_form_add(struct envl_message *message, const struct envl_der_writer *w,
              struct envl_err *err)
{
    const struct envl_der info = envl_der_written(w);

    return info.p != NULL ? envl_message_add(message, &info, err)
                          : envl_fail_crypto(err, "write a recipient");
}

enum envelope_reason
envl_entry_wrap(struct envl_message *message, const struct envl_wrap *wrap,
                const struct envl_recipient *recipient, struct envl_err *err)
{
    unsigned char buf[ENVL_INFO_LEN_MAX];
    struct envl_der_writer w;
    enum envelope_reason rc;

    envl_der_begin(&w, buf, sizeof(buf));
    rc = form_for(recipient)->wrap(&w, wrap, recipient, err);
    return rc == ENVELOPE_OK ? envl_form_add(message, &w, err) : rc;
}

/* Words */

bool
envl_entry_is_known(const struct envl_entry *entry)
{
    return entry->kind == ENVL_ENTRY_PASSPHRASE
               ? envl_kek_scrypt_is_tried(&entry->source)
               : entry->kind != ENVL_ENTRY_OTHER;
}

enum envl_post_quantum
envl_entry_post_quantum(const struct envl_entry *entry)
{
    static const enum envl_post_quantum strengths[ENVL_ENTRY_KIND_COUNT] = {
        [ENVL_ENTRY_KEM] = ENVL_PQ_YES,
        [ENVL_ENTRY_KEK] = ENVL_PQ_YES,
        [ENVL_ENTRY_PASSPHRASE] = ENVL_PQ_YES,
        [ENVL_ENTRY_SERVICE] = ENVL_PQ_UNKNOWN,
        [ENVL_ENTRY_OTHER] = ENVL_PQ_UNKNOWN,
    };

    return strengths[entry->kind];
}

void
envl_entry_describe(struct envl_description *to, const struct envl_entry *entry)
{
    *to = (struct envl_description){
        .type = "other",
        .known = envl_entry_is_known(entry),
        .post_quantum = envl_entry_post_quantum(entry),
        .kind = "of an unknown kind",
        .algorithm = "unknown",
    };
    entry->form->describe(to, entry);
}

const char *
envl_entry_kind_text(const struct envl_entry *entry)
{
    switch (entry->kind) {
    case ENVL_ENTRY_RSA:
        return "RSA key";
    case ENVL_ENTRY_EC:
        return "EC key";
    case ENVL_ENTRY_DH:
    case ENVL_ENTRY_KEM:
        return entry->algorithm;
    case ENVL_ENTRY_KEK:
        return "key-encryption key";
    case ENVL_ENTRY_PASSPHRASE:
        return "passphrase";
    case ENVL_ENTRY_SERVICE:
        return "key service";
    default:
        return "recipient of an unknown kind";
    }
}
