/* SPDX-License-Identifier: Apache-2.0 */
/* Carriers that break the rules of FORMAT 10, each one of them once. */
#include "test/filter/carrier/carrier.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/header/header.h"
#include "lib/header/labels.h"
#include "lib/header/signatures.h"

/* Tar */

/* A tar that goes well up to here, and is refused. */
static void
refuse_tar(struct bytes *tar, enum envelope_reason reason, const char *word)
{
    refuse(ENVL_TAR, tar, reason, word);
}

static void
tar_headers(void **state)
{
    struct bytes tar;
    unsigned char *block;

    (void)state;
    tar = whole_tar();
    tar.p[2560 + 10] ^= 1; /* of the first piece */
    refuse_tar(&tar, ENVELOPE_R_CARRIER, "2560");
    tar = whole_tar();
    block = tar.p + 2 * BLOCK;
    memset(block + 257, 0, 8);
    fix_checksum(block);
    refuse_tar(&tar, ENVELOPE_R_CARRIER, "ustar");
    tar = whole_tar();
    block = tar.p + 2 * BLOCK;
    memcpy(block + 124, "\x80\0\0\0\0\0\0\0\0\0\2\xbc", 12);
    fix_checksum(block);
    refuse_tar(&tar, ENVELOPE_R_CARRIER, ENVL_NAME_KEY);
}

static void
tar_types(void **state)
{
    static const char types[] = "12346KLSVX7s";
    struct bytes tar = { 0 };
    const char *p;

    (void)state;
    for (p = types; *p != '\0'; p++) {
        put_tar_start(&tar);
        (void)put_tar(&tar, piece_names[0], *p, NULL, 0);
        put_tar_end(&tar);
        refuse_tar(&tar, ENVELOPE_R_CARRIER, piece_names[0]);
    }
    put_tar_start(&tar);
    (void)put_tar(&tar, "other/", '5', NULL, 0);
    refuse_tar(&tar, ENVELOPE_R_CARRIER_MEMBER, "other/");
    put_tar_start(&tar);
    (void)put_tar(&tar, ENVL_NAME_KEY, '5', NULL, 0);
    refuse_tar(&tar, ENVELOPE_R_CARRIER_MEMBER, ENVL_NAME_KEY);
    put_tar_start(&tar);
    (void)put_tar(&tar, "envelope/", '5', stream, 10);
    refuse_tar(&tar, ENVELOPE_R_CARRIER, "envelope/");
}

static void
tar_pax_headers(void **state)
{
    static const char *const harmful[] = {
        "34 path=envelope/payload.00000000\n", "13 size=1234\n",
        "14 linkpath=x\n", "22 GNU.sparse.major=1\n", "13 comment=x"
    };
    struct bytes tar = { 0 }, text;
    unsigned char *block;
    size_t i, at;

    (void)state;
    for (i = 0; i < 2 * COUNT(harmful); i++) {
        text = text_of(harmful[i / 2]);
        put_tar_start(&tar);
        (void)put_tar(&tar, "pax", i % 2 == 0 ? 'x' : 'g', text.p, text.len);
        put_tar_pieces(&tar);
        put_tar_end(&tar);
        refuse_tar(&tar, ENVELOPE_R_CARRIER, "pax");
        drop(&text);
    }
    put_tar_start(&tar);
    at = put_tar(&tar, "pax", 'x', NULL, 0);
    block = tar.p + at;
    memcpy(block + 124, "00000200001", 12); /* 65537 */
    fix_checksum(block);
    refuse_tar(&tar, ENVELOPE_R_CARRIER, "65536");
    /* A long one of one record. */
    text = text_of("65536 c=");
    (void)memset(grow(&text, 65528), 'x', 65527);
    text.p[65535] = '\n';
    put_tar_start(&tar);
    (void)put_tar(&tar, "pax", 'x', text.p, text.len);
    put_tar_pieces(&tar);
    put_tar_end(&tar);
    accept(ENVL_TAR, tar);
    drop(&tar);
    drop(&text);
}

