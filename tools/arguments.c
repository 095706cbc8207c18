/* SPDX-License-Identifier: Apache-2.0 */
/* From argv to struct envl_arguments, by the table. */
#include "tools/arguments.h"

#include <assert.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include <envelope/envelope.h>

#include "config.h"
#include "tools/help.h"
#include "tools/table.h"

#define OPTION_COUNT_MAX 64

/* Values of getopt_long(): letters, or these and the index of a row after the
 * last one. */
enum { GETOPT_OPERAND = 1, GETOPT_HELP = 1000, GETOPT_VERSION, GETOPT_ROWS };

struct parser {
    struct option longs[OPTION_COUNT_MAX + 3];
    char letters[2 * OPTION_COUNT_MAX + 6];
    bool used[OPTION_COUNT_MAX];
    const char *value; /* of the last option, or NULL */
};

static int
argument_of(const struct envl_option_row *row)
{
    if (row->operand == ENVL_OPERAND_NONE)
        return no_argument;
    return row->optional ? optional_argument : required_argument;
}

static bool
takes_program(const struct envl_arguments *arguments)
{
    return arguments->command == ENVL_CMD_ENCRYPT
           || arguments->command == ENVL_CMD_DECRYPT;
}

/* Does it take many files?  Then a wildcard gives them, and may give what
 * looks like an option. */
static bool
takes_many(const struct envl_arguments *arguments)
{
    return envl_command_rows[arguments->command].operands_max == INT_MAX;
}

/* A leading '+' ends the options at the first operand, and '-' makes each operand
 * a value of the option OPERAND, so that what is after -- is seen.  A ':' keeps
 * getopt_long() quiet, and tells a missing value from an unknown option. */
static void
build(struct parser *parser, const struct envl_arguments *arguments)
{
    char *p = parser->letters;
    size_t i;

    assert(envl_option_count <= OPTION_COUNT_MAX);
    *parser = (struct parser){ 0 };
    if (takes_many(arguments))
        *p++ = '+';
    if (takes_program(arguments))
        *p++ = '-';
    *p++ = ':';
    *p++ = 'h';
    for (i = 0; i < envl_option_count; i++) {
        const struct envl_option_row *row = &envl_option_rows[i];

        parser->longs[i] = (struct option){ row->name, argument_of(row), NULL,
                                            GETOPT_ROWS + (int)i };
        if (row->letter != 0) {
            *p++ = row->letter;
            if (argument_of(row) == required_argument)
                *p++ = ':';
        }
    }
    parser->longs[i++] =
        (struct option){ "help", no_argument, NULL, GETOPT_HELP };
    parser->longs[i] =
        (struct option){ "version", no_argument, NULL, GETOPT_VERSION };
}

/* The row of what getopt_long() returned. */
static size_t
row_of(int found)
{
    size_t i;

    if (found >= GETOPT_ROWS)
        return (size_t)(found - GETOPT_ROWS);
    for (i = 0; i < envl_option_count && envl_option_rows[i].letter != found;
         i++)
        ;
    return i;
}

/* A word in front of the options; 0 if there is none, -1 if it is unknown. */
static int
parse_command(struct envl_arguments *arguments, int argc, char **argv)
{
    int i;

    if (argc < 2 || *argv[1] == '-' || *argv[1] == '\0')
        return 0;
    for (i = 0; i < ENVL_CMD_COUNT; i++) {
        if (strcmp(argv[1], envl_command_rows[i].name) == 0) {
            arguments->command = (enum envl_command_id)i;
            return 1;
        }
    }
    return -1;
}

static enum envl_status
take(struct envl_arguments *arguments, size_t index, const char *value)
{
    const struct envl_option_row *row = &envl_option_rows[index];
    enum envl_direction direction =
        (row->commands & 1U << ENVL_CMD_ENCRYPT) != 0 ? ENVL_ENCRYPT
                                                      : ENVL_DECRYPT;
    struct envl_err err;

    if (row->take(arguments, row, value, &err) != ENVELOPE_OK)
        return envl_report(NULL, &err, direction);
    return ENVL_EXIT_DONE;
}

/* getopt_long() has stopped at an option: in the middle of a word if it is a
 * letter. */
static enum envl_status
report_option(const char *word)
{
    if (optopt == 0)
        return envl_report_usage("there is no option %s", word);
    if (optopt >= GETOPT_ROWS)
        return envl_report_usage("option %s: it takes no value", word);
    return envl_report_usage("there is no option -%c", optopt);
}

