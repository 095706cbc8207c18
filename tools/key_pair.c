/* SPDX-License-Identifier: Apache-2.0 */
/* All that may fail is done before the first name is given; what is old is
 * kept until the last one is. */
#include "tools/key_pair.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>

#define PRIVATE_MODE 0600
#define PUBLIC_MODE 0644 /* less the umask */

static const char temporary_end[] = ".XXXXXX";

/* One of the two, on the way to its name. */
struct key_file {
    const char *path;
    char *temporary; /* has the content until it has its name, or NULL */
    char *old;       /* what had the name before, or NULL */
    bool named;
};

static enum envelope_reason
fail_file(const char *path, struct envl_err *err)
{
    return envl_fail(err, ENVELOPE_R_WRITE, "%s: %s", path, strerror(errno));
}

/* Writing */

/* A new and empty file beside path; its descriptor, or -1 with errno set. */
static int
make_temporary(char **name, const char *path)
{
    size_t size = strlen(path) + sizeof(temporary_end);
    int fd, saved;

    if ((*name = OPENSSL_malloc(size)) == NULL) {
        errno = ENOMEM;
        return -1;
    }
    (void)snprintf(*name, size, "%s%s", path, temporary_end);
    if ((fd = mkstemp(*name)) < 0) {
        saved = errno;
        OPENSSL_free(*name);
        *name = NULL;
        errno = saved;
    }
    return fd;
}

int
envl_key_pair_write(int fd, BIO *content)
{
    char *p = NULL;
    long left = BIO_get_mem_data(content, &p);
    ssize_t n;

    while (left > 0) {
        n = write(fd, p, (size_t)left);
        if (n < 0 && errno != EINTR)
            return 0;
        p += n > 0 ? n : 0;
        left -= n > 0 ? n : 0;
    }
    return 1;
}

/* Not every file system can be told to. */
static int
bring_to_disk(int fd)
{
    return fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP
           || errno == EROFS;
}

static enum envelope_reason
write_temporary(struct key_file *file, BIO *content, mode_t mode,
                struct envl_err *err)
{
    int fd = make_temporary(&file->temporary, file->path);
    int ok, saved;

    if (fd < 0)
        return fail_file(file->path, err);
    ok = fchmod(fd, mode) == 0 && envl_key_pair_write(fd, content)
         && bring_to_disk(fd);
    saved = errno;
    if (close(fd) != 0 && ok) {
        saved = errno;
        ok = 0;
    }
    errno = saved;
    return ok ? ENVELOPE_OK : fail_file(file->path, err);
}

/* Names */

/* A directory that cannot be opened is one that cannot be told to. */
static int
sync_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash != NULL ? (size_t)(slash - path) + 1 : 0;
    char *parent = OPENSSL_strndup(len > 0 ? path : ".", len > 0 ? len : 1);
    int fd = -1, ok = parent != NULL, saved;

    if (ok)
        fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        ok = bring_to_disk(fd);
        saved = errno;
        (void)close(fd); /* it was only read */
        errno = saved;
    }
    OPENSSL_free(parent);
    return ok;
}

/* Give from the name to, which must be free; some file systems have no hard
 * links. */
static int
rename_to_free(const char *from, const char *to)
{
    struct stat st;

    if (link(from, to) == 0) {
        (void)unlink(from); /* the file is in place; a second name is left */
        return 1;
    }
    if (errno == EEXIST)
        return 0;
    if (lstat(to, &st) == 0) {
        errno = EEXIST;
        return 0;
    }
    return rename(from, to) == 0;
}

static enum envelope_reason
give_name(struct key_file *file, struct envl_err *err)
{
    if (!rename_to_free(file->temporary, file->path))
        return fail_file(file->path, err);
    file->named = true;
    return sync_parent(file->path) ? ENVELOPE_OK : fail_file(file->path, err);
}

