/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carriers of every kind.  The first byte says how: cut, kind, and whether
 * checksums are put right first.  A second reader, which gets everything at
 * once, must come to the same end; what is given out before a failure may
 * differ, but not in its bytes.
 */
#include <stdbool.h>
#include <string.h>

#include "filter/carrier/reader.h"
#include "lib/header/header.h"
#include "test/fuzz/mend.h"
#include "test/fuzz/target.h"

/* The first byte of the input.  The kind counts for what is not recognised:
 * hardly an input with a wrong checksum gets far. */
enum { CUT_MASK = 0x0f, KIND_SHIFT = 4, KIND_MASK = 0x03, MEND = 0x40 };

/* Bytes at once; 0 is everything. */
static const size_t cuts[CUT_MASK + 1] = { 0,    1,    2,    7,    13,  14,
                                           33,   34,   511,  512,  513, 1023,
                                           1024, 4096, 8192, 65536 };

struct result {
    enum envelope_reason rc; /* ENVELOPE_OK: the end was reached */
    unsigned char *stream;
    size_t len;
};

static void *
must_malloc(size_t len)
{
    void *p = malloc(len > 0 ? len : 1);

    MUST(p != NULL);
    return p;
}

/* The next bytes of the input in a buffer of exactly their size. */
static void
give(struct envl_input *in, unsigned char **buf, const uint8_t *data,
     size_t size, size_t *done, size_t cut)
{
    size_t n = size - *done;

    MUST(in->len == 0 && !in->ended);
    if (cut != 0 && cut < n)
        n = cut;
    free(*buf);
    *buf = must_malloc(n);
    if (n > 0)
        memcpy(*buf, data + *done, n);
    *done += n;
    in->p = *buf;
    in->len = n;
    in->ended = n == 0;
}

static void
take(struct result *result, size_t size, const unsigned char *span, size_t len)
{
    MUST(len > 0 && len <= size - result->len);
    memcpy(result->stream + result->len, span, len);
    result->len += len;
}

static void
check_failure(const struct envl_err *err)
{
    MUST(err->reason == ENVELOPE_R_CARRIER
         || err->reason == ENVELOPE_R_CARRIER_MEMBER
         || err->reason == ENVELOPE_R_CARRIER_TRUNCATED);
    MUST(memchr(err->detail, '\0', sizeof(err->detail)) != NULL);
    MUST(err->detail[0] != '\0');
}

/* Where the map has the first piece, there are the bytes that were read. */
static void
check_map(const struct envl_carrier_reader *reader, enum envl_carrier kind,
          const struct result *result, const uint8_t *data, size_t size)
{
    struct envl_position place;
    struct envl_prelude prelude;
    struct envl_err ignored;
    struct envl_map map;
    size_t len;

    if (result->len < ENVL_PRELUDE_LEN
        || envl_prelude_parse(&prelude, result->stream, &ignored) != ENVELOPE_OK
        || !envl_carrier_map(reader, prelude.header_len, &map)
        || result->len <= prelude.header_len)
        return;
    MUST(map.kind == kind && map.header_len == prelude.header_len);
    MUST(kind == ENVL_RAW || map.piece_len > 0);
    place = envl_map_find(&map, 0);
    len = result->len - prelude.header_len;
    if (len > place.left)
        len = (size_t)place.left;
    MUST(place.at <= size && len <= size - place.at);
    MUST(memcmp(data + place.at, result->stream + prelude.header_len, len)
         == 0);
}

static void
read_carrier(struct result *result, enum envl_carrier kind, size_t cut,
             const uint8_t *data, size_t size)
{
    struct envl_carrier_reader *reader = envl_carrier_reader_new(kind);
    struct envl_input in = { .p = NULL };
    enum envl_step step = ENVL_STEP_INPUT;
    const unsigned char *span = NULL;
    struct envl_err err = { .reason = ENVELOPE_OK };
    unsigned char *buf = NULL;
    size_t done = 0, len = 0;

    MUST(reader != NULL);
    result->stream = must_malloc(size);
    result->len = 0;
    while (step != ENVL_STEP_END && step != ENVL_STEP_FAIL) {
        if (step == ENVL_STEP_INPUT)
            give(&in, &buf, data, size, &done, cut);
        step = envl_carrier_next(reader, &in, &span, &len, &err);
        if (step == ENVL_STEP_OUTPUT)
            take(result, size, span, len);
    }
    if (step == ENVL_STEP_FAIL)
        check_failure(&err);
    else
        MUST(done == size && in.len == 0 && in.ended);
    result->rc = step == ENVL_STEP_FAIL ? err.reason : ENVELOPE_OK;
    check_map(reader, kind, result, data, size);
    envl_carrier_reader_free(reader);
    free(buf);
}

/* Only the first bytes count, and no more of them than are asked for. */
static bool
recognise(enum envl_carrier *kind, const uint8_t *data, size_t size)
{
    size_t len = size < ENVL_RECOGNISE_LEN ? size : ENVL_RECOGNISE_LEN;
    unsigned char *first = must_malloc(len);
    bool is_ours;

    if (len > 0)
        memcpy(first, data, len);
    is_ours = envl_carrier_recognise(kind, first, len);
    MUST(!is_ours || *kind != ENVL_AUTO);
    MUST(envl_carrier_kind_of(first, len) != ENVL_AUTO);
    free(first);
    return is_ours;
}

static void
compare(enum envl_carrier kind, size_t cut, const uint8_t *data, size_t size)
{
    struct result one, other;
    size_t common;

    read_carrier(&one, kind, cut, data, size);
    read_carrier(&other, kind, 0, data, size);
    MUST(one.rc == other.rc);
    MUST(one.rc != ENVELOPE_OK || one.len == other.len);
    MUST(kind != ENVL_RAW || (one.rc == ENVELOPE_OK && one.len == size));
    common = one.len < other.len ? one.len : other.len;
    MUST(memcmp(one.stream, other.stream, common) == 0);
    free(one.stream);
    free(other.stream);
}

static void
try_carrier(const uint8_t *data, size_t size, unsigned how)
{
    static const enum envl_carrier told[KIND_MASK + 1] = { ENVL_AUTO, ENVL_TAR,
                                                           ENVL_XBSTREAM,
                                                           ENVL_AUTO };
    enum envl_carrier kind;

    if (!recognise(&kind, data, size))
        kind = told[how >> KIND_SHIFT & KIND_MASK];
    if (kind != ENVL_AUTO)
        compare(kind, cuts[how & CUT_MASK], data, size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char *copy;

    if (size == 0)
        return 0;
    copy = must_malloc(size);
    memcpy(copy, data, size);
    if ((data[0] & MEND) != 0)
        mend_carrier(copy + 1, size - 1);
    try_carrier(copy + 1, size - 1, data[0]);
    free(copy);
    return 0;
}
