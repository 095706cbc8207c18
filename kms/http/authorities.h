/* SPDX-License-Identifier: Apache-2.0 */
/* A directory of certificates, for a library that wants a file as well. */
#ifndef KMS_HTTP_AUTHORITIES_H
#define KMS_HTTP_AUTHORITIES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * kms_authorities_first - the path of the first file in a directory, by its
 * name, that begins with a certificate in PEM
 *
 * Returns: true; false if there is none, the directory cannot be read, or the
 *          path does not fit.
 */
bool kms_authorities_first(char *path, size_t size, const char *directory);

#endif
