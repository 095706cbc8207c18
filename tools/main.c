/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The envelope command.  It reads no environment but what the cipher does, so
 * that it works where archivers start it with none.
 */
#define _GNU_SOURCE /* MCL_ONFAULT */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/resource.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "tools/commands.h"
#include "tools/os/program.h"
#include "tools/os/prompt.h"
#include "tools/os/term_safe.h"
#include "tools/secrets.h"

/* Locked memory for libcrypto's private keys, where the limit allows. */
#define SECURE_HEAP_LEN 65536
#define SECURE_HEAP_ITEM_LEN 32

/* Memory is locked only where so many bytes of it may be. */
#define LOCK_LIMIT_MIN 1073741824

/* LeakSanitizer does not look into it, and takes what it holds for lost. */
#ifdef __SANITIZE_ADDRESS__
#define HAS_SECURE_HEAP false
#else
#define HAS_SECURE_HEAP true
#endif

static const struct {
    envl_command_fn *run;
    const char *asks_for; /* at -p, or NULL */
    bool twice;
} commands[ENVL_CMD_COUNT] = {
    [ENVL_CMD_ENCRYPT] = { envl_command_crypt, "Passphrase for the envelope",
                           true },
    [ENVL_CMD_DECRYPT] = { envl_command_crypt, "Passphrase for the envelope",
                           false },
    [ENVL_CMD_LIST] = { envl_command_list, "Passphrase for the envelope",
                        false },
    [ENVL_CMD_EXTRACT] = { envl_command_extract, "Passphrase for the envelope",
                           false },
    [ENVL_CMD_INSPECT] = { envl_command_inspect, NULL, false },
    [ENVL_CMD_VERIFY] = { envl_command_verify, "Passphrase for the envelope",
                          false },
    [ENVL_CMD_REWRAP] = { envl_command_rewrap,
                          "Passphrase for the new recipient", true },
    [ENVL_CMD_HEADER] = { envl_command_header, "Passphrase for the envelope",
                          false },
    [ENVL_CMD_KEYGEN] = { envl_command_keygen, "Passphrase for the new key",
                          true },
    [ENVL_CMD_FINGERPRINT] = { envl_command_fingerprint, NULL, false },
    [ENVL_CMD_COMPLETION] = { envl_command_completion, NULL, false },
};

/*
 * Keep everything out of the swap space, where the limit leaves room for all
 * buffers and stacks: past it, allocations would fail.
 */
static void
lock_memory(void)
{
    const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
    struct rlimit limit;

    (void)setrlimit(RLIMIT_MEMLOCK, &all); /* for those who may */
    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0
        && limit.rlim_cur >= LOCK_LIMIT_MIN)
        (void)mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}

/* Only the soft limit: another program that is run from here gets its own back.
 * A core_pattern that is a pipe asks no limit. */
static void
forbid_core(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_CORE, &limit) == 0) {
        limit.rlim_cur = 0;
        (void)setrlimit(RLIMIT_CORE, &limit);
    }
}

/* A file that is opened takes the place of a standard one that is closed, and
 * would get messages.  So /dev/null is put there, which then cannot be read, or
 * written. */
static bool
open_standard_files(void)
{
    static const int modes[] = { O_WRONLY, O_RDONLY, O_RDWR };
    int fd;

    for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd)
            return false;
    }
    return true;
}

/* libcrypto's records quote names, too. */
static int
trace_line(const char *text, size_t len, void *unused)
{
    const size_t end = len > 0 && text[len - 1] == '\n';

    (void)unused;
    envl_show_bytes(stderr, text, len - end);
    (void)fputc('\n', stderr);
    return 1;
}

static void
trace(void)
{
    ERR_print_errors_cb(trace_line, NULL);
}

/* Asked by the thread that decrypts, when progress has begun. */
static int
ask(char *pass, size_t pass_size, size_t *pass_len, const OSSL_PARAM params[],
    void *arg)
{
    int ok;

    envl_progress_hush(true);
    ok = envl_prompt_callback(pass, pass_size, pass_len, params, arg);
    envl_progress_hush(false);
    return ok;
}

static enum envl_status
prepare(struct envl_arguments *arguments)
{
    static const struct envelope_passphrase_callback callback = { ask, NULL };
    enum envl_direction direction;
    struct envl_err err;

    arguments->options.callback = &callback;
    arguments->options.trace = arguments->verbose ? trace : NULL;
    if (envl_secrets_read(arguments, commands[arguments->command].asks_for,
                          commands[arguments->command].twice, &direction, &err)
        == ENVELOPE_OK)
        return ENVL_EXIT_DONE;
    return envl_report(NULL, &err, direction);
}

int
main(int argc, char **argv)
{
    struct envl_arguments arguments;
    int status;

    envl_progress_catch();
    if (!open_standard_files())
        return ENVL_EXIT_FAILED;
    envl_program_keep_limits();
    forbid_core();
#ifdef PR_SET_DUMPABLE
    (void)prctl(PR_SET_DUMPABLE, 0);
#endif
    /* A helper of a key service is waited for. */
    (void)signal(SIGCHLD, SIG_DFL);
    lock_memory();
    if (HAS_SECURE_HEAP)
        (void)CRYPTO_secure_malloc_init(SECURE_HEAP_LEN, SECURE_HEAP_ITEM_LEN);
    status = envl_arguments_parse(&arguments, argc, argv);
    if (status == ENVL_EXIT_DONE)
        status = (int)prepare(&arguments);
    if (status == ENVL_EXIT_DONE)
        status = (int)commands[arguments.command].run(&arguments);
    if ((fflush(stdout) != 0 || ferror(stdout)) && status <= ENVL_EXIT_DONE) {
        perror("envelope: standard output");
        status = ENVL_EXIT_FAILED;
    }
    envl_arguments_clear(&arguments);
    return status < 0 ? ENVL_EXIT_DONE : status;
}
