/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Installed as bsdtar-envelope, bsdcpio-envelope and bsdcat-envelope, and by
 * the names without -envelope in a folder that may come first in PATH: runs
 * the system's program with the preload module.  If the command asks for the
 * envelope, it first checks that the module works.
 */
#define _GNU_SOURCE /* asprintf(), secure_getenv() */
#include "filter/door/launch.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "filter/door/preload_names.h"

#define SELF "/proc/self/exe"
#define LAST_RESORT "/usr/bin/"
/* The number of launchers that have run one after the other up to this one. */
#define DEPTH_VARIABLE "ENVELOPE_PRELOAD_DEPTH"
#define DEPTH_MAX 16
#define PRELOAD_VARIABLE "LD_PRELOAD"
#define PRELOAD_SEPARATORS " :"

/* Options that programs take from the environment. */
static const char *const option_variables[] = {
    ENVL_OPTIONS_VARIABLE,
    ENVL_READER_VARIABLE,
    ENVL_WRITER_VARIABLE,
};

#define OPTION_VARIABLE_COUNT \
    (sizeof(option_variables) / sizeof(option_variables[0]))

/* Like err(3): print the program's name and exit. */
static void __attribute__((noreturn)) fail(const char *what, const char *why)
{
    errx(EXIT_FAILURE, "envelope: %s: %s", what, why);
}

static char *
join(const char *one, const char *two, const char *three)
{
    char *text;

    if (asprintf(&text, "%s%s%s", one, two, three) < 0)
        err(EXIT_FAILURE, "envelope");
    return text;
}

static void
set_variable(const char *name, const char *value)
{
    if (setenv(name, value, 1) != 0)
        err(EXIT_FAILURE, "envelope");
}

/* Refuse a variable that switches the filter on: a program that runs without
 * the launcher (because of another PATH) or without the module would ignore
 * it, and write plaintext. */
static void
check_variables(void)
{
    size_t i;

    for (i = 0; i < OPTION_VARIABLE_COUNT; i++) {
        if (envl_options_filter(getenv(option_variables[i])))
            fail(option_variables[i], ENVL_MODULE_PREFIX ENVL_FILTER_OPTION
                 ": " ENVL_FILTER_REFUSED);
    }
}

/* Every copy of the launcher has this text, by which is_launcher() finds it. */
static const char mark[] = "envelope: this file is the launcher of bsdtar";

