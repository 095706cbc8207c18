/* SPDX-License-Identifier: Apache-2.0 */
/* Gives each failure to libarchive as one text and one error number. */
#include "filter/archive/common.h"

#include <errno.h>

/* libarchive's own error numbers, which are not in its public header. */
#define ERRNO_MISC (-1)
#define ERRNO_FILE_FORMAT EILSEQ

/* EINVAL if the user should change something; ERRNO_FILE_FORMAT if the stream
 * is wrong.  The compiler warns if a reason is missing here. */
static int
errno_of(enum envelope_reason reason)
{
    /* clang-format off */
    switch (reason) {
    case ENVELOPE_R_MEMORY:
        return ENOMEM;
    case ENVELOPE_R_READ: case ENVELOPE_R_WRITE:
        return EIO;
    case ENVELOPE_R_LABELS: case ENVELOPE_R_NO_RECIPIENT:
    case ENVELOPE_R_NO_IDENTITY: case ENVELOPE_R_TOO_MANY_RECIPIENTS:
    case ENVELOPE_R_UNREADABLE_KEY: case ENVELOPE_R_UNSUPPORTED_KEY:
    case ENVELOPE_R_WEAK_KEY: case ENVELOPE_R_BAD_KEY:
    case ENVELOPE_R_PRIVATE_KEY: case ENVELOPE_R_CERTIFICATE_TIME:
    case ENVELOPE_R_CERTIFICATE_USAGE: case ENVELOPE_R_NOT_POST_QUANTUM:
    case ENVELOPE_R_PASSPHRASE_NEEDED: case ENVELOPE_R_AMBIGUOUS_KEY:
    case ENVELOPE_R_SHORT_KEY: case ENVELOPE_R_NO_MATCH:
    case ENVELOPE_R_WRONG_KEY: case ENVELOPE_R_WORK_FACTOR:
    case ENVELOPE_R_PARAMETER: case ENVELOPE_R_CONFIGURATION:
    case ENVELOPE_R_OTHER_LABELS: case ENVELOPE_R_UNSIGNED:
    case ENVELOPE_R_OTHER_SIGNER:
        return EINVAL;
    case ENVELOPE_R_NOT_ENVELOPE: case ENVELOPE_R_VERSION:
    case ENVELOPE_R_SCHEME: case ENVELOPE_R_HEADER_FIELD:
    case ENVELOPE_R_HEADER_TOO_LARGE: case ENVELOPE_R_HEADER_TRUNCATED:
    case ENVELOPE_R_KEY_ENVELOPE: case ENVELOPE_R_COMMITMENT:
    case ENVELOPE_R_CHUNK: case ENVELOPE_R_LAST_CHUNK:
    case ENVELOPE_R_TRUNCATED: case ENVELOPE_R_TRAILING_DATA:
    case ENVELOPE_R_TOO_LONG: case ENVELOPE_R_CARRIER:
    case ENVELOPE_R_CARRIER_MEMBER: case ENVELOPE_R_CARRIER_TRUNCATED:
    case ENVELOPE_R_INCOMPLETE: case ENVELOPE_R_SIGNATURES:
    case ENVELOPE_R_BAD_SIGNATURE: case ENVELOPE_R_NOT_ARCHIVE:
    case ENVELOPE_R_ARCHIVE:
        return ERRNO_FILE_FORMAT;
    case ENVELOPE_OK: case ENVELOPE_R_CRYPTO: case ENVELOPE_R_NO_ALGORITHM:
    case ENVELOPE_R_IN_USE: case ENVELOPE_R_NO_STREAM:
    case ENVELOPE_R_OUTPUT_ROOM: case ENVELOPE_R_OVERLAP:
    case ENVELOPE_R_KEY_SERVICE: case ENVELOPE_R_KEY_SERVICE_REFUSED:
    case ENVELOPE_R_CREDENTIALS: case ENVELOPE_R_NO_KEY_SERVICES:
    case ENVELOPE_R_PROGRAM:
    case ENVELOPE_R_RECEIPT:
        break;
    }
    /* clang-format on */
    return ERRNO_MISC;
}

int
envl_archive_fail(struct archive *a, const struct envl_err *err, int error)
{
    if (error == 0
        || (err->reason != ENVELOPE_R_READ && err->reason != ENVELOPE_R_WRITE))
        error = errno_of(err->reason);
    archive_set_error(a, error, "envelope: %s: %s",
                      envl_reason_text(err->reason), err->detail);
    return ARCHIVE_FATAL;
}

enum envelope_reason
envl_archive_options(struct envl_options *to,
                     const struct envelope_option *options,
                     struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;

    envl_options_init(to, ENVL_TAR);
    for (; rc == ENVELOPE_OK && options != NULL && options->name != NULL;
         options++)
        rc = envl_options_set(to, options->name, options->value, err);
    return rc;
}
