/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes inputs of two bytes and a carrier by its members: swaps, repeats,
 * drops, splits and joins them, puts others between, and changes a field or a
 * byte.  Left to itself libFuzzer hardly ever keeps a carrier one.
 */
#include <stdbool.h>
#include <string.h>

#include "test/fuzz/mend.h"
#include "test/fuzz/target.h"

enum { HOW_LEN = 2, MEMBERS_MAX = 300, ROOM = 64, HEAD_MAX = 1024 };
enum { BLOCK = 512, NAME_LEN = 100, SIZE_AT = 124, SIZE_LEN = 12 };
enum { TYPE_AT = 156, MAGIC_AT = 257, MAGIC_LEN = 8, OUT_MAX = 1 << 20 };
enum { XB_TYPE = 9, XB_PATH_LEN = 10, XB_PATH = 14, XB_DATA = 20 };

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
                               unsigned seed);

/* A head of its own, so that it can be changed; the body is in the input. */
struct member {
    unsigned char head[HEAD_MAX];
    size_t head_len, body_len;
    const unsigned char *body;
};

static struct member members[MEMBERS_MAX + ROOM];
static size_t count;
static uint64_t state;

static unsigned
draw(size_t below)
{
    state = state * 6364136223846793005U + 1442695040888963407U;
    return below > 0 ? (unsigned)((state >> 33) % below) : 0;
}

/* Numbers: octal in tar, little-endian in an xbstream */

static size_t
get_octal(const unsigned char *p)
{
    size_t n = 0;
    int i;

    for (i = 0; i < SIZE_LEN - 1 && p[i] >= '0' && p[i] <= '7'; i++)
        n = n * 8 + p[i] - '0';
    return n;
}

static void
put_le(unsigned char *p, size_t len, uint64_t n)
{
    for (; len > 0; len--, n >>= 8)
        *p++ = (unsigned char)n;
}

static bool
is_xbstream(const struct member *m)
{
    return memcmp(m->head, "XBSTCK01", 8) == 0;
}

static bool
is_payload(const struct member *m)
{
    return is_xbstream(m) && m->head[XB_TYPE] == 'P'
           && m->head_len >= XB_PATH + XB_DATA;
}

static void
set_size(struct member *m, size_t size)
{
    if (is_payload(m))
        put_le(m->head + m->head_len - XB_DATA, 8, size);
    else if (!is_xbstream(m) && m->head[TYPE_AT] != '\0')
        (void)snprintf((char *)m->head + SIZE_AT, SIZE_LEN, "%011zo", size);
}

/* Taking apart */

static bool
add(const unsigned char *head, size_t head_len, size_t body_len)
{
    struct member *m = &members[count];

    if (count == MEMBERS_MAX || head_len > HEAD_MAX)
        return false;
    memset(m, 0, sizeof(*m));
    memcpy(m->head, head, head_len);
    m->head_len = head_len;
    m->body = head + head_len;
    m->body_len = body_len;
    count++;
    return true;
}

static size_t
least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void
parse_tar(const unsigned char *p, size_t left)
{
    size_t body, whole;

    for (; left >= BLOCK; p += whole, left -= whole) {
        body = least(get_octal(p + SIZE_AT), left - BLOCK);
        whole = least(BLOCK + (body + BLOCK - 1) / BLOCK * BLOCK, left);
        if (!add(p, BLOCK, body))
            return;
    }
}

static void
parse_xbstream(const unsigned char *p, size_t left)
{
    size_t head, body;

    for (; left >= XB_PATH; p += head + body, left -= head + body) {
        head = XB_PATH + get_le(p + XB_PATH_LEN, 4);
        body = 0;
        if (p[XB_TYPE] == 'P' && head <= left && left - head >= XB_DATA) {
            body = get_le(p + head, 8);
            head += XB_DATA;
        }
        if (head > left || body > left - head || !add(p, head, body))
            return;
    }
}

/* Changing */

static void
insert(size_t at, const struct member *m)
{
    if (count >= MEMBERS_MAX + ROOM)
        return;
    memmove(members + at + 1, members + at, (count - at) * sizeof(*m));
    members[at] = *m;
    count++;
}

static void
drop(size_t at)
{
    count--;
    memmove(members + at, members + at + 1, (count - at) * sizeof(*members));
}

/* Two members, the second one with the offset that follows. */
static void
split(size_t at)
{
    struct member *first = &members[at], second = *first;
    size_t cut;
    uint64_t offset;

    if (first->body_len < 2)
        return;
    cut = 1 + draw(first->body_len - 1);
    second.body += cut;
    second.body_len -= cut;
    set_size(&second, second.body_len);
    if (is_payload(&second)) {
        offset = get_le(second.head + second.head_len - 12, 8);
        put_le(second.head + second.head_len - 12, 8, offset + cut);
    }
    first->body_len = cut;
    set_size(first, cut);
    insert(at + 1, &second);
}

/* A member that is the end of one that followed it in the input, too. */
static void
join(size_t at)
{
    struct member *m = &members[at];
    const struct member *next = m + 1;

    if (at + 1 >= count || !is_payload(m) || !is_payload(next)
        || m->body == NULL
        || m->body + m->body_len + next->head_len != next->body)
        return;
    m->body_len += next->head_len + next->body_len;
    set_size(m, m->body_len);
    drop(at + 1);
}

/* Something that is none of ours: a directory, zeros, a pax header, an empty
 * file. */
