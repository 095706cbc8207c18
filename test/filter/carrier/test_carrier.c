/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carriers: fields and names one by one, what is built reads back at any cut,
 * and so does what other tools make of it.
 */
#include "filter/carrier/reader.h"

#include "test/filter/carrier/carrier.h"

#include <stdio.h>
#include <stdlib.h>

#include "filter/carrier/pax.h"
#include "filter/carrier/writer.h"
#include "lib/header/header.h"

/* Fields */

static void
tar_blocks(void **state)
{
    static const uint64_t sizes[] = { 0, 1, 511, 512, 8388608, 8589934591 };
    struct envl_tar_header header;
    unsigned char block[512];
    struct envl_err err;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(sizes); i++) {
        envl_tar_build(block, piece_names[1], sizes[i], 1700000000);
        assert_int_equal(envl_tar_parse(&header, block, 0, &err), ENVELOPE_OK);
        assert_string_equal(header.name, piece_names[1]);
        assert_int_equal(header.type, '0');
        assert_int_equal(header.size, sizes[i]);
        assert_int_equal((sizes[i] + envl_tar_padding(sizes[i])) % 512, 0);
        assert_in_range(envl_tar_padding(sizes[i]), 0, 511);
    }
    assert_memory_equal(block + 100,
                        "0000644\0"
                        "0000000\0"
                        "0000000\0",
                        24);
    assert_memory_equal(block + 136, "14524770400", 12);
    assert_memory_equal(block + 257,
                        "ustar\0"
                        "00",
                        8);
    assert_int_equal(block[154], 0);
    assert_int_equal(block[155], ' ');
}

/* Any byte that is altered shows, the checksum's own ones included. */
static void
tar_checksums(void **state)
{
    struct envl_tar_header header;
    unsigned char block[512];
    struct envl_err err;
    size_t i;

    (void)state;
    envl_tar_build(block, ENVL_NAME_KEY, 700, 1700000000);
    for (i = 0; i < sizeof(block); i++) {
        if (i == 154 || i == 155) /* what ends the number */
            continue;
        block[i] ^= 1;
        assert_int_equal(envl_tar_parse(&header, block, 5120, &err),
                         ENVELOPE_R_CARRIER);
        assert_non_null(strstr(err.detail, "5120"));
        block[i] ^= 1;
    }
    assert_int_equal(envl_tar_parse(&header, block, 0, &err), ENVELOPE_OK);
}

static enum envelope_reason
parse_with(size_t at, const char *bytes, size_t len,
           struct envl_tar_header *header)
{
    unsigned char block[512];
    struct envl_err err;

    envl_tar_build(block, ENVL_NAME_KEY, 700, 1700000000);
    memcpy(block + at, bytes, len);
    fix_checksum(block);
    return envl_tar_parse(header, block, 0, &err);
}

static void
tar_fields(void **state)
{
    static const char *const good[] = { "00000001274\0", "       1274\0",
                                        "       1274 ", "000000001274",
                                        "1274\0\0\0\0\0\0\0\0" };
    static const char *const bad[] = {
        "\0\0\0\0\0\0\0\0\0\0\0\0", "            ",
        "1278\0\0\0\0\0\0\0\0",     "-1274\0\0\0\0\0\0\0",
        "12x4\0\0\0\0\0\0\0\0",     "\x80\0\0\0\0\0\0\0\0\0\2\xbc"
    };
    struct envl_tar_header header;
    char name[101];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(good); i++) {
        assert_int_equal(parse_with(124, good[i], 12, &header), ENVELOPE_OK);
        assert_int_equal(header.size, 700);
    }
    for (i = 0; i < COUNT(bad); i++)
        assert_int_equal(parse_with(124, bad[i], 12, &header),
                         ENVELOPE_R_CARRIER);
    assert_int_equal(parse_with(257, "ustar  ", 8, &header), ENVELOPE_OK);
    assert_int_equal(parse_with(257, "\0\0\0\0\0\0\0", 8, &header),
                     ENVELOPE_R_CARRIER);
    assert_int_equal(parse_with(257,
                                "ustar\0"
                                "01",
                                8, &header),
                     ENVELOPE_R_CARRIER);
    /* Names that fill their field; prefixes. */
    memset(name, 'n', 100);
    assert_int_equal(parse_with(0, name, 100, &header), ENVELOPE_OK);
    assert_int_equal(strlen(header.name), 100);
    assert_int_equal(parse_with(345, "a/b", 4, &header), ENVELOPE_OK);
    assert_string_equal(header.name, "a/b/" ENVL_NAME_KEY);
}

