/* SPDX-License-Identifier: Apache-2.0 */
/* A key-encryption key as bytes or as hexadecimal digits. */
#include "lib/keys/kek_file.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/crypto.h>

#include "lib/base/file.h"

/* 64 digits, and room for blanks. */
#define FILE_LEN_MAX 256
#define DIGITS_LEN (2 * (size_t)ENVL_KEK_LEN)

static bool
is_zero(const unsigned char *p, size_t len)
{
    unsigned char any = 0;

    while (len > 0)
        any |= p[--len];
    return any == 0;
}

bool
envl_kek_is_zero(const unsigned char kek[ENVL_KEK_LEN])
{
    return is_zero(kek, ENVL_KEK_LEN);
}

enum envelope_reason
envl_kek_check(const unsigned char kek[ENVL_KEK_LEN], const char *name,
               struct envl_err *err)
{
    const size_t half = ENVL_KEK_LEN / 2;
    bool first = is_zero(kek, half), second = is_zero(kek + half, half);

    if (!first && !second)
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_SHORT_KEY,
                     "%s: %s of the key is zero, as where its digits are too "
                     "few: openssl rand -hex 32 makes 64",
                     name, first && second ? "all" : "half");
}

/* Are all bytes hexadecimal digits? */
static bool
is_digits(const unsigned char *text, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        if (OPENSSL_hexchar2int(text[i]) < 0)
            return false;
    }
    return true;
}

static bool
decode(unsigned char kek[ENVL_KEK_LEN], const struct envl_octets *file)
{
    size_t len = file->len, i;

    if (len == ENVL_KEK_LEN && !is_digits(file->data, len)) {
        memcpy(kek, file->data, len);
        return true;
    }
    while (len > 0 && memchr(" \t\r\n", file->data[len - 1], 4) != NULL)
        len--;
    if (len != DIGITS_LEN || !is_digits(file->data, len))
        return false;
    for (i = 0; i < ENVL_KEK_LEN; i++)
        kek[i] = (unsigned char)(OPENSSL_hexchar2int(file->data[2 * i]) << 4
                                 | OPENSSL_hexchar2int(file->data[2 * i + 1]));
    return true;
}

enum envelope_reason
envl_kek_read(unsigned char kek[ENVL_KEK_LEN], const char *name,
              const struct envl_octets *in_use, struct envl_err *err)
{
    struct envl_octets file = { NULL, 0 };
    enum envelope_reason rc;

    rc = envl_file_read(&file, name, FILE_LEN_MAX, in_use, err);
    if (rc != ENVELOPE_OK)
        return rc;
    if (decode(kek, &file))
        rc = envl_kek_check(kek, name, err);
    else
        rc = envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                       "%s: a key-encryption key is 32 bytes or 64 "
                       "hexadecimal digits, as openssl rand -hex 32 makes them",
                       name);
    envl_octets_clear(&file);
    return rc;
}
