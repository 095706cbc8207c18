/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers and labels: the input is the beginning of a stream, and a second
 * time a text for the labels.  What is accepted must build to the same bytes.
 */
#include <stdbool.h>
#include <string.h>

#include <openssl/crypto.h>

#include "lib/header/header.h"
#include "lib/header/labels.h"
#include "test/fuzz/target.h"

static void *
copy(const void *data, size_t len)
{
    void *p = OPENSSL_malloc(len > 0 ? len : 1);

    MUST(p != NULL);
    if (len > 0)
        memcpy(p, data, len);
    return p;
}

/* One encoding for one header. */
static void
check_rebuild(const struct envl_header *header)
{
    const struct envl_prelude *prelude = &header->prelude;
    const struct envl_header_contents contents = {
        .labels = envl_header_labels(header),
        .labels_len = prelude->labels_len,
        .signatures = envl_header_signatures(header),
        .signatures_len = prelude->signatures_len,
        .key_envelope = envl_header_key_envelope(header),
        .key_envelope_len = prelude->key_envelope_len,
        .reserve = prelude->header_len - prelude->key_envelope_len
                   - envl_prelude_key_envelope_at(prelude),
    };
    struct envl_header again;
    struct envl_err err;

    MUST(envl_header_build(&again, &contents, &err) == ENVELOPE_OK);
    MUST(again.prelude.header_len == prelude->header_len);
    MUST(memcmp(again.bytes, header->bytes, prelude->header_len) == 0);
    envl_header_clear(&again);
}

static void
try_header(const uint8_t *data, size_t size)
{
    struct envl_header header = { 0 };
    unsigned char *prelude;
    struct envl_err err;

    if (size < ENVL_PRELUDE_LEN) {
        prelude = copy(data, size);
        if (size > 0 && size <= ENVL_MAGIC_LEN)
            (void)envl_prelude_check_magic(prelude, size, &err);
        OPENSSL_free(prelude);
        return;
    }
    prelude = copy(data, ENVL_PRELUDE_LEN);
    if (envl_prelude_parse(&header.prelude, prelude, &err) == ENVELOPE_OK
        && size >= header.prelude.header_len) {
        header.bytes = copy(data, header.prelude.header_len);
        if (envl_header_check(&header, &err) == ENVELOPE_OK)
            check_rebuild(&header);
    }
    envl_header_clear(&header);
    OPENSSL_free(prelude);
}

/* Sorted labels are in order, and labels in order sort to themselves. */
static void
try_labels(const uint8_t *data, size_t size)
{
    char *text = copy(data, size), *terminated = OPENSSL_malloc(size + 1);
    char *sorted = NULL;
    struct envl_err err;
    size_t len = 0;
    bool good;

    MUST(terminated != NULL);
    if (size > 0)
        memcpy(terminated, data, size);
    terminated[size] = '\0';
    good = envl_labels_check(text, size, &err) == ENVELOPE_OK;
    if (envl_labels_sort(&sorted, &len, terminated, &err) == ENVELOPE_OK)
        MUST(envl_labels_check(sorted, len, &err) == ENVELOPE_OK);
    else
        MUST(sorted == NULL);
    if (good && size < ENVL_LABELS_LEN_MAX) {
        MUST(sorted != NULL && len == size);
        MUST(size == 0 || memcmp(sorted, data, size) == 0);
    }
    OPENSSL_free(sorted);
    OPENSSL_free(terminated);
    OPENSSL_free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_header(data, size);
    try_labels(data, size);
    return 0;
}