static void
pax_headers(void **state)
{
    static const struct {
        const char *text;
        bool harmless;
    } cases[] = {
        { "", true },
        { "30 mtime=1700000000.123456789\n", true },
        { "13 comment=x\n", true },
        { "13 comment=x\n30 mtime=1700000000.123456789\n", true },
        { "13 mypath=ab\n", true },
        { "15 xsize=12345\n", true },
        { "8 path=\n", false },
        { "10 path=a\n", false },
        { "13 size=1234\n", false },
        { "15 linkpath=ab\n", false },
        { "22 GNU.sparse.major=1\n", false },
        { "13 comment=x\n10 path=a\n", false },
        { "13 comment=x\n30 path=a/longer/name/of/it/x\n", false },
        { "13 comment=x\n17 mtime=1234567\n", true },
        { "13 comment=x", false },
        { "14 comment=x\n", false },
        { "12 comment=x\n", false },
        { "13comment=x\n\n", false },
        { " 13 comment=\n", false },
        { "0 \n", false },
        { "1 \n", false },
        { "2 \n", false },
        { "99999999999999999999999 x=y\n", false },
        { "18446744073709551629 x=y\n", false },
        { "13 comment=x\n\n", false },
        { "-3 x\n", false },
        { "13", false },
        { "13 ", false },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        struct bytes text = text_of(cases[i].text);
        unsigned char *exact = malloc(text.len > 0 ? text.len : 1);
        bool harmless;

        assert_non_null(exact);
        memcpy(exact, text.p, text.len);
        harmless = envl_pax_is_harmless((const char *)exact, text.len);
        if (harmless != cases[i].harmless) {
            print_error("%s", cases[i].text);
            fail();
        }
        free(exact);
        drop(&text);
    }
}

static void
xbstream_chunks(void **state)
{
    struct envl_xb_header made = { .path = ENVL_NAME_PAYLOAD,
                                   .type = ENVL_XB_PAYLOAD,
                                   .len = 0x123456,
                                   .offset = 0x1122334455667788,
                                   .crc = 0x89abcdef },
                          header;
    unsigned char bytes[ENVL_XB_HEADER_LEN_MAX], *exact;
    size_t len = envl_xb_build(bytes, &made), n, want;
    struct envl_err err;

    (void)state;
    assert_int_equal(len, envl_xb_header_len(ENVL_XB_PAYLOAD, made.path));
    assert_int_equal(len, 14 + 16 + 20);
    assert_memory_equal(bytes,
                        "XBSTCK01\0P\x10\0\0\0envelope/payload"
                        "\x56\x34\x12\0\0\0\0\0"
                        "\x88\x77\x66\x55\x44\x33\x22\x11"
                        "\xef\xcd\xab\x89",
                        50);
    for (n = 0; n <= len; n++) {
        exact = malloc(n > 0 ? n : 1);
        assert_non_null(exact);
        memcpy(exact, bytes, n);
        assert_int_equal(envl_xb_parse(&header, exact, n, 0, &want, &err),
                         ENVELOPE_OK);
        assert_true(n == len ? want == len : want > n && want <= len);
        free(exact);
    }
    assert_string_equal(header.path, made.path);
    assert_int_equal(header.type, made.type);
    assert_int_equal(header.len, made.len);
    assert_int_equal(header.offset, made.offset);
    assert_int_equal(header.crc, made.crc);
    made.type = ENVL_XB_END;
    assert_int_equal(envl_xb_build(bytes, &made), 14 + 16);
    /* Of the check value of CRC-32, in two parts. */
    n = envl_xb_crc(0, (const unsigned char *)"12345", 5);
    assert_int_equal(envl_xb_crc((uint32_t)n, (const unsigned char *)"6789", 4),
                     0xcbf43926);
}

