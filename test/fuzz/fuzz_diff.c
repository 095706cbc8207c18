/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every reader of the project on the same file: who accepts it gives the same
 * plaintext, what is salvaged is a part of that, and nobody accepts what
 * another one calls damaged.  Where they differ on purpose, a table says why.
 *
 * The first two bytes of the input say how: cut and step, whether checksums
 * are put right first, and whether the archive reader runs, which is slow.
 */
#include <stdbool.h>
#include <string.h>

#include "test/fuzz/mend.h"
#include "test/fuzz/readers.h"
#include "test/fuzz/target.h"

enum { HOW_LEN = 2, CUT_MASK = 0x0f, STEP = 0x10, MEND = 0x20 };
enum { ARCHIVE = 0x01 }; /* of the second byte */

static const size_t cuts[CUT_MASK + 1] = { 0,     1,     7,     511,
                                           512,   513,   1000,  4096,
                                           16383, 16384, 16400, 16401,
                                           16500, 32768, 65536, 100000 };

enum reader { STREAM, PIECEWISE, RANGE, SALVAGE, EVP, READERS };

static const char *const names[READERS] = { "stream", "piecewise", "range",
                                            "salvage", "evp" };

/* Those that read a carrier from its beginning to its end. */
#define BIT(reader) (1U << (reader))
#define IN_ORDER (BIT(STREAM) | BIT(PIECEWISE) | BIT(EVP))

/* Of a carrier, who may refuse what who accepts, for which reasons, and with
 * which words in the text.  Of a raw stream there is no difference. */
static const struct difference {
    unsigned refuse, accept;
    enum envelope_reason reasons[7]; /* the rest is ENVELOPE_OK: none */
    const char *words[3];            /* none: any */
} differences[] = {
    /* A file that can seek is read where the text lies: the rest of a piece is
     * not read, and so not refused. */
    { IN_ORDER,
      BIT(RANGE),
      { ENVELOPE_R_CARRIER },
      { "a wrong CRC", "the padding after it is not zero" } },
    /* A salvage looks for pieces that are elsewhere, and does not mind what one
     * says of itself: who goes by that gets other bytes for the payload. */
    { IN_ORDER | BIT(RANGE),
      BIT(SALVAGE),
      { ENVELOPE_R_CARRIER, ENVELOPE_R_CARRIER_MEMBER,
        ENVELOPE_R_CARRIER_TRUNCATED, ENVELOPE_R_CHUNK, ENVELOPE_R_LAST_CHUNK,
        ENVELOPE_R_TRUNCATED, ENVELOPE_R_TRAILING_DATA },
      { NULL } },
    /* Only pieces of one length, each in its place, can be read by place; in
     * order they may have any. */
    { BIT(RANGE),
      IN_ORDER,
      { ENVELOPE_R_CARRIER_MEMBER, ENVELOPE_R_CARRIER_TRUNCATED },
      { NULL } },
    { BIT(SALVAGE), IN_ORDER, { ENVELOPE_R_CARRIER_MEMBER }, { NULL } },
};

static bool
has_words(const struct difference *d, const char *text)
{
    const char *const *words = d->words;

    if (*words == NULL)
        return true;
    while (*words != NULL && strstr(text, *words) == NULL)
        words++;
    return *words != NULL;
}

static bool
is_listed(enum reader refuses, enum reader accepts, const struct result *result)
{
    const struct difference *d = differences;
    size_t i, k, n = sizeof(differences) / sizeof(*differences);

    for (i = 0; i < n; i++, d++) {
        if ((d->refuse & BIT(refuses)) == 0 || (d->accept & BIT(accepts)) == 0
            || !has_words(d, result->detail))
            continue;
        for (k = 0; k < sizeof(d->reasons) / sizeof(*d->reasons); k++) {
            if (d->reasons[k] == result->reason)
                return true;
        }
    }
    return false;
}

static void
differ(const char *one, const char *other, const struct result *result,
       const char *text)
{
    fprintf(stderr, "DIFFERENCE: %s, %s: %s (%d %s)\n", one, other, text,
            (int)result->reason, result->detail);
    abort();
}

/* Nothing is missing, the end is verified, and nothing follows it. */
static bool
accepts(enum reader reader, const struct result *result)
{
    return result->reason == ENVELOPE_OK
           && (reader != SALVAGE
               || (result->has_end && result->hole_count == 0
                   && result->trailing == 0));
}

static void
compare(const struct result *results, enum reader one, enum reader other,
        bool is_raw)
{
    const struct result *a = &results[one], *b = &results[other];
    bool is_a = accepts(one, a), is_b = accepts(other, b);

    if (is_a && is_b
        && (a->len != b->len
            || (a->len > 0 && memcmp(a->text, b->text, a->len) != 0)))
        differ(names[one], names[other], a, "another plaintext");
    if (!is_a && is_b && (is_raw || !is_listed(one, other, a)))
        differ(names[one], names[other], a, "refused, and accepted");
}

