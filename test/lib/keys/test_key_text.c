/* SPDX-License-Identifier: Apache-2.0 */
/* Files of keys: what is counted in good ones, and where bad ones are bad. */
#include "lib/keys/key_text.h"

#include "test/support/support.h"

#include <stdio.h>

#include <openssl/err.h>

#define BEGIN "-----BEGIN PUBLIC KEY-----\n"
#define BODY "MAQwAgUA\n" /* a SEQUENCE in a SEQUENCE */
#define END "-----END PUBLIC KEY-----\n"
#define BLOCK BEGIN BODY END
#define BLOB "AAAAB3NzaC1yc2EAAAADAQAB"
#define SSH "ssh-rsa " BLOB " ops@host\n"

/* The shortest that X25519 begins with: a SEQUENCE in a SEQUENCE. */
#define DER "\x30\x04\x30\x02\x05\x00"

#define TEXT(literal) literal, sizeof(literal) - 1

static enum envelope_reason
check(struct envl_key_text *text, const char *data, size_t len,
      struct envl_err *err)
{
    unsigned char copy[512];
    const struct envl_octets octets = { copy, len };

    assert_true(len <= sizeof(copy));
    memcpy(copy, data, len);
    return envl_key_text_check(text, &octets, "ops.pub", err);
}

static void
keys_are_counted(void **state)
{
    static const struct {
        const char *data;
        size_t len, objects;
        bool is_openssh;
    } good[] = {
        { TEXT(""), 0, false },
        { TEXT("\n\n"), 0, false },
        { TEXT("  "), 0, false },
        { TEXT("no key at all\n"), 0, false },
        { TEXT("a NUL byte \0 and no key"), 0, false },
        { TEXT(BLOCK), 1, false },
        { TEXT(BLOCK BLOCK), 2, false },
        { TEXT("ours:\n" BLOCK "\n# and theirs\n" BLOCK "the end"), 2, false },
        { TEXT("\xef\xbb\xbf" BLOCK), 1, false },
        { TEXT("-----BEGIN A-----\r\nMAA=\r\n-----END A-----\r\n"), 1, false },
        { TEXT("-----BEGIN A----- \nMAA=\n-----END A-----\t \n"), 1, false },
        { TEXT("-----BEGIN A-----\nMAA=\n-----END A-----"), 1, false },
        { TEXT("the BEGIN of it, and the END of it\n" BLOCK), 1, false },
        { TEXT("the front-end of - it, -- ending\n" BLOCK), 1, false },
        { TEXT("-----BEGIN EC PARAMETERS-----\nBQA=\n"
               "-----END EC PARAMETERS-----\n" BLOCK),
          2, false },
        { TEXT("-----BEGIN TRUSTED CERTIFICATE-----\nMAAwAA==\n"
               "-----END TRUSTED CERTIFICATE-----\n"),
          1, false },
        { TEXT("# " BLOB "\n" BLOCK), 1, false },
        { TEXT(SSH), 0, true },
        { TEXT(SSH "\n# old\n" SSH), 0, true },
        { TEXT("-----BEGIN OPENSSH PRIVATE KEY-----\nAA==\n"
               "-----END OPENSSH PRIVATE KEY-----\n"),
          1, true },
        { TEXT(DER), 1, false },
        { TEXT(DER DER DER), 3, false },
        { TEXT("\x30\x80\x02\x01\x03 and so on"), 1, false },
        { TEXT("\x31\x00"), 0, false }, /* a SET */
        { TEXT("0x0123 is text, although '0' is the tag of a SEQUENCE\n" BLOCK),
          1, false },
    };
    struct envl_key_text text;
    struct envl_err err;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(good); i++) {
        if (check(&text, good[i].data, good[i].len, &err) != ENVELOPE_OK)
            fail_msg("row %zu: %s", i, err.detail);
        if (text.objects != good[i].objects
            || text.is_openssh != good[i].is_openssh)
            fail_msg("row %zu: %zu objects%s", i, text.objects,
                     text.is_openssh ? ", OpenSSH" : "");
        if (ERR_peek_error() != 0)
            fail_msg("row %zu: a record of libcrypto is left", i);
    }
}

