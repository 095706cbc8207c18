/* SPDX-License-Identifier: Apache-2.0 */
/* An error that a callback has set in the archive is kept. */
#include "filter/archive/client.h"

static enum envelope_reason
next_block(const void *arg, const unsigned char **p, size_t *len,
           struct envl_err *err)
{
    const struct envl_client *client = arg;
    const void *block = NULL;
    la_ssize_t n = client->read(client->archive, client->data, &block);
    const char *text;

    *len = 0;
    if (n < 0) {
        text = archive_error_string(client->archive);
        return envl_fail(err, ENVELOPE_R_READ, "%s",
                         text != NULL ? text : "the program's callback failed");
    }
    *p = block;
    *len = (size_t)n;
    return ENVELOPE_OK;
}

static int64_t
seek(const void *arg, int64_t offset, int whence)
{
    const struct envl_client *client = arg;

    return client->seek(client->archive, client->data, offset, whence);
}

void
envl_client_attach(const struct envl_client *client, struct envl_source *source)
{
    static const struct envl_source_calls in_order = { next_block, NULL };
    static const struct envl_source_calls anywhere = { next_block, seek };

    if (client->read == NULL)
        return;
    source->calls = client->seek != NULL ? &anywhere : &in_order;
    source->calls_arg = client;
}

int
envl_client_close(const struct envl_client *client)
{
    return client->close != NULL ? client->close(client->archive, client->data)
                                 : ARCHIVE_OK;
}