static void
tar_order(void **state)
{
    struct bytes tar = { 0 };

    (void)state;
    put_tar_start(&tar);
    put_tar_piece(&tar, 1);
    refuse_tar(&tar, ENVELOPE_R_CARRIER_MEMBER, piece_names[0]);
    put_tar_start(&tar);
    put_tar_piece(&tar, 0);
    put_tar_piece(&tar, 2);
    refuse_tar(&tar, ENVELOPE_R_CARRIER_MEMBER, piece_names[2]);
    put_tar_start(&tar);
    put_tar_piece(&tar, 0);
    put_tar_piece(&tar, 0);
    refuse_tar(&tar, ENVELOPE_R_CARRIER_MEMBER, piece_names[1]);
    put_tar_start(&tar);
    put_tar_header(&tar);
    refuse_tar(&tar, ENVELOPE_R_CARRIER_MEMBER, ENVL_NAME_HEADER);
    put_tar_start(&tar);
    put_tar_pieces(&tar);
    put_tar_key(&tar);
    refuse_tar(&tar, ENVELOPE_R_CARRIER_MEMBER, ENVL_NAME_KEY);
    put_tar_header(&tar);
    put_tar_pieces(&tar);
    put_tar_end(&tar);
    refuse_tar(&tar, ENVELOPE_R_CARRIER_MEMBER, ENVL_NAME_KEY);
    put_tar_key(&tar);
    put_tar_pieces(&tar);
    put_tar_end(&tar);
    refuse_tar(&tar, ENVELOPE_R_CARRIER_MEMBER, ENVL_NAME_HEADER);
    put_tar_start(&tar);
    put_tar_end(&tar);
    refuse_tar(&tar, ENVELOPE_R_CARRIER_MEMBER, ENVL_NAME_PAYLOAD);
    put_tar_end(&tar);
    refuse_tar(&tar, ENVELOPE_R_CARRIER_MEMBER, ENVL_NAME_HEADER);
}

static void
tar_members(void **state)
{
    static const char *const names[] = { "etc/passwd", ENVL_NAME_PAYLOAD,
                                         "envelope/payload.00000003x",
                                         "././envelope/payload.00000003",
                                         ENVL_NAME_XBCLOUD_1 };
    struct bytes tar = { 0 };
    size_t i, at;

    (void)state;
    for (i = 0; i < COUNT(names); i++) {
        put_tar_start(&tar);
        (void)put_tar(&tar, names[i], '0', stream, 10);
        refuse_tar(&tar, ENVELOPE_R_CARRIER_MEMBER, names[i]);
        put_tar_start(&tar);
        put_tar_pieces(&tar); /* after the last piece */
        (void)put_tar(&tar, names[i], '0', NULL, 0);
        put_tar_end(&tar);
        refuse_tar(&tar, ENVELOPE_R_CARRIER_MEMBER, names[i]);
    }
    put_tar_start(&tar);
    (void)put_tar(&tar, piece_names[0], '0', NULL, 0);
    refuse_tar(&tar, ENVELOPE_R_CARRIER_MEMBER, "empty");
    /* A GNU magic has no prefix, a POSIX one does. */
    put_tar_start(&tar);
    at = put_tar(&tar, "payload.00000000", '0', stream, 10);
    memcpy(tar.p + at + 345, "envelope", 8);
    memcpy(tar.p + at + 257, "ustar  ", 8);
    fix_checksum(tar.p + at);
    refuse_tar(&tar, ENVELOPE_R_CARRIER_MEMBER, "payload.00000000");
}

static void
tar_lengths(void **state)
{
    const size_t header_max =
        ENVL_PRELUDE_LEN + ENVL_LABELS_LEN_MAX + ENVL_SIGNATURES_LEN_MAX;
    unsigned char *data = calloc(1, ENVL_HEADER_LEN_MAX + 1);
    struct bytes tar = { 0 };
    struct reading r;

    (void)state;
    assert_non_null(data);
    (void)put_tar(&tar, ENVL_NAME_HEADER, '0', data, header_max);
    (void)put_tar(&tar, ENVL_NAME_KEY, '0', data, ENVL_HEADER_LEN_MAX);
    put_tar_pieces(&tar);
    put_tar_end(&tar);
    r = read_all(ENVL_TAR, tar, 4096);
    assert_int_equal(r.reason, ENVELOPE_OK);
    assert_int_equal(r.got.len, header_max + ENVL_HEADER_LEN_MAX + PAYLOAD_LEN);
    drop(&r.got);
    drop(&tar);
    (void)put_tar(&tar, ENVL_NAME_HEADER, '0', data, header_max + 1);
    refuse_tar(&tar, ENVELOPE_R_CARRIER, ENVL_NAME_HEADER);
    (void)put_tar(&tar, ENVL_NAME_KEY, '0', data, ENVL_HEADER_LEN_MAX + 1);
    refuse_tar(&tar, ENVELOPE_R_CARRIER, ENVL_NAME_KEY);
    free(data);
}

