/* SPDX-License-Identifier: Apache-2.0 */
/* Text that grows and is wiped, base64 in both directions, and names. */
#include "kms/core/text.h"

#include "test/support/memory.h"
#include "test/support/support.h"

#include <openssl/crypto.h>

/* Growing */

static void
an_empty_text_is_empty(void **state)
{
    struct kms_text text = { 0 };

    (void)state;
    assert_string_equal(kms_text_get(&text), "");
    kms_text_add_bytes(&text, NULL, 0);
    kms_text_add_base64(&text, NULL, 0);
    kms_text_add_hex(&text, NULL, 0);
    assert_string_equal(kms_text_get(&text), "");
    assert_int_equal(text.len, 0);
    assert_false(text.failed);
    kms_text_clear(&text);
    kms_text_clear(&text);
    assert_null(text.data);
}

/* Nothing is not the same as an empty text: files are told apart by it. */
static void
a_text_set_to_nothing_has_data(void **state)
{
    struct kms_text text = { 0 };

    (void)state;
    kms_text_set(&text, "");
    assert_non_null(text.data);
    assert_int_equal(text.len, 0);
    kms_text_clear(&text);
    assert_null(text.data);
}

static void
text_grows(void **state)
{
    struct kms_text text = { 0 };
    size_t i;

    (void)state;
    for (i = 0; i < 1000; i++) {
        kms_text_addf(&text, "%03zu", i);
        assert_int_equal(text.len, 3 * (i + 1));
        assert_true(text.size > text.len);
        assert_int_equal(text.data[text.len], '\0');
    }
    assert_memory_equal(text.data, "000001002", 9);
    assert_memory_equal(text.data + 3 * 999, "999", 4);
    kms_text_clear(&text);
}

/* At each length the first time, and from each length on. */
static void
additions_of_any_length_fit(void **state)
{
    struct kms_text text = { 0 };
    unsigned char bytes[200];
    size_t before, len;

    (void)state;
    fill(bytes, sizeof(bytes), 1);
    for (before = 0; before <= sizeof(bytes); before++) {
        for (len = 0; len <= sizeof(bytes); len += 7) {
            kms_text_add_bytes(&text, bytes, before);
            kms_text_add_bytes(&text, bytes, len);
            assert_int_equal(text.len, before + len);
            if (before + len > 0) {
                assert_memory_equal(text.data, bytes, before);
                assert_memory_equal(text.data + before, bytes, len);
            }
            kms_text_clear(&text);
        }
    }
}

static void
setting_replaces(void **state)
{
    struct kms_text text = { 0 };

    (void)state;
    kms_text_set(&text, "a long one, " SECRET);
    kms_text_set(&text, "short");
    assert_string_equal(kms_text_get(&text), "short");
    assert_int_equal(text.len, 5);
    assert_false(memory_has(text.data, text.size));
    kms_text_add(&text, "er");
    assert_string_equal(kms_text_get(&text), "shorter");
    kms_text_clear(&text);
}

static void
a_nul_is_a_byte_as_others(void **state)
{
    struct kms_text text = { 0 };

    (void)state;
    kms_text_add_bytes(&text, "a\0b", 3);
    kms_text_add(&text, "c");
    assert_int_equal(text.len, 4);
    assert_memory_equal(text.data, "a\0bc", 5);
    kms_text_clear(&text);
}

static void
text_is_wiped(void **state)
{
    struct kms_text text = { 0 };
    size_t i;

    (void)state;
    memory.unwiped = 0;
    for (i = 0; i < 200; i++)
        kms_text_add(&text, SECRET);
    kms_text_clear(&text);
    assert_int_equal(memory.unwiped, 0);
    assert_int_equal(memory_live(), 0);
    /* The test can fail. */
    memcpy(text.data = OPENSSL_malloc(100), SECRET, sizeof(SECRET));
    OPENSSL_free(text.data);
    assert_int_equal(memory.unwiped, 1);
}

/* Failing */

