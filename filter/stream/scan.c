/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads and decrypts batches of chunks.  After a bad chunk the next chunk is
 * tried.  A batch that cannot be read is read chunk by chunk.
 */
#include "filter/stream/scan.h"

#include <openssl/crypto.h>

#include "filter/stream/chunks.h"
#include "filter/stream/source.h"

#define CHUNK_LEN ENVELOPE_CHUNK_LENGTH
#define BATCH_MAX ENVL_CHUNKS_MAX

/* The most results of one step: a hole, plaintext after it, the end. */
#define QUEUE_LEN 3

enum state { AT_CHUNKS, AT_TRAILING, AT_TAIL, DONE };

struct envl_scan {
    struct envl_chunks chunks; /* as many as there is room for */

    enum state state;
    uint64_t next;     /* the chunk to try next */
    uint64_t hole;     /* the first bad chunk of the hole before next */
    uint64_t good_end; /* the chunk after the last good chunk */
    size_t batch;

    struct envl_found queue[QUEUE_LEN];
    unsigned queued, taken;
};

/* Does the failure concern one chunk only? */
static bool
is_damage(enum envelope_reason rc)
{
    return rc == ENVELOPE_R_CHUNK || rc == ENVELOPE_R_LAST_CHUNK
           || rc == ENVELOPE_R_TRUNCATED || rc == ENVELOPE_R_TRAILING_DATA;
}

/* Results */

static void
push(struct envl_scan *scan, enum envl_found_kind kind, uint64_t chunk,
     uint64_t count, uint64_t len)
{
    struct envl_found *found = &scan->queue[scan->queued++];

    *found = (struct envl_found){
        kind,  chunk,
        count, chunk * CHUNK_LEN,
        len,   kind == ENVL_FOUND_TEXT ? scan->chunks.text : NULL
    };
}

/* If there is a hole, it ends before this chunk. */
static void
end_hole(struct envl_scan *scan, uint64_t chunk, uint64_t len_of_last)
{
    uint64_t count = chunk - scan->hole;

    if (count > 0)
        push(scan, ENVL_FOUND_HOLE, scan->hole, count,
             (count - 1) * CHUNK_LEN + len_of_last);
    scan->hole = chunk;
}

static void
found_text(struct envl_scan *scan, uint64_t count, uint64_t len)
{
    end_hole(scan, scan->next, CHUNK_LEN);
    push(scan, ENVL_FOUND_TEXT, scan->next, count, len);
    scan->next += count;
    scan->hole = scan->good_end = scan->next;
}

/* The final chunk was found; it has len bytes of plaintext. */
static void
found_end(struct envl_scan *scan, uint64_t chunk, size_t len)
{
    const struct envl_pieces *pieces = &scan->chunks.pieces;
    uint64_t end = envl_chunk_at(chunk) + len + ENVL_CHUNK_TAG_LEN;

    scan->next = chunk;
    if (len > 0)
        found_text(scan, 1, len);
    else
        end_hole(scan, chunk, CHUNK_LEN);
    push(scan, ENVL_FOUND_END, 0, 0,
         pieces->map.kind == ENVL_RAW ? pieces->len - end : 0);
    scan->queue[scan->queued - 1].offset = chunk * CHUNK_LEN + len;
    scan->state = DONE;
}

static void
found_no_end(struct envl_scan *scan)
{
    const struct envl_shape *shape = &scan->chunks.shape;
    uint64_t last = CHUNK_LEN, end = shape->whole * CHUNK_LEN;

    if (shape->last_len >= ENVL_CHUNK_TAG_LEN) {
        scan->next = shape->whole + 1;
        last = shape->last_len - ENVL_CHUNK_TAG_LEN;
        end += last;
    }
    end_hole(scan, scan->next, last);
    push(scan, ENVL_FOUND_NO_END, 0, 0, 0);
    scan->queue[scan->queued - 1].offset = end;
    scan->state = DONE;
}

/* Opening */

/*
 * Does this chunk's place begin with the final chunk?  The cipher says whether
 * the final chunk ends within the bytes that it gets, so a binary search finds
 * its length.
 */
static enum envelope_reason
look_for_end(struct envl_scan *scan, uint64_t chunk, bool *found,
             struct envl_err *err)
{
    uint64_t there = scan->chunks.pieces.len - envl_chunk_at(chunk);
    size_t most = there < ENVELOPE_SEALED_CHUNK_LENGTH
                      ? (size_t)there
                      : ENVELOPE_SEALED_CHUNK_LENGTH - 1;
    size_t least = ENVL_CHUNK_TAG_LEN, len = most, n;
    enum envelope_reason rc;

    *found = false;
    if (envl_chunks_load_last(&scan->chunks, chunk, most, err) != ENVELOPE_OK)
        return ENVELOPE_OK;
    while (least <= most) {
        rc = envl_chunks_open_last(&scan->chunks, len, &n, err);
        if (rc == ENVELOPE_OK) {
            *found = true;
            found_end(scan, chunk, n);
            return ENVELOPE_OK;
        }
        if (!is_damage(rc))
            return rc;
        if (rc == ENVELOPE_R_TRAILING_DATA)
            most = len - 1;
        else
            least = len + 1;
        len = least + (most - least) / 2;
    }
    return ENVELOPE_OK;
}

