/* SPDX-License-Identifier: Apache-2.0 */
/* Names that the launcher and the preload module share. */
#ifndef ENVL_PRELOAD_NAMES_H
#define ENVL_PRELOAD_NAMES_H

/* Options, as in --options, for every archive that the program opens.  The user
 * sets this variable, and must not switch the filter on in it. */
#define ENVL_OPTIONS_VARIABLE "ENVELOPE_ARCHIVE_OPTIONS"
/* The launcher sets this variable from the command line. */
#define ENVL_COMMAND_VARIABLE "ENVELOPE_PRELOAD_OPTIONS"

/* bsdtar's own variables. */
#define ENVL_READER_VARIABLE "TAR_READER_OPTIONS"
#define ENVL_WRITER_VARIABLE "TAR_WRITER_OPTIONS"

/* The option that the user's variables must not have, and why. */
#define ENVL_FILTER_OPTION "filter"
#define ENVL_FILTER_REFUSED                                                    \
    "a variable cannot switch the filter on, because a program that does not " \
    "know it would write in the clear; use --add-filter envelope"

/* If this variable is set, the module only says whether it works in this
 * program ... */
#define ENVL_PROBE_VARIABLE "ENVELOPE_PRELOAD_PROBE"
/* ... by printing this answer. */
#define ENVL_PROBE_ANSWER "envelope preload: ready\n"

#endif