static void
names(void **state)
{
    static const char *const foreign[] = { "etc/passwd",
                                           "envelope",
                                           "envelope/",
                                           "envelope/header/",
                                           "/envelope/header",
                                           "././envelope/header",
                                           "envelope/payload.0000000",
                                           "envelope/payload.000000000",
                                           "envelope/payload.0000000x",
                                           "envelope/Header",
                                           "envelope/key.p7",
                                           "envelope/header ",
                                           "xtrabackup_info.envelope.lz4",
                                           "../envelope/header" };
    uint64_t piece = 0;
    char name[60];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(foreign); i++) {
        assert_int_equal(envl_member_of_xbstream(foreign[i]),
                         ENVL_MEMBER_FOREIGN);
        assert_int_equal(envl_member_of_tar(foreign[i], &piece),
                         strcmp(foreign[i], "envelope/") == 0
                             ? ENVL_MEMBER_IGNORED
                             : ENVL_MEMBER_FOREIGN);
    }
    assert_int_equal(envl_member_of_tar("./", &piece), ENVL_MEMBER_IGNORED);
    assert_int_equal(envl_member_of_tar("./envelope/", &piece),
                     ENVL_MEMBER_IGNORED);
    assert_int_equal(envl_member_of_tar(ENVL_NAME_PAYLOAD, &piece),
                     ENVL_MEMBER_FOREIGN);
    assert_int_equal(envl_member_of_xbstream(piece_names[0]),
                     ENVL_MEMBER_FOREIGN);
    assert_int_equal(envl_member_of_tar("./envelope/payload.12345678", &piece),
                     ENVL_MEMBER_PAYLOAD);
    assert_int_equal(piece, 12345678);
    assert_int_equal(envl_member_of_xbstream("./envelope/payload"),
                     ENVL_MEMBER_PAYLOAD);
    assert_int_equal(envl_member_of_xbstream(ENVL_NAME_XBCLOUD_2),
                     ENVL_MEMBER_IGNORED);
    envl_member_tar_name(name, sizeof(name), ENVL_MEMBER_PAYLOAD, 99999999);
    assert_string_equal(name, "envelope/payload.99999999");
    envl_member_tar_name(name, sizeof(name), ENVL_MEMBER_KEY, 7);
    assert_string_equal(name, ENVL_NAME_KEY);
}

/* What is built */

/* Lay down a member with its frame. */
static void
frame(struct envl_carrier_writer *writer, struct bytes *to,
      enum envl_member member, const unsigned char *data, size_t len)
{
    size_t lead = envl_carrier_writer_lead(writer, member), tail;
    unsigned char *room = malloc(lead + len + ENVL_FRAME_TAIL_MAX);

    assert_non_null(room);
    assert_true(lead <= ENVL_FRAME_LEAD_MAX);
    memcpy(room + lead, data, len);
    tail = envl_carrier_writer_frame(writer, member, room + lead, len);
    assert_true(tail <= ENVL_FRAME_TAIL_MAX);
    put(to, room, lead + len + tail);
    free(room);
}

