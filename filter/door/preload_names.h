/* SPDX-License-Identifier: Apache-2.0 */
/* What the launcher and the preload module have to agree on. */
#ifndef ENVL_PRELOAD_NAMES_H
#define ENVL_PRELOAD_NAMES_H

/* Options, as in --options, for every archive that the program opens: from
 * the user, who must not switch the filter on here ... */
#define ENVL_OPTIONS_VARIABLE "ENVELOPE_ARCHIVE_OPTIONS"
/* ... and from the launcher, which has them from the command line. */
#define ENVL_COMMAND_VARIABLE "ENVELOPE_PRELOAD_OPTIONS"

/* What bsdtar takes by itself. */
#define ENVL_READER_VARIABLE "TAR_READER_OPTIONS"
#define ENVL_WRITER_VARIABLE "TAR_WRITER_OPTIONS"

/* What the user's variables must not have in them, and why. */
#define ENVL_FILTER_OPTION "filter"
#define ENVL_FILTER_REFUSED                                                    \
    "a variable cannot switch the filter on, because a program that does not " \
    "know it would write in the clear; use --add-filter envelope"

/* Asks the module, by being set, whether it works in this program ... */
#define ENVL_PROBE_VARIABLE "ENVELOPE_PRELOAD_PROBE"
/* ... and this is what it prints if so. */
#define ENVL_PROBE_ANSWER "envelope preload: ready\n"

#endif
