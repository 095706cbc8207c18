/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The committed vectors, made by an independent encoder: each opens, or is
 * refused for its one reason, and exactly the verified text comes out.
 */
#include "support.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_LEN 300
#define FILE_LEN_MAX (1 << 20)

struct vector {
    char name[LINE_LEN], expect[LINE_LEN], how[LINE_LEN], sha256[LINE_LEN];
    char signer[LINE_LEN]; /* empty if nobody need have signed it */
    size_t text_len;
};

static const char *
directory(void)
{
    static char path[1000];
    const char *srcdir = getenv("srcdir");

    (void)snprintf(path, sizeof(path), "%s/test/vectors",
                   srcdir != NULL ? srcdir : ".");
    return path;
}

static struct octets
read_file(const char *name, const char *ending)
{
    struct octets o = { support_malloc(FILE_LEN_MAX), 0 };
    char path[2000];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s%s", directory(), name, ending);
    file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("cannot open %s", path);
    o.len = fread(o.data, 1, FILE_LEN_MAX, file);
    fclose(file);
    return o;
}

static void
field(char *to, const char *text, const char *name)
{
    const char *p = strstr(text, name);

    if (p == NULL || sscanf(p + strlen(name), "%299s", to) != 1)
        fail_msg("no field %s", name);
}

static struct vector
read_vector(const char *name)
{
    struct octets o = read_file(name, ".txt");
    char *text = (char *)o.data, number[LINE_LEN];
    struct vector v = { 0 };

    text[o.len < FILE_LEN_MAX ? o.len : FILE_LEN_MAX - 1] = '\0';
    (void)snprintf(v.name, sizeof(v.name), "%s", name);
    field(v.expect, text, "\nexpect:");
    field(v.how, text, "\nopen:");
    field(number, text, "\ntext-length:");
    field(v.sha256, text, "\ntext-sha256:");
    if (strstr(text, "\nsigned-by:") != NULL)
        field(v.signer, text, "\nsigned-by:");
    v.text_len = (size_t)strtoul(number, NULL, 10);
    support_drop(&o);
    return v;
}

static int
reason_of(const char *name)
{
    static const struct {
        const char *name;
        int reason;
    } reasons[] = { { "ENVELOPE_R_OK", ENVELOPE_OK },
#define REASON(symbol, number, text) { #symbol, number },
                    ENVELOPE_REASONS(REASON)
#undef REASON
    };
    size_t i;

    for (i = 0; i < COUNT_OF(reasons); i++) {
        if (strcmp(reasons[i].name + strlen("ENVELOPE_R_"), name) == 0)
            return reasons[i].reason;
    }
    fail_msg("no reason %s", name);
    return -1;
}

/* Add a key file of the vectors; its bytes must outlive params. */
static struct octets
add_key(struct support_params *params, const char *parameter, const char *name)
{
    char path[LINE_LEN + 5];
    struct octets pem;

    (void)snprintf(path, sizeof(path), "keys/%s", name);
    pem = read_file(path, "");
    support_add_octets(params, parameter, pem.data, pem.len);
    return pem;
}

/* The identity that a vector names, as a parameter or as the key. */
static const unsigned char *
identity(struct support_params *params, const char *how, struct octets *pem)
{
    static unsigned char kek[ENVELOPE_KEY_LENGTH];
    size_t i;

    for (i = 0; i < sizeof(kek); i++)
        kek[i] = (unsigned char)(i + 1);
    kek[0] ^= strcmp(how, "other-kek") == 0;
    if (strstr(how, "kek") != NULL)
        return kek;
    if (strcmp(how, "passphrase") == 0)
        support_add_octets(params, ENVELOPE_PARAM_PASSPHRASE,
                           "correct horse battery staple", 28);
    else if (strcmp(how, "other-passphrase") == 0)
        support_add_octets(params, ENVELOPE_PARAM_PASSPHRASE, "wrong", 5);
    else
        *pem = add_key(params, ENVELOPE_PARAM_IDENTITY, how);
    return NULL;
}

static void
check_text(const struct vector *v, const struct octets *out)
{
    unsigned char hash[32];
    char hex[65];
    size_t i;

    if (out->len != v->text_len)
        fail_msg("%s: %zu bytes came out, not %zu", v->name, out->len,
                 v->text_len);
    assert_true(
        EVP_Q_digest(NULL, "SHA256", NULL, out->data, out->len, hash, NULL));
    for (i = 0; i < sizeof(hash); i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    if (strcmp(hex, v->sha256) != 0)
        fail_msg("%s: another text", v->name);
}

/* Its key is of ML-KEM, which libcrypto has from 3.5 on. */
static bool
is_too_new(const struct vector *v)
{
    return strncmp(v->how, "mlkem", strlen("mlkem")) == 0
           && OpenSSL_version_num() < 0x30500000UL;
}

static void
check_vector(const struct support *s, const struct vector *v, size_t cut)
{
    const struct support_how how = { .cut = cut,
                                     .has_slack = true,
                                     .slack = ENVELOPE_CHUNK_LENGTH };
    struct octets in = read_file(v->name, ".env"), out = { 0 }, pem = { 0 },
                  signer = { 0 };
    int expected = reason_of(v->expect), reason = ENVELOPE_OK;
    struct support_params params;
    const unsigned char *key;

    support_params_init(&params);
    support_add_text(&params, ENVELOPE_PARAM_RELEASE,
                     ENVELOPE_RELEASE_VERIFIED);
    support_add_number(&params, ENVELOPE_PARAM_OUTPUT_SLACK,
                       ENVELOPE_CHUNK_LENGTH);
    key = identity(&params, v->how, &pem);
    if (v->signer[0] != '\0')
        signer = add_key(&params, ENVELOPE_PARAM_SIGNED_BY_KEY, v->signer);
    if (!support_opens(s, key, params.list, &how, in, &out))
        reason = take_reason();
    if (is_too_new(v)) {
        assert_int_equal(reason, ENVELOPE_R_NO_ALGORITHM);
        assert_int_equal(out.len, 0);
        goto out;
    }
    if (reason != expected)
        fail_msg("%s: reason %d, not %d (%s)", v->name, reason, expected,
                 v->expect);
    check_text(v, &out);
out:
    support_drop(&in);
    support_drop(&out);
    support_drop(&pem);
    support_drop(&signer);
}

static int
is_description(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return len > 4 && strcmp(entry->d_name + len - 4, ".txt") == 0;
}

static void
vectors_are_judged(void **state)
{
    static const size_t cuts[] = { 0, 1000 };
    struct dirent **entries;
    int i, n = scandir(directory(), &entries, is_description, alphasort);
    size_t c;

    assert_true(n > 110);
    for (i = 0; i < n; i++) {
        struct vector v;

        entries[i]->d_name[strlen(entries[i]->d_name) - 4] = '\0';
        v = read_vector(entries[i]->d_name);
        for (c = 0; c < COUNT_OF(cuts); c++)
            check_vector(*state, &v, cuts[c]);
        free(entries[i]);
    }
    free(entries);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_are_judged),
    };

    return cmocka_run_group_tests_name("vectors", tests, support_group_setup,
                                       support_group_teardown);
}
