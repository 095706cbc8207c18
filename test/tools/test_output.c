/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output: complete under its name or not there at all, whatever the filesystem
 * can do, and whichever signal comes when.
 */
#define _GNU_SOURCE /* renameat2() */
#include "tools/os/output.h"

#include "test/support/support.h"
#include "test/tools/terminal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STRANGER 65534 /* nobody, where the tests are root's */

/* Filesystems that can do less, and what happens at the last moment: these
 * stand in for the functions of libc. */
static bool no_rename, no_link;
static void (*at_rename)(void);

int
renameat2(int from_dir, const char *from, int to_dir, const char *to,
          unsigned flags)
{
    if (at_rename != NULL)
        at_rename();
    if (no_rename) {
        errno = EINVAL;
        return -1;
    }
    return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int
linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    if (no_link) {
        errno = EPERM;
        return -1;
    }
    return (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
}

/* Each test in a directory of its own */

static char dir[64];

static int
enter(void **state)
{
    (void)state;
    (void)umask(022);
    no_rename = no_link = false;
    at_rename = NULL;
    (void)snprintf(dir, sizeof(dir), "/tmp/envelope-output.XXXXXX");
    return mkdtemp(dir) == NULL || chdir(dir) != 0;
}

static int
leave(void **state)
{
    char command[128];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    return chdir("/") != 0 || system(command) != 0;
}

/* Files in the directory, hidden ones, too. */
static unsigned
count_files(void)
{
    DIR *list = opendir(".");
    const struct dirent *entry;
    unsigned count = 0;

    assert_non_null(list);
    while ((entry = readdir(list)) != NULL)
        count +=
            strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(list);
    return count;
}

static void
make(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static void
assert_text(const char *path, const char *text)
{
    char read_text[64] = "";
    int fd = open(path, O_RDONLY);
    ssize_t len;

    assert_true(fd >= 0);
    len = read(fd, read_text, sizeof(read_text) - 1);
    assert_int_equal(close(fd), 0);
    assert_int_equal(len, strlen(text));
    assert_string_equal(read_text, text);
}

static struct stat
status_of(const char *path)
{
    struct stat status;

    assert_int_equal(lstat(path, &status), 0);
    return status;
}

static mode_t
mode_of(const char *path)
{
    return status_of(path).st_mode & 07777;
}

/* Outputs */

enum { KEEP, FORCE };

static enum envelope_reason
start(struct envl_output *output, const char *path, bool force, mode_t mode)
{
    struct envl_err err = { ENVELOPE_OK, "" };
    enum envelope_reason rc =
        envl_output_open(output, path, force, true, -1, mode, &err);

    assert_int_equal(rc, err.reason);
    if (rc == ENVELOPE_OK)
        assert_true(output->open && output->fd >= 0);
    else if (rc == ENVELOPE_R_PARAMETER)
        assert_non_null(strstr(err.detail, path));
    else
        assert_string_not_equal(err.detail, "");
    return rc;
}

static void
write_text(const struct envl_output *output, const char *text)
{
    assert_int_equal(write(output->fd, text, strlen(text)), strlen(text));
}

static enum envelope_reason
finish(struct envl_output *output)
{
    struct envl_err err = { ENVELOPE_OK, "" };
    enum envelope_reason rc = envl_output_commit(output, &err);

    assert_int_equal(rc, err.reason);
    assert_false(output->open);
    envl_output_discard(output); /* it is nothing any more */
    return rc;
}

static void
write_file(const char *path, bool force, mode_t mode, const char *text)
{
    struct envl_output output;

    assert_int_equal(start(&output, path, force, mode), ENVELOPE_OK);
    write_text(&output, text);
    assert_int_equal(finish(&output), ENVELOPE_OK);
    assert_text(path, text);
}

static void
it_appears_when_complete(void **state)
{
    struct envl_output output;

    (void)state;
    assert_int_equal(start(&output, "file", KEEP, 0666), ENVELOPE_OK);
    write_text(&output, "new");
    assert_int_not_equal(access("file", F_OK), 0);
    assert_string_equal(output.file.temporary, ".file.envelope");
    assert_int_equal(access(output.file.temporary, F_OK), 0);
    assert_int_equal(finish(&output), ENVELOPE_OK);
    assert_text("file", "new");
    assert_int_equal(count_files(), 1);
}

static void
discarded_it_leaves_nothing(void **state)
{
    struct envl_output output = { 0 };

    (void)state;
    envl_output_discard(&output); /* never opened */
    assert_int_equal(start(&output, "file", KEEP, 0666), ENVELOPE_OK);
    write_text(&output, "new");
    envl_output_discard(&output);
    envl_output_discard(&output);
    assert_int_equal(count_files(), 0);

    make("file", "old", 0644);
    assert_int_equal(start(&output, "file", FORCE, 0666), ENVELOPE_OK);
    write_text(&output, "new");
    envl_output_discard(&output);
    assert_text("file", "old");
    assert_int_equal(count_files(), 1);
}

static void
it_has_the_mode_that_it_should(void **state)
{
    struct envl_output output;

    (void)state;
    write_file("usual", KEEP, 0666, "new");
    assert_int_equal(mode_of("usual"), 0644);
    assert_int_equal(start(&output, "private", KEEP, 0600), ENVELOPE_OK);
    assert_int_equal(mode_of(output.file.temporary), 0600);
    assert_int_equal(finish(&output), ENVELOPE_OK);
    assert_int_equal(mode_of("private"), 0600);
    (void)umask(077);
    write_file("masked", KEEP, 0666, "new");
    assert_int_equal(mode_of("masked"), 0600);
}

static void
what_exists_is_refused(void **state)
{
    struct envl_output output;

    (void)state;
    make("file", "old", 0644);
    assert_int_equal(start(&output, "file", KEEP, 0666), ENVELOPE_R_PARAMETER);
    assert_false(output.open);
    envl_output_discard(&output);
    assert_text("file", "old");
    assert_int_equal(count_files(), 1);
}

static void
force_replaces_and_keeps_the_mode(void **state)
{
    static const struct {
        mode_t old, mode, kept;
    } cases[] = {
        { 0644, 0666, 0644 }, { 0600, 0666, 0600 }, { 0664, 0666, 0664 },
        { 0755, 0666, 0755 }, { 0444, 0666, 0444 }, { 04755, 0666, 0755 },
        { 0644, 0600, 0600 }, { 0755, 0600, 0700 }, { 0400, 0600, 0400 },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        make("file", "old", cases[i].old);
        assert_int_equal(link("file", "link"), 0);
        write_file("file", FORCE, cases[i].mode, "new");
        assert_int_equal(mode_of("file"), cases[i].kept);
        assert_text("link", "old");
        assert_int_equal(count_files(), 2);
        assert_int_equal(unlink("file") | unlink("link"), 0);
    }
    write_file("file", FORCE, 0666, "new"); /* nothing to replace */
    assert_int_equal(mode_of("file"), 0644);
}

/* What happens in a process of its own, which ends with 0 if all is well. */

static int
run(int (*child)(int), int arg)
{
    const struct rlimit no_core = { 0, 0 };
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        (void)alarm(60);
        (void)setrlimit(RLIMIT_CORE, &no_core);
        _exit(child(arg));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static int
replace_as_stranger(int arg)
{
    (void)arg;
    if (setgroups(0, NULL) != 0 || setgid(STRANGER) != 0
        || setuid(STRANGER) != 0)
        return 1;
    write_file("theirs", FORCE, 0666, "new");
    return 0;
}

static void
force_keeps_the_owner_who_may_have_it(void **state)
{
    struct stat status;

    (void)state;
    if (geteuid() != 0)
        skip();
    make("file", "old", 0640);
    assert_int_equal(chown("file", STRANGER, STRANGER), 0);
    write_file("file", FORCE, 0666, "new");
    status = status_of("file");
    assert_int_equal(status.st_uid, STRANGER);
    assert_int_equal(status.st_gid, STRANGER);
    assert_int_equal(status.st_mode & 07777, 0640);

    /* A private key is not a present. */
    write_file("file", FORCE, 0600, "key");
    assert_int_equal(status_of("file").st_uid, 0);
    assert_int_equal(mode_of("file"), 0600);

    /* Who cannot give a group away gives the own one nothing. */
    make("theirs", "old", 0674);
    assert_int_equal(chmod(dir, 0777), 0);
    assert_int_equal(run(replace_as_stranger, 0), 0);
    assert_int_equal(status_of("theirs").st_gid, STRANGER);
    assert_int_equal(mode_of("theirs"), 0644);
}

/* A new file, which is given what another one has. */
static void
write_like(const char *path, const char *like, mode_t mode, bool force)
{
    const struct stat status = status_of(like);
    struct envl_output output;

    assert_int_equal(start(&output, path, force, mode), ENVELOPE_OK);
    envl_output_give(&output, &status);
    assert_int_equal(finish(&output), ENVELOPE_OK);
}

static int
write_like_as_stranger(int arg)
{
    (void)arg;
    if (setgroups(0, NULL) != 0 || setgid(STRANGER) != 0
        || setuid(STRANGER) != 0)
        return 1;
    write_like("mine", "root's", 0664, KEEP);
    return 0;
}

static void
it_is_given_owner_and_group(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    make("old", "old", 0640);
    assert_int_equal(chown("old", STRANGER, STRANGER), 0);
    write_like("new", "old", 0660, KEEP);
    assert_int_equal(status_of("new").st_uid, STRANGER);
    assert_int_equal(status_of("new").st_gid, STRANGER);
    assert_int_equal(mode_of("new"), 0640); /* less the umask */

    /* One that replaces a file has what that had. */
    make("other", "old", 0640);
    write_like("other", "old", 0660, FORCE);
    assert_int_equal(status_of("other").st_uid, 0);
    assert_int_equal(status_of("other").st_gid, 0);

    /* Who cannot give it away gives the own group nothing. */
    make("root's", "old", 0660);
    assert_int_equal(chmod(dir, 0777), 0);
    (void)umask(0);
    assert_int_equal(run(write_like_as_stranger, 0), 0);
    (void)umask(022);
    assert_int_equal(status_of("mine").st_uid, STRANGER);
    assert_int_equal(mode_of("mine"), 0644);
}

/* What each filesystem can do. */
static void
for_each_filesystem(void (*check)(void))
{
    check();
    no_rename = true;
    check();
    no_link = true;
    check();
    no_rename = no_link = false;
}

static void
check_commit(void)
{
    write_file("file", KEEP, 0640, "new");
    assert_int_equal(mode_of("file"), 0640);
    assert_int_equal(count_files(), 1);
    assert_int_equal(unlink("file"), 0);
}

static void
any_filesystem_will_do(void **state)
{
    (void)state;
    for_each_filesystem(check_commit);
}

static void
make_file(void)
{
    make("file", "theirs", 0644);
}

static void
check_race(void)
{
    struct envl_output output;

    assert_int_equal(start(&output, "file", KEEP, 0666), ENVELOPE_OK);
    write_text(&output, "new");
    at_rename = make_file;
    assert_int_equal(finish(&output), ENVELOPE_R_PARAMETER);
    at_rename = NULL;
    assert_text("file", "theirs");
    assert_int_equal(count_files(), 1);
    assert_int_equal(unlink("file"), 0);
}

static void
what_appears_meanwhile_is_kept(void **state)
{
    (void)state;
    for_each_filesystem(check_race);
}

static void
remove_temporaries(void)
{
    assert_int_equal(system("rm .file.*"), 0);
}

static void
check_lost(void)
{
    struct envl_output output;

    assert_int_equal(start(&output, "file", KEEP, 0666), ENVELOPE_OK);
    at_rename = remove_temporaries;
    assert_int_equal(finish(&output), ENVELOPE_R_WRITE);
    at_rename = NULL;
    assert_int_equal(count_files(), 0);
}

static void
a_commit_that_fails_leaves_nothing(void **state)
{
    struct envl_output output;

    (void)state;
    for_each_filesystem(check_lost);
    assert_int_equal(start(&output, "file", FORCE, 0666), ENVELOPE_OK);
    assert_int_equal(mkdir("file", 0755), 0);
    assert_int_equal(finish(&output), ENVELOPE_R_WRITE);
    assert_int_equal(count_files(), 1);
}

static enum envelope_reason
start_from(int input, const char *path)
{
    struct envl_output output;
    struct envl_err err;
    enum envelope_reason rc =
        envl_output_open(&output, path, true, true, input, 0666, &err);

    envl_output_discard(&output);
    return rc;
}

static void
the_input_is_refused(void **state)
{
    int input, null = open("/dev/null", O_RDWR);

    (void)state;
    make("file", "old", 0644);
    make("other", "old", 0644);
    assert_int_equal(link("file", "link") | symlink("file", "symlink"), 0);
    input = open("file", O_RDONLY);
    assert_true(input >= 0);
    assert_int_equal(start_from(input, "file"), ENVELOPE_R_PARAMETER);
    assert_int_equal(start_from(input, "link"), ENVELOPE_R_PARAMETER);
    assert_int_equal(start_from(input, "symlink"), ENVELOPE_R_PARAMETER);
    assert_int_equal(start_from(input, "other"), ENVELOPE_OK);
    assert_int_equal(start_from(null, "/dev/null"), ENVELOPE_OK);
    assert_text("file", "old");
    assert_int_equal(close(input) | close(null), 0);
    assert_int_equal(count_files(), 4);
}

static void
symbolic_links_lead_to_the_file(void **state)
{
    struct envl_output output;

    (void)state;
    assert_int_equal(mkdir("sub", 0755), 0);
    make("sub/file", "old", 0640);
    assert_int_equal(symlink("sub/file", "link"), 0);
    assert_int_equal(start(&output, "link", KEEP, 0666), ENVELOPE_R_PARAMETER);
    write_file("link", FORCE, 0666, "new");
    assert_text("sub/file", "new");
    assert_int_equal(mode_of("sub/file"), 0640);
    assert_true(S_ISLNK(status_of("link").st_mode));
    assert_int_equal(symlink("nothing", "dangling"), 0);
    assert_int_equal(start(&output, "dangling", KEEP, 0666),
                     ENVELOPE_R_PARAMETER);
    assert_int_equal(start(&output, "dangling", FORCE, 0666),
                     ENVELOPE_R_PARAMETER);
    assert_int_equal(count_files(), 3);
    assert_int_equal(symlink("sub", "way"), 0);
    write_file("way/file2", KEEP, 0666, "new");
    assert_text("sub/file2", "new");
}

static void
devices_are_written_to(void **state)
{
    struct envl_output output;
    char text[4] = "";
    int fd;

    (void)state;
    assert_int_equal(start(&output, "/dev/full", KEEP, 0666),
                     ENVELOPE_R_PARAMETER);
    assert_int_equal(start(&output, "/dev/full", FORCE, 0666), ENVELOPE_OK);
    assert_null(output.file.temporary);
    assert_int_equal(write(output.fd, "new", 3), -1);
    assert_int_equal(errno, ENOSPC);
    envl_output_discard(&output);
    assert_true(S_ISCHR(status_of("/dev/full").st_mode));
    assert_int_equal(start(&output, "/dev/null", KEEP, 0666), ENVELOPE_OK);
    assert_int_equal(finish(&output), ENVELOPE_OK);

    assert_int_equal(mkfifo("fifo", 0600), 0);
    fd = open("fifo", O_RDONLY | O_NONBLOCK);
    assert_true(fd >= 0);
    assert_int_equal(start(&output, "fifo", KEEP, 0666), ENVELOPE_R_PARAMETER);
    assert_int_equal(start(&output, "fifo", FORCE, 0666), ENVELOPE_OK);
    write_text(&output, "new");
    assert_int_equal(finish(&output), ENVELOPE_OK);
    assert_int_equal(read(fd, text, sizeof(text)), 3);
    assert_string_equal(text, "new");
    assert_int_equal(read(fd, text, sizeof(text)), 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(count_files(), 1);
}

static void
places_that_cannot_be_written_to(void **state)
{
    static const char *const paths[] = { "",     ".",       "/",    "sub",
                                         "sub/", "no/file", "new/", "file/x" };
    struct envl_output output;
    char name[257];
    size_t i;

    (void)state;
    assert_int_equal(mkdir("sub", 0755), 0);
    make("file", "old", 0644);
    for (i = 0; i < COUNT(paths); i++)
        assert_int_equal(start(&output, paths[i], FORCE, 0666),
                         ENVELOPE_R_WRITE);
    memset(name, 'x', 256);
    name[256] = '\0';
    assert_int_equal(start(&output, name, KEEP, 0666), ENVELOPE_R_WRITE);
    name[255] = '\0';
    write_file(name, KEEP, 0666, "new");
    for (i = 1; i < 255; i += 2)
        memcpy(name + i, "\303\244", 2); /* no half characters */
    assert_int_equal(start(&output, name, KEEP, 0666), ENVELOPE_OK);
    assert_int_equal(strlen(output.file.temporary),
                     1 + 99 + strlen(".envelope"));
    assert_int_equal(finish(&output), ENVELOPE_OK);
    assert_int_equal(count_files(), 4);
}

static void
directories_that_others_own(void **state)
{
    struct envl_output output;
    enum envelope_reason rc;
    bool is_root = geteuid() == 0;

    (void)state;
    assert_int_equal(mkdir("closed", 0555) | mkdir("dropbox", 0333), 0);
    assert_int_equal(chmod("dropbox", 0333) | chmod(dir, 0755), 0);
    assert_int_equal(is_root ? seteuid(STRANGER) : 0, 0);
    rc = start(&output, "closed/file", KEEP, 0666);
    assert_int_equal(rc, ENVELOPE_R_WRITE);
    write_file("dropbox/file", KEEP, 0666, "new");
    assert_int_equal(is_root ? seteuid(0) : 0, 0);
    assert_int_equal(chmod("dropbox", 0700), 0);
}

/* To standard output: is it opened, and did it end well? */
static enum envelope_reason
to_standard(const char *path, bool is_binary, int input)
{
    struct envl_output output;
    struct envl_err err;
    enum envelope_reason rc;

    rc = envl_output_open(&output, path, false, is_binary, input, 0666, &err);
    if (rc != ENVELOPE_OK)
        return rc;
    if (output.fd != STDOUT_FILENO || write(output.fd, "new", 3) != 3)
        return ENVELOPE_R_READ;
    return envl_output_commit(&output, &err);
}

static int
to_a_file(int arg)
{
    int input = open("input", O_RDONLY), out = open("file", O_WRONLY);

    (void)arg;
    if (input < 0 || dup2(out, STDOUT_FILENO) < 0
        || to_standard("-", true, input) != ENVELOPE_OK)
        return 1;
    if (fcntl(STDOUT_FILENO, F_GETFD) != -1) /* it was closed, to be sure */
        return 2;
    if (to_standard(NULL, true, -1) != ENVELOPE_R_WRITE) /* it still is */
        return 3;
    if (dup2(out, STDOUT_FILENO) < 0)
        return 4;
    input = open("file", O_RDONLY);
    return to_standard("-", true, input) == ENVELOPE_R_PARAMETER ? 0 : 5;
}

static int
closed_too_early(int arg)
{
    struct envl_output output;
    struct envl_err err;

    (void)arg;
    if (envl_output_open(&output, NULL, false, false, -1, 0666, &err)
        != ENVELOPE_OK)
        return 1;
    (void)close(STDOUT_FILENO);
    return envl_output_commit(&output, &err) == ENVELOPE_R_WRITE ? 0 : 2;
}

static int
to_a_terminal(int slave)
{
    if (dup2(slave, STDOUT_FILENO) < 0)
        return 2;
    if (to_standard(NULL, true, -1) != ENVELOPE_R_PARAMETER)
        return 3;
    if (to_standard(NULL, false, slave) != ENVELOPE_OK)
        return 4;
    if (dup2(slave, STDOUT_FILENO) < 0)
        return 5;
    return to_standard("-", true, slave) == ENVELOPE_OK ? 0 : 6;
}

static void
standard_output(void **state)
{
    (void)state;
    make("input", "", 0644);
    make("file", "", 0644);
    assert_int_equal(run(to_a_file, 0), 0);
    assert_text("file", "new");
    assert_int_equal(run(closed_too_early, 0), 0);
    assert_int_equal(count_files(), 2);
}

static void
terminal_output(void **state)
{
    int master, slave;

    (void)state;
    open_terminal(&master, &slave);
    assert_int_equal(run(to_a_terminal, slave), 0);
    assert_int_equal(count_files(), 0);
    (void)close(slave);
    (void)close(master);
}

/* Signals */

static const int signals[] = { SIGHUP,  SIGINT,  SIGPIPE, SIGQUIT,
                               SIGTERM, SIGXCPU, SIGXFSZ };

static int
killed_while_writing(int number)
{
    struct envl_output output;

    if (start(&output, "file", FORCE, 0666) != ENVELOPE_OK)
        return 1;
    write_text(&output, "new");
    (void)raise(number);
    return 2;
}

static int pending;

static void
raise_pending(void)
{
    (void)raise(pending);
}

static int
killed_while_renaming(int number)
{
    struct envl_output output;

    pending = number;
    at_rename = raise_pending;
    if (start(&output, "file", KEEP, 0666) != ENVELOPE_OK)
        return 1;
    write_text(&output, "new");
    (void)finish(&output);
    return 2;
}

/* Its output is done: the signal finds things as they were. */
static int
killed_later(int number)
{
    struct envl_output output;

    if (start(&output, "other", KEEP, 0666) != ENVELOPE_OK)
        return 1;
    envl_output_discard(&output);
    if (start(&output, "file", KEEP, 0666) != ENVELOPE_OK
        || finish(&output) != ENVELOPE_OK)
        return 2;
    (void)raise(number);
    return 3;
}

static void
killed_it_leaves_nothing(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(signals); i++) {
        int status = run(killed_while_writing, signals[i]);

        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), signals[i]);
        assert_int_equal(count_files(), 0);
        make("file", "old", 0644);
        assert_true(WIFSIGNALED(run(killed_while_writing, signals[i])));
        assert_text("file", "old");
        assert_int_equal(count_files(), 1);
        assert_int_equal(unlink("file"), 0);
    }
}

static void
killed_at_the_end_it_is_complete(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(signals); i++) {
        int status = run(killed_while_renaming, signals[i]);

        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), signals[i]);
        assert_text("file", "new");
        assert_int_equal(count_files(), 1);
        assert_int_equal(unlink("file"), 0);
        assert_true(WIFSIGNALED(run(killed_later, signals[i])));
        assert_int_equal(count_files(), 1);
        assert_int_equal(unlink("file"), 0);
    }
}