static void
a_failure_stays(void **state)
{
    struct kms_text text = { 0 };
    size_t n;

    (void)state;
    for (n = 1; n <= 3; n++) {
        memory_fail(n);
        kms_text_add(&text, "begin");
        kms_text_add_base64(&text,
                            "0123456789012345678901234567890123456789"
                            "0123456789012345678901234567890123456789",
                            80);
        kms_text_addf(&text, "%0128d", 0);
        assert_true(text.failed);
        memory_fail(0);
        kms_text_add(&text, "more");
        kms_text_add_hex(&text, "more", 4);
        kms_text_set(&text, "again");
        assert_true(text.failed);
        assert_string_equal(kms_text_get(&text), "");
        kms_text_clear(&text);
        assert_int_equal(memory_live(), 0);
        kms_text_add(&text, "as new");
        assert_false(text.failed);
        kms_text_clear(&text);
    }
}

static void
absurd_lengths_fail(void **state)
{
    struct kms_text text = { 0 };

    (void)state;
    kms_text_add_bytes(&text, "x", SIZE_MAX);
    assert_true(text.failed);
    kms_text_clear(&text);
    kms_text_add(&text, "x");
    kms_text_add_bytes(&text, "x", SIZE_MAX - 1);
    assert_true(text.failed);
    kms_text_clear(&text);
    kms_text_add_base64(&text, "x", SIZE_MAX);
    assert_true(text.failed);
    kms_text_clear(&text);
    kms_text_add_base64(&text, "x", SIZE_MAX / 4 * 3);
    assert_true(text.failed);
    kms_text_clear(&text);
    kms_text_add_hex(&text, "x", SIZE_MAX / 2 + 1);
    assert_true(text.failed);
    kms_text_clear(&text);
}

/* Base64 and hexadecimal */

/* RFC 4648, 10, and all digits. */
static const struct {
    const char *octets, *base64;
} vectors[] = {
    { "", "" },
    { "f", "Zg==" },
    { "fo", "Zm8=" },
    { "foo", "Zm9v" },
    { "foob", "Zm9vYg==" },
    { "fooba", "Zm9vYmE=" },
    { "foobar", "Zm9vYmFy" },
    { "\xff\xff\xff\xfb\xef\xbe", "////++++" },
};

static void
base64_as_in_its_rfc(void **state)
{
    struct kms_text text = { 0 };
    unsigned char out[8];
    size_t i, len;

    (void)state;
    for (i = 0; i < COUNT(vectors); i++) {
        len = strlen(vectors[i].octets);
        kms_text_set(&text, "=");
        kms_text_add_base64(&text, vectors[i].octets, len);
        assert_string_equal(kms_text_get(&text) + 1, vectors[i].base64);
        assert_int_equal(text.len, strlen(vectors[i].base64) + 1);
        assert_int_equal(kms_base64_decode(out, len, vectors[i].base64,
                                           strlen(vectors[i].base64)),
                         len);
        assert_memory_equal(out, vectors[i].octets, len);
    }
    kms_text_clear(&text);
}

/* The same digits but for two, and no padding. */
static void
base64_for_urls(void **state)
{
    static const char *const bad[] = { "Z",    "Zg==",  "Zg=",   "Zm9vZ",
                                       "Zm8=", "Zm9+",  "Zm9/",  "Zh",
                                       "Zm9",  "Zv",    "Zm 9",  "Zm9v ",
                                       "Zg\n", "Zm9.",  "====",  "=",
                                       "Z===", "Zg==v", "Zm\xff" };
    unsigned char in[300], out[300];
    struct kms_text text = { 0 };
    size_t i, len;

    (void)state;
    for (i = 0; i < COUNT(bad); i++) {
        if (kms_base64url_decode(out, sizeof(out), bad[i], strlen(bad[i]))
            != -1)
            fail_msg("%s was taken", bad[i]);
    }
    assert_int_equal(kms_base64url_decode(out, sizeof(out), "Zm9\0", 4), -1);
    kms_text_add_base64url(&text, "\xff\xff\xff\xfb\xef\xbe\xff", 7);
    assert_string_equal(kms_text_get(&text), "____----_w");
    for (len = 0; len <= sizeof(in); len++) {
        fill(in, len, (uint32_t)len);
        kms_text_set(&text, "");
        kms_text_add_base64url(&text, in, len);
        assert_int_equal(text.len, (4 * len + 2) / 3);
        assert_int_equal(kms_base64url_decode(out, len, text.data, text.len),
                         len);
        assert_memory_equal(out, in, len);
        if (len > 0)
            assert_int_equal(
                kms_base64url_decode(out, len - 1, text.data, text.len), -1);
    }
    kms_text_clear(&text);
}