static void
what_is_built_reads_back(void **state)
{
    static const size_t pieces[] = { 512, 1536, 4000, 8192 };
    static const enum envl_carrier kinds[] = { ENVL_RAW, ENVL_TAR,
                                               ENVL_XBSTREAM };
    unsigned char end[ENVL_FRAME_END_MAX];
    const unsigned char *payload = stream + HEADER_LEN + KEY_LEN;
    struct reading r;
    size_t i, at, n, run;

    (void)state;
    for (run = 0; run < COUNT(pieces) * COUNT(kinds) * 2; run++) {
        struct envl_carrier_writer writer = { .kind = kinds[run % 3],
                                              .xbcloud = run % 2 == 0,
                                              .mtime = 1700000000 };
        size_t piece_len = pieces[run / 6];
        struct bytes archive = { 0 };

        frame(&writer, &archive, ENVL_MEMBER_HEADER, stream, HEADER_LEN);
        frame(&writer, &archive, ENVL_MEMBER_KEY, stream + HEADER_LEN, KEY_LEN);
        at = archive.len;
        for (i = 0; i < PAYLOAD_LEN; i += n) {
            n = PAYLOAD_LEN - i < piece_len ? PAYLOAD_LEN - i : piece_len;
            assert_true(envl_carrier_writer_can_go_on(&writer));
            frame(&writer, &archive, ENVL_MEMBER_PAYLOAD, payload + i, n);
        }
        put(&archive, end, envl_carrier_writer_end(&writer, end));
        assert_int_equal(writer.written, archive.len);
        if (writer.kind == ENVL_TAR)
            assert_int_equal(archive.len % 10240, 0);
        accept(writer.kind, archive);
        r = read_all(writer.kind, archive, 1000);
        assert_true(r.has_map);
        assert_int_equal(r.map.kind, writer.kind);
        assert_int_equal(r.map.header_len, HEADER_LEN + KEY_LEN);
        assert_int_equal(r.map.first_at, at);
        if (writer.kind != ENVL_RAW) {
            assert_int_equal(r.map.lead_len,
                             writer.kind == ENVL_TAR ? 512 : 50);
            assert_int_equal(r.map.piece_len,
                             piece_len < PAYLOAD_LEN ? piece_len : PAYLOAD_LEN);
        }
        drop(&r.got);
        drop(&archive);
    }
}

static void
a_tar_has_so_many_pieces(void **state)
{
    struct envl_carrier_writer writer = { .kind = ENVL_TAR,
                                          .pieces = ENVL_PIECE_COUNT_MAX - 1 };

    (void)state;
    assert_true(envl_carrier_writer_can_go_on(&writer));
    writer.pieces++;
    assert_false(envl_carrier_writer_can_go_on(&writer));
    writer.kind = ENVL_XBSTREAM;
    assert_true(envl_carrier_writer_can_go_on(&writer));
}

static void
recognition(void **state)
{
    struct bytes archives[5] = { { 0 }, whole_tar(), whole_xb(), { 0 }, { 0 } };
    static const enum envl_carrier kinds[5] = { ENVL_RAW, ENVL_TAR,
                                                ENVL_XBSTREAM, ENVL_TAR,
                                                ENVL_TAR };
    struct bytes text = text_of("13 comment=x\n");
    enum envl_carrier kind = ENVL_AUTO;
    size_t i, len, from[5] = { ENVL_MAGIC_LEN, 512, 14 + 15, 512 * 4, 512 };
    unsigned char *exact;
    int is;

    (void)state;
    put(&archives[0],
        "\x89"
        "ENV\r\n\x1a\n",
        ENVL_MAGIC_LEN);
    put(&archives[0], stream, STREAM_LEN);
    (void)put_tar(&archives[3], "./", '5', NULL, 0);
    (void)put_tar(&archives[3], "pax", 'x', text.p, text.len);
    put_tar_start(&archives[3]);
    put_tar_key(&archives[4]); /* first */
    for (i = 0; i < COUNT(archives); i++) {
        for (len = 0; len <= archives[i].len && len < 8192; len++) {
            exact = malloc(len > 0 ? len : 1);
            assert_non_null(exact);
            memcpy(exact, archives[i].p, len);
            is = envl_carrier_recognise(&kind, exact, len);
            if (is != (len >= from[i]) || (is && kind != kinds[i]))
                print_error("%zu: %zu bytes\n", i, len);
            assert_int_equal(is, len >= from[i]);
            if (is)
                assert_int_equal(kind, kinds[i]);
            free(exact);
        }
        drop(&archives[i]);
    }
    drop(&text);
}

