/* SPDX-License-Identifier: Apache-2.0 */
/* The rows, and how values that are more than a word are taken. */
#include "tools/table.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include <envelope/envelope.h>

#include "lib/base/size.h"
#include "tools/part.h"

/* Takers */

static enum envelope_reason
take_flag(struct envl_arguments *arguments, const struct envl_option_row *row,
          const char *value, struct envl_err *err)
{
    (void)value;
    (void)err;
    *(bool *)((char *)arguments + row->offset) = true;
    return ENVELOPE_OK;
}

static enum envelope_reason
take_text(struct envl_arguments *arguments, const struct envl_option_row *row,
          const char *value, struct envl_err *err)
{
    (void)err;
    *(const char **)((char *)arguments + row->offset) = value;
    return ENVELOPE_OK;
}

static enum envelope_reason
take_filter(struct envl_arguments *arguments, const struct envl_option_row *row,
            const char *value, struct envl_err *err)
{
    return envl_options_set(&arguments->options, row->filter,
                            value != NULL ? value : "1", err);
}

static enum envelope_reason
take_decrypt(struct envl_arguments *arguments,
             const struct envl_option_row *row, const char *value,
             struct envl_err *err)
{
    (void)row;
    (void)value;
    (void)err;
    if (arguments->command == ENVL_CMD_ENCRYPT)
        arguments->command = ENVL_CMD_DECRYPT;
    return ENVELOPE_OK;
}

static enum envelope_reason
take_descriptor(struct envl_arguments *arguments,
                const struct envl_option_row *row, const char *value,
                struct envl_err *err)
{
    if (*value == '\0' || strlen(value) > 9
        || strspn(value, "0123456789") != strlen(value))
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "option --%s=%s: must be the number of an open "
                         "descriptor",
                         row->name, value);
    *(int *)((char *)arguments + row->offset) = atoi(value);
    return ENVELOPE_OK;
}

static enum envelope_reason
take_range(struct envl_arguments *arguments, const struct envl_option_row *row,
           const char *value, struct envl_err *err)
{
    const char *p = value;

    arguments->range_len = UINT64_MAX;
    arguments->has_range =
        envl_size_read(&arguments->range_offset, &p) && *p++ == ':'
        && (*p == '\0'
            || (envl_size_read(&arguments->range_len, &p) && *p == '\0'));
    if (arguments->has_range)
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_PARAMETER,
                     "option --%s=%s: must be OFFSET:LENGTH in bytes, or "
                     "OFFSET: for all from there on; 10M, 3G, 2T will do",
                     row->name, value);
}

static enum envelope_reason
take_part(struct envl_arguments *arguments, const struct envl_option_row *row,
          const char *value, struct envl_err *err)
{
    uint64_t part = 0, count = 0;
    char *end = NULL;

    if (*value >= '0' && *value <= '9')
        part = strtoull(value, &end, 10);
    if (end != NULL && *end == '/' && end[1] >= '0' && end[1] <= '9')
        count = strtoull(end + 1, &end, 10);
    if (part == 0 || part > count || count > ENVL_PART_COUNT_MAX
        || *end != '\0')
        return envl_fail(
            err, ENVELOPE_R_PARAMETER,
            "option --%s=%s: must be I/N, such as 3/8: a part from "
            "1 to N, and N up to %d",
            row->name, value, ENVL_PART_COUNT_MAX);
    arguments->part = part;
    arguments->part_count = count;
    return ENVELOPE_OK;
}

static enum envelope_reason
fail_word(const struct envl_option_row *row, const char *value,
          struct envl_err *err)
{
    return envl_fail(err, ENVELOPE_R_PARAMETER,
                     "option --%s=%s: must be one of %s", row->name, value,
                     row->words);
}

static enum envelope_reason
take_salvage(struct envl_arguments *arguments,
             const struct envl_option_row *row, const char *value,
             struct envl_err *err)
{
    arguments->salvage = true;
    arguments->salvage_skip = value != NULL && strcmp(value, "skip") == 0;
    if (value != NULL && !arguments->salvage_skip && strcmp(value, "zero") != 0)
        return fail_word(row, value, err);
    return ENVELOPE_OK;
}

