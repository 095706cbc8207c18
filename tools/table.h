/* SPDX-License-Identifier: Apache-2.0 */
/* Every subcommand and every option, once: the parser, --help and the shell
 * completions are made from it. */
#ifndef ENVL_TABLE_H
#define ENVL_TABLE_H

#include <stddef.h>

#include "tools/arguments.h"

/* What follows an option, for --help and for completion. */
enum envl_operand {
    ENVL_OPERAND_NONE,
    ENVL_OPERAND_FILE,
    ENVL_OPERAND_DIRECTORY,
    ENVL_OPERAND_WORD, /* one of words */
    ENVL_OPERAND_OTHER
};

/* Under which heading --help has an option. */
enum envl_option_group {
    ENVL_GROUP_KEYS,
    ENVL_GROUP_CHANGE,
    ENVL_GROUP_TAKEN,
    ENVL_GROUP_DATA,
    ENVL_GROUP_FORMAT,
    ENVL_GROUP_RUN,
    ENVL_GROUP_COUNT
};

struct envl_option_row;

/* Take what was typed; value is NULL where nothing follows. */
typedef enum envelope_reason envl_option_fn(struct envl_arguments *arguments,
                                            const struct envl_option_row *row,
                                            const char *value,
                                            struct envl_err *err);

struct envl_option_row {
    const char *name;  /* after "--" */
    char letter;       /* after "-", or 0 */
    unsigned commands; /* bits 1 << enum envl_command_id */
    enum envl_option_group group;
    enum envl_operand operand;
    bool optional;        /* the operand, as in --name[=WORD] */
    const char *word;     /* what --help calls the operand, or NULL */
    const char *words;    /* that it can be, separated by spaces, or NULL */
    envl_option_fn *take; /* NULL: the parser's own */
    const char *filter;   /* the filter's name of the option, or NULL */
    size_t offset;        /* of a field of the arguments */
    const char *help;     /* one line */
};

extern const struct envl_option_row envl_option_rows[];
extern const size_t envl_option_count;

struct envl_command_row {
    const char *name;
    const char *operands; /* as in a usage line */
    int operands_max;     /* INT_MAX: any number */
    bool takes_files;     /* operands are files */
    const char *words;    /* that the first operand can be, or NULL; it is none
                           * of operands_max then */
    const char *help;
    const char *example; /* a whole line */
};

/* In the order of enum envl_command_id. */
extern const struct envl_command_row envl_command_rows[ENVL_CMD_COUNT];

#endif
