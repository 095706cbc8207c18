/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole streams, opened with a fixed key-encryption key.  The first byte says
 * how: cut, release and buffers.  A second reader, which gets everything at
 * once and releases verified text only, must come to the same end.
 */
#include <stdbool.h>
#include <string.h>

#include "lib/stream/stream.h"
#include "test/fuzz/keys.h"
#include "test/fuzz/target.h"

/* The first byte of the input. */
enum {
    CUT_MASK = 0x0f,
    VERIFIED = 0x10,
    IN_PLACE = 0x20,
    SEEK = 0x40 /* try to go back to chunk 0 between the updates */
};

/* Bytes in an update; 0 is everything at once. */
static const size_t cuts[CUT_MASK + 1] = { 0,     1,     2,     31,
                                           32,    33,    57,    4095,
                                           4096,  16383, 16384, 16385,
                                           16400, 16401, 32768, 65536 };

static const struct envl_libctx ctx = { .propq = "?provider=default" };

struct result {
    enum envelope_reason rc;
    unsigned char *text; /* what was released */
    size_t len;
    uint64_t verified;
};

static void *
must_malloc(size_t len)
{
    void *p = malloc(len > 0 ? len : 1);

    MUST(p != NULL);
    return p;
}

static void
set_up(struct envl_settings *settings, unsigned how)
{
    memset(settings, 0, sizeof(*settings));
    settings->keys.has_kek = true;
    memcpy(settings->keys.kek, FUZZ_KEK, ENVL_KEK_LEN);
    settings->verified_only = (how & VERIFIED) != 0;
    settings->has_output_slack = settings->verified_only;
    settings->output_slack = settings->verified_only ? ENVL_CHUNK_LEN : 0;
}

/* One update or, without input, the final call; buffers have the promised
 * size and not a byte more. */
static enum envelope_reason
step(struct envl_stream *stream, struct result *result, unsigned how,
     const uint8_t *data, size_t len)
{
    size_t room = len + ((how & VERIFIED) != 0 ? ENVL_CHUNK_LEN : 0);
    unsigned char *out = must_malloc(room), *in = must_malloc(len);
    enum envelope_reason rc;
    size_t n = 1;

    if (len > 0)
        memcpy((how & IN_PLACE) != 0 ? out : in, data, len);
    if (data == NULL)
        rc = envl_stream_final(stream, out, &n, room);
    else
        rc = envl_stream_update(stream, out, &n, room,
                                (how & IN_PLACE) != 0 ? out : in, len);
    MUST(n <= room && (rc == ENVELOPE_OK || n == 0));
    if (n > 0)
        memcpy(result->text + result->len, out, n);
    result->len += n;
    free(in);
    free(out);
    return rc;
}

/* A stream that has failed fails for ever, for the same reason. */
static void
check_failed(struct envl_stream *stream, enum envelope_reason rc)
{
    unsigned char byte = 0, out[ENVL_CHUNK_LEN + 1];
    size_t n = 1;

    MUST(envl_stream_err(stream)->reason == rc);
    MUST(envl_stream_update(stream, out, &n, sizeof(out), &byte, 1) == rc);
    MUST(n == 0);
    n = 1;
    MUST(envl_stream_final(stream, out, &n, sizeof(out)) == rc && n == 0);
}

static void
open_stream(struct result *result, unsigned how, const uint8_t *data,
            size_t size)
{
    size_t cut = cuts[how & CUT_MASK], done = 0, n;
    enum envelope_reason rc = ENVELOPE_OK;
    struct envl_settings settings;
    struct envl_stream *stream;

    set_up(&settings, how);
    result->text = must_malloc(size);
    result->len = 0;
    stream = envl_stream_new(&ctx, &settings, ENVL_DECRYPT);
    MUST(stream != NULL);
    while (done < size && rc == ENVELOPE_OK) {
        n = cut != 0 && cut < size - done ? cut : size - done;
        rc = step(stream, result, how, data + done, n);
        done += n;
        if (rc == ENVELOPE_OK && (how & SEEK) != 0)
            (void)envl_stream_seek(stream, 0);
    }
    if (rc == ENVELOPE_OK)
        rc = step(stream, result, how, NULL, 0);
    result->rc = rc;
    result->verified = envl_stream_verified_len(stream);
    if (rc != ENVELOPE_OK)
        check_failed(stream, rc);
    envl_stream_free(stream);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct result one, other;
    unsigned how;

    if (size == 0)
        return 0;
    how = data[0];
    open_stream(&one, how, data + 1, size - 1);
    if ((how & VERIFIED) != 0)
        MUST(one.len == one.verified);
    if ((how & SEEK) == 0) {
        open_stream(&other, VERIFIED, data + 1, size - 1);
        MUST(one.rc == other.rc);
        MUST(one.verified == other.verified && other.len == other.verified);
        MUST(one.len >= other.len
             && memcmp(one.text, other.text, other.len) == 0);
        MUST(one.rc != ENVELOPE_OK || one.len == other.len);
        free(other.text);
    }
    free(one.text);
    return 0;
}
