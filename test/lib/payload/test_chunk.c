/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunks at once and in pieces, which may be the work of two libraries, and
 * runs of them: the same bytes, whichever way; and what does not fit.
 */
#include "lib/payload/chunk.h"

#include "lib/payload/payload.h"
#include "test/support/support.h"

#include <stdbool.h>
#include <stdlib.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#define SEALED ((size_t)ENVL_SEALED_CHUNK_LEN)

static const struct envl_libctx libctx = { .propq = "" };

static struct envl_chunk *
chunk_of(enum envl_direction direction)
{
    struct envl_payload_key key;
    struct envl_chunk *chunk;
    struct envl_err err;

    fill((unsigned char *)&key, sizeof(key), 5);
    assert_int_equal(envl_chunk_new(&chunk, &libctx, &key, direction, &err),
                     ENVELOPE_OK);
    return chunk;
}

static void
seal_in_pieces(struct envl_chunk *chunk, uint64_t index, unsigned char *out,
               const unsigned char *in, size_t len)
{
    assert_true(envl_chunk_begin(chunk, index));
    assert_true(envl_chunk_update(chunk, out, in, len / 3));
    assert_true(
        envl_chunk_update(chunk, out + len / 3, in + len / 3, len - len / 3));
    assert_true(envl_chunk_seal_end(chunk, out + len));
}

static void
open_in_pieces(struct envl_chunk *chunk, uint64_t index, unsigned char *out,
               const unsigned char *in, size_t len)
{
    assert_true(envl_chunk_begin(chunk, index));
    assert_true(envl_chunk_update(chunk, out, in, len / 2));
    assert_true(
        envl_chunk_update(chunk, out + len / 2, in + len / 2, len - len / 2));
    assert_true(envl_chunk_open_end(chunk, in + len));
}

static void
check_len(struct envl_chunk *seal, struct envl_chunk *open, uint64_t index,
          size_t len)
{
    unsigned char text[ENVL_CHUNK_LEN], a[SEALED], b[SEALED], c[SEALED];

    fill(text, len, (uint32_t)len + 1);
    seal_in_pieces(seal, index, a, text, len);
    assert_true(envl_chunk_seal(seal, index, b, text, len));
    assert_memory_equal(a, b, len + ENVL_TAG_LEN);
    memcpy(c, text, len);
    assert_true(envl_chunk_seal(seal, index, c, c, len));
    assert_memory_equal(a, c, len + ENVL_TAG_LEN);

    assert_true(envl_chunk_open(open, index, b, a, len));
    assert_memory_equal(b, text, len);
    assert_true(envl_chunk_open(open, index, c, c, len));
    assert_memory_equal(c, text, len);
    open_in_pieces(open, index, b, a, len);
    assert_memory_equal(b, text, len);
}

static void
at_once_and_in_pieces(void **state)
{
    static const size_t lens[] = { 0,    1,    15,   16,    17,   63,
                                   64,   65,   255,  256,   257,  1023,
                                   4095, 4096, 8191, 16383, 16384 };
    static const uint64_t indices[] = { 0,   1,     255,
                                        256, 65536, ENVL_CHUNK_COUNT_MAX - 1 };
    struct envl_chunk *seal = chunk_of(ENVL_ENCRYPT),
                      *open = chunk_of(ENVL_DECRYPT);
    size_t i, j;

    (void)state;
    for (i = 0; i < COUNT(lens); i++) {
        for (j = 0; j < COUNT(indices); j++)
            check_len(seal, open, indices[j], lens[i]);
    }
    envl_chunk_free(seal);
    envl_chunk_free(open);
}

static bool
is_zero(const unsigned char *p, size_t len)
{
    while (len > 0 && p[len - 1] == 0)
        len--;
    return len == 0;
}

