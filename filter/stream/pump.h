/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A codec's slots filled, worked on and emptied side by side, by as many
 * threads as it has.  Memory stays the same, whatever the pace of the two ends.
 * At either end a descriptor can be read or written by the pump, or the caller
 * gives or takes the data itself.
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

/* Instead of a descriptor: the caller pushes, or pulls. */
#define ENVL_PUMP_CALLER (-1)

struct envl_pump;

/*
 * envl_pump_start - start the threads, or as many of them as the system allows
 *
 *   in   descriptor to read, or ENVL_PUMP_CALLER: envl_pump_push()
 *   out  descriptor to write, or ENVL_PUMP_CALLER: envl_pump_pull()
 *
 * A descriptor that has records, as tapes have, is read and written in whole
 * ones: of at most ENVL_RECORD_LEN_DEFAULT bytes, and of 10,240, which is what
 * tar reads if nothing is said; the last one is as short as it is.
 *
 * Ownership: *pump is the caller's, envl_pump_free(); codec and descriptors
 *            stay the caller's, who leaves them alone until then.
 * Memory:    a slot for each thread, and one more.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_MEMORY.
 * Threads:   they have all signals blocked; a closed pipe is an error, not a
 *            signal.  Where none can be started, all is done in the calling
 *            thread: by envl_pump_push(), _pull() and _finish().  In the child
 *            of a fork every call fails.
 */
enum envelope_reason envl_pump_start(struct envl_pump **pump,
                                     struct envl_codec *codec, int in, int out,
                                     struct envl_err *err);

/*
 * envl_pump_start_with - the same, and the caller knows more of the two ends
 *
 *   source  descriptor to read, of which a part may have been read already;
 *           or NULL: envl_pump_push()
 *   blocks  what the output leaves in, its end too; NULL with
 *           ENVL_PUMP_CALLER
 *
 * Ownership: source and blocks stay the caller's, who leaves them alone as
 *            well.
 */
enum envelope_reason envl_pump_start_with(struct envl_pump **pump,
                                          struct envl_codec *codec,
                                          struct envl_source *source, int out,
                                          struct envl_blocks *blocks,
                                          struct envl_err *err);

/*
 * envl_pump_is_foreign - is this the child of a fork, which has none of the
 * threads?  The codec may be in the middle of something for ever, and cannot
 * even be freed.  NULL is not foreign.
 */
bool envl_pump_is_foreign(const struct envl_pump *pump);

/* envl_pump_push - give len bytes; waits for room.  They are worked on a slot at
 * a time. */
enum envelope_reason envl_pump_push(struct envl_pump *pump, const void *data,
                                    size_t len, struct envl_err *err);

/*
 * envl_pump_pull - take the next output
 *
 *   *len  0 at the end
 *
 * Ownership: *data stays until the next call.
 * Returns:   ENVELOPE_OK, or what failed, once all that came before it has
 *            been taken.
 */
enum envelope_reason envl_pump_pull(struct envl_pump *pump,
                                    const unsigned char **data, size_t *len,
                                    struct envl_err *err);

/*
 * envl_pump_finish - no more is pushed: wait until all is written
 *
 * Returns: ENVELOPE_OK, or the first failure of any part.  errno is that of a
 *          failed read or write.
 */
enum envelope_reason envl_pump_finish(struct envl_pump *pump,
                                      struct envl_err *err);

/* envl_pump_taken - bytes of input so far; from any thread; 0 in the child of a
 * fork */
uint64_t envl_pump_taken(struct envl_pump *pump);

/*
 * envl_pump_stop - stop at once, whatever is under way: the codec is the
 * caller's again, and what was pulled last still stays; all other calls fail
 * envl_pump_free - stop and free
 *
 * NULL is fine.
 */
void envl_pump_stop(struct envl_pump *pump);
void envl_pump_free(struct envl_pump *pump);

#endif
