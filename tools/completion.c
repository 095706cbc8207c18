/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table as completions for bash, zsh and fish.  The words of a shell are
 * plain text here: nothing in the table needs quoting but in help texts, which
 * have no single quote and no bracket; a test looks at that.
 */
#include <stdio.h>
#include <string.h>

#include "tools/commands.h"
#include "tools/table.h"

static void
print_command_names(const char *separator)
{
    int i;

    for (i = 0; i < ENVL_CMD_COUNT; i++)
        (void)printf("%s%s", i > 0 ? separator : "", envl_command_rows[i].name);
}

/* Without a command's name it encrypts, or decrypts with -d. */
#define UNNAMED ENVL_CMD_COUNT

static bool
is_of(const struct envl_option_row *row, int command)
{
    const unsigned commands =
        command == UNNAMED ? 1U << ENVL_CMD_ENCRYPT | 1U << ENVL_CMD_DECRYPT
                           : 1U << command;

    return (row->commands & commands) != 0;
}

/* bash */

/* The options whose value is completed so, as a pattern of case; it begins with
 * = where one stands before the value. */
static void
bash_values(enum envl_operand operand, const char *action)
{
    bool found = false;
    size_t i;

    for (i = 0; i < envl_option_count; i++) {
        const struct envl_option_row *row = &envl_option_rows[i];

        if (row->operand != operand || row->optional)
            continue;
        (void)printf("%s--%s|=--%s", found ? "|" : "    ", row->name,
                     row->name);
        if (row->letter != 0)
            (void)printf("|-%c", row->letter);
        found = true;
    }
    if (found)
        (void)printf(") %s; return ;;\n", action);
}

static void
bash_words(void)
{
    size_t i;

    for (i = 0; i < envl_option_count; i++) {
        const struct envl_option_row *row = &envl_option_rows[i];

        if (row->operand == ENVL_OPERAND_WORD) {
            (void)printf("    =--%s", row->name);
            if (!row->optional)
                (void)printf("|--%s", row->name);
            if (row->letter != 0)
                (void)printf("|-%c", row->letter);
            (void)printf(") COMPREPLY=($(compgen -W '%s' -- \"$cur\")); "
                         "return ;;\n",
                         row->words);
        }
    }
}

static void
bash_options(int command)
{
    size_t i;

    (void)printf("    %s) options='--help",
                 command == UNNAMED ? "-*" : envl_command_rows[command].name);
    for (i = 0; i < envl_option_count; i++) {
        if (is_of(&envl_option_rows[i], command))
            (void)printf(" --%s", envl_option_rows[i].name);
    }
    (void)printf("' ;;\n");
}

static void
bash_command_words(const struct envl_command_row *row)
{
    if (row->words != NULL)
        (void)printf(
            "    elif [ \"${COMP_WORDS[1]} $COMP_CWORD\" = '%s 2' ] && "
            "[[ $cur != -* ]]; then\n"
            "        COMPREPLY=($(compgen -W '%s' -- \"$cur\"))\n",
            row->name, row->words);
}

static void
print_bash(void)
{
    int i;

    (void)printf("# bash completion for envelope\n"
                 "_envelope() {\n"
                 "    local cur=${COMP_WORDS[COMP_CWORD]} options=''\n"
                 "    local prev=${COMP_WORDS[COMP_CWORD-1]} equals=''\n"
                 "    COMPREPLY=()\n"
                 "    # bash makes three words of --option=value.\n"
                 "    if [ \"$cur\" = = ]; then\n"
                 "        cur='' equals='='\n"
                 "    elif [ \"$prev\" = = ]; then\n"
                 "        prev=${COMP_WORDS[COMP_CWORD-2]} equals='='\n"
                 "    fi\n"
                 "    case $equals$prev in\n");
    bash_words();
    bash_values(ENVL_OPERAND_FILE, "COMPREPLY=($(compgen -f -- \"$cur\"))");
    bash_values(ENVL_OPERAND_OTHER, "COMPREPLY=()");
    (void)printf("    esac\n"
                 "    case ${COMP_WORDS[1]} in\n");
    for (i = 0; i <= UNNAMED; i++)
        bash_options(i);
    (void)printf("    esac\n"
                 "    if [ \"$COMP_CWORD\" -eq 1 ] && [[ $cur != -* ]]; then\n"
                 "        COMPREPLY=($(compgen -W '");
    print_command_names(" ");
    (void)printf("' -- \"$cur\"))\n");
    for (i = 0; i < ENVL_CMD_COUNT; i++)
        bash_command_words(&envl_command_rows[i]);
    (void)printf("    elif [[ $cur == -* ]]; then\n"
                 "        COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
                 "    else\n"
                 "        COMPREPLY=($(compgen -f -- \"$cur\"))\n"
                 "    fi\n"
                 "}\n"
                 "complete -o filenames -F _envelope envelope\n");
}

