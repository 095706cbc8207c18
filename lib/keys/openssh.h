/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys in OpenSSH's own formats, for which libcrypto has no decoder: lines of
 * public keys (RFC 4253 6.6, RFC 5656 3.1) and private keys that are stored
 * in the clear (OpenSSH's PROTOCOL.key).
 */
#ifndef ENVL_OPENSSH_H
#define ENVL_OPENSSH_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/keys/key_text.h"
#include "lib/keys/keys.h"

/*
 * envl_openssh_is_line - does a line hold a public key of OpenSSH's, or begin a
 * private one?  Only envl_openssh_read() may read the file then: libcrypto's
 * store would pass such a key over if there were others in PEM beside it.
 */
bool envl_openssh_is_line(const unsigned char *line, size_t len);

/*
 * envl_openssh_read - give each key in a text to the reader, in their order
 *
 * Public keys stand one on a line, as in id_rsa.pub or authorized_keys but
 * without options; empty lines and those that begin with # are skipped.  What
 * is given to the reader is sound: points lie on their curves, the parts of a
 * private key belong together.
 *
 *   origin  what the items given have in common, but for the line in the name
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY if anything else stands
 *          there; ENVELOPE_R_UNSUPPORTED_KEY for keys that can only sign, for
 *          certificates, and for private keys under a passphrase, saying what
 *          to do; ENVELOPE_R_MEMORY; what take returned.
 */
enum envelope_reason envl_openssh_read(const struct envl_key_reader *reader,
                                       const struct envl_key_text *text,
                                       const struct envl_key_item *origin,
                                       struct envl_err *err);

#endif
