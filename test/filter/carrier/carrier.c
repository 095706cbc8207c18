/* SPDX-License-Identifier: Apache-2.0 */
/* Carriers by hand: the format's second implementation. */
#include "test/filter/carrier/carrier.h"

#include <stdio.h>
#include <stdlib.h>

static const size_t cuts[] = { 1, 7, 511, 512, 513, 4096, SIZE_MAX };

unsigned char stream[STREAM_LEN];

const char *const piece_names[3] = { "envelope/payload.00000000",
                                     "envelope/payload.00000001",
                                     "envelope/payload.00000002" };

/* Archives by hand */

void
make_stream(void)
{
    fill(stream, sizeof(stream), 7);
}

unsigned char *
grow(struct bytes *to, size_t len)
{
    to->p = realloc(to->p, to->len + len + 1);
    assert_non_null(to->p);
    memset(to->p + to->len, 0, len);
    to->len += len;
    return to->p + to->len - len;
}

void
fix_checksum(unsigned char *block)
{
    unsigned sum = 0;
    char text[8];
    size_t i;

    memset(block + 148, ' ', 8);
    for (i = 0; i < BLOCK; i++)
        sum += block[i];
    (void)snprintf(text, sizeof(text), "%06o", sum);
    memcpy(block + 148, text, 7);
}

/* A member of any type; returns where its block is. */
size_t
put_tar(struct bytes *to, const char *name, char type, const void *data,
        size_t len)
{
    size_t at = to->len;
    unsigned char *block = grow(to, BLOCK);

    envl_tar_build(block, name, len, 1700000000);
    block[156] = (unsigned char)type;
    fix_checksum(block);
    put(to, data, len);
    (void)grow(to, (BLOCK - len % BLOCK) % BLOCK);
    return at;
}

void
put_tar_end(struct bytes *to)
{
    (void)grow(to, 2 * BLOCK);
}

void
put_tar_header(struct bytes *to)
{
    (void)put_tar(to, ENVL_NAME_HEADER, '0', stream, HEADER_LEN);
}

void
put_tar_key(struct bytes *to)
{
    (void)put_tar(to, ENVL_NAME_KEY, '0', stream + HEADER_LEN, KEY_LEN);
}

void
put_tar_piece(struct bytes *to, size_t number)
{
    size_t at = number * PIECE_LEN, len = PAYLOAD_LEN - at;

    (void)put_tar(to, piece_names[number], '0',
                  stream + HEADER_LEN + KEY_LEN + at,
                  len < PIECE_LEN ? len : PIECE_LEN);
}

void
put_tar_pieces(struct bytes *to)
{
    put_tar_piece(to, 0);
    put_tar_piece(to, 1);
    put_tar_piece(to, 2);
}

void
put_tar_start(struct bytes *to)
{
    put_tar_header(to);
    put_tar_key(to);
}

struct bytes
whole_tar(void)
{
    struct bytes tar = { 0 };

    put_tar_start(&tar);
    put_tar_pieces(&tar);
    put_tar_end(&tar);
    return tar;
}

static void
put_le(struct bytes *to, uint64_t v, size_t len)
{
    unsigned char *p = grow(to, len);

    for (; len > 0; len--, v >>= 8)
        *p++ = (unsigned char)v;
}

size_t
put_chunk(struct bytes *to, char type, const char *path, uint64_t offset,
          const void *data, size_t len)
{
    const char start[2] = { 0, type };
    size_t at = to->len;

    put(to, "XBSTCK01", 8);
    put(to, start, 2);
    put_le(to, strlen(path), 4);
    put(to, path, strlen(path));
    if (type == 'E')
        return at;
    put_le(to, len, 8);
    put_le(to, offset, 8);
    put_le(to, envl_xb_crc(0, data, len), 4);
    put(to, data, len);
    return at;
}

void
put_end(struct bytes *to, const char *path)
{
    (void)put_chunk(to, 'E', path, 0, NULL, 0);
}

void
put_xb_header(struct bytes *to)
{
    (void)put_chunk(to, 'P', ENVL_NAME_HEADER, 0, stream, HEADER_LEN);
    put_end(to, ENVL_NAME_HEADER);
}

void
put_xb_key(struct bytes *to)
{
    (void)put_chunk(to, 'P', ENVL_NAME_KEY, 0, stream + HEADER_LEN, KEY_LEN);
    put_end(to, ENVL_NAME_KEY);
}

