/* SPDX-License-Identifier: Apache-2.0 */
/* JSON from services, which may say anything, and JSON that we write. */
#include "kms/core/json.h"

#include "test/support/memory.h"
#include "test/support/support.h"

#include <jansson.h>

#define DEPTH_MAX 16 /* of kms/json.c */

static struct kms_json *
parse(const char *text)
{
    struct kms_json *json;
    struct envl_err err = { 0 };

    if (kms_json_parse(&json, text, strlen(text), &err) != ENVELOPE_OK)
        fail_msg("%s: %s", text, err.detail);
    return json;
}

static void
refuse(const char *text, size_t len)
{
    struct kms_json *json = (struct kms_json *)&json;
    struct envl_err err = { 0 };

    if (kms_json_parse(&json, text, len, &err) != ENVELOPE_R_KEY_SERVICE)
        fail_msg("%.*s was taken", (int)len, text);
    assert_null(json);
    assert_int_equal(err.reason, ENVELOPE_R_KEY_SERVICE);
    assert_null(strstr(err.detail, SECRET));
    assert_int_equal(memory_live(), 0);
}

/* Reading */

static void
bad_json_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "}",
        "{}}",
        "{} {}",
        "{}x",
        "{},",
        "\xef\xbb\xbf{}", /* a byte order mark */
        /* no object */
        "[]",
        "[{}]",
        "null",
        "true",
        "1",
        "\"a\"",
        /* no JSON */
        "{a:1}",
        "{'a':1}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,\"a\":1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":NaN}",
        "{\"a\":1e999}",
        "{\"a\":123456789012345678901234567890}",
        "{\"a\":True}",
        "{\"a\":\"b}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\t\"}",
        "{\"a\":\"\\x41\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\\"}",
        "{\"a\":[1}",
        "{\"a\":{]}",
        "{/* */}",
        "{\"Plaintext\":\"" SECRET "\" x}",
        "{\"Plaintext\":" SECRET "}",
        "{\"Plaintext\":\"" SECRET "\\q\"}",
        /* no UTF-8 */
        "{\"a\":\"\xff\"}",
        "{\"a\":\"\xc3\"}",
        "{\"a\":\"\xc0\xaf\"}",
        "{\"a\":\"\xed\xa0\x80\"}",
        "{\"a\":\"\xf4\x90\x80\x80\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\udc00\\ud800\"}",
        "{\"\xff\":1}",
        /* twice */
        "{\"a\":1,\"a\":1}",
        "{\"a\":1,\"\\u0061\":2}",
        "{\"Plaintext\":\"" SECRET "\",\"b\":1,\"Plaintext\":\"\"}",
        "{\"a\":{\"b\":1,\"b\":2}}",
        "{\"a\":[{\"b\":1,\"b\":2}]}",
        "{\"a\\u0000\":1}",
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++)
        refuse(bad[i], strlen(bad[i]));
    refuse("{}\0", 3);
    refuse("\0{}", 3);
    refuse("{\"a\":\"\0\"}", 9);
    refuse("{\"a\0\":1}", 8);
    refuse("{\"a\":1", 6);
}

/* Every beginning of it. */
static void
a_reply_that_is_cut(void **state)
{
    static const char whole[] = "{\"a\":[1,-2.5e1,true,false,null,"
                                "\"\\u00e9\\\\\"],\"b\":{\"c\":\"d\"}}";
    size_t len;
    char *copy;

    (void)state;
    for (len = 0; len < sizeof(whole) - 1; len++) {
        copy = test_malloc(len);
        memcpy(copy, whole, len);
        refuse(copy, len);
        test_free(copy);
    }
    kms_json_free(parse(whole));
}

/* { "a": ... depth times; closed, if it is to be. */
static void
nest(struct kms_text *text, const char *open, const char *close, size_t depth)
{
    size_t i;

    kms_text_set(text, "{\"a\":");
    for (i = 1; i < depth; i++)
        kms_text_add(text, open);
    kms_text_add(text, "\"" SECRET "\"");
    for (i = 1; i < depth; i++)
        kms_text_add(text, close);
    kms_text_add(text, "}");
    assert_false(text->failed);
}

