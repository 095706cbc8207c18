/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judges the payload code by vectors for Cobblestone-256 that others made, as
 * wycheproof.py hands them over: one on each line of standard input.
 */
#include "lib/payload/payload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define LINE_MAX_LEN (16 << 20)

struct octets {
    unsigned char *data;
    size_t len;
};

struct vector {
    char *id, *result, *flags;
    struct octets key, context, message, sha512;
    size_t text_len; /* of the longest valid prefix */
};

static const struct envl_libctx libctx = { .propq = "" };
static const size_t cuts[] = { 1,     2,     31,    32,      33,      4096,
                               16383, 16384, 16385, 1 << 20, SIZE_MAX };

/* "-" is empty; the bytes replace the digits. */
static struct octets
unhex(char *text)
{
    struct octets o = { (unsigned char *)text, 0 };
    int high, low;

    for (;; o.len++) {
        high = OPENSSL_hexchar2int((unsigned char)text[2 * o.len]);
        if (high < 0)
            return o;
        low = OPENSSL_hexchar2int((unsigned char)text[2 * o.len + 1]);
        o.data[o.len] = (unsigned char)(high << 4 | low);
    }
}

static enum envelope_reason
new_opener(struct envl_payload **payload, const struct vector *v,
           bool verified_only, struct envl_err *err)
{
    const struct envl_payload_context context = { v->context.data,
                                                  v->context.len, NULL, 0 };

    *payload = NULL;
    if (v->key.len != ENVL_DEK_LEN)
        return envl_fail(err, ENVELOPE_R_PARAMETER, "key length");
    if (v->message.len < ENVL_PAYLOAD_START_LEN)
        return envl_fail(err, ENVELOPE_R_TRUNCATED, "no chunk");
    return envl_payload_new_decryptor(payload, &libctx, v->key.data, &context,
                                      2, 0, v->message.data, verified_only,
                                      err);
}

/* Open the whole message; what came out is in out, *out_len bytes. */
static enum envelope_reason
open_stream(const struct vector *v, size_t cut, bool verified_only,
            unsigned char *out, size_t *out_len)
{
    const unsigned char *p = v->message.data + ENVL_PAYLOAD_START_LEN;
    struct envl_output_queue queue = { 0 };
    struct envl_payload *payload;
    enum envelope_reason rc;
    struct envl_err err;
    size_t left, n;

    *out_len = 0;
    rc = new_opener(&payload, v, verified_only, &err);
    if (rc != ENVELOPE_OK)
        return rc;
    left = v->message.len - ENVL_PAYLOAD_START_LEN;
    for (; left > 0 && rc == ENVELOPE_OK; p += n, left -= n) {
        n = left < cut ? left : cut;
        envl_output_queue_begin(&queue, out + *out_len, n + ENVL_CHUNK_LEN);
        rc = envl_payload_update(payload, &queue, p, n, &err);
        *out_len += queue.len;
    }
    if (rc == ENVELOPE_OK) {
        envl_output_queue_begin(&queue, out + *out_len, ENVL_CHUNK_LEN);
        rc = envl_payload_final(payload, &queue, &err);
        *out_len += rc == ENVELOPE_OK ? queue.len : 0;
    }
    envl_output_queue_clear(&queue);
    envl_payload_free(payload);
    return rc;
}

