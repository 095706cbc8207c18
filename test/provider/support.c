/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contexts, streams, keys and errors for the API tests.  It knows the public
 * headers only, as a program would.
 */
#include "support.h"
#include "test/support/certificate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/encoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

/* What output buffers hold before a call: neither zero nor likely text. */
#define POISON 0xa5

/* Contexts */

void
support_open(struct support *s, enum support_beside beside)
{
    *s = (struct support){ .libctx = OSSL_LIB_CTX_new() };
    assert_non_null(s->libctx);
    assert_non_null(getenv("ENVELOPE_MODULES"));
    assert_true(OSSL_PROVIDER_set_default_search_path(
        s->libctx, getenv("ENVELOPE_MODULES")));
    if (beside == SUPPORT_WITH_DEFAULT) {
        s->beside = OSSL_PROVIDER_load(s->libctx, "default");
        assert_non_null(s->beside);
    }
    s->provider = OSSL_PROVIDER_load(s->libctx, ENVELOPE_PROVIDER_NAME);
    assert_non_null(s->provider);
    s->cipher = EVP_CIPHER_fetch(s->libctx, ENVELOPE_CIPHER_NAME, NULL);
    assert_non_null(s->cipher);
    assert_no_errors();
}

void
support_close(struct support *s)
{
    EVP_CIPHER_free(s->cipher);
    assert_true(OSSL_PROVIDER_unload(s->provider));
    if (s->beside != NULL)
        assert_true(OSSL_PROVIDER_unload(s->beside));
    OSSL_LIB_CTX_free(s->libctx);
    *s = (struct support){ 0 };
}

int
support_group_setup(void **state)
{
    static struct support s;

    support_open(&s, SUPPORT_WITH_DEFAULT);
    *state = &s;
    return 0;
}

int
support_group_teardown(void **state)
{
    support_close(*state);
    return 0;
}

/* Bytes */

void *
support_malloc(size_t len)
{
    void *p = malloc(len > 0 ? len : 1);

    if (p == NULL)
        abort();
    return p;
}

struct octets
support_octets(const void *data, size_t len)
{
    struct octets octets = { support_malloc(len), len };

    if (len > 0)
        memcpy(octets.data, data, len);
    return octets;
}

struct octets
support_join(struct octets a, struct octets b)
{
    struct octets both = { support_malloc(a.len + b.len), a.len + b.len };

    if (a.len > 0)
        memcpy(both.data, a.data, a.len);
    if (b.len > 0)
        memcpy(both.data + a.len, b.data, b.len);
    return both;
}

void
support_drop(struct octets *octets)
{
    free(octets->data);
    *octets = (struct octets){ 0 };
}

/* splitmix64: every seed gives another sequence. */
struct octets
support_noise(size_t len, uint64_t seed)
{
    struct octets octets = { support_malloc(len), len };
    uint64_t x = 0;
    size_t i;

    for (i = 0; i < len; i++, x >>= 8) {
        if (i % 8 == 0) {
            seed += UINT64_C(0x9e3779b97f4a7c15);
            x = (seed ^ (seed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
            x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
            x ^= x >> 31;
        }
        octets.data[i] = (unsigned char)x;
    }
    return octets;
}

const unsigned char support_kek[ENVELOPE_KEY_LENGTH] = {
    0x10, 0x21, 0x32, 0x43, 0x54, 0x65, 0x76, 0x87, 0x98, 0xa9, 0xba,
    0xcb, 0xdc, 0xed, 0xfe, 0x0f, 0x01, 0x12, 0x23, 0x34, 0x45, 0x56,
    0x67, 0x78, 0x89, 0x9a, 0xab, 0xbc, 0xcd, 0xde, 0xef, 0xf0
};
const unsigned char support_other_kek[ENVELOPE_KEY_LENGTH] = {
    0x11, 0x21, 0x32, 0x43, 0x54, 0x65, 0x76, 0x87, 0x98, 0xa9, 0xba,
    0xcb, 0xdc, 0xed, 0xfe, 0x0f, 0x01, 0x12, 0x23, 0x34, 0x45, 0x56,
    0x67, 0x78, 0x89, 0x9a, 0xab, 0xbc, 0xcd, 0xde, 0xef, 0xf0
};

/* Parameters */

void
support_params_init(struct support_params *params)
{
    params->count = 0;
    params->list[0] = OSSL_PARAM_construct_end();
}

static void
add(struct support_params *params, OSSL_PARAM param)
{
    assert_true(params->count + 1 < COUNT_OF(params->list));
    params->list[params->count++] = param;
    params->list[params->count] = OSSL_PARAM_construct_end();
}

void
support_add_text(struct support_params *params, const char *name,
                 const char *text)
{
    add(params,
        OSSL_PARAM_construct_utf8_string(name, (char *)(uintptr_t)text, 0));
}

void
support_add_octets(struct support_params *params, const char *name,
                   const void *data, size_t len)
{
    add(params,
        OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)data, len));
}

