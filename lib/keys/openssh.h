/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys in OpenSSH's own formats, for which libcrypto has no decoder: lines with
 * public keys (RFC 4253 6.6, RFC 5656 3.1) and private keys that are stored
 * unencrypted (OpenSSH's PROTOCOL.key).
 */
#ifndef ENVL_OPENSSH_H
#define ENVL_OPENSSH_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/keys/key_text.h"
#include "lib/keys/keys.h"
#include "lib/keys/ssh_lines.h"

/*
 * envl_openssh_is_line - does a line hold an OpenSSH public key, or begin an
 * OpenSSH private key?  Then only envl_openssh_read() may read the file:
 * libcrypto's store would skip such a key if the file also had PEM keys.
 */
bool envl_openssh_is_line(const unsigned char *line, size_t len);

/*
 * envl_openssh_read - give each key in a file to reader->take, in their order
 *
 * Each line has one public key, as in id_rsa.pub, or in authorized_keys without
 * options.  Empty lines and lines that begin with # are skipped.  The keys that
 * take gets are sound: points are on their curves, and the parts of a private
 * key belong together.
 *
 *   text    the file
 *   origin  the fields that all items share; the line is added to the name
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY if the file has anything
 *          else; ENVELOPE_R_UNSUPPORTED_KEY for keys of other types, for
 *          certificates, and for private keys under a passphrase, saying what
 *          to do; ENVELOPE_R_MEMORY; what take returned.
 */
enum envelope_reason envl_openssh_read(const struct envl_key_reader *reader,
                                       const struct envl_key_text *text,
                                       const struct envl_key_item *origin,
                                       struct envl_err *err);

/* envl_openssh_read_public - give the public key of one line, as it stands in
 * id_rsa.pub, to reader->take; Returns: as envl_openssh_read() */
enum envelope_reason
envl_openssh_read_public(const struct envl_key_reader *reader,
                         const struct envl_key_item *origin,
                         struct envl_span line, struct envl_err *err);

#endif