static void
tar_ends(void **state)
{
    struct bytes tar = { 0 };
    struct reading r;
    char where[80];
    size_t len;

    (void)state;
    tar = whole_tar();
    for (len = 0; len < tar.len;
         len += len % 512 == 511 || len % 512 == 0 ? 1 : 511 - len % 512) {
        struct bytes part = { tar.p, len };

        r = read_all(ENVL_TAR, part, 700);
        if (r.reason != ENVELOPE_R_CARRIER_TRUNCATED)
            print_error("%zu: %d, %s\n", len, (int)r.reason, r.detail);
        assert_int_equal(r.reason, ENVELOPE_R_CARRIER_TRUNCATED);
        assert_true(r.got.len <= STREAM_LEN);
        if (r.got.len > 0)
            assert_memory_equal(r.got.p, stream, r.got.len);
        drop(&r.got);
    }
    drop(&tar);
    put_tar_start(&tar);
    put_tar_pieces(&tar);
    (void)snprintf(where, sizeof(where), "a zero block at byte %zu is followed",
                   tar.len);
    (void)grow(&tar, BLOCK); /* one zero block, then a member */
    (void)put_tar(&tar, "envelope/payload.00000003", '0', stream, 10);
    put_tar_end(&tar);
    refuse_tar(&tar, ENVELOPE_R_CARRIER, where);
    tar = whole_tar();
    *grow(&tar, 1) = 1;
    refuse_tar(&tar, ENVELOPE_R_CARRIER, "follows the end");
    tar = whole_tar();
    tar.p[tar.len - 1] = 1;
    refuse_tar(&tar, ENVELOPE_R_CARRIER, "zero block");
    tar = whole_tar();
    (void)grow(&tar, 5000);
    tar.p[tar.len - 1] = 1;
    refuse_tar(&tar, ENVELOPE_R_CARRIER, "follows the end");
    tar = whole_tar();
    tar.p[2 * BLOCK - 1] = 1; /* padding of the header */
    refuse_tar(&tar, ENVELOPE_R_CARRIER, ENVL_NAME_HEADER);
    tar = whole_tar();
    tar.p[tar.len - 2 * BLOCK - 1] = 1; /* of the last piece */
    refuse_tar(&tar, ENVELOPE_R_CARRIER, piece_names[2]);
}

static void
zeros_behind_the_end(void **state)
{
    struct bytes archives[2] = { whole_tar(), whole_xb() };
    static const enum envl_carrier kinds[2] = { ENVL_TAR, ENVL_XBSTREAM };
    struct reading r;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(archives); i++) {
        (void)grow(&archives[i], ENVL_TRAILING_LEN_MAX);
        r = read_all(kinds[i], archives[i], 1048576);
        assert_int_equal(r.reason, ENVELOPE_OK);
        drop(&r.got);
        (void)grow(&archives[i], 1);
        r = read_all(kinds[i], archives[i], 1048576);
        assert_int_equal(r.reason, ENVELOPE_R_CARRIER);
        drop(&r.got);
        drop(&archives[i]);
    }
}

/* Xbstream */

static void
refuse_xb(struct bytes *xb, enum envelope_reason reason, const char *word)
{
    refuse(ENVL_XBSTREAM, xb, reason, word);
}