/* -1 once --help or --version was answered. */
static int
parse_options(struct envl_arguments *arguments, struct parser *parser, int argc,
              char **argv, bool has_command)
{
    int found, status = ENVL_EXIT_DONE;

    while (status == ENVL_EXIT_DONE
           && (found = getopt_long(argc, argv, parser->letters, parser->longs,
                                   NULL))
                  != -1) {
        switch (found) {
        case 'h':
        case GETOPT_HELP:
            envl_help(stdout, has_command ? (int)arguments->command : -1);
            return -1;
        case GETOPT_VERSION:
            (void)printf("envelope %s\n", PACKAGE_VERSION);
            return -1;
        case '?':
            return (int)report_option(argv[optind - 1]);
        case GETOPT_OPERAND:
            if (arguments->file_count < 2)
                arguments->named[arguments->file_count++] = optarg;
            break;
        case ':':
            return (int)envl_report_usage("option %s: its value is missing",
                                          argv[optind - 1]);
        default:
            parser->used[row_of(found)] = true;
            parser->value = optarg;
            status = (int)take(arguments, row_of(found), optarg);
            break;
        }
    }
    return status;
}

static bool
is_file(const char *word)
{
    struct stat st;

    return lstat(word, &st) == 0;
}

/*
 * Whoever can write to a directory can put a file there whose name is an
 * option: a wildcard must not make it one.  After -- there are only names.
 */
static enum envl_status
check_words(const struct envl_arguments *arguments, char **argv, int first,
            int last)
{
    const bool has_end = last > first && strcmp(argv[last - 1], "--") == 0;
    bool dashes = has_end && !takes_program(arguments);
    int i;

    for (i = first; i < last - has_end && !dashes; i++) {
        if (argv[i][0] == '-' && argv[i][1] != '\0' && is_file(argv[i]))
            return envl_report_usage("%s is taken for an option, and a file "
                                     "of that name is here: %s",
                                     argv[i],
                                     takes_program(arguments)
                                         ? "write ./ before the name of a file"
                                         : "write -- before the names of "
                                           "files");
    }
    for (i = 1; i < arguments->file_count && !dashes; i++) {
        const char *name = arguments->files[i];

        if (takes_many(arguments) && name[0] == '-' && name[1] != '\0'
            && !is_file(name))
            return envl_report_usage("%s: options go before the names of "
                                     "files",
                                     name);
    }
    return ENVL_EXIT_DONE;
}

/* What getopt_long() has left: names of files, or after -- a program. */
static enum envl_status
take_rest(struct envl_arguments *arguments, const struct parser *parser,
          char **argv, int argc)
{
    const char *last = argv[optind - 1];

    if (!takes_program(arguments)) {
        arguments->files = argv + optind;
        arguments->file_count = argc - optind;
        if (envl_command_rows[arguments->command].words != NULL
            && arguments->file_count > 0) {
            arguments->word = *arguments->files++;
            arguments->file_count--;
        }
        return ENVL_EXIT_DONE;
    }
    arguments->files = arguments->named;
    if (strcmp(last, "--") != 0 || last == parser->value)
        return ENVL_EXIT_DONE;
    if (optind == argc)
        return envl_report_usage("-- goes before a program to run, and there "
                                 "is none");
    arguments->program = argv + optind;
    if (arguments->command == ENVL_CMD_ENCRYPT && arguments->file_count > 0)
        return envl_report_usage("%s and the program %s cannot both give the "
                                 "data",
                                 arguments->files[0], arguments->program[0]);
    if (arguments->command == ENVL_CMD_DECRYPT && arguments->output != NULL)
        return envl_report_usage("-o %s and the program %s cannot both take "
                                 "the data",
                                 arguments->output, arguments->program[0]);
    return ENVL_EXIT_DONE;
}

/* The names of files that stand in another one. */
static enum envl_status
read_list(struct envl_arguments *arguments)
{
    const char *from = arguments->files_from;
    struct envl_err err;

    if (from == NULL)
        return arguments->null
                   ? envl_report_usage("-0 goes with --files-from alone")
                   : ENVL_EXIT_DONE;
    if (arguments->file_count > 0)
        return envl_report_usage("--files-from and names of files do not go "
                                 "together");
    if (envl_file_list_read(&arguments->list, from,
                            arguments->null ? '\0' : '\n', &err)
        != ENVELOPE_OK)
        return envl_report(from, &err, ENVL_DECRYPT);
    arguments->files = arguments->list.names;
    arguments->file_count = arguments->list.count;
    return ENVL_EXIT_DONE;
}

/* The data and the receipt cannot both have one place; without a key there is
 * nothing to verify but by a receipt. */
static enum envl_status
check_receipt(const struct envl_arguments *arguments,
              const struct parser *parser)
{
    const char *output = arguments->output != NULL ? arguments->output : "-";
    size_t i;

    if (arguments->command == ENVL_CMD_ENCRYPT && arguments->receipt != NULL
        && strcmp(arguments->receipt, output) == 0)
        return envl_report_usage("%s cannot be the envelope and its receipt",
                                 strcmp(output, "-") == 0 ? "standard output"
                                                          : output);
    if (arguments->command != ENVL_CMD_VERIFY)
        return ENVL_EXIT_DONE;
    if (arguments->receipt != NULL && !arguments->no_key)
        return envl_report_usage(
            "--receipt goes with --no-key here: with a key "
            "no receipt is needed");
    for (i = 0; arguments->no_key && i < envl_option_count; i++) {
        if (parser->used[i] && envl_option_rows[i].group == ENVL_GROUP_KEYS)
            return envl_report_usage("--no-key and --%s do not go together",
                                     envl_option_rows[i].name);
    }
    if (arguments->no_key
        && (arguments->part > 0 || arguments->parts || arguments->keep_going
            || arguments->header_only))
        return envl_report_usage("--no-key does not go with --part, --parts, "
                                 "--keep-going or --header");
    return ENVL_EXIT_DONE;
}

