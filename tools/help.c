/* SPDX-License-Identifier: Apache-2.0 */
/* The table as a page of text.  Nothing can be done where printing fails. */
#include "tools/help.h"

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

static void
print_command(FILE *to, int command)
{
    const struct envl_command_row *row = &envl_command_rows[command];
    size_t i;

    (void)fprintf(to, "usage: envelope %s [OPTION]... %s\n%s\n\n", row->name,
                  row->operands, row->help);
    for (i = 0; i < envl_option_count; i++) {
        if ((envl_option_rows[i].commands & 1U << command) != 0)
            print_option(to, &envl_option_rows[i]);
    }
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
