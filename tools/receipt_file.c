/* SPDX-License-Identifier: Apache-2.0 */
/* The envelope comes first, and is never harmed by its receipt. */
#include "tools/receipt_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "filter/stream/fd.h"
#include "tools/input_file.h"
#include "tools/os/output.h"

/* Writing */

static bool
is_standard(const char *path)
{
    return strcmp(path, "-") == 0;
}

/* A FIFO or a device is opened once, when there is something for it: but only if
 * force is given, and who did not is told now. */
static bool
can_wait(const struct envl_receipt_file *file)
{
    struct stat st;

    if (file->path == NULL || is_standard(file->path))
        return true;
    return file->force && stat(file->path, &st) == 0 && !S_ISREG(st.st_mode)
           && !S_ISDIR(st.st_mode);
}

void
envl_receipt_begin(struct envl_receipt_file *file,
                   const struct envl_arguments *arguments, int input)
{
    struct envl_output output;
    struct envl_err err;

    *file = (struct envl_receipt_file){
        .path = arguments->receipt,
        .of = arguments->output,
        .force = arguments->force,
        .started = time(NULL),
    };
    if (can_wait(file))
        return;
    if (envl_output_open(&output, file->path, file->force, false, input, 0666,
                         &err)
        == ENVELOPE_OK)
        envl_output_discard(&output);
    else
        file->status = envl_report_copy(NULL, file->path, &err, ENVL_ENCRYPT);
}

void
envl_receipt_note_output(struct envl_receipt_file *file, int fd)
{
    file->has_output =
        fstat(fd, &file->output) == 0 && S_ISREG(file->output.st_mode);
}

/* By another name it may be the envelope itself. */
static bool
is_output(const struct envl_receipt_file *file)
{
    struct stat st;

    return file->has_output && !is_standard(file->path)
           && stat(file->path, &st) == 0 && st.st_dev == file->output.st_dev
           && st.st_ino == file->output.st_ino;
}

/* These are the bytes that a signature of the receipt is to cover. */
static enum envelope_reason
write_file(const struct envl_receipt_file *file, const char *bytes, size_t len,
           struct envl_err *err)
{
    struct envl_output output;
    enum envelope_reason rc;

    if (is_output(file))
        return envl_fail(err, ENVELOPE_R_WRITE, "it is the envelope");
    rc = envl_output_open(&output, file->path, file->force, false, -1, 0666,
                          err);
    if (rc == ENVELOPE_OK) {
        rc = envl_fd_write_quietly(output.fd, (const unsigned char *)bytes, len,
                                   err);
        if (rc == ENVELOPE_OK)
            rc = envl_output_commit(&output, err);
        envl_output_discard(&output);
    }
    return rc;
}

void
envl_receipt_finish(struct envl_receipt_file *file,
                    const struct envl_codec *codec)
{
    const struct envl_receipt_words words = { file->of, file->started,
                                              time(NULL) };
    struct envl_sealed sealed;
    enum envelope_reason rc;
    struct envl_err err;
    char *bytes = NULL;
    size_t len = 0;

    if (file->path == NULL)
        return;
    rc = envl_codec_describe(codec, &sealed, &err);
    if (rc == ENVELOPE_OK)
        rc = envl_receipt_build(&bytes, &len, &sealed, &words, &err);
    if (rc == ENVELOPE_OK)
        rc = write_file(file, bytes, len, &err);
    free(bytes);
    envl_sealed_clear(&sealed);
    if (rc == ENVELOPE_OK)
        return;
    (void)envl_report_with(
        is_standard(file->path) ? "standard output" : file->path, &err,
        ENVL_ENCRYPT,
        "the envelope itself is complete; only its receipt is missing");
    file->status = ENVL_EXIT_FAILED;
}

/* Reading */

/* Up to its end, or one byte more than there may be. */
static enum envelope_reason
read_bytes(int fd, char *bytes, size_t *len, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    size_t n = 1;

    *len = 0;
    while (rc == ENVELOPE_OK && n > 0 && *len <= ENVL_RECEIPT_LEN_MAX) {
        rc = envl_fd_read(fd, NULL, (unsigned char *)bytes + *len,
                          ENVL_RECEIPT_LEN_MAX + 1 - *len, &n, err);
        *len += n;
    }
    if (rc == ENVELOPE_OK && *len > ENVL_RECEIPT_LEN_MAX)
        return envl_fail(err, ENVELOPE_R_READ,
                         "it is no receipt: it has more than %d bytes",
                         ENVL_RECEIPT_LEN_MAX);
    return rc;
}

enum envelope_reason
envl_receipt_read(struct envl_receipt *receipt, const char *path,
                  struct envl_err *err)
{
    struct envl_input_file input;
    enum envelope_reason rc;
    char *bytes;
    size_t len;

    rc = envl_input_open(&input, path, ENVL_INPUT_STORED, err);
    bytes = OPENSSL_malloc(ENVL_RECEIPT_LEN_MAX + 1);
    if (rc == ENVELOPE_OK && bytes == NULL)
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK)
        rc = read_bytes(input.fd, bytes, &len, err);
    if (rc == ENVELOPE_OK)
        rc = envl_receipt_parse(receipt, bytes, len, err);
    OPENSSL_free(bytes);
    envl_input_close(&input);
    return rc;
}