static enum envelope_reason
set_aside(struct key_file *file, struct envl_err *err)
{
    struct stat st;
    int fd;

    if (lstat(file->path, &st) != 0)
        return errno == ENOENT ? ENVELOPE_OK : fail_file(file->path, err);
    if ((fd = make_temporary(&file->old, file->path)) < 0)
        return fail_file(file->path, err);
    (void)close(fd); /* nothing was written */
    if (rename(file->path, file->old) != 0) {
        (void)fail_file(file->path, err);
        (void)unlink(file->old); /* it is empty */
        OPENSSL_free(file->old);
        file->old = NULL;
        return err->reason;
    }
    return sync_parent(file->path) ? ENVELOPE_OK : fail_file(file->path, err);
}

/* The end */

static void
withdraw(const struct key_file *file)
{
    if (file->named)
        (void)unlink(file->path); /* a failure has been found already */
    else if (file->temporary != NULL)
        (void)unlink(file->temporary);
}

static void
put_back(const struct key_file *file, struct envl_err *err)
{
    char detail[ENVL_DETAIL_MAX];

    if (file->old == NULL || rename_to_free(file->old, file->path))
        return;
    (void)snprintf(detail, sizeof(detail), "%s", err->detail);
    (void)envl_fail(err, err->reason, "%s is now %s; %s", file->path, file->old,
                    detail);
}

static void
drop_old(const struct key_file *file)
{
    if (file->old != NULL)
        (void)unlink(file->old); /* the new key is in place all the same */
}

static enum envelope_reason
store(const struct envl_key_pair *pair, struct key_file *private_file,
      struct key_file *public_file, bool force, struct envl_err *err)
{
    mode_t mask = umask(0);
    enum envelope_reason rc;

    (void)umask(mask);
    rc = write_temporary(private_file, pair->private_key, PRIVATE_MODE, err);
    if (rc == ENVELOPE_OK)
        rc = write_temporary(public_file, pair->public_key, PUBLIC_MODE & ~mask,
                             err);
    /* The public key is the first one to go and the last one to come. */
    if (rc == ENVELOPE_OK && force)
        rc = set_aside(public_file, err);
    if (rc == ENVELOPE_OK && force)
        rc = set_aside(private_file, err);
    if (rc == ENVELOPE_OK)
        rc = give_name(private_file, err);
    if (rc == ENVELOPE_OK)
        rc = give_name(public_file, err);
    return rc;
}

enum envelope_reason
envl_key_pair_store(const struct envl_key_pair *pair, bool force,
                    struct envl_err *err)
{
    struct key_file private_file = { .path = pair->private_path };
    struct key_file public_file = { .path = pair->public_path };
    sigset_t all, before;
    enum envelope_reason rc;

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, &before);
    rc = store(pair, &private_file, &public_file, force, err);
    if (rc == ENVELOPE_OK) {
        drop_old(&public_file);
        drop_old(&private_file);
    } else {
        withdraw(&public_file);
        withdraw(&private_file);
        put_back(&private_file, err);
        put_back(&public_file, err);
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    OPENSSL_free(private_file.temporary);
    OPENSSL_free(private_file.old);
    OPENSSL_free(public_file.temporary);
    OPENSSL_free(public_file.old);
    return rc;
}

static enum envelope_reason
check_path(const char *path, bool force, struct envl_err *err)
{
    struct stat st;

    if (lstat(path, &st) != 0)
        return ENVELOPE_OK;
    /* A link is replaced, but not one to a device. */
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return envl_fail(err, ENVELOPE_R_PARAMETER, "%s is not a regular file",
                         path);
    if (!force)
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "%s exists; --force replaces it", path);
    return ENVELOPE_OK;
}

enum envelope_reason
envl_key_pair_check(const struct envl_key_pair *pair, bool force,
                    struct envl_err *err)
{
    enum envelope_reason rc = check_path(pair->private_path, force, err);

    return rc != ENVELOPE_OK ? rc : check_path(pair->public_path, force, err);
}