static void
base64_comes_back(void **state)
{
    unsigned char in[300], out[300];
    struct kms_text text = { 0 };
    size_t len;

    (void)state;
    for (len = 0; len <= sizeof(in); len++) {
        fill(in, len, (uint32_t)len);
        kms_text_set(&text, "");
        kms_text_add_base64(&text, in, len);
        assert_int_equal(kms_base64_decode(out, len, text.data, text.len), len);
        assert_memory_equal(out, in, len);
        /* With one byte less there is no room. */
        if (len > 0)
            assert_int_equal(
                kms_base64_decode(out, len - 1, text.data, text.len), -1);
    }
    kms_text_clear(&text);
}

static void
bad_base64_is_refused(void **state)
{
    static const char *const bad[] = {
        "Z",         "Zg",         "Zg=",     "Zm8",  /* not whole */
        "=",         "==",         "===",     "====", /* nothing */
        "Z===",      "Zg==Zg==",   "Zg=v",    "=Zm9", /* padding inside */
        "Zh==",      "Zv==",       "Zm9=",    "Zm+=", /* stray bits */
        "Zg==\n",    "Zm9v\n",     "Zm 9",    " Zm9", /* blanks */
        "Zm\n9vYg=", "Zm9v\r\nZg", "Zm9-",    "Zm9_", /* other alphabets */
        "Zm9.",      "Zm9\xff",    "Zm9\x80", "Zm9?", /* no digits */
        "Zm9vZg=",   "Zm9vZg===",
    };
    static const unsigned char zero[16];
    unsigned char out[sizeof(zero)];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++) {
        memset(out, 0x55, sizeof(out));
        if (kms_base64_decode(out, sizeof(out), bad[i], strlen(bad[i])) != -1)
            fail_msg("%s was taken", bad[i]);
        assert_memory_equal(out, zero, sizeof(zero));
    }
    /* NUL is the end of the alphabet as a string, and no digit. */
    assert_int_equal(kms_base64_decode(out, sizeof(out), "Zm9\0", 4), -1);
    assert_int_equal(kms_base64_decode(out, sizeof(out), "Zg\0=", 4), -1);
    assert_int_equal(kms_base64_decode(NULL, 0, "Zg==", 4), -1);
    assert_int_equal(kms_base64_decode(NULL, 0, "", 0), 0);
}

/* Each character of each place is a digit or is not. */
static void
only_digits_are_digits(void **state)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char out[3];
    char text[4];
    size_t place;
    int c;

    (void)state;
    for (place = 0; place < sizeof(text); place++) {
        for (c = 0; c < 256; c++) {
            memcpy(text, "AAAA", sizeof(text));
            text[place] = (char)c;
            if (place == 3 && c == '=')
                continue;
            assert_int_equal(
                kms_base64_decode(out, sizeof(out), text, sizeof(text)),
                memchr(digits, c, 64) != NULL ? 3 : -1);
        }
    }
}

static void
hexadecimal_is_lower_case(void **state)
{
    static const unsigned char octets[] = { 0x00, 0x0f, 0xf0, 0xab, 0xff };
    struct kms_text text = { 0 };

    (void)state;
    kms_text_add_hex(&text, octets, sizeof(octets));
    assert_string_equal(kms_text_get(&text), "000ff0abff");
    kms_text_clear(&text);
}

static void
percent_encoding(void **state)
{
    static const char unreserved[] = "azAZ09-._~";
    struct kms_text text = { 0 };

    (void)state;
    kms_text_add_encoded(&text, unreserved, strlen(unreserved));
    assert_string_equal(kms_text_get(&text), unreserved);
    kms_text_set(&text, "");
    kms_text_add_encoded(&text, "\0 !'()*/%\xff", 10);
    assert_string_equal(kms_text_get(&text), "%00%20%21%27%28%29%2A%2F%25%FF");
    kms_text_clear(&text);
}

