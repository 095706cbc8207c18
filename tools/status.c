/* SPDX-License-Identifier: Apache-2.0 */
/* Which reason ends how, and what to do about it. */
#include "tools/status.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tools/os/journal.h"
#include "tools/os/term_safe.h"

#define SALVAGE "envelope decrypt --salvage writes what is intact"

/* A reason that is not here is ENVL_EXIT_FAILED.  So is any reason of encrypting,
 * whatever it is of decrypting, unless it comes from what was typed. */
static const struct row {
    enum envelope_reason reason;
    enum envl_status status;
    const char *hint; /* or NULL */
} rows[] = {
    { ENVELOPE_R_PARAMETER, ENVL_EXIT_USAGE, NULL },
    { ENVELOPE_R_NO_RECIPIENT, ENVL_EXIT_FAILED,
      "name a public key or certificate with -r, or a passphrase with -p" },
    { ENVELOPE_R_AMBIGUOUS_KEY, ENVL_EXIT_USAGE,
      "give -k, or recipients (-r, -R, -p), not both" },
    { ENVELOPE_R_NO_IDENTITY, ENVL_EXIT_NO_KEY,
      "name a private key with -i; --help lists what else there is" },
    { ENVELOPE_R_NO_MATCH, ENVL_EXIT_NO_KEY,
      "envelope inspect shows for whom it is, and envelope fingerprint KEY "
      "which of them a key is" },
    { ENVELOPE_R_WRONG_KEY, ENVL_EXIT_NO_KEY, NULL },
    { ENVELOPE_R_PASSPHRASE_NEEDED, ENVL_EXIT_NO_KEY,
      "--passphrase-file FILE has it in its first line" },
    { ENVELOPE_R_UNREADABLE_KEY, ENVL_EXIT_NO_KEY, NULL },
    { ENVELOPE_R_UNSUPPORTED_KEY, ENVL_EXIT_NO_KEY, NULL },
    { ENVELOPE_R_PRIVATE_KEY, ENVL_EXIT_NO_KEY, NULL },
    { ENVELOPE_R_WEAK_KEY, ENVL_EXIT_NO_KEY, NULL },
    { ENVELOPE_R_BAD_KEY, ENVL_EXIT_NO_KEY, NULL },
    { ENVELOPE_R_SHORT_KEY, ENVL_EXIT_NO_KEY, NULL },
    { ENVELOPE_R_WORK_FACTOR, ENVL_EXIT_NO_KEY, NULL },
    { ENVELOPE_R_NOT_ENVELOPE, ENVL_EXIT_NOT_ENVELOPE, NULL },
    { ENVELOPE_R_VERSION, ENVL_EXIT_NOT_ENVELOPE,
      "a later release of this program may read it" },
    { ENVELOPE_R_SCHEME, ENVL_EXIT_NOT_ENVELOPE,
      "a later release of this program may read it" },
    { ENVELOPE_R_OTHER_LABELS, ENVL_EXIT_NOT_ENVELOPE,
      "envelope inspect shows its labels" },
    { ENVELOPE_R_UNSIGNED, ENVL_EXIT_NOT_ENVELOPE, NULL },
    { ENVELOPE_R_OTHER_SIGNER, ENVL_EXIT_NOT_ENVELOPE,
      "envelope fingerprint KEY shows the identifier of a key" },
    { ENVELOPE_R_SIGNATURES, ENVL_EXIT_DAMAGED, NULL },
    { ENVELOPE_R_BAD_SIGNATURE, ENVL_EXIT_DAMAGED, NULL },
    { ENVELOPE_R_NOT_ARCHIVE, ENVL_EXIT_NOT_ENVELOPE, NULL },
    { ENVELOPE_R_HEADER_FIELD, ENVL_EXIT_DAMAGED, NULL },
    { ENVELOPE_R_HEADER_TOO_LARGE, ENVL_EXIT_DAMAGED, NULL },
    { ENVELOPE_R_HEADER_TRUNCATED, ENVL_EXIT_DAMAGED, NULL },
    { ENVELOPE_R_LABELS, ENVL_EXIT_DAMAGED, NULL },
    { ENVELOPE_R_KEY_ENVELOPE, ENVL_EXIT_DAMAGED, NULL },
    { ENVELOPE_R_COMMITMENT, ENVL_EXIT_DAMAGED, NULL },
    { ENVELOPE_R_CHUNK, ENVL_EXIT_DAMAGED, SALVAGE },
    { ENVELOPE_R_LAST_CHUNK, ENVL_EXIT_DAMAGED, SALVAGE },
    { ENVELOPE_R_TRUNCATED, ENVL_EXIT_DAMAGED, SALVAGE },
    { ENVELOPE_R_TRAILING_DATA, ENVL_EXIT_DAMAGED, NULL },
    { ENVELOPE_R_CARRIER, ENVL_EXIT_DAMAGED, SALVAGE },
    { ENVELOPE_R_CARRIER_MEMBER, ENVL_EXIT_DAMAGED, SALVAGE },
    { ENVELOPE_R_CARRIER_TRUNCATED, ENVL_EXIT_DAMAGED, SALVAGE },
    { ENVELOPE_R_RECEIPT, ENVL_EXIT_DAMAGED, NULL },
    { ENVELOPE_R_ARCHIVE, ENVL_EXIT_DAMAGED, NULL },
    { ENVELOPE_R_KEY_SERVICE_REFUSED, ENVL_EXIT_NO_KEY, NULL },
    { ENVELOPE_R_CREDENTIALS, ENVL_EXIT_NO_KEY, NULL },
    { ENVELOPE_R_NO_KEY_SERVICES, ENVL_EXIT_FAILED,
      "install envelope-kms.so, or say where it is with "
      "ENVELOPE_KMS_MODULES" },
    { ENVELOPE_R_INCOMPLETE, ENVL_EXIT_PROGRAM, NULL },
    { ENVELOPE_R_PROGRAM, ENVL_EXIT_PROGRAM, NULL },
    { ENVELOPE_R_CONFIGURATION, ENVL_EXIT_FAILED,
      "correct the file, or name another one with OPENSSL_CONF" },
};

