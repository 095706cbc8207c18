/* SPDX-License-Identifier: Apache-2.0 */
/* A failed look is an error, never the answer "no envelope": else an archive
 * that must be an envelope would be read as something else. */
#include "filter/stream/look.h"

#include <errno.h>

#include "filter/stream/library.h"

/* A user who names a key, a label or a signer expects an envelope. */
static bool
insists(const struct envl_options *options)
{
    if (options->required_labels != NULL || options->signed_by != NULL)
        return true;
    if (options->require >= 0)
        return options->require > 0;
    return options->identities != NULL || options->passphrase != NULL
           || options->passphrase_file != NULL;
}

static enum envelope_reason
fail_plain(const struct envl_source *source, const char *name,
           struct envl_err *err)
{
    const char *what = "";
    size_t zeros = 0;

    while (zeros < source->start_len && source->start[zeros] == 0)
        zeros++;
    if (source->start_len == 0)
        what = " is empty";
    else if (zeros == source->start_len)
        what = " begins with nothing but zeros";
    return envl_fail(
        err, ENVELOPE_R_NOT_ENVELOPE,
        "%s%s, and the options, the environment or openssl.cnf insist on an "
        "envelope (require, require-label, signed-by, an identity or a "
        "passphrase); leave these out to read it as it is",
        name, what);
}

enum envelope_reason
envl_look(struct envl_source *source, const struct envl_options *options,
          const char *name, bool *is_envelope, int *error, struct envl_err *err)
{
    enum envelope_reason rc;
    enum envl_carrier kind;
    struct envl_err why;
    bool must_be;

    errno = 0;
    rc = envl_source_peek(source, &why);
    *error = rc != ENVELOPE_OK ? errno : 0;
    if (rc != ENVELOPE_OK)
        return envl_fail(err, rc, "%s: %s", name, why.detail);
    *is_envelope =
        envl_carrier_recognise(&kind, source->start, source->start_len);
    if (*is_envelope)
        return ENVELOPE_OK;
    must_be = insists(options);
    if (!must_be && options->require != 0
        && envl_library_insists(&must_be, err) != ENVELOPE_OK)
        return err->reason;
    return must_be ? fail_plain(source, name, err) : ENVELOPE_OK;
}
