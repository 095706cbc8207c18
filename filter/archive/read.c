/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads archives in an envelope: libarchive's client callbacks.  Plaintext in
 * order comes from the pump (for descriptors) or from the codec alone; after
 * libarchive has jumped, it comes from random access.
 */
#include <envelope/archive.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "filter/archive/client.h"
#include "filter/archive/common.h"
#include "filter/archive/passthrough.h"
#include "filter/stream/codec.h"
#include "filter/stream/decoder.h"
#include "filter/stream/fd.h"
#include "filter/stream/look.h"
#include "filter/stream/pump.h"
#include "filter/stream/random.h"
#include "filter/stream/source.h"

/* Skips of at least so many bytes become jumps; shorter skips are read. */
#define JUMP_MIN 4194304

/* When a program closes an archive, at most so many bytes may be left, such as
 * padding and directories.  They are read to verify the end.  If more is left,
 * the program has stopped early. */
#define DRAIN_MAX 67108864

/* The name in messages of a source that has no name. */
#define INPUT "the input"

struct reader {
    struct envl_source source;
    struct envl_client client;
    bool owns_fd;
    struct envl_codec *codec;
    struct envl_pump *pump;
    struct envl_slot slot;      /* without a pump */
    unsigned given;             /* spans of the slot that were returned */
    const unsigned char *block; /* source's bytes that slot has not yet */
    size_t block_len;
    struct envl_random *random;
    bool no_random; /* random access was tried and is not possible */

    const unsigned char *held; /* plaintext that was read ahead */
    size_t held_len;
    int64_t at; /* the offset in the plaintext that libarchive is at */
    bool ended, failed;
    struct envl_err err;
    int error;
};

/* Failure */

static int
fail(struct archive *a, struct reader *r, const struct envl_err *err, int error)
{
    if (!r->failed) {
        r->failed = true;
        r->err = *err;
        r->error = error;
    }
    return envl_archive_fail(a, &r->err, r->error);
}

/* Reading in order */

/* Fill the slot with one block, so that no plaintext waits for more input; with
 * as much of a large block as there is room for. */
static enum envelope_reason
fill_slot(struct reader *r, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    struct envl_slot *slot = &r->slot;
    bool ended = false;
    size_t n;

    envl_codec_begin(r->codec, slot);
    r->given = 0;
    while (!ended && !envl_codec_is_full(r->codec, slot)
           && (r->block_len > 0 || !envl_codec_is_ready(r->codec, slot))) {
        if (r->block_len == 0)
            rc = envl_source_next(&r->source, &r->block, &r->block_len, err);
        if (rc != ENVELOPE_OK)
            return rc;
        if (r->block_len == 0) {
            ended = true;
            continue;
        }
        n = envl_codec_copy(r->codec, slot, r->block, r->block_len);
        r->block += n;
        r->block_len -= n;
    }
    envl_codec_close(r->codec, slot, ended);
    envl_codec_work(r->codec, slot, 1);
    envl_slot_join(slot);
    return rc;
}

/* Get plaintext from the codec, in this thread. */
static enum envelope_reason
step(struct reader *r, const unsigned char **p, size_t *len,
     struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    struct envl_slot *slot = &r->slot;

    *len = 0;
    while (rc == ENVELOPE_OK && r->given == slot->span_count && !slot->last)
        rc = fill_slot(r, err);
    if (rc != ENVELOPE_OK)
        return rc;
    if (r->given < slot->span_count) {
        *p = slot->spans[r->given].iov_base;
        *len = slot->spans[r->given++].iov_len;
        return ENVELOPE_OK;
    }
    *err = slot->err;
    return err->reason;
}

static enum envelope_reason
next_text(struct reader *r, const unsigned char **p, size_t *len,
          struct envl_err *err)
{
    enum envelope_reason rc;

    errno = 0;
    rc = r->pump != NULL ? envl_pump_pull(r->pump, p, len, err)
                         : step(r, p, len, err);
    r->ended = rc == ENVELOPE_OK && *len == 0;
    return rc;
}

