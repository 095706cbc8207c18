/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key services as the cipher sees them, with a module that stands in for
 * them: who is asked, when, how often, and what is told when they fail.
 */
#define _GNU_SOURCE /* memmem() */
#include "support.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT "kept by somebody else"
#define TEXT_LEN (sizeof(TEXT) - 1)
#define URI "execkms://fake/"

static const struct support_how roomy = { .has_slack = true, .slack = 2 << 20 };

struct fixture {
    struct support s;
    unsigned *checks, *questions; /* the module's counts */
    EVP_PKEY *key, *other;
};

static char modules[4096];

static int
setup(void **state)
{
    const char *build = getenv("top_builddir");
    static struct fixture f;
    char path[sizeof(modules) + 32];
    void *handle;

    (void)snprintf(modules, sizeof(modules), "%s/test/kms/.libs",
                   build != NULL ? build : ".");
    assert_int_equal(setenv(ENVELOPE_ENV_KMS_MODULES, modules, 1), 0);
    (void)snprintf(path, sizeof(path), "%s/envelope-kms.so", modules);
    handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL)
        print_error("%s\n", dlerror());
    assert_non_null(handle);
    f.checks = dlsym(handle, "fake_kms_checks");
    f.questions = dlsym(handle, "fake_kms_questions");
    assert_true(f.checks != NULL && f.questions != NULL);
    support_open(&f.s, SUPPORT_WITH_DEFAULT);
    f.key = support_keygen(&f.s, "X25519", NULL, 0);
    f.other = support_keygen(&f.s, "X25519", NULL, 0);
    *state = &f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    EVP_PKEY_free(f->key);
    EVP_PKEY_free(f->other);
    support_close(&f->s);
    return 0;
}

static int
reset(void **state)
{
    struct fixture *f = *state;

    *f->checks = *f->questions = 0;
    return 0;
}

static void
begin(struct support_params *params)
{
    support_params_init(params);
    support_add_number(params, ENVELOPE_PARAM_OUTPUT_SLACK, roomy.slack);
}

/* A stream for the keys of a list, and a key in memory where there is one. */
static struct octets
seal(const struct fixture *f, const char *recipients, EVP_PKEY *key,
     const char *labels)
{
    struct octets spki = { NULL, 0 }, stream;
    struct support_params params;

    begin(&params);
    support_add_text(&params, ENVELOPE_PARAM_RECIPIENTS, recipients);
    if (key != NULL) {
        spki = support_public(key, "DER");
        support_add_octets(&params, ENVELOPE_PARAM_RECIPIENT, spki.data,
                           spki.len);
    }
    if (labels != NULL)
        support_add_text(&params, ENVELOPE_PARAM_LABELS, labels);
    stream = support_seal(&f->s, NULL, params.list, &roomy, TEXT, TEXT_LEN);
    support_drop(&spki);
    return stream;
}

static bool
opens(const struct fixture *f, struct octets stream, const char *identities,
      EVP_PKEY *key)
{
    struct octets pkcs8 = { NULL, 0 }, text;
    struct support_params params;
    bool opened;

    begin(&params);
    if (identities != NULL)
        support_add_text(&params, ENVELOPE_PARAM_IDENTITIES, identities);
    if (key != NULL) {
        pkcs8 = support_private(key, "DER");
        support_add_octets(&params, ENVELOPE_PARAM_IDENTITY, pkcs8.data,
                           pkcs8.len);
    }
    opened = support_opens(&f->s, NULL, params.list, &roomy, stream, &text);
    if (opened) {
        assert_int_equal(text.len, TEXT_LEN);
        assert_memory_equal(text.data, TEXT, TEXT_LEN);
        assert_no_errors();
    } else {
        assert_int_equal(text.len, 0);
    }
    support_drop(&text);
    support_drop(&pkcs8);
    return opened;
}

/* Sealing has to fail. */
static void
refuses(const struct fixture *f, const char *recipients, int reason,
        const char *word)
{
    struct octets out = { NULL, 0 };
    struct support_params params;
    EVP_CIPHER_CTX *ctx;

    begin(&params);
    support_add_text(&params, ENVELOPE_PARAM_RECIPIENTS, recipients);
    ctx = support_init(&f->s, SUPPORT_SEAL, NULL, params.list);
    assert_false(support_run(ctx, &roomy, TEXT, TEXT_LEN, &out));
    expect_reason(reason, word);
    assert_int_equal(out.len, 0);
    support_drop(&out);
    EVP_CIPHER_CTX_free(ctx);
}

