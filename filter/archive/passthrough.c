/* SPDX-License-Identifier: Apache-2.0 */
/* libarchive's callbacks for a source whose beginning was read already. */
#include "filter/archive/passthrough.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

struct passthrough {
    struct envl_source source;
    struct envl_client client;
    bool owns_fd;
};

static la_ssize_t
pass_read(struct archive *a, void *data, const void **block)
{
    struct passthrough *pass = data;
    const unsigned char *p = NULL;
    struct envl_err err;
    size_t len;

    if (envl_source_next(&pass->source, &p, &len, &err) != ENVELOPE_OK) {
        if (pass->client.read == NULL)
            archive_set_error(a,
                              err.reason == ENVELOPE_R_MEMORY ? ENOMEM : errno,
                              "cannot read: %s", err.detail);
        return ARCHIVE_FATAL;
    }
    *block = p;
    return (la_ssize_t)len;
}

/* Skip only after all bytes that were read ahead have been returned. */
static la_int64_t
pass_skip(struct archive *a, void *data, la_int64_t request)
{
    struct passthrough *pass = data;

    if (pass->client.skip == NULL || envl_source_pending(&pass->source))
        return 0;
    return pass->client.skip(a, pass->client.data, request);
}

static la_int64_t
pass_seek(struct archive *a, void *data, la_int64_t offset, int whence)
{
    struct passthrough *pass = data;
    struct envl_source *source = &pass->source;

    if (whence == SEEK_CUR) {
        offset += source->at;
        whence = SEEK_SET;
    }
    offset = pass->client.seek(a, pass->client.data, offset, whence);
    if (offset < 0)
        return offset; /* the source has not moved */
    source->replays = false;
    source->rest_len = 0;
    source->at = offset;
    return offset;
}

/* Read the rest, as libarchive does, so that a writer to a pipe or a socket
 * does not fail because padding is left in it.  A tape does not move. */
static void
drain(struct envl_source *source)
{
    const unsigned char *p;
    struct envl_err ignored;
    struct stat st;
    size_t len = 1;

    if (source->fd < 0 || fstat(source->fd, &st) != 0 || S_ISCHR(st.st_mode))
        return;
    while (len > 0
           && envl_source_next(source, &p, &len, &ignored) == ENVELOPE_OK)
        continue;
}

static int
pass_close(struct archive *a, void *data)
{
    struct passthrough *pass = data;
    int rc;

    (void)a;
    drain(&pass->source);
    rc = envl_client_close(&pass->client);
    if (pass->owns_fd)
        (void)close(pass->source.fd); /* it was only read */
    envl_source_clear(&pass->source);
    OPENSSL_free(pass);
    return rc;
}

int
envl_passthrough_open(struct archive *a, const struct envl_source *source,
                      const struct envl_client *client, bool owns_fd)
{
    struct passthrough *pass = ENVL_QUIETLY(OPENSSL_malloc(sizeof(*pass)));

    if (pass == NULL) {
        archive_set_error(a, ENOMEM, "envelope: out of memory");
        (void)envl_client_close(client);
        if (owns_fd)
            (void)close(source->fd); /* it was only read */
        OPENSSL_free(source->buf);
        return ARCHIVE_FATAL;
    }
    pass->source = *source;
    pass->client = *client;
    envl_client_attach(&pass->client, &pass->source);
    pass->owns_fd = owns_fd;
    (void)archive_read_set_read_callback(a, pass_read);
    (void)archive_read_set_skip_callback(a, pass_skip);
    (void)archive_read_set_close_callback(a, pass_close);
    (void)archive_read_set_callback_data(a, pass);
    if (client->seek != NULL)
        (void)archive_read_set_seek_callback(a, pass_seek);
    return archive_read_open1(a);
}
