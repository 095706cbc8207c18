/* SPDX-License-Identifier: Apache-2.0 */
/* Puts members aside until the stream can begin. */
#include "filter/carrier/reassembly.h"

#include <string.h>

#include <openssl/crypto.h>

#include "lib/header/header.h"
#include "lib/header/labels.h"

/* Every blob was given out, and the last one freed. */
#define ALL_GIVEN (ENVL_MEMBER_PAYLOAD + 2)

static const size_t limits[] = {
    [ENVL_MEMBER_HEADER] = ENVL_PRELUDE_LEN + ENVL_LABELS_LEN_MAX,
    [ENVL_MEMBER_KEY] = ENVL_HEADER_LEN_MAX,
    [ENVL_MEMBER_PAYLOAD] = ENVL_WAITING_LEN_MAX,
};

static void
clear_blob(struct envl_blob *blob)
{
    OPENSSL_free(blob->p);
    *blob = (struct envl_blob){ 0 };
}

void
envl_members_clear(struct envl_members *members)
{
    clear_blob(&members->header);
    clear_blob(&members->key);
    clear_blob(&members->waiting);
}

static struct envl_blob *
blob_of(struct envl_members *members, unsigned member)
{
    switch (member) {
    case ENVL_MEMBER_HEADER:
        return &members->header;
    case ENVL_MEMBER_KEY:
        return &members->key;
    default:
        return &members->waiting;
    }
}

/* Memory follows what has come, not what an archive says will come. */
static int
append(struct envl_blob *blob, const unsigned char *p, size_t len)
{
    size_t size = blob->len + len;
    unsigned char *q;

    if (size > blob->size) {
        size = size < 2 * blob->size ? 2 * blob->size : size;
        if ((q = ENVL_QUIETLY(OPENSSL_realloc(blob->p, size))) == NULL)
            return 0;
        blob->p = q;
        blob->size = size;
    }
    if (len > 0)
        memcpy(blob->p + blob->len, p, len);
    blob->len += len;
    return 1;
}

uint64_t
envl_members_len(const struct envl_members *members, enum envl_member member)
{
    switch (member) {
    case ENVL_MEMBER_HEADER:
        return members->header.len;
    case ENVL_MEMBER_KEY:
        return members->key.len;
    default:
        return members->payload_len;
    }
}

enum envelope_reason
envl_members_check_len(const struct envl_members *members,
                       enum envl_member member, uint64_t more,
                       struct envl_err *err)
{
    if (more <= limits[member] - envl_members_len(members, member))
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_CARRIER, "%s has more than %zu bytes%s",
                     envl_member_name(member), limits[member],
                     member == ENVL_MEMBER_PAYLOAD
                         ? " before header and key have come"
                         : "");
}

enum envelope_reason
envl_members_put(struct envl_members *members, enum envl_member member,
                 const unsigned char *p, size_t len, struct envl_err *err)
{
    enum envelope_reason rc;

    rc = envl_members_check_len(members, member, len, err);
    if (rc != ENVELOPE_OK)
        return rc;
    if (!append(blob_of(members, member), p, len))
        return envl_fail_memory(err);
    if (member == ENVL_MEMBER_PAYLOAD)
        members->payload_len += len;
    return ENVELOPE_OK;
}

enum envelope_reason
envl_members_end(struct envl_members *members, enum envl_member member,
                 struct envl_err *err)
{
    if (members->ended[member])
        return envl_fail(err, ENVELOPE_R_CARRIER_MEMBER, "%s ends twice",
                         envl_member_name(member));
    members->ended[member] = true;
    if (member != ENVL_MEMBER_PAYLOAD)
        members->stream_header_len += envl_members_len(members, member);
    return ENVELOPE_OK;
}

int
envl_members_give(struct envl_members *members, const unsigned char **span,
                  size_t *len)
{
    struct envl_blob *blob;

    if (!members->ended[ENVL_MEMBER_HEADER] || !members->ended[ENVL_MEMBER_KEY])
        return 0;
    /* The caller is done with the blob that it got last. */
    if (members->given > ENVL_MEMBER_HEADER)
        clear_blob(blob_of(members, members->given - 1));
    while (members->given <= ENVL_MEMBER_PAYLOAD) {
        blob = blob_of(members, members->given++);
        if (blob->len == 0)
            continue;
        *span = blob->p;
        *len = blob->len;
        return 1;
    }
    members->given = ALL_GIVEN;
    return 0;
}

bool
envl_members_passes(const struct envl_members *members)
{
    return members->given == ALL_GIVEN;
}

void
envl_members_stand_behind(struct envl_members *members, uint64_t pieces,
                          uint64_t payload_len)
{
    members->ended[ENVL_MEMBER_HEADER] = members->ended[ENVL_MEMBER_KEY] = true;
    members->given = ALL_GIVEN;
    members->pieces = pieces;
    members->payload_len = payload_len;
}

enum envelope_reason
envl_members_check(const struct envl_members *members, struct envl_err *err)
{
    unsigned member;

    for (member = 0; member <= ENVL_MEMBER_PAYLOAD; member++) {
        if (members->ended[member])
            continue;
        return envl_members_len(members, member) > 0
                   ? envl_fail(err, ENVELOPE_R_CARRIER_TRUNCATED,
                               "%s has no end", envl_member_name(member))
                   : envl_fail(err, ENVELOPE_R_CARRIER_MEMBER, "%s is missing",
                               envl_member_name(member));
    }
    return ENVELOPE_OK;
}
