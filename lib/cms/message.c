/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reader and writer of the frame, which is all but the RecipientInfos, are both
 * here.  The frame has one form: all but lengths, nonce, content and tag is
 * compared with constants.
 */
#include "lib/cms/message.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "lib/base/algorithms.h"

/* clang-format off */
static const unsigned char content_type[] = { /* id-ct-authEnvelopedData */
    ENVL_DER_OID, 11,
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x17
};
static const unsigned char version[] = { 0 };

/* EncryptedContentInfo (RFC 5652, 6.1), up to the nonce, and after it. */
static const unsigned char id_data[] = {
    ENVL_DER_OID, 9,
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01
};
static const unsigned char aes_256_gcm[] = {
    ENVL_DER_OID, 9,
    0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2e
};
static const unsigned char tag_len[] = { ENVL_DER_INTEGER, 1, ENVL_GCM_TAG_LEN };
/* clang-format on */

#define TAG_BODY (ENVL_DER_CONSTRUCTED + 0)
#define TAG_CONTENT (ENVL_DER_CONTEXT + 0)

/* More bytes than the frame has. */
#define FRAME_LEN_MAX 160

/* Reading */

/* AlgorithmIdentifier with GCMParameters (RFC 5084): a nonce of 12 bytes, a tag
 * of 16. */
static bool
take_cipher(struct envl_message *message, struct envl_der *in)
{
    struct envl_der cipher, parameters;

    return envl_der_take(in, ENVL_DER_SEQUENCE, &cipher)
           && envl_der_take_just(&cipher, aes_256_gcm, sizeof(aes_256_gcm))
           && envl_der_take(&cipher, ENVL_DER_SEQUENCE, &parameters)
           && cipher.len == 0
           && envl_der_take_octets(&parameters, ENVL_DER_OCTETS, message->nonce,
                                   sizeof(message->nonce))
           && envl_der_is(&parameters, tag_len, sizeof(tag_len));
}

/* Read EncryptedContentInfo and mac; returns what is wrong with them, or
 * NULL. */
static const char *
read_content(struct envl_message *message, struct envl_der in)
{
    struct envl_der content, mac;

    if (!envl_der_take(&in, ENVL_DER_SEQUENCE, &content)
        || !envl_der_take(&in, ENVL_DER_OCTETS, &mac) || in.len > 0)
        return "it is not a CMS AuthEnvelopedData message";
    if (!envl_der_take_just(&content, id_data, sizeof(id_data)))
        return "its content is not of type data";
    if (!take_cipher(message, &content) || mac.len != sizeof(message->tag))
        return "its content is not encrypted with AES-256-GCM, 12-byte nonce "
               "and 16-byte tag";
    memcpy(message->tag, mac.p, mac.len);
    if (!envl_der_take_octets(&content, TAG_CONTENT, message->content,
                              sizeof(message->content))
        || content.len > 0)
        return "its content is not a data key of 32 bytes";
    return NULL;
}

static const char *
read_infos(struct envl_message *message, struct envl_der in, size_t count)
{
    struct envl_message_info *info;

    while (message->count < count) {
        info = &message->infos[message->count++];
        info->owned = NULL;
        (void)envl_der_take_whole(&in, ENVL_DER_ANY, &info->der);
    }
    return count > 0 ? NULL : "it has no recipients";
}

/* Count the RecipientInfos, up to one more than the limit. */
static size_t
count_infos(struct envl_der in)
{
    struct envl_der element;
    size_t n = 0;

    while (n <= ENVL_RECIPIENT_COUNT_MAX
           && envl_der_take_whole(&in, ENVL_DER_ANY, &element))
        n++;
    return n;
}

/* AuthEnvelopedData (RFC 5083, 2.1). */
struct frame {
    struct envl_der version, infos, rest;
};

