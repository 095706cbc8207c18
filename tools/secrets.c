/* SPDX-License-Identifier: Apache-2.0 */
/* Files may be pipes: each is read once. */
#include "tools/secrets.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include <envelope/envelope.h>

#include "lib/base/file.h"
#include "lib/keys/kek_file.h"
#include "lib/keys/passphrase.h"
#include "tools/os/prompt.h"

/* Files in use */

static bool
is_standard(const char *name)
{
    return strcmp(name, "-") == 0;
}

static bool
note_inputs(struct envl_octets *in_use, const struct envl_arguments *arguments)
{
    const char *list = arguments->files_from;
    bool ok = true;
    int i;

    for (i = 0; i < arguments->file_count && ok; i++) {
        const char *name = arguments->files[i];

        ok = is_standard(name) ? envl_file_add_in_use(in_use, STDIN_FILENO)
                               : envl_file_add_name_in_use(in_use, name);
    }
    if (ok && list != NULL && is_standard(list))
        ok = envl_file_add_in_use(in_use, STDIN_FILENO);
    else if (ok && list != NULL)
        ok = envl_file_add_name_in_use(in_use, list);
    else if (ok && arguments->file_count == 0)
        ok = envl_file_add_in_use(in_use, STDIN_FILENO);
    return ok;
}

/* Standard output counts if it is a regular file.  A terminal may be the one where
 * a passphrase is typed. */
static bool
note_output(struct envl_octets *in_use, const struct envl_arguments *arguments)
{
    const char *output = arguments->output, *receipt = arguments->receipt;
    struct stat st;

    if (receipt != NULL && !is_standard(receipt)
        && !envl_file_add_name_in_use(in_use, receipt))
        return false;
    if (output != NULL && !is_standard(output))
        return envl_file_add_name_in_use(in_use, output);
    return fstat(STDOUT_FILENO, &st) != 0 || !S_ISREG(st.st_mode)
           || envl_file_add_in_use(in_use, STDOUT_FILENO);
}

static enum envelope_reason
note_files(struct envl_arguments *arguments, struct envl_err *err)
{
    struct envl_octets *in_use = &arguments->options.in_use;
    bool ok = true;

    switch (arguments->command) {
    case ENVL_CMD_ENCRYPT:
    case ENVL_CMD_DECRYPT:
    case ENVL_CMD_LIST:
    case ENVL_CMD_EXTRACT:
    case ENVL_CMD_INSPECT:
    case ENVL_CMD_VERIFY:
    case ENVL_CMD_REWRAP:
    case ENVL_CMD_HEADER:
        ok = note_inputs(in_use, arguments) && note_output(in_use, arguments);
        break;
    case ENVL_CMD_KEYGEN:
        ok = note_output(in_use, arguments);
        break;
    default: /* what it reads are keys */
        break;
    }
    return ok ? ENVELOPE_OK : envl_fail_memory(err);
}

/* Passphrases */

static enum envelope_reason
keep_passphrase(struct envl_options *options, const struct envl_octets *read,
                struct envl_err *err)
{
    options->passphrase = OPENSSL_strndup((const char *)read->data, read->len);
    if (options->passphrase == NULL)
        return envl_fail_memory(err);
    OPENSSL_free(options->passphrase_file);
    options->passphrase_file = NULL;
    return ENVELOPE_OK;
}

static enum envelope_reason
get_passphrase(struct envl_arguments *arguments, const char *asks_for,
               bool twice, struct envl_err *err)
{
    struct envl_options *options = &arguments->options;
    const struct envl_key_settings from = {
        .passphrase_file = options->passphrase_file,
        .in_use = options->in_use,
    };
    const bool has_fd = arguments->passphrase_fd >= 0;
    struct envl_octets read = { NULL, 0 };
    enum envelope_reason rc;

    if (arguments->prompt + has_fd + (options->passphrase_file != NULL) > 1)
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "-p, --passphrase-file and --passphrase-fd do not go "
                         "together");
    if (arguments->prompt)
        return envl_prompt_passphrase(&options->passphrase, asks_for, twice,
                                      err);
    if (has_fd && arguments->passphrase_fd > STDERR_FILENO) /* for us alone */
        (void)fcntl(arguments->passphrase_fd, F_SETFD, FD_CLOEXEC);
    rc = has_fd ? envl_passphrase_read(&read, arguments->passphrase_fd,
                                       &options->in_use, err)
                : envl_passphrase_load(&read, &from, err);
    if (rc == ENVELOPE_OK && read.data != NULL)
        rc = keep_passphrase(options, &read, err);
    envl_octets_clear(&read);
    return rc;
}

/* Key-encryption keys */

/* If it cannot be read, has decrypting failed or encrypting? */
static enum envl_direction
way_of(const struct envl_arguments *arguments)
{
    switch (arguments->command) {
    case ENVL_CMD_DECRYPT:
    case ENVL_CMD_LIST:
    case ENVL_CMD_EXTRACT:
    case ENVL_CMD_VERIFY:
        return ENVL_DECRYPT;
    default:
        return ENVL_ENCRYPT;
    }
}

static enum envelope_reason
get_kek(unsigned char **kek, const char *name,
        const struct envl_arguments *arguments, struct envl_err *err)
{
    if (name == NULL)
        return ENVELOPE_OK;
    if ((*kek = OPENSSL_zalloc(ENVELOPE_KEY_LENGTH)) == NULL)
        return envl_fail_memory(err);
    return envl_kek_read(*kek, name, &arguments->options.in_use, err);
}

/* A descriptor that a name stands for is not for a program that is run later. */
static void
keep_from_programs(const char *path)
{
    static const char *const places[] = { "/dev/fd/", "/proc/self/fd/" };
    size_t i, len;

    for (i = 0; path != NULL && i < sizeof(places) / sizeof(places[0]); i++) {
        len = strlen(places[i]);
        if (strncmp(path, places[i], len) == 0 && atoi(path + len) > 2)
            (void)fcntl(atoi(path + len), F_SETFD, FD_CLOEXEC);
    }
}

enum envelope_reason
envl_secrets_read(struct envl_arguments *arguments, const char *asks_for,
                  bool twice, enum envl_direction *direction,
                  struct envl_err *err)
{
    enum envelope_reason rc = note_files(arguments, err);

    keep_from_programs(arguments->kek_file);
    keep_from_programs(arguments->options.passphrase_file);
    *direction = ENVL_DECRYPT;
    if (rc == ENVELOPE_OK)
        rc = get_kek(&arguments->identity_kek, arguments->identity_kek_file,
                     arguments, err);
    if (rc != ENVELOPE_OK)
        return rc;
    *direction = way_of(arguments);
    rc = get_kek(&arguments->options.kek, arguments->kek_file, arguments, err);
    if (rc == ENVELOPE_OK)
        rc = get_passphrase(arguments, asks_for, twice, err);
    return rc;
}
