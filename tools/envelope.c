/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The envelope command: standard input to standard output, encrypted or
 * decrypted.  It reads no environment but what the cipher does, so that it
 * works where archivers start it with none.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "filter/codec.h"
#include "filter/fd.h"
#include "filter/options.h"
#include "filter/pump.h"

enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1, /* input, output, memory, a key for encryption */
    EXIT_USAGE = 2,
    EXIT_NO_KEY = 3,
    EXIT_NOT_ENVELOPE = 4,
    EXIT_DAMAGED = 5
};

/* Options with an argument are the filter's, under these names. */
static const struct option long_options[] = {
    { "decrypt", no_argument, NULL, 'd' },
    { "help", no_argument, NULL, 'h' },
    { "xbcloud", no_argument, NULL, 'x' },
    { "carrier", required_argument, NULL, 0 },
    { "identity", required_argument, NULL, 'i' },
    { "label", required_argument, NULL, 0 },
    { "passphrase-file", required_argument, NULL, 0 },
    { "piece-size", required_argument, NULL, 0 },
    { "recipient", required_argument, NULL, 'r' },
    { "reserve", required_argument, NULL, 0 },
    { "threads", required_argument, NULL, 'j' },
    { NULL, 0, NULL, 0 },
};

static const char usage[] =
    "usage: envelope [encrypt] [-r RECIPIENT]... [OPTION]... <DATA >ENVELOPE\n"
    "       envelope decrypt|-d [-i IDENTITY]... [OPTION]... <ENVELOPE >DATA\n"
    "  -r, --recipient FILE|URI   a public key or certificate\n"
    "  -i, --identity FILE|URI    a private key\n"
    "      --passphrase-file FILE whose first line is the passphrase\n"
    "  -j, --threads N            that encrypt or decrypt\n"
    "      --carrier KIND         raw, tar, xbstream, or auto: that of DATA\n"
    "      --label KEY=VALUE      public, and authenticated\n"
    "      --piece-size BYTES     of a carrier's pieces\n"
    "      --reserve BYTES        room for another key envelope\n"
    "      --xbcloud              add the entries that xbcloud put looks for\n";

/* Standard output or error; nothing can be done where that fails. */
static void
say(FILE *to, const char *text)
{
    (void)fputs(text, to);
}

static enum exit_status
status_of(enum envelope_reason reason, enum envl_way way)
{
    switch (reason) {
    case ENVELOPE_R_NOT_ENVELOPE:
    case ENVELOPE_R_VERSION:
    case ENVELOPE_R_SCHEME:
        return EXIT_NOT_ENVELOPE;
    case ENVELOPE_R_NO_IDENTITY:
    case ENVELOPE_R_NO_MATCH:
    case ENVELOPE_R_WRONG_KEY:
    case ENVELOPE_R_PASSPHRASE_NEEDED:
    case ENVELOPE_R_UNREADABLE_KEY:
    case ENVELOPE_R_WORK_FACTOR:
        return way == ENVL_DECRYPT ? EXIT_NO_KEY : EXIT_FAILED;
    case ENVELOPE_R_PARAMETER:
        return EXIT_USAGE;
    case ENVELOPE_R_HEADER_FIELD:
    case ENVELOPE_R_HEADER_TOO_LARGE:
    case ENVELOPE_R_HEADER_TRUNCATED:
    case ENVELOPE_R_LABELS:
    case ENVELOPE_R_KEY_ENVELOPE:
    case ENVELOPE_R_COMMITMENT:
    case ENVELOPE_R_CHUNK:
    case ENVELOPE_R_LAST_CHUNK:
    case ENVELOPE_R_TRUNCATED:
    case ENVELOPE_R_TRAILING_DATA:
    case ENVELOPE_R_CARRIER:
    case ENVELOPE_R_CARRIER_MEMBER:
    case ENVELOPE_R_CARRIER_TRUNCATED:
        return way == ENVL_DECRYPT ? EXIT_DAMAGED : EXIT_FAILED;
    default:
        return EXIT_FAILED;
    }
}

static enum exit_status
fail(const struct envl_err *err, enum envl_way way)
{
    (void)fprintf(stderr, "envelope: %s: %s\n", envl_reason_text(err->reason),
                  err->detail);
    return status_of(err->reason, way);
}

/* The option's long name, under which the filter knows it. */
static const char *
name_of(int option)
{
    size_t i;

    for (i = 0; long_options[i].val != option; i++)
        ;
    return long_options[i].name;
}

/* EXIT_DONE to go on; -1 to end well. */
static int
parse(struct envl_options *options, enum envl_way *way, int argc, char **argv)
{
    struct envl_err err = { ENVELOPE_OK, "" };
    int option, index = 0;

    while ((option = getopt_long(argc, argv, "dhi:j:r:", long_options, &index))
           != -1) {
        switch (option) {
        case 'd':
            *way = ENVL_DECRYPT;
            break;
        case 'h':
            say(stdout, usage);
            return -1;
        case 'x':
            (void)envl_options_set(options, "xbcloud", "1", &err);
            break;
        case '?':
            say(stderr, usage);
            return EXIT_USAGE;
        default:
            (void)envl_options_set(options,
                                   option == 0 ? long_options[index].name
                                               : name_of(option),
                                   optarg, &err);
            break;
        }
        if (err.reason != ENVELOPE_OK)
            return (int)fail(&err, *way);
    }
    return EXIT_DONE;
}

/* A word before or behind the options. */
static int
parse_word(enum envl_way *way, int argc, char **argv)
{
    const char *word = optind < argc ? argv[optind++] : "";

    if (strcmp(word, "decrypt") == 0)
        *way = ENVL_DECRYPT;
    else if (*word != '\0' && strcmp(word, "encrypt") != 0)
        optind = argc + 1;
    if (optind == argc)
        return EXIT_DONE;
    say(stderr, usage);
    return EXIT_USAGE;
}

static enum exit_status
run(const struct envl_options *options, enum envl_way way)
{
    struct envl_codec *codec = NULL;
    struct envl_pump *pump = NULL;
    enum envelope_reason rc;
    struct envl_err err;

    envl_fd_widen_pipe(STDIN_FILENO);
    envl_fd_widen_pipe(STDOUT_FILENO);
    rc = envl_codec_new(&codec, options, way, &err);
    if (rc == ENVELOPE_OK)
        rc = envl_pump_start(&pump, codec, STDIN_FILENO, STDOUT_FILENO, &err);
    if (rc == ENVELOPE_OK)
        rc = envl_pump_finish(pump, &err);
    envl_pump_free(pump);
    envl_codec_free(codec);
    if (rc == ENVELOPE_OK && close(STDOUT_FILENO) != 0)
        rc = envl_fail(&err, ENVELOPE_R_WRITE, "%s", strerror(errno));
    return rc == ENVELOPE_OK ? EXIT_DONE : fail(&err, way);
}

int
main(int argc, char **argv)
{
    const struct rlimit no_core = { 0, 0 };
    enum envl_way way = ENVL_ENCRYPT;
    struct envl_options options;
    int status;

    (void)setrlimit(RLIMIT_CORE, &no_core); /* keys are in memory */
    envl_options_init(&options, ENVL_AUTO);
    status = parse(&options, &way, argc, argv);
    if (status == EXIT_DONE)
        status = parse_word(&way, argc, argv);
    if (status == EXIT_DONE)
        status = (int)run(&options, way);
    envl_options_clear(&options);
    return status < 0 ? EXIT_DONE : status;
}
