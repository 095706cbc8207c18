/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The archive inside, of any kind.  The first byte says how: bytes that a read
 * gives, and whether checksums are put right first.  Entries lie side by side
 * from the first byte on, none reaches beyond the end, and a reader that gets
 * other amounts at once comes to the same.
 */
#include <stdbool.h>
#include <string.h>

#include "filter/inside/inside.h"
#include "test/fuzz/mend.h"
#include "test/fuzz/target.h"

enum { CUT_MASK = 0x0f, MEND = 0x40 };

/* Bytes at once; 0 is all that there are. */
static const size_t cuts[CUT_MASK + 1] = { 0,   1,   2,    7,    8,   14,
                                           20,  511, 512,  513,  100, 1023,
                                           300, 33,  1024, 16384 };

struct memory {
    const uint8_t *data;
    size_t size, cut;
    unsigned char *given; /* of exactly the bytes of a read */
};

static enum envelope_reason
read_memory(void *arg, uint64_t offset, const unsigned char **p, size_t *len,
            struct envl_err *err)
{
    struct memory *memory = arg;
    size_t n;

    (void)err;
    MUST(offset < memory->size);
    n = memory->size - (size_t)offset;
    if (memory->cut > 0 && n > memory->cut)
        n = memory->cut;
    free(memory->given);
    memory->given = malloc(n);
    MUST(memory->given != NULL);
    memcpy(memory->given, memory->data + offset, n);
    *p = memory->given;
    *len = n;
    return ENVELOPE_OK;
}

/* What one reader has come to */
struct result {
    enum envelope_reason rc;
    uint64_t end; /* of the last entry */
    uint64_t entries, sizes;
    char detail[ENVL_DETAIL_MAX];
};

static void
check_entry(const struct envl_entry *entry, const struct result *result,
            size_t size)
{
    MUST(entry->at == result->end);
    MUST(entry->len > 0 && entry->len <= size - entry->at);
    MUST(memchr(entry->path, '\0', ENVL_INSIDE_NAME_MAX + 1) != NULL);
    MUST(memchr(entry->link, '\0', ENVL_INSIDE_NAME_MAX + 1) != NULL);
    MUST(!entry->has_crc
         || (entry->crc_at > entry->at
             && entry->crc_at <= entry->at + entry->len));
    MUST(entry->kind != ENVL_ENTRY_RENAME || entry->link[0] != '\0');
}

static void
check_failure(const struct result *result, const struct envl_err *err)
{
    MUST(result->rc == err->reason);
    MUST(result->rc == ENVELOPE_R_ARCHIVE
         || result->rc == ENVELOPE_R_NOT_ARCHIVE);
    MUST(err->detail[0] != '\0');
}

static void
read_all(struct result *result, size_t cut, const uint8_t *data, size_t size)
{
    struct memory memory = { data, size, cut, NULL };
    const struct envl_inside_source source = { read_memory, &memory, size };
    struct envl_err err = { .reason = ENVELOPE_OK }, again;
    const struct envl_entry *entry = NULL;
    struct envl_inside *inside;

    memset(result, 0, sizeof(*result));
    result->rc = envl_inside_new(&inside, &source, &err);
    while (result->rc == ENVELOPE_OK) {
        result->rc = envl_inside_next(inside, &entry, &err);
        if (result->rc != ENVELOPE_OK || entry->kind == ENVL_ENTRY_END)
            break;
        check_entry(entry, result, size);
        result->end = entry->at + entry->len;
        result->sizes += entry->size;
        result->entries++;
    }
    if (result->rc != ENVELOPE_OK) {
        check_failure(result, &err);
        memcpy(result->detail, err.detail, sizeof(result->detail));
    }
    if (inside != NULL) { /* it stays so */
        MUST(envl_inside_next(inside, &entry, &again) == result->rc);
        MUST(result->rc != ENVELOPE_OK || entry->kind == ENVL_ENTRY_END);
    }
    envl_inside_free(inside);
    free(memory.given);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct result one, other;
    unsigned char *copy;

    if (size == 0)
        return 0;
    copy = malloc(size);
    MUST(copy != NULL);
    memcpy(copy, data, size);
    if ((data[0] & MEND) != 0)
        mend_carrier(copy + 1, size - 1);
    read_all(&one, cuts[data[0] & CUT_MASK], copy + 1, size - 1);
    read_all(&other, 0, copy + 1, size - 1);
    MUST(one.rc == other.rc && one.end == other.end);
    MUST(one.entries == other.entries && one.sizes == other.sizes);
    MUST(strcmp(one.detail, other.detail) == 0);
    free(copy);
    return 0;
}
