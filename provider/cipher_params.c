/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters of the cipher that are settings of a stream. */
#include "provider/provider.h"

#include <stddef.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "lib/payload/workers.h"

enum kind {
    TEXT,     /* char * */
    OCTETS,   /* struct envl_octets */
    LIST,     /* struct envl_octets_list, to which each value adds */
    UNSIGNED, /* unsigned */
    SIZE,     /* size_t */
    CHOICE,   /* enum envl_choice */
    RELEASE,  /* bool: verified_only */
    CALLBACK  /* pointer */
};

/* name, libcrypto's type, kind, HOW or the group of keys that it belongs to,
 * field of the settings, minimum, maximum */
/* clang-format off */
#define PARAMS(X)                                                              \
    X(ENVELOPE_PARAM_RECIPIENTS, UTF8_STRING, TEXT, WHOM, keys.recipients, 0,  \
      0)                                                                       \
    X(ENVELOPE_PARAM_RECIPIENT, OCTET_STRING, LIST, WHOM, keys.recipient, 1,   \
      1 << 20)                                                                 \
    X(ENVELOPE_PARAM_IDENTITIES, UTF8_STRING, TEXT, WHOM, keys.identities, 0,  \
      0)                                                                       \
    X(ENVELOPE_PARAM_IDENTITY, OCTET_STRING, LIST, WHOM, keys.identity, 1,     \
      1 << 20)                                                                 \
    X(ENVELOPE_PARAM_PASSPHRASE, OCTET_STRING, OCTETS, WHOM, keys.passphrase,  \
      1, 1024)                                                                 \
    X(ENVELOPE_PARAM_PASSPHRASE_FILE, UTF8_STRING, TEXT, WHOM,                 \
      keys.passphrase_file, 0, 0)                                              \
    X(ENVELOPE_PARAM_PASSPHRASE_CALLBACK, OCTET_PTR, CALLBACK, WHOM,           \
      keys.callback, 0, 0)                                                     \
    X(ENVELOPE_PARAM_LABELS, UTF8_STRING, TEXT, HOW, labels, 0, 0)             \
    X(ENVELOPE_PARAM_REQUIRE_LABELS, UTF8_STRING, TEXT, HOW,                   \
      keys.required_labels, 0, 0)                                              \
    X(ENVELOPE_PARAM_SIGNERS, UTF8_STRING, TEXT, SIGNERS, keys.signers, 0, 0)  \
    X(ENVELOPE_PARAM_SIGNER, OCTET_STRING, LIST, SIGNERS, keys.signer, 1,      \
      1 << 20)                                                                 \
    X(ENVELOPE_PARAM_SIGNED_BY, UTF8_STRING, TEXT, SIGNED_BY, keys.signed_by,  \
      0, 0)                                                                    \
    X(ENVELOPE_PARAM_SIGNED_BY_KEY, OCTET_STRING, LIST, SIGNED_BY,             \
      keys.signed_by_key, 1, 1 << 20)                                          \
    X(ENVELOPE_PARAM_RELEASE, UTF8_STRING, RELEASE, HOW, verified_only, 0, 0)  \
    X(ENVELOPE_PARAM_THREADS, UNSIGNED_INTEGER, UNSIGNED, HOW, threads, 0,     \
      ENVL_THREADS_MAX)                                                        \
    X(ENVELOPE_PARAM_OUTPUT_SLACK, UNSIGNED_INTEGER, SIZE, HOW, output_slack,  \
      0, 1 << 30)                                                              \
    X(ENVELOPE_PARAM_RESERVE, UNSIGNED_INTEGER, SIZE, HOW, reserve, 0,         \
      2097152)                                                                 \
    X(ENVELOPE_PARAM_WORK_FACTOR, UNSIGNED_INTEGER, UNSIGNED, HOW,             \
      keys.log_n, ENVL_SCRYPT_LOG_N_MIN, ENVL_SCRYPT_LOG_N_MAX)                \
    X(ENVELOPE_PARAM_ALLOW_EXPIRED, UNSIGNED_INTEGER, CHOICE, HOW,             \
      keys.allow_expired, 0, 1)                                                \
    X(ENVELOPE_PARAM_SKIP_EXPIRED, UNSIGNED_INTEGER, CHOICE, HOW,              \
      keys.skip_expired, 0, 1)                                                 \
    X(ENVELOPE_PARAM_ALLOW_USAGE, UNSIGNED_INTEGER, CHOICE, HOW,               \
      keys.allow_usage, 0, 1)                                                  \
    X(ENVELOPE_PARAM_REQUIRE_POST_QUANTUM, UNSIGNED_INTEGER, CHOICE, HOW,      \
      keys.require_post_quantum, 0, 1)
