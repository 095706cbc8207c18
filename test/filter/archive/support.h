/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of archives share: keys in a directory that is removed,
 * members whose bytes follow from number and offset, archives written to any
 * target and read from any source.  It knows the public headers only.
 */
#ifndef ENVL_TEST_ARCHIVE_SUPPORT_H
#define ENVL_TEST_ARCHIVE_SUPPORT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

#include <archive.h>
#include <archive_entry.h>

#include <envelope/archive.h>

#include "test/support/cmocka.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define MIB ((size_t)1048576)

/* The directory: ops.pem and ops.key, other.pem and other.key */

/* As cmocka's group fixture; everything in the directory goes at the end. */
int support_setup(void **state);
int support_teardown(void **state);

/* support_path - the name of a file there, for the life of the thread */
const char *support_path(const char *name);

/* Options: an array that ends; the two that most tests need. */
#define OPTIONS(...) \
    ((const struct envelope_option[]){ __VA_ARGS__, { NULL, NULL } })
#define TO_OPS                                \
    {                                         \
        "recipients", support_path("ops.pem") \
    }
#define AS_OPS                                \
    {                                         \
        "identities", support_path("ops.key") \
    }

/* Bytes */

struct octets {
    unsigned char *data; /* from malloc(), exactly len bytes; or NULL */
    size_t len;
};

struct octets support_octets(const void *data, size_t len); /* a copy */
void support_drop(struct octets *octets);
void support_save(const char *path, struct octets octets);
struct octets support_load(const char *path);

/* support_find - where these bytes are first, SIZE_MAX: nowhere */
size_t support_find(struct octets in, const void *what, size_t len);

/* support_needed - bytes of an envelope up to its end: after the blocks that
 * end a tar, zeros are no part of it */
size_t support_needed(struct octets sealed, const char *carrier);

/* Archives */

struct support_plan {
    int format, filter; /* libarchive's codes */
    const size_t *sizes;
    size_t count; /* of members, up to 8 */
};

/* The same members in several formats, a short one alone, one that no pump has
 * buffers for, and none. */
extern const struct support_plan support_some_tar, support_some_zip,
    support_some_7zip, support_one_short, support_one_long, support_none;

/* The names of the carriers; to be sealed in one, by small pieces, so that
 * there are several. */
#define CARRIERS 3
extern const char *const support_carriers[CARRIERS];
#define IN(carrier) \
    OPTIONS(TO_OPS, { "carrier", carrier }, { "piece-size", "65536" })

/* support_writer - a handle whose format and filter are set */
struct archive *support_writer(const struct support_plan *plan);

/* support_add - add the member of this number; the worst status */
int support_add(struct archive *a, size_t number, size_t size);
int support_add_all(struct archive *a, const struct support_plan *plan);

enum support_target {
    TO_NAME,
    TO_FD,
    TO_FILE,
    TO_MEMORY,
    TO_CALLBACKS,
    SUPPORT_TARGETS
};

struct support_output {
    size_t size; /* of memory; 0: enough */
    /* of the callbacks: bytes that one write takes, 0: all; the status of
     * opening and closing; the write that fails, counted from 1, and how */
    size_t take;
    int open_status, close_status;
    unsigned fail_at;
    la_ssize_t fail_with;
    const char *fail_text; /* for archive_set_error(), or NULL */

    char path[200];
    int fd;
    FILE *file;
    unsigned char *memory;
    size_t used;
    unsigned opens, writes, closes, frees;
    pthread_t thread; /* that the last write was called in */
};

/* support_open_target - open a writer; the output is begun with zeros and
 * what it is to be like */
int support_open_target(struct archive *a, enum support_target target,
                        const struct envelope_option *options,
                        struct support_output *out);

/* support_collect - what was written; closes the target */
struct octets support_collect(enum support_target target,
                              struct support_output *out);