static int
ignoring(int number)
{
    struct envl_output output;

    (void)signal(number, SIG_IGN);
    if (start(&output, "file", KEEP, 0666) != ENVELOPE_OK)
        return 1;
    (void)raise(number);
    write_text(&output, "new");
    return finish(&output) == ENVELOPE_OK ? 0 : 2;
}

static volatile sig_atomic_t handled;

static void
handle(int number)
{
    handled = number;
}

/* The program's own handler has its turn; the file is lost. */
static int
handling(int number)
{
    struct envl_output output;

    (void)signal(number, handle);
    if (start(&output, "file", KEEP, 0666) != ENVELOPE_OK)
        return 1;
    (void)raise(number);
    return handled == number && finish(&output) == ENVELOPE_R_WRITE ? 0 : 2;
}

static int
child_of_fork(int number)
{
    struct envl_output output;
    int status;
    pid_t pid;

    if (start(&output, "file", KEEP, 0666) != ENVELOPE_OK)
        return 1;
    pid = fork();
    if (pid == 0) {
        (void)raise(number);
        _exit(0);
    }
    if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
        return 2;
    return finish(&output) == ENVELOPE_OK ? 0 : 3;
}

static void
signals_that_do_not_end_it(void **state)
{
    (void)state;
    assert_int_equal(run(ignoring, SIGHUP), 0);
    assert_text("file", "new");
    assert_int_equal(unlink("file"), 0);
    assert_int_equal(run(handling, SIGTERM), 0);
    assert_int_equal(count_files(), 0);
    assert_int_equal(run(child_of_fork, SIGTERM), 0);
    assert_int_equal(count_files(), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

/* What a run that was killed has left goes; what is somebody's, or no file of
 * ours, stays, and another name is taken. */
static void
what_is_left_goes(void **state)
{
    static const char left[] = ".file.envelope";
    struct envl_output output;
    int fd;

    (void)state;
    make(left, "left", 0600);
    write_file("file", KEEP, 0666, "new");
    assert_int_equal(count_files(), 1);

    make(left, "locked", 0600);
    fd = open(left, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(start(&output, "file", FORCE, 0666), ENVELOPE_OK);
    assert_int_equal(strlen(output.file.temporary), strlen(left) + 7);
    assert_memory_equal(output.file.temporary, ".file.envelope-",
                        strlen(left) + 1);
    assert_int_equal(finish(&output), ENVELOPE_OK);
    assert_text(left, "locked");
    assert_int_equal(close(fd), 0);

    assert_int_equal(link(left, "second"), 0);
    write_file("file", FORCE, 0666, "new");
    assert_text(left, "locked");
    assert_int_equal(unlink("second"), 0);
    assert_int_equal(unlink(left), 0);

    assert_int_equal(symlink("file", left), 0);
    write_file("file", FORCE, 0666, "newer");
    assert_true(S_ISLNK(status_of(left).st_mode));
    assert_int_equal(unlink(left), 0);

    assert_int_equal(mkfifo(left, 0600), 0);
    write_file("file", FORCE, 0666, "newest");
    assert_int_equal(unlink(left), 0);
    assert_int_equal(count_files(), 1);
}

static void
look_for_the_lock(void)
{
    int fd = open(".file.envelope", O_WRONLY);

    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
    assert_int_equal(errno, EWOULDBLOCK);
    assert_int_equal(close(fd), 0);
}

/* Not even when it nearly has its name may another run take it for left. */
static void
it_is_locked_to_the_end(void **state)
{
    struct envl_output output;

    (void)state;
    assert_int_equal(start(&output, "file", KEEP, 0666), ENVELOPE_OK);
    look_for_the_lock();
    at_rename = look_for_the_lock;
    assert_int_equal(finish(&output), ENVELOPE_OK);
    at_rename = NULL;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_appears_when_complete),
        TEST(discarded_it_leaves_nothing),
        TEST(it_has_the_mode_that_it_should),
        TEST(what_exists_is_refused),
        TEST(force_replaces_and_keeps_the_mode),
        TEST(force_keeps_the_owner_who_may_have_it),
        TEST(it_is_given_owner_and_group),
        TEST(any_filesystem_will_do),
        TEST(what_appears_meanwhile_is_kept),
        TEST(a_commit_that_fails_leaves_nothing),
        TEST(the_input_is_refused),
        TEST(symbolic_links_lead_to_the_file),
        TEST(devices_are_written_to),
        TEST(places_that_cannot_be_written_to),
        TEST(directories_that_others_own),
        TEST(standard_output),
        TEST(terminal_output),
        TEST(what_is_left_goes),
        TEST(it_is_locked_to_the_end),
        TEST(killed_it_leaves_nothing),
        TEST(killed_at_the_end_it_is_complete),
        TEST(signals_that_do_not_end_it),
    };

    default_signals();
    return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