static void
insert_other(size_t at)
{
    static const char *const records[] = { "30 mtime=1234567890.123456789\n",
                                           "12 path=abcd\n",
                                           "11 size=12\n",
                                           "19 comment=hello x\n",
                                           "20 GNU.sparse.size=1\n",
                                           "0 x=y\n" };
    static const char name[] = "xtrabackup_info.envelope";
    const char *record = records[draw(sizeof(records) / sizeof(*records))];
    struct member m = { .head_len = BLOCK };

    if (is_xbstream(&members[at])) {
        memcpy(m.head, "XBSTCK01", 8);
        m.head[XB_TYPE] = draw(2) > 0 ? 'E' : 'P';
        put_le(m.head + XB_PATH_LEN, 4, sizeof(name) - 1);
        memcpy(m.head + XB_PATH, name, sizeof(name) - 1);
        m.head_len =
            XB_PATH + sizeof(name) - 1 + (m.head[XB_TYPE] == 'P' ? XB_DATA : 0);
    } else if (draw(3) > 0) {
        memcpy(m.head + MAGIC_AT, "ustar\00000", MAGIC_LEN);
        memcpy(m.head, "./", 2);
        m.head[TYPE_AT] = (unsigned char)"5xg"[draw(3)];
        m.body = (const unsigned char *)record;
        m.body_len = m.head[TYPE_AT] == '5' ? 0 : strlen(record);
        set_size(&m, m.body_len);
    }
    insert(at, &m);
}

/* "./" before the name */
static void
dot_name(struct member *m)
{
    size_t at = is_xbstream(m) ? XB_PATH : 0;
    size_t end = is_xbstream(m) ? m->head_len : NAME_LEN;

    if (is_xbstream(m) && m->head_len + 2 <= HEAD_MAX) {
        put_le(m->head + XB_PATH_LEN, 4, get_le(m->head + XB_PATH_LEN, 4) + 2);
        m->head_len += 2;
        end += 2;
    }
    memmove(m->head + at + 2, m->head + at, end - at - 2);
    memcpy(m->head + at, "./", 2);
}

static void
change_size(struct member *m)
{
    set_size(m, m->body_len + draw(5) - 2);
}

static void
change_type(struct member *m)
{
    if (is_xbstream(m))
        m->head[XB_TYPE] = (unsigned char)"PE?"[draw(3)];
    else
        m->head[TYPE_AT] = (unsigned char)"\0000157xgLKS2"[draw(12)];
}

static void
change_byte(struct member *m, unsigned char *body)
{
    unsigned char bit = (unsigned char)(1U << draw(8));

    if (m->body_len > 0 && draw(2) > 0)
        body[draw(m->body_len)] ^= bit;
    else
        m->head[draw(m->head_len)] ^= bit;
}

/* Bodies that are in the input are in data, which may be changed. */
static void
change(unsigned char *data, size_t size)
{
    size_t at = draw(count), other = draw(count);
    struct member kept = members[at];
    bool is_inside = kept.body >= data && kept.body < data + size;

    switch (draw(10)) {
    case 0:
        members[at] = members[other];
        members[other] = kept;
        break;
    case 1:
        insert(other, &kept);
        break;
    case 2:
        drop(at);
        break;
    case 3:
        split(at);
        break;
    case 4:
        join(at);
        break;
    case 5:
        insert_other(at);
        break;
    case 6:
        dot_name(&members[at]);
        break;
    case 7:
        change_size(&members[at]);
        break;
    case 8:
        change_type(&members[at]);
        break;
    default:
        if (is_inside)
            change_byte(&members[at], data + (kept.body - data));
        break;
    }
}

/* Putting together */

static size_t
put(unsigned char *out, size_t size, const unsigned char *p, size_t len)
{
    len = least(len, OUT_MAX - size);
    if (len > 0)
        memcpy(out + size, p, len);
    return size + len;
}

static size_t
build(uint8_t *data, size_t max_size)
{
    static const unsigned char zeros[BLOCK];
    static unsigned char out[OUT_MAX];
    size_t i, size = 0;

    for (i = 0; i < count; i++) {
        size = put(out, size, members[i].head, members[i].head_len);
        size = put(out, size, members[i].body, members[i].body_len);
        if (!is_xbstream(&members[i]))
            size = put(out, size, zeros, -members[i].body_len % BLOCK);
    }
    size = least(size, max_size);
    memcpy(data, out, size);
    mend_carrier(data, size);
    return size;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
                        unsigned seed)
{
    uint8_t *carrier = data + HOW_LEN;
    unsigned turns;

    state = seed * 2654435761U + 1;
    (void)draw(1);
    count = 0;
    if (size > HOW_LEN + BLOCK && draw(4) > 0) {
        if (memcmp(carrier, "XBSTCK01", 8) == 0)
            parse_xbstream(carrier, size - HOW_LEN);
        else if (memcmp(carrier + MAGIC_AT, "ustar", 5) == 0)
            parse_tar(carrier, size - HOW_LEN);
    }
    if (count == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    for (turns = 1 + draw(3); turns > 0 && count > 0; turns--)
        change(carrier, size - HOW_LEN);
    data[0] = draw(4) > 0 ? data[0] : (uint8_t)draw(256);
    data[1] = (uint8_t)(draw(8) == 0);
    return HOW_LEN + build(carrier, max_size - HOW_LEN);
}
