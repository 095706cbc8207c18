/* SPDX-License-Identifier: Apache-2.0 */
/* Leads of pieces: what is taken for one where others are damaged. */
#include "filter/stream/recover.h"

#include "test/unit/carrier.h"
#include "test/unit/scarce.h"

#include "filter/carrier/tar.h"
#include "filter/carrier/xbstream.h"
#include "filter/stream/source.h"

static const struct envl_layout tar = {
    .kind = ENVL_TAR,
    .lead_len = ENVL_TAR_BLOCK_LEN,
    .piece_len = PIECE_LEN,
};

static bool
is_tar_lead(const char *name, char type, uint64_t piece)
{
    unsigned char block[ENVL_TAR_BLOCK_LEN];

    envl_tar_build(block, name, PIECE_LEN, 0);
    block[156] = (unsigned char)type;
    fix_checksum(block);
    return envl_recover_is_lead(&tar, block, piece);
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
    struct envl_layout layout = { .kind = ENVL_XBSTREAM,
                                  .piece_len = PIECE_LEN };

    (void)snprintf(header.path, sizeof(header.path), "%s", path);
    layout.lead_len = envl_xb_build(lead, &header) - missing;
    return envl_recover_is_lead(&layout, lead, 5);
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
    struct envl_layout layout = { .kind = ENVL_TAR };
    struct envl_err err;

    (void)state;
    envl_tar_build(archive + ENVL_TAR_BLOCK_LEN + PIECE_LEN,
                   "envelope/payload.00000001", PIECE_LEN, 0);
    assert_int_equal(envl_recover_layout(&layout, &source, 0, &err),
                     ENVELOPE_OK);
    assert_int_equal(layout.piece_len, PIECE_LEN);
    fail_in = 1;
    assert_int_equal(envl_recover_layout(&layout, &source, 0, &err),
                     ENVELOPE_R_MEMORY);
    archive[ENVL_TAR_BLOCK_LEN + PIECE_LEN] ^= 1;
    assert_int_equal(envl_recover_layout(&layout, &source, 0, &err),
                     ENVELOPE_OK);
    assert_int_equal(layout.piece_len, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leads_of_tar),
        cmocka_unit_test(leads_of_xbstream),
        cmocka_unit_test(second_lead),
    };

    if (!scarce_install())
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