/* A bit of the text or of the tag, or the wrong number. */
static void
what_does_not_fit(void **state)
{
    static const size_t bytes[] = { 0, 1, 4097, 16383, 16384, 16399 };
    struct envl_chunk *seal = chunk_of(ENVL_ENCRYPT),
                      *open = chunk_of(ENVL_DECRYPT);
    unsigned char text[ENVL_CHUNK_LEN], sealed[SEALED], bad[SEALED],
        out[SEALED];
    size_t i;

    (void)state;
    fill(text, sizeof(text), 1);
    assert_true(envl_chunk_seal(seal, 7, sealed, text, sizeof(text)));
    for (i = 0; i <= COUNT(bytes); i++) {
        memcpy(bad, sealed, SEALED);
        if (i < COUNT(bytes))
            bad[bytes[i]] ^= (unsigned char)(1 << i);
        memset(out, 1, sizeof(out));
        assert_false(envl_chunk_open(open, i < COUNT(bytes) ? 7 : 8, out, bad,
                                     sizeof(text)));
        assert_true(is_zero(out, sizeof(text)));
        /* In place it is as it came. */
        memcpy(out, bad, SEALED);
        assert_false(envl_chunk_open(open, i < COUNT(bytes) ? 7 : 8, out, out,
                                     sizeof(text)));
        assert_memory_equal(out, bad, SEALED);
    }
    envl_chunk_free(seal);
    envl_chunk_free(open);
}

/*
 * A provider whose AES-256-GCM fails at one of its steps.  Until then it turns
 * bits over, which undoes itself as counter mode does.
 */
enum step { BEGIN, UPDATE, END, STEP_COUNT };

static struct {
    size_t calls[STEP_COUNT], fails_at[STEP_COUNT]; /* from 1; 0: never */
} failing;

static int
goes_well(enum step step)
{
    return ++failing.calls[step] != failing.fails_at[step];
}

static void *
failing_newctx(void *provctx)
{
    (void)provctx;
    return malloc(1);
}

static void
failing_freectx(void *ctx)
{
    free(ctx);
}

static int
failing_init(void *ctx, const unsigned char *key, size_t key_len,
             const unsigned char *iv, size_t iv_len, const OSSL_PARAM *params)
{
    (void)ctx;
    (void)key;
    (void)key_len;
    (void)iv_len;
    (void)params;
    return iv == NULL || goes_well(BEGIN);
}

/* Fails with half of it done. */
static int
failing_update(void *ctx, unsigned char *out, size_t *out_len, size_t out_size,
               const unsigned char *in, size_t in_len)
{
    int ok = goes_well(UPDATE);
    size_t i;

    (void)ctx;
    (void)out_size;
    for (i = 0; i < (ok ? in_len : in_len / 2); i++)
        out[i] = in[i] ^ 0x5a;
    *out_len = ok ? in_len : 0;
    return ok;
}

static int
failing_final(void *ctx, unsigned char *out, size_t *out_len, size_t out_size)
{
    (void)ctx;
    (void)out;
    (void)out_size;
    *out_len = 0;
    return goes_well(END);
}

static int
failing_get_params(OSSL_PARAM params[])
{
    static const struct {
        const char *name;
        size_t value;
    } rows[] = {
        { OSSL_CIPHER_PARAM_MODE, EVP_CIPH_GCM_MODE },
        { OSSL_CIPHER_PARAM_KEYLEN, 32 },
        { OSSL_CIPHER_PARAM_IVLEN, ENVL_NONCE_LEN },
        { OSSL_CIPHER_PARAM_BLOCK_SIZE, 1 },
        { OSSL_CIPHER_PARAM_AEAD, 1 },
    };
    OSSL_PARAM *p;
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        p = OSSL_PARAM_locate(params, rows[i].name);
        if (p != NULL && p->data_type == OSSL_PARAM_INTEGER
            && !OSSL_PARAM_set_int(p, (int)rows[i].value))
            return 0;
        if (p != NULL && p->data_type == OSSL_PARAM_UNSIGNED_INTEGER
            && !OSSL_PARAM_set_uint64(p, rows[i].value))
            return 0;
    }
    return 1;
}

static int
failing_get_ctx_params(void *ctx, OSSL_PARAM params[])
{
    (void)ctx;
    return failing_get_params(params);
}

static int
failing_set_ctx_params(void *ctx, const OSSL_PARAM params[])
{
    (void)ctx;
    (void)params;
    return 1;
}

static const OSSL_PARAM *
failing_settable(void *ctx, void *provctx)
{
    static const OSSL_PARAM settable[] = {
        OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)ctx;
    (void)provctx;
    return settable;
}

