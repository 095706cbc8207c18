/* SPDX-License-Identifier: Apache-2.0 */
/* Lists, compares and removes recipients, without any key. */
#include "lib/cms/edit.h"

#include <string.h>

#include <openssl/crypto.h>

#include "lib/cms/reader.h"

/* So many digits are enough to name an identifier. */
#define ID_DIGITS_MIN 8

/* Listing */

static void
clear_listed(struct envl_key_envelope_entry *listed)
{
    OPENSSL_free(listed->id);
    OPENSSL_free(listed->service);
    OPENSSL_free(listed->service_key);
}

void
envl_key_envelope_list_free(struct envl_key_envelope_entry *list, size_t count)
{
    size_t i;

    for (i = 0; i < count && list != NULL; i++)
        clear_listed(&list[i]);
    OPENSSL_free(list);
}

/* Copy the service and its key; 0 if memory ran out. */
static int
list_service(struct envl_key_envelope_entry *to, const struct envl_entry *entry)
{
    const struct envl_kek_source *source = &entry->source;

    if (entry->kind != ENVL_ENTRY_SERVICE)
        return 1;
    to->service =
        OPENSSL_strndup(source->u.kms.service, source->u.kms.service_len);
    to->service_key = OPENSSL_strndup(source->u.kms.key, source->u.kms.key_len);
    return to->service != NULL && to->service_key != NULL;
}

/* List all entries; those that `other` does not have are marked as change. */
static enum envelope_reason
list_all(struct envl_key_envelope_entry *list, const struct envl_cms_reader *o,
         const struct envl_message *other, enum envl_change change,
         struct envl_err *err)
{
    size_t i;

    for (i = 0; i < o->count; i++) {
        const struct envl_entry *entry = &o->entries[i];

        if (!envl_message_has(other, &entry->info))
            list[i].change = change;
        envl_entry_describe(&list[i].description, entry);
        list[i].id_len = entry->id.len;
        if ((entry->id.len > 0
             && (list[i].id = OPENSSL_memdup(entry->id.p, entry->id.len))
                    == NULL)
            || !list_service(&list[i], entry))
            return envl_fail_memory(err);
    }
    return ENVELOPE_OK;
}

enum envelope_reason
envl_key_envelope_list(struct envl_key_envelope_entry **list, size_t *count,
                       const unsigned char *der, size_t len,
                       const struct envl_libctx *ctx, struct envl_err *err)
{
    struct envl_cms_reader o = { .der = der, .len = len, .ctx = ctx };
    enum envelope_reason rc = envl_cms_reader_begin(&o, err);

    *list = NULL;
    *count = 0;
    if (rc == ENVELOPE_OK) {
        /* One more element, because a size of 0 would give NULL. */
        *list = OPENSSL_zalloc((o.count + 1) * sizeof(**list));
        rc = *list != NULL ? list_all(*list, &o, &o.message, ENVL_KEPT, err)
                           : envl_fail_memory(err);
    }
    if (rc == ENVELOPE_OK) {
        *count = o.count;
    } else {
        envl_key_envelope_list_free(*list, o.count);
        *list = NULL;
    }
    envl_cms_reader_end(&o);
    return rc;
}

/* Comparing */

/* Drop the kept entries from the list: the old message's list has them. */
static size_t
keep_added(struct envl_key_envelope_entry *list, size_t count)
{
    size_t i, n = 0;

    for (i = 0; i < count; i++) {
        if (list[i].change == ENVL_ADDED)
            list[n++] = list[i];
        else
            clear_listed(&list[i]);
    }
    return n;
}

static enum envelope_reason
compare(struct envl_key_envelope_entry **list, size_t *count,
        const struct envl_cms_reader *before,
        const struct envl_cms_reader *after, struct envl_err *err)
{
    size_t all = before->count + after->count;
    enum envelope_reason rc;

    if ((*list = OPENSSL_zalloc((all + 1) * sizeof(**list))) == NULL)
        return envl_fail_memory(err);
    rc = list_all(*list, before, &after->message, ENVL_REMOVED, err);
    if (rc == ENVELOPE_OK)
        rc = list_all(*list + before->count, after, &before->message,
                      ENVL_ADDED, err);
    if (rc != ENVELOPE_OK) {
        envl_key_envelope_list_free(*list, all);
        *list = NULL;
        return rc;
    }
    *count = before->count + keep_added(*list + before->count, after->count);
    return ENVELOPE_OK;
}

