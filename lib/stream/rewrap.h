/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another key envelope for the same payload: opened by those who can open it
 * now, wrapped for those who shall.  Files are not known here.
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
 * envl_rewrap_new - nothing is changed yet
 *
 * Ownership: *rewrap is the caller's, envl_rewrap_free(); NULL on failure.
 *            ctx must stay.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_MEMORY.
 */
enum envelope_reason envl_rewrap_new(struct envl_rewrap **rewrap,
                                     const struct envl_libctx *ctx,
                                     struct envl_err *err);
void envl_rewrap_free(struct envl_rewrap *rewrap);

/* Whose place new recipients take. */
enum envl_rewrap_mode {
    ENVL_REWRAP_REPLACE, /* of the recipient that the identities open */
    ENVL_REWRAP_ADD,     /* of nobody */
    ENVL_REWRAP_ALL      /* of all that there are */
};

/*
 * envl_rewrap_set_identities - with what it opens, as envl_identities_load()
 * envl_rewrap_set_recipients - for whom it is wrapped, as
 * envl_recipients_load()
 * envl_rewrap_set_removed - who is left out, identifiers in hexadecimal, one a
 * line; the others are kept
 *
 * The first is needed, and one of the others.  Passphrase files are read here,
 * once.  settings and ids must stay.
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
 * envl_rewrap_set_by_service - the recipients that are keys of the services
 * among the identities are encrypted anew by their services, for the one
 * recipient that was set, or for the same keys if none was; the others are
 * kept, and no key comes here
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_PARAMETER if it is not one, or no key of a
 *          service, or no identity is one.
 */
enum envelope_reason envl_rewrap_set_by_service(struct envl_rewrap *rewrap,
                                                struct envl_err *err);

/* envl_rewrap_notes - of the recipients that were set */
const struct envl_recipient_notes *
envl_rewrap_notes(const struct envl_rewrap *rewrap);

enum envl_rewrap_outcome {
    ENVL_REWRAP_CHANGED,
    ENVL_REWRAP_RENEWED,  /* for the same recipients, by their identifiers */
    ENVL_REWRAP_UNCHANGED /* the very same: it was as asked before */
};

/* A key envelope for the caller, envl_rewrapped_clear(). */
struct envl_rewrapped {
    enum envl_rewrap_outcome outcome;
    unsigned char *der; /* NULL from envl_rewrap_is_done() */
    size_t len;
    size_t recipients;                       /* how many it has */
    struct envl_key_envelope_entry *entries; /* those of both, compared */
    size_t entry_count;
    char *absent; /* who was to be removed and is not there, identifiers as
                   * they were given, one a line; or NULL */
    bool opened;  /* the old one was: a failure is the new recipients' */
};

void envl_rewrapped_clear(struct envl_rewrapped *rewrapped);

/*
 * envl_rewrap_make - the key envelope to put in the place of a header's; only
 * if the identities open this very payload
 *
 *   header  checked by envl_header_check()
 *   start   first ENVL_PAYLOAD_START_LEN bytes of the payload
 *
 * The data key does not outlive the call.  By a service, there is none, and
 * nothing is known of the payload.
 *
 * Entries that this project would never write are left out of it.
 *
 * Returns: ENVELOPE_OK; what envl_key_envelope_open(), _build(), _add(),
 *          _remove(), _reencrypt() and _clean() return; ENVELOPE_R_COMMITMENT.
 *          *out is all zero on failure, but for opened.
 */
enum envelope_reason envl_rewrap_make(struct envl_rewrapped *out,
                                      const struct envl_rewrap *rewrap,
                                      const struct envl_header *header,
                                      const unsigned char *start,
                                      struct envl_err *err);

/*
 * envl_rewrap_is_done - after envl_rewrap_make() has found that no identity
 * opens it: does it look as if it had been rewrapped already?
 *
 * That is judged by identifiers, which are claims, and is never so for
 * ENVL_REWRAP_ADD, without recipients or by a service;
 * envl_key_envelope_is_done() says when.
 *
 *   err  of envl_rewrap_make(), which stays if it is not done
 *
 * Returns: ENVELOPE_OK with out, unchanged, if it is; ENVELOPE_R_NO_MATCH if
 *          not; what envl_key_envelope_is_done() returns.
 */
enum envelope_reason envl_rewrap_is_done(struct envl_rewrapped *out,
                                         const struct envl_rewrap *rewrap,
                                         const struct envl_header *header,
                                         struct envl_err *err);

#endif
