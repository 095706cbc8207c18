/* SPDX-License-Identifier: Apache-2.0 */
/* What was typed, checked and in order.  One table makes the parser, --help
 * and the shell completions. */
#ifndef ENVL_ARGUMENTS_H
#define ENVL_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/stream/options.h"
#include "tools/file_list.h"
#include "tools/os/progress.h"
#include "tools/status.h"

/* Room in a new header, for a rewrap that adds a few recipients. */
#define ENVL_RESERVE_DEFAULT 1024

enum envl_command_id {
    ENVL_CMD_ENCRYPT,
    ENVL_CMD_DECRYPT,
    ENVL_CMD_LIST,
    ENVL_CMD_EXTRACT,
    ENVL_CMD_INSPECT,
    ENVL_CMD_VERIFY,
    ENVL_CMD_REWRAP,
    ENVL_CMD_HEADER,
    ENVL_CMD_KEYGEN,
    ENVL_CMD_FINGERPRINT,
    ENVL_CMD_COMPLETION,
    ENVL_CMD_COUNT
};

/*
 * Strings are argv's, or NULL where nothing was said.
 *
 * Ownership: options and what says so is the structure's,
 *            envl_arguments_clear().
 */
struct envl_arguments {
    enum envl_command_id command;
    struct envl_options options; /* of the filter: recipients, identities,
                                  * passphrases, labels, carrier, ... */
    char **files;                /* operands, or those of files_from */
    int file_count;
    const char *word; /* before them: one of the command's words, or NULL */
    char *named[2];   /* those of a command that takes one, and one too many */
    char **patterns;  /* of list and extract: the operands after the first */
    int pattern_count;
    char **program; /* what comes after -- : its name, its arguments, NULL */
    struct envl_file_list list; /* of files_from; owned */
    const char *files_from;     /* --files-from */
    bool null;                  /* -0: its names end with NUL bytes */
    int passphrase_fd;          /* --passphrase-fd; -1 */
    const char *kek_file;       /* -k */
    const char *output;         /* -o */
    bool force;                 /* --force */
    bool sparse;                /* --sparse */
    bool no_fsync;              /* --no-fsync */
    bool verbose;               /* -v: libcrypto's errors, too */
    bool prompt;                /* -p: ask for a passphrase */
    enum envl_progress_mode progress;

    bool has_range; /* --range, with range_len UINT64_MAX to the end */
    uint64_t range_offset, range_len;
    uint64_t part, part_count; /* --part; 0 */
    bool parts;                /* --parts */
    bool salvage;              /* --salvage */
    bool salvage_skip;         /* --salvage=skip: leave holes out */
    bool keep_going;           /* --keep-going */
    bool header_only;          /* --header */
    bool no_key;               /* --no-key */
    const char *receipt;       /* --receipt: to be written, or to be read */
    const char *label_sha256;  /* --label-sha256: the key of that label */
    bool quiet;                /* --quiet: of what is well */
    bool json;                 /* --json */
    bool add;                  /* --add */
    bool replace_all;          /* --replace-all */
    char *remove;              /* --remove, in hexadecimal; one a line; owned */
    bool by_service;           /* --by-service */
    bool recover;              /* --recover */
    bool preserve_mtime;       /* --preserve-mtime */
    const char *key_type;      /* --type */

    /* What opens the envelopes that get other keys. */
    const char *identity_passphrase_file;
    bool identity_prompt;
    const char *identity_kek_file;
    unsigned char *identity_kek; /* ENVELOPE_KEY_LENGTH bytes; owned; what
                                  * main() has read from that file */
};

/*
 * envl_arguments_parse - read argv
 *
 * Without a subcommand it is ENVL_CMD_ENCRYPT, or with -d ENVL_CMD_DECRYPT.
 *
 * encrypt and decrypt take a program after --; all others names of files.
 * Where a command takes many files, options end at the first of them.  A word
 * that would be taken for an option, or for its value, and is also the name of
 * a file here, is refused unless -- comes after it: a wildcard may have put it
 * there.
 * Returns: ENVL_EXIT_DONE; -1 if --help or --version was answered; else it
 *          has been reported.
 */
int envl_arguments_parse(struct envl_arguments *arguments, int argc,
                         char **argv);
void envl_arguments_clear(struct envl_arguments *arguments);

#endif
