/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame of a key envelope (FORMAT 5): everything of the CMS message but
 * what is inside its RecipientInfos.
 */
#ifndef ENVL_FRAME_H
#define ENVL_FRAME_H

#include <stddef.h>

#include "lib/err.h"
#include "lib/kari.h"
#include "lib/libctx.h"

struct envl_frame;

/*
 * envl_frame_read - read a message and check that its frame is the one of
 * FORMAT 5, in DER, to the last byte
 *
 * Ownership: *frame is the caller's, envl_frame_free(); unset on failure.
 * Returns:   ENVELOPE_OK, or ENVELOPE_R_KEY_ENVELOPE.
 */
enum envelope_reason envl_frame_read(struct envl_frame **frame,
                                     const unsigned char *der, size_t len,
                                     struct envl_err *err);
void envl_frame_free(struct envl_frame *frame);

/*
 * envl_frame_recipient - the DER of RecipientInfo i, counted from 0, unless
 * it is a ktri; it points into frame
 *
 * Returns: 1, or 0 if there is none.
 */
int envl_frame_recipient(const struct envl_frame *frame, int i,
                         const unsigned char **der, size_t *len);

/*
 * envl_frame_count - RecipientInfos
 * envl_frame_raw - RecipientInfo i, of any kind, as it stands in the message;
 * it points into frame
 * envl_frame_has - is there one of just these bytes?
 * envl_frame_add - put one behind the others: 1, or 0 if memory ran out
 * envl_frame_drop - take out RecipientInfo i
 */
int envl_frame_count(const struct envl_frame *frame);
void envl_frame_raw(const struct envl_frame *frame, int i,
                    const unsigned char **der, size_t *len);
int envl_frame_has(const struct envl_frame *frame, const unsigned char *der,
                   size_t len);
int envl_frame_add(struct envl_frame *frame, const unsigned char *der,
                   size_t len);
void envl_frame_drop(struct envl_frame *frame, int i);

/*
 * envl_frame_write - the message in DER, RecipientInfos in the order of a
 * SET OF
 *
 * Ownership: *der is the caller's, OPENSSL_free(); NULL on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_CRYPTO; _MEMORY.
 */
enum envelope_reason envl_frame_write(const struct envl_frame *frame,
                                      unsigned char **der, size_t *len,
                                      struct envl_err *err);

/*
 * envl_frame_decrypt - the content, a data key, with the content-encryption
 * key that a RecipientInfo gave
 *
 *   dek  receives ENVL_DEK_LEN bytes, which the caller cleanses
 *
 * Returns: 1, or 0 with dek wiped if it does not authenticate.
 */
int envl_frame_decrypt(const struct envl_frame *frame,
                       const struct envl_libctx *ctx,
                       const unsigned char cek[ENVL_CEK_LEN],
                       unsigned char *dek);

#endif