static const OSSL_ALGORITHM *
failing_query(void *provctx, int operation, int *no_cache)
{
    static const OSSL_DISPATCH functions[] = {
        { OSSL_FUNC_CIPHER_NEWCTX, (void (*)(void))failing_newctx },
        { OSSL_FUNC_CIPHER_FREECTX, (void (*)(void))failing_freectx },
        { OSSL_FUNC_CIPHER_ENCRYPT_INIT, (void (*)(void))failing_init },
        { OSSL_FUNC_CIPHER_DECRYPT_INIT, (void (*)(void))failing_init },
        { OSSL_FUNC_CIPHER_UPDATE, (void (*)(void))failing_update },
        { OSSL_FUNC_CIPHER_FINAL, (void (*)(void))failing_final },
        { OSSL_FUNC_CIPHER_GET_PARAMS, (void (*)(void))failing_get_params },
        { OSSL_FUNC_CIPHER_GET_CTX_PARAMS,
          (void (*)(void))failing_get_ctx_params },
        { OSSL_FUNC_CIPHER_SET_CTX_PARAMS,
          (void (*)(void))failing_set_ctx_params },
        { OSSL_FUNC_CIPHER_SETTABLE_CTX_PARAMS,
          (void (*)(void))failing_settable },
        { 0, NULL }
    };
    static const OSSL_ALGORITHM ciphers[] = {
        { "AES-256-GCM", "provider=failing", functions, NULL },
        { NULL, NULL, NULL, NULL }
    };

    (void)provctx;
    *no_cache = 0;
    return operation == OSSL_OP_CIPHER ? ciphers : NULL;
}

static int
failing_provider(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in,
                 const OSSL_DISPATCH **out, void **provctx)
{
    static const OSSL_DISPATCH functions[] = {
        { OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))failing_query },
        { 0, NULL }
    };

    (void)in;
    *provctx = (void *)(uintptr_t)core;
    *out = functions;
    return 1;
}

static bool
is_like(const unsigned char *p, const unsigned char *like, size_t len)
{
    return memcmp(p, like, len) == 0;
}

/*
 * The n-th call of a step fails; the tag never fits where nothing else does.
 * In place a chunk that was not begun, and one that could be undone, are as
 * they came; what was half done, and all that is elsewhere, is wiped.
 */
static void
libcrypto_fails(void **state)
{
    static const struct {
        size_t begin, update, end;
        bool stays;
    } cases[] = {
        { 1, 0, 1, true },  { 0, 1, 1, false }, { 0, 0, 1, true },
        { 2, 0, 1, false }, { 0, 2, 1, false },
    };
    unsigned char sealed[SEALED], data[SEALED];
    struct envl_libctx ctx = { .propq = "provider=failing" };
    struct envl_payload_key key;
    struct envl_chunk *chunk;
    OSSL_PROVIDER *provider;
    struct envl_err err;
    size_t i;

    (void)state;
    ctx.libctx = OSSL_LIB_CTX_new();
    assert_true(
        OSSL_PROVIDER_add_builtin(ctx.libctx, "failing", failing_provider));
    provider = OSSL_PROVIDER_load(ctx.libctx, "failing");
    assert_non_null(provider);
    fill((unsigned char *)&key, sizeof(key), 5);
    fill(sealed, sizeof(sealed), 6);
    assert_int_equal(envl_chunk_new(&chunk, &ctx, &key, ENVL_DECRYPT, &err),
                     ENVELOPE_OK);
    for (i = 0; i < 2 * COUNT(cases); i++) {
        bool in_place = i % 2 == 0, stays = cases[i / 2].stays;

        memset(&failing, 0, sizeof(failing));
        failing.fails_at[BEGIN] = cases[i / 2].begin;
        failing.fails_at[UPDATE] = cases[i / 2].update;
        failing.fails_at[END] = cases[i / 2].end;
        memcpy(data, sealed, sizeof(data));
        assert_false(envl_chunk_open(chunk, 0, data, in_place ? data : sealed,
                                     ENVL_CHUNK_LEN));
        if (in_place && stays)
            assert_true(is_like(data, sealed, SEALED));
        else
            assert_true(is_zero(data, ENVL_CHUNK_LEN));
    }
    envl_chunk_free(chunk);
    OSSL_PROVIDER_unload(provider);
    OSSL_LIB_CTX_free(ctx.libctx);
}

