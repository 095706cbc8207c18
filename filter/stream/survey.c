/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs of chunks are read and decrypted at once.  After a chunk that fails the
 * next one is tried.  A run that cannot be read is read chunk by chunk.
 */
#include "filter/stream/survey.h"

#include <openssl/crypto.h>

#include "filter/stream/chunks.h"
#include "filter/stream/source.h"

#define CHUNK_LEN ENVELOPE_CHUNK_LENGTH
#define RUN_MAX ENVL_CHUNKS_MAX

/* Things found by one step: a hole, text after it, the end. */
#define QUEUE_LEN 3

enum state { AT_CHUNKS, AT_TRAILING, AT_TAIL, DONE };

struct envl_survey {
    struct envl_chunks chunks; /* as many as there is room for */

    enum state state;
    uint64_t next;     /* chunk to be looked at */
    uint64_t hole;     /* first of the chunks before it that failed */
    uint64_t good_end; /* after the last one that did not */
    size_t run;

    struct envl_found queue[QUEUE_LEN];
    unsigned queued, taken;
};

/* Failures that say something about a chunk, and nothing about the rest. */
static bool
is_damage(enum envelope_reason rc)
{
    return rc == ENVELOPE_R_CHUNK || rc == ENVELOPE_R_LAST_CHUNK
           || rc == ENVELOPE_R_TRUNCATED || rc == ENVELOPE_R_TRAILING_DATA;
}

/* What was found */

static void
push(struct envl_survey *survey, enum envl_found_kind kind, uint64_t chunk,
     uint64_t count, uint64_t len)
{
    struct envl_found *found = &survey->queue[survey->queued++];

    *found = (struct envl_found){
        kind,  chunk,
        count, chunk * CHUNK_LEN,
        len,   kind == ENVL_FOUND_TEXT ? survey->chunks.text : NULL
    };
}

/* The hole, if there is one, ends before this chunk. */
static void
end_hole(struct envl_survey *survey, uint64_t chunk, uint64_t len_of_last)
{
    uint64_t count = chunk - survey->hole;

    if (count > 0)
        push(survey, ENVL_FOUND_HOLE, survey->hole, count,
             (count - 1) * CHUNK_LEN + len_of_last);
    survey->hole = chunk;
}

static void
found_text(struct envl_survey *survey, uint64_t count, uint64_t len)
{
    end_hole(survey, survey->next, CHUNK_LEN);
    push(survey, ENVL_FOUND_TEXT, survey->next, count, len);
    survey->next += count;
    survey->hole = survey->good_end = survey->next;
}

/* The final chunk has so many bytes of text. */
static void
found_end(struct envl_survey *survey, uint64_t chunk, size_t len)
{
    const struct envl_pieces *pieces = &survey->chunks.pieces;
    uint64_t end = envl_chunk_at(chunk) + len + ENVL_CHUNK_TAG_LEN;

    survey->next = chunk;
    if (len > 0)
        found_text(survey, 1, len);
    else
        end_hole(survey, chunk, CHUNK_LEN);
    push(survey, ENVL_FOUND_END, 0, 0,
         pieces->map.kind == ENVL_RAW ? pieces->len - end : 0);
    survey->queue[survey->queued - 1].offset = chunk * CHUNK_LEN + len;
    survey->state = DONE;
}

static void
found_no_end(struct envl_survey *survey)
{
    const struct envl_shape *shape = &survey->chunks.shape;
    uint64_t last = CHUNK_LEN, end = shape->whole * CHUNK_LEN;

    if (shape->last_len >= ENVL_CHUNK_TAG_LEN) {
        survey->next = shape->whole + 1;
        last = shape->last_len - ENVL_CHUNK_TAG_LEN;
        end += last;
    }
    end_hole(survey, survey->next, last);
    push(survey, ENVL_FOUND_NO_END, 0, 0, 0);
    survey->queue[survey->queued - 1].offset = end;
    survey->state = DONE;
}

/* Opening */

/*
 * Is there a final chunk at the beginning of this one?  The cipher says
 * whether one lies in the bytes that it is given, so its length is found by
 * halving.
 */
static enum envelope_reason
look_for_end(struct envl_survey *survey, uint64_t chunk, bool *found,
             struct envl_err *err)
{
    uint64_t there = survey->chunks.pieces.len - envl_chunk_at(chunk);
    size_t most = there < ENVELOPE_SEALED_CHUNK_LENGTH
                      ? (size_t)there
                      : ENVELOPE_SEALED_CHUNK_LENGTH - 1;
    size_t least = ENVL_CHUNK_TAG_LEN, len = most, n;
    enum envelope_reason rc;

