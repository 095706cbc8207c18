/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs of chunks are read and opened at once.  Behind a chunk that fails the
 * cipher is set to the next one; a run that cannot be read is read chunk by
 * chunk.
 */
#include "filter/stream/survey.h"

#include <assert.h>
#include <string.h>

#include <openssl/crypto.h>

#include <envelope/envelope.h>

#include "filter/stream/pieces.h"
#include "filter/stream/source.h"

#define CHUNK_LEN ENVELOPE_CHUNK_LENGTH
#define SEALED_LEN ENVELOPE_SEALED_CHUNK_LENGTH
/* Chunks that are read at once. */
#define RUN_MAX 64

/* Things found by one step: a hole, text behind it, the end. */
#define QUEUE_LEN 3

enum state { AT_CHUNKS, AT_TRAILING, AT_TAIL, DONE };

struct envl_survey {
    struct envl_session *session;
    struct envl_pieces pieces; /* what there may be of them */
    uint64_t whole;            /* chunks of SEALED_LEN in there */
    size_t tail_len;           /* bytes behind them */

    enum state state;
    uint64_t next;     /* chunk to be looked at */
    uint64_t hole;     /* first of the chunks before it that failed */
    uint64_t good_end; /* behind the last one that did not */
    unsigned run;
    uint64_t sealed_first; /* chunks that are in sealed */
    unsigned sealed_count;

    struct envl_found queue[QUEUE_LEN];
    unsigned queued, taken;
    unsigned char sealed[RUN_MAX * SEALED_LEN];
    unsigned char text[RUN_MAX * SEALED_LEN + ENVL_SLACK_LEN];
};

static_assert(RUN_MAX * SEALED_LEN <= ENVL_UPDATE_LEN_MAX,
              "a run is one update");

/* Failures that say something about a chunk, and nothing about the rest. */
static bool
is_damage(enum envelope_reason rc)
{
    return rc == ENVELOPE_R_CHUNK || rc == ENVELOPE_R_LAST_CHUNK
           || rc == ENVELOPE_R_TRUNCATED || rc == ENVELOPE_R_TRAILING_DATA;
}

/* Reading */

/* Bytes from the beginning of a chunk on. */
static enum envelope_reason
read_chunk(struct envl_survey *survey, uint64_t chunk, size_t len,
           struct envl_err *err)
{
    survey->sealed_count = 0;
    return envl_pieces_read(&survey->pieces,
                            ENVELOPE_PAYLOAD_START_LENGTH + chunk * SEALED_LEN,
                            survey->sealed, len, err);
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
        len,   kind == ENVL_FOUND_TEXT ? survey->text : NULL
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
    uint64_t end = ENVELOPE_PAYLOAD_START_LENGTH + chunk * SEALED_LEN + len
                   + ENVL_CHUNK_TAG_LEN;

    survey->next = chunk;
    if (len > 0)
        found_text(survey, 1, len);
    else
        end_hole(survey, chunk, CHUNK_LEN);
    push(survey, ENVL_FOUND_END, 0, 0,
         survey->pieces.map.kind == ENVL_RAW ? survey->pieces.len - end : 0);
    survey->queue[survey->queued - 1].offset = chunk * CHUNK_LEN + len;
    survey->state = DONE;
}

static void
found_no_end(struct envl_survey *survey)
{
    uint64_t last = CHUNK_LEN, end = survey->whole * CHUNK_LEN;

    if (survey->tail_len >= ENVL_CHUNK_TAG_LEN) {
        survey->next = survey->whole + 1;
        last = survey->tail_len - ENVL_CHUNK_TAG_LEN;
        end += last;
    }
    end_hole(survey, survey->next, last);
    push(survey, ENVL_FOUND_NO_END, 0, 0, 0);
    survey->queue[survey->queued - 1].offset = end;
    survey->state = DONE;
}

/* Opening */

/* The first len bytes in sealed as the final chunk; *n bytes of text. */
static enum envelope_reason
open_final(struct envl_survey *survey, uint64_t chunk, size_t len, size_t *n,
           struct envl_err *err)
{
    enum envelope_reason rc = envl_session_seek(survey->session, chunk, err);

    *n = 0;
    if (rc == ENVELOPE_OK && len > 0)
        rc = envl_session_update(survey->session, survey->text, n,
                                 survey->sealed, len, err);
    if (rc == ENVELOPE_OK)
        rc = envl_session_final(survey->session, survey->text, n, err);
    return rc;
}

