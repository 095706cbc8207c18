/* SPDX-License-Identifier: Apache-2.0 */
/* What the launcher and the preload module have to agree on. */
#ifndef ENVL_PRELOAD_NAMES_H
#define ENVL_PRELOAD_NAMES_H

/* Options, as in --options, for every archive that the program opens. */
#define ENVL_OPTIONS_VARIABLE "ENVELOPE_ARCHIVE_OPTIONS"
/* Asks the module, by being set, whether it works in this program ... */
#define ENVL_PROBE_VARIABLE "ENVELOPE_PRELOAD_PROBE"
/* ... and this is what it prints if so. */
#define ENVL_PROBE_ANSWER "envelope preload: ready\n"

#endif