static void
what_is_not_recognised(void **state)
{
    struct bytes tar = { 0 }, xb = { 0 };
    enum envl_carrier kind;

    (void)state;
    (void)put_tar(&tar, "etc/passwd", '0', stream, 100);
    put_tar_start(&tar);
    assert_false(envl_carrier_recognise(&kind, tar.p, tar.len));
    assert_int_equal(envl_carrier_kind_of(tar.p, tar.len), ENVL_TAR);
    (void)put_chunk(&xb, 'P', "ibdata1", 0, stream, 100);
    assert_false(envl_carrier_recognise(&kind, xb.p, xb.len));
    assert_int_equal(envl_carrier_kind_of(xb.p, xb.len), ENVL_XBSTREAM);
    assert_int_equal(envl_carrier_kind_of(stream, STREAM_LEN), ENVL_RAW);
    assert_int_equal(envl_carrier_kind_of(stream, 0), ENVL_RAW);
    drop(&tar);
    drop(&xb);
}

/* Ends of archives */

static bool
ends(enum envl_carrier kind, const struct bytes *archive, size_t cut)
{
    size_t len = archive->len - cut, from = 0;

    if (len > ENVL_CARRIER_TAIL_LEN)
        from = len - ENVL_CARRIER_TAIL_LEN;
    return envl_carrier_has_end(kind, archive->p + from, len - from, len);
}

static void
ends_of_archives(void **state)
{
    struct bytes tar = { 0 }, xb = { 0 };
    size_t i;

    (void)state;
    (void)put_tar(&tar, "etc/passwd", '0', stream, 512);
    assert_false(ends(ENVL_TAR, &tar, 0));
    for (i = 0; i < 1024; i++)
        put(&tar, "", 1);
    assert_true(ends(ENVL_TAR, &tar, 0));
    for (i = 1; i < tar.len; i++)
        assert_false(ends(ENVL_TAR, &tar, i));
    put(&tar, "", 1); /* no whole block */
    assert_false(ends(ENVL_TAR, &tar, 0));

    (void)put_chunk(&xb, 'P', "ibdata1", 0, stream, 100);
    assert_false(ends(ENVL_XBSTREAM, &xb, 0));
    put(&xb, "XBSTCK01\0E\007\0\0\0ibdata1", 21);
    assert_true(ends(ENVL_XBSTREAM, &xb, 0));
    for (i = 1; i < xb.len; i++)
        assert_false(ends(ENVL_XBSTREAM, &xb, i));
    put(&xb, "XBSTCK01\0R\001\0\0\0a\377\377\377\377", 19);
    assert_false(ends(ENVL_XBSTREAM, &xb, 0));
    put(&xb, "XBSTCK01\0D\377\377\377\377", 14);
    assert_false(ends(ENVL_XBSTREAM, &xb, 0));

    assert_true(ends(ENVL_RAW, &xb, 0));
    drop(&tar);
    drop(&xb);
}

/* What is accepted */

static void
tars_that_were_packed_again(void **state)
{
    struct bytes tar = { 0 }, text = text_of("30 mtime=1700000000.123456789\n");

    (void)state;
    (void)put_tar(&tar, "./", '5', NULL, 0);
    (void)put_tar(&tar, "./envelope/", '5', NULL, 0);
    (void)put_tar(&tar, "x", 'x', text.p, text.len);
    (void)put_tar(&tar, "./envelope/header", '0', stream, HEADER_LEN);
    (void)put_tar(&tar, "g", 'g', text.p, text.len);
    (void)put_tar(&tar, "x", 'x', "", 0);
    (void)put_tar(&tar, ENVL_NAME_KEY, '\0', stream + HEADER_LEN, KEY_LEN);
    put_tar_pieces(&tar);
    (void)put_tar(&tar, "envelope/", '5', NULL, 0);
    put_tar_end(&tar);
    (void)grow(&tar, 12345); /* no multiple of anything */
    accept(ENVL_TAR, tar);
    drop(&tar);
    drop(&text);
}

