/* SPDX-License-Identifier: Apache-2.0 */
/* Where pieces are, and what is taken for the lead of one. */
#include "filter/stream/pieces.h"

#include "test/filter/carrier/carrier.h"
#include "test/support/memory.h"

#include "filter/carrier/tar.h"
#include "filter/carrier/xbstream.h"
#include "filter/stream/source.h"

static const struct envl_map tar = {
    .kind = ENVL_TAR,
    .lead_len = ENVL_TAR_BLOCK_LEN,
    .piece_len = PIECE_LEN,
};

static bool
is_tar_lead(const char *name, char type, uint64_t piece)
{
    unsigned char block[ENVL_TAR_BLOCK_LEN];
    uint64_t len = 0;
    bool is;

    envl_tar_build(block, name, PIECE_LEN, 0);
    block[156] = (unsigned char)type;
    fix_checksum(block);
    is = envl_map_take_lead(&tar, block, piece, &len);
    assert_true(!is || len == PIECE_LEN);
    return is;
}

static void
leads_of_tar(void **state)
{
    static const char *const others[] = { "envelope/payload.000000050",
                                          "envelope/payload.00000005.gz",
                                          "envelope/payload", ENVL_NAME_KEY,
                                          "payload.00000005" };
    static const char name[] = "envelope/payload.00000005";
    size_t i;

    (void)state;
    assert_true(is_tar_lead(name, ENVL_TAR_FILE, 5));
    assert_true(is_tar_lead(name, ENVL_TAR_OLD_FILE, 5));
    assert_false(is_tar_lead(name, ENVL_TAR_FILE, 4));
    assert_false(is_tar_lead(name, ENVL_TAR_DIRECTORY, 5));
    assert_false(is_tar_lead(name, ENVL_TAR_PAX, 5));
    for (i = 0; i < COUNT(others); i++)
        assert_false(is_tar_lead(others[i], ENVL_TAR_FILE, 5));
}

/* The lead of piece 5, of which so many bytes are looked at */
static bool
is_xb_lead(const char *path, enum envl_xb_type type, size_t missing)
{
    struct envl_xb_header header = {
        .type = (char)type,
        .len = PIECE_LEN,
        .offset = 5 * PIECE_LEN,
    };
    unsigned char lead[ENVL_LEAD_LEN_MAX] = { 0 };
    struct envl_map map = { .kind = ENVL_XBSTREAM, .piece_len = PIECE_LEN };
    uint64_t len = 0;
    bool is;

    (void)snprintf(header.path, sizeof(header.path), "%s", path);
    map.lead_len = envl_xb_build(lead, &header) - missing;
    is = envl_map_take_lead(&map, lead, 5, &len);
    assert_true(!is || len == PIECE_LEN);
    return is;
}

static void
leads_of_xbstream(void **state)
{
    (void)state;
    assert_true(is_xb_lead(ENVL_NAME_PAYLOAD, ENVL_XB_PAYLOAD, 0));
    assert_false(is_xb_lead(ENVL_NAME_PAYLOAD, ENVL_XB_PAYLOAD, 1));
    assert_false(is_xb_lead(ENVL_NAME_PAYLOAD, ENVL_XB_END, 0));
    assert_false(is_xb_lead(ENVL_NAME_KEY, ENVL_XB_PAYLOAD, 0));
}

/* Two pieces, of which the lead of the second says where they are. */
static void
second_lead(void **state)
{
    unsigned char archive[3 * ENVL_TAR_BLOCK_LEN + 2 * PIECE_LEN] = { 0 };
    struct envl_source source = { .fd = -1,
                                  .memory = archive,
                                  .memory_len = sizeof(archive),
                                  .seekable = true,
                                  .size = sizeof(archive) };
    struct envl_map map = { .kind = ENVL_TAR };
    struct envl_err err;

    (void)state;
    envl_tar_build(archive + ENVL_TAR_BLOCK_LEN + PIECE_LEN,
                   "envelope/payload.00000001", PIECE_LEN, 0);
    assert_int_equal(envl_pieces_learn_map(&map, &source, 0, &err),
                     ENVELOPE_OK);
    assert_int_equal(map.piece_len, PIECE_LEN);
    memory_fail(1);
    assert_int_equal(envl_pieces_learn_map(&map, &source, 0, &err),
                     ENVELOPE_R_MEMORY);
    archive[ENVL_TAR_BLOCK_LEN + PIECE_LEN] ^= 1;
    assert_int_equal(envl_pieces_learn_map(&map, &source, 0, &err),
                     ENVELOPE_OK);
    assert_int_equal(map.piece_len, 0);
}

/* Data that begins like a lead is none. */
static void
second_lead_of_xbstream(void **state)
{
    unsigned char data[5000];
    struct envl_source source = { .fd = -1, .seekable = true };
    struct envl_map map = { .kind = ENVL_XBSTREAM };
    struct bytes xb = { 0 };
    struct envl_err err;

    (void)state;
    memset(data, *ENVL_XB_MAGIC, sizeof(data));
    (void)put_chunk(&xb, 'P', ENVL_NAME_PAYLOAD, 0, data, sizeof(data));
    (void)put_chunk(&xb, 'P', ENVL_NAME_PAYLOAD, sizeof(data), data, 1);
    source.memory = xb.p;
    source.memory_len = xb.len;
    source.size = (int64_t)xb.len;
    assert_int_equal(envl_pieces_learn_map(&map, &source, 0, &err),
                     ENVELOPE_OK);
    assert_int_equal(map.piece_len, sizeof(data));
    drop(&xb);
}

/* Where a byte is, in archives of three pieces, of which the last is short. */
static void
places(void **state)
{
    const struct envl_map raw = { .kind = ENVL_RAW, .first_at = 40 };
    const struct envl_map odd = {
        .kind = ENVL_TAR, .first_at = 1024, .lead_len = 512, .piece_len = 1000
    };
    struct envl_position p;

    (void)state;
    p = envl_map_find(&raw, 70);
    assert_int_equal(p.piece, 0);
    assert_int_equal(p.at, 110);
    assert_true(p.left == UINT64_MAX);
    assert_int_equal(envl_map_room(&raw, 100), 60);
    assert_int_equal(envl_map_room(&raw, 39), 0);

    assert_int_equal(envl_map_lead_at(&odd, 2), 1024 + 2 * 1536);
    p = envl_map_find(&odd, 999);
    assert_int_equal(p.piece, 0);
    assert_int_equal(p.at, 1024 + 512 + 999);
    assert_int_equal(p.left, 1);
    p = envl_map_find(&odd, 1000);
    assert_int_equal(p.piece, 1);
    assert_int_equal(p.at, 1024 + 1536 + 512);
    assert_int_equal(p.left, 1000);
    assert_int_equal(envl_map_last_piece(&odd, 1024 + 512), 0);
    assert_int_equal(envl_map_last_piece(&odd, 1024 + 1536 + 511), 0);
    assert_int_equal(envl_map_last_piece(&odd, 1024 + 1536 + 512), 1);
    assert_int_equal(envl_map_room(&odd, 1000), 0);
    assert_int_equal(envl_map_room(&odd, 1024 + 512 + 7), 7);
    assert_int_equal(envl_map_room(&odd, 1024 + 512 + 1020), 1000);
    assert_int_equal(envl_map_room(&odd, 1024 + 1536 + 512 + 7), 1007);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places),
        cmocka_unit_test(leads_of_tar),
        cmocka_unit_test(leads_of_xbstream),
        cmocka_unit_test(second_lead),
        cmocka_unit_test(second_lead_of_xbstream),
    };

    memory_install(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
