/* SPDX-License-Identifier: Apache-2.0 */
#include "test/support/bytes.h"

#include <stdlib.h>

struct bytes
text_of(const char *text)
{
    struct bytes bytes = { 0 };

    put(&bytes, text, strlen(text));
    return bytes;
}

struct bytes
text_of_len(size_t len)
{
    struct bytes text = { malloc(len > 0 ? len : 1), len };

    assert_non_null(text.p);
    fill(text.p, len, (uint32_t)len);
    return text;
}

/* Used by threads, too, where no assertion can be made. */
void
put(struct bytes *to, const void *p, size_t len)
{
    unsigned char *grown = realloc(to->p, to->len + len + 1);

    if (grown == NULL)
        abort();
    to->p = grown;
    if (len > 0)
        memcpy(to->p + to->len, p, len);
    to->len += len;
}

void
drop(struct bytes *bytes)
{
    free(bytes->p);
    *bytes = (struct bytes){ 0 };
}

void
assert_bytes(struct bytes got, struct bytes expected)
{
    assert_int_equal(got.len, expected.len);
    assert_begin(got, expected);
}

/* Not assert_memory_equal(): it would print megabytes. */
void
assert_begin(struct bytes got, struct bytes expected)
{
    size_t i;

    assert_true(got.len <= expected.len);
    if (got.len == 0 || memcmp(got.p, expected.p, got.len) == 0)
        return;
    for (i = 0; got.p[i] == expected.p[i]; i++)
        ;
    print_error("byte %zu of %zu is wrong\n", i, got.len);
    fail();
}