/* Runs */

#define COUNT_OF_RUN ((size_t)10)

struct payloads {
    struct envl_payload *seal, *open;
    unsigned char *text, *sealed, *data; /* of COUNT_OF_RUN chunks */
};

static const unsigned char dek[ENVL_DEK_LEN] = { 9 };
static const struct envl_payload_context context = {
    (const unsigned char *)"context", 7, (const unsigned char *)"", 0
};

/* The text as a encryptor makes it by an update, and an decryptor for it. */
static void
make_payloads(struct payloads *p)
{
    unsigned char start[ENVL_PAYLOAD_START_LEN] = { 5 };
    struct envl_output_queue queue = { 0 };
    struct envl_err err;

    p->text = malloc(COUNT_OF_RUN * ENVL_CHUNK_LEN);
    p->sealed = malloc(COUNT_OF_RUN * SEALED);
    p->data = malloc(COUNT_OF_RUN * SEALED);
    assert_non_null(p->text);
    assert_non_null(p->sealed);
    assert_non_null(p->data);
    fill(p->text, COUNT_OF_RUN * ENVL_CHUNK_LEN, 3);
    assert_int_equal(envl_payload_new_encryptor(&p->seal, &libctx, dek,
                                                &context, 2, 3, start, &err),
                     ENVELOPE_OK);
    envl_output_queue_begin(&queue, p->sealed, COUNT_OF_RUN * SEALED);
    assert_int_equal(envl_payload_update(p->seal, &queue, p->text,
                                         COUNT_OF_RUN * ENVL_CHUNK_LEN, &err),
                     ENVELOPE_OK);
    assert_int_equal(queue.len, COUNT_OF_RUN * SEALED);
    envl_output_queue_clear(&queue);
    assert_int_equal(envl_payload_new_decryptor(&p->open, &libctx, dek,
                                                &context, 2, 3, start, true,
                                                &err),
                     ENVELOPE_OK);
}

static void
free_payloads(struct payloads *p)
{
    envl_payload_free(p->seal);
    envl_payload_free(p->open);
    free(p->text);
    free(p->sealed);
    free(p->data);
}

static void
lay_text(struct payloads *p)
{
    size_t i;

    for (i = 0; i < COUNT_OF_RUN; i++)
        memcpy(p->data + i * SEALED, p->text + i * ENVL_CHUNK_LEN,
               ENVL_CHUNK_LEN);
}

/* By several workers, the later chunks first. */
static void
runs_are_what_updates_are(void **state)
{
    struct payloads p;
    struct envl_err err;
    uint64_t index;
    size_t i;

    (void)state;
    make_payloads(&p);
    assert_int_equal(envl_payload_reserve(p.open, COUNT_OF_RUN, &index, &err),
                     ENVELOPE_OK);
    assert_int_equal(index, 0);
    memcpy(p.data, p.sealed, COUNT_OF_RUN * SEALED);
    assert_int_equal(envl_payload_batch(p.open, 1, 4, p.data + 4 * SEALED, 6),
                     6);
    assert_int_equal(envl_payload_batch(p.open, 3, 1, p.data + SEALED, 3), 3);
    assert_int_equal(envl_payload_batch(p.open, 0, 0, p.data, 1), 1);
    for (i = 0; i < COUNT_OF_RUN; i++)
        assert_memory_equal(p.data + i * SEALED, p.text + i * ENVL_CHUNK_LEN,
                            ENVL_CHUNK_LEN);
    assert_int_equal(envl_payload_verified_len(p.open),
                     COUNT_OF_RUN * ENVL_CHUNK_LEN);

    /* After those that the update has sealed. */
    assert_int_equal(envl_payload_reserve(p.seal, COUNT_OF_RUN, &index, &err),
                     ENVELOPE_OK);
    assert_int_equal(index, COUNT_OF_RUN);
    lay_text(&p);
    assert_int_equal(envl_payload_batch(p.seal, 2, index, p.data, COUNT_OF_RUN),
                     COUNT_OF_RUN);
    assert_memory_not_equal(p.data, p.sealed, SEALED);
    assert_int_equal(envl_payload_batch(p.open, 2, index, p.data, COUNT_OF_RUN),
                     COUNT_OF_RUN);
    assert_memory_equal(p.data, p.text, ENVL_CHUNK_LEN);
    free_payloads(&p);
}

