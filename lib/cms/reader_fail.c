/* SPDX-License-Identifier: Apache-2.0 */
/* Says why no identity opens a key envelope, and what the user can do. */
#include <stdio.h>
#include <string.h>

#include "lib/cms/reader.h"

static bool
has_secret_recipient(const struct envl_cms_reader *o)
{
    const struct envl_identities *ids = o->identities;
    size_t i;

    for (i = 0; i < o->count; i++) {
        enum envl_entry_kind kind = o->entries[i].kind;

        if ((kind == ENVL_ENTRY_PASSPHRASE && ids->passphrase.data != NULL)
            || (kind == ENVL_ENTRY_KEK && ids->kek != NULL))
            return true;
    }
    return false;
}

/* Describe a recipient in a list: its kind, and the beginning of its
 * identifier; or the name of a service's key. */
static void
name_recipient(char *text, size_t size, const struct envl_entry *entry)
{
    const struct envl_kek_source *source = &entry->source;
    char id[2 * 8 + 1] = "";
    size_t i;

    for (i = 0; i < entry->id.len && i < 8; i++)
        (void)snprintf(id + 2 * i, 3, "%02x", entry->id.p[i]);
    if (entry->kind == ENVL_ENTRY_SERVICE)
        (void)snprintf(text, size, "%.*s %.*s", (int)source->u.kms.service_len,
                       source->u.kms.service, (int)source->u.kms.key_len,
                       source->u.kms.key);
    else
        (void)snprintf(text, size, "%s %s", envl_entry_kind_text(entry), id);
}

/* Fail with a list of the recipients, as many as fit. */
static enum envelope_reason
fail_match(const struct envl_cms_reader *o, struct envl_err *err)
{
    char list[ENVL_DETAIL_MAX / 2] = "", one[ENVL_DETAIL_MAX / 4];
    size_t i, used = 0;

    for (i = 0; i < o->count; i++) {
        name_recipient(one, sizeof(one), &o->entries[i]);
        if (used + strlen(one) + sizeof(", ") > sizeof(list))
            break;
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
                                 i > 0 ? ", " : "", one);
    }
    return envl_fail(
        err, ENVELOPE_R_NO_MATCH, "it has %zu recipient%s: %s%s%s%s%s%s",
        o->count, o->count == 1 ? "" : "s", list,
        i < o->count ? " and others" : "",
        o->too_many_unwraps ? "; keys were tried 64 times, and not on all "
                              "that they might open: give a key's certificate "
                              "with the key"
                            : "",
        *o->last_key_error != '\0' ? "; a key of that name failed: " : "",
        o->last_key_error,
        o->identities->took_passphrase
            ? "; the passphrase is that of a stored key, and was not tried"
            : "");
}

static enum envelope_reason
fail_service(const struct envl_cms_reader *o, struct envl_err *err)
{
    const struct envl_err *first = &o->service_err;

    if (o->too_many_calls)
        return envl_fail(err, first->reason,
                         "%.250s; services were asked %d times, and about "
                         "further recipients not",
                         first->detail, ENVL_SERVICE_CALL_MAX);
    *err = *first;
    return err->reason;
}

enum envelope_reason
envl_cms_reader_fail(const struct envl_cms_reader *o, struct envl_err *err)
{
    /* Also outside of attempts: without memory a key may not have been
     * tried. */
    if (o->no_memory || envl_crypto_no_memory())
        return envl_fail_memory(err);
    if (o->too_much_work)
        return envl_fail(err, ENVELOPE_R_WORK_FACTOR,
                         "its passphrase recipients ask for more than 1 GiB "
                         "or n * r * p = 2^24 of scrypt in all");
    if (o->too_little_work || o->too_many_passphrases)
        return envl_fail(err, ENVELOPE_R_WORK_FACTOR,
                         "%s: it was not tried, because a header could be "
                         "made to guess passphrases",
                         o->too_little_work
                             ? "a passphrase recipient has scrypt with n "
                               "below 2^14"
                             : "one of more than 8 passphrase recipients");
    if (o->service_err.reason != ENVELOPE_OK)
        return fail_service(o, err);
    if (o->identities->key_count == 0 && o->identities->service_count == 0
        && has_secret_recipient(o))
        return envl_fail(
            err, ENVELOPE_R_WRONG_KEY, "the %s given does not open it",
            o->identities->kek != NULL ? "key-encryption key" : "passphrase");
    return fail_match(o, err);
}
