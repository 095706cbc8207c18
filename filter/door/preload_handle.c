/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the state of the program's archives, and finds libarchive's functions
 * that are interposed.  The meaning of options is not known here.
 */
#define _GNU_SOURCE /* RTLD_NEXT; O_ACCMODE and struct stat under -std=c11 */
#include "filter/door/preload.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static struct envl_handles known = ENVL_HANDLES_NONE;
static atomic_bool lost;

static _Thread_local struct archive *guarded;

struct envl_request *
envl_handle_find(struct archive *a)
{
    return (struct envl_request *)envl_handles_find(&known, a);
}

struct envl_request *
envl_handle_get(struct archive *a)
{
    struct envl_request *handle = envl_handle_find(a);

    if (handle != NULL)
        return handle;
    handle = calloc(1, sizeof(*handle));
    if (handle != NULL)
        envl_handles_add(&known, &handle->handle, a);
    else
        atomic_store(&lost, true);
    return handle;
}

static void
free_text(const char *text)
{
    char *mine = (char *)(uintptr_t)text;

    /* Wipe the value, which may have the PIN of a token. */
    if (mine != NULL)
        explicit_bzero(mine, strlen(mine));
    free(mine);
}

void
envl_handle_drop(struct archive *a)
{
    struct envl_request *handle = envl_handle_find(a);
    size_t i;

    if (handle == NULL)
        return;
    envl_handles_remove(&known, &handle->handle);
    for (i = 0; i < handle->n_options; i++) {
        free_text(handle->options[i].name);
        free_text(handle->options[i].value);
    }
    free(handle->options);
    free(handle);
}

static bool
has(const struct envl_request *handle, const char *name, const char *value)
{
    size_t i;

    for (i = 0; i < handle->n_options; i++) {
        if (strcmp(handle->options[i].name, name) == 0
            && strcmp(handle->options[i].value, value) == 0)
            return true;
    }
    return false;
}

/* An option may come twice, from the command line and from the environment. */
bool
envl_handle_add(struct envl_request *handle, const char *name,
                const char *value)
{
    size_t n = handle->n_options;
    struct envelope_option *options, added;

    if (has(handle, name, value))
        return true;
    options = realloc(handle->options, (n + 2) * sizeof(*options));
    if (options == NULL)
        return false;
    handle->options = options;
    added.name = strdup(name);
    added.value = strdup(value);
    options[n] = options[n + 1] = (struct envelope_option){ NULL, NULL };
    if (added.name == NULL || added.value == NULL) {
        free_text(added.name);
        free_text(added.value);
        return false;
    }
    options[n] = added;
    handle->n_options++;
    return true;
}

bool
envl_handle_lost(void)
{
    return atomic_load(&lost);
}

struct archive *
envl_guard_enter(struct archive *a)
{
    struct archive *outer = guarded;

    guarded = a;
    return outer;
}

void
envl_guard_leave(struct archive *outer)
{
    guarded = outer;
}

bool
envl_guard_holds(struct archive *a)
{
    return guarded == a;
}

/*
 * A program that calls a function was linked with a libarchive that has it.  If
 * the function is missing all the same, the process cannot go on.
 */
void *
envl_real(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);

    if (function == NULL) {
        (void)fprintf(stderr, "%s: envelope: %s: not in this libarchive\n",
                      program_invocation_short_name, name);
        abort();
    }
    return function;
}

int
envl_find_update(bool *is_update, struct archive *a, int fd, const char *doing)
{
    int flags = fcntl(fd, F_GETFL);
    struct stat status;

    if (flags < 0 || fstat(fd, &status) != 0)
        return envl_refuse(a, errno, "cannot %s: %s", doing, strerror(errno));
    *is_update = (flags & O_ACCMODE) == O_RDWR && S_ISREG(status.st_mode);
    return ARCHIVE_OK;
}

int
envl_refuse(struct archive *a, int number, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args); /* cut if too long */
    va_end(args);
    archive_set_error(a, number, "envelope: %s", text);
    return ARCHIVE_FATAL;
}