static void
run_ends_at_a_bad_chunk(void **state)
{
    struct payloads p;
    struct envl_err err;
    unsigned char *bad;

    (void)state;
    make_payloads(&p);
    p.sealed[6 * SEALED + 99] ^= 1;
    memcpy(p.data, p.sealed, COUNT_OF_RUN * SEALED);
    assert_int_equal(envl_payload_batch(p.open, 1, 0, p.data, COUNT_OF_RUN), 6);
    bad = p.data + 6 * SEALED;
    assert_memory_equal(bad - SEALED, p.text + 5 * ENVL_CHUNK_LEN,
                        ENVL_CHUNK_LEN);
    assert_memory_equal(bad, p.sealed + 6 * SEALED, 4 * SEALED);
    assert_int_equal(envl_payload_classify(p.open, 1, 6, bad, &err),
                     ENVELOPE_R_CHUNK);
    assert_non_null(strstr(err.detail, "chunk 6 "));
    free_payloads(&p);
}

/* The last chunk of a stream, and something that makes it long enough. */
static void
end_with_something_behind_it(void **state)
{
    struct payloads p;
    struct envl_output_queue queue = { 0 };
    struct envl_err err;

    (void)state;
    make_payloads(&p);
    envl_output_queue_begin(&queue, p.data, SEALED);
    assert_int_equal(envl_payload_update(p.seal, &queue, p.text, 5000, &err),
                     ENVELOPE_OK);
    assert_int_equal(envl_payload_final(p.seal, &queue, &err), ENVELOPE_OK);
    assert_int_equal(queue.len, 5000 + ENVL_TAG_LEN);
    envl_output_queue_clear(&queue);
    assert_int_equal(envl_payload_batch(p.open, 1, COUNT_OF_RUN, p.data, 1), 0);
    assert_int_equal(
        envl_payload_classify(p.open, 1, COUNT_OF_RUN, p.data, &err),
        ENVELOPE_R_TRAILING_DATA);
    free_payloads(&p);
}

static void
runs_have_their_places(void **state)
{
    struct payloads p;
    struct envl_output_queue queue = { 0 };
    struct envl_err err;
    uint64_t index;

    (void)state;
    make_payloads(&p);
    assert_int_equal(
        envl_payload_reserve(p.seal, ENVL_CHUNK_COUNT_MAX, &index, &err),
        ENVELOPE_R_TOO_LONG);
    assert_int_equal(envl_payload_reserve(p.seal,
                                          ENVL_CHUNK_COUNT_MAX - COUNT_OF_RUN,
                                          &index, &err),
                     ENVELOPE_OK);
    assert_int_equal(index, COUNT_OF_RUN);
    assert_int_equal(envl_payload_reserve(p.seal, 1, &index, &err),
                     ENVELOPE_R_TOO_LONG);

    envl_output_queue_begin(&queue, p.data, SEALED);
    assert_int_equal(envl_payload_update(p.open, &queue, p.sealed, 1, &err),
                     ENVELOPE_OK);
    assert_int_equal(envl_payload_reserve(p.open, 1, &index, &err),
                     ENVELOPE_R_PARAMETER);
    envl_output_queue_clear(&queue);
    free_payloads(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_once_and_in_pieces),
        cmocka_unit_test(what_does_not_fit),
        cmocka_unit_test(libcrypto_fails),
        cmocka_unit_test(runs_are_what_updates_are),
        cmocka_unit_test(run_ends_at_a_bad_chunk),
        cmocka_unit_test(end_with_something_behind_it),
        cmocka_unit_test(runs_have_their_places),
    };

    return cmocka_run_group_tests_name("chunk", tests, NULL, NULL);
}