static void
lines_are_named(void **state)
{
    static const struct {
        const char *data;
        size_t len, line; /* line 0: none is named */
        const char *word;
    } bad[] = {
        { TEXT("  " BLOCK), 1, "stand alone" },
        { TEXT("\t" BLOCK), 1, "stand alone" },
        { TEXT("> " BEGIN "> " BODY "> " END BLOCK), 1, "stand alone" },
        { TEXT("\nkey: " BLOCK), 2, "stand alone" },
        { TEXT("-----BEGIN A----- #\nMAA=\n-----END A-----\n"), 1,
          "stand alone" },
        { TEXT("-----BEGIN A-B-----\nMAA=\n-----END A-B-----\n"), 1,
          "stand alone" },
        { TEXT(BLOCK BODY END), 5, "stand alone" },
        { TEXT("-----BEGIN A----\n" BLOCK), 1, "stand alone" },
        { TEXT("-----BEGIN -----\n" BLOCK), 1, "stand alone" },
        { TEXT("----- BEGIN A -----\n" BLOCK), 1, "stand alone" },
        { TEXT("---- BEGIN SSH2 PUBLIC KEY ----\n" BLOCK), 1, "stand alone" },
        { TEXT("--BEGIN A--\n" BLOCK), 1, "stand alone" },
        { TEXT("-----begin public key-----\n" BLOCK), 1, "stand alone" },
        { TEXT("\xe2\x80\x94\xe2\x80\x94"
               "BEGIN A\n" BLOCK),
          1, "stand alone" },
        { TEXT(BLOCK BEGIN BODY), 4, "no end line" },
        { TEXT(BEGIN BODY BLOCK), 1, "no end line" },
        { TEXT(BEGIN BODY "-----END PRIVATE KEY-----\n"), 1, "no end line" },
        { TEXT(BEGIN BODY "-----END PUBLIC KEY-----" BLOCK), 1, "no end line" },
        { TEXT(BEGIN BODY " " END), 1, "no end line" },
        { TEXT(BEGIN "M\0" BODY END), 2, "NUL byte" },
        { TEXT(BEGIN "M\r" BODY END), 2, "carriage return" },
        { TEXT(BLOCK "\0\n" BLOCK), 4, "NUL byte" },
        { TEXT("a\rb\n" BLOCK), 1, "carriage return" },
        { TEXT(BLOCK "\0" BLOCK), 4, "stand alone" },
        { TEXT(BLOCK "\r" BLOCK), 4, "stand alone" },
        { TEXT("\n" SSH "\0\n"), 3, "NUL byte" },
        { TEXT(BLOCK "key=" BLOB "\n"), 4, "OpenSSH key" },
        { TEXT("\xff\xfe-\0-\0"), 0, "UTF-16" },
        { TEXT("\xfe\xff\0-\0-"), 0, "UTF-16" },
        { TEXT(DER "\0"), 0, "begins like DER" },
        { TEXT(DER DER "\n" BLOCK), 0, "begins like DER" },
        { TEXT(DER "\x30\x10\x05"), 0, "begins like DER" },
        /* Two values, a value and a byte, half a value, no base64 */
        { TEXT(BLOCK BEGIN "MAAwAA==\n" END), 4, "another one in it" },
        { TEXT(BEGIN "MAAA\n" END), 1, "another one in it" },
        { TEXT(BEGIN "MAQw\n" END), 1, "another one in it" },
        { TEXT(BEGIN "M!!!\n" END), 1, "damaged" },
        { TEXT("-----BEGIN\tPUBLIC KEY-----\n" BLOCK), 1, "stand alone" },
        { TEXT("-----BEGIN\xc2\xa0PUBLIC KEY-----\n" BLOCK), 1, "stand alone" },
        { TEXT("-----  BEGIN PUBLIC KEY-----\n" BLOCK), 1, "stand alone" },
        { TEXT("-BEGIN PUBLIC KEY-\n" BLOCK), 1, "stand alone" },
        { TEXT(BLOCK "MCowBQYDK2VuAyEAMCowBQYDK2VuAyEAMCowBQYDK2Vu\n"), 4,
          "base64 without" },
        { TEXT(BLOCK "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zm\n"), 4,
          "base64 without" },
    };
    struct envl_key_text text;
    struct envl_err err;
    char where[32];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++) {
        (void)snprintf(where, sizeof(where),
                       bad[i].line > 0 ? "ops.pub, line %zu: " : "ops.pub",
                       bad[i].line);
        if (check(&text, bad[i].data, bad[i].len, &err)
            != ENVELOPE_R_UNREADABLE_KEY)
            fail_msg("row %zu is taken", i);
        if (strncmp(err.detail, where, strlen(where)) != 0
            || strstr(err.detail, bad[i].word) == NULL)
            fail_msg("row %zu: %s", i, err.detail);
    }
}

/* Once a block has begun it is good as a whole only, with or without the last
 * line feed. */
static void
a_cut_block_is_refused(void **state)
{
    static const char block[] = BLOCK;
    const size_t mark = sizeof("-----BEGIN P") - 1;
    struct envl_key_text text;
    struct envl_err err;
    size_t len;

    (void)state;
    for (len = mark; len < sizeof(block) - 2; len++)
        assert_int_equal(check(&text, block, len, &err),
                         ENVELOPE_R_UNREADABLE_KEY);
    assert_int_equal(check(&text, block, len, &err), ENVELOPE_OK);
    assert_int_equal(text.objects, 1);
}

static void
blobs_are_seen(void **state)
{
    static const struct {
        const char *text;
        bool has;
    } rows[] = {
        { "", false },
        { "AAAA", false },
        { "AAAAB3NzaC1", false },
        { "AAAAB3NzaC1y", true },
        { "comment AAAAB3NzaC1y", true },
        { "commentAAAAB3NzaC1y", true },
        { "AAAAB3 NzaC1y", false },
        { "AAAA-AAAAB3NzaC1y", true },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(rows); i++)
        assert_int_equal(
            envl_key_text_has_blob((const unsigned char *)rows[i].text,
                                   strlen(rows[i].text)),
            rows[i].has);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_counted),
        cmocka_unit_test(lines_are_named),
        cmocka_unit_test(a_cut_block_is_refused),
        cmocka_unit_test(blobs_are_seen),
    };

    return cmocka_run_group_tests_name("key text", tests, NULL, NULL);
}
