/* SPDX-License-Identifier: Apache-2.0 */
/* envelope verify --parts: do the lines of verify --part --json prove the whole
 * of one envelope? */
#include "tools/parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include <envelope/envelope.h>

#include "tools/os/term_safe.h"

#define ID_LEN ((size_t)2 * ENVELOPE_PAYLOAD_START_LENGTH)
#define LINE_COUNT_MAX 1000000
#define LINE_LEN_MAX 65536

struct range {
    uint64_t first, end;
};

struct parts {
    char id[ID_LEN + 1];
    uint64_t chunks;
    struct range *ranges;
    size_t count, room;
};

/* Lines */

static bool
read_number(const char **p, const char *name, uint64_t *number)
{
    char *end;

    if (strncmp(*p, name, strlen(name)) != 0)
        return false;
    *p += strlen(name);
    if (**p < '0' || **p > '9')
        return false;
    errno = 0;
    *number = strtoull(*p, &end, 10);
    *p = end;
    return errno == 0;
}

/* Only what part.c writes is taken, byte for byte. */
static bool
read_line(const char *line, char id[ID_LEN + 1], uint64_t *chunks,
          struct range *range)
{
    static const char start[] = "{\"id\":\"";
    uint64_t count, part, parts;
    const char *p = line + sizeof(start) - 1;

    if (strncmp(line, start, sizeof(start) - 1) != 0
        || strspn(p, "0123456789abcdef") != ID_LEN)
        return false;
    memcpy(id, p, ID_LEN);
    id[ID_LEN] = '\0';
    p += ID_LEN;
    if (!read_number(&p, "\",\"chunks\":", chunks)
        || !read_number(&p, ",\"first\":", &range->first)
        || !read_number(&p, ",\"count\":", &count)
        || !read_number(&p, ",\"part\":", &part)
        || !read_number(&p, ",\"parts\":", &parts)
        || strncmp(p, ",\"file", 6) != 0 || p[strlen(p) - 1] != '}'
        || range->first > *chunks || count > *chunks - range->first)
        return false;
    range->end = range->first + count;
    return true;
}

static bool
make_room(struct parts *parts)
{
    size_t room = parts->room > 0 ? 2 * parts->room : 64;
    struct range *ranges;

    if (parts->count < parts->room)
        return true;
    ranges = OPENSSL_realloc(parts->ranges, room * sizeof(*ranges));
    if (ranges == NULL)
        return false;
    parts->ranges = ranges;
    parts->room = room;
    return true;
}

static enum envelope_reason
take_line(struct parts *parts, const char *line, uint64_t number,
          struct envl_err *err)
{
    char id[ID_LEN + 1];
    struct range range;
    uint64_t chunks;

    if (!read_line(line, id, &chunks, &range))
        return envl_fail(err, ENVELOPE_R_READ,
                         "line %" PRIu64 " is none that envelope verify --part "
                         "--json writes",
                         number);
    if (parts->count == 0) {
        memcpy(parts->id, id, sizeof(id));
        parts->chunks = chunks;
    } else if (strcmp(parts->id, id) != 0 || parts->chunks != chunks) {
        return envl_fail(err, ENVELOPE_R_READ,
                         "line %" PRIu64 " is about another envelope than "
                         "those before it%s",
                         number,
                         strcmp(parts->id, id) == 0 ? ": it has grown" : "");
    }
    if (parts->count == LINE_COUNT_MAX)
        return envl_fail(err, ENVELOPE_R_READ, "there are more than %d lines",
                         LINE_COUNT_MAX);
    if (!make_room(parts))
        return envl_fail_memory(err);
    parts->ranges[parts->count++] = range;
    return ENVELOPE_OK;
}

static enum envelope_reason
read_lines(struct parts *parts, FILE *from, struct envl_err *err)
{
    char *line = OPENSSL_malloc(LINE_LEN_MAX);
    enum envelope_reason rc = ENVELOPE_OK;
    uint64_t number = 0;

    if (line == NULL)
        return envl_fail_memory(err);
    while (rc == ENVELOPE_OK && fgets(line, LINE_LEN_MAX, from) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        rc = take_line(parts, line, ++number, err);
    }
    if (rc == ENVELOPE_OK && ferror(from))
        rc = envl_fail(err, ENVELOPE_R_READ, "%s", strerror(errno));
    OPENSSL_free(line);
    return rc;
}

static enum envelope_reason
read_file(struct parts *parts, const char *name, struct envl_err *err)
{
    bool is_standard = strcmp(name, "-") == 0;
    FILE *from = is_standard ? stdin : fopen(name, "re");
    enum envelope_reason rc;

    if (from == NULL)
        return envl_fail(err, ENVELOPE_R_READ, "%s", strerror(errno));
    rc = read_lines(parts, from, err);
    if (!is_standard)
        (void)fclose(from); /* it was only read */
    return rc;
}

/* Verdict */

static int
compare(const void *va, const void *vb)
{
    const struct range *a = va, *b = vb;

    return (a->first > b->first) - (a->first < b->first);
}

/* All chunks, the last one among them, which proves the end. */
static enum envl_status
judge(struct parts *parts)
{
    enum envl_status status = ENVL_EXIT_DONE;
    uint64_t at = 0;
    size_t i;

    if (parts->count == 0) {
        (void)printf("not whole: there is no line of a part\n");
        return ENVL_EXIT_DAMAGED;
    }
    qsort(parts->ranges, parts->count, sizeof(*parts->ranges), compare);
    for (i = 0; i <= parts->count; i++) {
        const uint64_t next =
            i < parts->count ? parts->ranges[i].first : parts->chunks;

        if (next > at) {
            (void)printf("not whole: chunks %" PRIu64 " to before %" PRIu64
                         " of %" PRIu64 " were not verified\n",
                         at, next, parts->chunks);
            status = ENVL_EXIT_DAMAGED;
        }
        if (i < parts->count && parts->ranges[i].end > at)
            at = parts->ranges[i].end;
    }
    if (status == ENVL_EXIT_DONE)
        (void)printf("whole: %" PRIu64 " chunks verified in %zu parts\n",
                     parts->chunks, parts->count);
    return status;
}

enum envl_status
envl_command_parts(const struct envl_arguments *arguments)
{
    static char standard[] = "-";
    char *one[] = { standard };
    char **files = arguments->file_count > 0 ? arguments->files : one;
    const int count = arguments->file_count > 0 ? arguments->file_count : 1;
    enum envelope_reason rc = ENVELOPE_OK;
    enum envl_status status;
    struct parts parts = { 0 };
    struct envl_err err;
    int i;

    for (i = 0; i < count && rc == ENVELOPE_OK; i++) {
        rc = read_file(&parts, files[i], &err);
        if (rc != ENVELOPE_OK)
            status = envl_report(files[i], &err, ENVL_DECRYPT);
    }
    if (rc == ENVELOPE_OK)
        status = judge(&parts);
    OPENSSL_free(parts.ranges);
    return status;
}
