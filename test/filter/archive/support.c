/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, targets and sources for the tests of archives. */
#define _GNU_SOURCE /* memmem, pipe2 */
#include "test/filter/archive/support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#define READ_LEN ((size_t)50000)
#define BLOCK_LEN ((size_t)32768)
#define MEMORY_LEN (8 * MIB)

/* The directory */

static char dir[] = "/tmp/envl-archive-XXXXXX";
static unsigned serial; /* of files in it */

const char *
support_path(const char *name)
{
    static _Thread_local char paths[16][200];
    char path[200];
    size_t i;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    for (i = 0; paths[i][0] != '\0' && strcmp(paths[i], path) != 0; i++)
        assert_true(i < COUNT_OF(paths) - 1);
    memcpy(paths[i], path, sizeof(path));
    return paths[i];
}

static void
make_key(const char *private_name, const char *public_name)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    FILE *file = fopen(support_path(private_name), "w");

    assert_non_null(key);
    assert_non_null(file);
    assert_true(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL));
    assert_int_equal(fclose(file), 0);
    file = fopen(support_path(public_name), "w");
    assert_non_null(file);
    assert_true(PEM_write_PUBKEY(file, key));
    assert_int_equal(fclose(file), 0);
    EVP_PKEY_free(key);
}

int
support_setup(void **state)
{
    (void)state;
    assert_int_equal(setenv("OPENSSL_CONF", "/dev/null", 1), 0);
    assert_int_equal(unsetenv(ENVELOPE_ENV_RECIPIENTS), 0);
    assert_int_equal(unsetenv(ENVELOPE_ENV_IDENTITIES), 0);
    assert_int_equal(unsetenv(ENVELOPE_ENV_PASSPHRASE_FILE), 0);
    assert_non_null(mkdtemp(dir));
    make_key("ops.key", "ops.pem");
    make_key("other.key", "other.pem");
    return 0;
}

int
support_teardown(void **state)
{
    DIR *d = opendir(dir);
    const struct dirent *entry;

    (void)state;
    while (d != NULL && (entry = readdir(d)) != NULL)
        (void)unlinkat(dirfd(d), entry->d_name, 0);
    if (d != NULL)
        (void)closedir(d);
    return rmdir(dir);
}

/* Bytes */

struct octets
support_octets(const void *data, size_t len)
{
    struct octets octets = { malloc(len > 0 ? len : 1), len };

    assert_non_null(octets.data);
    if (len > 0)
        memcpy(octets.data, data, len);
    return octets;
}

void
support_drop(struct octets *octets)
{
    free(octets->data);
    *octets = (struct octets){ 0 };
}

void
support_save(const char *path, struct octets octets)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(octets.data, 1, octets.len, file), octets.len);
    assert_int_equal(fclose(file), 0);
}

struct octets
support_load(const char *path)
{
    FILE *file = fopen(path, "r");
    struct octets octets;
    struct stat st;

    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &st), 0);
    octets =
        (struct octets){ malloc((size_t)st.st_size + 1), (size_t)st.st_size };
    assert_non_null(octets.data);
    assert_int_equal(fread(octets.data, 1, octets.len, file), octets.len);
    assert_int_equal(fclose(file), 0);
    return octets;
}

size_t
support_find(struct octets in, const void *what, size_t len)
{
    const unsigned char *p = memmem(in.data, in.len, what, len);

    return p != NULL ? (size_t)(p - in.data) : SIZE_MAX;
}

size_t
support_needed(struct octets sealed, const char *carrier)
{
    size_t len = sealed.len;

    if (strcmp(carrier, "tar") != 0)
        return len;
    while (sealed.data[len - 1] == 0)
        len--;
    return (len + 511) / 512 * 512 + 1024;
}

