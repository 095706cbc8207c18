/* SPDX-License-Identifier: Apache-2.0 */
/* The envelope comes first, and is never harmed by its receipt. */
#include "tools/receipt_file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include <envelope/envelope.h>

#include "filter/stream/fd.h"
#include "filter/stream/library.h"
#include "lib/stream/defaults.h"
#include "lib/stream/signed.h"
#include "tools/input_file.h"
#include "tools/os/output.h"

static const char signature_end[] = ".sig";

/* Writing */

static bool
is_standard(const char *path)
{
    return strcmp(path, "-") == 0;
}

/* The signature's file is beside the receipt's; false if it has no place. */
static bool
name_signature(char name[PATH_MAX], const char *path)
{
    int len = snprintf(name, PATH_MAX, "%s%s", path, signature_end);

    return !is_standard(path) && len > 0 && len < PATH_MAX;
}

/* A FIFO or a device is opened once, when there is something for it: but only if
 * force is given, and who did not is told now. */
static bool
can_wait(const struct envl_receipt_file *file)
{
    struct stat st;

    if (is_standard(file->path))
        return true;
    return file->force && stat(file->path, &st) == 0 && !S_ISREG(st.st_mode)
           && !S_ISDIR(st.st_mode);
}

/* Will the envelope be signed, as far as options and defaults say? */
static bool
has_signer(const struct envl_options *options)
{
    struct envl_key_settings settings = { .signers = NULL };
    const struct envl_library *library;
    struct envl_defaults defaults;
    struct envl_err ignored; /* the cipher tells */
    bool has = options->signers != NULL;

    if (has || envl_library_get(&library, &ignored) != ENVELOPE_OK)
        return has;
    envl_defaults_get(&defaults, library->conf, ENVELOPE_PROVIDER_NAME);
    (void)envl_defaults_recipients(&defaults, &settings, &ignored);
    has = settings.signers != NULL;
    envl_key_settings_clear(&settings);
    return has;
}

/* Can a file of this name be made?  Nothing stays of it. */
static enum envl_status
try_file(const struct envl_receipt_file *file, const char *path, int input)
{
    struct envl_output output;
    struct envl_err err;

    if (envl_output_open(&output, path, file->force, false, input, 0666, &err)
        != ENVELOPE_OK)
        return envl_report_copy(NULL, path, &err, ENVL_ENCRYPT);
    envl_output_discard(&output);
    return ENVL_EXIT_DONE;
}

