/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors of any kind: short reads and writes, signals, EAGAIN. */
#ifndef ENVL_FD_H
#define ENVL_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "lib/base/err.h"

/*
 * envl_fd_read - read what there is, at most size bytes; waits for the first
 * envl_fd_read_vec - the same into count parts, which are used up as they are
 * filled
 *
 * Returns: ENVELOPE_OK with *len > 0, or 0 at the end; ENVELOPE_R_READ with
 *          the system's text and errno set, and *len bytes before that.
 * Threads: a cancellation point where cancellation is enabled.
 */
enum envelope_reason envl_fd_read(int fd, unsigned char *buf, size_t size,
                                  size_t *len, struct envl_err *err);
enum envelope_reason envl_fd_read_vec(int fd, struct iovec *parts,
                                      unsigned count, size_t *len,
                                      struct envl_err *err);

/*
 * envl_fd_has_records - does each write stay a record of its own, which one
 * read gets whole or not at all?  So it is with tapes, and with sockets other
 * than streams.
 */
bool envl_fd_has_records(int fd);

/* envl_fd_read_record - the same as envl_fd_read() in one call: a record */
enum envelope_reason envl_fd_read_record(int fd, unsigned char *buf,
                                         size_t size, size_t *len,
                                         struct envl_err *err);

/* envl_fd_write, _vec - write all of it; as above, ENVELOPE_R_WRITE */
enum envelope_reason envl_fd_write(int fd, const unsigned char *buf, size_t len,
                                   struct envl_err *err);
enum envelope_reason envl_fd_write_vec(int fd, struct iovec *parts,
                                       unsigned count, struct envl_err *err);

/* envl_fd_write_quietly, envl_fd_write_vec_quietly - the same, and a closed pipe
 * does not raise SIGPIPE */
enum envelope_reason envl_fd_write_quietly(int fd, const unsigned char *buf,
                                           size_t len, struct envl_err *err);
enum envelope_reason envl_fd_write_vec_quietly(int fd, struct iovec *parts,
                                               unsigned count,
                                               struct envl_err *err);

/* envl_fd_widen_pipe - ask for a pipe that holds more; it is no loss if there
 * is none */
void envl_fd_widen_pipe(int fd);

#endif
