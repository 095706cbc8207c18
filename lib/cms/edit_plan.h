/* SPDX-License-Identifier: Apache-2.0 */
/* What is to become of the recipients of a message that gets new ones. */
#ifndef ENVL_CMS_EDIT_PLAN_H
#define ENVL_CMS_EDIT_PLAN_H

#include <stdbool.h>

#include "lib/cms/edit.h"
#include "lib/cms/reader.h"

struct envl_plan {
    enum envl_fate *fates;       /* owned; of each entry of the message */
    struct envl_recipients come; /* items is owned, what they have is not: for
                                  * whom entries are to be made */
    bool keeps_opener;           /* it is one of the new recipients */
};

/*
 * envl_plan_make - who goes whatever has opened the message, and who comes
 *
 *   o       has been opened
 *   kek_id  of the key-encryption key in the settings of edit
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
void envl_plan_clear(struct envl_plan *plan);

/*
 * envl_plan_drop - take out of the message who goes; with ENVL_EDIT_REPLACE who
 * that is shows only now
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
