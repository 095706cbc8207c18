/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the blobs in OpenSSH's files: lines, blocks, base64. */
#include "lib/keys/openssh.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "lib/base/wire.h"
#include "lib/keys/openssh_key.h"

#define BASE64_LEN_MAX 65536

static const char block_begin[] = "-----BEGIN OPENSSH PRIVATE KEY-----";
static const char block_end[] = "-----END OPENSSH PRIVATE KEY-----";
static const char pem_begin[] = "-----BEGIN ";

/* Recognising */

/* How the types of public keys begin, also of types that are refused later. */
static const char *const types[] = { "ssh-", "ecdsa-sha2-", "sk-ssh-",
                                     "sk-ecdsa-" };

static bool
is_type(struct envl_span word)
{
    size_t i;

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (envl_span_begins(word, types[i]))
            return true;
    }
    return false;
}

/* Does the line have a public key, perhaps after other words? */
static bool
has_public_key(struct envl_span line)
{
    struct envl_span word, next;

    if (line.len == 0 || line.data[0] == '#')
        return false;
    next = envl_ssh_next_word(&line);
    if (envl_span_is(next, "ssh-rsa"))
        return true;
    while (next.len > 0) {
        word = next;
        next = envl_ssh_next_word(&line);
        /* Every blob begins with the type's length, in four bytes. */
        if (is_type(word) && envl_span_begins(next, "AAAA"))
            return true;
    }
    return false;
}

bool
envl_openssh_is_line(const unsigned char *data, size_t len)
{
    struct envl_ssh_lines lines = { .left = { data, len } };
    struct envl_span line;

    return envl_ssh_next_line(&lines, &line)
           && (envl_span_is(line, block_begin) || has_public_key(line));
}

/* Base64 */

/* libcrypto's decoder ignores white space, early ends and stray bits. */
static bool
is_strict_base64(struct envl_span text, size_t *padding)
{
    size_t i, len = text.len;

    if (len == 0 || len % 4 != 0 || len > BASE64_LEN_MAX)
        return false;
    while (text.len - len < 2 && text.data[len - 1] == '=')
        len--;
    for (i = 0; i < len; i++) {
        if (!envl_key_text_is_base64(text.data[i]))
            return false;
    }
    *padding = text.len - len;
    return true;
}

static enum envelope_reason
damaged(const char *name, struct envl_err *err)
{
    return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY, "%s: %s", name,
                     ENVL_OPENSSH_DAMAGED);
}

/* The caller clears *blob, also after a failure. */
static enum envelope_reason
decode(struct envl_octets *blob, struct envl_span text, const char *name,
       struct envl_err *err)
{
    size_t padding, i;
    int len;

    if (!is_strict_base64(text, &padding))
        return damaged(name, err);
    blob->data = OPENSSL_malloc(text.len);
    if (blob->data == NULL)
        return envl_fail_memory(err);
    blob->len = text.len; /* so that a failure wipes all of it */
    len = EVP_DecodeBlock(blob->data, text.data, (int)text.len);
    if (len < 0 || (size_t)len <= padding)
        return damaged(name, err);
    for (i = 1; i <= padding; i++) {
        if (blob->data[(size_t)len - i] != 0)
            return damaged(name, err);
    }
    blob->len = (size_t)len - padding;
    return ENVELOPE_OK;
}

/* Keys */

/* Does the blob begin with the type that the line names before it? */
static bool
is_of_type(const struct envl_octets *blob, struct envl_span type)
{
    const size_t before = sizeof(uint32_t);

    return blob->len >= before && blob->len - before >= type.len
           && envl_get_be32(blob->data) == type.len
           && memcmp(blob->data + before, type.data, type.len) == 0;
}

static enum envelope_reason
read_public(struct envl_key_item *item, const struct envl_libctx *ctx,
            struct envl_span line, struct envl_err *err)
{
    struct envl_span rest = line, type = envl_ssh_next_word(&rest),
                     text = envl_ssh_next_word(&rest);
    struct envl_octets blob = { 0 };
    enum envelope_reason rc;

