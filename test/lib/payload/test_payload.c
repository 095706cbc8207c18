/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payloads at the edges that no file reaches: chunk numbers near 2^38, room
 * that never suffices, order of derived bytes.
 */
#include "lib/payload/payload.h"

#include "test/support/support.h"

#include <openssl/crypto.h>

static const unsigned char dek[ENVL_DEK_LEN] = { 7 };
static const struct envl_libctx libctx = { .propq = "" };
static const struct envl_payload_context context = {
    (const unsigned char *)"context", 7, (const unsigned char *)"labels", 6
};

static struct envl_payload *
encryptor(unsigned char *start, unsigned threads)
{
    struct envl_payload *payload;
    struct envl_err err;

    memset(start, 5, ENVL_SALT_LEN);
    assert_int_equal(envl_payload_new_encryptor(&payload, &libctx, dek,
                                                &context, threads, 0, start,
                                                &err),
                     ENVELOPE_OK);
    return payload;
}

static struct envl_payload *
decryptor(const unsigned char *start, bool verified_only)
{
    struct envl_payload *payload;
    struct envl_err err;

    assert_int_equal(envl_payload_new_decryptor(&payload, &libctx, dek,
                                                &context, 1, 0, start,
                                                verified_only, &err),
                     ENVELOPE_OK);
    return payload;
}

/* Known answer: computed with HKDF-Expand of Python's cryptography. */
static void
derivation_is_this(void **state)
{
    static const unsigned char expected[] = {
        0x95, 0xae, 0x22, 0x67, 0xae, 0x54, 0x0f, 0x81, 0xae, 0x19, 0x31,
        0x5a, 0xc0, 0xa4, 0xec, 0x38, 0x3b, 0xd5, 0x57, 0x03, 0x26, 0x8b,
        0xe0, 0x5a, 0xca, 0xeb, 0x70, 0x1b, 0x9d, 0xe6, 0x57, 0xc3, 0x2b,
        0xab, 0x95, 0xaf, 0xcb, 0xba, 0xec, 0xc0, 0xc9, 0x88, 0x75, 0x00,
        0x67, 0x33, 0xf1, 0xbf, 0xf8, 0x34, 0x9b, 0x17, 0xae, 0x21, 0x7c,
        0x6a, 0xbd, 0x22, 0xc0, 0x05, 0xc0, 0x3c, 0xae, 0x85, 0x42, 0x0f,
        0x6d, 0xb5, 0x6a, 0x38, 0x90, 0x51, 0x19, 0x6b, 0x8e, 0x8e
    };
    struct envl_payload_key key;
    unsigned char salt[ENVL_SALT_LEN];
    struct envl_err err;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(salt); i++)
        salt[i] = (unsigned char)i;
    assert_int_equal(
        envl_payload_key_derive(&key, &libctx, dek, salt, &context, &err),
        ENVELOPE_OK);
    assert_int_equal(sizeof(key), sizeof(expected));
    assert_memory_equal(&key, expected, sizeof(expected));
}

static void
context_and_key_are_bound(void **state)
{
    struct envl_payload_context other = context;
    unsigned char start[ENVL_PAYLOAD_START_LEN], wrong[ENVL_DEK_LEN] = { 8 };
    struct envl_payload *payload = encryptor(start, 1);
    struct envl_err err;

    (void)state;
    envl_payload_free(payload);
    assert_int_equal(envl_payload_new_decryptor(&payload, &libctx, wrong,
                                                &context, 1, 0, start, false,
                                                &err),
                     ENVELOPE_R_COMMITMENT);
    assert_null(payload);
    other.labels_len--;
    assert_int_equal(envl_payload_new_decryptor(&payload, &libctx, dek, &other,
                                                1, 0, start, false, &err),
                     ENVELOPE_R_COMMITMENT);
    start[ENVL_PAYLOAD_START_LEN - 1] ^= 1;
    assert_int_equal(envl_payload_new_decryptor(&payload, &libctx, dek,
                                                &context, 1, 0, start, false,
                                                &err),
                     ENVELOPE_R_COMMITMENT);
}

/* Without its algorithms there is no key to compare with. */
static void
no_algorithm_is_no_mismatch(void **state)
{
    static const struct envl_libctx none = { .propq = "provider=nowhere" };
    unsigned char start[ENVL_PAYLOAD_START_LEN];
    struct envl_payload *payload = encryptor(start, 1);
    enum envelope_reason rc;
    struct envl_err err;

    (void)state;
    envl_payload_free(payload);
    rc = envl_payload_new_decryptor(&payload, &none, dek, &context, 1, 0, start,
                                    false, &err);
    assert_true(rc == ENVELOPE_R_CRYPTO || rc == ENVELOPE_R_NO_ALGORITHM);
    assert_null(payload);
}

