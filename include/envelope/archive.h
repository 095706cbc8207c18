/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encrypted archives for programs that use libarchive: functions in the
 * manner of archive_write_open*() and archive_read_open*(), to be called in
 * their place.  Link with -lenvelope-archive -larchive; nothing need be
 * configured.  envelope_archive(3) is the manual.
 */
#ifndef ENVELOPE_ARCHIVE_H
#define ENVELOPE_ARCHIVE_H

#include <stddef.h>
#include <stdio.h>

#include <archive.h>

#include <envelope/envelope.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * An option and its value, both NUL-terminated.  Every function below takes
 * an array of them that ends with { NULL, NULL }; NULL stands for an empty
 * array.  The strings are copied where they are needed for longer.
 *
 * Reading and writing:
 *   passphrase       to encrypt for, or to decrypt with
 *   passphrase-file  the name of a file whose first line is the passphrase
 *   threads          how many threads seal or open data, with files and
 *                    descriptors, 1 to 64; 0, or if nothing is said: 2
 *
 * Reading:
 *   identities       private keys: paths and URIs, separated by colons or
 *                    newlines; given again, they add up
 *   require          "1": what is read must be an envelope; "0": it need not
 *                    be one.  If nothing is said, it must be one where these
 *                    options name an identity or a passphrase
 *   require-labels   lines key=value that what is read must have; they add up
 *   signed-by        a public key: what is read must be signed with it, or with
 *                    one of the others; given again, they add up
 *
 *                    What is read must be an envelope where one of these two is
 *                    said, also by the environment or openssl.cnf
 *
 * Writing:
 *   recipients       public keys and certificates, in the same way
 *   labels           lines key=value; given again, they add up
 *   signers          private keys that sign, as recipients
 *   carrier          "tar" (the default), "xbstream" or "raw": the kind of
 *                    archive that the encrypted stream is put into; "auto":
 *                    the kind of the archive that is encrypted, else raw
 *   piece-size       bytes of the encrypted stream in each member of a tar
 *                    carrier, each chunk of an xbstream: a multiple of 512
 *                    from 65536 to 67108864; the default is 8388608
 *   xbcloud          "1": add the member that xbcloud put insists on
 *   any-end          "1": with carrier auto, take a tar or xbstream without its
 *                    end, too
 *   reserve, work-factor, allow-expired, skip-expired, allow-usage,
 *   require-post-quantum
 *                    the cipher's parameters, EVP_CIPHER-ENVELOPE(7)
 *
 * The words identity, recipient and signer name one path or URI each, whatever is in
 * it, and the word label one line.  Where no
 * recipient, identity or passphrase is given, the environment and openssl.cnf
 * are asked, OSSL_PROVIDER-envelope(7); keys from there do not insist on an
 * envelope.  An option that is unknown, or whose value is not good, is an
 * error also where it is not needed.
 */
struct envelope_option {
    const char *name;
    const char *value;
};

/*
 * Writing.  Set the format and any compression first.  What libarchive
 * produces is encrypted as it comes, and goes to the target in a carrier.  An
 * archive that was given up, by archive_write_fail() or by an error, does not
 * get its end.
 * archive_write_set_bytes_per_block() and _in_last_block() count for what is
 * written, by libarchive's rules: callbacks, stdio and tapes get blocks of
 * that length, other descriptors longer pieces, and the last block is padded
 * where libarchive pads it.  Only a tar carrier can be padded.  With another
 * one, or blocks of more than 16766976 bytes, padding that the program has set
 * is EINVAL, and what libarchive would do of itself is left out.
 * The wrapped data key is made before the target is opened: an option, a
 * recipient or a passphrase that is not good leaves no trace of a file.
 *
 * Ownership: the archive's.  A descriptor, a FILE and memory stay open and
 *            are the caller's; they must remain valid until the archive is
 *            closed.
 * Memory:    about 5 MiB and a piece, for a file name or a descriptor a piece
 *            for each thread and one more besides, whatever the archive's
 *            length.
 * Returns:   ARCHIVE_OK, or ARCHIVE_FATAL with archive_error_string() and
 *            archive_errno(): the system's error number where it reported
 *            one, ENOMEM, EINVAL for an option, a recipient or a passphrase,
 *            -1 otherwise.
 * Complete:  only when envelope_archive_write_close() or _free() has returned
 *            ARCHIVE_OK.  libarchive's own archive_write_close() and
 *            archive_write_free() drop what the last write reports, such as
 *            a full disk.  Readers refuse an incomplete archive.
 * Threads:   an archive belongs to one thread at a time, as with libarchive.
 *            The two functions for files and descriptors start threads of
 *            their own, with all signals blocked, or work in the calling one
 *            where the system allows no other; a forked child cannot go on
 *            with the archive.
 */

/*
 * envelope_archive_write_open_filename - write to a file
 *
 *   name  NULL or "": standard output
 */
ENVELOPE_EXPORT int envelope_archive_write_open_filename(
    struct archive *a, const struct envelope_option *options, const char *name);

/* envelope_archive_write_open_fd - write to a descriptor, from where it
 * stands; one that does not block is waited for */
ENVELOPE_EXPORT int
envelope_archive_write_open_fd(struct archive *a,
                               const struct envelope_option *options, int fd);