/* Does what was said go together? */
static enum envl_status
check(const struct envl_arguments *arguments, const struct parser *parser)
{
    const struct envl_command_row *command =
        &envl_command_rows[arguments->command];
    size_t i;

    for (i = 0; i < envl_option_count; i++) {
        if (parser->used[i]
            && (envl_option_rows[i].commands & 1U << arguments->command) == 0)
            return envl_report_usage("option --%s is not for envelope %s",
                                     envl_option_rows[i].name, command->name);
    }
    if (arguments->file_count > command->operands_max)
        return envl_report_usage(
            "envelope %s takes %s, and %s is too much", command->name,
            command->operands_max > 1    ? "two files at most"
            : command->operands_max == 1 ? "one word at most"
            : command->words != NULL     ? "one word"
                                         : "no file",
            arguments->files[command->operands_max]);
    if (arguments->has_range && arguments->salvage)
        return envl_report_usage("--range and --salvage do not go together");
    if (arguments->part > 0
        && (arguments->has_range || arguments->salvage || arguments->keep_going
            || arguments->header_only || arguments->parts))
        return envl_report_usage("--part does not go with --range, --salvage, "
                                 "--keep-going, --header or --parts");
    if (arguments->command == ENVL_CMD_VERIFY && arguments->json
        && arguments->part == 0 && !arguments->no_key)
        return envl_report_usage("--json goes with --part or --no-key here");
    if (arguments->options.allow_expired > 0
        && arguments->options.skip_expired > 0)
        return envl_report_usage("--allow-expired and --skip-expired do not go "
                                 "together");
    if (arguments->keep_going && arguments->header_only)
        return envl_report_usage("--keep-going and --header do not go "
                                 "together");
    return check_receipt(arguments, parser);
}

/* A file, and patterns for its members. */
static enum envl_status
take_patterns(struct envl_arguments *arguments)
{
    const bool extracts = arguments->command == ENVL_CMD_EXTRACT;

    if (!extracts && arguments->command != ENVL_CMD_LIST)
        return ENVL_EXIT_DONE;
    if (extracts && arguments->file_count < 2)
        return envl_report_usage("envelope extract takes a file, and names or "
                                 "patterns of its members");
    if (arguments->file_count > 1) {
        arguments->patterns = arguments->files + 1;
        arguments->pattern_count = arguments->file_count - 1;
        arguments->file_count = 1;
    }
    return ENVL_EXIT_DONE;
}

int
envl_arguments_parse(struct envl_arguments *arguments, int argc, char **argv)
{
    struct parser parser;
    int word, status;

    *arguments = (struct envl_arguments){ .passphrase_fd = -1 };
    envl_options_init(&arguments->options, ENVL_AUTO);
    arguments->options.dashes = "--";
    /* Without a word it encrypts, for whom the environment says: what is typed
     * is hardly meant. */
    if (argc < 2 && isatty(STDIN_FILENO)) {
        envl_help(stderr, -1);
        return ENVL_EXIT_USAGE;
    }
    word = parse_command(arguments, argc, argv);
    if (word < 0)
        return (int)envl_report_usage(
            "there is no command %s; a file comes after "
            "one, such as encrypt or decrypt",
            argv[1]);
    if (word > 0)
        envl_report_command(envl_command_rows[arguments->command].name);
    build(&parser, arguments);
    status =
        parse_options(arguments, &parser, argc - word, argv + word, word > 0);
    if (status != ENVL_EXIT_DONE)
        return status;
    status = (int)take_rest(arguments, &parser, argv + word, argc - word);
    if (status == ENVL_EXIT_DONE)
        status = (int)check_words(arguments, argv, word + 1, word + optind);
    if (status == ENVL_EXIT_DONE)
        status = (int)check(arguments, &parser);
    if (status == ENVL_EXIT_DONE)
        status = (int)take_patterns(arguments);
    return status == ENVL_EXIT_DONE ? (int)read_list(arguments) : status;
}

void
envl_arguments_clear(struct envl_arguments *arguments)
{
    envl_options_clear(&arguments->options);
    OPENSSL_clear_free(arguments->identity_kek, ENVELOPE_KEY_LENGTH);
    OPENSSL_free(arguments->remove);
    envl_file_list_clear(&arguments->list);
}
