/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of the calls is the point: the journal is on the disk before the
 * file is touched, and the file is on the disk before the journal goes.
 */
#include "tools/os/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "filter/stream/fd.h"
#include "tools/os/disk.h"

/* A journal: fields, big-endian; then the new bytes, and those that they take
 * the place of. */
#define MAGIC "envelope-rewrap\n"
enum {
    AT_MAGIC = 0,
    MAGIC_LEN = sizeof(MAGIC) - 1,
    AT_PATCH = AT_MAGIC + MAGIC_LEN, /* where the bytes belong */
    AT_LEN = AT_PATCH + 8,           /* how many they are, of each */
    AT_ANCHOR = AT_LEN + 8,         /* where the bytes are that name the file */
    AT_ANCHOR_HASH = AT_ANCHOR + 8, /* SHA-256 of them */
    AT_HASH = AT_ANCHOR_HASH + SHA256_DIGEST_LENGTH, /* of all but itself */
    FIELDS_LEN = AT_HASH + SHA256_DIGEST_LENGTH
};
static_assert(MAGIC_LEN == 16, "the numbers are aligned");

/* No header in its carrier is longer. */
#define PATCH_LEN_MAX (2 * ENVL_HEADER_LEN_MAX)

/* Bytes that are compared at once. */
#define BLOCK_LEN 4096

static void
put_be64(unsigned char *p, uint64_t v)
{
    int i;

    for (i = 7; i >= 0; i--, v >>= 8)
        p[i] = (unsigned char)v;
}