void
envl_receipt_begin(struct envl_receipt_file *file,
                   const struct envl_arguments *arguments, int input)
{
    char signature[PATH_MAX];

    *file = (struct envl_receipt_file){
        .path = arguments->receipt,
        .of = arguments->output,
        .force = arguments->force,
        .started = time(NULL),
    };
    if (file->path == NULL)
        return;
    if (has_signer(&arguments->options)) {
        if (!name_signature(signature, file->path))
            file->status = envl_report_usage(
                "what signs the envelope signs its receipt, too, in a file "
                "beside it: name the receipt");
        else
            file->status = try_file(file, signature, input);
    }
    if (file->status == ENVL_EXIT_DONE && !can_wait(file))
        file->status = try_file(file, file->path, input);
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

static enum envelope_reason
write_file(const struct envl_receipt_file *file, const char *path,
           const void *bytes, size_t len, struct envl_err *err)
{
    struct envl_output output;
    enum envelope_reason rc;

    rc = envl_output_open(&output, path, file->force, false, -1, 0666, err);
    if (rc == ENVELOPE_OK) {
        rc = envl_fd_write_quietly(output.fd, bytes, len, err);
        if (rc == ENVELOPE_OK)
            rc = envl_output_commit(&output, err);
        envl_output_discard(&output);
    }
    return rc;
}

/* The signature comes first: a receipt that is there has it. */
static enum envelope_reason
write_files(const struct envl_receipt_file *file, const char *bytes, size_t len,
            const unsigned char *signatures, size_t signatures_len,
            struct envl_err *err)
{
    char name[PATH_MAX];
    enum envelope_reason rc = ENVELOPE_OK;

    if (is_output(file))
        return envl_fail(err, ENVELOPE_R_WRITE, "it is the envelope");
    if (signatures != NULL && !name_signature(name, file->path))
        return envl_fail(err, ENVELOPE_R_WRITE,
                         "there is no place for its signature beside it");
    if (signatures != NULL)
        rc = write_file(file, name, signatures, signatures_len, err);
    if (rc != ENVELOPE_OK)
        return rc;
    rc = write_file(file, file->path, bytes, len, err);
    if (rc != ENVELOPE_OK && signatures != NULL)
        (void)unlink(name); /* that the receipt is missing is told */
    return rc;
}

void
envl_receipt_finish(struct envl_receipt_file *file,
                    const struct envl_codec *codec)
{
    const struct envl_receipt_words words = { file->of, file->started,
                                              time(NULL) };
    size_t len = 0, signatures_len = 0;
    unsigned char *signatures = NULL;
    struct envl_sealed sealed;
    enum envelope_reason rc;
    struct envl_err err;
    char *bytes = NULL;

    if (file->path == NULL)
        return;
    rc = envl_codec_describe(codec, &sealed, &err);
    if (rc == ENVELOPE_OK)
        rc = envl_receipt_build(&bytes, &len, &sealed, &words, &err);
    if (rc == ENVELOPE_OK)
        rc = envl_codec_sign_receipt(codec, bytes, len, &signatures,
                                     &signatures_len, &err);
    if (rc == ENVELOPE_OK)
        rc = write_files(file, bytes, len, signatures, signatures_len, &err);
    free(bytes);
    OPENSSL_free(signatures);
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

/* Read a file up to its end; what names it in a message. */
static enum envelope_reason
read_file(struct envl_octets *content, const char *path, size_t max,
          const char *what, struct envl_err *err)
{
    struct envl_input_file input;
    enum envelope_reason rc;
    size_t n = 1;

    rc = envl_input_open(&input, path, ENVL_INPUT_STORED, err);
    if (rc == ENVELOPE_OK && (content->data = OPENSSL_malloc(max + 1)) == NULL)
        rc = envl_fail_memory(err);
    while (rc == ENVELOPE_OK && n > 0 && content->len <= max) {
        rc = envl_fd_read(input.fd, NULL, content->data + content->len,
                          max + 1 - content->len, &n, err);
        content->len += n;
    }
    if (rc == ENVELOPE_OK && content->len > max)
        rc = envl_fail(err, ENVELOPE_R_READ,
                       "it is no %s: it has more than %zu bytes", what, max);
    envl_input_close(&input);
    return rc;
}

/* Has one of the trusted keys signed these bytes? */
static enum envelope_reason
check_signature(const struct envl_octets *receipt, const char *path,
                const struct envl_libctx *ctx,
                const struct envl_signature_keys *trusted, struct envl_err *err)
{
    enum envl_signature_state states[ENVL_SIGNATURE_COUNT_MAX];
    struct envl_octets der = { NULL, 0 }, message = { NULL, 0 };
    struct envl_signatures signatures;
    enum envelope_reason rc;
    char name[PATH_MAX];

    if (!name_signature(name, path))
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "the signature of a receipt is in a file beside it: "
                         "name the receipt");
    rc = access(name, F_OK) == 0
             ? read_file(&der, name, ENVL_SIGNATURES_LEN_MAX, "signature", err)
             : envl_fail(err, ENVELOPE_R_UNSIGNED,
                         "there is no %s, and signed-by says who must have "
                         "signed the receipt",
                         name);
    if (rc == ENVELOPE_OK)
        rc = envl_signatures_read(&signatures, der.data, der.len, err);
    if (rc == ENVELOPE_OK)
        rc = envl_receipt_message(&message, (const char *)receipt->data,
                                  receipt->len, err);
    if (rc == ENVELOPE_OK)
        rc = envl_signing_check(states, &signatures, trusted, ctx, &message,
                                err);
    envl_octets_clear(&message);
    envl_octets_clear(&der);
    return rc;
}

enum envelope_reason
envl_receipt_read(struct envl_receipt *receipt, const char *path,
                  const struct envl_libctx *ctx,
                  const struct envl_signature_keys *trusted,
                  struct envl_err *err)
{
    struct envl_octets content = { NULL, 0 };
    enum envelope_reason rc =
        read_file(&content, path, ENVL_RECEIPT_LEN_MAX, "receipt", err);

    if (rc == ENVELOPE_OK && trusted != NULL)
        rc = check_signature(&content, path, ctx, trusted, err);
    if (rc == ENVELOPE_OK)
        rc = envl_receipt_parse(receipt, (const char *)content.data,
                                content.len, err);
    envl_octets_clear(&content);
    return rc;
}
