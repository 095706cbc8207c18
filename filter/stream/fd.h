/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes descriptors of any kind, with short reads and writes,
 * signals and EAGAIN. */
#ifndef ENVL_FD_H
#define ENVL_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "lib/base/err.h"
#include "lib/base/waiting.h"

/*
 * envl_fd_blocks - may a call on fd wait for ever, so that a stop signal is
 * needed?  Calls on files and disks do not.
 */
bool envl_fd_blocks(int fd);

/*
 * envl_fd_read - read up to size bytes; wait only for the first byte
 * envl_fd_read_vec - the same into count parts, whose bases and lengths change
 *
 *   stop  the signal that ends the wait; or NULL
 *
 * Returns: ENVELOPE_OK with *len > 0, or 0 at the end; ENVELOPE_R_READ with
 *          the system's text and errno set, and *len bytes before that;
 *          ENVELOPE_R_NO_STREAM if the signal was given.
 */
enum envelope_reason envl_fd_read(int fd, const struct envl_stop *stop,
                                  unsigned char *buf, size_t size, size_t *len,
                                  struct envl_err *err);
enum envelope_reason envl_fd_read_vec(int fd, const struct envl_stop *stop,
                                      struct iovec *parts, unsigned count,
                                      size_t *len, struct envl_err *err);

/*
 * envl_fd_has_records - does each write make a record, which one read gets
 * whole or not at all?  Tapes have records, and so have sockets other than
 * streams.
 */
bool envl_fd_has_records(int fd);

/* envl_fd_read_record - envl_fd_read() with a single read(2), for one record */
enum envelope_reason envl_fd_read_record(int fd, const struct envl_stop *stop,
                                         unsigned char *buf, size_t size,
                                         size_t *len, struct envl_err *err);

/* A descriptor for writing, and the signal that ends a wait. */
struct envl_fd_out {
    int fd;                       /* borrowed */
    const struct envl_stop *stop; /* borrowed; NULL for no signal */
    int again;                    /* envl_open_again() of fd, owned; or -1 */
    bool is_socket;
    size_t most; /* bytes of one call, so that it does not block if there is
                  * any room; 0: no limit */
};

/*
 * envl_fd_out_init - set up fd for writing until stop is given; with NULL,
 * writes may block
 * envl_fd_out_init_now - set up fd for envl_fd_out_try()
 * envl_fd_out_clear - close the second descriptor; fd stays open
 */
void envl_fd_out_init(struct envl_fd_out *out, int fd,
                      const struct envl_stop *stop);
void envl_fd_out_init_now(struct envl_fd_out *out, int fd);
void envl_fd_out_clear(struct envl_fd_out *out);

/* envl_fd_out_try - write as many bytes as there is room for, in one call that
 * does not block if the system allows that; returns what write(2) returns */
ssize_t envl_fd_out_try(const struct envl_fd_out *out, const void *buf,
                        size_t len);

/*
 * envl_fd_write, envl_fd_out_put - write all len bytes
 * envl_fd_write_quietly - the same, and a closed pipe does not raise SIGPIPE
 * envl_fd_out_write, envl_fd_out_write_quietly - write count parts, whose bases
 * and lengths change
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

/* envl_fd_begin_to_disk - have the system begin to bring to disk what was written;
 * it waits at most for room in the system's queue, and failure does no harm */
void envl_fd_begin_to_disk(int fd);

/* envl_fd_widen_pipe - ask the system for a larger pipe buffer; failure does no
 * harm */
void envl_fd_widen_pipe(int fd);

#endif
