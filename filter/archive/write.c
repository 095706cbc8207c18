/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes archives to an envelope: libarchive's client callbacks.  The pump
 * encrypts for descriptors; the codec alone does so for callbacks of the
 * program, which must be called in its own thread, and for other targets.
 */
#include <envelope/archive.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "filter/archive/common.h"
#include "filter/archive/handles.h"
#include "filter/archive/target.h"
#include "filter/stream/codec.h"
#include "filter/stream/fd.h"
#include "filter/stream/pump.h"

/* The open writers.  They are needed because libarchive ignores what a client
 * returns at close. */
static struct envl_handles writers = ENVL_HANDLES_NONE;

/* Data of no bytes. */
#define NOTHING ((const unsigned char *)"")

struct writer {
    struct envl_handle handle; /* first: found by its address */
    struct envl_codec *codec;
    struct envl_pump *pump; /* with a descriptor */
    enum envl_carrier carrier;
    struct envl_target target;
    bool opened;           /* target.open() was called */
    struct envl_slot slot; /* without a pump, and for the header */
    bool begun;            /* the slot has input */
    bool failed;           /* archive_set_error() was called */
    bool closed;           /* libarchive has closed it */
    char *error_text;      /* a copy of the failure's text, owned */
    int error;
};

/* Failure */

/* libarchive clears an archive's error when it closes it: keep a copy. */
static int
note_failure(struct archive *a, struct writer *w)
{
    const char *text = archive_error_string(a);

    if (!w->failed) {
        w->failed = true;
        w->error = archive_errno(a);
        w->error_text =
            text != NULL ? ENVL_QUIETLY(OPENSSL_strdup(text)) : NULL;
    }
    return ARCHIVE_FATAL;
}

static int
fail(struct archive *a, struct writer *w, const struct envl_err *err, int error)
{
    (void)envl_archive_fail(a, err, error);
    return note_failure(a, w);
}

/* Writing */

static int
put(struct archive *a, struct writer *w, const unsigned char *p, size_t len)
{
    return envl_target_put(a, &w->target, p, len) == ARCHIVE_OK
               ? ARCHIVE_OK
               : note_failure(a, w);
}

static int
put_end(struct archive *a, struct writer *w)
{
    return envl_target_end(a, &w->target) == ARCHIVE_OK ? ARCHIVE_OK
                                                        : note_failure(a, w);
}

/* Encrypt and write len more bytes; with ended, also all that is left. */
static int
drive(struct archive *a, struct writer *w, const unsigned char *p, size_t len,
      bool ended)
{
    struct envl_slot *slot = &w->slot;
    bool ready;
    size_t n;
    unsigned i;

    for (; !slot->last; p += n, len -= n) {
        if (!w->begun)
            envl_codec_begin(w->codec, slot);
        w->begun = true;
        n = envl_codec_copy(w->codec, slot, p, len);
        ready = envl_codec_is_ready(w->codec, slot);
        if (!ready && !ended)
            return ARCHIVE_OK;
        w->begun = false;
        envl_codec_close(w->codec, slot, !ready);
        envl_codec_work(w->codec, slot, 1);
        for (i = 0; i < slot->span_count; i++) {
            if (put(a, w, slot->spans[i].iov_base, slot->spans[i].iov_len)
                != ARCHIVE_OK)
                return ARCHIVE_FATAL;
        }
        if (slot->err.reason != ENVELOPE_OK)
            return fail(a, w, &slot->err, 0);
    }
    return ARCHIVE_OK;
}

/* Callbacks */

/*
 * Write the header at once, or when it fills a block, so that an archive that
 * is given up early is not taken for an empty one.
 */
static int
put_head(struct archive *a, struct writer *w)
{
    struct envl_err err;

    if (drive(a, w, NOTHING, 0, false) != ARCHIVE_OK || w->target.fd < 0)
        return w->failed ? ARCHIVE_FATAL : ARCHIVE_OK;
    envl_slot_clear(&w->slot);
    w->begun = false; /* the pump has slots of its own */
    errno = 0;
    return envl_pump_start_with(&w->pump, w->codec, NULL, w->target.fd,
                                &w->target.blocks, &err)
                   == ENVELOPE_OK
               ? ARCHIVE_OK
               : fail(a, w, &err, errno);
}

static int
client_open(struct archive *a, void *data)
{
    struct writer *w = data;
    struct envl_target *t = &w->target;

    if (t->open != NULL && t->open(a, t->client_data) != ARCHIVE_OK)
        return note_failure(a, w);
    if (put_head(a, w) == ARCHIVE_OK) {
        w->opened = true;
        return ARCHIVE_OK;
    }
    /* libarchive does not close what it could not open. */
    if (t->close != NULL)
        (void)t->close(a, t->client_data);
    return ARCHIVE_FATAL;
}