static void
one_question_each_way(void **state)
{
    const struct fixture *f = *state;
    struct octets stream = seal(f, URI "a", NULL, NULL);

    assert_int_equal(*f->questions, 1);
    assert_true(opens(f, stream, URI "a", NULL));
    assert_int_equal(*f->questions, 2);
    support_drop(&stream);
}

static void
labels_are_passed_in_order(void **state)
{
    const struct fixture *f = *state;
    struct octets stream = seal(f, URI "a", NULL, "b=2\na=1\n"), found;

    /* The fake keeps them after the key. */
    found.data = memmem(stream.data + PRELUDE_LEN + strlen("a=1\nb=2\n"),
                        stream.len - PRELUDE_LEN - strlen("a=1\nb=2\n"),
                        "a=1\nb=2\n", strlen("a=1\nb=2\n"));
    assert_non_null(found.data);
    assert_true(opens(f, stream, URI "a", NULL));

    /* Other labels: the service says no, before the payload would. */
    stream.data[PRELUDE_LEN + 2] = '7';
    assert_false(opens(f, stream, URI "a", NULL));
    expect_reason(ENVELOPE_R_KEY_SERVICE_REFUSED, "other labels");
    support_drop(&stream);
}

static void
local_keys_go_first(void **state)
{
    const struct fixture *f = *state;
    struct octets stream = seal(f, URI "a", f->key, NULL);

    reset(state);
    assert_true(opens(f, stream, URI "a", f->key));
    assert_int_equal(*f->questions, 0);
    assert_true(opens(f, stream, URI "a", f->other));
    assert_int_equal(*f->questions, 1);
    support_drop(&stream);
}

static void
any_of_several_opens(void **state)
{
    const struct fixture *f = *state;
    struct octets stream = seal(f, URI "a\n" URI "b\n" URI "c", f->key, NULL);

    assert_int_equal(*f->questions, 3);
    reset(state);
    assert_true(opens(f, stream, URI "b", NULL));
    assert_int_equal(*f->questions, 1);
    assert_true(opens(f, stream, URI "x\n" URI "c", NULL));
    assert_int_equal(*f->questions, 2);
    support_drop(&stream);
}

static void
nobody_else_is_asked(void **state)
{
    const struct fixture *f = *state;
    struct octets stream = seal(f, URI "a", NULL, NULL);

    reset(state);
    assert_false(opens(f, stream, URI "b", NULL));
    expect_reason(ENVELOPE_R_NO_MATCH, "execkms fake/a");
    assert_false(opens(f, stream, NULL, f->key));
    expect_reason(ENVELOPE_R_NO_MATCH, "execkms fake/a");
    assert_int_equal(*f->questions, 0);
    support_drop(&stream);
}

static void
a_header_costs_ten_questions(void **state)
{
    const struct fixture *f = *state;
    char list[64 * (sizeof(URI "a\n")) + 1] = "";
    struct octets stream;
    size_t i;

    for (i = 0; i < 64; i++)
        strcat(list, URI "a\n");
    stream = seal(f, list, NULL, NULL);
    assert_int_equal(*f->questions, 64);
    reset(state);
    assert_false(opens(f, stream, URI "a?fail=refused", NULL));
    expect_reason(ENVELOPE_R_KEY_SERVICE_REFUSED, "fake: no");
    assert_int_equal(*f->questions, 10);
    support_drop(&stream);
}