enum envelope_reason
envl_key_envelope_compare(struct envl_key_envelope_entry **list, size_t *count,
                          const unsigned char *old_der, size_t old_len,
                          const unsigned char *der, size_t len,
                          const struct envl_libctx *ctx, struct envl_err *err)
{
    struct envl_cms_reader before = { .der = old_der,
                                      .len = old_len,
                                      .ctx = ctx };
    struct envl_cms_reader after = { .der = der, .len = len, .ctx = ctx };
    enum envelope_reason rc = envl_cms_reader_begin(&before, err), begun;

    *list = NULL;
    *count = 0;
    begun = envl_cms_reader_begin(&after, err);
    if (rc == ENVELOPE_OK)
        rc = begun;
    if (rc == ENVELOPE_OK)
        rc = compare(list, count, &before, &after, err);
    envl_cms_reader_end(&after);
    envl_cms_reader_end(&before);
    return rc;
}

/* Removing */

/* Do these digits begin the identifier? */
static bool
begins(const unsigned char *id, size_t id_len, const char *digits, size_t count)
{
    size_t i;

    for (i = 0; i < count && i < 2 * id_len; i++) {
        unsigned half = i % 2 == 0 ? id[i / 2] >> 4 : id[i / 2] & 15u;

        if (OPENSSL_hexchar2int((unsigned char)digits[i]) != (int)half)
            return false;
    }
    return i == count;
}

static enum envelope_reason
fail_id(struct envl_err *err, const char *digits, size_t count,
        const char *what)
{
    return envl_fail(err, ENVELOPE_R_PARAMETER, "%.*s: %s",
                     (int)(count < 2 * ENVL_KEY_ID_LEN_MAX
                               ? count
                               : 2 * ENVL_KEY_ID_LEN_MAX),
                     digits, what);
}

static bool
is_same(const struct envl_der *a, const struct envl_der *b)
{
    return envl_der_is(a, b->p, b->len);
}

/* The identifier that equals these digits, or else one that begins with them,
 * or NULL; *several is set if others begin with them, too. */
static const struct envl_der *
find_id(const struct envl_cms_reader *o, const char *digits, size_t count,
        bool *several)
{
    const struct envl_der *id, *found = NULL;
    size_t i;

    *several = false;
    for (i = 0; i < o->count; i++) {
        id = &o->entries[i].id;
        if (id->p == NULL || !begins(id->p, id->len, digits, count))
            continue;
        if (2 * id->len == count) {
            *several = false;
            return id;
        }
        if (found == NULL)
            found = id;
        else if (!is_same(id, found))
            *several = true;
    }
    return found;
}

/* Mark the recipients that one line of digits names. */
static enum envelope_reason
mark(enum envl_fate *fates, const struct envl_cms_reader *o, const char *digits,
     size_t count, struct envl_err *err)
{
    const struct envl_der *found;
    bool several;
    size_t i;

    found = find_id(o, digits, count, &several);
    if (count < ID_DIGITS_MIN && (found == NULL || 2 * found->len != count))
        return fail_id(err, digits, count,
                       "at least 8 digits of an identifier are needed");
    if (found == NULL) /* removed already */
        return ENVELOPE_OK;
    if (several)
        return fail_id(err, digits, count,
                       "several recipients' identifiers begin like this");
    for (i = 0; i < o->count; i++) {
        if (o->entries[i].id.p != NULL && is_same(&o->entries[i].id, found))
            fates[i] = ENVL_MUST_GO;
    }
    return ENVELOPE_OK;
}

enum envelope_reason
envl_cms_reader_fates(enum envl_fate **fates, const struct envl_cms_reader *o,
                      struct envl_err *err)
{
    /* One more element, because a size of 0 would give NULL. */
    *fates = OPENSSL_zalloc((o->count + 1) * sizeof(**fates));
    return *fates != NULL ? ENVELOPE_OK : envl_fail_memory(err);
}

enum envelope_reason
envl_cms_reader_mark(enum envl_fate *fates, const struct envl_cms_reader *o,
                     const char *ids, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    size_t count;

    for (; *ids != '\0' && rc == ENVELOPE_OK;
         ids += count + (ids[count] != '\0')) {
        count = strcspn(ids, "\n");
        if (strspn(ids, "0123456789abcdefABCDEF") < count)
            rc = fail_id(err, ids, count,
                         "an identifier has hexadecimal digits only");
        else if (count > 0)
            rc = mark(fates, o, ids, count, err);
    }
    return rc;
}

/* Did the message have a recipient whose identifier begins with these
 * digits? */
static bool
had(const struct envl_key_envelope_entry *list, size_t count,
    const char *digits, size_t digit_count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (list[i].change != ENVL_ADDED
            && begins(list[i].id, list[i].id_len, digits, digit_count))
            return true;
    }
    return false;
}