void
support_add_number(struct support_params *params, const char *name,
                   uint64_t number)
{
    params->numbers[params->count] = number;
    add(params,
        OSSL_PARAM_construct_uint64(name, &params->numbers[params->count]));
}

/* Streams */

EVP_CIPHER_CTX *
support_init(const struct support *s, enum support_direction direction,
             const unsigned char *key, const OSSL_PARAM *params)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    assert_non_null(ctx);
    if (!EVP_CipherInit_ex2(ctx, s->cipher, key, NULL, (int)direction,
                            params)) {
        ERR_print_errors_fp(stderr);
        fail_msg("EVP_CipherInit_ex2");
    }
    assert_no_errors();
    return ctx;
}

size_t
support_room(const struct support_how *how, enum support_direction direction,
             size_t in_len, bool final)
{
    if (how->has_slack)
        return in_len + how->slack;
    if (direction == SUPPORT_OPEN)
        return in_len;
    if (final)
        return ENVELOPE_BLOCK_SIZE;
    return in_len
           + (in_len <= ENVELOPE_SMALL_UPDATE ? ENVELOPE_UPDATE_SLACK
                                              : ENVELOPE_BLOCK_SIZE);
}

/* Room for len bytes, in steps that make many small appends cheap. */
static size_t
capacity(size_t len)
{
    size_t size = 256;

    while (size < len)
        size *= 2;
    return size;
}

/* out began as { 0 } and has grown by this function only. */
static void
append(struct octets *out, const unsigned char *data, size_t len)
{
    if (len == 0)
        return;
    if (out->data == NULL || capacity(out->len) != capacity(out->len + len)) {
        out->data = realloc(out->data, capacity(out->len + len));
        if (out->data == NULL)
            abort();
    }
    memcpy(out->data + out->len, data, len);
    out->len += len;
}

/* Nothing but what was there before, or the zeros of a wipe. */
static void
assert_untouched(const unsigned char *p, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        if (p[i] != POISON && p[i] != 0)
            fail_msg("byte %zu of %zu after the output is 0x%02x", i, len,
                     p[i]);
    }
}

static void
check_call(int ok, int n, const unsigned char *buf, size_t room, bool poisoned,
           struct octets *out)
{
    assert_in_range(ok, 0, 1);
    if (n < 0 || (size_t)n > room)
        fail_msg("%d bytes came out where at most %zu may", n, room);
    if (!ok)
        assert_int_equal(n, 0);
    else
        assert_no_errors();
    if (poisoned)
        assert_untouched(buf + n, room - (size_t)n);
    append(out, buf, (size_t)n);
}

static enum support_direction
direction_of(const EVP_CIPHER_CTX *ctx)
{
    return EVP_CIPHER_CTX_is_encrypting(ctx) ? SUPPORT_SEAL : SUPPORT_OPEN;
}

bool
support_update(EVP_CIPHER_CTX *ctx, const struct support_how *how,
               const void *in, size_t len, struct octets *out)
{
    size_t room = support_room(how, direction_of(ctx), len, false);
    unsigned char *buf = support_malloc(room), *from = buf;
    int n = -1, ok;

    /* The copy of the input is as long as it is, for AddressSanitizer. */
    if (!how->in_place) {
        memset(buf, POISON, room);
        from = support_malloc(len);
    }
    if (len > 0)
        memcpy(from, in, len);
    ok = EVP_CipherUpdate(ctx, buf, &n, from, (int)len);
    if (!how->in_place && len > 0)
        assert_memory_equal(from, in, len);
    check_call(ok, n, buf, room, !how->in_place, out);
    if (from != buf)
        free(from);
    free(buf);
    if (ok && how->after != NULL)
        how->after(ctx, out);
    return ok;
}

bool
support_final(EVP_CIPHER_CTX *ctx, const struct support_how *how,
              struct octets *out)
{
    size_t room = support_room(how, direction_of(ctx), 0, true);
    unsigned char *buf = support_malloc(room);
    int n = -1, ok;

    memset(buf, POISON, room > 0 ? room : 1);
    ok = EVP_CipherFinal_ex(ctx, buf, &n);
    check_call(ok, n, buf, room, true, out);
    if (room == 0)
        assert_int_equal(buf[0], POISON);
    free(buf);
    if (ok && how->after != NULL)
        how->after(ctx, out);
    return ok;
}