static la_ssize_t
client_write(struct archive *a, void *data, const void *p, size_t len)
{
    struct writer *w = data;
    struct envl_err err;

    if (w->failed)
        return -1;
    if (len == 0)
        return 0;
    if (w->pump == NULL)
        return drive(a, w, p, len, false) == ARCHIVE_OK ? (la_ssize_t)len : -1;
    if (envl_pump_push(w->pump, p, len, &err) == ENVELOPE_OK)
        return (la_ssize_t)len;
    (void)fail(a, w, &err, errno);
    return -1;
}

/* Write the last bytes, and report any failure of the archive. */
static int
finish(struct archive *a, struct writer *w)
{
    struct envl_err err;

    if (w->pump != NULL) {
        return envl_pump_finish(w->pump, &err) == ENVELOPE_OK
                   ? ARCHIVE_OK
                   : fail(a, w, &err, errno);
    }
    return drive(a, w, NOTHING, 0, true) == ARCHIVE_OK ? put_end(a, w)
                                                       : ARCHIVE_FATAL;
}

/* Write the beginning of an archive that was given up in its first block. */
static void
put_beginning(struct archive *a, struct writer *w)
{
    if (!w->opened || w->target.blocks.begun)
        return;
    w->target.blocks.multiple = 1; /* nothing is padded */
    (void)put_end(a, w);
}

static void
stop_pump(struct writer *w)
{
    if (envl_pump_is_foreign(w->pump)) /* and its codec is, too */
        w->codec = NULL;
    envl_pump_free(w->pump);
    w->pump = NULL;
}

/* libarchive ignores the result of this callback. */
static int
client_close(struct archive *a, void *data)
{
    struct writer *w = data;
    struct envl_target *t = &w->target;

    bool is_foreign = envl_pump_is_foreign(w->pump);

    w->closed = true;
    if (!w->failed)
        (void)finish(a, w);
    stop_pump(w);
    if (w->failed && !is_foreign)
        put_beginning(a, w);
    if (envl_target_close(a, t) != ARCHIVE_OK)
        (void)note_failure(a, w);
    if (w->opened && t->close != NULL
        && t->close(a, t->client_data) != ARCHIVE_OK)
        (void)note_failure(a, w);
    return w->failed ? ARCHIVE_FATAL : ARCHIVE_OK;
}

/* From 3.8.10 on libarchive does not close an archive that has failed. */
static void
close_failed(struct archive *a, struct writer *w)
{
    if (w->closed)
        return;
    w->failed = true;
    (void)client_close(a, w);
}

static void
free_writer(struct writer *w)
{
    envl_handles_remove(&writers, &w->handle);
    stop_pump(w);
    envl_target_clear(&w->target);
    envl_codec_free(w->codec);
    envl_slot_clear(&w->slot);
    OPENSSL_free(w->error_text);
    OPENSSL_free(w);
}

static int
client_free(struct archive *a, void *data)
{
    struct writer *w = data;
    struct envl_target *t = &w->target;
    int rc;

    close_failed(a, w);
    rc = t->free != NULL ? t->free(a, t->client_data) : ARCHIVE_OK;
    free_writer(w);
    return rc;
}

/* Opening */

/*
 * Make a writer and wrap its data key.  It has no target yet: that will be fd,
 * or the file of this name, which is not read as a key.  Nor is standard
 * input: it belongs to the program, which may read file names or an archive
 * there.
 */
static struct writer *
new_writer(struct archive *a, const struct envelope_option *options, int fd,
           const char *name)
{
    struct writer *w = ENVL_QUIETLY(OPENSSL_zalloc(sizeof(*w)));
    struct envl_options parsed;
    enum envelope_reason rc;
    struct envl_err err;

    rc = envl_archive_options(&parsed, options, &err);
    if (rc == ENVELOPE_OK && w == NULL)
        rc = envl_fail_memory(&err);
    if (rc == ENVELOPE_OK)
        rc = envl_options_note(&parsed, STDIN_FILENO, NULL, &err);
    if (rc == ENVELOPE_OK)
        rc = envl_options_note(&parsed, fd, name, &err);
    if (rc == ENVELOPE_OK)
        rc = envl_target_check_blocks(a, parsed.carrier, &err);
    if (rc == ENVELOPE_OK)
        rc = envl_codec_new(&w->codec, &parsed, ENVL_ENCRYPT, &err);
    if (rc == ENVELOPE_OK)
        w->carrier = parsed.carrier;
    envl_options_clear(&parsed);
    if (rc != ENVELOPE_OK) {
        (void)envl_archive_fail(a, &err, 0);
        OPENSSL_free(w);
        return NULL;
    }
    w->target.fd = -1;
    return w;
}

/* Let libarchive open the writer, and own it. */
static int
open_writer(struct archive *a, struct writer *w)
{
    struct envl_err err;
    int rc;

    if (!envl_target_take_blocks(a, &w->target, w->carrier)
        || !envl_slot_init(&w->slot, envl_codec_slot_size(w->codec))) {
        (void)client_free(a, w);
        (void)envl_fail_memory(&err);
        return envl_archive_fail(a, &err, 0);
    }
    envl_handles_add(&writers, &w->handle, a);
    rc = archive_write_open2(a, w, client_open, client_write, client_close,
                             client_free);
    /* If libarchive refused to open, it has not taken the writer. */
    if (rc != ARCHIVE_OK && envl_handles_find(&writers, a) == &w->handle)
        free_writer(w);
    return rc;
}