/* envelope_archive_write_open_FILE - write to a stream, flushed at close */
ENVELOPE_EXPORT int envelope_archive_write_open_FILE(
    struct archive *a, const struct envelope_option *options, FILE *file);

/*
 * envelope_archive_write_open_memory - write to memory
 *
 *   size  bytes at buffer; more than these fail with ENOMEM
 *   used  where the number of bytes written is kept up to date, or NULL
 */
ENVELOPE_EXPORT int
envelope_archive_write_open_memory(struct archive *a,
                                   const struct envelope_option *options,
                                   void *buffer, size_t size, size_t *used);

/*
 * envelope_archive_write_open - write through the program's own callbacks,
 * which are called as archive_write_open2() would, in the thread that uses
 * the archive; any of them but write_callback may be NULL
 *
 * write_callback may take less than it is offered, and is called again with
 * the rest.  A negative result, or 0, ends the archive; archive_set_error()
 * in it is kept.
 */
ENVELOPE_EXPORT int envelope_archive_write_open(
    struct archive *a, const struct envelope_option *options, void *client_data,
    archive_open_callback *open_callback,
    archive_write_callback *write_callback,
    archive_close_callback *close_callback,
    archive_free_callback *free_callback);

/*
 * envelope_archive_write_close - archive_write_close(), with every error
 * envelope_archive_write_free - archive_write_free(), with every error; a may
 * be NULL
 *
 * For an archive that was not opened by the functions above these are
 * libarchive's functions.
 *
 * Returns: ARCHIVE_OK if the whole archive was encrypted and handed over;
 *          what libarchive returned; or ARCHIVE_FATAL.
 */
ENVELOPE_EXPORT int envelope_archive_write_close(struct archive *a);
ENVELOPE_EXPORT int envelope_archive_write_free(struct archive *a);

/*
 * Reading.  Set what is to be supported first.  An envelope, in whichever
 * carrier, is recognised by its first bytes and decrypted.  Only plaintext
 * that was verified reaches libarchive.
 * Anything else passes through untouched, as if libarchive had opened it
 * itself, unless the options insist on an envelope.  Where the first bytes
 * cannot be looked at, opening fails: libarchive gets nothing unseen.
 *
 * Where the source can seek, so can libarchive: a zip or a 7-Zip archive is
 * read by its directory, and the bodies of large members that a program skips
 * are not decrypted.  Where it cannot, everything is read and verified in
 * order.
 *
 * Ownership and Threads: as when writing.
 * Memory:    about 20 MiB.
 * Returns:   ARCHIVE_OK or ARCHIVE_FATAL as above; archive_errno() is EINVAL
 *            also where no identity opens the envelope, and EILSEQ, as for
 *            libarchive's own formats, for one that is damaged or cut, and for
 *            what must be an envelope and is none.
 *            Failures come from these functions, and from whichever libarchive
 *            function reads or closes.
 * Complete:  archive_read_close() reads what is left and verifies the end,
 *            unless more than 64 MiB are left: then the program has stopped
 *            in the middle, and nothing is said of the rest.  What came out
 *            by then was verified in any case.
 */

/*
 * envelope_archive_read_open_filename - read a file
 *
 *   name        NULL or "": standard input
 *   block_size  bytes of a read, as archive_read_open_filename(): for what is
 *               not an envelope, and for a tape.  There a record that is
 *               longer is an error, and 0 stands for 1048576
 */
ENVELOPE_EXPORT int
envelope_archive_read_open_filename(struct archive *a,
                                    const struct envelope_option *options,
                                    const char *name, size_t block_size);

/* envelope_archive_read_open_fd - read from a descriptor */
ENVELOPE_EXPORT int
envelope_archive_read_open_fd(struct archive *a,
                              const struct envelope_option *options, int fd,
                              size_t block_size);

/* envelope_archive_read_open_FILE - read from a stream */
ENVELOPE_EXPORT int envelope_archive_read_open_FILE(
    struct archive *a, const struct envelope_option *options, FILE *file);

/* envelope_archive_read_open_memory - read from size bytes at buffer */
ENVELOPE_EXPORT int
envelope_archive_read_open_memory(struct archive *a,
                                  const struct envelope_option *options,
                                  const void *buffer, size_t size);

/*
 * envelope_archive_read_open - read through the program's own callbacks,
 * which are called as archive_read_open1() would; any of them but
 * read_callback may be NULL
 */
ENVELOPE_EXPORT int envelope_archive_read_open(
    struct archive *a, const struct envelope_option *options, void *client_data,
    archive_open_callback *open_callback, archive_read_callback *read_callback,
    archive_skip_callback *skip_callback, archive_seek_callback *seek_callback,
    archive_close_callback *close_callback);

/* As many first bytes as tell an envelope from anything else. */
#define ENVELOPE_ARCHIVE_RECOGNISE_LENGTH 8192

/*
 * envelope_archive_recognise - do these first bytes of a file begin an
 * envelope?
 *
 *   len  all that there is, at most ENVELOPE_ARCHIVE_RECOGNISE_LENGTH
 *
 * Returns: its carrier, "raw", "tar" or "xbstream", as a static string; NULL
 *          if it is something else.
 * Threads: safe.
 */
ENVELOPE_EXPORT const char *envelope_archive_recognise(const void *bytes,
                                                       size_t len);

#ifdef __cplusplus
}
#endif

#endif
