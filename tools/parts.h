/* SPDX-License-Identifier: Apache-2.0 */
/* envelope verify --parts */
#ifndef ENVL_PARTS_H
#define ENVL_PARTS_H

#include "tools/arguments.h"
#include "tools/status.h"

/*
 * envl_command_parts - read the lines of envelope verify --part --json, from the
 * files of the arguments or standard input, in any order
 *
 * It says "whole" only of one envelope, one number of chunks, and ranges that
 * leave no chunk out.
 *
 * Returns: ENVL_EXIT_DONE; ENVL_EXIT_DAMAGED if chunks are missing, all of which
 *          it names; ENVL_EXIT_FAILED for a line that is none, or is about
 *          another envelope.
 */
enum envl_status envl_command_parts(const struct envl_arguments *arguments);

#endif
