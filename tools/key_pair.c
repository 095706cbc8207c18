/* SPDX-License-Identifier: Apache-2.0 */
/* All that may fail is done before the first file gets its name.  Old files are
 * kept until the last one has its own. */
#include "tools/key_pair.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>

#include "filter/stream/fd.h"
#include "tools/os/disk.h"
#include "tools/os/free_name.h"
#include "tools/os/replace.h"

#define PRIVATE_MODE 0600
#define PUBLIC_MODE 0644 /* less the umask */

/* After the name of an old key, for as long as the new one has no name.  No run
 * removes it: it may be the only copy. */
static const char old_end[] = ".XXXXXX";

/* One of the two, on the way to its name. */
struct key_file {
    const char *path;
    struct envl_replace new_file;
    char *old;  /* what had the name before, or NULL */
    bool named; /* the new file is */
};

static enum envelope_reason
fail_file(const char *path, struct envl_err *err)
{
    return envl_fail(err, ENVELOPE_R_WRITE, "%s: %s", path, strerror(errno));
}

/* Writing */

int
envl_key_pair_write(int fd, BIO *content)
{
    char *p = NULL;
    long len = BIO_get_mem_data(content, &p);
    struct envl_err ignored; /* errno tells, too */

    return envl_fd_write(fd, (unsigned char *)p, (size_t)len, &ignored)
           == ENVELOPE_OK;
}

static enum envelope_reason
write_temporary(struct key_file *file, BIO *content, mode_t mode,
                struct envl_err *err)
{
    int fd = envl_replace_begin(&file->new_file, file->path, PRIVATE_MODE);
    int ok, saved;

    if (fd < 0)
        return fail_file(file->path, err);
    ok = fchmod(fd, mode) == 0 && envl_key_pair_write(fd, content)
         && envl_to_disk(fd);
    saved = errno;
    if (close(fd) != 0 && ok) {
        saved = errno;
        ok = 0;
    }
    errno = saved;
    return ok ? ENVELOPE_OK : fail_file(file->path, err);
}

/* Names */

static enum envelope_reason
give_name(struct key_file *file, struct envl_err *err)
{
    if (!envl_replace_take_name(&file->new_file, false))
        return fail_file(file->path, err);
    file->named = true;
    return envl_parent_to_disk(file->path) ? ENVELOPE_OK
                                           : fail_file(file->path, err);
}

static enum envelope_reason
set_aside(struct key_file *file, struct envl_err *err)
{
    size_t size = strlen(file->path) + sizeof(old_end);
    struct stat st;
    int fd;

    if (lstat(file->path, &st) != 0)
        return errno == ENOENT ? ENVELOPE_OK : fail_file(file->path, err);
    if ((file->old = OPENSSL_malloc(size)) == NULL)
        return envl_fail_memory(err);
    (void)snprintf(file->old, size, "%s%s", file->path, old_end);
    if ((fd = mkstemp(file->old)) < 0) {
        (void)fail_file(file->path, err);
        OPENSSL_free(file->old);
        file->old = NULL;
        return err->reason;
    }
    (void)close(fd); /* nothing was written */
    if (rename(file->path, file->old) != 0) {
        (void)fail_file(file->path, err);
        (void)unlink(file->old); /* it is empty */
        OPENSSL_free(file->old);
        file->old = NULL;
        return err->reason;
    }
    return envl_parent_to_disk(file->path) ? ENVELOPE_OK
                                           : fail_file(file->path, err);
}

/* The end */

/* What stays has a private key in it: nobody would look for it there. */
static void
tell_left(const char *name, struct envl_err *err)
{
    char detail[ENVL_DETAIL_MAX];
    enum envelope_reason reason = err->reason;

    (void)snprintf(detail, sizeof(detail), "%s", err->detail);
    if (reason == ENVELOPE_OK)
        (void)envl_fail(err, ENVELOPE_R_WRITE,
                        "the new keys are there, but what should be gone is "
                        "still in %s, which cannot be removed: %s",
                        name, strerror(errno));
    else
        (void)envl_fail(err, reason, "%s; %s cannot be removed", detail, name);
}

static void
remove_or_tell(const char *name, struct envl_err *err)
{
    if (unlink(name) != 0)
        tell_left(name, err);
}

static void
remove_temporary(struct key_file *file, struct envl_err *err)
{
    const struct envl_replace *left = &file->new_file;
    char name[PATH_MAX];

    if (envl_replace_remove(&file->new_file))
        return;
    (void)snprintf(name, sizeof(name), "%.*s%s",
                   (int)(strlen(file->path) - strlen(left->name)), file->path,
                   left->temporary);
    tell_left(name, err);
}

static void
withdraw(struct key_file *file, struct envl_err *err)
{
    if (file->named)
        remove_or_tell(file->path, err);
    remove_temporary(file, err);
}

static void
put_back(const struct key_file *file, struct envl_err *err)
{
    char detail[ENVL_DETAIL_MAX];
    bool left = false;

    if (file->old == NULL
        || envl_free_name_take(AT_FDCWD, file->old, file->path, &left)) {
        if (left)
            remove_or_tell(file->old, err);
        return;
    }
    (void)snprintf(detail, sizeof(detail), "%s", err->detail);
    (void)envl_fail(err, err->reason, "%s is now %s; %s", file->path, file->old,
                    detail);
}

static void
drop_old(struct key_file *file, struct envl_err *err)
{
    if (file->old != NULL)
        remove_or_tell(file->old, err);
    remove_temporary(file, err);
}

static void
end(struct key_file *file)
{
    envl_replace_end(&file->new_file);
    OPENSSL_free(file->old);
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
    struct key_file private_file = { pair->private_path, ENVL_REPLACE_NONE,
                                     NULL, false };
    struct key_file public_file = { pair->public_path, ENVL_REPLACE_NONE, NULL,
                                    false };
    sigset_t all, before;
    enum envelope_reason rc;

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, &before);
    rc = store(pair, &private_file, &public_file, force, err);
    if (rc == ENVELOPE_OK) {
        err->reason = rc;
        drop_old(&public_file, err);
        drop_old(&private_file, err);
        rc = err->reason;
    } else {
        withdraw(&public_file, err);
        withdraw(&private_file, err);
        put_back(&private_file, err);
        put_back(&public_file, err);
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    end(&private_file);
    end(&public_file);
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