static enum envelope_reason
take_progress(struct envl_arguments *arguments,
              const struct envl_option_row *row, const char *value,
              struct envl_err *err)
{
    static const char *const names[] = {
        [ENVL_PROGRESS_AUTO] = "auto",
        [ENVL_PROGRESS_NONE] = "none",
        [ENVL_PROGRESS_TEXT] = "text",
        [ENVL_PROGRESS_JSON] = "json",
    };
    size_t i;

    if (value == NULL)
        value = "text";
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], value) == 0) {
            arguments->progress = (enum envl_progress_mode)i;
            return ENVELOPE_OK;
        }
    }
    return fail_word(row, value, err);
}

static enum envelope_reason
take_remove(struct envl_arguments *arguments, const struct envl_option_row *row,
            const char *value, struct envl_err *err)
{
    size_t have = arguments->remove != NULL ? strlen(arguments->remove) : 0;
    size_t size = have + strlen(value) + 2;
    char *lines = OPENSSL_realloc(arguments->remove, size);

    (void)row;
    if (lines == NULL)
        return envl_fail_memory(err);
    (void)snprintf(lines + have, size - have, "%s%s", have > 0 ? "\n" : "",
                   value);
    arguments->remove = lines;
    return ENVELOPE_OK;
}

/* Rows */

#define FIELD(name) offsetof(struct envl_arguments, name)

#define BIT(command) (1U << ENVL_CMD_##command)
#define ENC BIT(ENCRYPT)
#define DEC BIT(DECRYPT)
#define LIS BIT(LIST)
#define EXT BIT(EXTRACT)
#define INS BIT(INSPECT)
#define VER BIT(VERIFY)
#define REW BIT(REWRAP)
#define HEA BIT(HEADER)
#define GEN BIT(KEYGEN)
#define FIN BIT(FINGERPRINT)
#define ALL (BIT(COUNT) - 1)
/* Those that open an envelope */
#define OPENS (DEC | LIS | EXT | VER | REW | HEA)

#define NONE ENVL_OPERAND_NONE, false, NULL, NULL
#define FILE_OPERAND(word) ENVL_OPERAND_FILE, false, word, NULL
#define OTHER(word) ENVL_OPERAND_OTHER, false, word, NULL
#define WORDS(word, words) ENVL_OPERAND_WORD, false, word, words
#define MAY(word, words) ENVL_OPERAND_WORD, true, word, words

