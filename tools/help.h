/* SPDX-License-Identifier: Apache-2.0 */
/* What --help prints. */
#ifndef ENVL_HELP_H
#define ENVL_HELP_H

#include <stdio.h>

/* envl_help - a subcommand's usage and options, or with command -1 what
 * subcommands there are */
void envl_help(FILE *to, int command);

#endif