size_t
put_xb_payload(struct bytes *to, size_t from, size_t len)
{
    return put_chunk(to, 'P', ENVL_NAME_PAYLOAD, from,
                     stream + HEADER_LEN + KEY_LEN + from, len);
}

void
put_xb_start(struct bytes *to)
{
    put_xb_header(to);
    put_xb_key(to);
}

void
put_xb_pieces(struct bytes *to)
{
    (void)put_xb_payload(to, 0, 1500);
    (void)put_xb_payload(to, 1500, 1500);
    (void)put_xb_payload(to, 3000, 1000);
    put_end(to, ENVL_NAME_PAYLOAD);
}

struct bytes
whole_xb(void)
{
    struct bytes xb = { 0 };

    put_xb_start(&xb);
    put_xb_pieces(&xb);
    return xb;
}

/* Reading */

/* Feed one cut, from memory of exactly its size, until it is used up. */
enum envl_step
feed(struct envl_carrier_reader *reader, const unsigned char *p, size_t len,
     bool ended, struct reading *r)
{
    unsigned char *exact = malloc(len > 0 ? len : 1);
    struct envl_input in = { exact, len, ended };
    enum envl_step step = ENVL_STEP_OUTPUT;
    const unsigned char *span = NULL;
    struct envl_err err = { 0 };
    size_t n = 0;

    assert_non_null(exact);
    if (len > 0)
        memcpy(exact, p, len);
    while (step == ENVL_STEP_OUTPUT) {
        step = envl_carrier_next(reader, &in, &span, &n, &err);
        if (step == ENVL_STEP_OUTPUT) {
            assert_true(n > 0);
            put(&r->got, span, n);
        }
    }
    if (step == ENVL_STEP_INPUT || step == ENVL_STEP_END)
        assert_int_equal(in.len, 0);
    if (step == ENVL_STEP_FAIL) {
        r->reason = err.reason;
        memcpy(r->detail, err.detail, sizeof(r->detail));
    }
    r->used += len;
    free(exact);
    return step;
}

struct reading
read_all(enum envl_carrier kind, struct bytes archive, size_t cut)
{
    struct envl_carrier_reader *reader = envl_carrier_reader_new(kind);
    enum envl_step step = ENVL_STEP_INPUT;
    struct reading r = { 0 };
    size_t n;

    assert_non_null(reader);
    while (step == ENVL_STEP_INPUT && r.used < archive.len) {
        n = archive.len - r.used < cut ? archive.len - r.used : cut;
        step = feed(reader, archive.p + r.used, n, false, &r);
    }
    if (step == ENVL_STEP_INPUT)
        step = feed(reader, NULL, 0, true, &r);
    assert_true(step == ENVL_STEP_END || step == ENVL_STEP_FAIL);
    assert_int_equal(step == ENVL_STEP_FAIL, r.reason != ENVELOPE_OK);
    r.has_map = envl_carrier_map(reader, HEADER_LEN + KEY_LEN, &r.map);
    envl_carrier_reader_free(reader);
    return r;
}

void
accept_at(enum envl_carrier kind, struct bytes archive, const char *file,
          int line)
{
    struct reading r;
    size_t i;

    for (i = 0; i < COUNT(cuts); i++) {
        r = read_all(kind, archive, cuts[i]);
        if (r.reason != ENVELOPE_OK || r.got.len != STREAM_LEN
            || memcmp(r.got.p, stream, STREAM_LEN) != 0) {
            print_error("cut %zu: reason %d, %zu bytes: %s\n", cuts[i],
                        (int)r.reason, r.got.len, r.detail);
            _fail(file, line);
        }
        drop(&r.got);
    }
}

void
refuse_at(enum envl_carrier kind, struct bytes *archive,
          enum envelope_reason reason, const char *word, const char *file,
          int line)
{
    struct reading r, first = { 0 };
    size_t i;

    for (i = 0; i < COUNT(cuts); i++) {
        r = read_all(kind, *archive, cuts[i]);
        if (i == 0)
            first = r;
        if (r.reason != reason || strstr(r.detail, word) == NULL
            || r.got.len > STREAM_LEN
            || (r.got.len > 0 && memcmp(r.got.p, stream, r.got.len) != 0)) {
            print_error("cut %zu: reason %d, not %d with \"%s\": %s\n", cuts[i],
                        (int)r.reason, (int)reason, word, r.detail);
            _fail(file, line);
        }
        assert_int_equal(r.got.len, first.got.len);
        if (i > 0)
            drop(&r.got);
    }
    drop(&first.got);
    drop(archive);
}
