/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pumps between any two ends: codecs with a key-encryption key, transfers, and
 * what a codec makes of the same bytes without a pump.
 */
#ifndef ENVL_TEST_PUMP_H
#define ENVL_TEST_PUMP_H

#include "test/filter/stream/peer.h"

#include <envelope/envelope.h>

#include "filter/stream/codec.h"
#include "filter/stream/pump.h"

#define CHUNK ((size_t)ENVELOPE_CHUNK_LENGTH)

/* Of a pump: as many as if nothing is said, and a slot more. */
#define THREADS 2
#define SLOTS (THREADS + 1)

/* As cmocka's group fixture: no settings but the tests' own, and no test hangs
 * for ever. */
int pump_setup(void **state);

/* pump_test - a case after which no thread or open descriptor is left */
#define pump_test(name) \
    cmocka_unit_test_setup_teardown(name, pump_before, pump_after)
int pump_before(void **state);

/* alone_test - the same, and the pump gets no thread.  Elsewhere than with glibc
 * it has some all the same. */
#define alone_test(name)                                           \
    {                                                              \
        "alone: " #name, name, pump_before_alone, pump_after, NULL \
    }
int pump_before_alone(void **state);
int pump_after(void **state);

/* new_codec - with a key-encryption key; tar and xbstream are written in the
 * smallest pieces */
struct envl_codec *new_codec(enum envl_direction direction,
                             enum envl_carrier carrier);

/* new_pump - with a codec as above; free_both() frees that, too */
struct envl_pump *new_pump(struct envl_codec **codec,
                           enum envl_direction direction, int in, int out);
void free_both(struct envl_pump *pump, struct envl_codec *codec);

/* How a transfer ended, and all that came out. */
struct outcome {
    enum envelope_reason reason;
    char detail[ENVL_DETAIL_MAX]; /* of a failure */
    int error;                    /* errno then */
    struct bytes got;
};

/* assert_same - as far as a failure goes; errno counts for descriptors only */
void assert_same(const struct outcome *a, const struct outcome *b);

/* direct - a codec without a pump, all input at once */
struct outcome direct(enum envl_direction direction, enum envl_carrier carrier,
                      struct bytes input);

/* seal - what direct() makes of text; unseal - what it was made of */
struct bytes seal(enum envl_carrier carrier, struct bytes text);
struct bytes unseal(struct bytes sealed);

/* chunks_len - bytes of so much text in chunks, of which the last is never
 * full: they end a stream without a carrier */
size_t chunks_len(size_t text_len);

/* flip - alter a bit of a chunk's text in a stream without a carrier */
void flip(struct bytes sealed, size_t text_len, size_t chunk);

/* Whole transfers */

enum end { AS_CALLER, AS_PIPE, AS_FILE, ENDS };

struct job {
    enum envl_direction direction;
    enum envl_carrier carrier;
    struct bytes input; /* borrowed */
    enum end in, out;
    size_t in_step, out_step; /* of the caller or peer */
    unsigned in_naps, out_naps;
    size_t pipe_size;
    bool nonblocking; /* the pump's ends of pipes */
    bool idle;        /* the input does not end after its last byte */
};

/*
 * run - pump all of it, to the end or a failure; what the pump says is the
 * same wherever it is asked, and it leaves no thread
 */
struct outcome run(const struct job *job);

/* take - pull until the end or a failure */
void take(struct envl_pump *pump, struct outcome *outcome);

/* give - push all; false if that failed */
bool give(struct envl_pump *pump, struct bytes bytes, size_t step,
          struct outcome *outcome);

/* finish - and how that ended */
void finish(struct envl_pump *pump, struct outcome *outcome);

/* assert_incomplete - a beginning of an envelope must not look whole */
void assert_incomplete(struct bytes got);

/* assert_passes - a job that must go well, and its output be right for its
 * input; encrypting, the output's own decryption is looked at */
#define assert_passes(job) assert_passes_at(job, __FILE__, __LINE__)
void assert_passes_at(const struct job *job, const char *file, int line);

#endif