/* Read the next chunks; one at a time if that fails. */
static enum envelope_reason
load(struct envl_scan *scan, struct envl_err *err)
{
    uint64_t left = scan->chunks.shape.whole - scan->next;
    size_t count = left < scan->batch ? (size_t)left : scan->batch;
    enum envelope_reason rc =
        envl_chunks_load(&scan->chunks, scan->next, count, err);

    if (rc == ENVELOPE_OK)
        scan->batch = count < BATCH_MAX / 2 ? 2 * count : BATCH_MAX;
    else if (count > 1)
        scan->batch = 1;
    else
        scan->next++;
    return rc == ENVELOPE_R_READ ? ENVELOPE_OK : rc;
}

/* Decrypt the chunks that were read, from the next one to the first bad one. */
static enum envelope_reason
open_run(struct envl_scan *scan, struct envl_err *err)
{
    size_t n;
    enum envelope_reason rc =
        envl_chunks_open(&scan->chunks, scan->next, &n, err);

    if (n > 0)
        found_text(scan, n / CHUNK_LEN, n);
    if (rc == ENVELOPE_R_TRAILING_DATA)
        scan->state = AT_TRAILING;
    else if (is_damage(rc))
        scan->next++;
    return is_damage(rc) ? ENVELOPE_OK : rc;
}

static enum envelope_reason
at_chunks(struct envl_scan *scan, struct envl_err *err)
{
    if (scan->next >= scan->chunks.shape.whole) {
        scan->state = AT_TAIL;
        return ENVELOPE_OK;
    }
    if (scan->next - scan->chunks.first < scan->chunks.count)
        return open_run(scan, err);
    return load(scan, err);
}

/* The cipher found that the final chunk ends within the next chunk. */
static enum envelope_reason
at_trailing(struct envl_scan *scan, struct envl_err *err)
{
    enum envelope_reason rc;
    bool found;

    scan->state = AT_CHUNKS;
    rc = look_for_end(scan, scan->next, &found, err);
    if (rc == ENVELOPE_OK && !found)
        scan->next++;
    return rc;
}

/*
 * After the whole chunks the final chunk should follow.  If it does not, the
 * first bad chunk of the last hole may be the final chunk, and the bytes after
 * it trailing data.
 */
static enum envelope_reason
at_tail(struct envl_scan *scan, struct envl_err *err)
{
    const uint64_t whole = scan->chunks.shape.whole;
    bool found = false;
    enum envelope_reason rc;

    scan->next = whole;
    rc = look_for_end(scan, whole, &found, err);
    if (rc == ENVELOPE_OK && !found && scan->hole < whole)
        rc = look_for_end(scan, scan->hole, &found, err);
    if (rc == ENVELOPE_OK && !found)
        found_no_end(scan);
    return rc;
}

/* The interface */

enum envelope_reason
envl_scan_new(struct envl_scan **out, struct envl_reader *reader,
              uint64_t first, struct envl_err *err)
{
    struct envl_scan *scan = ENVL_QUIETLY(OPENSSL_zalloc(sizeof(*scan)));
    struct envl_cipher *cipher;
    struct envl_source *source;
    struct envl_map map;
    enum envelope_reason rc;

    *out = NULL;
    if (scan == NULL)
        return envl_fail_memory(err);
    rc = envl_reader_place(reader, &source, &cipher, &map, err);
    if (rc == ENVELOPE_OK)
        rc = envl_chunks_init(&scan->chunks, cipher, source, &map,
                              ENVL_FRAMES_LENIENT, err);
    if (rc != ENVELOPE_OK) {
        envl_scan_free(scan);
        return rc;
    }
    scan->batch = BATCH_MAX;
    scan->next =
        first < scan->chunks.shape.whole ? first : scan->chunks.shape.whole;
    scan->hole = scan->good_end = scan->next;
    *out = scan;
    return ENVELOPE_OK;
}

void
envl_scan_free(struct envl_scan *scan)
{
    if (scan != NULL)
        OPENSSL_clear_free(scan, sizeof(*scan));
}

enum envelope_reason
envl_scan_next(struct envl_scan *scan, struct envl_found *found,
               struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;

    if (scan->taken == scan->queued)
        scan->taken = scan->queued = 0;
    while (rc == ENVELOPE_OK && scan->queued == 0) {
        switch (scan->state) {
        case AT_CHUNKS:
            rc = at_chunks(scan, err);
            break;
        case AT_TRAILING:
            rc = at_trailing(scan, err);
            break;
        case AT_TAIL:
            rc = at_tail(scan, err);
            break;
        default:
            return envl_fail(err, ENVELOPE_R_NO_STREAM, "the end was found");
        }
    }
    if (rc == ENVELOPE_OK)
        *found = scan->queue[scan->taken++];
    return rc;
}

bool
envl_scan_is_scattered(const struct envl_scan *scan)
{
    const struct envl_pieces *pieces = &scan->chunks.pieces;

    return pieces->leads > 0 && pieces->bad_leads == pieces->leads
           && envl_chunk_at(scan->good_end) < pieces->map.piece_len;
}