/* Eight bytes of a member, from its number and their offset (splitmix64). */
static uint64_t
noise_word(size_t number, uint64_t word)
{
    uint64_t x = (word + 1) * 0x9e3779b97f4a7c15u + number;

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static void
noise(unsigned char *p, size_t len, size_t number, uint64_t at)
{
    uint64_t word = 0;
    size_t i;

    for (i = 0; i < len; i++, at++) {
        if (i == 0 || at % 8 == 0)
            word = noise_word(number, at / 8);
        p[i] = (unsigned char)(word >> at % 8 * 8);
    }
}

/* Writing */

static const size_t some_sizes[] = { 100000, 0, 250000, 5 };
static const size_t short_sizes[] = { 20000 };
static const size_t long_sizes[] = { 24 * MIB };

#define PLAN(format, sizes)                                 \
    {                                                       \
        format, ARCHIVE_FILTER_NONE, sizes, COUNT_OF(sizes) \
    }

const struct support_plan support_some_tar =
    PLAN(ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, some_sizes);
const struct support_plan support_some_zip =
    PLAN(ARCHIVE_FORMAT_ZIP, some_sizes);
const struct support_plan support_some_7zip =
    PLAN(ARCHIVE_FORMAT_7ZIP, some_sizes);
const struct support_plan support_one_short =
    PLAN(ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, short_sizes);
const struct support_plan support_one_long =
    PLAN(ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, long_sizes);
const struct support_plan support_none = { ARCHIVE_FORMAT_TAR_PAX_RESTRICTED,
                                           ARCHIVE_FILTER_NONE, NULL, 0 };

const char *const support_carriers[CARRIERS] = { "raw", "tar", "xbstream" };

struct archive *
support_writer(const struct support_plan *plan)
{
    struct archive *a = archive_write_new();

    assert_non_null(a);
    assert_int_equal(archive_write_set_format(a, plan->format), ARCHIVE_OK);
    if (plan->filter != ARCHIVE_FILTER_NONE)
        assert_int_equal(archive_write_add_filter(a, plan->filter), ARCHIVE_OK);
    return a;
}

int
support_add(struct archive *a, size_t number, size_t size)
{
    struct archive_entry *entry = archive_entry_new();
    unsigned char *data = malloc(READ_LEN);
    size_t at, n = 0;
    char name[40];
    int status;

    assert_non_null(entry);
    assert_non_null(data);
    (void)snprintf(name, sizeof(name), "member-%zu", number);
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)size);
    archive_entry_set_mtime(entry, 1700000000, 0);
    status = archive_write_header(a, entry);
    for (at = 0; status == ARCHIVE_OK && at < size; at += n) {
        n = size - at < READ_LEN ? size - at : READ_LEN;
        noise(data, n, number, at);
        if (archive_write_data(a, data, n) != (la_ssize_t)n)
            status = ARCHIVE_FATAL;
    }
    free(data);
    archive_entry_free(entry);
    return status;
}

int
support_add_all(struct archive *a, const struct support_plan *plan)
{
    int status = ARCHIVE_OK;
    size_t i;

    for (i = 0; status == ARCHIVE_OK && i < plan->count; i++)
        status = support_add(a, i, plan->sizes[i]);
    return status;
}

int
support_on_open(struct archive *a, void *data)
{
    struct support_output *out = data;

    out->opens++;
    if (out->open_status != ARCHIVE_OK && out->fail_text != NULL)
        archive_set_error(a, EPERM, "%s", out->fail_text);
    return out->open_status;
}

la_ssize_t
support_on_write(struct archive *a, void *data, const void *p, size_t len)
{
    struct support_output *out = data;

    out->thread = pthread_self();
    if (++out->writes >= out->fail_at && out->fail_at > 0) {
        if (out->fail_text != NULL)
            archive_set_error(a, EPERM, "%s", out->fail_text);
        return out->fail_with;
    }
    if (out->take > 0 && len > out->take)
        len = out->take;
    if (out->used + len > out->size) {
        out->size = 2 * out->size + len;
        out->memory = realloc(out->memory, out->size);
        assert_non_null(out->memory);
    }
    memcpy(out->memory + out->used, p, len);
    out->used += len;
    return (la_ssize_t)len;
}

