/* SPDX-License-Identifier: Apache-2.0 */
/* Files of receipts: one that appears after its envelope, and one that is
 * read. */
#ifndef ENVL_RECEIPT_FILE_H
#define ENVL_RECEIPT_FILE_H

#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>

#include "filter/stream/codec.h"
#include "lib/base/libctx.h"
#include "lib/sign/signature_keys.h"
#include "tools/arguments.h"
#include "tools/receipt.h"

/* A receipt to be written; path NULL: none is. */
struct envl_receipt_file {
    const char *path; /* borrowed; "-" is standard output */
    const char *of;   /* the envelope's name, borrowed; NULL: standard output */
    bool force;
    enum envl_status status; /* what has been reported, or ENVL_EXIT_DONE */
    time_t started;
    bool has_output; /* output is a regular file's */
    struct stat output;
};

/*
 * envl_receipt_begin - now the envelope begins: can the receipt be written, and
 * beside it the signature, FILE.sig, if the envelope is signed?  If
 * not, that is reported, and in file->status
 *
 *   input  descriptor that must not be the same file, or -1
 *
 * Nothing stays of what it tries.
 */
void envl_receipt_begin(struct envl_receipt_file *file,
                        const struct envl_arguments *arguments, int input);

/* envl_receipt_note_output - the envelope is written to this descriptor */
void envl_receipt_note_output(struct envl_receipt_file *file, int fd);

/*
 * envl_receipt_finish - the envelope is complete and has its name: write the
 * receipt, which is complete then, or not there
 *
 * A failure is reported, and that the envelope is complete; file->status is
 * ENVL_EXIT_FAILED then.
 */
void envl_receipt_finish(struct envl_receipt_file *file,
                         const struct envl_codec *codec);

/*
 * envl_receipt_read - read and check the receipt in a file; "-" is standard
 * input
 *
 *   trusted  keys, one of which must have signed the receipt, in a file beside
 *            it; NULL: nobody need have
 *   ctx      for these keys
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_READ; _PARAMETER; _MEMORY; what
 *          envl_signing_check() returns.
 */
enum envelope_reason
envl_receipt_read(struct envl_receipt *receipt, const char *path,
                  const struct envl_libctx *ctx,
                  const struct envl_signature_keys *trusted,
                  struct envl_err *err);

#endif