static void
nesting_has_an_end(void **state)
{
    static const struct {
        const char *open, *close;
    } kinds[] = { { "[", "]" }, { "{\"a\":", "}" }, { "[[],", "]" } };
    struct kms_text text = { 0 };
    struct kms_json *json;
    struct envl_err err;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(kinds); i++) {
        nest(&text, kinds[i].open, kinds[i].close, DEPTH_MAX - (i == 2));
        kms_json_free(parse(text.data));
        nest(&text, kinds[i].open, kinds[i].close, DEPTH_MAX + 1);
        assert_int_equal(kms_json_parse(&json, text.data, text.len, &err),
                         ENVELOPE_R_KEY_SERVICE);
        assert_null(json);
        assert_non_null(strstr(err.detail, "deep"));
        nest(&text, kinds[i].open, "", 10000);
        assert_int_equal(kms_json_parse(&json, text.data, text.len, &err),
                         ENVELOPE_R_KEY_SERVICE);
    }
    kms_text_clear(&text);
}

/* Brackets in strings do not nest, wherever quotes and backslashes stand. */
static void
brackets_in_strings(void **state)
{
    static const char text[] =
        "{\"[[[[[[[[[[[[[[[[[[[[\":\"{{{{{{{{{{{{{{{{{{{{"
        "\\\"[[[[[[[[[[[[[[[[[[[[\\\\\",\"b\":\"\\\\"
        "\",\"c\":[\"]]]}}}\",[\"]\"]]}";
    struct kms_json *json = parse(text);

    (void)state;
    assert_string_equal(kms_json_text(json, "b"), "\\");
    kms_json_free(json);
    refuse("{\"a\":\"\\\\\",[[[[[[[[[[[[[[[[[[[[[[[[", 33);
}

static const char reply[] =
    " {\"Response\": {\"Error\": {\"Code\": \"Auth.Failure\", \"Message\": "
    "\"\"},"
    " \"RequestId\": \"1-2\"},\n\"n\": 1, \"x\": 1.5, \"t\": true, \"f\": "
    "false,"
    "\"null\": null, \"list\": [\"a\", 1,2,3,4,5,6,7,8,9, \"k\"], \"o\": {}, "
    "\"\": \"empty\","
    "\"a.b\": \"dots\", \"nul\": \"a\\u0000b\", \"e\": \"\\u00e9\\n\","
    "\"r\": {\"Code\": 1, \"null\": null}}\r\n";

static void
texts_are_found(void **state)
{
    static const char *const nothing[] = {
        "Response.Error.code",
        "Response.Error",
        "Response",
        "Response.Error.Code.x",
        "Response.Error.Cod",
        "Response.Error.Codes",
        "Response..Error.Code",
        "Response.Error.Code.",
        ".Response",
        "n",
        "x",
        "t",
        "null",
        "list",
        "list.1",
        "list.00",
        "list.010",
        "list.11",
        "list.1000",
        "list.-1",
        "list.a",
        "list.",
        "o",
        "o.a",
        "a.b",
        "nul",
        "r.Code",
        "r.null",
        "none",
        "n.x",
        "null.x",
    };
    struct kms_json *json = parse(reply);
    size_t i;

    (void)state;
    assert_string_equal(kms_json_text(json, "Response.Error.Code"),
                        "Auth.Failure");
    assert_string_equal(kms_json_text(json, "Response.Error.Message"), "");
    assert_string_equal(kms_json_text(json, "Response.RequestId"), "1-2");
    assert_string_equal(kms_json_text(json, "e"), "\xc3\xa9\n");
    assert_string_equal(kms_json_text(json, ""), "empty");
    assert_string_equal(kms_json_text(json, "list.0"), "a");
    assert_string_equal(kms_json_text(json, "list.10"), "k");
    for (i = 0; i < COUNT(nothing); i++) {
        if (kms_json_text(json, nothing[i]) != NULL)
            fail_msg("%s was found", nothing[i]);
    }
    kms_json_free(json);
}

static void
booleans_and_others(void **state)
{
    struct kms_json *json = parse(reply);

    (void)state;
    assert_true(kms_json_bool(json, "t", false));
    assert_false(kms_json_bool(json, "f", true));
    assert_true(kms_json_bool(json, "none", true));
    assert_false(kms_json_bool(json, "none", false));
    assert_true(kms_json_bool(json, "null", true));
    assert_false(kms_json_bool(json, "n", false));
    assert_true(kms_json_bool(json, "Response", true));
    assert_int_equal(kms_json_number(json, "n"), 1);
    assert_int_equal(kms_json_number(json, "x"), -1);
    assert_int_equal(kms_json_number(json, "e"), -1);
    assert_int_equal(kms_json_number(json, "none"), -1);
    assert_true(kms_json_has(json, "Response.Error"));
    assert_true(kms_json_has(json, "o"));
    assert_true(kms_json_has(json, "f"));
    assert_true(kms_json_has(json, "list"));
    assert_true(kms_json_has(json, "nul"));
    assert_false(kms_json_has(json, "null"));
    assert_false(kms_json_has(json, "r.null"));
    assert_false(kms_json_has(json, "none"));
    assert_false(kms_json_has(json, "n.none"));
    kms_json_free(json);
}