/* A program that archives a tree must not put the archive into itself. */
static void
skip_target(struct archive *a, int fd)
{
    struct stat st;

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        (void)archive_write_set_skip_file(a, (la_int64_t)st.st_dev,
                                          (la_int64_t)st.st_ino);
}

static int
open_fd(struct archive *a, struct writer *w, int fd, bool owned)
{
    w->target.fd = fd;
    w->target.owns_fd = owned;
    skip_target(a, fd);
    envl_fd_widen_pipe(fd);
    return open_writer(a, w);
}

int
envelope_archive_write_open_filename(struct archive *a,
                                     const struct envelope_option *options,
                                     const char *name)
{
    struct writer *w;
    int fd, error;

    if (name == NULL || *name == '\0')
        return envelope_archive_write_open_fd(a, options, STDOUT_FILENO);
    if ((w = new_writer(a, options, -1, name)) == NULL)
        return ARCHIVE_FATAL;
    fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        error = errno;
        archive_set_error(a, error, "envelope: cannot write: %s: %s", name,
                          strerror(error));
        free_writer(w);
        return ARCHIVE_FATAL;
    }
    return open_fd(a, w, fd, true);
}

int
envelope_archive_write_open_fd(struct archive *a,
                               const struct envelope_option *options, int fd)
{
    struct writer *w = new_writer(a, options, fd, NULL);

    return w != NULL ? open_fd(a, w, fd, false) : ARCHIVE_FATAL;
}

static int
open_target(struct archive *a, const struct envelope_option *options,
            const struct envl_target *target)
{
    const int fd = target->file != NULL ? fileno(target->file) : -1;
    struct writer *w = new_writer(a, options, fd, NULL);

    if (w == NULL) {
        /* Call the free callback after any failure, as libarchive does. */
        if (target->free != NULL)
            (void)target->free(a, target->client_data);
        return ARCHIVE_FATAL;
    }
    w->target = *target;
    return open_writer(a, w);
}

int
envelope_archive_write_open_FILE(struct archive *a,
                                 const struct envelope_option *options,
                                 FILE *file)
{
    struct envl_target target = { .fd = -1, .file = file };

    return open_target(a, options, &target);
}

int
envelope_archive_write_open_memory(struct archive *a,
                                   const struct envelope_option *options,
                                   void *buffer, size_t size, size_t *used)
{
    struct envl_target target = {
        .fd = -1, .memory = buffer, .size = size, .used = used
    };

    if (used != NULL)
        *used = 0;
    return open_target(a, options, &target);
}

int
envelope_archive_write_open(struct archive *a,
                            const struct envelope_option *options,
                            void *client_data,
                            archive_open_callback *open_callback,
                            archive_write_callback *write_callback,
                            archive_close_callback *close_callback,
                            archive_free_callback *free_callback)
{
    struct envl_target target = {
        .fd = -1,
        .client_data = client_data,
        .open = open_callback,
        .write = write_callback,
        .close = close_callback,
        .free = free_callback,
    };

    return open_target(a, options, &target);
}

/* Closing */

static struct writer *
writer_of(const struct archive *a)
{
    return (struct writer *)envl_handles_find(&writers, a);
}

/*
 * After archive_write_fail(), or a failure of its own, libarchive closes an
 * archive as if it were complete.  Such an archive is recognised because it
 * refuses to finish an entry.  Readers must not take it for complete.
 */
static void
note_given_up(struct archive *a, struct writer *w)
{
    const char *said = archive_error_string(a);
    char *text = ENVL_QUIETLY(OPENSSL_strdup(
        said != NULL ? said : "envelope: the archive was given up"));
    if (archive_write_finish_entry(a) == ARCHIVE_FATAL && !w->failed) {
        w->failed = true;
        w->error = archive_errno(a);
        w->error_text = text;
    } else {
        OPENSSL_free(text);
    }
}

int
envelope_archive_write_close(struct archive *a)
{
    struct writer *w = writer_of(a);
    int rc;

    if (w != NULL && !w->closed)
        note_given_up(a, w);
    rc = archive_write_close(a);
    if (w != NULL)
        close_failed(a, w);
    if (w == NULL || !w->failed)
        return rc;
    archive_set_error(a, w->error, "%s",
                      w->error_text != NULL ? w->error_text
                                            : "envelope: cannot write");
    return ARCHIVE_FATAL;
}

int
envelope_archive_write_free(struct archive *a)
{
    int rc, freed;

    if (a == NULL)
        return ARCHIVE_OK;
    rc = writer_of(a) != NULL ? envelope_archive_write_close(a) : ARCHIVE_OK;
    freed = archive_write_free(a);
    return rc < freed ? rc : freed;
}