static void
xbstream_headers(void **state)
{
    struct bytes xb = { 0 };
    char path[ENVL_MEMBER_NAME_MAX + 2];
    size_t at;

    (void)state;
    put_xb_start(&xb);
    at = put_xb_payload(&xb, 0, 100);
    xb.p[at] = 'Y';
    refuse_xb(&xb, ENVELOPE_R_CARRIER, "XBSTCK01");
    put_xb_start(&xb);
    at = put_xb_payload(&xb, 0, 100);
    xb.p[at + 8] = 1;
    refuse_xb(&xb, ENVELOPE_R_CARRIER, "flags 0x01");
    put_xb_start(&xb);
    at = put_xb_payload(&xb, 0, 100);
    xb.p[at + 9] = 'S';
    refuse_xb(&xb, ENVELOPE_R_CARRIER, "type 0x53");
    put_xb_start(&xb);
    (void)put_chunk(&xb, 'P', "", 0, stream, 10);
    refuse_xb(&xb, ENVELOPE_R_CARRIER, "path of 0 bytes");
    memset(path, 'p', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    put_xb_start(&xb);
    put_end(&xb, path);
    refuse_xb(&xb, ENVELOPE_R_CARRIER, "512");
    path[sizeof(path) - 2] = '\0';
    put_xb_start(&xb);
    put_end(&xb, path);
    refuse_xb(&xb, ENVELOPE_R_CARRIER_MEMBER, "ppp");
    put_xb_start(&xb);
    at = put_xb_payload(&xb, 0, 100);
    xb.p[at + 14 + 8] = '\0'; /* in its path */
    refuse_xb(&xb, ENVELOPE_R_CARRIER_MEMBER, "NUL");
    put_xb_start(&xb);
    at = put_xb_payload(&xb, 0, 100);
    memcpy(xb.p + at + 14 + 16, "\1\0\0\4\0\0\0\0", 8); /* 64 MiB and 1 */
    refuse_xb(&xb, ENVELOPE_R_CARRIER, "67108865");
    put_xb_start(&xb);
    at = put_xb_payload(&xb, 0, 100);
    memset(xb.p + at + 14 + 16, 0xff, 8);
    refuse_xb(&xb, ENVELOPE_R_CARRIER, ENVL_NAME_PAYLOAD);
}

/* The stream goes no farther than the chunk whose CRC is wrong. */
static void
xbstream_crcs(void **state)
{
    struct bytes xb;
    struct reading r;
    size_t at;

    (void)state;
    xb = whole_xb();
    xb.p[14 + 15 + 19] ^= 1; /* of the header */
    refuse_xb(&xb, ENVELOPE_R_CARRIER, ENVL_NAME_HEADER);
    put_xb_start(&xb);
    at = put_xb_payload(&xb, 0, 1000);
    xb.p[at + 14 + 16 + 16] ^= 0x80; /* the CRC, not the data */
    (void)put_xb_payload(&xb, 1000, 3000);
    put_end(&xb, ENVL_NAME_PAYLOAD);
    r = read_all(ENVL_XBSTREAM, xb, 100);
    assert_int_equal(r.got.len, HEADER_LEN + KEY_LEN + 1000);
    drop(&r.got);
    refuse_xb(&xb, ENVELOPE_R_CARRIER, "CRC");
    put_xb_start(&xb);
    at = put_xb_payload(&xb, 0, 0);
    xb.p[at + 14 + 16 + 16] ^= 1;
    refuse_xb(&xb, ENVELOPE_R_CARRIER, "CRC");
}

static void
xbstream_order(void **state)
{
    struct bytes xb = { 0 };

    (void)state;
    put_xb_start(&xb);
    (void)put_xb_payload(&xb, 1000, 1000); /* a gap */
    refuse_xb(&xb, ENVELOPE_R_CARRIER_MEMBER, "1000");
    put_xb_start(&xb);
    (void)put_xb_payload(&xb, 0, 1000);
    (void)put_xb_payload(&xb, 0, 1000); /* a repeat */
    refuse_xb(&xb, ENVELOPE_R_CARRIER_MEMBER, ENVL_NAME_PAYLOAD);
    put_xb_start(&xb);
    (void)put_xb_payload(&xb, 0, 1000);
    (void)put_xb_payload(&xb, 999, 1000); /* an overlap */
    refuse_xb(&xb, ENVELOPE_R_CARRIER_MEMBER, "999");
    put_xb_start(&xb);
    (void)put_xb_payload(&xb, 0, 1000);
    (void)put_xb_payload(&xb, 2000, 1000);
    (void)put_xb_payload(&xb, 1000, 1000); /* the wrong order */
    refuse_xb(&xb, ENVELOPE_R_CARRIER_MEMBER, "2000");
    put_xb_start(&xb);
    (void)put_chunk(&xb, 'P', ENVL_NAME_KEY, KEY_LEN, stream, 10);
    refuse_xb(&xb, ENVELOPE_R_CARRIER_MEMBER, ENVL_NAME_KEY);
    put_xb_start(&xb);
    put_end(&xb, ENVL_NAME_HEADER); /* ends twice */
    refuse_xb(&xb, ENVELOPE_R_CARRIER_MEMBER, ENVL_NAME_HEADER);
    put_xb_start(&xb);
    put_xb_pieces(&xb);
    put_end(&xb, ENVL_NAME_PAYLOAD);
    refuse_xb(&xb, ENVELOPE_R_CARRIER_MEMBER, ENVL_NAME_PAYLOAD);
    put_xb_start(&xb);
    put_xb_pieces(&xb);
    (void)put_chunk(&xb, 'P', ENVL_NAME_PAYLOAD, PAYLOAD_LEN, stream, 10);
    refuse_xb(&xb, ENVELOPE_R_CARRIER_MEMBER, ENVL_NAME_PAYLOAD);
    put_xb_header(&xb);
    put_xb_pieces(&xb);
    refuse_xb(&xb, ENVELOPE_R_CARRIER_MEMBER, ENVL_NAME_KEY);
    put_xb_key(&xb);
    put_xb_pieces(&xb);
    refuse_xb(&xb, ENVELOPE_R_CARRIER_MEMBER, ENVL_NAME_HEADER);
    put_xb_start(&xb);
    refuse_xb(&xb, ENVELOPE_R_CARRIER_MEMBER, ENVL_NAME_PAYLOAD);
}

static void
xbstream_members(void **state)
{
    static const char *const names[] = { "ibdata1", "envelope/",
                                         "envelope/payload.00000000",
                                         "./xtrabackup_info" };
    struct bytes xb = { 0 };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(names); i++) {
        put_xb_start(&xb);
        (void)put_chunk(&xb, 'P', names[i], 0, stream, 10);
        refuse_xb(&xb, ENVELOPE_R_CARRIER_MEMBER, names[i]);
        put_xb_start(&xb);
        put_xb_pieces(&xb); /* after the last piece */
        put_end(&xb, names[i]);
        refuse_xb(&xb, ENVELOPE_R_CARRIER_MEMBER, names[i]);
    }
    put_xb_start(&xb);
    (void)put_chunk(&xb, 'P', ENVL_NAME_XBCLOUD_1, 0, stream, 1);
    refuse_xb(&xb, ENVELOPE_R_CARRIER_MEMBER, ENVL_NAME_XBCLOUD_1);
}