/* Characters */

static void
what_is_printable(void **state)
{
    char text[] = "a?b";
    int c;

    (void)state;
    assert_false(kms_is_printable(""));
    assert_true(kms_is_printable("hvs.CAES"));
    for (c = 1; c < 256; c++) {
        text[1] = (char)c;
        assert_int_equal(kms_is_printable(text), c >= 0x20 && c < 0x7f);
        assert_int_equal(kms_is_printable(text + 1), c >= 0x20 && c < 0x7f);
    }
}

static void
tokens_are_stripped(void **state)
{
    static const struct {
        const char *text, *stripped;
        bool is_token;
    } cases[] = {
        { "hvs.CAES", "hvs.CAES", true },
        { "hvs.CAES\n", "hvs.CAES", true },
        { " \t\v\f\r\nhvs.CAES \t\v\f\r\n", "hvs.CAES", true },
        { "!~", "!~", true },
        { "", "", false },
        { "\r\n", "", false },
        { "a b\n", "a b", false },
        { "a\nb", "a\nb", false },
        { "a\r\nX: b", "a\r\nX: b", false },
        { "a\x7f", "a\x7f", false },
        { "\x1b[a", "\x1b[a", false },
        { "\xc3\xa9", "\xc3\xa9", false },
        { "a\x01\n", "a\x01", false },
        { "a\xa0", "a\xa0", false },
    };
    struct kms_text text = { 0 };
    size_t i;

    (void)state;
    assert_false(kms_text_is_token(&text));
    for (i = 0; i < COUNT(cases); i++) {
        kms_text_set(&text, cases[i].text);
        if (kms_text_is_token(&text) != cases[i].is_token)
            fail_msg("case %zu", i);
        assert_string_equal(kms_text_get(&text), cases[i].stripped);
        assert_int_equal(text.len, strlen(cases[i].stripped));
        kms_text_add(&text, "+");
        assert_int_equal(text.len, strlen(cases[i].stripped) + 1);
    }
    kms_text_set(&text, "a");
    kms_text_add_bytes(&text, "\0", 1);
    assert_false(kms_text_is_token(&text));
    kms_text_clear(&text);
}

static void
names_in_any_case(void **state)
{
    (void)state;
    assert_true(kms_same_name("Content-TYPE:", 12, "content-type"));
    assert_true(kms_same_name("ID", 2, "id"));
    assert_true(kms_same_name("", 0, ""));
    assert_false(kms_same_name("dat", 3, "date"));
    assert_false(kms_same_name("dates", 5, "date"));
    assert_false(kms_same_name("d\0te", 4, "date"));
    assert_false(kms_same_name("dat\0", 4, "dat"));
    assert_false(kms_same_name("[", 1, "{"));
    assert_false(kms_same_name("@", 1, "`"));
    assert_int_equal(kms_lower('Z'), 'z');
    assert_int_equal(kms_lower('A'), 'a');
    assert_int_equal(kms_lower('['), '[');
    assert_int_equal(kms_lower('\xc4'), '\xc4');
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_text_is_empty),
        cmocka_unit_test(a_text_set_to_nothing_has_data),
        cmocka_unit_test(text_grows),
        cmocka_unit_test(additions_of_any_length_fit),
        cmocka_unit_test(setting_replaces),
        cmocka_unit_test(a_nul_is_a_byte_as_others),
        cmocka_unit_test(text_is_wiped),
        cmocka_unit_test(a_failure_stays),
        cmocka_unit_test(absurd_lengths_fail),
        cmocka_unit_test(base64_as_in_its_rfc),
        cmocka_unit_test(base64_for_urls),
        cmocka_unit_test(base64_comes_back),
        cmocka_unit_test(bad_base64_is_refused),
        cmocka_unit_test(only_digits_are_digits),
        cmocka_unit_test(hexadecimal_is_lower_case),
        cmocka_unit_test(percent_encoding),
        cmocka_unit_test(what_is_printable),
        cmocka_unit_test(tokens_are_stripped),
        cmocka_unit_test(names_in_any_case),
    };

    memory_install(SECRET);
    return cmocka_run_group_tests_name("kms_text", tests, NULL, NULL);
}