bool
support_run(EVP_CIPHER_CTX *ctx, const struct support_how *how, const void *in,
            size_t len, struct octets *out)
{
    const unsigned char *p = in;
    size_t n;

    for (; len > 0; p += n, len -= n) {
        n = how->cut > 0 && how->cut < len ? how->cut : len;
        if (!support_update(ctx, how, p, n, out))
            return false;
    }
    return support_final(ctx, how, out);
}

struct octets
support_seal(const struct support *s, const unsigned char *key,
             const OSSL_PARAM *params, const struct support_how *how,
             const void *in, size_t len)
{
    static const struct support_how at_once = { 0 };
    EVP_CIPHER_CTX *ctx = support_init(s, SUPPORT_SEAL, key, params);
    struct octets out = { 0 };

    if (!support_run(ctx, how != NULL ? how : &at_once, in, len, &out)) {
        ERR_print_errors_fp(stderr);
        fail_msg("encryption failed");
    }
    EVP_CIPHER_CTX_free(ctx);
    return out;
}

bool
support_opens(const struct support *s, const unsigned char *key,
              const OSSL_PARAM *params, const struct support_how *how,
              struct octets in, struct octets *out)
{
    static const struct support_how at_once = { 0 };
    EVP_CIPHER_CTX *ctx = support_init(s, SUPPORT_OPEN, key, params);
    bool ok;

    *out = (struct octets){ 0 };
    ok = support_run(ctx, how != NULL ? how : &at_once, in.data, in.len, out);
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

size_t
support_get(EVP_CIPHER_CTX *ctx, const char *name)
{
    uint64_t number = UINT64_MAX;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_uint64(name, &number),
        OSSL_PARAM_construct_end(),
    };

    assert_true(EVP_CIPHER_CTX_get_params(ctx, params));
    assert_true(number <= SIZE_MAX);
    return (size_t)number;
}

struct octets
support_header(EVP_CIPHER_CTX *ctx)
{
    struct octets header = { NULL,
                             support_get(ctx, ENVELOPE_PARAM_HEADER_LENGTH) };
    OSSL_PARAM params[2];

    assert_in_range(header.len, PRELUDE_LEN + 1, 2097152);
    header.data = support_malloc(header.len);
    params[0] = OSSL_PARAM_construct_octet_string(ENVELOPE_PARAM_HEADER,
                                                  header.data, header.len);
    params[1] = OSSL_PARAM_construct_end();
    assert_true(EVP_CIPHER_CTX_get_params(ctx, params));
    assert_int_equal(params[0].return_size, header.len);
    return header;
}

size_t
support_stream_length(size_t header_len, size_t text_len)
{
    return header_len + ENVELOPE_PAYLOAD_START_LENGTH + text_len
           + TAG_LEN * (text_len / ENVELOPE_CHUNK_LENGTH + 1);
}

/* Errors */

static bool
is_ours(unsigned long code)
{
    const char *lib = ERR_lib_error_string(code);

    return lib != NULL && strcmp(lib, ENVELOPE_PROVIDER_NAME) == 0;
}

int
support_take_reason(const char *file, int line)
{
    const char *data = NULL;
    unsigned long code, last = 0;
    int flags = 0, count = 0;

    while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0) {
        count += is_ours(code);
        last = code;
    }
    if (count == 1 && is_ours(last))
        return ERR_GET_REASON(last);
    print_error("%d records of the provider, the newest %s\n", count,
                last != 0 ? ERR_error_string(last, NULL) : "none");
    _fail(file, line);
    return -1;
}

void
support_expect_reason(int reason, const char *word, const char *file, int line)
{
    const char *data = NULL, *text = NULL;
    unsigned long last;
    char detail[512] = "";
    int flags = 0, got;

    last = ERR_peek_last_error_data(&data, &flags);
    text = ERR_reason_error_string(last);
    if (data != NULL && (flags & ERR_TXT_STRING) != 0)
        (void)snprintf(detail, sizeof(detail), "%s", data);
    got = support_take_reason(file, line);
    if (got == reason && strstr(detail, word) != NULL && text != NULL)
        return;
    print_error("reason %d, not %d with \"%s\": %s: %s\n", got, reason, word,
                text != NULL ? text : "no text", detail);
    _fail(file, line);
}

void
support_assert_no_errors(const char *file, int line)
{
    if (ERR_peek_error() == 0)
        return;
    print_error("records are left:\n");
    ERR_print_errors_fp(stderr);
    _fail(file, line);
}

/* Keys */