static la_ssize_t
client_read(struct archive *a, void *data, const void **block)
{
    struct reader *r = data;
    enum envelope_reason rc = ENVELOPE_OK;
    const unsigned char *p = NULL;
    struct envl_err err;
    size_t len = 0;

    if (r->failed)
        return fail(a, r, &r->err, r->error);
    if (r->random != NULL) {
        envl_pump_free(r->pump);
        r->pump = NULL;
    }
    if (r->held_len > 0) {
        p = r->held;
        len = r->held_len;
        r->held_len = 0;
    } else if (r->random != NULL) {
        rc = envl_random_read(r->random, r->at, &p, &len, &err);
    } else if (!r->ended) {
        rc = next_text(r, &p, &len, &err);
    }
    if (rc != ENVELOPE_OK)
        return fail(a, r, &err, errno);
    r->at += (int64_t)len;
    *block = p;
    return (la_ssize_t)len;
}

/* Jumping */

/*
 * Change from reading in order to random access, for good; false, with nothing
 * changed, if the archive does not allow that.  Some plaintext must have been
 * read before, because the codec learns the map then.
 */
static bool
start_random(struct archive *a, struct reader *r)
{
    struct envl_decoder *decoder = envl_codec_decoder(r->codec);
    struct envl_map map;
    struct envl_err err;

    if (r->random != NULL)
        return true;
    if (r->no_random || r->failed || !r->source.seekable)
        return false;
    if (envl_pump_is_foreign(r->pump))
        return false;
    if (r->at == 0 && r->held_len == 0 && !r->ended
        && next_text(r, &r->held, &r->held_len, &err) != ENVELOPE_OK)
        return (void)fail(a, r, &err, errno), false;
    r->no_random = true;
    if (!envl_decoder_map(decoder, &map))
        return false;
    /* Seeking may make the program overwrite the current block.  If reading in
     * order goes on, the block is read again. */
    r->source.at -= (int64_t)r->block_len;
    r->block_len = 0;
    if (envl_random_new(&r->random, &r->source, &map, &err) != ENVELOPE_OK)
        return false;
    /* Stop the pump but do not free it: libarchive may still use its last
     * block. */
    envl_pump_stop(r->pump);
    r->held_len = 0;
    if (envl_random_open(r->random, envl_decoder_session(decoder), &err)
        == ENVELOPE_OK)
        return true;
    (void)fail(a, r, &err, 0);
    return false;
}

static la_int64_t
client_skip(struct archive *a, void *data, la_int64_t request)
{
    struct reader *r = data;
    int64_t left;

    if (request < JUMP_MIN && r->random == NULL)
        return 0;
    if (!start_random(a, r))
        return 0; /* do not skip: reading reports the failure */
    left = envl_random_size(r->random) - r->at;
    if (request > left)
        request = left > 0 ? left : 0;
    r->at += request;
    return request;
}

static la_int64_t
client_seek(struct archive *a, void *data, la_int64_t offset, int whence)
{
    struct reader *r = data;
    int64_t from = 0;

    if (!start_random(a, r)) {
        if (r->failed)
            return ARCHIVE_FATAL;
        /* ARCHIVE_FATAL would end all from libarchive 3.8.10 on.  With this a
         * zip is read in order, as in every version. */
        archive_set_error(a, ESPIPE,
                          "envelope: the archive was packed again and can only "
                          "be read in order");
        return ARCHIVE_FAILED;
    }
    if (whence == SEEK_CUR)
        from = r->at;
    else if (whence == SEEK_END)
        from = envl_random_size(r->random);
    if (offset < -from || offset > INT64_MAX - from) {
        archive_set_error(a, EINVAL, "envelope: cannot seek there");
        return ARCHIVE_FATAL;
    }
    r->at = from + offset;
    return r->at;
}

/* Closing */

/* Read the bytes that libarchive has left, to verify the end. */
static void
drain(struct archive *a, struct reader *r)
{
    enum envelope_reason rc = ENVELOPE_OK;
    const unsigned char *p;
    struct envl_err err;
    size_t len, total = 0;

    while (rc == ENVELOPE_OK && !r->ended && total <= DRAIN_MAX) {
        rc = next_text(r, &p, &len, &err);
        total += len;
    }
    if (rc != ENVELOPE_OK)
        (void)fail(a, r, &err, errno);
}

static void
free_reader(struct reader *r)
{
    if (envl_pump_is_foreign(r->pump)) /* and its codec is, too */
        r->codec = NULL;
    envl_pump_free(r->pump);
    envl_random_free(r->random);
    envl_codec_free(r->codec);
    if (r->owns_fd)
        (void)close(r->source.fd); /* it was only read */
    envl_source_clear(&r->source);
    envl_slot_clear(&r->slot);
    OPENSSL_free(r);
}