static void
no_chunk_follows_the_last(void **state)
{
    static unsigned char in[ENVL_SEALED_CHUNK_LEN], out[ENVL_CHUNK_LEN];
    unsigned char start[ENVL_PAYLOAD_START_LEN];
    struct envl_output_queue queue = { 0 };
    struct envl_payload *payload;
    struct envl_err err;

    (void)state;
    envl_payload_free(encryptor(start, 1));
    payload = decryptor(start, false);
    assert_int_equal(envl_payload_seek(payload, ENVL_CHUNK_COUNT_MAX, &err),
                     ENVELOPE_R_PARAMETER);
    assert_int_equal(envl_payload_seek(payload, ENVL_CHUNK_COUNT_MAX - 1, &err),
                     ENVELOPE_OK);
    /* It is looked at, and is bad; the one after it would not be. */
    envl_output_queue_begin(&queue, out, sizeof(out));
    assert_int_equal(envl_payload_update(payload, &queue, in, sizeof(in), &err),
                     ENVELOPE_R_CHUNK);
    assert_int_equal(queue.len, 0);
    envl_payload_free(payload);

    payload = decryptor(start, false);
    assert_int_equal(envl_payload_seek(payload, ENVL_CHUNK_COUNT_MAX - 1, &err),
                     ENVELOPE_OK);
    envl_output_queue_begin(&queue, out, sizeof(out));
    assert_int_equal(envl_payload_update(payload, &queue, in, 20, &err),
                     ENVELOPE_OK);
    envl_payload_free(payload);
    envl_output_queue_clear(&queue);
}

/* Runs and pieces, each with enough room and with none: the same bytes. */
static void
room_does_not_change_the_bytes(void **state)
{
    enum { LEN = 5 * ENVL_CHUNK_LEN + 77 };
    enum { SEALED_LEN = LEN + 6 * ENVL_TAG_LEN };
    unsigned char start[ENVL_PAYLOAD_START_LEN];
    unsigned char *text = OPENSSL_malloc(LEN), *out = OPENSSL_malloc(LEN);
    unsigned char *sealed = OPENSSL_malloc(SEALED_LEN);
    struct envl_payload *payload = encryptor(start, 2);
    struct envl_output_queue queue = { 0 };
    struct envl_err err;
    int verified_only;
    size_t room;

    (void)state;
    fill(text, LEN, 1);
    envl_output_queue_begin(&queue, sealed, SEALED_LEN);
    assert_int_equal(envl_payload_update(payload, &queue, text, LEN, &err),
                     ENVELOPE_OK);
    assert_int_equal(envl_payload_final(payload, &queue, &err), ENVELOPE_OK);
    assert_int_equal(queue.len, SEALED_LEN);
    assert_int_equal(envl_payload_verified_len(payload), LEN);
    envl_payload_free(payload);

    for (verified_only = 0; verified_only < 2; verified_only++) {
        for (room = 0; room <= LEN; room += 16381) {
            payload = decryptor(start, verified_only);
            envl_output_queue_begin(&queue, out, room);
            assert_int_equal(
                envl_payload_update(payload, &queue, sealed, SEALED_LEN, &err),
                ENVELOPE_OK);
            assert_int_equal(envl_payload_final(payload, &queue, &err),
                             ENVELOPE_OK);
            envl_output_queue_extend(&queue, LEN);
            assert_int_equal(queue.len, LEN);
            assert_memory_equal(out, text, LEN);
            envl_payload_free(payload);
        }
    }
    envl_output_queue_clear(&queue);
    OPENSSL_free(text);
    OPENSSL_free(out);
    OPENSSL_free(sealed);
}

static void
tags_are_counted(void **state)
{
    unsigned char start[ENVL_PAYLOAD_START_LEN], out[200], in[100] = { 0 };
    struct envl_payload *payload = encryptor(start, 1);
    struct envl_output_queue queue = { 0 };
    struct envl_err err;

    (void)state;
    assert_int_equal(envl_payload_tags_in(payload, ENVL_CHUNK_LEN - 1), 0);
    assert_int_equal(envl_payload_tags_in(payload, ENVL_CHUNK_LEN), 1);
    envl_output_queue_begin(&queue, out, sizeof(out));
    assert_int_equal(envl_payload_update(payload, &queue, in, 100, &err),
                     ENVELOPE_OK);
    assert_int_equal(envl_payload_tags_in(payload, ENVL_CHUNK_LEN - 101), 0);
    assert_int_equal(envl_payload_tags_in(payload, ENVL_CHUNK_LEN - 100), 1);
    envl_payload_free(payload);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derivation_is_this),
        cmocka_unit_test(context_and_key_are_bound),
        cmocka_unit_test(no_algorithm_is_no_mismatch),
        cmocka_unit_test(no_chunk_follows_the_last),
        cmocka_unit_test(room_does_not_change_the_bytes),
        cmocka_unit_test(tags_are_counted),
    };

    return cmocka_run_group_tests_name("payload", tests, NULL, NULL);
}