/* Is the file this launcher or a copy?  A file that cannot be read is not. */
static bool
is_launcher(const char *path, const struct stat *other)
{
    size_t size = (size_t)other->st_size;
    struct stat self;
    bool found;
    void *text;
    int fd;

    if (stat(SELF, &self) != 0)
        err(EXIT_FAILURE, "envelope: %s", SELF);
    if (self.st_dev == other->st_dev && self.st_ino == other->st_ino)
        return true;
    if (size == 0 || (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        return false;
    text = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (text == MAP_FAILED)
        err(EXIT_FAILURE, "envelope: %s", path);
    found = memmem(text, size, mark, sizeof(mark)) != NULL;
    (void)munmap(text, size);
    (void)close(fd);
    return found;
}

enum found { NOTHING, LAUNCHER, PROGRAM };

static enum found
look_at(const char *path)
{
    struct stat file;

    if (stat(path, &file) != 0 || !S_ISREG(file.st_mode)
        || access(path, X_OK) != 0)
        return NOTHING;
    return is_launcher(path, &file) ? LAUNCHER : PROGRAM;
}

/*
 * Find the first program of this name in PATH after the last launcher there.  A
 * launcher never runs another: even with links and copies of it in PATH, each
 * finds the same program.
 */
static char *
find_program(const char *name)
{
    const char *path = getenv("PATH");
    char *text = join(path != NULL ? path : "", "", "");
    char *rest = text, *program = NULL, *directory, *candidate;
    enum found found;

    while ((directory = strsep(&rest, ":")) != NULL) {
        candidate = join(*directory != '\0' ? directory : ".", "/", name);
        found = look_at(candidate);
        if (found == LAUNCHER || (found == PROGRAM && program == NULL)) {
            free(program);
            program = found == PROGRAM ? candidate : NULL;
        }
        if (program != candidate)
            free(candidate);
    }
    free(text);
    if (program == NULL) {
        program = join(LAST_RESORT, name, "");
        if (look_at(program) != PROGRAM)
            fail(name, "the system's own is not in PATH");
    }
    return program;
}

/* Stop an endless loop: a user's script with the program's name may run the
 * launcher again. */
static void
count_runs(const char *program)
{
    const char *text = getenv(DEPTH_VARIABLE);
    unsigned long depth = text != NULL ? strtoul(text, NULL, 10) : 0;
    char digits[32];

    if (depth >= DEPTH_MAX)
        fail(program, "it seems to run the launcher again, for ever; write the "
                      "path of the system's own program into it");
    (void)snprintf(digits, sizeof(digits), "%lu", depth + 1);
    set_variable(DEPTH_VARIABLE, digits);
}

/* Find the module; NULL with *why if the dynamic linker cannot load it. */
static const char *
find_module(const char **why)
{
    const char *module = secure_getenv("ENVELOPE_PRELOAD");

    if (module == NULL)
        module = ENVELOPE_PRELOAD_PATH;
    if (strpbrk(module, PRELOAD_SEPARATORS) != NULL)
        *why = join(module, ": ", "a path with a space or a colon");
    else if (access(module, R_OK) != 0)
        *why = join(module, ": ", strerror(errno));
    else
        return module;
    return NULL;
}

static void
preload(const char *module)
{
    const char *others = getenv(PRELOAD_VARIABLE);

    if (others == NULL || *others == '\0')
        set_variable(PRELOAD_VARIABLE, module);
    else
        set_variable(PRELOAD_VARIABLE, join(module, ":", others));
}

/* In the child: run the program, which the module should end when it is
 * loaded. */
static void __attribute__((noreturn))
run_probe(const char *program, const char *name, int answer)
{
    set_variable(ENVL_PROBE_VARIABLE, "1");
    if (dup2(answer, STDOUT_FILENO) >= 0)
        (void)execl(program, name, "--version", (char *)NULL);
    _exit(EXIT_FAILURE);
}

static size_t
read_answer(int fd, char *buf, size_t size)
{
    size_t len = 0;
    ssize_t n;

    while (len < size) {
        n = read(fd, buf + len, size - len);
        if (n == 0 || (n < 0 && errno != EINTR))
            break;
        len += n > 0 ? (size_t)n : 0;
    }
    return len;
}

/* Check that the module works in the program.  A static or a setuid program
 * ignores LD_PRELOAD, and in a script's interpreter the module has no effect.
 * The module itself refuses a program with another libarchive than its own. */
static void
check_module(const char *program, const char *name)
{
    char answer[sizeof(ENVL_PROBE_ANSWER)];
    int ends[2], status = -1;
    size_t len;
    pid_t child;

    if (pipe(ends) != 0 || (child = fork()) < 0)
        err(EXIT_FAILURE, "envelope");
    if (child == 0)
        run_probe(program, name, ends[1]);
    (void)close(ends[1]);
    len = read_answer(ends[0], answer, sizeof(answer));
    (void)close(ends[0]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (status != 0 || len != strlen(ENVL_PROBE_ANSWER)
        || memcmp(answer, ENVL_PROBE_ANSWER, len) != 0)
        fail(program, "the preload module does not work in this program; "
                      "nothing was done");
}

/*
 * bsdtar applies its options only to the archive of the command line, and not
 * to the readers of @archives.  The other two programs have no --options.  So
 * the module also gets the options, for every archive.
 */
int
main(int argc, char **argv)
{
    const char *name = program_invocation_short_name, *why = NULL;
    const struct envl_syntax *syntax = envl_syntax_find(name);
    const char *settings = getenv(ENVL_OPTIONS_VARIABLE);
    struct envl_arguments arguments;
    const char *program, *module;
    bool asked;

    if (argc < 1 || syntax == NULL)
        fail(name, "call it by the name bsdtar-envelope, bsdcpio-envelope or "
                   "bsdcat-envelope, or without -envelope");
    check_variables();
    envl_arguments_read(&arguments, syntax, argv);
    if (arguments.bad != NULL)
        fail(arguments.bad, arguments.why);
    asked = arguments.own != NULL || (settings != NULL && *settings != '\0');

    program = find_program(syntax->name);
    count_runs(program);
    module = find_module(&why);
    if (module != NULL)
        preload(module);
    else if (asked)
        errx(EXIT_FAILURE, "envelope: %s", why);

    if (unsetenv(ENVL_COMMAND_VARIABLE) != 0)
        err(EXIT_FAILURE, "envelope");
    if (asked)
        check_module(program, argv[0]);
    if (arguments.own != NULL)
        set_variable(ENVL_COMMAND_VARIABLE, arguments.own);
    (void)execv(program, arguments.argv);
    fail(program, strerror(errno));
}