static const struct row *
find(enum envelope_reason reason)
{
    static const struct row other = { ENVELOPE_OK, ENVL_EXIT_FAILED, NULL };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].reason == reason)
            return &rows[i];
    }
    return &other;
}

enum envl_status
envl_status_of(enum envelope_reason reason, enum envl_direction direction)
{
    enum envl_status status = find(reason)->status;

    if (direction == ENVL_DECRYPT || status == ENVL_EXIT_USAGE
        || status == ENVL_EXIT_PROGRAM)
        return status;
    return reason == ENVELOPE_R_LABELS ? ENVL_EXIT_USAGE : ENVL_EXIT_FAILED;
}

enum envl_status
envl_status_worse(enum envl_status a, enum envl_status b)
{
    if (a == ENVL_EXIT_MISSING || a == ENVL_EXIT_DONE)
        return b == ENVL_EXIT_DONE ? a : b;
    return b == ENVL_EXIT_MISSING || a > b ? a : b;
}

static void
say_hint(const char *hint)
{
    (void)fprintf(stderr, "hint: %s\n", hint);
}

enum envl_status
envl_report(const char *name, const struct envl_err *err,
            enum envl_direction direction)
{
    const struct row *row = find(err->reason);
    bool fits = direction == ENVL_DECRYPT || row->status <= ENVL_EXIT_USAGE;

    return envl_report_with(name, err, direction, fits ? row->hint : NULL);
}

enum envl_status
envl_report_plain(const char *name, const struct envl_err *err,
                  enum envl_direction direction)
{
    (void)fputs("envelope: ", stderr);
    if (name != NULL) {
        envl_show(stderr, name);
        (void)fputs(": ", stderr);
    }
    (void)fprintf(stderr, "%s%s%s\n", envl_reason_text(err->reason),
                  *err->detail != '\0' ? ": " : "", err->detail);
    return envl_status_of(err->reason, direction);
}

enum envl_status
envl_report_with(const char *name, const struct envl_err *err,
                 enum envl_direction direction, const char *hint)
{
    enum envl_status status = envl_report_plain(name, err, direction);

    /* One that was killed in the middle of its write may have left the header in
     * between.  That is so for this file only. */
    if (envl_journal_is_beside(name))
        say_hint("a rewrap of it was interrupted: envelope rewrap --recover "
                 "finishes it");
    else if (hint != NULL)
        envl_hint(hint);
    return status;
}

static const char *
or_standard(const char *name, const char *standard)
{
    return name == NULL || strcmp(name, "-") == 0 ? standard : name;
}

enum envl_status
envl_report_copy(const char *input, const char *output,
                 const struct envl_err *err, enum envl_direction direction)
{
    return envl_report_copy_with(input, output, err, direction, NULL);
}

enum envl_status
envl_report_copy_with(const char *input, const char *output,
                      const struct envl_err *err, enum envl_direction direction,
                      const char *hint)
{
    const char *name = NULL; /* what is said of a key names the key */

    if (err->reason == ENVELOPE_R_WRITE)
        name = or_standard(output, "standard output");
    else if (err->reason == ENVELOPE_R_PROGRAM)
        name = NULL; /* the detail has it */
    else if (err->reason == ENVELOPE_R_READ
             || err->reason == ENVELOPE_R_INCOMPLETE
             || (direction == ENVL_DECRYPT
                 && err->reason != ENVELOPE_R_PARAMETER))
        name = or_standard(input, "standard input");
    return hint != NULL ? envl_report_with(name, err, direction, hint)
                        : envl_report(name, err, direction);
}

static char usage_hint[64] = "envelope --help lists the commands";

void
envl_report_command(const char *name)
{
    (void)snprintf(usage_hint, sizeof(usage_hint),
                   "envelope %s --help lists what there is", name);
}

/* What was typed may be the name of a file, by a wildcard. */
enum envl_status
envl_report_usage(const char *fmt, ...)
{
    char text[ENVL_DETAIL_MAX];
    va_list list;

    va_start(list, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, list);
    va_end(list);
    (void)fputs("envelope: ", stderr);
    envl_show(stderr, text);
    (void)fputc('\n', stderr);
    envl_hint(usage_hint);
    return ENVL_EXIT_USAGE;
}

void
envl_hint(const char *hint)
{
    static const char *said[8]; /* a run gives fewer different ones */
    const size_t max = sizeof(said) / sizeof(said[0]);
    size_t i;

    for (i = 0; i < max && said[i] != NULL; i++) {
        if (strcmp(said[i], hint) == 0)
            return;
    }
    if (i < max)
        said[i] = hint;
    say_hint(hint);
}
