/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the length and the key; values are the caller's. */
#include "filter/carrier/pax.h"

#include <string.h>

static const struct {
    enum envl_pax_key key;
    const char *start; /* of the key and what follows it */
} keys[] = {
    { ENVL_PAX_PATH, "path=" },
    { ENVL_PAX_LINK, "linkpath=" },
    { ENVL_PAX_SIZE, "size=" },
    { ENVL_PAX_SPARSE_NAME, "GNU.sparse.name=" },
    { ENVL_PAX_SPARSE_SIZE, "GNU.sparse.size=" },
    { ENVL_PAX_SPARSE_SIZE, "GNU.sparse.realsize=" },
    { ENVL_PAX_SPARSE, "GNU.sparse." },
};

/* The key of the len bytes after a record's length. */
static void
take_key(struct envl_pax_record *record, const char *text, size_t len)
{
    size_t i, n;

    record->key = ENVL_PAX_OTHER;
    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        n = strlen(keys[i].start);
        if (len >= n && memcmp(text, keys[i].start, n) == 0) {
            record->key = keys[i].key;
            record->value_at += n;
            return;
        }
    }
}

bool
envl_pax_take(struct envl_pax_record *record, const char *text, size_t len,
              uint64_t rest)
{
    uint64_t all = 0;
    size_t n;

    for (n = 0; n < len && text[n] >= '0' && text[n] <= '9'; n++)
        all = all > rest ? all : all * 10 + (uint64_t)(text[n] - '0');
    if (n == len || text[n] != ' ' || all > rest || all <= n + 1)
        return false;
    record->len = all;
    record->value_at = n + 1;
    if (len > all)
        len = (size_t)all;
    take_key(record, text + n + 1, len - (n + 1));
    return true;
}

bool
envl_pax_is_harmless(const char *text, size_t len)
{
    struct envl_pax_record record;
    size_t at;

    for (at = 0; at < len; at += (size_t)record.len) {
        if (!envl_pax_take(&record, text + at, len - at, len - at)
            || record.key != ENVL_PAX_OTHER
            || text[at + (size_t)record.len - 1] != '\n')
            return false;
    }
    return true;
}
