/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a file's first line as the passphrase, and wipes the rest. */
#include "lib/keys/passphrase.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "lib/base/file.h"

/* Bytes that a passphrase file may have; only its first line counts. */
#define FILE_LEN_MAX 4096

static bool
begins_with(const struct envl_octets *octets, const char *text)
{
    size_t len = strlen(text);

    return octets->len >= len && memcmp(octets->data, text, len) == 0;
}

enum envelope_reason
envl_passphrase_check(const struct envl_octets *passphrase, const char *name,
                      struct envl_err *err)
{
    const char *why = NULL;

    if (passphrase->len == 0 || passphrase->len > ENVL_PASSPHRASE_LEN_MAX)
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "%s: a passphrase has 1 to %d bytes", name,
                         ENVL_PASSPHRASE_LEN_MAX);
    if (begins_with(passphrase, "\xff\xfe")
        || begins_with(passphrase, "\xfe\xff"))
        why = "it is UTF-16 text: save it as UTF-8";
    else if (begins_with(passphrase, "\xef\xbb\xbf"))
        why = "it begins with a byte order mark, which nobody types: save it "
              "without one";
    else if (memchr(passphrase->data, '\0', passphrase->len) != NULL)
        why = "it has a NUL byte: is it UTF-16 text?";
    else if (memchr(passphrase->data, '\r', passphrase->len) != NULL
             || memchr(passphrase->data, '\n', passphrase->len) != NULL)
        why = "it has a carriage return or a line feed within";
    return why == NULL
               ? ENVELOPE_OK
               : envl_fail(err, ENVELOPE_R_UNREADABLE_KEY, "%s: %s", name, why);
}

/* Keep the first line, without its LF or CR LF, if it is good. */
static enum envelope_reason
keep_line(struct envl_octets *passphrase, const char *name,
          struct envl_err *err)
{
    unsigned char *end = memchr(passphrase->data, '\n', passphrase->len);
    size_t len = passphrase->len;
    enum envelope_reason rc;

    if (end != NULL)
        len = (size_t)(end - passphrase->data);
    if (end != NULL && len > 0 && passphrase->data[len - 1] == '\r')
        len--;
    OPENSSL_cleanse(passphrase->data + len, passphrase->len - len);
    passphrase->len = len;
    rc = envl_passphrase_check(passphrase, name, err);
    if (rc != ENVELOPE_OK)
        envl_octets_clear(passphrase);
    return rc;
}

static enum envelope_reason
read_file(struct envl_octets *passphrase,
          const struct envl_key_settings *settings, struct envl_err *err)
{
    const char *path = settings->passphrase_file;
    char name[ENVL_DETAIL_MAX];
    enum envelope_reason rc;

    rc = envl_file_read(passphrase, path, FILE_LEN_MAX, &settings->in_use, err);
    (void)snprintf(name, sizeof(name), "passphrase file %s", path);
    return rc == ENVELOPE_OK ? keep_line(passphrase, name, err) : rc;
}

enum envelope_reason
envl_passphrase_load(struct envl_octets *passphrase,
                     const struct envl_key_settings *settings,
                     struct envl_err *err)
{
    const struct envl_octets *given = &settings->passphrase;
    enum envelope_reason rc;

    *passphrase = (struct envl_octets){ 0 };
    if (given->data == NULL)
        return settings->passphrase_file != NULL
                   ? read_file(passphrase, settings, err)
                   : ENVELOPE_OK;
    rc = envl_passphrase_check(given, "the passphrase", err);
    if (rc == ENVELOPE_OK
        && !envl_octets_set(passphrase, given->data, given->len))
        rc = envl_fail_memory(err);
    return rc;
}

enum envelope_reason
envl_passphrase_read(struct envl_octets *passphrase, int fd,
                     const struct envl_octets *in_use, struct envl_err *err)
{
    enum envelope_reason rc;
    char name[32];

    *passphrase = (struct envl_octets){ 0 };
    rc = envl_file_read_line(passphrase, fd, FILE_LEN_MAX, in_use, err);
    (void)snprintf(name, sizeof(name), "descriptor %d", fd);
    return rc == ENVELOPE_OK ? keep_line(passphrase, name, err) : rc;
}
