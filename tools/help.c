/* SPDX-License-Identifier: Apache-2.0 */
/* The table as a page of text.  Nothing can be done where printing fails. */
#include "tools/help.h"

#include <stdbool.h>
#include <stdio.h>

#include "tools/table.h"

/* Where the help of an option begins on its line. */
#define HELP_COLUMN 31

static void
print_option(FILE *to, const struct envl_option_row *row)
{
    char left[64], letter[5] = "    ";

    if (row->letter != 0)
        (void)snprintf(letter, sizeof(letter), "-%c, ", row->letter);
    (void)snprintf(left, sizeof(left), "  %s--%s%s%s%s", letter, row->name,
                   row->word == NULL ? ""
                   : row->optional   ? "[="
                                     : " ",
                   row->word != NULL ? row->word : "",
                   row->optional ? "]" : "");
    (void)fprintf(to, "%-*s %s\n", HELP_COLUMN, left, row->help);
    if (row->words != NULL)
        (void)fprintf(to, "%-*s %s\n", HELP_COLUMN, "", row->words);
}

static const char *const headings[ENVL_GROUP_COUNT] = {
    [ENVL_GROUP_KEYS] = "Keys and passphrases",
    [ENVL_GROUP_CHANGE] = "What becomes of the recipients that there are",
    [ENVL_GROUP_TAKEN] = "Which keys and certificates are taken",
    [ENVL_GROUP_DATA] = "Input and output",
    [ENVL_GROUP_FORMAT] = "What is written",
    [ENVL_GROUP_RUN] = "How it runs, and what it says",
};

/* Those of a command under one heading, which is left out where there are none. */
static void
print_group(FILE *to, int command, enum envl_option_group group)
{
    bool any = false;
    size_t i;

    for (i = 0; i < envl_option_count; i++) {
        const struct envl_option_row *row = &envl_option_rows[i];

        if ((row->commands & 1U << command) == 0 || row->group != group)
            continue;
        if (!any)
            (void)fprintf(to, "\n%s:\n", headings[group]);
        any = true;
        print_option(to, row);
    }
}

static void
print_command(FILE *to, int command)
{
    const struct envl_command_row *row = &envl_command_rows[command];
    int group;

    (void)fprintf(to, "usage: envelope %s [OPTION]... %s\n%s\n", row->name,
                  row->operands, row->help);
    for (group = 0; group < ENVL_GROUP_COUNT; group++)
        print_group(to, command, (enum envl_option_group)group);
    (void)fprintf(to, "\nExample:\n  %s\n", row->example);
    if (command == ENVL_CMD_COMPLETION) /* a page for one line is too much */
        (void)fprintf(to, "\nenvelope(1) is the manual page.\n");
    else
        (void)fprintf(to, "\nenvelope-%s(1) is the manual page.\n", row->name);
}

void
envl_help(FILE *to, int command)
{
    int i;

    if (command >= 0) {
        print_command(to, command);
        return;
    }
    (void)fprintf(to, "usage: envelope COMMAND [OPTION]... [FILE]...\n"
                      "       envelope [-d] [OPTION]... [FILE]\n\n");
    for (i = 0; i < ENVL_CMD_COUNT; i++)
        (void)fprintf(to, "  %-12s %s\n", envl_command_rows[i].name,
                      envl_command_rows[i].help);
    (void)fprintf(to,
                  "\nenvelope COMMAND --help lists its options, envelope(1) is "
                  "the manual page.\n");
}