/* Report a failure again, because libarchive's formats replace its text. */
static int
client_close(struct archive *a, void *data)
{
    struct reader *r = data;
    int rc;

    if (!r->failed && r->random == NULL)
        drain(a, r);
    rc = envl_client_close(&r->client);
    if (r->failed)
        rc = envl_archive_fail(a, &r->err, r->error);
    free_reader(r);
    return rc;
}

/* Opening */

static enum envelope_reason
start_codec(struct reader *r, const struct envl_options *options,
            struct envl_err *err)
{
    enum envelope_reason rc;

    rc = envl_codec_new(&r->codec, options, ENVL_DECRYPT, err);
    if (rc != ENVELOPE_OK)
        return rc;
    if (r->source.fd < 0) {
        return envl_slot_init(&r->slot, envl_codec_slot_size(r->codec))
                   ? rc
                   : envl_fail_memory(err);
    }
    envl_fd_widen_pipe(r->source.fd);
    return envl_pump_start_with(&r->pump, r->codec, &r->source,
                                ENVL_PUMP_CALLER, NULL, err);
}

/* Keep the error that a program's callback has set, as libarchive does. */
static int
fail_open(struct archive *a, struct reader *r, const struct envl_err *err)
{
    int error = r->error;
    bool said = r->client.read != NULL && err->reason == ENVELOPE_R_READ
                && archive_error_string(a) != NULL;

    (void)envl_client_close(&r->client);
    free_reader(r);
    return said ? ARCHIVE_FATAL : envl_archive_fail(a, err, error);
}

static int
open_envelope(struct archive *a, struct reader *r)
{
    if (archive_read_set_read_callback(a, client_read) != ARCHIVE_OK
        || archive_read_set_skip_callback(a, client_skip) != ARCHIVE_OK
        || archive_read_set_close_callback(a, client_close) != ARCHIVE_OK
        || archive_read_set_callback_data(a, r) != ARCHIVE_OK
        || (r->source.seekable
            && archive_read_set_seek_callback(a, client_seek) != ARCHIVE_OK)) {
        (void)envl_client_close(&r->client);
        free_reader(r);
        return ARCHIVE_FATAL;
    }
    return archive_read_open1(a);
}

/* Make a reader; NULL, with the source cleared, if memory ran out. */
static struct reader *
new_reader(struct archive *a, const struct envl_source *source,
           const struct envl_client *client, bool owns_fd)
{
    struct reader *r = ENVL_QUIETLY(OPENSSL_zalloc(sizeof(*r)));
    struct envl_err err;

    if (r == NULL) {
        (void)envl_client_close(client);
        if (owns_fd)
            (void)close(source->fd); /* it was only read */
        (void)envl_fail_memory(&err);
        (void)envl_archive_fail(a, &err, 0);
        return NULL;
    }
    r->source = *source;
    r->client = *client;
    envl_client_attach(&r->client, &r->source);
    r->owns_fd = owns_fd;
    return r;
}

/* Note the source, so that it is not read as a key, too. */
static enum envelope_reason
note_source(struct envl_options *options, const struct envl_source *source,
            struct envl_err *err)
{
    int fd = source->file != NULL ? fileno(source->file) : source->fd;

    return envl_options_note(options, fd, NULL, err);
}

/*
 * Open an envelope, or a source that cannot be read a second time.
 *
 *   name  the source's name in messages
 *
 * Returns: libarchive's status; ARCHIVE_EOF if the source is no envelope and
 *          need not be one: libarchive should open it by itself.  The source
 *          is at its beginning then.
 */
static int
open_source(struct archive *a, const struct envelope_option *options,
            const struct envl_source *source, const struct envl_client *client,
            bool owns_fd, const char *name)
{
    struct reader *r = new_reader(a, source, client, owns_fd);
    struct envl_options parsed;
    bool is_envelope = false;
    enum envelope_reason rc;
    struct envl_err err;
    int status = ARCHIVE_EOF;

    if (r == NULL)
        return ARCHIVE_FATAL;
    rc = envl_archive_options(&parsed, options, &err);
    if (rc == ENVELOPE_OK)
        rc =
            envl_look(&r->source, &parsed, name, &is_envelope, &r->error, &err);
    if (rc == ENVELOPE_OK && is_envelope)
        rc = note_source(&parsed, &r->source, &err);
    if (rc == ENVELOPE_OK && is_envelope)
        rc = start_codec(r, &parsed, &err);
    envl_options_clear(&parsed);
    if (rc != ENVELOPE_OK)
        return fail_open(a, r, &err);
    if (is_envelope)
        return open_envelope(a, r);
    if (r->source.replays) {
        status = envl_passthrough_open(a, &r->source, &r->client, owns_fd);
        r->source.buf = NULL; /* the copy owns it */
        r->owns_fd = false;
    }
    free_reader(r);
    return status;
}