/* clang-format on */

enum subject {
    WHOM = ENVL_FOR_WHOM,
    SIGNERS = ENVL_SIGNERS,
    SIGNED_BY = ENVL_SIGNED_BY,
    HOW = ENVL_KEY_GROUP_COUNT
};

static const struct row {
    const char *name;
    enum kind kind;
    enum subject subject;
    size_t offset;
    uint64_t min, max; /* of a number, or of a length in bytes */
} rows[] = {
#define ROW(name, type, kind, subject, field, min, max) \
    { name, kind, subject, offsetof(struct envl_settings, field), min, max },
    PARAMS(ROW)
#undef ROW
};

const OSSL_PARAM envl_params_settable[] = {
#define SETTABLE(name, type, kind, subject, field, min, max) \
    OSSL_PARAM_DEFN(name, OSSL_PARAM_##type, NULL, 0),
    PARAMS(SETTABLE)
#undef SETTABLE
        OSSL_PARAM_uint64(ENVELOPE_PARAM_NEXT_CHUNK, NULL),
    OSSL_PARAM_END
};

static int
fail_value(const struct row *row, const char *what, struct envl_err *err)
{
    (void)envl_fail(err, ENVELOPE_R_PARAMETER, "%s: %s", row->name, what);
    return 0;
}

static int
set_text(char **field, const struct row *row, const OSSL_PARAM *p,
         struct envl_err *err)
{
    const char *text;
    size_t len;

    if (!OSSL_PARAM_get_utf8_string_ptr(p, &text) || text == NULL)
        return fail_value(row, "must be a UTF-8 string", err);
    len = p->data_type == OSSL_PARAM_UTF8_STRING
              ? OPENSSL_strnlen(text, p->data_size)
              : strlen(text);
    if (p->data_type == OSSL_PARAM_UTF8_STRING && len + 1 < p->data_size)
        return fail_value(row, "has a NUL byte within", err);
    if (!envl_text_set(field, text, len)) {
        (void)envl_fail_memory(err);
        return 0;
    }
    return 1;
}

static int
set_octets(void *field, const struct row *row, const OSSL_PARAM *p,
           struct envl_err *err)
{
    const void *data;
    size_t len;
    int ok;

    if (!OSSL_PARAM_get_octet_string_ptr(p, &data, &len) || data == NULL)
        return fail_value(row, "must be an octet string", err);
    if (len < row->min || len > row->max)
        return fail_value(row, "is empty or too long", err);
    ok = row->kind == LIST ? envl_octets_list_add(field, data, len)
                           : envl_octets_set(field, data, len);
    if (!ok)
        (void)envl_fail_memory(err);
    return ok;
}

static int
get_number(uint64_t *value, const struct row *row, const OSSL_PARAM *p,
           struct envl_err *err)
{
    if (OSSL_PARAM_get_uint64(p, value) && *value >= row->min
        && *value <= row->max)
        return 1;
    (void)envl_fail(err, ENVELOPE_R_PARAMETER,
                    "%s: must be a number from %u to %u", row->name,
                    (unsigned)row->min, (unsigned)row->max);
    return 0;
}

static int
set_release(bool *verified_only, const struct row *row, const OSSL_PARAM *p,
            struct envl_err *err)
{
    char *word = NULL;
    int ok = set_text(&word, row, p, err);

    if (ok && strcmp(word, ENVELOPE_RELEASE_VERIFIED) == 0)
        *verified_only = true;
    else if (ok && strcmp(word, ENVELOPE_RELEASE_CHUNK) == 0)
        *verified_only = false;
    else if (ok)
        ok = fail_value(row,
                        "must be " ENVELOPE_RELEASE_CHUNK
                        " or " ENVELOPE_RELEASE_VERIFIED,
                        err);
    OPENSSL_free(word);
    return ok;
}

static int
set_callback(const struct envelope_passphrase_callback **field,
             const struct row *row, const OSSL_PARAM *p, struct envl_err *err)
{
    const void *callback;
    size_t len;

    if (!OSSL_PARAM_get_octet_ptr(p, &callback, &len))
        return fail_value(row, "must be an octet pointer", err);
    *field = callback;
    return 1;
}

static int
set_one(struct envl_settings *settings, const struct row *row,
        const OSSL_PARAM *p, struct envl_err *err)
{
    void *field = (char *)settings + row->offset;
    uint64_t number = 0;

    switch (row->kind) {
    case TEXT:
        return set_text(field, row, p, err);
    case OCTETS:
    case LIST:
        return set_octets(field, row, p, err);
    case RELEASE:
        return set_release(field, row, p, err);
    case CALLBACK:
        return set_callback(field, row, p, err);
    default:
        break;
    }
    if (!get_number(&number, row, p, err))
        return 0;
    if (row->kind == UNSIGNED)
        *(unsigned *)field = (unsigned)number;
    else if (row->kind == SIZE)
        *(size_t *)field = (size_t)number;
    else
        *(enum envl_choice *)field = number != 0 ? ENVL_YES : ENVL_NO;
    if (field == &settings->output_slack)
        settings->has_output_slack = true;
    if (field == &settings->threads)
        settings->has_threads = true;
    return 1;
}

static const struct row *
find_row(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    }
    return NULL;
}

