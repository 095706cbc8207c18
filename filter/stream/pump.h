/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that fill, work on and empty the slots of a codec in parallel.  The
 * pump's memory does not grow, however fast or slow input and output are.  At
 * each end the pump reads or writes a descriptor, or the caller pushes or pulls
 * the data.
 */
#ifndef ENVL_PUMP_H
#define ENVL_PUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/stream/blocks.h"
#include "filter/stream/codec.h"
#include "filter/stream/source.h"
#include "lib/base/err.h"

/* In place of a descriptor: the caller pushes or pulls. */
#define ENVL_PUMP_CALLER (-1)

struct envl_pump;

/*
 * envl_pump_start - start the threads, or as many of them as the system allows
 *
 *   in   descriptor to read, or ENVL_PUMP_CALLER: envl_pump_push()
 *   out  descriptor to write, or ENVL_PUMP_CALLER: envl_pump_pull()
 *
 * A descriptor with records, such as a tape, is read and written in whole
 * records.  Records that are read have at most ENVL_RECORD_LEN_DEFAULT bytes;
 * those that are written have 10,240, tar's default, and the last may be
 * shorter.
 *
 * Ownership: *pump is the caller's, envl_pump_free(); codec and descriptors are
 *            borrowed, and the caller must not use them until then.
 * Memory:    a slot for each thread, and one more.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_MEMORY.
 * Threads:   the pump's threads block all signals; writing to a closed pipe is
 *            an error, not a signal.  If no thread can be started, the calling
 *            thread does all work in envl_pump_push(), _pull() and _finish().
 *            In the child of a fork every call fails.
 */
enum envelope_reason envl_pump_start(struct envl_pump **pump,
                                     struct envl_codec *codec, int in, int out,
                                     struct envl_err *err);

/*
 * envl_pump_start_with - the same, with a source and with blocks of the
 * caller's
 *
 *   source  the descriptor to read, which may have been read in part; or NULL:
 *           envl_pump_push()
 *   blocks  cut and pad the output; NULL with ENVL_PUMP_CALLER
 *
 * Ownership: source and blocks are borrowed, too.
 */
enum envelope_reason envl_pump_start_with(struct envl_pump **pump,
                                          struct envl_codec *codec,
                                          struct envl_source *source, int out,
                                          struct envl_blocks *blocks,
                                          struct envl_err *err);

/* envl_pump_begin_to_disk - from now on, have the system begin to bring to disk
 * what is written, so that fsync() at the end has little to wait for */
void envl_pump_begin_to_disk(struct envl_pump *pump);

/*
 * envl_pump_is_foreign - is this process the child of a fork, which does not
 * have the pump's threads?  There, the codec may be in the middle of an
 * operation for ever, and must not be freed.  NULL is not foreign.
 */
bool envl_pump_is_foreign(const struct envl_pump *pump);

/* envl_pump_push - add len bytes to the input; waits for room.  Work begins
 * when a slot is full.  Returns ENVELOPE_OK, or the first failure of any
 * part */
enum envelope_reason envl_pump_push(struct envl_pump *pump, const void *data,
                                    size_t len, struct envl_err *err);

/*
 * envl_pump_pull - take the next output
 *
 *   *len  receives the number of bytes; 0 at the end
 *
 * Ownership: *data is valid until the next call.
 * Returns:   ENVELOPE_OK; a failure, after all output before it was taken.
 */
enum envelope_reason envl_pump_pull(struct envl_pump *pump,
                                    const unsigned char **data, size_t *len,
                                    struct envl_err *err);

/*
 * envl_pump_finish - end the input, and wait until all output is written
 *
 * Returns: ENVELOPE_OK, or the first failure of any part.  errno is that of a
 *          failed read or write.
 */
enum envelope_reason envl_pump_finish(struct envl_pump *pump,
                                      struct envl_err *err);

/* envl_pump_taken - bytes of input so far; any thread may ask; 0 in the child
 * of a fork */
uint64_t envl_pump_taken(struct envl_pump *pump);

/*
 * envl_pump_stop - stop all threads at once.  The caller may use the codec
 * again, and the data of the last pull stays valid; all other calls fail
 * envl_pump_free - stop and free
 *
 * NULL is fine.
 */
void envl_pump_stop(struct envl_pump *pump);
void envl_pump_free(struct envl_pump *pump);

#endif
