/* SPDX-License-Identifier: Apache-2.0 */
/* Drives each reader to its end, and keeps what it gives out. */
#define _GNU_SOURCE
#include "test/fuzz/readers.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include <envelope/archive.h>
#include <envelope/envelope.h>

#include "filter/stream/codec.h"
#include "filter/stream/header_file.h"
#include "filter/stream/reader.h"
#include "filter/stream/scan.h"
#include "test/fuzz/keys.h"
#include "test/fuzz/target.h"
#include "tools/measure.h"

/* As openssl enc reads. */
#define EVP_CUT 8192

static struct envl_options options;
static EVP_CIPHER *cipher;
static char identity[64]; /* the path of a file */

enum envl_carrier
input_kind(struct input input)
{
    size_t len = input.size;

    if (len > ENVL_RECOGNISE_LEN)
        len = ENVL_RECOGNISE_LEN;
    return envl_carrier_kind_of(input.data, len);
}

static int
new_file(const void *data, size_t size)
{
    int fd = memfd_create("fuzz", 0);

    MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    MUST(lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

void
readers_begin(void)
{
    OSSL_LIB_CTX *libctx;

    if (cipher != NULL)
        return;
    MUST(setenv("OPENSSL_CONF", "/dev/null", 1) == 0);
    envl_options_init(&options, ENVL_AUTO);
    options.kek = OPENSSL_memdup(FUZZ_KEK, ENVELOPE_KEY_LENGTH);
    options.threads = 0;
    (void)snprintf(identity, sizeof(identity), "/proc/self/fd/%d",
                   new_file(FUZZ_KEY_X25519, sizeof(FUZZ_KEY_X25519) - 1));
    libctx = OSSL_LIB_CTX_new();
    MUST(OSSL_PROVIDER_add_builtin(libctx, ENVELOPE_PROVIDER_NAME,
                                   envelope_provider_init));
    MUST(OSSL_PROVIDER_load(libctx, "default") != NULL);
    MUST(OSSL_PROVIDER_load(libctx, ENVELOPE_PROVIDER_NAME) != NULL);
    cipher = EVP_CIPHER_fetch(libctx, ENVELOPE_CIPHER_NAME, NULL);
    MUST(options.kek != NULL && cipher != NULL);
}

static void
begin(struct result *result)
{
    memset(result, 0, sizeof(*result));
}

void
result_clear(struct result *result)
{
    free(result->text);
    free(result->parts);
    begin(result);
}

static void
end(struct result *result, enum envelope_reason reason, const char *detail)
{
    result->reason = reason;
    (void)snprintf(result->detail, sizeof(result->detail), "%.255s",
                   detail != NULL ? detail : "");
}

static void
add(struct result *result, const void *text, size_t len)
{
    if (len == 0)
        return;
    result->text = realloc(result->text, result->len + len);
    MUST(result->text != NULL);
    memcpy(result->text + result->len, text, len);
    result->len += len;
}

/* The stream */

/* Fill the slot as the pump does; with a cut, from short reads.  Returns
 * whether the input is at its end. */
static bool
fill(struct envl_codec *codec, struct envl_slot *slot, struct input *input,
     size_t cut)
{
    size_t n;

    do {
        if (input->size == 0)
            return true;
        n = cut != 0 && cut < input->size ? cut : input->size;
        n = envl_codec_copy(codec, slot, input->data, n);
        input->data += n;
        input->size -= n;
    } while (cut == 0 && !envl_codec_is_full(codec, slot));
    return false;
}

void
read_stream(struct result *result, struct input input, size_t cut)
{
    struct envl_codec *codec;
    struct envl_slot slot;
    struct envl_err err;
    bool ended = false;
    unsigned i;

    begin(result);
    MUST(envl_codec_new(&codec, &options, ENVL_DECRYPT, &err) == ENVELOPE_OK);
    MUST(envl_slot_init(&slot, envl_codec_slot_size(codec)));
    do {
        MUST(!ended);
        envl_codec_begin(codec, &slot);
        ended = fill(codec, &slot, &input, cut);
        envl_codec_close(codec, &slot, ended);
        envl_codec_work(codec, &slot, 1);
        for (i = 0; i < slot.span_count; i++)
            add(result, slot.spans[i].iov_base, slot.spans[i].iov_len);
    } while (!slot.last);
    end(result, slot.err.reason, slot.err.detail);
    envl_slot_clear(&slot);
    envl_codec_free(codec);
}

/* The range */

void
read_range(struct result *result, struct input input, size_t step)
{
    int fd = new_file(input.data, input.size);
    struct envl_reader *reader = NULL;
    struct envl_err err = { .reason = ENVELOPE_OK };
    const unsigned char *p;
    enum envelope_reason rc;
    uint64_t size = 0;
    size_t n;

    begin(result);
    rc = envl_reader_new(&reader, fd, &options, ENVL_FRAMES_STRICT, &err);
    if (rc == ENVELOPE_OK)
        rc = envl_reader_measure(reader, &size, &err);
    MUST(rc != ENVELOPE_OK || size <= input.size);
    while (rc == ENVELOPE_OK && result->len < size) {
        rc = envl_reader_read(reader, result->len, &p, &n, &err);
        if (rc != ENVELOPE_OK)
            break;
        MUST(n > 0 && n <= size - result->len);
        add(result, p, step > 0 && step < n ? step : n);
    }
    end(result, rc, err.detail);
    envl_reader_free(reader);
    (void)close(fd);
}

/* The salvage */

static void
add_part(struct result *result, const struct envl_found *found)
{
    size_t size = (result->part_count + 1) * sizeof(*result->parts);

    result->parts = realloc(result->parts, size);
    MUST(result->parts != NULL);
    result->parts[result->part_count++] =
        (struct part){ found->offset, (size_t)found->len, result->len };
    add(result, found->text, (size_t)found->len);
}

void
read_salvage(struct result *result, struct input input)
{
    int fd = new_file(input.data, input.size);
    struct envl_found found = { .kind = ENVL_FOUND_TEXT };
    struct envl_err err = { .reason = ENVELOPE_OK };
    struct envl_reader *reader = NULL;
    struct envl_scan *scan = NULL;
    enum envelope_reason rc;
    uint64_t next = 0;

    begin(result);
    rc = envl_reader_new(&reader, fd, &options, ENVL_FRAMES_LENIENT, &err);
    if (rc == ENVELOPE_OK)
        rc = envl_scan_new(&scan, reader, 0, &err);
    while (rc == ENVELOPE_OK && found.kind <= ENVL_FOUND_HOLE) {
        rc = envl_scan_next(scan, &found, &err);
        if (rc != ENVELOPE_OK || found.kind > ENVL_FOUND_HOLE)
            break;
        /* One after the other, and not more than the file can hold. */
        MUST(found.offset == next);
        /* A final chunk of no text may be damaged, too. */
        MUST(found.len > 0
             || (found.kind == ENVL_FOUND_HOLE && found.count == 1));
        MUST(found.len <= input.size + ENVELOPE_CHUNK_LENGTH);
        next += found.len;
        if (found.kind == ENVL_FOUND_TEXT)
            add_part(result, &found);
        else
            result->hole_count++;
    }
    result->has_end = rc == ENVELOPE_OK && found.kind == ENVL_FOUND_END;
    result->end = found.offset;
    result->trailing = result->has_end ? found.len : 0;
    result->trailing += envl_measure_ending(fd) == ENVL_ENDING_BAD;
    end(result, rc, err.detail);
    envl_scan_free(scan);
    envl_reader_free(reader);
    (void)close(fd);
}

/* The inspection */

void
read_measure(struct result *result, struct input input)
{
    int fd = new_file(input.data, input.size);
    struct envl_header_file head;
    struct envl_err err;
    enum envelope_reason rc;
    uint64_t len = 0;

    begin(result);
    rc = envl_header_file_read(&head, fd, &err);
    if (rc == ENVELOPE_OK)
        rc = envl_measure_payload(&len, &head, fd, input.size, &err);
    if (rc == ENVELOPE_OK)
        rc = envl_measure_text(&result->end, len, &err);
    end(result, rc, rc == ENVELOPE_OK ? NULL : err.detail);
    envl_header_file_clear(&head);
    (void)close(fd);
}

/* The archive */

void
read_archive(struct result *result, struct input input)
{
    const struct envelope_option with[] = { { "identity", identity },
                                            { "threads", "0" },
                                            { NULL, NULL } };
    struct archive *archive = archive_read_new();
    struct archive_entry *entry;
    const void *block;
    la_int64_t offset;
    size_t n;
    int status;

    begin(result);
    MUST(archive != NULL);
    (void)archive_read_support_format_raw(archive);
    status = envelope_archive_read_open_memory(archive, with, input.data,
                                               input.size);
    if (status == ARCHIVE_OK)
        status = archive_read_next_header(archive, &entry);
    while (status == ARCHIVE_OK) {
        status = archive_read_data_block(archive, &block, &n, &offset);
        if (status == ARCHIVE_OK)
            add(result, block, n);
    }
    end(result, status == ARCHIVE_EOF ? ENVELOPE_OK : ENVELOPE_R_CRYPTO,
        archive_error_string(archive));
    if (archive_read_close(archive) != ARCHIVE_OK)
        result->reason = ENVELOPE_R_CRYPTO;
    (void)archive_read_free(archive);
}

/* The cipher */

/* What a program that unpacks has in its hands, in out of input.size bytes. */
static enum envelope_reason
unpack(unsigned char *out, size_t *len, struct input input,
       struct envl_err *err)
{
    struct envl_input in = { input.data, input.size, true };
    struct envl_carrier_reader *reader;
    enum envl_step step;
    const unsigned char *span;
    size_t n;

    *len = 0;
    reader = envl_carrier_reader_new(input_kind(input));
    MUST(reader != NULL);
    do {
        step = envl_carrier_next(reader, &in, &span, &n, err);
        if (step == ENVL_STEP_OUTPUT) {
            MUST(n <= input.size - *len);
            memcpy(out + *len, span, n);
            *len += n;
        }
    } while (step == ENVL_STEP_OUTPUT);
    MUST(step != ENVL_STEP_INPUT);
    envl_carrier_reader_free(reader);
    return step == ENVL_STEP_END ? ENVELOPE_OK : err->reason;
}

static void
decrypt(struct result *result, const unsigned char *raw, size_t size)
{
    static unsigned char kek[] = FUZZ_KEK;
    unsigned char out[EVP_CUT + EVP_MAX_BLOCK_LENGTH];
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0, ok;

    ok = ctx != NULL && EVP_DecryptInit_ex2(ctx, cipher, kek, NULL, NULL);
    MUST(ok);
    for (; ok && size > 0; raw += n, size -= (size_t)n) {
        int len = 0;

        n = size < EVP_CUT ? (int)size : EVP_CUT;
        ok = EVP_DecryptUpdate(ctx, out, &len, raw, n);
        MUST(len >= 0 && len <= n);
        add(result, out, (size_t)len);
    }
    if (ok) {
        ok = EVP_DecryptFinal_ex(ctx, out, &n);
        MUST(n == 0 || ok);
        add(result, out, (size_t)n);
    }
    end(result,
        ok ? ENVELOPE_OK
           : (enum envelope_reason)ERR_GET_REASON(ERR_peek_last_error()),
        "");
    ERR_clear_error();
    EVP_CIPHER_CTX_free(ctx);
}

void
read_evp(struct result *result, struct input input)
{
    unsigned char *raw = malloc(input.size + 1);
    struct envl_err err = { .reason = ENVELOPE_OK };
    enum envelope_reason rc;
    size_t len;

    begin(result);
    MUST(raw != NULL);
    rc = unpack(raw, &len, input, &err);
    if (rc == ENVELOPE_OK)
        decrypt(result, raw, len);
    else
        end(result, rc, err.detail);
    free(raw);
}