int
support_on_close(struct archive *a, void *data)
{
    struct support_output *out = data;

    out->closes++;
    if (out->close_status != ARCHIVE_OK && out->fail_text != NULL)
        archive_set_error(a, EPERM, "%s", out->fail_text);
    return out->close_status;
}

int
support_on_free(struct archive *a, void *data)
{
    struct support_output *out = data;

    (void)a;
    out->frees++;
    return ARCHIVE_OK;
}

int
support_open_target(struct archive *a, enum support_target target,
                    const struct envelope_option *options,
                    struct support_output *out)
{
    if (out->path[0] == '\0')
        (void)snprintf(out->path, sizeof(out->path), "%s/out-%u", dir,
                       __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED));
    out->fd = -1;
    switch (target) {
    case TO_NAME:
        return envelope_archive_write_open_filename(a, options, out->path);
    case TO_FD:
        out->fd = open(out->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        assert_true(out->fd >= 0);
        return envelope_archive_write_open_fd(a, options, out->fd);
    case TO_FILE:
        out->file = fopen(out->path, "w");
        assert_non_null(out->file);
        return envelope_archive_write_open_FILE(a, options, out->file);
    case TO_MEMORY:
        out->size = out->size > 0 ? out->size : MEMORY_LEN;
        out->memory = malloc(out->size);
        assert_non_null(out->memory);
        return envelope_archive_write_open_memory(a, options, out->memory,
                                                  out->size, &out->used);
    default:
        return envelope_archive_write_open(a, options, out, support_on_open,
                                           support_on_write, support_on_close,
                                           support_on_free);
    }
}

struct octets
support_collect(enum support_target target, struct support_output *out)
{
    struct octets octets;

    if (out->fd >= 0)
        assert_int_equal(close(out->fd), 0);
    if (out->file != NULL)
        (void)fclose(out->file); /* it may stand on a full disk */
    if (target == TO_MEMORY || target == TO_CALLBACKS)
        octets = support_octets(out->memory, out->used);
    else
        octets = support_load(out->path);
    (void)unlink(out->path);
    free(out->memory);
    out->memory = NULL;
    return octets;
}

static struct octets
write_plain(const struct support_plan *plan)
{
    struct archive *a = support_writer(plan);
    unsigned char *memory = malloc(MEMORY_LEN);
    struct octets octets;
    size_t used = 0;

    assert_non_null(memory);
    assert_int_equal(archive_write_open_memory(a, memory, MEMORY_LEN, &used),
                     ARCHIVE_OK);
    assert_int_equal(support_add_all(a, plan), ARCHIVE_OK);
    assert_int_equal(archive_write_free(a), ARCHIVE_OK);
    octets = support_octets(memory, used);
    free(memory);
    return octets;
}

struct octets
support_write(const struct support_plan *plan, enum support_target target,
              const struct envelope_option *options)
{
    struct support_output out = { 0 };
    struct archive *a;

    if (options == NULL)
        return write_plain(plan);
    a = support_writer(plan);
    if (support_open_target(a, target, options, &out) != ARCHIVE_OK
        || support_add_all(a, plan) != ARCHIVE_OK
        || envelope_archive_write_close(a) != ARCHIVE_OK) {
        print_error("target %d: %s\n", (int)target, archive_error_string(a));
        fail();
    }
    assert_int_equal(envelope_archive_write_free(a), ARCHIVE_OK);
    return support_collect(target, &out);
}

struct octets
support_seal(struct octets text, const struct envelope_option *options)
{
    const struct support_plan raw = { ARCHIVE_FORMAT_RAW, ARCHIVE_FILTER_NONE,
                                      NULL, 0 };
    struct archive *a = support_writer(&raw);
    struct archive_entry *entry = archive_entry_new();
    struct support_output out = { 0 };

    assert_int_equal(support_open_target(a, TO_CALLBACKS, options, &out),
                     ARCHIVE_OK);
    archive_entry_set_pathname(entry, "data");
    archive_entry_set_filetype(entry, AE_IFREG);
    assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(a, text.data, text.len), text.len);
    archive_entry_free(entry);
    assert_int_equal(envelope_archive_write_free(a), ARCHIVE_OK);
    return support_collect(TO_CALLBACKS, &out);
}