static void
a_failure_is_told_if_nothing_opens(void **state)
{
    static const struct {
        const char *identities;
        int reason;
        const char *word;
    } cases[] = {
        { URI "a?fail=down", ENVELOPE_R_KEY_SERVICE, "down" },
        { URI "a?fail=refused", ENVELOPE_R_KEY_SERVICE_REFUSED, "no" },
        { URI "a?fail=credentials", ENVELOPE_R_CREDENTIALS, "who" },
        { URI "a?fail=other", ENVELOPE_R_KEY_ENVELOPE, "execkms fake/a" },
        /* What may pass is worth more than what will not. */
        { URI "a?fail=refused\n" URI "a?fail=down", ENVELOPE_R_KEY_SERVICE,
          "down" },
        { URI "a?fail=down\n" URI "a?fail=refused", ENVELOPE_R_KEY_SERVICE,
          "down" },
    };
    const struct fixture *f = *state;
    struct octets stream = seal(f, URI "a", NULL, NULL);
    size_t i;

    for (i = 0; i < COUNT_OF(cases); i++) {
        assert_false(opens(f, stream, cases[i].identities, f->key));
        expect_reason(cases[i].reason, cases[i].word);
    }
    assert_true(opens(f, stream, URI "a?fail=down\n" URI "a", NULL));
    support_drop(&stream);
}

static void
sealing_fails_with_the_service(void **state)
{
    const struct fixture *f = *state;

    refuses(f, URI "a?fail=down", ENVELOPE_R_KEY_SERVICE, "down");
    refuses(f, URI "a?fail=refused", ENVELOPE_R_KEY_SERVICE_REFUSED, "no");
    refuses(f, URI "a\n" URI "b?fail=credentials", ENVELOPE_R_CREDENTIALS,
            "who");
    refuses(f, URI "a?fail=name", ENVELOPE_R_KEY_SERVICE, "header");
    refuses(f, URI "a?fail=blob", ENVELOPE_R_KEY_SERVICE, "header");
}

static void
bad_uris_show_before_any_question(void **state)
{
    const struct fixture *f = *state;
    struct octets stream;

    refuses(f, URI "a\nexeckms://real/a", ENVELOPE_R_UNREADABLE_KEY,
            "not a fake");
    refuses(f, URI "a\n/nowhere", ENVELOPE_R_UNREADABLE_KEY, "/nowhere");
    assert_int_equal(*f->questions, 0);
    stream = seal(f, URI "a", NULL, NULL);
    assert_false(opens(f, stream, "execkms://real/a", NULL));
    expect_reason(ENVELOPE_R_UNREADABLE_KEY, "not a fake");
    assert_int_equal(*f->questions, 1);
    support_drop(&stream);
}

/* The environment counts when a provider is loaded. */
static void
the_module_may_be_missing(void **state)
{
    struct fixture far, *f = *state;
    struct octets stream = seal(f, URI "a", f->key, NULL);

    far = *f;
    assert_int_equal(setenv(ENVELOPE_ENV_KMS_MODULES, "/nowhere", 1), 0);
    support_open(&far.s, SUPPORT_WITH_DEFAULT);
    refuses(&far, URI "a", ENVELOPE_R_NO_KEY_SERVICES,
            "/nowhere/envelope-kms.so");
    assert_false(opens(&far, stream, URI "a", NULL));
    expect_reason(ENVELOPE_R_NO_KEY_SERVICES, "/nowhere");
    /* Who does not need it does not miss it. */
    assert_true(opens(&far, stream, NULL, f->key));
    assert_int_equal(setenv(ENVELOPE_ENV_KMS_MODULES, modules, 1), 0);
    support_close(&far.s);
    support_drop(&stream);
}

static void
a_module_of_another_release_is_refused(void **state)
{
    const struct fixture *f = *state;

    assert_int_equal(setenv("FAKE_KMS_LATER", "1", 1), 0);
    refuses(f, URI "a", ENVELOPE_R_NO_KEY_SERVICES, "another release");
    assert_int_equal(unsetenv("FAKE_KMS_LATER"), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_question_each_way, reset),
        cmocka_unit_test_setup(labels_are_passed_in_order, reset),
        cmocka_unit_test_setup(local_keys_go_first, reset),
        cmocka_unit_test_setup(any_of_several_opens, reset),
        cmocka_unit_test_setup(nobody_else_is_asked, reset),
        cmocka_unit_test_setup(a_header_costs_ten_questions, reset),
        cmocka_unit_test_setup(a_failure_is_told_if_nothing_opens, reset),
        cmocka_unit_test_setup(sealing_fails_with_the_service, reset),
        cmocka_unit_test_setup(bad_uris_show_before_any_question, reset),
        cmocka_unit_test_setup(the_module_may_be_missing, reset),
        cmocka_unit_test_setup(a_module_of_another_release_is_refused, reset),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
