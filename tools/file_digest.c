/* SPDX-License-Identifier: Apache-2.0 */
/* The label stands before the data, so the file is read once more, and first. */
#include "tools/file_digest.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "filter/stream/fd.h"

#define READ_LEN ((size_t)262144)
#define SHA256_LEN ((size_t)32)

static enum envelope_reason
digest_rest(EVP_MD_CTX *md, int fd, unsigned char *buf, struct envl_err *err)
{
    enum envelope_reason rc;
    size_t len;

    do {
        rc = envl_fd_read(fd, NULL, buf, READ_LEN, &len, err);
        if (rc == ENVELOPE_OK && EVP_DigestUpdate(md, buf, len) != 1)
            rc = envl_fail_crypto(err, "make a SHA-256 sum");
    } while (rc == ENVELOPE_OK && len > 0);
    return rc;
}

static enum envelope_reason
digest_fd(unsigned char *value, int fd, struct envl_err *err)
{
    EVP_MD *sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    unsigned char *buf = malloc(READ_LEN);
    enum envelope_reason rc;

    if (buf == NULL)
        rc = envl_fail_memory(err);
    else if (sha256 == NULL || md == NULL
             || EVP_DigestInit_ex2(md, sha256, NULL) != 1)
        rc = envl_fail_crypto(err, "begin a SHA-256 sum");
    else
        rc = digest_rest(md, fd, buf, err);
    if (rc == ENVELOPE_OK && EVP_DigestFinal_ex(md, value, NULL) != 1)
        rc = envl_fail_crypto(err, "make a SHA-256 sum");
    free(buf);
    EVP_MD_CTX_free(md);
    EVP_MD_free(sha256);
    return rc;
}

static enum envelope_reason
add_label(struct envl_options *options, const char *key,
          const unsigned char *value, struct envl_err *err)
{
    size_t size = strlen(key) + sizeof("=") + 2 * SHA256_LEN, len, i;
    char *label = malloc(size);
    enum envelope_reason rc;

    if (label == NULL)
        return envl_fail_memory(err);
    len = (size_t)snprintf(label, size, "%s=", key);
    for (i = 0; i < SHA256_LEN; i++, len += 2)
        (void)snprintf(label + len, size - len, "%02x", value[i]);
    rc = envl_options_set(options, "label", label, err);
    free(label);
    return rc;
}

enum envelope_reason
envl_file_digest_add(struct envl_file_digest *digest, int fd,
                     struct envl_options *options, struct envl_err *err)
{
    unsigned char value[SHA256_LEN];
    enum envelope_reason rc;
    off_t start;

    if (digest->key == NULL)
        return ENVELOPE_OK;
    if (*digest->key == '\0' || strchr(digest->key, '=') != NULL)
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "--label-sha256 wants the key of a label, without a "
                         "value");
    start = fd >= 0 ? lseek(fd, 0, SEEK_CUR) : -1;
    if (start < 0 || fstat(fd, &digest->st) != 0
        || !S_ISREG(digest->st.st_mode))
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "--label-sha256 wants a file: it is read twice");
    rc = digest_fd(value, fd, err);
    if (rc == ENVELOPE_OK && lseek(fd, start, SEEK_SET) != start)
        rc = envl_fail(err, ENVELOPE_R_READ, "%s", strerror(errno));
    return rc == ENVELOPE_OK ? add_label(options, digest->key, value, err) : rc;
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
    /* Nobody can set back the time of the last change of the inode. */
    return a->st_size == b->st_size && a->st_ctim.tv_sec == b->st_ctim.tv_sec
           && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

enum envelope_reason
envl_file_digest_check(const struct envl_file_digest *digest, int fd,
                       struct envl_err *err)
{
    struct stat st;

    if (digest->key == NULL)
        return ENVELOPE_OK;
    if (fstat(fd, &st) != 0)
        return envl_fail(err, ENVELOPE_R_READ, "%s", strerror(errno));
    if (!is_same(&st, &digest->st))
        return envl_fail(err, ENVELOPE_R_READ,
                         "it changed while it was read, so that the label of "
                         "its SHA-256 may be wrong: nothing was kept");
    return ENVELOPE_OK;
}
