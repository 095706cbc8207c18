/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the header of a file, and makes another one for its places. */
#include "filter/stream/header_file.h"

#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "filter/carrier/xbstream.h"
#include "filter/stream/fd.h"
#include "filter/stream/front.h"
#include "filter/stream/source.h"

/* The longest patch: the two parts of the header and the frames around them. */
#define PATCH_LEN_MAX (ENVL_HEADER_LEN_MAX + 65536)

/* Reading */

/* Find the places of the two parts in a raw stream: the same bytes that the
 * members of other carriers have. */
static void
find_raw(struct envl_header_file *head)
{
    const struct envl_prelude *prelude = &head->header.prelude;
    const uint64_t key_at = envl_prelude_key_envelope_at(prelude);

    head->parts[ENVL_MEMBER_HEADER] = (struct envl_place){ 0, key_at };
    head->parts[ENVL_MEMBER_KEY] =
        (struct envl_place){ key_at, prelude->header_len - key_at };
    head->start_at = prelude->header_len;
    head->is_plain = prelude->header_len > key_at;
}

static uint64_t
end_of(struct envl_place place)
{
    return place.at + place.len;
}

/* Bytes from the beginning of the first place to the end of the second. */
static uint64_t
distance(const struct envl_place *a, const struct envl_place *b)
{
    return a->at < b->at ? end_of(*b) - a->at : end_of(*a) - b->at;
}

static void
find(struct envl_header_file *head, const struct envl_carrier_reader *reader)
{
    const struct envl_prelude *prelude = &head->header.prelude;
    const uint64_t key_at = envl_prelude_key_envelope_at(prelude);
    struct envl_place *first = &head->parts[ENVL_MEMBER_HEADER];
    struct envl_place *second = &head->parts[ENVL_MEMBER_KEY];
    struct envl_map *map = &head->map;

    if (!envl_carrier_map(reader, prelude->header_len, map))
        map->piece_len = 0;
    head->is_plain = map->piece_len >= sizeof(head->start)
                     && envl_carrier_place(reader, ENVL_MEMBER_HEADER, first)
                     && envl_carrier_place(reader, ENVL_MEMBER_KEY, second)
                     && first->len == key_at
                     && second->len == prelude->header_len - key_at
                     && distance(first, second) <= PATCH_LEN_MAX;
    head->start_at = map->first_at + map->lead_len;
}

enum envelope_reason
envl_header_file_read(struct envl_header_file *head, int fd,
                      struct envl_err *err)
{
    struct envl_front front;
    enum envelope_reason rc;

    *head = (struct envl_header_file){ 0 };
    (void)lseek(fd, 0, SEEK_SET); /* if that fails, reading fails, too */
    rc = envl_front_read(&front, fd, err);
    head->kind = front.kind;
    head->header = front.header;
    front.header = (struct envl_header){ 0 }; /* it is head's now */
    memcpy(head->start, front.start, sizeof(head->start));
    if (rc == ENVELOPE_OK && head->kind == ENVL_RAW)
        find_raw(head);
    else if (rc == ENVELOPE_OK)
        find(head, front.spans.reader);
    envl_front_clear(&front);
    return rc;
}

void
envl_header_file_clear(struct envl_header_file *head)
{
    envl_header_clear(&head->header);
}

enum envelope_reason
envl_header_file_write(const struct envl_header_file *head, int fd,
                       struct envl_err *err)
{
    enum envelope_reason rc = envl_fd_write(
        fd, head->header.bytes, head->header.prelude.header_len, err);

    if (rc == ENVELOPE_OK)
        rc = envl_fd_write(fd, head->start, sizeof(head->start), err);
    return rc;
}

/* The patch */

static void
lay(const struct envl_patch *patch, const struct envl_header_file *head,
    enum envl_member member, const unsigned char *data)
{
    const struct envl_place *place = &head->parts[member];
    unsigned char *to = patch->bytes + (place->at - patch->at);

    memcpy(to, data, (size_t)place->len);
    if (head->kind == ENVL_XBSTREAM)
        envl_xb_set_crc(to, (size_t)place->len);
}

enum envelope_reason
envl_header_file_patch(struct envl_patch *patch,
                       const struct envl_header_file *head, int fd,
                       const struct envl_header *header, struct envl_err *err)
{
    const struct envl_place *first = &head->parts[ENVL_MEMBER_HEADER];
    const struct envl_place *last = &head->parts[ENVL_MEMBER_KEY];
    struct envl_source source = { .fd = fd };
    enum envelope_reason rc;

    if (first->at > last->at) {
        first = last;
        last = &head->parts[ENVL_MEMBER_HEADER];
    }
    patch->at = first->at - (head->kind == ENVL_XBSTREAM ? ENVL_XB_CRC_LEN : 0);
    patch->len = (size_t)(end_of(*last) - patch->at);
    if ((patch->bytes = ENVL_QUIETLY(OPENSSL_malloc(patch->len))) == NULL)
        return envl_fail_memory(err);
    rc = envl_source_read_at(&source, (int64_t)patch->at, patch->bytes,
                             patch->len, err);
    if (rc != ENVELOPE_OK) {
        OPENSSL_free(patch->bytes);
        patch->bytes = NULL;
        return rc;
    }
    lay(patch, head, ENVL_MEMBER_HEADER, header->bytes);
    lay(patch, head, ENVL_MEMBER_KEY,
        header->bytes + head->parts[ENVL_MEMBER_HEADER].len);
    return ENVELOPE_OK;
}
