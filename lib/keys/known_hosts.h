/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of one host out of OpenSSH's known_hosts (sshd(8), SSH_KNOWN_HOSTS
 * FILE FORMAT).  A host is always named: nobody trusts a whole such file.
 */
#ifndef ENVL_KNOWN_HOSTS_H
#define ENVL_KNOWN_HOSTS_H

#include <stdbool.h>

#include "lib/keys/keys.h"

/* envl_known_hosts_is - does an entry of a list begin with known_hosts: ? */
bool envl_known_hosts_is(const char *entry);

/*
 * envl_known_hosts_read - give each public key of a host to reader->take
 *
 * Names, patterns and hashed names are compared as OpenSSH does it.  Keys that a
 * @revoked line names are left out.  A @cert-authority line gives no key.
 *
 *   uri  known_hosts:HOST or known_hosts:HOST@FILE; HOST is written as in the
 *        file, with [HOST]:PORT for another port than 22; FILE is
 *        /etc/ssh/ssh_known_hosts if nothing is said
 *
 * Returns: ENVELOPE_OK with at least one key; ENVELOPE_R_UNREADABLE_KEY; what
 *          envl_file_read(), envl_openssh_read_public() and take return.
 */
enum envelope_reason envl_known_hosts_read(const struct envl_key_reader *reader,
                                           const char *uri,
                                           struct envl_err *err);

#endif