    if (envl_span_begins(line, pem_begin))
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "%s: a PEM block among OpenSSH keys: give it in a "
                         "file of its own",
                         item->name);
    if (!is_type(type))
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         has_public_key(line)
                             ? "%s: something stands in front of an OpenSSH "
                               "key, such as options: leave it out"
                             : "%s: not an OpenSSH key",
                         item->name);
    if (envl_key_text_has_blob(rest.data, rest.len))
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "%s: something that looks like another key stands "
                         "after the key: each needs a line of its own",
                         item->name);
    rc = decode(&blob, text, item->name, err);
    if (rc == ENVELOPE_OK && !is_of_type(&blob, type))
        rc = damaged(item->name, err);
    if (rc == ENVELOPE_OK)
        rc = envl_openssh_key_public(&item->public_key, ctx, &blob, item->name,
                                     err);
    envl_octets_clear(&blob);
    return rc;
}

/* Join the base64 lines of a block, up to its END line; false if that line is
 * missing or the base64 is longer than room. */
static bool
join_lines(struct envl_ssh_lines *lines, unsigned char *to, size_t room,
           size_t *len)
{
    struct envl_span line;

    *len = 0;
    while (envl_ssh_next_line(lines, &line)) {
        if (envl_span_is(line, block_end))
            return true;
        if (line.len > room - *len)
            return false;
        memcpy(to + *len, line.data, line.len);
        *len += line.len;
    }
    return false;
}

static enum envelope_reason
read_private(struct envl_key_item *item, const struct envl_libctx *ctx,
             struct envl_ssh_lines *lines, struct envl_err *err)
{
    unsigned char *text = OPENSSL_malloc(BASE64_LEN_MAX);
    struct envl_octets blob = { 0 };
    enum envelope_reason rc;
    size_t len;

    if (text == NULL)
        return envl_fail_memory(err);
    if (join_lines(lines, text, BASE64_LEN_MAX, &len))
        rc = decode(&blob, (struct envl_span){ text, len }, item->name, err);
    else
        rc = damaged(item->name, err);
    if (rc == ENVELOPE_OK)
        rc = envl_openssh_key_private(&item->private_key, ctx, &blob,
                                      item->name, err);
    envl_octets_clear(&blob);
    OPENSSL_clear_free(text, BASE64_LEN_MAX);
    return rc;
}

/* Read the key that begins in this line. */
static enum envelope_reason
read_key(const struct envl_key_reader *reader, struct envl_key_item item,
         struct envl_span line, struct envl_ssh_lines *lines,
         struct envl_err *err)
{
    enum envelope_reason rc;

    if (envl_span_is(line, block_begin))
        rc = read_private(&item, reader->ctx, lines, err);
    else
        rc = read_public(&item, reader->ctx, line, err);
    if (rc == ENVELOPE_OK)
        rc = reader->take(reader->arg, &item, err);
    EVP_PKEY_free(item.private_key);
    EVP_PKEY_free(item.public_key);
    return rc;
}

enum envelope_reason
envl_openssh_read_public(const struct envl_key_reader *reader,
                         const struct envl_key_item *origin,
                         struct envl_span line, struct envl_err *err)
{
    struct envl_key_item item = *origin;
    enum envelope_reason rc;

    ERR_set_mark();
    rc = read_public(&item, reader->ctx, line, err);
    if (rc == ENVELOPE_OK)
        rc = reader->take(reader->arg, &item, err);
    EVP_PKEY_free(item.public_key);
    if (rc == ENVELOPE_OK)
        ERR_pop_to_mark();
    else
        ERR_clear_last_mark();
    return rc;
}

enum envelope_reason
envl_openssh_read(const struct envl_key_reader *reader,
                  const struct envl_key_text *text,
                  const struct envl_key_item *origin, struct envl_err *err)
{
    struct envl_ssh_lines lines = { .left = { text->data, text->len } };
    enum envelope_reason rc = ENVELOPE_OK;
    char name[ENVL_DETAIL_MAX]; /* with the line */
    struct envl_key_item item = *origin;
    struct envl_span line;

    item.name = name;
    /* libcrypto's checks may leave error records even for a good key. */
    ERR_set_mark();
    while (rc == ENVELOPE_OK && envl_ssh_next_line(&lines, &line)) {
        if (line.len == 0 || line.data[0] == '#')
            continue;
        (void)snprintf(name, sizeof(name), "%s, line %zu", origin->name,
                       lines.number);
        rc = read_key(reader, item, line, &lines, err);
    }
    if (rc == ENVELOPE_OK)
        ERR_pop_to_mark();
    else
        ERR_clear_last_mark();
    return rc;
}