static void
xbstream_lengths(void **state)
{
    const size_t header_max =
        ENVL_PRELUDE_LEN + ENVL_LABELS_LEN_MAX + ENVL_SIGNATURES_LEN_MAX;
    unsigned char *data = calloc(1, ENVL_HEADER_LEN_MAX + 1);
    struct bytes xb = { 0 };

    (void)state;
    assert_non_null(data);
    (void)put_chunk(&xb, 'P', ENVL_NAME_HEADER, 0, data, header_max + 1);
    refuse_xb(&xb, ENVELOPE_R_CARRIER, ENVL_NAME_HEADER);
    (void)put_chunk(&xb, 'P', ENVL_NAME_KEY, 0, data, ENVL_HEADER_LEN_MAX);
    (void)put_chunk(&xb, 'P', ENVL_NAME_KEY, ENVL_HEADER_LEN_MAX, data, 1);
    refuse_xb(&xb, ENVELOPE_R_CARRIER, ENVL_NAME_KEY);
    free(data);
}

static void
xbstream_ends(void **state)
{
    struct bytes xb = whole_xb();
    struct reading r;
    size_t len;

    (void)state;
    for (len = 0; len < xb.len; len++) {
        struct bytes part = { xb.p, len };
        bool between;

        r = read_all(ENVL_XBSTREAM, part, 700);
        /* Between chunks a member is missing, or has no end. */
        between = r.reason == ENVELOPE_R_CARRIER_MEMBER
                  && strstr(r.detail, "is missing") != NULL;
        assert_true(between || r.reason == ENVELOPE_R_CARRIER_TRUNCATED);
        if (r.got.len > 0)
            assert_memory_equal(r.got.p, stream, r.got.len);
        drop(&r.got);
    }
    *grow(&xb, 1) = 1;
    refuse_xb(&xb, ENVELOPE_R_CARRIER_TRUNCATED, "");
    xb = whole_xb();
    (void)grow(&xb, 100);
    xb.p[xb.len - 1] = 1;
    refuse_xb(&xb, ENVELOPE_R_CARRIER, "follows the end");
    put_xb_start(&xb); /* zeros in the middle */
    (void)grow(&xb, 14);
    put_xb_pieces(&xb);
    refuse_xb(&xb, ENVELOPE_R_CARRIER, "");
}

static int
setup(void **state)
{
    (void)state;
    make_stream();
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tar_headers),
        cmocka_unit_test(tar_types),
        cmocka_unit_test(tar_pax_headers),
        cmocka_unit_test(tar_order),
        cmocka_unit_test(tar_members),
        cmocka_unit_test(tar_lengths),
        cmocka_unit_test(tar_ends),
        cmocka_unit_test(zeros_behind_the_end),
        cmocka_unit_test(xbstream_headers),
        cmocka_unit_test(xbstream_crcs),
        cmocka_unit_test(xbstream_order),
        cmocka_unit_test(xbstream_members),
        cmocka_unit_test(xbstream_lengths),
        cmocka_unit_test(xbstream_ends),
    };

    return cmocka_run_group_tests_name("carrier refused", tests, setup, NULL);
}
