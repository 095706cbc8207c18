/* SPDX-License-Identifier: Apache-2.0 */
/* Decides which recipients of a message are removed, and which are added. */
#ifndef ENVL_CMS_EDIT_PLAN_H
#define ENVL_CMS_EDIT_PLAN_H

#include <stdbool.h>

#include "lib/cms/edit.h"
#include "lib/cms/reader.h"

struct envl_plan {
    enum envl_fate *fates;       /* owned; one for each entry of the message */
    struct envl_recipients come; /* to be added; the array is owned, what its
                                  * items point to is not */
    bool keeps_opener;           /* the opened entry is a new recipient's */
};

/*
 * envl_plan_make - decide who is added, and who is removed whichever identity
 * has opened the message
 *
 *   o       an open message
 *   kek_id  the identifier of the key-encryption key in edit->settings
 *
 * Ownership: plan is the caller's, envl_plan_clear(), also on failure.
 * Returns:   ENVELOPE_OK; what envl_cms_reader_mark() returns;
 *            ENVELOPE_R_TOO_MANY_RECIPIENTS; _MEMORY.
 */
enum envelope_reason envl_plan_make(struct envl_plan *plan,
                                    const struct envl_cms_reader *o,
                                    const struct envl_edit *edit,
                                    const unsigned char kek_id[ENVL_KEK_ID_LEN],
                                    struct envl_err *err);
/* envl_plan_clear - free; all zero is fine */
void envl_plan_clear(struct envl_plan *plan);

/*
 * envl_plan_drop - remove the entries from the message; with ENVL_EDIT_REPLACE
 * first find those that the opening identity opens
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_PARAMETER if several identities are
 *          recipients; ENVELOPE_R_TOO_MANY_RECIPIENTS; what
 *          envl_cms_reader_drop() returns.
 */
enum envelope_reason envl_plan_drop(const struct envl_plan *plan,
                                    struct envl_cms_reader *o,
                                    const struct envl_edit *edit,
                                    struct envl_err *err);

#endif
