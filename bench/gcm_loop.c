/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least that AES-256-GCM of a file costs with libcrypto, on one thread:
 *     gcm_loop [-d] [-c] FILE >OUTPUT
 * reads, encrypts (-d: decrypts and verifies) and writes in pieces of 1 MiB.
 * One message with its tag at the end; with -c one message for each 16 KiB,
 * its tag after it.  The key is no secret and the nonce a counter: this is
 * for measuring only.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <envelope/envelope.h>

#define NONCE_LEN 12
#define TAG_LEN 16
#define CHUNKS_AT_ONCE 64
#define PIECE ((size_t)CHUNKS_AT_ONCE * ENVELOPE_CHUNK_LENGTH)
#define SEALED_PIECE ((size_t)CHUNKS_AT_ONCE * ENVELOPE_SEALED_CHUNK_LENGTH)

static unsigned char in[SEALED_PIECE], out[SEALED_PIECE];

/* What goes on: the direction, and the chunks that were processed. */
struct loop {
    EVP_CIPHER_CTX *ctx;
    int encrypting;
    uint64_t chunks;
};

static void
check(int ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

/* Fill buf as far as the file goes. */
static size_t
read_piece(int fd, unsigned char *buf, size_t size)
{
    size_t len = 0;
    ssize_t n;

    do {
        n = read(fd, buf + len, size - len);
        check(n >= 0, "read");
        len += (size_t)n;
    } while (n > 0 && len < size);
    return len;
}

static void
write_piece(const unsigned char *buf, size_t len)
{
    ssize_t n;

    for (; len > 0; buf += n, len -= (size_t)n) {
        n = write(STDOUT_FILENO, buf, len);
        check(n > 0, "write");
    }
}

static void
tag_params(OSSL_PARAM params[2], unsigned char *tag)
{
    params[0] = OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG,
                                                  tag, TAG_LEN);
    params[1] = OSSL_PARAM_construct_end();
}

/* A message begins: key is NULL where it stays the same, as is params. */
static void
begin(struct loop *loop, const EVP_CIPHER *cipher, const unsigned char *key,
      const OSSL_PARAM *params)
{
    unsigned char nonce[NONCE_LEN] = { 0 };

    memcpy(nonce, &loop->chunks, sizeof(loop->chunks));
    loop->chunks++;
    check(EVP_CipherInit_ex2(loop->ctx, cipher, key, nonce, loop->encrypting,
                             params),
          "init");
}

static void
update(struct loop *loop, unsigned char *to, const unsigned char *from,
       size_t len)
{
    int n;

    check(EVP_CipherUpdate(loop->ctx, to, &n, from, (int)len), "update");
}

/* A message ends: decrypting, this verifies the tag that was set. */
static void
finish(struct loop *loop, const char *what)
{
    unsigned char none[TAG_LEN];
    int n;

    check(EVP_CipherFinal_ex(loop->ctx, none, &n), what);
}

/* One message: decrypting, all but the last TAG_LEN bytes of the file. */
static void
run_message(struct loop *loop, int fd, uint64_t len)
{
    unsigned char tag[TAG_LEN];
    OSSL_PARAM params[2];
    size_t n;

    tag_params(params, tag);
    for (; len > 0; len -= n) {
        n = read_piece(fd, in, len < PIECE ? (size_t)len : PIECE);
        check(n > 0, "length");
        update(loop, out, in, n);
        write_piece(out, n);
    }
    if (!loop->encrypting)
        check(read_piece(fd, tag, TAG_LEN) == TAG_LEN
                  && EVP_CIPHER_CTX_set_params(loop->ctx, params),
              "tag");
    finish(loop, "verification");
    if (loop->encrypting) {
        check(EVP_CIPHER_CTX_get_params(loop->ctx, params), "tag");
        write_piece(tag, TAG_LEN);
    }
}

static void
seal_chunk(struct loop *loop, unsigned char *to, const unsigned char *from,
           size_t len)
{
    OSSL_PARAM params[2];

    begin(loop, NULL, NULL, NULL);
    update(loop, to, from, len);
    finish(loop, "end");
    tag_params(params, to + len);
    check(EVP_CIPHER_CTX_get_params(loop->ctx, params), "tag");
}

static void
open_chunk(struct loop *loop, unsigned char *to, unsigned char *from,
           size_t len)
{
    OSSL_PARAM params[2];

    tag_params(params, from + len);
    begin(loop, NULL, NULL, params);
    update(loop, to, from, len);
    finish(loop, "verification");
}

/* A message for each chunk. */
static void
run_chunks(struct loop *loop, int fd)
{
    size_t tag_in = loop->encrypting ? 0 : TAG_LEN;
    size_t tag_out = TAG_LEN - tag_in, len, n, at, to;

    while ((len = read_piece(fd, in,
                             CHUNKS_AT_ONCE * (ENVELOPE_CHUNK_LENGTH + tag_in)))
           > 0) {
        for (at = to = 0; at < len; at += n + tag_in, to += n + tag_out) {
            n = len - at < ENVELOPE_CHUNK_LENGTH + tag_in
                    ? len - at - tag_in
                    : ENVELOPE_CHUNK_LENGTH;
            if (loop->encrypting)
                seal_chunk(loop, out + to, in + at, n);
            else
                open_chunk(loop, out + to, in + at, n);
        }
        write_piece(out, to);
    }
}

int
main(int argc, char **argv)
{
    static const unsigned char key[ENVELOPE_KEY_LENGTH] = "measuring only";
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    struct loop loop = { EVP_CIPHER_CTX_new(), 1, 0 };
    int option, chunked = 0, fd;
    struct stat file;

    while ((option = getopt(argc, argv, "cd")) != -1) {
        check(option != '?', "usage: gcm_loop [-d] [-c] FILE");
        chunked |= option == 'c';
        loop.encrypting &= option != 'd';
    }
    check(cipher != NULL && loop.ctx != NULL, "set-up");
    check(optind + 1 == argc, "usage: gcm_loop [-d] [-c] FILE");
    fd = open(argv[optind], O_RDONLY);
    check(fd >= 0 && fstat(fd, &file) == 0, argv[optind]);

    begin(&loop, cipher, key, NULL);
    if (chunked)
        run_chunks(&loop, fd);
    else
        run_message(&loop, fd,
                    (uint64_t)file.st_size - (loop.encrypting ? 0 : TAG_LEN));
    EVP_CIPHER_CTX_free(loop.ctx);
    EVP_CIPHER_free(cipher);
    return 0;
}