/* zsh */

static void
zsh_operand(const struct envl_option_row *row)
{
    const char *colons = row->optional ? "::" : ":";

    if (row->operand == ENVL_OPERAND_FILE)
        (void)printf("%s%s:_files", colons, row->word);
    else if (row->operand == ENVL_OPERAND_WORD)
        (void)printf("%s%s:(%s)", colons, row->word, row->words);
    else if (row->operand == ENVL_OPERAND_OTHER)
        (void)printf("%skey or number:", colons);
}

static void
zsh_option(const struct envl_option_row *row)
{
    const char *equals = row->operand == ENVL_OPERAND_NONE ? ""
                         : row->optional                   ? "=-"
                                                           : "=";

    (void)printf("            '*--%s%s[%s]", row->name, equals, row->help);
    zsh_operand(row);
    (void)printf("' \\\n");
    if (row->letter == 0)
        return;
    (void)printf("            '*-%c%s[%s]", row->letter,
                 row->operand == ENVL_OPERAND_NONE ? "" : "+", row->help);
    zsh_operand(row);
    (void)printf("' \\\n");
}

static void
print_zsh(void)
{
    size_t i;
    int c;

    (void)printf("#compdef envelope\n"
                 "local -a commands=(\n");
    for (c = 0; c < ENVL_CMD_COUNT; c++)
        (void)printf("    '%s:%s'\n", envl_command_rows[c].name,
                     envl_command_rows[c].help);
    (void)printf(")\n"
                 "if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n"
                 "    _describe command commands\n"
                 "    return\n"
                 "fi\n"
                 "case $words[2] in\n");
    for (c = 0; c <= UNNAMED; c++) {
        if (c == UNNAMED)
            (void)printf("    -*)\n        _arguments -s \\\n");
        else
            (void)printf("    %s)\n        _arguments -s '1:command:' \\\n",
                         envl_command_rows[c].name);
        for (i = 0; i < envl_option_count; i++) {
            if (is_of(&envl_option_rows[i], c))
                zsh_option(&envl_option_rows[i]);
        }
        if (c < UNNAMED && envl_command_rows[c].words != NULL)
            (void)printf("            '2:word:(%s)' \\\n",
                         envl_command_rows[c].words);
        (void)printf("            '*:%s' ;;\n",
                     c == UNNAMED || envl_command_rows[c].takes_files
                         ? "file:_files"
                         : "nothing:");
    }
    (void)printf("esac\n");
}

/* fish */

static void
fish_option(const struct envl_option_row *row)
{
    int c;

    (void)printf("complete -c envelope -n '%s__fish_seen_subcommand_from",
                 is_of(row, UNNAMED) ? "__fish_use_subcommand; or " : "");
    for (c = 0; c < ENVL_CMD_COUNT; c++) {
        if (is_of(row, c))
            (void)printf(" %s", envl_command_rows[c].name);
    }
    (void)printf("' -l %s", row->name);
    if (row->letter != 0)
        (void)printf(" -s %c", row->letter);
    if (row->operand == ENVL_OPERAND_FILE)
        (void)printf(" -r -F");
    else if (row->operand == ENVL_OPERAND_WORD)
        (void)printf("%s -f -a '%s'", row->optional ? "" : " -x", row->words);
    else if (row->operand == ENVL_OPERAND_OTHER)
        (void)printf(" -x");
    (void)printf(" -d '%s'\n", row->help);
}

static void
print_fish(void)
{
    size_t i;
    int c;

    (void)printf("# fish completion for envelope\n");
    for (c = 0; c < ENVL_CMD_COUNT; c++)
        (void)printf("complete -c envelope -n __fish_use_subcommand -a %s "
                     "-d '%s'\n",
                     envl_command_rows[c].name, envl_command_rows[c].help);
    for (c = 0; c < ENVL_CMD_COUNT; c++) {
        if (envl_command_rows[c].words != NULL)
            (void)printf("complete -c envelope -n '__fish_seen_subcommand_from "
                         "%s'%s -a '%s'\n",
                         envl_command_rows[c].name,
                         envl_command_rows[c].takes_files ? "" : " -x",
                         envl_command_rows[c].words);
    }
    for (i = 0; i < envl_option_count; i++)
        fish_option(&envl_option_rows[i]);
}

static const struct {
    const char *name;
    void (*print)(void);
} shells[] = {
    { "bash", print_bash },
    { "zsh", print_zsh },
    { "fish", print_fish },
};

enum envl_status
envl_command_completion(struct envl_arguments *arguments)
{
    const char *name = arguments->word != NULL ? arguments->word : "";
    size_t i;

    for (i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
        if (strcmp(shells[i].name, name) == 0) {
            shells[i].print();
            return ENVL_EXIT_DONE;
        }
    }
    return envl_report_usage("envelope completion: name a shell: bash, zsh or "
                             "fish");
}
