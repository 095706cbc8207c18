/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors of any kind: short reads and writes, signals, EAGAIN. */
#ifndef ENVL_FD_H
#define ENVL_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "lib/base/err.h"
#include "lib/base/waiting.h"

/*
 * envl_fd_blocks - may a call wait for ever, so that it must be possible to stop
 * it?  Files and disks do not.
 */
bool envl_fd_blocks(int fd);

/*
 * envl_fd_read - read what there is, at most size bytes; waits for the first
 * envl_fd_read_vec - the same into count parts, which are used up as they are
 * filled
 *
 *   stop  ends the wait; or NULL
 *
 * Returns: ENVELOPE_OK with *len > 0, or 0 at the end; ENVELOPE_R_READ with
 *          the system's text and errno set, and *len bytes before that;
 *          ENVELOPE_R_NO_STREAM if it was stopped.
 */
enum envelope_reason envl_fd_read(int fd, const struct envl_stop *stop,
                                  unsigned char *buf, size_t size, size_t *len,
                                  struct envl_err *err);
enum envelope_reason envl_fd_read_vec(int fd, const struct envl_stop *stop,
                                      struct iovec *parts, unsigned count,
                                      size_t *len, struct envl_err *err);

/*
 * envl_fd_has_records - does each write stay a record of its own, which one
 * read gets whole or not at all?  So it is with tapes, and with sockets other
 * than streams.
 */
bool envl_fd_has_records(int fd);

/* envl_fd_read_record - the same as envl_fd_read() in one call: a record */
enum envelope_reason envl_fd_read_record(int fd, const struct envl_stop *stop,
                                         unsigned char *buf, size_t size,
                                         size_t *len, struct envl_err *err);

/* Where to write, so that it can be stopped. */
struct envl_fd_out {
    int fd;                       /* borrowed */
    const struct envl_stop *stop; /* borrowed; NULL: nothing stops it */
    int again;                    /* envl_open_again() of fd, owned; or -1 */
    bool is_socket;
    size_t most; /* bytes of one call, which do not block once there is room
                  * for any; 0: as many as there are */
};

/*
 * envl_fd_out_init - a descriptor that is written to, until it is stopped; with
 * NULL as it is
 * envl_fd_out_init_now - the same, for envl_fd_out_try()
 * envl_fd_out_clear - no more is written
 */
void envl_fd_out_init(struct envl_fd_out *out, int fd,
                      const struct envl_stop *stop);
void envl_fd_out_init_now(struct envl_fd_out *out, int fd);
void envl_fd_out_clear(struct envl_fd_out *out);

/* envl_fd_out_try - write as much as there is room for, in one call that does not
 * wait where that can be had; what write(2) returns */
ssize_t envl_fd_out_try(const struct envl_fd_out *out, const void *buf,
                        size_t len);

/*
 * envl_fd_write - write all of it
 * envl_fd_write_quietly - the same, and a closed pipe does not raise SIGPIPE
 * envl_fd_out_put - the same as envl_fd_write()
 * envl_fd_out_write, envl_fd_out_write_quietly - count parts, which are used up
 *
 * Returns: as above, ENVELOPE_R_WRITE for ENVELOPE_R_READ.
 */
enum envelope_reason envl_fd_write(int fd, const unsigned char *buf, size_t len,
                                   struct envl_err *err);
enum envelope_reason envl_fd_write_quietly(int fd, const unsigned char *buf,
                                           size_t len, struct envl_err *err);
enum envelope_reason envl_fd_out_put(const struct envl_fd_out *out,
                                     const unsigned char *buf, size_t len,
                                     struct envl_err *err);
enum envelope_reason envl_fd_out_write(const struct envl_fd_out *out,
                                       struct iovec *parts, unsigned count,
                                       struct envl_err *err);
enum envelope_reason envl_fd_out_write_quietly(const struct envl_fd_out *out,
                                               struct iovec *parts,
                                               unsigned count,
                                               struct envl_err *err);

/* envl_fd_widen_pipe - ask for a pipe that holds more; it is no loss if there
 * is none */
void envl_fd_widen_pipe(int fd);

#endif