static bool
take_frame(struct frame *frame, struct envl_der in)
{
    struct envl_der outer, body;

    return envl_der_take(&in, ENVL_DER_SEQUENCE, &outer) && in.len == 0
           && envl_der_take_just(&outer, content_type, sizeof(content_type))
           && envl_der_take(&outer, TAG_BODY, &body) && outer.len == 0
           && envl_der_take(&body, ENVL_DER_SEQUENCE, &frame->rest)
           && body.len == 0
           && envl_der_take(&frame->rest, ENVL_DER_INTEGER, &frame->version)
           && envl_der_take(&frame->rest, ENVL_DER_SET, &frame->infos);
}

/* Room for n RecipientInfos. */
static bool
grow(struct envl_message *message, size_t n)
{
    struct envl_message_info *infos;

    if (n <= message->size)
        return true;
    infos = OPENSSL_realloc(message->infos, n * sizeof(*infos));
    if (infos == NULL)
        return false;
    message->infos = infos;
    message->size = n;
    return true;
}

enum envelope_reason
envl_message_read(struct envl_message *message, const unsigned char *der,
                  size_t len, struct envl_err *err)
{
    const struct envl_der in = { der, len };
    const char *fault = NULL;
    struct frame frame;
    size_t count = 0;

    *message = (struct envl_message){ .count = 0 };
    if (!take_frame(&frame, in))
        fault =
            "it is not a CMS AuthEnvelopedData message in DER, or has bytes "
            "left over";
    else if ((count = count_infos(frame.infos)) > ENVL_RECIPIENT_COUNT_MAX)
        fault = "it has more than 1,024 recipients";
    else if (!envl_der_is_valid(der, len))
        fault = "it is not in DER, or a SET OF in it is not sorted";
    else if (!envl_der_is(&frame.version, version, sizeof(version)))
        fault = "its version number is not 0";
    if (fault == NULL && (fault = read_content(message, frame.rest)) == NULL) {
        if (!grow(message, count))
            return envl_fail_memory(err);
        fault = read_infos(message, frame.infos, count);
    }
    return fault == NULL ? ENVELOPE_OK
                         : envl_fail(err, ENVELOPE_R_KEY_ENVELOPE, "%s", fault);
}

void
envl_message_clear(struct envl_message *message)
{
    size_t i;

    for (i = 0; i < message->count; i++)
        OPENSSL_free(message->infos[i].owned);
    OPENSSL_free(message->infos);
    *message = (struct envl_message){ .count = 0 };
}

/* Changing */

enum envelope_reason
envl_message_add(struct envl_message *message, const struct envl_der *info,
                 struct envl_err *err)
{
    unsigned char *owned;

    if (message->count == message->size
        && !grow(message, message->size > 0 ? 2 * message->size : 4))
        return envl_fail_memory(err);
    if ((owned = OPENSSL_memdup(info->p, info->len)) == NULL)
        return envl_fail_memory(err);
    message->infos[message->count++] =
        (struct envl_message_info){ { owned, info->len }, owned };
    return ENVELOPE_OK;
}

void
envl_message_drop(struct envl_message *message, size_t i)
{
    OPENSSL_free(message->infos[i].owned);
    message->count--;
    memmove(&message->infos[i], &message->infos[i + 1],
            (message->count - i) * sizeof(*message->infos));
}

bool
envl_message_has(const struct envl_message *message,
                 const struct envl_der *info)
{
    size_t i;

    for (i = 0; i < message->count; i++) {
        if (envl_der_is(&message->infos[i].der, info->p, info->len))
            return true;
    }
    return false;
}

/* Writing */

static int
compare_infos(const void *a, const void *b)
{
    const struct envl_message_info *one = a, *other = b;

    return envl_der_compare(&one->der, &other->der);
}

static void
put_content(struct envl_der_writer *w, const struct envl_message *message)
{
    size_t since = envl_der_len(w), cipher;

    envl_der_put_element(w, TAG_CONTENT, message->content,
                         sizeof(message->content));
    cipher = envl_der_len(w);
    envl_der_put(w, tag_len, sizeof(tag_len));
    envl_der_put_element(w, ENVL_DER_OCTETS, message->nonce,
                         sizeof(message->nonce));
    envl_der_wrap(w, ENVL_DER_SEQUENCE, cipher);
    envl_der_put(w, aes_256_gcm, sizeof(aes_256_gcm));
    envl_der_wrap(w, ENVL_DER_SEQUENCE, cipher);
    envl_der_put(w, id_data, sizeof(id_data));
    envl_der_wrap(w, ENVL_DER_SEQUENCE, since);
}