/* clang-format off */
const struct envl_option_row envl_option_rows[] = {
    { "recipient", 'r', ENC | REW, ENVL_GROUP_KEYS,
      FILE_OPERAND("KEY"),
      take_filter, "recipient", 0,
      "encrypt for a public key or certificate: a file or URI" },
    { "recipients", 'R', ENC | REW, ENVL_GROUP_KEYS,
      FILE_OPERAND("PATH"),
      take_filter, "recipient", 0,
      "encrypt for all keys in a file, or in the files of a directory" },
    { "identity", 'i', OPENS, ENVL_GROUP_KEYS,
      FILE_OPERAND("KEY"),
      take_filter, "identity", 0,
      "open with a private key: a file or URI" },
    { "passphrase", 'p', ENC | OPENS | GEN, ENVL_GROUP_KEYS,
      NONE,
      take_flag, NULL, FIELD(prompt),
      "ask for a passphrase at the terminal" },
    { "passphrase-file", 0, ENC | OPENS | GEN | FIN,
      ENVL_GROUP_KEYS,
      FILE_OPERAND("FILE"),
      take_filter, "passphrase-file", 0,
      "take the passphrase from the first line of FILE" },
    { "passphrase-fd", 0, ENC | OPENS | GEN | FIN,
      ENVL_GROUP_KEYS,
      OTHER("N"),
      take_descriptor, NULL, FIELD(passphrase_fd),
      "take the passphrase from the first line of descriptor N" },
    { "kek", 'k', ENC | OPENS, ENVL_GROUP_KEYS,
      FILE_OPERAND("FILE"),
      take_text, NULL, FIELD(kek_file),
      "use the key-encryption key in FILE: 32 bytes, or 64 hexadecimal digits" },
    { "output", 'o', ENC | DEC | EXT | REW | HEA | GEN, ENVL_GROUP_DATA,
      FILE_OPERAND("FILE"),
      take_text, NULL, FIELD(output),
      "write FILE, which appears once it is complete" },
    { "force", 'f', ENC | DEC | EXT | REW | HEA | GEN, ENVL_GROUP_DATA,
      NONE,
      take_flag, NULL, FIELD(force),
      "replace a file that exists" },
    { "receipt", 0, ENC | VER, ENVL_GROUP_DATA,
      FILE_OPERAND("FILE"),
      take_text, NULL, FIELD(receipt),
      "the receipt: sizes, recipients and SHA-256 sums of the envelope" },
    { "decrypt", 'd', ENC | DEC, ENVL_GROUP_DATA,
      NONE,
      take_decrypt, NULL, 0,
      "do the same as envelope decrypt; archivers add it" },
    { "carrier", 0, ENC, ENVL_GROUP_FORMAT,
      WORDS("KIND", "auto raw tar xbstream"),
      take_filter, "carrier", 0,
      "put the envelope into such an archive; auto: as the data is" },
    { "label", 0, ENC, ENVL_GROUP_FORMAT,
      OTHER("KEY=VALUE"),
      take_filter, "label", 0,
      "add a label, which is public and authenticated" },
    { "label-sha256", 0, ENC, ENVL_GROUP_FORMAT,
      OTHER("KEY"),
      take_text, NULL, FIELD(label_sha256),
      "add a label with the SHA-256 of the file, which is read twice" },
    { "require-label", 0, OPENS, ENVL_GROUP_DATA,
      OTHER("KEY=VALUE"),
      take_filter, "require-label", 0,
      "refuse an envelope that does not have this label" },
    { "sign", 's', ENC, ENVL_GROUP_KEYS,
      FILE_OPERAND("KEY"),
      take_filter, "signer", 0,
      "sign with a private key: a file or URI" },
    { "signed-by", 0, OPENS | INS, ENVL_GROUP_DATA,
      FILE_OPERAND("KEY"),
      take_filter, "signed-by", 0,
      "refuse an envelope that this public key did not sign" },
    { "piece-size", 0, ENC, ENVL_GROUP_FORMAT,
      OTHER("BYTES"),
      take_filter, "piece-size", 0,
      "make the members of a tar, or chunks of an xbstream, so long" },
    { "reserve", 0, ENC | REW, ENVL_GROUP_FORMAT,
      OTHER("BYTES"),
      take_filter, "reserve", 0,
      "leave room for a later rewrap with more recipients" },
    { "work-factor", 0, ENC | REW, ENVL_GROUP_FORMAT,
      OTHER("LOG2"),
      take_filter, "work-factor", 0,
      "make each guess at the passphrase cost more: 14 to 20" },
    { "allow-expired", 0, ENC | REW, ENVL_GROUP_TAKEN,
      NONE,
      take_filter, "allow-expired", 0,
      "take a certificate that is not valid now" },
    { "skip-expired", 0, ENC | REW, ENVL_GROUP_TAKEN,
      NONE,
      take_filter, "skip-expired", 0,
      "leave out a certificate that is not valid now" },
    { "allow-usage", 0, ENC | REW, ENVL_GROUP_TAKEN,
      NONE,
      take_filter, "allow-usage", 0,
      "take a certificate of a CA, or one that is not for encryption" },
    { "require-post-quantum", 0, ENC | REW, ENVL_GROUP_TAKEN,
      NONE,
      take_filter, "require-post-quantum", 0,
      "refuse keys that a quantum computer could break" },
    { "any-end", 0, ENC, ENVL_GROUP_DATA,
      NONE,
      take_filter, "any-end", 0,
      "encrypt an archive that lacks its end, too" },
    { "xbcloud", 0, ENC, ENVL_GROUP_FORMAT,
      NONE,
      take_filter, "xbcloud", 0,
      "add the entries that xbcloud put looks for" },
    { "range", 0, DEC, ENVL_GROUP_DATA,
      OTHER("OFFSET:LENGTH"),
      take_range, NULL, 0,
      "write only these bytes, read from a file that can seek" },
    { "part", 0, DEC | VER, ENVL_GROUP_DATA,
      OTHER("I/N"),
      take_part, NULL, 0,
      "do only part I of N equal parts, for several machines" },
    { "parts", 0, VER, ENVL_GROUP_DATA,
      NONE,
      take_flag, NULL, FIELD(parts),
      "read what --part --json has written: was all of it verified?" },
    { "salvage", 0, DEC, ENVL_GROUP_DATA,
      MAY("HOLES", "zero skip"),
      take_salvage, NULL, 0,
      "write what is intact of a damaged file, and zeros for holes" },
    { "sparse", 0, DEC, ENVL_GROUP_DATA,
      NONE,
      take_flag, NULL, FIELD(sparse),
      "make holes in FILE where the data is zeros" },
    { "no-fsync", 0, DEC | EXT, ENVL_GROUP_DATA,
      NONE,
      take_flag, NULL, FIELD(no_fsync),
      "do not wait for the disk: a crash may lose FILE" },
    { "keep-going", 0, VER, ENVL_GROUP_RUN,
      NONE,
      take_flag, NULL, FIELD(keep_going),
      "list all damaged chunks, not only the first" },
    { "quiet", 'q', VER, ENVL_GROUP_RUN,
      NONE,
      take_flag, NULL, FIELD(quiet),
      "say nothing of files that are whole" },
    { "header", 0, VER, ENVL_GROUP_RUN,
      NONE,
      take_flag, NULL, FIELD(header_only),
      "only prove that the key opens it" },
    { "no-key", 0, VER | HEA, ENVL_GROUP_RUN,
      NONE,
      take_flag, NULL, FIELD(no_key),
      "use no key: check the form only, with --receipt the data, too" },
    { "add", 0, REW, ENVL_GROUP_CHANGE,
      NONE,
      take_flag, NULL, FIELD(add),
      "keep all recipients that there are, also the one that opens it" },
    { "replace-all", 0, REW, ENVL_GROUP_CHANGE,
      NONE,
      take_flag, NULL, FIELD(replace_all),
      "keep none of the recipients that there are" },
    { "remove", 0, REW, ENVL_GROUP_CHANGE,
      OTHER("ID"),
      take_remove, NULL, 0,
      "drop the recipient whose identifier begins with ID" },
    { "by-service", 0, REW, ENVL_GROUP_CHANGE,
      NONE,
      take_flag, NULL, FIELD(by_service),
      "have the key service encrypt its key anew; no key comes here" },
    { "identity-passphrase", 0, REW, ENVL_GROUP_KEYS,
      NONE,
      take_flag, NULL, FIELD(identity_prompt),
      "ask for the passphrase that opens it now" },
    { "identity-passphrase-file", 0, REW, ENVL_GROUP_KEYS,
      FILE_OPERAND("FILE"),
      take_text, NULL, FIELD(identity_passphrase_file),
      "take the passphrase that opens it now from FILE" },
    { "identity-kek", 0, REW, ENVL_GROUP_KEYS,
      FILE_OPERAND("FILE"),
      take_text, NULL, FIELD(identity_kek_file),
      "use the key-encryption key in FILE, which opens it now" },
    { "preserve-mtime", 0, REW | HEA, ENVL_GROUP_DATA,
      NONE,
      take_flag, NULL, FIELD(preserve_mtime),
      "leave the times of a file as they were" },
    { "recover", 0, REW, ENVL_GROUP_CHANGE,
      NONE,
      take_flag, NULL, FIELD(recover),
      "finish a rewrap that was interrupted, and no more" },
    { "type", 't', GEN, ENVL_GROUP_KEYS,
      WORDS("TYPE", "x25519 x448 p256 p384 p521 rsa3072 rsa4096 "
                    "mlkem768x25519 mlkem768 mlkem1024 ed25519 ed448 "
                    "mldsa65"),
      take_text, NULL, FIELD(key_type),
      "make a key of this type; x25519 if none is named" },
    { "files-from", 0, INS | VER | REW, ENVL_GROUP_DATA,
      FILE_OPERAND("FILE"),
      take_text, NULL, FIELD(files_from),
      "read the names of the files from FILE, one a line" },
    { "null", '0', INS | VER | REW, ENVL_GROUP_DATA,
      NONE,
      take_flag, NULL, FIELD(null),
      "with --files-from: end each name with a NUL byte" },
    { "json", 0, LIS | INS | VER | REW | FIN, ENVL_GROUP_RUN,
      NONE,
      take_flag, NULL, FIELD(json),
      "write one object a line, for programs" },
    { "threads", 'j', ENC | DEC | VER, ENVL_GROUP_RUN,
      OTHER("N"),
      take_filter, "threads", 0,
      "work with so many threads, up to 64" },
    { "progress", 0, ENC | DEC | LIS | EXT | VER, ENVL_GROUP_RUN,
      MAY("HOW", "auto none text json"),
      take_progress, NULL, 0,
      "tell on standard error how far it is" },
    { "verbose", 'v', ALL, ENVL_GROUP_RUN,
      NONE,
      take_flag, NULL, FIELD(verbose),
      "show the errors of libcrypto, too" },
};
/* clang-format on */

