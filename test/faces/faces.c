/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two of the faces of faces.py, as programs meet them: the archive functions,
 * and EVP with keys in memory.  Each line of standard input is a case, of
 * words with a tab between them,
 *
 *     FACE IN OUT [NAME VALUE]...
 *
 * with values in hexadecimal digits, and gets a line: "ok", or "failed: " and
 * what the program could tell its user.  OUT is written by EVP when all is
 * well, and by the archive functions as they write and deliver.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include <envelope/archive.h>

#define WORD_COUNT_MAX 16
#define OPTION_COUNT_MAX (WORD_COUNT_MAX / 2)
#define SLACK 65536
#define BLOCK_LEN 65536

struct octets {
    unsigned char *data; /* from malloc(), with a NUL after it */
    size_t len;
};

struct job {
    const char *in, *out;
    char *names[OPTION_COUNT_MAX];
    struct octets values[OPTION_COUNT_MAX];
    size_t count;
};

static void
give_up(const char *what)
{
    perror(what);
    exit(99);
}

/* Bytes */

static struct octets
new_octets(size_t size)
{
    struct octets octets = { calloc(1, size + 1), 0 };

    if (octets.data == NULL)
        give_up("memory");
    return octets;
}

static struct octets
decode(const char *hex)
{
    struct octets octets = new_octets(strlen(hex) / 2);

    for (; hex[0] != '\0' && hex[1] != '\0'; hex += 2)
        octets.data[octets.len++] =
            (unsigned char)(OPENSSL_hexchar2int((unsigned char)hex[0]) << 4
                            | OPENSSL_hexchar2int((unsigned char)hex[1]));
    return octets;
}

static struct octets
load(const char *name)
{
    FILE *file = fopen(name, "rb");
    struct octets octets;
    long size = -1;

    if (file != NULL && fseek(file, 0, SEEK_END) == 0)
        size = ftell(file);
    if (size < 0)
        give_up(name);
    rewind(file);
    octets = new_octets((size_t)size);
    octets.len = fread(octets.data, 1, (size_t)size, file);
    (void)fclose(file);
    return octets;
}

static void
save(const char *name, const void *data, size_t len)
{
    FILE *file = fopen(name, "wb");

    if (file == NULL || fwrite(data, 1, len, file) != len || fclose(file) != 0)
        give_up(name);
}

/* Answers */

static void
answer(const char *what, const char *why)
{
    char *p, *text = strdup(why);

    if (text == NULL)
        give_up("memory");
    for (p = text; *p != '\0'; p++)
        *p = *p == '\n' ? ' ' : *p;
    (void)printf("%s%s\n", what, text);
    free(text);
}

/* The provider's records, as ERR_print_errors() would show them; or, if there
 * are none, whatever there is. */
static void
answer_errors(void)
{
    char text[4096] = "";
    const char *data, *library;
    unsigned long code;
    size_t len;

    while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, NULL)) != 0) {
        library = ERR_lib_error_string(code);
        len = strlen(text);
        (void)snprintf(text + len, sizeof(text) - len, " | %s: %s: %s",
                       library != NULL ? library : "?",
                       ERR_reason_error_string(code), data);
    }
    answer("failed:", text);
}

/* EVP */

static bool
is_number(const char *name)
{
    static const char *const numbers[] = {
        ENVELOPE_PARAM_WORK_FACTOR, ENVELOPE_PARAM_ALLOW_EXPIRED,
        ENVELOPE_PARAM_SKIP_EXPIRED, ENVELOPE_PARAM_ALLOW_USAGE,
        ENVELOPE_PARAM_REQUIRE_POST_QUANTUM
    };
    size_t i;

    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (strcmp(numbers[i], name) == 0)
            return true;
    }
    return false;
}

static OSSL_PARAM
make_param(char *name, struct octets *value, unsigned *number)
{
    static const char *const octets[] = { ENVELOPE_PARAM_SIGNER,
                                          ENVELOPE_PARAM_SIGNED_BY_KEY,
                                          ENVELOPE_PARAM_RECIPIENT,
                                          ENVELOPE_PARAM_IDENTITY,
                                          ENVELOPE_PARAM_PASSPHRASE };
    size_t i;

    for (i = 0; i < sizeof(octets) / sizeof(octets[0]); i++) {
        if (strcmp(octets[i], name) == 0)
            return OSSL_PARAM_construct_octet_string(name, value->data,
                                                     value->len);
    }
    if (is_number(name)) {
        *number = (unsigned)atoi((const char *)value->data);
        return OSSL_PARAM_construct_uint(name, number);
    }
    return OSSL_PARAM_construct_utf8_string(name, (char *)value->data,
                                            value->len);
}

/* "key" is EVP's own; everything else is a parameter. */
static EVP_CIPHER_CTX *
start(struct job *job, int encrypt)
{
    EVP_CIPHER *cipher =
        EVP_CIPHER_fetch(NULL, ENVELOPE_CIPHER_NAME, ENVELOPE_PROPERTIES);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    OSSL_PARAM params[OPTION_COUNT_MAX + 3];
    char verified[] = ENVELOPE_RELEASE_VERIFIED;
    unsigned slack = SLACK, number = 0;
    const unsigned char *key = NULL;
    size_t key_len = ENVELOPE_KEY_LENGTH, count = 0, i;

    for (i = 0; i < job->count; i++) {
        if (strcmp(job->names[i], "key") == 0) {
            key = job->values[i].data;
            key_len = job->values[i].len;
        } else {
            params[count++] =
                make_param(job->names[i], &job->values[i], &number);
        }
    }
    params[count++] =
        OSSL_PARAM_construct_uint(ENVELOPE_PARAM_OUTPUT_SLACK, &slack);
    params[count++] =
        OSSL_PARAM_construct_utf8_string(ENVELOPE_PARAM_RELEASE, verified, 0);
    params[count] = OSSL_PARAM_construct_end();
    if (cipher == NULL || ctx == NULL
        || !EVP_CipherInit_ex2(ctx, cipher, NULL, NULL, encrypt, NULL)
        || !EVP_CIPHER_CTX_set_key_length(ctx, (int)key_len)
        || !EVP_CipherInit_ex2(ctx, NULL, key, NULL, encrypt, params)) {
        EVP_CIPHER_CTX_free(ctx);
        ctx = NULL;
    }
    EVP_CIPHER_free(cipher);
    return ctx;
}

