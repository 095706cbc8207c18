/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs when the module is loaded, before the program begins.  It keeps the
 * module from child processes, reads options from the environment, refuses a
 * program that uses another libarchive, and answers the launcher's question
 * whether the module works in this program.
 */
#define _GNU_SOURCE /* dladdr(), dlinfo(), secure_getenv() */
#include "filter/door/preload.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter/door/preload_names.h"

#define PRELOAD_VARIABLE "LD_PRELOAD"
#define PRELOAD_SEPARATORS " :"
#define LIBRARY "libarchive.so."

static bool
is_same_file(const char *one, const char *other)
{
    struct stat a, b;

    return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev
           && a.st_ino == b.st_ino;
}

/* Remove this module from the list, in place. */
static void
leave_list(char *list, const char *self)
{
    char *entry, *rest, *text = strdup(list), *end = list;

    if (text == NULL)
        return; /* children get the module, which does no harm */
    *list = '\0';
    for (entry = strtok_r(text, PRELOAD_SEPARATORS, &rest); entry != NULL;
         entry = strtok_r(NULL, PRELOAD_SEPARATORS, &rest)) {
        if (is_same_file(entry, self))
            continue;
        if (end != list)
            end = stpcpy(end, ":");
        end = stpcpy(end, entry);
    }
    free(text);
}

static void
leave_environment(void)
{
    char *list = getenv(PRELOAD_VARIABLE);
    Dl_info self;

    if (list == NULL || dladdr((void *)(uintptr_t)envl_real, &self) == 0)
        return;
    leave_list(list, self.dli_fname);
    if (*list == '\0')
        (void)unsetenv(PRELOAD_VARIABLE); /* cannot fail: the name is valid */
}

/* The name of the shared libarchive that an object is linked with; NULL if
 * there is none. */
static const char *
needed_library(const struct link_map *map)
{
    const char *strings = NULL;
    const ElfW(Dyn) * entry;

    for (entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
        /* Most systems relocate the address in place, some do not. */
        if (entry->d_tag == DT_STRTAB)
            strings =
                (const char *)(entry->d_un.d_ptr
                               + (entry->d_un.d_ptr < map->l_addr ? map->l_addr
                                                                  : 0));
    }
    for (entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_NEEDED && strings != NULL
            && strncmp(strings + entry->d_un.d_val, LIBRARY, strlen(LIBRARY))
                   == 0)
            return strings + entry->d_un.d_val;
    }
    return NULL;
}

/* The program's libarchive.  A program with a static libarchive never calls the
 * module. */
static const char *
library_of_program(void)
{
    void *program = dlopen(NULL, RTLD_LAZY);
    const struct link_map *map = NULL;

    if (program == NULL || dlinfo(program, RTLD_DI_LINKMAP, &map) != 0)
        return NULL;
    return needed_library(map);
}

/* The libarchive that the module was built for. */
static const char *
library_of_module(void)
{
    struct link_map *map = NULL;
    Dl_info self;

    if (dladdr1((void *)(uintptr_t)envl_real, &self, (void **)&map,
                RTLD_DL_LINKMAP)
        == 0)
        return NULL;
    return needed_library(map);
}

/* Refuse a libarchive with another soname: its interface may differ. */
static void
check_library(const char *used)
{
    const char *own = library_of_module();

    if (used == NULL || (own != NULL && strcmp(used, own) == 0))
        return;
    (void)fprintf(stderr,
                  "%s: envelope: this program uses %s, and the preload module "
                  "was built for %s: build envelope for the one that the "
                  "program uses\n",
                  program_invocation_short_name, used,
                  own != NULL ? own : "none");
    _exit(EXIT_FAILURE);
}

/* Answer the launcher, if the program has libarchive, and exit. */
static void
answer_probe(const char *library)
{
    static const char answer[] = ENVL_PROBE_ANSWER;
    static const char *const functions[] = {
        "archive_write_open2",      "archive_write_open_filename",
        "archive_write_header",     "archive_write_close",
        "archive_write_free",       "archive_read_open_filename",
        "archive_read_next_header",
    };
    size_t i;

    for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        if (dlsym(RTLD_NEXT, functions[i]) == NULL)
            _exit(EXIT_FAILURE);
    }
    if (library == NULL
        || write(STDOUT_FILENO, answer, strlen(answer))
               != (ssize_t)strlen(answer))
        _exit(EXIT_FAILURE);
    _exit(EXIT_SUCCESS);
}

/* Check the default options, so that a mistake shows before anything
 * happens. */
static void
check_defaults(const char *whose)
{
    struct archive *a = ENVL_REAL(archive_write_new)();

    if (a == NULL || envl_options_begin(a, ENVL_WRITING) != ARCHIVE_OK) {
        (void)fprintf(stderr, "%s: %s%s\n", program_invocation_short_name,
                      whose,
                      a != NULL ? archive_error_string(a) : "out of memory");
        _exit(EXIT_FAILURE);
    }
    envl_handle_drop(a);
    (void)ENVL_REAL(archive_write_free)(a); /* it was never opened */
}

/* Take the options of a variable, and remove it so that children do not get
 * it. */
static void
take_variable(const char *name, enum envl_said said, const char *whose)
{
    char *value = secure_getenv(name), *options;

    if (value == NULL)
        return;
    options = strdup(value);
    explicit_bzero(value, strlen(value)); /* it may hold the PIN of a token */
    (void)unsetenv(name);
    if (options == NULL)
        _exit(EXIT_FAILURE);
    envl_options_set_default(said, *options != '\0' ? options : NULL);
    check_defaults(whose);
}

__attribute__((constructor)) static void
begin(void)
{
    const char *library = library_of_program();

    leave_environment();
    check_library(library);
    if (secure_getenv(ENVL_PROBE_VARIABLE) != NULL)
        answer_probe(library);
    take_variable(ENVL_OPTIONS_VARIABLE, ENVL_BY_VARIABLE,
                  ENVL_OPTIONS_VARIABLE ": ");
    take_variable(ENVL_COMMAND_VARIABLE, ENVL_BY_COMMAND, "");
}
