/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that runs out when a test says so, and that is looked at when it is
 * given back: the allocator of libcrypto, and so of all that is tested.
 */
#ifndef ENVL_TEST_MEMORY_H
#define ENVL_TEST_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* What tests put into that which has to be wiped. */
#define SECRET "wipe-me!"

/* The first failure since memory_fail().  It is in memory that is shared: a
 * child's is its parent's, too. */
struct memory_failure {
    atomic_bool is;
    int line;
    char file[200];
    char note[800]; /* the test's own */
};

extern struct memory {
    /* What a test may choose */
    bool (*may_fail)(const char *file); /* whose allocations; NULL: anybody's */
    bool (*is_ours)(const char *file);  /* whose blocks; NULL: anybody's */
    bool stays;         /* all after the one that fails, fail, too */
    bool any_thread;    /* not only those of the thread in memory_fail() */
    bool leaves_record; /* in the error queue, as libcrypto 3.2 and later do:
                         * earlier ones are silent about some failures, and
                         * nobody can tell what those were */
    /* What it is told */
    atomic_size_t count;        /* allocations since memory_fail() */
    atomic_long live;           /* blocks */
    atomic_long ours, ours_len; /* of these: ours, and the bytes in them */
    atomic_size_t unwiped;      /* of ours, given back with a secret in them */
    struct memory_failure *failure;
} memory;

/*
 * memory_install - to be called before anything else; it ends the program if
 * libcrypto has memory already
 *
 * secret is what must not be in a block that is given back; NULL: nothing is
 * looked for; "": memory_watch() will say.  Unless it is NULL, blocks are zeroed:
 * they might hold what others left.
 */
void memory_install(const char *secret);

/* memory_watch - one more secret of up to 32 bytes; memory_forget - no more of
 * these; memory_has - is any in these bytes? */
void memory_watch(const void *secret, size_t len);
void memory_forget(void);
bool memory_has(const void *p, size_t len);

/*
 * memory_fail - let the n-th allocation from now on fail, and forget earlier
 * failures and their records; SIZE_MAX: only count; 0: let no more fail
 * memory_failed - has it?
 * memory_live - the blocks there are, without libcrypto's for this thread
 */
void memory_fail(size_t n);
bool memory_failed(void);
long memory_live(void);

/* memory_is_ours - does a source file, as __FILE__ names it, lie in a folder of
 * this project, or in a room of one? */
bool memory_is_ours(const char *file);

/* For libraries that ask others for memory. */
void *memory_malloc(size_t len, const char *file, int line);
void memory_free(void *p, const char *file, int line);

#endif