/* What came before a failure was verified: it is the beginning of the same. */
static void
compare_beginnings(const struct result *results, enum reader one,
                   enum reader other)
{
    const struct result *a = &results[one], *b = &results[other];
    size_t n = a->len < b->len ? a->len : b->len;

    if (n > 0 && memcmp(a->text, b->text, n) != 0)
        differ(names[one], names[other], a, "another beginning");
}

/* Each part of what was salvaged is where the others have it. */
static void
compare_parts(const struct result *salvage, const struct result *other,
              const char *name)
{
    const struct part *part = salvage->parts;
    size_t i, n;

    for (i = 0; i < salvage->part_count; i++, part++) {
        if (part->offset >= other->len)
            return;
        n = other->len - (size_t)part->offset;
        n = n < part->len ? n : part->len;
        if (memcmp(other->text + part->offset, salvage->text + part->at, n)
            != 0)
            differ("salvage", name, salvage, "another part");
    }
    if (salvage->has_end && other->reason == ENVELOPE_OK
        && salvage->end != other->len)
        differ("salvage", name, salvage, "another end");
}

/* Without a key: what is read in order has the length that was measured, and
 * nobody takes an end that is none. */
static void
compare_measured(const struct result *results, struct input input, bool is_raw)
{
    const struct result *stream = &results[STREAM];
    struct result measured;

    read_measure(&measured, input);
    if (stream->reason == ENVELOPE_OK
        && (measured.reason != ENVELOPE_OK || measured.end != stream->len))
        differ("inspect", "stream", &measured, "another length");
    if (!is_raw && measured.reason == ENVELOPE_OK
        && (stream->reason == ENVELOPE_R_CARRIER_TRUNCATED
            || strstr(stream->detail, "follows the end") != NULL))
        differ("stream", "inspect", stream, "refused, and accepted");
    result_clear(&measured);
}

/* The archive reader has another key, and takes what is no envelope, and an
 * empty text, for what it is. */
static void
compare_archive(const struct result *results, struct input input)
{
    const struct result *stream = &results[STREAM];
    struct result archive;
    bool is_file;

    read_archive(&archive, input);
    is_file = archive.len == input.size && input.size > 0
              && memcmp(archive.text, input.data, input.size) == 0;
    if (archive.reason == ENVELOPE_OK && !is_file && archive.len > 0) {
        if (stream->reason != ENVELOPE_OK
            && stream->reason != ENVELOPE_R_NO_MATCH
            && stream->reason != ENVELOPE_R_WRONG_KEY
            && !accepts(RANGE, &results[RANGE]))
            differ("archive", "stream", stream, "accepted, and refused");
        if (stream->reason == ENVELOPE_OK
            && (stream->len != archive.len
                || memcmp(stream->text, archive.text, archive.len) != 0))
            differ("archive", "stream", &archive, "another plaintext");
    }
    if (archive.reason != ENVELOPE_OK && stream->reason == ENVELOPE_OK
        && stream->len > 0 && strstr(archive.detail, "no identity") == NULL)
        differ("archive", "stream", &archive, "refused, and accepted");
    result_clear(&archive);
}

static void
compare_all(struct input input, unsigned how, bool with_archive)
{
    struct result results[READERS];
    size_t cut = cuts[how & CUT_MASK];
    enum reader i, k;
    bool is_raw = input_kind(input) == ENVL_RAW;

    /* Byte by byte only what is short. */
    if (cut < 500 && input.size > 8192)
        cut += 4096;
    read_stream(&results[STREAM], input, 0);
    read_stream(&results[PIECEWISE], input, cut);
    read_range(&results[RANGE], input, (how & STEP) != 0 ? 1000 : 0);
    read_salvage(&results[SALVAGE], input);
    read_evp(&results[EVP], input);
    for (i = 0; i < READERS; i++) {
        for (k = 0; k < READERS; k++) {
            if (i != k)
                compare(results, i, k, is_raw);
        }
    }
    compare_beginnings(results, STREAM, PIECEWISE);
    compare_beginnings(results, STREAM, RANGE);
    compare_parts(&results[SALVAGE], &results[STREAM], "stream");
    compare_parts(&results[SALVAGE], &results[RANGE], "range");
    compare_measured(results, input, is_raw);
    if (with_archive)
        compare_archive(results, input);
    for (i = 0; i < READERS; i++)
        result_clear(&results[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { NULL, size - HOW_LEN };
    unsigned char *copy;

    if (size < HOW_LEN)
        return 0;
    readers_begin();
    copy = malloc(input.size > 0 ? input.size : 1);
    MUST(copy != NULL);
    memcpy(copy, data + HOW_LEN, input.size);
    if ((data[0] & MEND) != 0)
        mend_carrier(copy, input.size);
    input.data = copy;
    compare_all(input, data[0], (data[1] & ARCHIVE) != 0);
    free(copy);
    return 0;
}
