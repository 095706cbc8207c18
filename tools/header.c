/* SPDX-License-Identifier: Apache-2.0 */
/*
 * envelope header: a copy of the header is kept beside the data, as LUKS does
 * it.  It is a raw stream that ends before the first chunk.
 */
#include <string.h>
#include <unistd.h>

#include "filter/stream/fd.h"
#include "filter/stream/header_key.h"
#include "lib/cms/edit.h"
#include "tools/commands.h"
#include "tools/header_restore.h"
#include "tools/input_file.h"
#include "tools/os/journal.h"
#include "tools/os/output.h"

/* Reading a header */

static enum envelope_reason
check_key_envelope(const struct envl_header *header, struct envl_err *err)
{
    static const struct envl_libctx ctx = { .propq = "" };
    struct envl_key_envelope_entry *entries = NULL;
    size_t count = 0;
    enum envelope_reason rc = envl_key_envelope_list(
        &entries, &count, envl_header_key_envelope(header),
        header->prelude.key_envelope_len, &ctx, err);

    envl_key_envelope_list_free(entries, count);
    return rc;
}

enum envelope_reason
envl_saved_header_read(struct envl_header_file *head, int fd,
                       struct envl_err *err)
{
    enum envelope_reason rc = envl_header_file_read(head, fd, err);

    return rc == ENVELOPE_OK ? check_key_envelope(&head->header, err) : rc;
}

/* Saving */

/* Is something to be proved? */
static bool
needs_key(const struct envl_options *options)
{
    return options->identities != NULL || options->passphrase != NULL
           || options->passphrase_file != NULL || options->kek != NULL
           || options->required_labels != NULL || options->signed_by != NULL;
}

/* Half of a new header is no copy of one. */
static enum envelope_reason
check_journal(const char *name, struct envl_err *err)
{
    if (!envl_journal_is_beside(name))
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_READ, "it may have half of a new header");
}

static enum envelope_reason
check_key(const struct envl_header_file *head,
          const struct envl_options *options, struct envl_err *err)
{
    struct envl_cipher *cipher = NULL;
    enum envelope_reason rc = ENVELOPE_OK;

    if (needs_key(options))
        rc = envl_header_key_open(&cipher, options, head, err);
    envl_cipher_free(cipher);
    return rc;
}

static enum envelope_reason
write_header(const struct envl_header_file *head,
             const struct envl_arguments *arguments, int input,
             struct envl_err *err)
{
    struct envl_output output = { 0 };
    enum envelope_reason rc;

    rc = envl_output_open(&output, arguments->output, arguments->force, true,
                          input, 0666, err);
    if (rc == ENVELOPE_OK)
        rc = envl_header_file_write(head, output.fd, err);
    if (rc == ENVELOPE_OK)
        rc = envl_output_commit(&output, err);
    envl_output_discard(&output);
    return rc;
}

static enum envl_status
save(struct envl_arguments *arguments)
{
    const char *name = arguments->files[0];
    struct envl_header_file head = { 0 };
    struct envl_input_file input;
    enum envl_status status;
    enum envelope_reason rc;
    struct envl_err err;

    rc = envl_input_open(&input, name, ENVL_INPUT_ANY, &err);
    if (rc == ENVELOPE_OK)
        rc = envl_saved_header_read(&head, input.fd, &err);
    if (rc == ENVELOPE_OK)
        rc = check_journal(name, &err);
    if (rc == ENVELOPE_OK)
        rc = check_key(&head, &arguments->options, &err);
    if (rc == ENVELOPE_OK)
        rc = write_header(&head, arguments, input.fd, &err);
    envl_header_file_clear(&head);
    envl_input_close(&input);
    if (rc == ENVELOPE_OK)
        return ENVL_EXIT_DONE;
    status = envl_report_copy(name, arguments->output, &err, ENVL_DECRYPT);
    return input.missing ? ENVL_EXIT_MISSING : status;
}

/* What was asked for */

static enum envl_status
check_restore(const struct envl_arguments *arguments)
{
    if (arguments->file_count != 2)
        return envl_report_usage("header restore: name the saved header, and "
                                 "the file that it is for");
    if (arguments->output != NULL || arguments->force)
        return envl_report_usage("header restore: the file is changed in "
                                 "place: -o and --force are not for it");
    if (arguments->no_key && needs_key(&arguments->options))
        return envl_report_usage(
            "--no-key goes with no key, --require-label or "
            "--signed-by: nothing is proved then");
    return ENVL_EXIT_DONE;
}

static enum envl_status
check_save(const struct envl_arguments *arguments)
{
    if (arguments->file_count != 1)
        return envl_report_usage("header save: name one file, or - for "
                                 "standard input");
    if (arguments->no_key || arguments->preserve_mtime)
        return envl_report_usage("header save: --no-key and --preserve-mtime "
                                 "are for header restore");
    return ENVL_EXIT_DONE;
}

enum envl_status
envl_command_header(struct envl_arguments *arguments)
{
    const char *word = arguments->word;
    enum envl_status status;

    if (word != NULL && strcmp(word, "save") == 0) {
        status = check_save(arguments);
        return status == ENVL_EXIT_DONE ? save(arguments) : status;
    }
    if (word != NULL && strcmp(word, "restore") == 0) {
        status = check_restore(arguments);
        return status == ENVL_EXIT_DONE ? envl_command_header_restore(arguments)
                                        : status;
    }
    return envl_report_usage("header: say save or restore first, and then the "
                             "file");
}