/* Reading */

static int
on_open(struct archive *a, void *data)
{
    struct support_input *in = data;

    in->opens++;
    if (in->open_status != ARCHIVE_OK && in->fail_text != NULL)
        archive_set_error(a, EPERM, "%s", in->fail_text);
    return in->open_status;
}

static la_ssize_t
on_read(struct archive *a, void *data, const void **block)
{
    struct support_input *in = data;
    size_t len = in->block > 0 ? in->block : BLOCK_LEN;

    if (in->fail_at > 0 && in->at >= in->fail_at) {
        if (in->fail_text != NULL)
            archive_set_error(a, EPERM, "%s", in->fail_text);
        return ARCHIVE_FATAL;
    }
    if (len > in->bytes.len - in->at)
        len = in->bytes.len - in->at;
    free(in->block_data);
    in->block_data = malloc(len + 1);
    if (in->block_data == NULL)
        abort();
    memcpy(in->block_data, in->bytes.data + in->at, len);
    *block = in->block_data;
    in->at += len;
    in->bytes_read += len;
    return (la_ssize_t)len;
}

static la_int64_t
on_skip(struct archive *a, void *data, la_int64_t request)
{
    struct support_input *in = data;
    size_t left = in->bytes.len - in->at;

    (void)a;
    if ((uint64_t)request > left)
        request = (la_int64_t)left;
    in->at += (size_t)request;
    return request;
}

static la_int64_t
on_seek(struct archive *a, void *data, la_int64_t offset, int whence)
{
    struct support_input *in = data;
    la_int64_t from = 0;

    in->seeks++;
    if (whence == SEEK_CUR)
        from = (la_int64_t)in->at;
    else if (whence == SEEK_END)
        from = (la_int64_t)in->bytes.len;
    if (in->seek_fails || from + offset < 0
        || from + offset > (la_int64_t)in->bytes.len) {
        archive_set_error(a, ESPIPE, "no way to seek there");
        return ARCHIVE_FAILED;
    }
    in->at = (size_t)(from + offset);
    return from + offset;
}

static int
on_close(struct archive *a, void *data)
{
    struct support_input *in = data;

    in->closes++;
    free(in->block_data);
    in->block_data = NULL;
    if (in->close_status != ARCHIVE_OK && in->fail_text != NULL)
        archive_set_error(a, EPERM, "%s", in->fail_text);
    return in->close_status;
}

static int
open_callbacks(struct archive *a, enum support_opener opener,
               const struct envelope_option *options, struct support_input *in,
               archive_skip_callback *skip, archive_seek_callback *seek)
{
    if (opener == OURS)
        return envelope_archive_read_open(a, options, in, on_open, on_read,
                                          skip, seek, on_close);
    (void)archive_read_set_open_callback(a, on_open);
    (void)archive_read_set_read_callback(a, on_read);
    (void)archive_read_set_skip_callback(a, skip);
    (void)archive_read_set_seek_callback(a, seek);
    (void)archive_read_set_close_callback(a, on_close);
    (void)archive_read_set_callback_data(a, in);
    return archive_read_open1(a);
}

static void *
feed(void *arg)
{
    struct support_input *in = arg;
    const unsigned char *p = in->bytes.data;
    size_t len = in->bytes.len;
    ssize_t n = 0;

    for (; len > 0 && n >= 0; p += n, len -= (size_t)n)
        n = write(in->feed_fd, p, len < 3333 ? len : 3333);
    (void)close(in->feed_fd);
    return NULL;
}

/* The thread gets no SIGPIPE: its reader may stop early. */
static void
start_feeder(struct support_input *in)
{
    sigset_t all, old;
    int fds[2];

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    in->fd = fds[0];
    in->feed_fd = fds[1];
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    assert_int_equal(pthread_create(&in->feeder, NULL, feed, in), 0);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    in->feeding = true;
}