/* Set all known parameters; unknown ones are ignored, as usual in libcrypto. */
static int
set_all(struct envl_settings *settings, const OSSL_PARAM params[],
        struct envl_err *err)
{
    const struct row *row;

    for (; params->key != NULL; params++) {
        row = find_row(params->key);
        if (row != NULL && !set_one(settings, row, params, err))
            return 0;
    }
    return 1;
}

/*
 * Parameters that name keys replace each other as a group: a context that is
 * used again must not encrypt for the recipients of the last stream, nor trust
 * its signers.
 */
int
envl_params_set(struct envl_settings *settings, bool *other_keys,
                const OSSL_PARAM params[], enum envl_params_time when,
                struct envl_err *err)
{
    const OSSL_PARAM *p;
    const struct row *row, *any = NULL;
    struct envl_settings next = { 0 };
    bool is_set[HOW + 1] = { false };
    int group;

    *other_keys = false;
    for (p = params; p != NULL && p->key != NULL; p++) {
        if ((row = find_row(p->key)) == NULL)
            continue;
        any = row;
        is_set[row->subject] = true;
    }
    if (any == NULL)
        return 1;
    if (when == ENVL_PARAMS_AFTER_DATA) {
        (void)envl_fail(err, ENVELOPE_R_IN_USE,
                        "%s: set it before the first update", any->name);
        return 0;
    }
    if (!envl_settings_copy(&next, settings)) {
        (void)envl_fail_memory(err);
        return 0;
    }
    for (group = 0; group < ENVL_KEY_GROUP_COUNT; group++) {
        if (!is_set[group])
            continue;
        *other_keys = true;
        if (when == ENVL_PARAMS_IN_INIT || next.keys.is_old[group])
            envl_key_settings_forget(&next.keys, (enum envl_key_group)group);
    }
    if (!set_all(&next, params, err)) {
        envl_settings_clear(&next);
        return 0;
    }
    envl_settings_clear(settings);
    *settings = next;
    OPENSSL_cleanse(&next, sizeof(next));
    return 1;
}