EVP_PKEY *
support_keygen(const struct support *s, const char *type, const char *curve,
               size_t bits)
{
    EVP_PKEY_CTX *pctx;
    EVP_PKEY *key = NULL;

    ERR_set_mark();
    if (curve != NULL) {
        key = EVP_PKEY_Q_keygen(s->libctx, NULL, type, curve);
    } else if (bits > 0) {
        key = EVP_PKEY_Q_keygen(s->libctx, NULL, type, bits);
    } else { /* of any name, which EVP_PKEY_Q_keygen() does not take */
        pctx = EVP_PKEY_CTX_new_from_name(s->libctx, type, NULL);
        if (pctx == NULL || EVP_PKEY_keygen_init(pctx) <= 0
            || EVP_PKEY_generate(pctx, &key) <= 0)
            key = NULL;
        EVP_PKEY_CTX_free(pctx);
    }
    ERR_pop_to_mark();
    return key;
}

static struct octets
encode(EVP_PKEY *key, int selection, const char *format, const char *structure,
       const char *passphrase)
{
    OSSL_ENCODER_CTX *ctx =
        OSSL_ENCODER_CTX_new_for_pkey(key, selection, format, structure, NULL);
    struct octets out = { 0 };
    unsigned char *data = NULL;
    size_t len = 0;

    assert_non_null(ctx);
    if (passphrase != NULL) {
        assert_true(OSSL_ENCODER_CTX_set_cipher(ctx, "AES-256-CBC", NULL));
        assert_true(OSSL_ENCODER_CTX_set_passphrase(
            ctx, (const unsigned char *)passphrase, strlen(passphrase)));
    }
    assert_true(OSSL_ENCODER_to_data(ctx, &data, &len));
    out = support_octets(data, len);
    OPENSSL_free(data);
    OSSL_ENCODER_CTX_free(ctx);
    ERR_clear_error(); /* encoders leave records of what they tried */
    return out;
}

struct octets
support_public(EVP_PKEY *key, const char *format)
{
    return encode(key, EVP_PKEY_PUBLIC_KEY, format, "SubjectPublicKeyInfo",
                  NULL);
}

struct octets
support_private(EVP_PKEY *key, const char *format)
{
    return encode(key, EVP_PKEY_KEYPAIR, format, "PrivateKeyInfo", NULL);
}

struct octets
support_encrypted(EVP_PKEY *key, const char *format, const char *passphrase)
{
    return encode(key, EVP_PKEY_KEYPAIR, format, "EncryptedPrivateKeyInfo",
                  passphrase);
}

static void
add_ski(X509 *cert)
{
    static const unsigned char id[20] = { 0x5a, 1, 2, 3 };
    ASN1_OCTET_STRING *ski = ASN1_OCTET_STRING_new();

    assert_non_null(ski);
    assert_true(ASN1_OCTET_STRING_set(ski, id, (int)sizeof(id)));
    assert_true(X509_add1_ext_i2d(cert, NID_subject_key_identifier, ski, 0, 0));
    ASN1_OCTET_STRING_free(ski);
}

X509 *
support_cert(const struct support *s, EVP_PKEY *key, enum support_ski ski,
             long from, long to)
{
    EVP_PKEY *signer = support_keygen(s, "ED25519", NULL, 0);
    X509 *cert = X509_new_ex(s->libctx, NULL);
    EVP_MD_CTX *md = EVP_MD_CTX_new();

    assert_non_null(signer);
    assert_non_null(cert);
    assert_non_null(md);
    assert_true(X509_set_version(cert, X509_VERSION_3));
    assert_true(ASN1_INTEGER_set(X509_get_serialNumber(cert), 7));
    add_names(cert, "test", "test");
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), from));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), to));
    assert_true(X509_set_pubkey(cert, key));
    if (ski == SUPPORT_SKI)
        add_ski(cert);
    assert_true(
        EVP_DigestSignInit_ex(md, NULL, NULL, s->libctx, NULL, signer, NULL));
    assert_true(X509_sign_ctx(cert, md) > 0);
    EVP_MD_CTX_free(md);
    EVP_PKEY_free(signer);
    ERR_clear_error();
    return cert;
}

struct octets
support_cert_octets(X509 *cert, const char *format)
{
    BIO *bio = BIO_new(BIO_s_mem());
    struct octets out;
    char *data = NULL;
    long len;

    assert_non_null(bio);
    if (strcmp(format, "PEM") == 0)
        assert_true(PEM_write_bio_X509(bio, cert));
    else
        assert_true(i2d_X509_bio(bio, cert));
    len = BIO_get_mem_data(bio, &data);
    assert_true(len > 0);
    out = support_octets(data, (size_t)len);
    BIO_free(bio);
    return out;
}