/* A file that has no name any more. */
static int
open_nameless(struct octets bytes)
{
    int fd;
    char path[200];

    (void)snprintf(path, sizeof(path), "%s/in-%u", dir,
                   __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED));
    support_save(path, bytes);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(unlink(path), 0);
    return fd;
}

int
support_open_source(struct archive *a, enum support_opener opener,
                    enum support_source source,
                    const struct envelope_option *options,
                    struct support_input *in)
{
    char name[40];

    in->fd = -1;
    if (source == FROM_PIPE || source == FROM_PIPE_FILE)
        start_feeder(in);
    else if (source <= FROM_FILE)
        in->fd = open_nameless(in->bytes);
    if (source == FROM_FILE || source == FROM_PIPE_FILE)
        assert_non_null(in->file = fdopen(in->fd, "r"));
    switch (source) {
    case FROM_NAME:
        (void)snprintf(name, sizeof(name), "/dev/fd/%d", in->fd);
        return opener == OURS ? envelope_archive_read_open_filename(
                   a, options, name, BLOCK_LEN)
                              : archive_read_open_filename(a, name, BLOCK_LEN);
    case FROM_FD:
    case FROM_PIPE:
        return opener == OURS ? envelope_archive_read_open_fd(a, options,
                                                              in->fd, BLOCK_LEN)
                              : archive_read_open_fd(a, in->fd, BLOCK_LEN);
    case FROM_FILE:
    case FROM_PIPE_FILE:
        return opener == OURS
                   ? envelope_archive_read_open_FILE(a, options, in->file)
                   : archive_read_open_FILE(a, in->file);
    case FROM_MEMORY:
        return opener == OURS
                   ? envelope_archive_read_open_memory(
                       a, options, in->bytes.data, in->bytes.len)
                   : archive_read_open_memory(a, in->bytes.data, in->bytes.len);
    default:
        return open_callbacks(a, opener, options, in,
                              source == FROM_SKIPPING ? on_skip : NULL,
                              source == FROM_SEEKING ? on_seek : NULL);
    }
}

void
support_close_source(struct support_input *in)
{
    if (in->file != NULL)
        assert_int_equal(fclose(in->file), 0);
    else if (in->fd >= 0)
        assert_int_equal(close(in->fd), 0);
    if (in->feeding)
        assert_int_equal(pthread_join(in->feeder, NULL), 0);
}

bool
support_says(const struct support_outcome *o, const char *text)
{
    return strstr(o->text, text) != NULL
           || (archive_version_number() >= 3008000
               && (strstr(o->text, "Truncated tar archive") != NULL
                   || strstr(o->text, "Seek error") != NULL));
}

void
support_note(struct support_outcome *outcome, struct archive *a, int status)
{
    const char *text = archive_error_string(a);

    if (status >= outcome->status)
        return;
    outcome->status = status;
    outcome->error = archive_errno(a);
    (void)snprintf(outcome->text, sizeof(outcome->text), "%s",
                   text != NULL ? text : "(no text)");
}

struct archive *
support_reader(void)
{
    struct archive *a = archive_read_new();

    assert_non_null(a);
    assert_int_equal(archive_read_support_format_all(a), ARCHIVE_OK);
    (void)archive_read_support_filter_all(a); /* some are programs */
    return a;
}

/* Are these the bytes of the member?  Another archive's data is not known. */
static bool
is_right(const unsigned char *data, size_t len, const char *name, uint64_t at)
{
    unsigned char *should;
    bool same;
    size_t number;

    if (sscanf(name, "member-%zu", &number) != 1)
        return true;
    should = malloc(len + 1);
    assert_non_null(should);
    noise(should, len, number, at);
    same = memcmp(should, data, len) == 0;
    free(should);
    return same;
}

