/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the whole list before any of its files is touched. */
#include "tools/file_list.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "filter/stream/fd.h"
#include "tools/input_file.h"

#define ROOM_MIN 65536

static enum envelope_reason
read_all(struct envl_file_list *list, size_t *len, int fd, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    size_t room = 0, n = 1;
    char *text;

    for (*len = 0; rc == ENVELOPE_OK && n > 0; *len += n) {
        if (*len + 1 >= room) {
            room = room < ROOM_MIN ? ROOM_MIN : 2 * room;
            if ((text = realloc(list->text, room)) == NULL)
                return envl_fail_memory(err);
            list->text = text;
        }
        n = 0;
        rc = envl_fd_read(fd, NULL, (unsigned char *)list->text + *len,
                          room - *len - 1, &n, err);
    }
    return rc;
}

static enum envelope_reason
split(struct envl_file_list *list, size_t len, char end, struct envl_err *err)
{
    size_t i, at = 0, count = 0;

    if (len > 0 && list->text[len - 1] != end)
        list->text[len++] = end; /* there is room for it */
    for (i = 0; i < len; i++) {
        if (list->text[i] == '\0' && end != '\0')
            return envl_fail(err, ENVELOPE_R_READ,
                             "a NUL byte in name %zu of the list: -0 is for "
                             "names that end with one",
                             count + 1);
        count += list->text[i] == end;
    }
    if (count == 0 || count > INT_MAX)
        return envl_fail(err, ENVELOPE_R_READ, "the list has %s",
                         count == 0 ? "no name" : "too many names");
    if ((list->names = malloc(count * sizeof(*list->names))) == NULL)
        return envl_fail_memory(err);
    for (i = 0; i < len; i++) {
        if (list->text[i] != end)
            continue;
        if (i == at)
            return envl_fail(err, ENVELOPE_R_READ,
                             "name %d of the list is empty", list->count + 1);
        list->text[i] = '\0';
        list->names[list->count++] = list->text + at;
        at = i + 1;
    }
    return ENVELOPE_OK;
}

enum envelope_reason
envl_file_list_read(struct envl_file_list *list, const char *name, char end,
                    struct envl_err *err)
{
    struct envl_input_file input;
    enum envelope_reason rc;
    size_t len = 0;

    *list = (struct envl_file_list){ NULL, NULL, 0 };
    rc = envl_input_open(&input, name, ENVL_INPUT_ANY, err);
    if (rc == ENVELOPE_OK)
        rc = read_all(list, &len, input.fd, err);
    envl_input_close(&input);
    if (rc == ENVELOPE_OK)
        rc = split(list, len, end, err);
    if (rc != ENVELOPE_OK)
        envl_file_list_clear(list);
    return rc;
}

void
envl_file_list_clear(struct envl_file_list *list)
{
    free(list->names);
    free(list->text);
    *list = (struct envl_file_list){ NULL, NULL, 0 };
}
