/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes another key envelope for the same payload: an identity opens the old
 * one, and the new one is wrapped for other recipients.  tools/ handles the
 * files.
 */
#ifndef ENVL_REWRAP_H
#define ENVL_REWRAP_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/cms/edit.h"
#include "lib/header/header.h"
#include "lib/keys/key_settings.h"
#include "lib/keys/recipient_notes.h"

struct envl_rewrap;

/*
 * envl_rewrap_new - make a rewrap that has no identities and no changes yet
 *
 * Ownership: *rewrap is the caller's, envl_rewrap_free(); NULL on failure.
 *            ctx must outlive it.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_MEMORY.
 */
enum envelope_reason envl_rewrap_new(struct envl_rewrap **rewrap,
                                     const struct envl_libctx *ctx,
                                     struct envl_err *err);
void envl_rewrap_free(struct envl_rewrap *rewrap);

/* Which recipients new ones replace. */
enum envl_rewrap_mode {
    ENVL_REWRAP_REPLACE, /* those that the identity opens */
    ENVL_REWRAP_ADD,     /* none */
    ENVL_REWRAP_ALL      /* all */
};

/*
 * envl_rewrap_set_identities - set the identities that open the old key
 * envelope, as envl_identities_load(), and what is required of its header, as
 * envl_header_require()
 * envl_rewrap_set_recipients - set the new recipients, as
 * envl_recipients_load()
 * envl_rewrap_set_removed - set the recipients to remove: identifiers in
 * hexadecimal, one a line
 *
 * Identities are required, and new recipients or recipients to remove.
 * Passphrase files are read here, once.  settings and ids are borrowed.
 *
 * Returns: what the function that is named returns.
 */
enum envelope_reason
envl_rewrap_set_identities(struct envl_rewrap *rewrap,
                           const struct envl_key_settings *settings,
                           struct envl_err *err);
enum envelope_reason
envl_rewrap_set_recipients(struct envl_rewrap *rewrap,
                           const struct envl_key_settings *settings,
                           enum envl_rewrap_mode mode, struct envl_err *err);
void envl_rewrap_set_removed(struct envl_rewrap *rewrap, const char *ids);

/*
 * envl_rewrap_set_by_service - let the key services among the identities
 * encrypt their recipients' keys again: for the one recipient that was set, or
 * for the same keys if none was; the other recipients are kept, and no key is
 * seen here
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_PARAMETER if several recipients were set,
 *          the recipient is not a key of a service, or no identity is.
 */
enum envelope_reason envl_rewrap_set_by_service(struct envl_rewrap *rewrap,
                                                struct envl_err *err);

/* envl_rewrap_notes - the notes on the recipients that were set; borrowed */
const struct envl_recipient_notes *
envl_rewrap_notes(const struct envl_rewrap *rewrap);

enum envl_rewrap_outcome {
    ENVL_REWRAP_CHANGED,
    ENVL_REWRAP_RENEWED,  /* for the same recipients, by their identifiers */
    ENVL_REWRAP_UNCHANGED /* same bytes: nothing had to be changed */
};

/* The new key envelope; it is the caller's, envl_rewrapped_clear(). */
struct envl_rewrapped {
    enum envl_rewrap_outcome outcome;
    unsigned char *der; /* NULL from envl_rewrap_is_done() */
    size_t len;
    size_t recipients;                       /* their number */
    struct envl_key_envelope_entry *entries; /* old and new, compared */
    size_t entry_count;
    char *absent; /* identifiers to remove that no recipient had, as they were
                   * given, one a line; or NULL */
    bool opened;  /* the old key envelope was opened: then a failure is due to
                   * the new recipients */
};

void envl_rewrapped_clear(struct envl_rewrapped *rewrapped);

/*
 * envl_rewrap_make - make the key envelope that replaces a header's
 *
 *   header  checked by envl_header_check()
 *   start   first ENVL_PAYLOAD_START_LEN bytes of the payload
 *
 * The data key must be this payload's, which its commitment shows.  It does not
 * outlive the call.  With envl_rewrap_set_by_service() there is no data key,
 * and the payload is not checked.
 *
 * Entries that this project would never write are removed.
 *
 * Returns: ENVELOPE_OK; what envl_header_require() returns; what
 *          envl_key_envelope_open(), _build(), _add(), _remove(), _reencrypt()
 *          and _clean() return; ENVELOPE_R_COMMITMENT.
 *          *out is all zero on failure, but for opened.
 */
enum envelope_reason envl_rewrap_make(struct envl_rewrapped *out,
                                      const struct envl_rewrap *rewrap,
                                      const struct envl_header *header,
                                      const unsigned char *start,
                                      struct envl_err *err);

/*
 * envl_rewrap_is_done - after envl_rewrap_make() found that no identity opens
 * the key envelope: does it look as if it was rewrapped already?
 *
 * The answer comes from identifiers, which are only claims, by the rules of
 * envl_key_envelope_is_done().  It is always no for ENVL_REWRAP_ADD, without
 * recipients, and with envl_rewrap_set_by_service().
 *
 * The header was found by envl_rewrap_make() to have what is required.
 *
 *   err  the failure of envl_rewrap_make(), which is kept if the answer is no
 *
 * Returns: ENVELOPE_OK, with ENVL_REWRAP_UNCHANGED in out, for yes;
 *          ENVELOPE_R_NO_MATCH for no; what envl_key_envelope_is_done()
 *          returns.
 */
enum envelope_reason envl_rewrap_is_done(struct envl_rewrapped *out,
                                         const struct envl_rewrap *rewrap,
                                         const struct envl_header *header,
                                         struct envl_err *err);

#endif