/* The callbacks, for tests that leave some of them out. */
int support_on_open(struct archive *a, void *data);
la_ssize_t support_on_write(struct archive *a, void *data, const void *p,
                            size_t len);
int support_on_close(struct archive *a, void *data);
int support_on_free(struct archive *a, void *data);

/* support_write - a whole archive, which must go well; options NULL: plain,
 * with libarchive's own functions */
struct octets support_write(const struct support_plan *plan,
                            enum support_target target,
                            const struct envelope_option *options);

/* support_seal - bytes as they are, in an envelope */
struct octets support_seal(struct octets text,
                           const struct envelope_option *options);

enum support_source {
    FROM_NAME,
    FROM_FD,
    FROM_FILE,
    FROM_MEMORY,
    FROM_CALLBACKS, /* that read, in blocks of some size */
    FROM_SKIPPING,  /* and skip */
    FROM_SEEKING,   /* and seek */
    FROM_PIPE,
    FROM_PIPE_FILE, /* a FILE on a pipe */
    SUPPORT_SOURCES
};

/* STOCK is what libarchive does. */
enum support_opener { STOCK, OURS };

struct support_input {
    struct octets bytes; /* borrowed */
    /* of the callbacks: bytes of a block, 0: 32768; what goes wrong */
    size_t block;
    int open_status, close_status;
    size_t fail_at;        /* reading fails at this offset; 0: never */
    const char *fail_text; /* for archive_set_error(), or NULL */
    bool seek_fails;

    int fd;
    FILE *file;
    int feed_fd;
    pthread_t feeder;
    bool feeding;
    unsigned char *block_data; /* of the last block; gone with the next one */
    size_t at;
    uint64_t bytes_read;
    unsigned opens, closes, seeks;
};

/* support_open_source - open a reader that supports everything; the input is
 * begun with zeros, its bytes and what it is to be like */
int support_open_source(struct archive *a, enum support_opener opener,
                        enum support_source source,
                        const struct envelope_option *options,
                        struct support_input *in);
void support_close_source(struct support_input *in);

struct support_outcome {
    int status; /* the worst that a call returned, the first of these */
    int error;  /* archive_errno() and archive_error_string() then */
    char text[600];
    unsigned members; /* that were complete and right */
    bool wrong;       /* a byte was not what it should be */
    char list[1000];  /* a line for each member */
};

/* support_says - does an outcome have this text?  From 3.8 on libarchive has some
 * of its own for a source that cannot be read on, or sought in. */
bool support_says(const struct support_outcome *o, const char *text);

/* support_note - a status that a call on a has returned */
void support_note(struct support_outcome *outcome, struct archive *a,
                  int status);

/* support_reader - a handle that supports everything */
struct archive *support_reader(void);

/* support_next - read the next member and its data; false at the end, or if
 * that failed */
bool support_next(struct archive *a, struct support_outcome *outcome);

/* support_read - open, read all, close and free */
struct support_outcome support_read(enum support_opener opener,
                                    enum support_source source,
                                    const struct envelope_option *options,
                                    struct octets bytes);

/* support_read_back - read what is in memory, as ops */
struct support_outcome support_read_back(struct octets sealed);

/* support_unseal - the text of an envelope as it is */
struct octets support_unseal(struct octets envelope,
                             const struct envelope_option *options);

/* assert_reads - all of a plan's members are there and right */
#define assert_reads(outcome, plan) \
    support_assert_reads(outcome, plan, __FILE__, __LINE__)
void support_assert_reads(struct support_outcome outcome,
                          const struct support_plan *plan, const char *file,
                          int line);

/* assert_refused - it failed with that archive_errno() and words in the text
 * of the error, and no byte was wrong */
#define assert_refused(outcome, error, word) \
    support_assert_refused(outcome, error, word, __FILE__, __LINE__)
void support_assert_refused(struct support_outcome outcome, int error,
                            const char *word, const char *file, int line);

#endif
