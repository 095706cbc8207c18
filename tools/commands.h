/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands, one file each.  Each reports its failures itself. */
#ifndef ENVL_COMMANDS_H
#define ENVL_COMMANDS_H

#include "tools/arguments.h"
#include "tools/os/output.h"
#include "tools/status.h"

typedef enum envl_status envl_command_fn(struct envl_arguments *arguments);

/*
 * envl_open_output - open what decrypted data goes to, an envelope, or an
 * archive: -o, the program after --, or standard output
 *
 *   input  descriptor that must not be the same file, or -1
 */
enum envelope_reason envl_open_output(struct envl_output *output,
                                      const struct envl_arguments *arguments,
                                      int input, struct envl_err *err);

envl_command_fn envl_command_crypt;   /* encrypt, decrypt; tools/crypt.c */
envl_command_fn envl_command_range;   /* decrypt --range; tools/range.c */
envl_command_fn envl_command_salvage; /* decrypt --salvage; tools/salvage.c */
envl_command_fn envl_command_list;    /* tools/list.c */
envl_command_fn envl_command_extract; /* tools/extract.c */
envl_command_fn envl_command_inspect; /* tools/inspect.c */
envl_command_fn envl_command_verify;  /* tools/verify.c */
enum envl_status
envl_command_no_key(const struct envl_arguments
                        *arguments);      /* verify --no-key; tools/no_key.c */
envl_command_fn envl_command_rewrap;      /* tools/rewrap.c */
envl_command_fn envl_command_header;      /* tools/header.c */
envl_command_fn envl_command_keygen;      /* tools/keygen.c */
envl_command_fn envl_command_fingerprint; /* tools/fingerprint.c */
envl_command_fn envl_command_completion;  /* tools/completion.c */

#endif