const size_t envl_option_count =
    sizeof(envl_option_rows) / sizeof(envl_option_rows[0]);

const struct envl_command_row envl_command_rows[ENVL_CMD_COUNT] = {
    { "encrypt", "[FILE | -- PROGRAM [ARGUMENT]...]", 1, true, NULL,
      "encrypt FILE, standard input, or what PROGRAM writes",
      "envelope encrypt -r ops.pub -o backup.env -- mariabackup --backup "
      "--stream=xbstream" },
    { "decrypt", "[FILE] [-- PROGRAM [ARGUMENT]...]", 1, true, NULL,
      "decrypt FILE or standard input",
      "envelope decrypt -i ops.key backup.env -- mbstream -x -C restored" },
    { "list", "[FILE [PATTERN...]]", INT_MAX, true, NULL,
      "show the members of the archive in an envelope",
      "envelope list -i ops.key backup.xb" },
    { "extract", "FILE PATTERN...", INT_MAX, true, NULL,
      "write an archive with the members that match",
      "envelope extract -i ops.key backup.xb 'shop/orders.*' | "
      "mbstream -x -C out" },
    { "inspect", "[FILE...]", INT_MAX, true, NULL,
      "show what is known without a key", "envelope inspect backup.env" },
    { "verify", "[FILE...]", INT_MAX, true, NULL,
      "read and check everything, write nothing",
      "envelope verify -i ops.key /backups/*.env" },
    { "rewrap", "FILE...", INT_MAX, true, NULL,
      "change who can open it, and leave the data alone",
      "envelope rewrap -i old.key -r new.pub /backups/*.env" },
    { "header", "save FILE | restore HEADER FILE", 2, true, "save restore",
      "keep a copy of the header, or put it back",
      "envelope header save -o backup.header backup.xb" },
    { "keygen", "", 0, false, NULL, "make a private key and its public key",
      "envelope keygen -p -o ops.key" },
    { "fingerprint", "KEY...", INT_MAX, true, NULL,
      "show the identifiers of keys, as inspect does",
      "envelope fingerprint ops.pub" },
    { "completion", "bash|zsh|fish", 0, false, "bash zsh fish",
      "print the completions for a shell",
      "envelope completion bash "
      ">~/.local/share/bash-completion/completions/envelope" },
};