    *found = false;
    if (envl_chunks_load_last(&survey->chunks, chunk, most, err) != ENVELOPE_OK)
        return ENVELOPE_OK;
    while (least <= most) {
        rc = envl_chunks_open_last(&survey->chunks, len, &n, err);
        if (rc == ENVELOPE_OK) {
            *found = true;
            found_end(survey, chunk, n);
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

/* The chunks after those that were read; one at a time where that fails. */
static enum envelope_reason
load(struct envl_survey *survey, struct envl_err *err)
{
    uint64_t left = survey->chunks.shape.whole - survey->next;
    size_t count = left < survey->run ? (size_t)left : survey->run;
    enum envelope_reason rc =
        envl_chunks_load(&survey->chunks, survey->next, count, err);

    if (rc == ENVELOPE_OK)
        survey->run = count < RUN_MAX / 2 ? 2 * count : RUN_MAX;
    else if (count > 1)
        survey->run = 1;
    else
        survey->next++;
    return rc == ENVELOPE_R_READ ? ENVELOPE_OK : rc;
}

/* The chunks that were read, from the next one on, as far as they are good. */
static enum envelope_reason
open_run(struct envl_survey *survey, struct envl_err *err)
{
    size_t n;
    enum envelope_reason rc =
        envl_chunks_open(&survey->chunks, survey->next, &n, err);

    if (n > 0)
        found_text(survey, n / CHUNK_LEN, n);
    if (rc == ENVELOPE_R_TRAILING_DATA)
        survey->state = AT_TRAILING;
    else if (is_damage(rc))
        survey->next++;
    return is_damage(rc) ? ENVELOPE_OK : rc;
}

static enum envelope_reason
at_chunks(struct envl_survey *survey, struct envl_err *err)
{
    if (survey->next >= survey->chunks.shape.whole) {
        survey->state = AT_TAIL;
        return ENVELOPE_OK;
    }
    if (survey->next - survey->chunks.first < survey->chunks.count)
        return open_run(survey, err);
    return load(survey, err);
}

/* The cipher found the end at the beginning of this chunk. */
static enum envelope_reason
at_trailing(struct envl_survey *survey, struct envl_err *err)
{
    enum envelope_reason rc;
    bool found;

    survey->state = AT_CHUNKS;
    rc = look_for_end(survey, survey->next, &found, err);
    if (rc == ENVELOPE_OK && !found)
        survey->next++;
    return rc;
}

/*
 * What follows the whole chunks is the final one.  If it is not, that may
 * have been the first of the chunks that failed, and what was taken for more
 * of them is what follows the end.
 */
static enum envelope_reason
at_tail(struct envl_survey *survey, struct envl_err *err)
{
    const uint64_t whole = survey->chunks.shape.whole;
    bool found = false;
    enum envelope_reason rc;

    survey->next = whole;
    rc = look_for_end(survey, whole, &found, err);
    if (rc == ENVELOPE_OK && !found && survey->hole < whole)
        rc = look_for_end(survey, survey->hole, &found, err);
    if (rc == ENVELOPE_OK && !found)
        found_no_end(survey);
    return rc;
}

/* The face */

enum envelope_reason
envl_survey_new(struct envl_survey **out, struct envl_opened *opened,
                uint64_t first, struct envl_err *err)
{
    struct envl_survey *survey = ENVL_QUIETLY(OPENSSL_zalloc(sizeof(*survey)));
    struct envl_session *session;
    struct envl_source *source;
    struct envl_map map;
    enum envelope_reason rc;

    *out = NULL;
    if (survey == NULL)
        return envl_fail_memory(err);
    rc = envl_opened_place(opened, &source, &session, &map, err);
    if (rc == ENVELOPE_OK)
        rc = envl_chunks_init(&survey->chunks, session, source, &map,
                              ENVL_FRAMES_LENIENT, err);
    if (rc != ENVELOPE_OK) {
        envl_survey_free(survey);
        return rc;
    }
    survey->run = RUN_MAX;
    survey->next =
        first < survey->chunks.shape.whole ? first : survey->chunks.shape.whole;
    survey->hole = survey->good_end = survey->next;
    *out = survey;
    return ENVELOPE_OK;
}

void
envl_survey_free(struct envl_survey *survey)
{
    if (survey != NULL)
        OPENSSL_clear_free(survey, sizeof(*survey));
}

enum envelope_reason
envl_survey_next(struct envl_survey *survey, struct envl_found *found,
                 struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;

    if (survey->taken == survey->queued)
        survey->taken = survey->queued = 0;
    while (rc == ENVELOPE_OK && survey->queued == 0) {
        switch (survey->state) {
        case AT_CHUNKS:
            rc = at_chunks(survey, err);
            break;
        case AT_TRAILING:
            rc = at_trailing(survey, err);
            break;
        case AT_TAIL:
            rc = at_tail(survey, err);
            break;
        default:
            return envl_fail(err, ENVELOPE_R_NO_STREAM, "the end was found");
        }
    }
    if (rc == ENVELOPE_OK)
        *found = survey->queue[survey->taken++];
    return rc;
}

bool
envl_survey_is_scattered(const struct envl_survey *survey)
{
    const struct envl_pieces *pieces = &survey->chunks.pieces;

    return pieces->leads > 0 && pieces->bad_leads == pieces->leads
           && envl_chunk_at(survey->good_end) < pieces->map.piece_len;
}