enum envelope_reason
envl_key_envelope_absent(char **absent,
                         const struct envl_key_envelope_entry *list,
                         size_t count, const char *ids, struct envl_err *err)
{
    char *to = OPENSSL_malloc(strlen(ids) + 2);
    size_t len;

    *absent = to;
    if (to == NULL)
        return envl_fail_memory(err);
    for (; *ids != '\0'; ids += len + (ids[len] != '\0')) {
        len = strcspn(ids, "\n");
        if (len == 0 || had(list, count, ids, len))
            continue;
        memcpy(to, ids, len);
        to += len;
        *to++ = '\n';
    }
    *to = '\0';
    return ENVELOPE_OK;
}

/* Go from the last entry to the first, so that the indexes before stay
 * valid. */
enum envelope_reason
envl_cms_reader_drop(struct envl_cms_reader *o, const enum envl_fate *fates,
                     struct envl_err *err)
{
    size_t info_index, i = o->count;
    int stay, must;

    for (info_index = o->message.count; info_index-- > 0;) {
        stay = must = 0;
        for (; i > 0 && o->entries[i - 1].info_index == info_index; i--) {
            stay += fates[i - 1] == ENVL_STAYS;
            must += fates[i - 1] == ENVL_MUST_GO;
        }
        if (stay == 0)
            envl_message_drop(&o->message, info_index);
        else if (must > 0)
            return envl_fail(err, ENVELOPE_R_PARAMETER,
                             "a recipient to remove shares its entry with %d "
                             "others, which must be removed with it",
                             stay);
    }
    return ENVELOPE_OK;
}

void
envl_cms_reader_mark_unknown(enum envl_fate *fates,
                             const struct envl_cms_reader *o)
{
    size_t i;

    for (i = 0; i < o->count; i++) {
        if (fates[i] == ENVL_STAYS && !envl_entry_is_known(&o->entries[i]))
            fates[i] = ENVL_GOES;
    }
}

/* Write the message without the recipients that go. */
static enum envelope_reason
write_rest(unsigned char **out, size_t *out_len, struct envl_cms_reader *o,
           const enum envl_fate *fates, struct envl_err *err)
{
    enum envelope_reason rc = envl_cms_reader_drop(o, fates, err);

    if (rc == ENVELOPE_OK && o->message.count == 0)
        rc = envl_fail(err, ENVELOPE_R_PARAMETER,
                       "its last recipient cannot be removed: nobody could "
                       "open it");
    return rc == ENVELOPE_OK
               ? envl_message_write(&o->message, out, out_len, err)
               : rc;
}

enum envelope_reason
envl_key_envelope_remove(unsigned char **out, size_t *out_len,
                         const unsigned char *der, size_t len,
                         const struct envl_libctx *ctx, const char *ids,
                         struct envl_err *err)
{
    struct envl_cms_reader o = { .der = der, .len = len, .ctx = ctx };
    enum envelope_reason rc = envl_cms_reader_begin(&o, err);
    enum envl_fate *fates = NULL;

    *out = NULL;
    if (rc == ENVELOPE_OK)
        rc = envl_cms_reader_fates(&fates, &o, err);
    if (rc == ENVELOPE_OK && ids[strspn(ids, "\n")] == '\0')
        rc = envl_fail(err, ENVELOPE_R_PARAMETER,
                       "no recipient to remove was named");
    if (rc == ENVELOPE_OK)
        rc = envl_cms_reader_mark(fates, &o, ids, err);
    if (rc == ENVELOPE_OK)
        rc = write_rest(out, out_len, &o, fates, err);
    OPENSSL_free(fates);
    envl_cms_reader_end(&o);
    return rc;
}

/* Cleaning */

enum envelope_reason
envl_key_envelope_clean(unsigned char **der, size_t *len,
                        const struct envl_libctx *ctx, struct envl_err *err)
{
    struct envl_cms_reader o = { .der = *der, .len = *len, .ctx = ctx };
    enum envelope_reason rc = envl_cms_reader_begin(&o, err);
    enum envl_fate *fates = NULL;
    unsigned char *rest = NULL;
    size_t rest_len = 0;

    if (rc == ENVELOPE_OK)
        rc = envl_cms_reader_fates(&fates, &o, err);
    if (rc == ENVELOPE_OK) {
        envl_cms_reader_mark_unknown(fates, &o);
        rc = write_rest(&rest, &rest_len, &o, fates, err);
    }
    OPENSSL_free(fates);
    envl_cms_reader_end(&o);
    if (rc == ENVELOPE_OK) {
        OPENSSL_free(*der);
        *der = rest;
        *len = rest_len;
    }
    return rc;
}
