/* SPDX-License-Identifier: Apache-2.0 */
/* libcrypto reads tags and lengths; the other rules of DER are here. */
#include "lib/base/der.h"

#include <string.h>

#include <openssl/asn1.h>

#include "lib/base/utf8.h"

#define DEPTH_MAX 32
#define CONSTRUCTED 0x20    /* in the first byte of an element */
#define UNIVERSAL_MASK 0xe0 /* class and the above */

/* Reading */

/* Take the next element: both its content and the whole element. */
static bool
take(struct envl_der *in, int want, struct envl_der *whole,
     struct envl_der *content)
{
    const unsigned char *p = in->p;
    int tag, class, flags;
    long len = 0;

    if (in->len == 0 || (want != ENVL_DER_ANY && *p != want))
        return false;
    flags = ASN1_get_object(&p, &len, &tag, &class, (long)in->len);
    if ((flags & 0x81) != 0) /* an error, or an indefinite length */
        return false;
    if ((p - in->p) + len != ASN1_object_size(0, (int)len, tag))
        return false; /* the length is not in its shortest form */
    *content = (struct envl_der){ p, (size_t)len };
    *whole = (struct envl_der){ in->p, (size_t)(p - in->p) + (size_t)len };
    in->len -= whole->len;
    in->p += whole->len;
    return true;
}

bool
envl_der_take(struct envl_der *in, int want, struct envl_der *content)
{
    struct envl_der whole;

    return take(in, want, &whole, content);
}

bool
envl_der_take_whole(struct envl_der *in, int want, struct envl_der *whole)
{
    struct envl_der content;

    return take(in, want, whole, &content);
}

bool
envl_der_is(const struct envl_der *der, const unsigned char *bytes, size_t len)
{
    return der->len == len && memcmp(der->p, bytes, len) == 0;
}

bool
envl_der_take_just(struct envl_der *in, const unsigned char *bytes, size_t len)
{
    if (in->len < len || memcmp(in->p, bytes, len) != 0)
        return false;
    in->p += len;
    in->len -= len;
    return true;
}

bool
envl_der_take_octets(struct envl_der *in, int tag, unsigned char *to,
                     size_t len)
{
    struct envl_der octets;

    if (!envl_der_take(in, tag, &octets) || octets.len != len)
        return false;
    memcpy(to, octets.p, len);
    return true;
}

bool
envl_der_take_version(struct envl_der *in, unsigned char value)
{
    const unsigned char version[] = { ENVL_DER_INTEGER, 1, value };

    return envl_der_take_just(in, version, sizeof(version));
}

int
envl_der_compare(const struct envl_der *a, const struct envl_der *b)
{
    int order = memcmp(a->p, b->p, a->len < b->len ? a->len : b->len);

    if (order != 0 || a->len == b->len)
        return order;
    return a->len < b->len ? -1 : 1;
}

/* Each subidentifier takes as few bytes as it needs, and none is cut off. */
static bool
is_oid(const struct envl_der *oid)
{
    bool begins = true;
    size_t i;

    for (i = 0; i < oid->len; i++) {
        if (begins && oid->p[i] == 0x80)
            return false;
        begins = (oid->p[i] & 0x80) == 0;
    }
    return oid->len > 0 && begins;
}

static bool
is_bits(const struct envl_der *bits)
{
    unsigned unused = bits->len > 0 ? bits->p[0] : 8;

    if (bits->len == 1)
        return unused == 0;
    return unused < 8 && (bits->p[bits->len - 1] & ((1u << unused) - 1)) == 0;
}

/* The number takes as few bytes as it needs. */
static bool
is_integer(const struct envl_der *n)
{
    return n->len == 1
           || (n->len > 1 && !(n->p[0] == 0x00 && (n->p[1] & 0x80) == 0)
               && !(n->p[0] == 0xff && (n->p[1] & 0x80) != 0));
}

/* MMDDhhmmss, all digits: each number is in its range, and each month has 31
 * days. */
static bool
is_date(const unsigned char *p)
{
    static const unsigned char least[] = { 1, 1, 0, 0, 0 };
    static const unsigned char most[] = { 12, 31, 23, 59, 59 };
    size_t i;

    for (i = 0; i < sizeof(most); i++) {
        unsigned n = (p[2 * i] - '0') * 10u + (p[2 * i + 1] - '0');

        if (n < least[i] || n > most[i])
            return false;
    }
    return true;
}

/* YYYYMMDDHHMMSSZ, with or without a fraction before the Z, which does not end
 * with 0. */