static uint64_t
get_be64(const unsigned char *p)
{
    uint64_t v = 0;
    int i;

    for (i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

static enum envelope_reason
fail(struct envl_err *err, enum envelope_reason reason, const char *name)
{
    return envl_fail(err, reason, "%s: %s", name, strerror(errno));
}

enum envelope_reason
envl_journal_init(struct envl_journal *journal, const char *path, int file,
                  struct envl_err *err)
{
    size_t size = strlen(path) + sizeof(ENVL_JOURNAL_SUFFIX);

    *journal = (struct envl_journal){ OPENSSL_malloc(size), file, NULL };
    if (journal->name == NULL)
        return envl_fail_memory(err);
    (void)snprintf(journal->name, size, "%s%s", path, ENVL_JOURNAL_SUFFIX);
    return ENVELOPE_OK;
}

void
envl_journal_clear(struct envl_journal *journal)
{
    OPENSSL_free(journal->name);
    *journal = (struct envl_journal){ 0 };
}

bool
envl_journal_exists(const struct envl_journal *journal)
{
    struct stat st;

    return lstat(journal->name, &st) == 0;
}

bool
envl_journal_is_beside(const char *name)
{
    char *path = name != NULL ? realpath(name, NULL) : NULL;
    struct envl_journal journal = { 0 };
    struct envl_err ignored;
    bool is = path != NULL
              && envl_journal_init(&journal, path, -1, &ignored) == ENVELOPE_OK
              && envl_journal_exists(&journal);

    envl_journal_clear(&journal);
    free(path);
    return is;
}

/* Bringing it to the disk */

static enum envelope_reason
sync_directory(const struct envl_journal *journal, struct envl_err *err)
{
    return envl_parent_to_disk(journal->name)
               ? ENVELOPE_OK
               : fail(err, ENVELOPE_R_WRITE, journal->name);
}

static enum envelope_reason
sync_file(int fd, const char *name, struct envl_err *err)
{
    return envl_to_disk(fd) ? ENVELOPE_OK : fail(err, ENVELOPE_R_WRITE, name);
}

static enum envelope_reason
remove_journal(const struct envl_journal *journal, struct envl_err *err)
{
    if (unlink(journal->name) != 0)
        return fail(err, ENVELOPE_R_WRITE, journal->name);
    return sync_directory(journal, err);
}

/* One call as a rule, so that a killed program has done it all or nothing. */
static bool
write_at(int fd, uint64_t at, const unsigned char *bytes, size_t len)
{
    ssize_t n;

    for (; len > 0; at += (size_t)n, bytes += n, len -= (size_t)n) {
        n = pwrite(fd, bytes, len, (off_t)at);
        if (n < 0 && errno != EINTR)
            return false;
        if (n < 0)
            n = 0;
    }
    return true;
}

static bool
set_times(const struct envl_journal *journal)
{
    return journal->times == NULL
           || futimens(journal->file, journal->times) == 0;
}

/* Before anything is changed: the owner alone may set them. */
static enum envelope_reason
check_times(const struct envl_journal *journal, struct envl_err *err)
{
    return set_times(journal)
               ? ENVELOPE_OK
               : envl_fail(err, ENVELOPE_R_WRITE, "its time cannot be kept: %s",
                           strerror(errno));
}

/* The journal is complete, and on the disk. */
static enum envelope_reason
apply(const struct envl_journal *journal, const unsigned char *text,
      struct envl_err *err)
{
    if (!write_at(journal->file, get_be64(text + AT_PATCH), text + FIELDS_LEN,
                  (size_t)get_be64(text + AT_LEN))
        || !set_times(journal) || !envl_to_disk(journal->file))
        return envl_fail(err, ENVELOPE_R_WRITE,
                         "%s; what was begun is in %s, and envelope rewrap "
                         "--recover ends it",
                         strerror(errno), journal->name);
    return remove_journal(journal, err);
}

/* Replacing */

static bool
hash(unsigned char *to, const unsigned char *text, size_t len)
{
    unsigned char all[SHA256_DIGEST_LENGTH + SHA256_DIGEST_LENGTH];

    return SHA256(text, AT_HASH, all) != NULL
           && SHA256(text + FIELDS_LEN, 2 * len, all + SHA256_DIGEST_LENGTH)
                  != NULL
           && SHA256(all, sizeof(all), to) != NULL;
}

/* len bytes at a place; false if they are not there. */
static bool
read_at(int fd, uint64_t at, unsigned char *to, size_t len)
{
    ssize_t n;

    for (; len > 0; at += (size_t)n, to += n, len -= (size_t)n) {
        n = pread(fd, to, len, (off_t)at);
        if (n == 0 || (n < 0 && errno != EINTR))
            return false;
        if (n < 0)
            n = 0;
    }
    return true;
}

/*
 * Get what the file has at an anchor once the patch is written.  Bytes that the
 * patch covers come from the patch: so the anchor is the same before the write,
 * after it, and in the middle.
 */
static bool
read_anchor(unsigned char *bytes, int file, uint64_t at,
            const struct envl_patch *patch)
{
    size_t i;

    if (!read_at(file, at, bytes, ENVL_JOURNAL_ANCHOR_LEN))
        return false;
    for (i = 0; i < ENVL_JOURNAL_ANCHOR_LEN; i++) {
        if (at + i >= patch->at && at + i - patch->at < patch->len)
            bytes[i] = patch->bytes[at + i - patch->at];
    }
    return true;
}

static enum envelope_reason
make_text(unsigned char **out, const struct envl_journal *journal,
          uint64_t anchor_at, const struct envl_patch *patch,
          struct envl_err *err)
{
    unsigned char *text = OPENSSL_malloc(FIELDS_LEN + 2 * patch->len);
    unsigned char anchor[ENVL_JOURNAL_ANCHOR_LEN];
    enum envelope_reason rc = ENVELOPE_OK;

    if (text == NULL)
        return envl_fail_memory(err);
    memcpy(text + AT_MAGIC, MAGIC, MAGIC_LEN);
    put_be64(text + AT_PATCH, patch->at);
    put_be64(text + AT_LEN, patch->len);
    put_be64(text + AT_ANCHOR, anchor_at);
    memcpy(text + FIELDS_LEN, patch->bytes, patch->len);
    if (!read_at(journal->file, patch->at, text + FIELDS_LEN + patch->len,
                 patch->len)
        || !read_anchor(anchor, journal->file, anchor_at, patch))
        rc = envl_fail(err, ENVELOPE_R_READ, "%s", strerror(errno));
    else if (SHA256(anchor, sizeof(anchor), text + AT_ANCHOR_HASH) == NULL
             || !hash(text + AT_HASH, text, patch->len))
        rc = envl_fail_crypto(err, "hash the journal");
    if (rc == ENVELOPE_OK)
        *out = text;
    else
        OPENSSL_free(text);
    return rc;
}

/* Who can read the file can read the journal, if that can be arranged; nobody
 * else ever. */
static void
share(int fd, const struct stat *st)
{
    if ((st->st_uid == geteuid() && st->st_gid == getegid())
        || fchown(fd, st->st_uid, st->st_gid) == 0)
        (void)fchmod(fd, st->st_mode & 0666);
}

static enum envelope_reason
write_journal(const struct envl_journal *journal, const unsigned char *text,
              size_t len, struct envl_err *err)
{
    enum envelope_reason rc;
    struct stat st;
    int fd;

    if (fstat(journal->file, &st) != 0
        || (fd = open(journal->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                      S_IRUSR | S_IWUSR))
               < 0)
        return fail(err, ENVELOPE_R_WRITE, journal->name);
    share(fd, &st);
    rc = envl_fd_write(fd, text, len, err);
    if (rc == ENVELOPE_OK)
        rc = sync_file(fd, journal->name, err);
    if (close(fd) != 0 && rc == ENVELOPE_OK)
        rc = fail(err, ENVELOPE_R_WRITE, journal->name);
    if (rc == ENVELOPE_OK)
        rc = sync_directory(journal, err);
    if (rc != ENVELOPE_OK)
        (void)unlink(journal->name);
    return rc;
}

enum envelope_reason
envl_journal_replace(const struct envl_journal *journal, uint64_t anchor_at,
                     const struct envl_patch *patch, struct envl_err *err)
{
    unsigned char *text = NULL;
    enum envelope_reason rc = check_times(journal, err);
    sigset_t all, old;

    if (rc == ENVELOPE_OK)
        rc = make_text(&text, journal, anchor_at, patch, err);
    if (rc != ENVELOPE_OK)
        return rc;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    rc = write_journal(journal, text, FIELDS_LEN + 2 * patch->len, err);
    if (rc == ENVELOPE_OK)
        rc = apply(journal, text, err);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    OPENSSL_free(text);
    return rc;
}

/* Recovering */

static enum envelope_reason
check_owner(const struct envl_journal *journal, int fd, struct stat *st,
            struct envl_err *err)
{
    struct stat file;

    if (fstat(fd, st) != 0 || fstat(journal->file, &file) != 0)
        return fail(err, ENVELOPE_R_READ, journal->name);
    if (S_ISREG(st->st_mode)
        && (st->st_uid == geteuid() || st->st_uid == file.st_uid
            || st->st_uid == 0))
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_READ,
                     "%s: it is no file, or somebody else's: it is not "
                     "believed",
                     journal->name);
}

/* All of it, as far as it goes; *text is the caller's, OPENSSL_free(). */
static enum envelope_reason
read_journal(const struct envl_journal *journal, unsigned char **text,
             size_t *len, struct envl_err *err)
{
    int fd = open(journal->name,
                  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    const size_t size = FIELDS_LEN + 2 * PATCH_LEN_MAX + 1;
    enum envelope_reason rc;
    struct stat st;
    size_t n = 1;

    *len = 0;
    if (fd < 0 && errno == ENOENT)
        return ENVELOPE_OK;
    if (fd < 0)
        return fail(err, ENVELOPE_R_READ, journal->name);
    rc = check_owner(journal, fd, &st, err);
    if (rc == ENVELOPE_OK && (*text = OPENSSL_malloc(size)) == NULL)
        rc = envl_fail_memory(err);
    while (rc == ENVELOPE_OK && n > 0 && *len < size) {
        rc = envl_fd_read(fd, NULL, *text + *len, size - *len, &n, err);
        *len += n;
    }
    /* It may be complete and not on the disk yet. */
    if (rc == ENVELOPE_OK)
        rc = sync_file(fd, journal->name, err);
    (void)close(fd);
    return rc;
}

/* Without a hash nothing is known of a journal: it stays. */
static enum envelope_reason
fail_hash(const struct envl_journal *journal, struct envl_err *err)
{
    return envl_fail(err, ENVELOPE_R_CRYPTO,
                     "%s: cannot compute SHA-256: it is kept, try again when "
                     "that works",
                     journal->name);
}

static enum envelope_reason
check_complete(bool *is_complete, const struct envl_journal *journal,
               const unsigned char *text, size_t len, struct envl_err *err)
{
    const size_t patch_len = len >= FIELDS_LEN ? (len - FIELDS_LEN) / 2 : 0;
    unsigned char should[SHA256_DIGEST_LENGTH];

    *is_complete = false;
    if (len < FIELDS_LEN || memcmp(text, MAGIC, MAGIC_LEN) != 0
        || len != FIELDS_LEN + 2 * patch_len
        || get_be64(text + AT_LEN) != patch_len)
        return ENVELOPE_OK;
    if (!hash(should, text, patch_len))
        return fail_hash(journal, err);
    *is_complete = memcmp(should, text + AT_HASH, sizeof(should)) == 0;
    return ENVELOPE_OK;
}

/* A file that was being written when the machine stopped may have its length
 * and no content. */
static bool
is_a_beginning(const unsigned char *text, size_t len)
{
    static const char zeros[MAGIC_LEN] = { 0 };
    size_t n = len < MAGIC_LEN ? len : MAGIC_LEN;

    return memcmp(text, MAGIC, n) == 0 || memcmp(text, zeros, n) == 0;
}

static enum envelope_reason
check_for(bool *is_for, const struct envl_journal *journal, unsigned char *text,
          struct envl_err *err)
{
    unsigned char anchor[ENVL_JOURNAL_ANCHOR_LEN];
    unsigned char is[SHA256_DIGEST_LENGTH];
    const uint64_t at = get_be64(text + AT_ANCHOR);
    const struct envl_patch patch = {
        .at = get_be64(text + AT_PATCH),
        .bytes = text + FIELDS_LEN,
        .len = (size_t)get_be64(text + AT_LEN),
    };

    *is_for = false;
    if (at > INT64_MAX - (uint64_t)sizeof(anchor)
        || patch.at > INT64_MAX - (uint64_t)patch.len
        || !read_anchor(anchor, journal->file, at, &patch))
        return ENVELOPE_OK;
    if (SHA256(anchor, sizeof(anchor), is) == NULL)
        return fail_hash(journal, err);
    *is_for = memcmp(is, text + AT_ANCHOR_HASH, sizeof(is)) == 0;
    return ENVELOPE_OK;
}

/* How the bytes that a file has now differ from those in a journal. */
struct difference {
    size_t from_old, from_fresh, from_both;
};

/* False if they cannot be read. */
static bool
compare(struct difference *d, const unsigned char *text, int file)
{
    const uint64_t at = get_be64(text + AT_PATCH);
    const size_t len = (size_t)get_be64(text + AT_LEN);
    const unsigned char *fresh = text + FIELDS_LEN, *old = fresh + len;
    unsigned char now[BLOCK_LEN];
    size_t i, j, n;

    *d = (struct difference){ 0, 0, 0 };
    for (i = 0; i < len; i += n) {
        n = len - i < BLOCK_LEN ? len - i : BLOCK_LEN;
        if (!read_at(file, at + i, now, n))
            return false;
        for (j = 0; j < n; j++) {
            bool is_old = now[j] == old[i + j];
            bool is_fresh = now[j] == fresh[i + j];

            d->from_old += !is_old;
            d->from_fresh += !is_fresh;
            d->from_both += !is_old && !is_fresh;
        }
    }
    return true;
}

/*
 * Is each byte that the file has now the old one or the new one, as after a
 * write that was cut anywhere?  Anything else was written after that rewrap, and
 * is not to be undone: another header differs in many random bytes.
 */
static bool
is_old_or_new(const unsigned char *text, int file)
{
    struct difference d;

    return compare(&d, text, file) && d.from_both == 0;
}

/*
 * A journal that is not whole has one of two causes.  It was being written when the
 * machine stopped: then the file was not touched yet.  Or it was damaged later:
 * then it may be needed, because the file has bytes of both headers, as what is
 * left of the journal shows.
 */
static bool
may_be_needed(const unsigned char *text, size_t len, int file)
{
    struct difference d;
    size_t patch_len;

    if (len < FIELDS_LEN || memcmp(text, MAGIC, MAGIC_LEN) != 0)
        return false;
    patch_len = (len - FIELDS_LEN) / 2;
    if (get_be64(text + AT_LEN) != patch_len
        || get_be64(text + AT_PATCH) > INT64_MAX || !compare(&d, text, file))
        return false;
    return d.from_old > 0 && d.from_fresh > 0 && d.from_both < patch_len / 4;
}

static enum envelope_reason
drop(const struct envl_journal *journal, const unsigned char *text, size_t len,
     enum envl_journal_state *state, struct envl_err *err)
{
    if (!is_a_beginning(text, len))
        return envl_fail(err, ENVELOPE_R_READ,
                         "%s: it is something else, and in the way",
                         journal->name);
    if (may_be_needed(text, len, journal->file))
        return envl_fail(err, ENVELOPE_R_READ,
                         "%s: it is damaged, and the file may have half of a "
                         "new header: keep both; if envelope verify --header "
                         "finds the file good, remove the journal",
                         journal->name);
    *state = ENVL_JOURNAL_DROPPED;
    return remove_journal(journal, err);
}

static enum envelope_reason
recover(const struct envl_journal *journal, unsigned char *text, size_t len,
        enum envl_journal_state *state, struct envl_err *err)
{
    enum envelope_reason rc;
    bool is;

    rc = check_complete(&is, journal, text, len, err);
    if (rc != ENVELOPE_OK)
        return rc;
    if (!is)
        return drop(journal, text, len, state, err);
    rc = check_for(&is, journal, text, err);
    if (rc != ENVELOPE_OK)
        return rc;
    if (!is)
        return envl_fail(err, ENVELOPE_R_READ,
                         "%s: it was left by a rewrap of another file of this "
                         "name; if that is gone, remove it",
                         journal->name);
    if (!is_old_or_new(text, journal->file))
        return envl_fail(err, ENVELOPE_R_READ,
                         "%s: the header was written again since that rewrap; "
                         "if envelope verify --header finds it good, remove "
                         "the journal",
                         journal->name);
    rc = check_times(journal, err);
    if (rc == ENVELOPE_OK)
        rc = sync_directory(journal, err);
    if (rc == ENVELOPE_OK)
        rc = apply(journal, text, err);
    if (rc == ENVELOPE_OK)
        *state = ENVL_JOURNAL_REDONE;
    return rc;
}

enum envelope_reason
envl_journal_recover(const struct envl_journal *journal,
                     enum envl_journal_state *state, struct envl_err *err)
{
    unsigned char *text = NULL;
    enum envelope_reason rc;
    sigset_t all, old;
    size_t len;

    *state = ENVL_JOURNAL_NONE;
    rc = read_journal(journal, &text, &len, err);
    if (rc == ENVELOPE_OK && text != NULL) {
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, &old);
        rc = recover(journal, text, len, state, err);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
    }
    OPENSSL_free(text);
    return rc;
}