bool
support_next(struct archive *a, struct support_outcome *outcome)
{
    unsigned char *data = malloc(READ_LEN);
    struct archive_entry *entry;
    size_t used = strlen(outcome->list);
    uint64_t at = 0;
    la_ssize_t n = 0;
    int status = archive_read_next_header(a, &entry);
    char name[300];

    assert_non_null(data);
    support_note(outcome, a, status);
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) {
        free(data);
        return false;
    }
    (void)snprintf(name, sizeof(name), "%s", archive_entry_pathname(entry));
    while ((n = archive_read_data(a, data, READ_LEN)) > 0) {
        outcome->wrong |= !is_right(data, (size_t)n, name, at);
        at += (uint64_t)n;
    }
    free(data);
    support_note(outcome, a, (int)n);
    (void)snprintf(outcome->list + used, sizeof(outcome->list) - used,
                   "%s %llu of %lld: %d, %s, %s\n", name,
                   (unsigned long long)at, (long long)archive_entry_size(entry),
                   (int)n, archive_format_name(a), archive_filter_name(a, 0));
    if (n == 0
        && (!archive_entry_size_is_set(entry)
            || at == (uint64_t)archive_entry_size(entry)))
        outcome->members++;
    return n == 0;
}

struct support_outcome
support_read(enum support_opener opener, enum support_source source,
             const struct envelope_option *options, struct octets bytes)
{
    struct support_input in = { .bytes = bytes };
    struct support_outcome outcome = { 0 };
    struct archive *a = support_reader();
    int status = support_open_source(a, opener, source, options, &in);

    support_note(&outcome, a, status);
    while (status == ARCHIVE_OK && support_next(a, &outcome))
        ;
    support_note(&outcome, a, archive_read_close(a));
    (void)archive_read_free(a); /* it is closed */
    support_close_source(&in);
    if (source >= FROM_CALLBACKS && source <= FROM_SEEKING)
        assert_int_equal(in.closes, 1);
    return outcome;
}

struct support_outcome
support_read_back(struct octets sealed)
{
    return support_read(OURS, FROM_MEMORY, OPTIONS(AS_OPS), sealed);
}

struct octets
support_unseal(struct octets envelope, const struct envelope_option *options)
{
    struct archive *a = archive_read_new();
    struct octets text = { malloc(MEMORY_LEN), 0 };
    struct archive_entry *entry;
    la_ssize_t n;

    assert_non_null(text.data);
    assert_int_equal(archive_read_support_format_raw(a), ARCHIVE_OK);
    assert_int_equal(envelope_archive_read_open_memory(
                         a, options, envelope.data, envelope.len),
                     ARCHIVE_OK);
    assert_int_equal(archive_read_next_header(a, &entry), ARCHIVE_OK);
    while (
        (n = archive_read_data(a, text.data + text.len, MEMORY_LEN - text.len))
        > 0)
        text.len += (size_t)n;
    assert_int_equal(n, 0);
    assert_int_equal(archive_read_close(a), ARCHIVE_OK);
    assert_int_equal(archive_read_free(a), ARCHIVE_OK);
    return text;
}

static void
complain(const struct support_outcome *outcome, const char *what,
         const char *file, int line)
{
    print_error("%s: status %d, error %d: %s\n%u members%s:\n%s", what,
                outcome->status, outcome->error, outcome->text,
                outcome->members, outcome->wrong ? ", data wrong" : "",
                outcome->list);
    _fail(file, line);
}

void
support_assert_reads(struct support_outcome outcome,
                     const struct support_plan *plan, const char *file,
                     int line)
{
    if (outcome.status != ARCHIVE_OK || outcome.wrong
        || outcome.members != plan->count)
        complain(&outcome, "it should read well", file, line);
}

void
support_assert_refused(struct support_outcome outcome, int error,
                       const char *word, const char *file, int line)
{
    if (outcome.status != ARCHIVE_FATAL || outcome.wrong
        || outcome.error != error || strstr(outcome.text, word) == NULL)
        complain(&outcome, word, file, line);
}