static void
keys_that_come_late(void **state)
{
    struct bytes tar = { 0 }, xb = { 0 };
    struct reading r;

    (void)state;
    put_tar_pieces(&tar);
    put_tar_key(&tar);
    put_tar_header(&tar);
    put_tar_end(&tar);
    accept(ENVL_TAR, tar);
    r = read_all(ENVL_TAR, tar, 512);
    assert_false(r.has_map);
    drop(&r.got);
    drop(&tar);
    put_tar_header(&tar);
    put_tar_piece(&tar, 0);
    put_tar_key(&tar);
    put_tar_piece(&tar, 1);
    put_tar_piece(&tar, 2);
    put_tar_end(&tar);
    accept(ENVL_TAR, tar);
    drop(&tar);
    /* Mixed, as xbcloud get does. */
    (void)put_xb_payload(&xb, 0, 1500);
    (void)put_chunk(&xb, 'P', ENVL_NAME_KEY, 0, stream + HEADER_LEN, 300);
    (void)put_chunk(&xb, 'P', ENVL_NAME_HEADER, 0, stream, HEADER_LEN);
    (void)put_xb_payload(&xb, 1500, 0);
    (void)put_xb_payload(&xb, 1500, 2000);
    put_end(&xb, ENVL_NAME_XBCLOUD_1);
    put_end(&xb, ENVL_NAME_HEADER);
    (void)put_chunk(&xb, 'P', ENVL_NAME_KEY, 300, stream + HEADER_LEN + 300,
                    KEY_LEN - 300);
    put_end(&xb, ENVL_NAME_KEY);
    (void)put_xb_payload(&xb, 3500, 500);
    put_end(&xb, ENVL_NAME_PAYLOAD);
    (void)put_chunk(&xb, 'P', ENVL_NAME_XBCLOUD_2, 0, stream, 0);
    put_end(&xb, ENVL_NAME_XBCLOUD_2);
    accept(ENVL_XBSTREAM, xb);
    (void)grow(&xb, 999);
    accept(ENVL_XBSTREAM, xb);
    drop(&xb);
}

/* A payload without end must not fill memory. */
static void
payload_that_waits(void **state)
{
    static const enum envl_carrier kinds[] = { ENVL_TAR, ENVL_XBSTREAM };
    const size_t len = 4 * 1048576;
    unsigned char *data = calloc(1, len);
    struct envl_carrier_reader *reader;
    enum envl_step step;
    struct reading r;
    size_t i, k, at;
    char name[60];

    (void)state;
    assert_non_null(data);
    for (k = 0; k < COUNT(kinds); k++) {
        reader = envl_carrier_reader_new(kinds[k]);
        step = ENVL_STEP_INPUT;
        r = (struct reading){ 0 };
        for (i = 0; step == ENVL_STEP_INPUT && i < 20; i++) {
            struct bytes part = { 0 };

            at = i * len;
            (void)snprintf(name, sizeof(name), "envelope/payload.%08zu", i);
            if (kinds[k] == ENVL_TAR)
                (void)put_tar(&part, name, '0', data, len);
            else
                (void)put_chunk(&part, 'P', ENVL_NAME_PAYLOAD, at, data, len);
            step = feed(reader, part.p, part.len, false, &r);
            drop(&part);
        }
        assert_int_equal(step, ENVL_STEP_FAIL);
        assert_int_equal(r.reason, ENVELOPE_R_CARRIER);
        assert_non_null(strstr(r.detail, "before header and key"));
        assert_int_equal(i, ENVL_WAITING_LEN_MAX / len + 1);
        assert_int_equal(r.got.len, 0);
        envl_carrier_reader_free(reader);
    }
    free(data);
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
        cmocka_unit_test(tar_blocks),
        cmocka_unit_test(tar_checksums),
        cmocka_unit_test(tar_fields),
        cmocka_unit_test(pax_headers),
        cmocka_unit_test(xbstream_chunks),
        cmocka_unit_test(names),
        cmocka_unit_test(what_is_built_reads_back),
        cmocka_unit_test(a_tar_has_so_many_pieces),
        cmocka_unit_test(recognition),
        cmocka_unit_test(what_is_not_recognised),
        cmocka_unit_test(ends_of_archives),
        cmocka_unit_test(tars_that_were_packed_again),
        cmocka_unit_test(keys_that_come_late),
        cmocka_unit_test(payload_that_waits),
    };

    return cmocka_run_group_tests_name("carrier", tests, setup, NULL);
}
