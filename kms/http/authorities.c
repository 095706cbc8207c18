/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at one file after the other. */
#include "kms/http/authorities.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static bool
has_certificate(const char *path)
{
    /* A FIFO would wait for somebody to write. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
    X509 *cert = NULL;

    if (file != NULL) {
        (void)ERR_set_mark();
        cert = PEM_read_X509(file, NULL, NULL, NULL);
        (void)ERR_pop_to_mark();
        (void)fclose(file);
    } else if (fd >= 0) {
        (void)close(fd);
    }
    X509_free(cert);
    return cert != NULL;
}

bool
kms_authorities_first(char *path, size_t size, const char *directory)
{
    struct dirent **names = NULL;
    int count = scandir(directory, &names, NULL, alphasort), i, len;
    bool found = false;

    for (i = 0; i < count; i++) {
        if (!found) {
            len = snprintf(path, size, "%s/%s", directory, names[i]->d_name);
            found = len > 0 && (size_t)len < size && has_certificate(path);
        }
        free(names[i]);
    }
    free(names);
    return found;
}
