/* SPDX-License-Identifier: Apache-2.0 */
/* In place of a program: prints its arguments or, with the argument env, its
 * environment. */
#include <stdio.h>
#include <string.h>

extern char **environ;

int
main(int argc, char **argv)
{
    char **variable;
    int i;

    if (argc > 1 && strcmp(argv[1], "env") == 0) {
        for (variable = environ; *variable != NULL; variable++)
            (void)puts(*variable);
        return 0;
    }
    for (i = 1; i < argc; i++)
        (void)printf("<%s>", argv[i]);
    return 0;
}