static void
numbers_are_whole(void **state)
{
    static const struct {
        const char *value;
        int64_t number;
    } cases[] = {
        { "0", 0 },
        { "\"0\"", 0 },
        { "4294967295", 4294967295 },
        { "\"4294967295\"", 4294967295 },
        { "\"999999999999999999\"", 999999999999999999 },
        { "-5", -5 },
        { "\"9999999999999999999\"", -1 },
        { "\"\"", -1 },
        { "\"01\"", -1 },
        { "\"-5\"", -1 },
        { "\" 5\"", -1 },
        { "\"5x\"", -1 },
        { "\"5\\u0000\"", -1 },
        { "1.0", -1 },
        { "1e3", -1 },
        { "true", -1 },
        { "null", -1 },
        { "[5]", -1 },
    };
    struct kms_json *json;
    char text[64];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        (void)snprintf(text, sizeof(text), "{\"n\":%s}", cases[i].value);
        json = parse(text);
        if (kms_json_number(json, "n") != cases[i].number)
            fail_msg("%s", cases[i].value);
        kms_json_free(json);
    }
}

/* Wiping */

static const char secrets[] =
    "{\"a\":\"" SECRET "\",\"b\":[\"" SECRET "\",[[\"" SECRET
    "\"]],{\"c\":\"" SECRET
    "\"},1,null,true,\"x\"],\"d\":{\"e\":{\"f\":\"" SECRET "\"},\"g\":"
    "[]},\"h\":\"\\u0000" SECRET "\",\"i\":{},\"j\":\"" SECRET "\"}";

/* libjansson's memory while kms_json_free() runs. */
static void *
get_memory(size_t len)
{
    return memory_malloc(len, NULL, 0);
}

static void
put_memory(void *p)
{
    memory_free(p, NULL, 0);
}

static void
strings_are_wiped(void **state)
{
    struct kms_text text = { 0 };
    struct kms_json *json;
    json_t *root;

    (void)state;
    json_set_alloc_funcs(get_memory, put_memory);
    json = parse(secrets);
    memory.unwiped = 0;
    kms_json_free(json);
    assert_int_equal(memory.unwiped, 0);
    nest(&text, "[", "]", DEPTH_MAX);
    json = parse(text.data);
    memory.unwiped = 0;
    kms_json_free(json);
    nest(&text, "{\"a\":", "}", DEPTH_MAX);
    json = parse(text.data);
    kms_text_clear(&text);
    memory.unwiped = 0;
    kms_json_free(json);
    assert_int_equal(memory.unwiped, 0);
    /* The test can fail. */
    root = json_loads(secrets, JSON_ALLOW_NUL, NULL);
    memory.unwiped = 0;
    json_decref(root);
    assert_int_equal(memory.unwiped, 7);
    assert_int_equal(memory_live(), 0);
    kms_json_free(NULL);
    json_set_alloc_funcs(malloc, free);
}

/* Of ours: libjansson's lexer does not look at all of its own. */
static void
memory_runs_out(void **state)
{
    struct kms_json *json;
    struct envl_err err;

    (void)state;
    memory_fail(1);
    assert_int_equal(kms_json_parse(&json, "{}", 2, &err), ENVELOPE_R_MEMORY);
    memory_fail(0);
    assert_null(json);
    assert_int_equal(memory_live(), 0);
}

/* Writing */

static void
objects_are_written(void **state)
{
    struct kms_text text = { 0 };

    (void)state;
    kms_json_begin(&text);
    kms_json_end(&text);
    assert_string_equal(kms_text_get(&text), "{}");
    kms_text_set(&text, "");
    kms_json_begin(&text);
    kms_json_add(&text, "KeyId", "arn:a/b");
    kms_json_add_raw(&text, "Context", "{\"a\":\"b\"}");
    kms_json_add_raw(&text, "n", "32");
    kms_json_add_bytes(&text, "{", "a\0{", 3);
    kms_json_add(&text, "", "{");
    kms_json_end(&text);
    assert_string_equal(kms_text_get(&text),
                        "{\"KeyId\":\"arn:a/b\",\"Context\":{\"a\":\"b\"},"
                        "\"n\":32,"
                        "\"{\":\"a\\u0000{\",\"\":\"{\"}");
    kms_text_clear(&text);
}

