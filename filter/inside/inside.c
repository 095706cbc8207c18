/* SPDX-License-Identifier: Apache-2.0 */
/* Recognises the archive by its first bytes, and looks at its last ones. */
#include "filter/inside/inside.h"

#include <inttypes.h>
#include <string.h>

#include <openssl/crypto.h>

#include "filter/carrier/reader.h"
#include "filter/carrier/tar.h"
#include "filter/inside/inside_impl.h"

/* Bytes of the longest archive that is taken for a tar without any member: GNU
 * tar writes 10240 zeros.  Images of disks begin with zeros, too. */
#define EMPTY_TAR_LEN_MAX 1048576

/* Bytes */

enum envelope_reason
envl_inside_check_room(const struct envl_inside *inside, uint64_t at,
                       uint64_t len, const char *name, struct envl_err *err)
{
    const uint64_t size = inside->source.size;

    if (at <= size && len <= size - at)
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_ARCHIVE,
                     "it ends after %" PRIu64 " bytes, inside %s", size, name);
}

enum envelope_reason
envl_inside_fetch(struct envl_inside *inside, uint64_t at, void *to, size_t len,
                  struct envl_err *err)
{
    struct envl_inside_source *source = &inside->source;
    enum envelope_reason rc;
    const unsigned char *p;
    unsigned char *out = to;
    size_t n = 0;

    rc = envl_inside_check_room(inside, at, len, "a header", err);
    for (; rc == ENVELOPE_OK && len > 0; at += n, out += n, len -= n) {
        rc = source->read(source->arg, at, &p, &n, err);
        if (rc != ENVELOPE_OK)
            break;
        if (n > len)
            n = len;
        memcpy(out, p, n);
    }
    return rc;
}

/* What it is */

/* Data that was compressed as a whole has no members that could be found. */
static const char *
compressor_of(const unsigned char *p, size_t len)
{
    static const struct {
        const char *name, *magic;
        size_t len;
    } known[] = {
        { "gzip", "\x1f\x8b", 2 },
        { "zstd", "\x28\xb5\x2f\xfd", 4 },
        { "xz",
          "\xfd"
          "7zXZ",
          5 },
        { "bzip2", "BZh", 3 },
        { "lz4", "\x04\x22\x4d\x18", 4 },
    };
    size_t i;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (len >= known[i].len && memcmp(p, known[i].magic, known[i].len) == 0)
            return known[i].name;
    }
    return NULL;
}

static enum envelope_reason
is_all_zero(struct envl_inside *inside, bool *zero, struct envl_err *err)
{
    const struct envl_inside_source *source = &inside->source;
    enum envelope_reason rc = ENVELOPE_OK;
    const unsigned char *p;
    uint64_t at;
    size_t n = 0;

    *zero = source->size <= EMPTY_TAR_LEN_MAX;
    for (at = 0; rc == ENVELOPE_OK && *zero && at < source->size; at += n) {
        rc = source->read(source->arg, at, &p, &n, err);
        *zero = rc == ENVELOPE_OK && envl_is_zero(p, n);
    }
    return rc;
}

static enum envelope_reason
fail_kind(const unsigned char *start, size_t len, struct envl_err *err)
{
    const char *compressor = compressor_of(start, len);

    if (len == 0)
        return envl_fail(err, ENVELOPE_R_NOT_ARCHIVE, "the data is empty");
    if (compressor == NULL)
        return envl_fail(err, ENVELOPE_R_NOT_ARCHIVE,
                         "envelope decrypt writes the data as it is");
    return envl_fail(err, ENVELOPE_R_NOT_ARCHIVE,
                     "the data was compressed with %s, and has no members that "
                     "could be found: decrypt and decompress all of it",
                     compressor);
}

static enum envelope_reason
recognise(struct envl_inside *inside, struct envl_err *err)
{
    const uint64_t size = inside->source.size;
    const size_t len =
        size < ENVL_TAR_BLOCK_LEN ? (size_t)size : ENVL_TAR_BLOCK_LEN;
    unsigned char *start = inside->block;
    struct envl_tar_header header;
    enum envelope_reason rc;
    bool zero = false;

    rc = envl_inside_fetch(inside, 0, start, len, err);
    if (rc == ENVELOPE_OK && len == ENVL_TAR_BLOCK_LEN && start[0] == 0)
        rc = is_all_zero(inside, &zero, err);
    if (rc != ENVELOPE_OK)
        return rc;
    if (len >= ENVL_XB_MAGIC_LEN
        && memcmp(start, ENVL_XB_MAGIC, ENVL_XB_MAGIC_LEN) == 0)
        inside->kind = ENVL_XBSTREAM;
    else if (zero
             || (len == ENVL_TAR_BLOCK_LEN && envl_tar_read(&header, start)))
        inside->kind = ENVL_TAR;
    else
        return fail_kind(start, len, err);
    return ENVELOPE_OK;
}

static enum envelope_reason
check_end(struct envl_inside *inside, struct envl_err *err)
{
    const uint64_t size = inside->source.size;
    const size_t len =
        size < ENVL_CARRIER_TAIL_LEN ? (size_t)size : ENVL_CARRIER_TAIL_LEN;
    unsigned char tail[ENVL_CARRIER_TAIL_LEN];
    enum envelope_reason rc;

    rc = envl_inside_fetch(inside, size - len, tail, len, err);
    if (rc != ENVELOPE_OK
        || envl_carrier_has_end(inside->kind, tail, len, size))
        return rc;
    return envl_fail(err, ENVELOPE_R_ARCHIVE,
                     "the %s lacks its end: what wrote it has probably failed; "
                     "envelope decrypt writes what there is",
                     inside->kind == ENVL_TAR ? "tar" : "xbstream");
}

/* The interface */

enum envelope_reason
envl_inside_new(struct envl_inside **out,
                const struct envl_inside_source *source, struct envl_err *err)
{
    struct envl_inside *inside = ENVL_QUIETLY(OPENSSL_zalloc(sizeof(*inside)));
    enum envelope_reason rc;

    *out = NULL;
    if (inside == NULL)
        return envl_fail_memory(err);
    inside->source = *source;
    inside->entry.path = inside->path;
    inside->entry.link = inside->link;
    rc = recognise(inside, err);
    if (rc == ENVELOPE_OK)
        rc = check_end(inside, err);
    if (rc != ENVELOPE_OK) {
        envl_inside_free(inside);
        return rc;
    }
    *out = inside;
    return ENVELOPE_OK;
}

void
envl_inside_free(struct envl_inside *inside)
{
    if (inside == NULL)
        return;
    envl_open_files_clear(&inside->open);
    OPENSSL_clear_free(inside, sizeof(*inside));
}

enum envl_carrier
envl_inside_kind(const struct envl_inside *inside)
{
    return inside->kind;
}

enum envelope_reason
envl_inside_next(struct envl_inside *inside, const struct envl_entry **entry,
                 struct envl_err *err)
{
    enum envelope_reason rc = inside->failure.reason;

    *entry = &inside->entry;
    if (rc != ENVELOPE_OK) {
        *err = inside->failure;
        return rc;
    }
    if (inside->ended)
        return ENVELOPE_OK;
    inside->entry =
        (struct envl_entry){ .path = inside->path, .link = inside->link };
    inside->path[0] = inside->link[0] = '\0';
    rc = inside->kind == ENVL_TAR ? envl_inside_next_of_tar(inside, err)
                                  : envl_inside_next_of_xbstream(inside, err);
    if (rc != ENVELOPE_OK)
        inside->failure = *err;
    inside->ended = inside->entry.kind == ENVL_ENTRY_END;
    return rc;
}