static const struct envl_client no_client = { 0 };

/* Fail with libarchive's own words. */
static int
fail_name(struct archive *a, const char *what, const char *name)
{
    archive_set_error(a, errno, "%s '%s'", what, name);
    return ARCHIVE_FATAL;
}

/* A program that extracts must not overwrite what it reads. */
static bool
skip_source(struct archive *a, int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return false;
    if (S_ISREG(st.st_mode))
        archive_read_extract_set_skip_file(a, (la_int64_t)st.st_dev,
                                           (la_int64_t)st.st_ino);
    return true;
}

int
envelope_archive_read_open_filename(struct archive *a,
                                    const struct envelope_option *options,
                                    const char *name, size_t block_size)
{
    bool is_stdin = name == NULL || *name == '\0';
    const char *called = is_stdin ? "standard input" : name;
    struct envl_source source;
    int rc, fd = STDIN_FILENO;

    if (!is_stdin)
        fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_name(a, "Failed to open", name);
    if (!skip_source(a, fd)) {
        rc = fail_name(a, "Can't stat", called);
        if (!is_stdin)
            (void)close(fd); /* it was not even read */
        return rc;
    }
    envl_source_init(&source, fd, block_size);
    rc = open_source(a, options, &source, &no_client, !is_stdin, called);
    return rc == ARCHIVE_EOF ? archive_read_open_filename(a, name, block_size)
                             : rc;
}

int
envelope_archive_read_open_fd(struct archive *a,
                              const struct envelope_option *options, int fd,
                              size_t block_size)
{
    struct envl_source source;
    int rc;

    if (!skip_source(a, fd)) {
        archive_set_error(a, errno, "Can't stat fd %d", fd);
        return ARCHIVE_FATAL;
    }
    envl_source_init(&source, fd, block_size);
    rc = open_source(a, options, &source, &no_client, false, INPUT);
    return rc == ARCHIVE_EOF ? archive_read_open_fd(a, fd, block_size) : rc;
}

int
envelope_archive_read_open_FILE(struct archive *a,
                                const struct envelope_option *options,
                                FILE *file)
{
    struct envl_source source = { .fd = -1, .file = file };
    int rc = open_source(a, options, &source, &no_client, false, INPUT);

    return rc == ARCHIVE_EOF ? archive_read_open_FILE(a, file) : rc;
}

int
envelope_archive_read_open_memory(struct archive *a,
                                  const struct envelope_option *options,
                                  const void *buffer, size_t size)
{
    struct envl_source source = { .fd = -1,
                                  .memory = buffer,
                                  .memory_len = size };
    int rc = open_source(a, options, &source, &no_client, false, INPUT);

    return rc == ARCHIVE_EOF ? archive_read_open_memory(a, buffer, size) : rc;
}

int
envelope_archive_read_open(
    struct archive *a, const struct envelope_option *options, void *client_data,
    archive_open_callback *open_callback, archive_read_callback *read_callback,
    archive_skip_callback *skip_callback, archive_seek_callback *seek_callback,
    archive_close_callback *close_callback)
{
    struct envl_source source = { .fd = -1 };
    const struct envl_client client = {
        .archive = a,
        .data = client_data,
        .read = read_callback,
        .skip = skip_callback,
        .seek = seek_callback,
        .close = close_callback,
    };
    int rc = ARCHIVE_OK;

    if (open_callback != NULL)
        rc = open_callback(a, client_data);
    if (rc == ARCHIVE_OK)
        return open_source(a, options, &source, &client, false, INPUT);
    /* Fail, and call the close callback, as libarchive does. */
    if (archive_error_string(a) == NULL)
        archive_set_error(a, EIO, "the program's callback failed");
    if (close_callback != NULL)
        (void)close_callback(a, client_data);
    return ARCHIVE_FATAL;
}

const char *
envelope_archive_recognise(const void *bytes, size_t len)
{
    enum envl_carrier kind;

    return envl_carrier_recognise(&kind, bytes, len) ? envl_carrier_name(kind)
                                                     : NULL;
}