/* An object may begin within another one, and after other text. */
static void
objects_within_objects(void **state)
{
    struct kms_text text = { 0 };

    (void)state;
    kms_text_set(&text, "x");
    kms_json_begin(&text);
    kms_json_add_raw(&text, "a", "");
    kms_json_begin(&text);
    kms_json_add(&text, "b", "c");
    kms_json_end(&text);
    kms_json_add(&text, "d", "e");
    kms_json_end(&text);
    assert_string_equal(kms_text_get(&text),
                        "x{\"a\":{\"b\":\"c\"},\"d\":\"e\"}");
    kms_text_clear(&text);
}

/* Each character comes back, as name and as value. */
static void
any_text_comes_back(void **state)
{
    struct kms_text text = { 0 };
    struct kms_json *json;
    char value[] = "<?>";
    int c;

    (void)state;
    for (c = 1; c < 0x80; c++) {
        value[1] = (char)c;
        kms_text_set(&text, "");
        kms_json_begin(&text);
        kms_json_add(&text, c != '.' ? value : "a", value);
        kms_json_end(&text);
        json = parse(text.data);
        assert_string_equal(kms_json_text(json, c != '.' ? value : "a"), value);
        kms_json_free(json);
        /* And nothing of it breaks a line. */
        assert_null(strpbrk(text.data, "\r\n\t\x01\x1f"));
    }
    kms_text_set(&text, "");
    kms_json_begin(&text);
    kms_json_add(&text, "a", "\"},\\\x1f/\x7f\xc3\xa9\xf0\x9f\x94\x92");
    kms_json_end(&text);
    assert_string_equal(kms_text_get(&text), "{\"a\":\"\\\"},\\\\\\u001f/\x7f"
                                             "\xc3\xa9\xf0\x9f\x94\x92\"}");
    kms_text_clear(&text);
}

static void
labels_are_an_object(void **state)
{
    static const char labels[] = "a=\nb.c=d=\"e\"\nf=\xc3\xa9 \\\n";
    struct kms_text text = { 0 };
    struct kms_json *json;

    (void)state;
    kms_json_labels(&text, NULL, 0);
    assert_string_equal(kms_text_get(&text), "{}");
    kms_text_set(&text, "");
    kms_json_labels(&text, labels, strlen(labels));
    assert_string_equal(
        kms_text_get(&text),
        "{\"a\":\"\",\"b.c\":\"d=\\\"e\\\"\",\"f\":\"\xc3\xa9 \\\\\"}");
    json = parse(text.data);
    assert_string_equal(kms_json_text(json, "f"), "\xc3\xa9 \\");
    kms_json_free(json);
    /* The length counts, and what no labels are does no harm. */
    kms_text_set(&text, "");
    kms_json_labels(&text, labels, 3);
    assert_string_equal(kms_text_get(&text), "{\"a\":\"\"}");
    kms_text_set(&text, "");
    kms_json_labels(&text, labels, 4);
    assert_string_equal(kms_text_get(&text), "{\"a\":\"\",\"b\":\"\"}");
    kms_text_set(&text, "");
    kms_json_labels(&text, "\n=\n", 3);
    assert_string_equal(kms_text_get(&text), "{\"\":\"\",\"\":\"\"}");
    kms_text_clear(&text);
    assert_int_equal(memory_live(), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_json_is_refused),
        cmocka_unit_test(a_reply_that_is_cut),
        cmocka_unit_test(nesting_has_an_end),
        cmocka_unit_test(brackets_in_strings),
        cmocka_unit_test(texts_are_found),
        cmocka_unit_test(booleans_and_others),
        cmocka_unit_test(numbers_are_whole),
        cmocka_unit_test(strings_are_wiped),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(objects_are_written),
        cmocka_unit_test(objects_within_objects),
        cmocka_unit_test(any_text_comes_back),
        cmocka_unit_test(labels_are_an_object),
    };

    memory_install(SECRET);
    return cmocka_run_group_tests_name("kms_json", tests, NULL, NULL);
}