static bool
is_time(const struct envl_der *time)
{
    size_t i, last = time->len - 1;

    if (time->len < 15 || time->p[last] != 'Z')
        return false;
    for (i = 0; i < last; i++) {
        if ((time->p[i] < '0' || time->p[i] > '9')
            && !(i == 14 && time->p[i] == '.'))
            return false;
    }
    return is_date(time->p + 4)
           && (last == 14
               || (last > 15 && time->p[14] == '.'
                   && time->p[last - 1] != '0'));
}

/* The elements of a SET OF are sorted (X.690, 11.6).  Those of a SET are sorted
 * by tag, which is the same order.  A malformed element is found later. */
static bool
is_sorted(const struct envl_der *set)
{
    struct envl_der in = *set, element, last = { NULL, 0 };

    while (envl_der_take_whole(&in, ENVL_DER_ANY, &element)) {
        if (last.p != NULL && envl_der_compare(&last, &element) > 0)
            return false;
        last = element;
    }
    return true;
}

/* May an element with this first byte have this content? */
static bool
is_element(unsigned char first, const struct envl_der *content)
{
    switch (first) {
    case ENVL_DER_BOOLEAN:
        return content->len == 1
               && (content->p[0] == 0x00 || content->p[0] == 0xff);
    case ENVL_DER_INTEGER:
    case ENVL_DER_ENUMERATED:
        return is_integer(content);
    case ENVL_DER_BITS:
        return is_bits(content);
    case ENVL_DER_NULL:
        return content->len == 0;
    case ENVL_DER_OID:
        return is_oid(content);
    case ENVL_DER_TIME:
        return is_time(content);
    case ENVL_DER_UTF8:
        return envl_utf8_is_valid(content->p, content->len);
    case ENVL_DER_SET:
        return is_sorted(content);
    case ENVL_DER_SEQUENCE:
        return true;
    case ENVL_DER_SEQUENCE - CONSTRUCTED:
    case ENVL_DER_SET - CONSTRUCTED:
    case 0: /* end-of-contents octets exist in BER only */
        return false;
    default: /* only SEQUENCE and SET are universal and constructed */
        return (first & UNIVERSAL_MASK) != CONSTRUCTED;
    }
}

bool
envl_der_is_valid(const unsigned char *der, size_t len)
{
    struct envl_der levels[DEPTH_MAX + 1] = { { der, len } }, content, all;
    size_t depth = 0;
    unsigned char first;

    all = levels[0];
    if (!envl_der_take_whole(&all, ENVL_DER_ANY, &content) || all.len > 0)
        return false;
    for (;;) {
        while (levels[depth].len == 0) {
            if (depth-- == 0)
                return true;
        }
        first = *levels[depth].p;
        if (!envl_der_take(&levels[depth], ENVL_DER_ANY, &content)
            || !is_element(first, &content))
            return false;
        if ((first & CONSTRUCTED) == 0)
            continue;
        if (++depth == DEPTH_MAX && content.len > 0)
            return false;
        levels[depth] = content;
    }
}

/* Writing */

void
envl_der_begin(struct envl_der_writer *w, unsigned char *buf, size_t size)
{
    *w = (struct envl_der_writer){
        .start = buf,
        .at = buf + size,
        .end = buf + size,
    };
}

void
envl_der_put(struct envl_der_writer *w, const void *bytes, size_t len)
{
    if (w->is_full || len > (size_t)(w->at - w->start)) {
        w->is_full = true;
        return;
    }
    w->at -= len;
    if (len > 0)
        memcpy(w->at, bytes, len);
}

size_t
envl_der_len(const struct envl_der_writer *w)
{
    return (size_t)(w->end - w->at);
}

void
envl_der_wrap(struct envl_der_writer *w, unsigned char tag, size_t since)
{
    size_t len = envl_der_len(w) - since, rest;
    unsigned char head[2 + sizeof(len)], *p = head + sizeof(head);

    /* The short form up to 127, else as many bytes as the length needs. */
    if (len < 0x80) {
        *--p = (unsigned char)len;
    } else {
        for (rest = len; rest > 0; rest >>= 8)
            *--p = (unsigned char)rest;
        rest = (size_t)(head + sizeof(head) - p);
        *--p = (unsigned char)(0x80 | rest);
    }
    *--p = tag;
    envl_der_put(w, p, (size_t)(head + sizeof(head) - p));
}

void
envl_der_put_element(struct envl_der_writer *w, unsigned char tag,
                     const void *content, size_t len)
{
    size_t since = envl_der_len(w);

    envl_der_put(w, content, len);
    envl_der_wrap(w, tag, since);
}

struct envl_der
envl_der_written(const struct envl_der_writer *w)
{
    return w->is_full ? (struct envl_der){ NULL, 0 }
                      : (struct envl_der){ w->at, envl_der_len(w) };
}