/*
 * Is there a final chunk at the beginning of this one?  The cipher says
 * whether one lies in the bytes that it is given, so its length is found by
 * halving.
 */
static enum envelope_reason
look_for_end(struct envl_survey *survey, uint64_t chunk, bool *found,
             struct envl_err *err)
{
    uint64_t there =
        survey->pieces.len - ENVELOPE_PAYLOAD_START_LENGTH - chunk * SEALED_LEN;
    size_t most = there < SEALED_LEN ? (size_t)there : SEALED_LEN - 1;
    size_t least = ENVL_CHUNK_TAG_LEN, len = most, n;
    enum envelope_reason rc;

    *found = false;
    if (read_chunk(survey, chunk, most, err) != ENVELOPE_OK)
        return ENVELOPE_OK;
    while (least <= most) {
        rc = open_final(survey, chunk, len, &n, err);
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

/* Chunks behind the ones in sealed; one at a time where that fails. */
static enum envelope_reason
load(struct envl_survey *survey, struct envl_err *err)
{
    uint64_t left = survey->whole - survey->next;
    unsigned count = left < survey->run ? (unsigned)left : survey->run;
    enum envelope_reason rc;

    rc = read_chunk(survey, survey->next, (size_t)count * SEALED_LEN, err);
    if (rc == ENVELOPE_OK) {
        survey->sealed_first = survey->next;
        survey->sealed_count = count;
        survey->run = count < RUN_MAX / 2 ? 2 * count : RUN_MAX;
    } else if (count > 1) {
        survey->run = 1;
    } else {
        survey->next++;
    }
    return rc == ENVELOPE_R_READ ? ENVELOPE_OK : rc;
}

/* The chunks in sealed from the next one on, as far as they are good. */
static enum envelope_reason
open_run(struct envl_survey *survey, struct envl_err *err)
{
    size_t skip = (size_t)(survey->next - survey->sealed_first);
    size_t count = survey->sealed_count - skip, n = 0;
    enum envelope_reason rc;

    rc = envl_session_seek(survey->session, survey->next, err);
    if (rc == ENVELOPE_OK)
        rc = envl_session_update(survey->session, survey->text, &n,
                                 survey->sealed + skip * SEALED_LEN,
                                 count * SEALED_LEN, err);
    if (n > 0)
        found_text(survey, n / CHUNK_LEN, n);
    if (rc == ENVELOPE_OK && n < count * CHUNK_LEN)
        rc = envl_session_final(survey->session, survey->text + n, &n, err);
    if (rc == ENVELOPE_R_TRAILING_DATA)
        survey->state = AT_TRAILING;
    else if (rc != ENVELOPE_OK && is_damage(rc))
        survey->next++;
    return is_damage(rc) ? ENVELOPE_OK : rc;
}

static enum envelope_reason
at_chunks(struct envl_survey *survey, struct envl_err *err)
{
    if (survey->next >= survey->whole) {
        survey->state = AT_TAIL;
        return ENVELOPE_OK;
    }
    if (survey->next - survey->sealed_first < survey->sealed_count)
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
 * What is behind the whole chunks is the final one.  If it is not, that may
 * have been the first of the chunks that failed, and what was taken for more
 * of them is what follows the end.
 */
static enum envelope_reason
at_tail(struct envl_survey *survey, struct envl_err *err)
{
    bool found = false;
    enum envelope_reason rc;

    survey->next = survey->whole;
    rc = look_for_end(survey, survey->whole, &found, err);
    if (rc == ENVELOPE_OK && !found && survey->hole < survey->whole)
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
    struct envl_source *source;
    struct envl_map map;
    enum envelope_reason rc;
    uint64_t len;

    *out = NULL;
    if (survey == NULL)
        return envl_fail_memory(err);
    rc = envl_opened_place(opened, &source, &survey->session, &map, err);
    if (rc == ENVELOPE_OK)
        rc = envl_pieces_init(&survey->pieces, source, &map,
                              ENVL_FRAMES_LENIENT, err);
    if (rc != ENVELOPE_OK) {
        envl_survey_free(survey);
        return rc;
    }
    len = survey->pieces.len - ENVELOPE_PAYLOAD_START_LENGTH;
    survey->whole = len / SEALED_LEN;
    survey->tail_len = (size_t)(len % SEALED_LEN);
    survey->run = RUN_MAX;
    survey->next = first < survey->whole ? first : survey->whole;
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
    return survey->pieces.leads > 0
           && survey->pieces.bad_leads == survey->pieces.leads
           && survey->good_end * SEALED_LEN < survey->pieces.map.piece_len;
}