enum envelope_reason
envl_message_write(struct envl_message *message, unsigned char **der,
                   size_t *len, struct envl_err *err)
{
    struct envl_der_writer w;
    struct envl_der written;
    size_t i, size = FRAME_LEN_MAX, since;

    for (i = 0; i < message->count; i++)
        size += message->infos[i].der.len;
    if ((*der = OPENSSL_malloc(size)) == NULL)
        return envl_fail_memory(err);
    if (message->count > 1)
        qsort(message->infos, message->count, sizeof(*message->infos),
              compare_infos);

    envl_der_begin(&w, *der, size);
    envl_der_put_element(&w, ENVL_DER_OCTETS, message->tag,
                         sizeof(message->tag));
    put_content(&w, message);
    since = envl_der_len(&w);
    for (i = message->count; i-- > 0;)
        envl_der_put(&w, message->infos[i].der.p, message->infos[i].der.len);
    envl_der_wrap(&w, ENVL_DER_SET, since);
    envl_der_put_element(&w, ENVL_DER_INTEGER, version, sizeof(version));
    envl_der_wrap(&w, ENVL_DER_SEQUENCE, 0);
    envl_der_wrap(&w, TAG_BODY, 0);
    envl_der_put(&w, content_type, sizeof(content_type));
    envl_der_wrap(&w, ENVL_DER_SEQUENCE, 0);

    written = envl_der_written(&w);
    *len = written.len;
    memmove(*der, written.p, written.len);
    return ENVELOPE_OK;
}

/* The content */

enum envelope_reason
envl_message_encrypt(struct envl_message *message,
                     const struct envl_libctx *ctx,
                     const unsigned char cek[ENVL_CEK_LEN],
                     const unsigned char *nonce, const unsigned char *dek,
                     struct envl_err *err)
{
    EVP_CIPHER *aead = envl_fetch_cipher(ctx, ENVL_AES_256_GCM);
    EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
    enum envelope_reason rc = ENVELOPE_OK;
    unsigned char none[1];
    int n = 0, last = 0;

    memcpy(message->nonce, nonce, sizeof(message->nonce));
    if (aead == NULL || gcm == NULL
        || !EVP_EncryptInit_ex2(gcm, aead, cek, nonce, NULL)
        || !EVP_EncryptUpdate(gcm, message->content, &n, dek, ENVL_DEK_LEN)
        || n != ENVL_DEK_LEN || !EVP_EncryptFinal_ex(gcm, none, &last)
        || last != 0
        || EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, ENVL_GCM_TAG_LEN,
                               message->tag)
               <= 0)
        rc = envl_fail_crypto(err, "wrap the data key");
    EVP_CIPHER_CTX_free(gcm);
    EVP_CIPHER_free(aead);
    return rc;
}

bool
envl_message_decrypt(const struct envl_message *message,
                     const struct envl_libctx *ctx,
                     const unsigned char cek[ENVL_CEK_LEN], unsigned char *dek)
{
    EVP_CIPHER *aead = envl_fetch_cipher(ctx, ENVL_AES_256_GCM);
    EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
    unsigned char tag[ENVL_GCM_TAG_LEN], none[1];
    int n = 0;
    bool good;

    memcpy(tag, message->tag, sizeof(tag)); /* libcrypto takes no const */
    good =
        aead != NULL && gcm != NULL
        && EVP_DecryptInit_ex2(gcm, aead, cek, message->nonce, NULL)
        && EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_SET_TAG, sizeof(tag), tag) > 0
        && EVP_DecryptUpdate(gcm, dek, &n, message->content, ENVL_DEK_LEN)
        && EVP_DecryptFinal_ex(gcm, none, &n) > 0;
    if (!good)
        OPENSSL_cleanse(dek, ENVL_DEK_LEN);
    EVP_CIPHER_CTX_free(gcm);
    EVP_CIPHER_free(aead);
    return good;
}