/* Open the chunks of a valid message from the last to the first. */
static bool
open_backwards(const struct vector *v, unsigned char *out)
{
    const size_t len = v->message.len - ENVL_PAYLOAD_START_LEN;
    size_t i = len / ENVL_SEALED_CHUNK_LEN + 1, n;
    struct envl_output_queue queue = { 0 };
    struct envl_payload *payload;
    struct envl_err err;
    bool good = true;

    while (good && i-- > 0) {
        n = len - i * ENVL_SEALED_CHUNK_LEN;
        if (n > ENVL_SEALED_CHUNK_LEN)
            n = ENVL_SEALED_CHUNK_LEN;
        envl_output_queue_begin(&queue, out + i * ENVL_CHUNK_LEN,
                                ENVL_CHUNK_LEN);
        good = new_opener(&payload, v, true, &err) == ENVELOPE_OK
               && envl_payload_seek(payload, i, &err) == ENVELOPE_OK
               && envl_payload_update(payload, &queue,
                                      v->message.data + ENVL_PAYLOAD_START_LEN
                                          + i * ENVL_SEALED_CHUNK_LEN,
                                      n, &err)
                      == ENVELOPE_OK
               && (n == ENVL_SEALED_CHUNK_LEN
                   || envl_payload_final(payload, &queue, &err) == ENVELOPE_OK);
        envl_payload_free(payload);
    }
    envl_output_queue_clear(&queue);
    return good;
}

static bool
is_prefix(const struct vector *v, const unsigned char *text)
{
    unsigned char hash[64];

    return v->sha512.len == 0
           || (EVP_Q_digest(NULL, "SHA512", NULL, text, v->text_len, hash, NULL)
               && memcmp(hash, v->sha512.data, sizeof(hash)) == 0);
}

static bool
is_valid(const struct vector *v)
{
    return strcmp(v->result, "valid") == 0;
}

static const char *
judge_stream(const struct vector *v, size_t cut, bool verified_only,
             unsigned char *out)
{
    enum envelope_reason rc;
    size_t len;

    rc = open_stream(v, cut, verified_only, out, &len);
    if ((rc == ENVELOPE_OK) != is_valid(v))
        return is_valid(v) ? "refused" : "taken";
    if (strstr(v->flags, "HeaderFailure") != NULL && len > 0)
        return "text came out although the header is bad";
    if (len < v->text_len || !is_prefix(v, out))
        return "not the valid prefix";
    if (verified_only && len != v->text_len)
        return "unverified text came out";
    if (len - v->text_len > ENVL_CHUNK_LEN)
        return "more than a chunk of unverified text came out";
    return NULL;
}

static const char *
judge(const struct vector *v, unsigned char *out)
{
    const char *fault;
    size_t i;

    for (i = 0; i < 2 * sizeof(cuts) / sizeof(cuts[0]); i++) {
        fault = judge_stream(v, cuts[i / 2], i % 2, out);
        if (fault != NULL)
            return fault;
    }
    if (is_valid(v) && (!open_backwards(v, out) || !is_prefix(v, out)))
        return "random access differs";
    return NULL;
}

static bool
read_vector(struct vector *v, char *line)
{
    char *field[8], *save = NULL;
    size_t i;

    for (i = 0; i < 8; i++) {
        field[i] = strtok_r(i == 0 ? line : NULL, " \n", &save);
        if (field[i] == NULL)
            return false;
    }
    v->id = field[0];
    v->result = field[1];
    v->flags = field[2];
    v->key = unhex(field[3]);
    v->context = unhex(field[4]);
    v->message = unhex(field[5]);
    v->text_len = (size_t)strtoull(field[6], NULL, 10);
    v->sha512 = unhex(field[7]);
    return true;
}

int
main(void)
{
    char *line = malloc(LINE_MAX_LEN);
    unsigned char *out = malloc(LINE_MAX_LEN);
    int count = 0, bad = 0;
    struct vector v;
    const char *fault;

    while (line != NULL && out != NULL
           && fgets(line, LINE_MAX_LEN, stdin) != NULL) {
        if (!read_vector(&v, line))
            return 2;
        fault = judge(&v, out);
        count++;
        bad += fault != NULL;
        printf("%sok %d - %s%s%s\n", fault != NULL ? "not " : "", count, v.id,
               fault != NULL ? ": " : "", fault != NULL ? fault : "");
    }
    printf("1..%d\n", count);
    free(line);
    free(out);
    return bad > 0;
}