static void
run_evp(struct job *job, int encrypt)
{
    static OSSL_PROVIDER *provider; /* for the life of the process */
    struct octets in = load(job->in), out = new_octets(in.len + 2 * SLACK);
    EVP_CIPHER_CTX *ctx = NULL;
    int len = 0, last = 0;

    ERR_clear_error();
    if (provider == NULL)
        provider = OSSL_PROVIDER_load(NULL, ENVELOPE_PROVIDER_NAME);
    if (provider != NULL)
        ctx = start(job, encrypt);
    if (ctx != NULL
        && EVP_CipherUpdate(ctx, out.data, &len, in.data, (int)in.len)
        && EVP_CipherFinal_ex(ctx, out.data + len, &last)) {
        save(job->out, out.data, (size_t)len + (size_t)last);
        answer("ok", "");
    } else {
        answer_errors();
    }
    EVP_CIPHER_CTX_free(ctx);
    free(in.data);
    free(out.data);
}

/* Archives */

static void
answer_archive(struct archive *a, int status)
{
    if (status == ARCHIVE_OK)
        answer("ok", "");
    else
        answer("failed: ", archive_error_string(a));
}

static void
write_archive(struct job *job, const struct envelope_option *options)
{
    struct octets in = load(job->in);
    struct archive *a = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    int status = archive_write_set_format_ustar(a);

    archive_entry_set_pathname(entry, "plain");
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0600);
    archive_entry_set_size(entry, (la_int64_t)in.len);
    if (status == ARCHIVE_OK)
        status = envelope_archive_write_open_filename(a, options, job->out);
    if (status == ARCHIVE_OK)
        status = archive_write_header(a, entry);
    if (status == ARCHIVE_OK
        && archive_write_data(a, in.data, in.len) != (la_ssize_t)in.len)
        status = ARCHIVE_FATAL;
    if (status == ARCHIVE_OK)
        status = envelope_archive_write_close(a);
    answer_archive(a, status);
    (void)envelope_archive_write_free(a); /* told above */
    archive_entry_free(entry);
    free(in.data);
}

/* What is delivered goes to OUT, whatever comes after it. */
static void
read_archive(struct job *job, const struct envelope_option *options)
{
    struct octets got = new_octets(1048576);
    struct archive *a = archive_read_new();
    struct archive_entry *entry;
    la_ssize_t len = -1;
    int status = archive_read_support_format_tar(a);

    if (status == ARCHIVE_OK)
        status =
            envelope_archive_read_open_filename(a, options, job->in, BLOCK_LEN);
    if (status == ARCHIVE_OK)
        status = archive_read_next_header(a, &entry);
    if (status == ARCHIVE_OK) {
        len = archive_read_data(a, got.data, 1048576);
        save(job->out, got.data, len > 0 ? (size_t)len : 0);
        status = len < 0 ? ARCHIVE_FATAL : archive_read_close(a);
    }
    answer_archive(a, status);
    (void)archive_read_free(a); /* it was closed */
    free(got.data);
}

static void
run_archive(struct job *job, bool writes)
{
    struct envelope_option options[OPTION_COUNT_MAX + 1] = { { NULL, NULL } };
    size_t i;

    for (i = 0; i < job->count; i++) {
        options[i].name = job->names[i];
        options[i].value = (const char *)job->values[i].data;
    }
    if (writes)
        write_archive(job, options);
    else
        read_archive(job, options);
}

/* Cases */

static void
run(struct job *job, const char *face)
{
    if (strcmp(face, "evp-encrypt") == 0)
        run_evp(job, 1);
    else if (strcmp(face, "evp-decrypt") == 0)
        run_evp(job, 0);
    else if (strcmp(face, "archive-write") == 0)
        run_archive(job, true);
    else if (strcmp(face, "archive-read") == 0)
        run_archive(job, false);
    else
        answer("failed: no such face: ", face);
}

static void
run_line(char *line)
{
    char *words[WORD_COUNT_MAX + 3], *word, *rest = line;
    struct job job = { 0 };
    size_t count = 0, i;

    while ((word = strsep(&rest, "\t\n")) != NULL && *word != '\0') {
        if (count == WORD_COUNT_MAX + 3)
            give_up("too many words");
        words[count++] = word;
    }
    if (count < 3 || count % 2 == 0)
        give_up(line);
    job.in = words[1];
    job.out = words[2];
    for (i = 3; i < count; i += 2) {
        job.names[job.count] = words[i];
        job.values[job.count++] = decode(words[i + 1] + 1); /* "=", digits */
    }
    run(&job, words[0]);
    for (i = 0; i < job.count; i++)
        free(job.values[i].data);
}

int
main(void)
{
    char *line = NULL;
    size_t size = 0;

    while (getline(&line, &size, stdin) > 0)
        run_line(line);
    free(line);
    return fflush(stdout) == 0 ? 0 : 99;
}
