/* SPDX-License-Identifier: Apache-2.0 */
/* A passphrase is what a program gave, or the first line of a file. */
#include "lib/passphrase.h"

#include <string.h>

#include <openssl/crypto.h>

#include "lib/file.h"

#define PASSPHRASE_LEN_MAX 1024
#define PASSPHRASE_FILE_LEN_MAX 4096

/* The first line of a file, without its LF or CR LF. */
static enum envelope_reason
read_passphrase(struct envl_octets *passphrase, const char *name,
                struct envl_err *err)
{
    enum envelope_reason rc =
        envl_file_read(passphrase, name, PASSPHRASE_FILE_LEN_MAX, err);
    size_t len = passphrase->len;
    unsigned char *end;

    if (rc != ENVELOPE_OK)
        return rc;
    end = memchr(passphrase->data, '\n', len);
    if (end != NULL)
        len = (size_t)(end - passphrase->data);
    if (end != NULL && len > 0 && passphrase->data[len - 1] == '\r')
        len--;
    /* What follows the first line is not kept. */
    OPENSSL_cleanse(passphrase->data + len, passphrase->len - len);
    passphrase->len = len;
    if (len > 0 && len <= PASSPHRASE_LEN_MAX)
        return ENVELOPE_OK;
    envl_octets_clear(passphrase);
    return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                     "passphrase file %s: its first line must have 1 to %d "
                     "bytes",
                     name, PASSPHRASE_LEN_MAX);
}

enum envelope_reason
envl_passphrase_load(struct envl_octets *passphrase,
                     const struct envl_settings *settings, struct envl_err *err)
{
    *passphrase = (struct envl_octets){ 0 };
    if (settings->passphrase.data != NULL)
        return envl_octets_set(passphrase, settings->passphrase.data,
                               settings->passphrase.len)
                   ? ENVELOPE_OK
                   : envl_fail_memory(err);
    if (settings->passphrase_file != NULL)
        return read_passphrase(passphrase, settings->passphrase_file, err);
    return ENVELOPE_OK;
}
