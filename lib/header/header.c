/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes the prelude and the parts around the key envelope; offsets
 * are those of FORMAT 2. */
#include "lib/header/header.h"

#include <assert.h>
#include <string.h>

#include <openssl/crypto.h>

#include "lib/base/wire.h"
#include "lib/header/labels.h"
#include "lib/header/signatures.h"

enum {
    AT_MAGIC = 0,
    AT_VERSION = AT_MAGIC + ENVL_MAGIC_LEN,
    AT_SCHEME = AT_VERSION + 1,
    AT_RESERVED_1 = AT_SCHEME + 1,
    RESERVED_1_LEN = 2,
    AT_LABELS_LEN = AT_RESERVED_1 + RESERVED_1_LEN,
    AT_KEY_ENVELOPE_LEN = AT_LABELS_LEN + 4,
    AT_HEADER_LEN = AT_KEY_ENVELOPE_LEN + 4,
    AT_SIGNATURES_LEN = AT_HEADER_LEN + 4,
    AT_RESERVED_2 = AT_SIGNATURES_LEN + 4,
    RESERVED_2_LEN = 4
};
static_assert(AT_RESERVED_2 + RESERVED_2_LEN == ENVL_PRELUDE_LEN,
              "the fields make up the prelude");
static_assert(AT_LABELS_LEN == ENVL_PRELUDE_CONTEXT_LEN,
              "the context ends before the lengths");
static_assert(ENVL_PRELUDE_LEN + ENVL_LABELS_LEN_MAX + ENVL_SIGNATURES_LEN_MAX
                      + ENVL_KEY_ENVELOPE_LEN_MAX
                  <= ENVL_HEADER_LEN_MAX,
              "the largest parts fit the largest header");

enum { VERSION = 1, SCHEME_COBBLESTONE_256 = 1 };

static const unsigned char magic[ENVL_MAGIC_LEN] = { 0x89, 'E',  'N',  'V',
                                                     0x0d, 0x0a, 0x1a, 0x0a };

/* Other files that users try to decrypt by mistake, and what to do with
 * them. */
static const struct {
    const char *begin;
    const char *hint;
} lookalikes[] = {
    { "Salted__", "it was made by openssl enc with -pass: decrypt with -pass" },
    { "iUVO", "it is base64: decode it first, with base64 -d or openssl "
              "enc -base64" },
    { "\x89"
      "ENV\x0a",
      "its line ends were changed by a text-mode transfer" },
    { "\x09"
      "ENV",
      "its eighth bits were stripped by a transfer" },
    { "envelope/",
      "it begins as a tar carrier: it was cut, or its members have "
      "to be joined first" },
    { "XBSTCK01", "it begins as an xbstream: it was cut, or its files in "
                  "envelope/ have to be joined first" },
    { "age-encryption", "it is an age file" },
    { "-----BEGIN", "it is a PEM file" },
};

static size_t
min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

enum envelope_reason
envl_prelude_check_magic(const unsigned char *in, size_t len,
                         struct envl_err *err)
{
    size_t i, n;

    if (memcmp(in, magic, min_size(len, ENVL_MAGIC_LEN)) == 0)
        return ENVELOPE_OK;
    for (i = 0; i < sizeof(lookalikes) / sizeof(lookalikes[0]); i++) {
        n = min_size(strlen(lookalikes[i].begin), ENVL_MAGIC_LEN);
        if (len >= n && memcmp(in, lookalikes[i].begin, n) == 0)
            return envl_fail(err, ENVELOPE_R_NOT_ENVELOPE, "%s",
                             lookalikes[i].hint);
    }
    return envl_fail(err, ENVELOPE_R_NOT_ENVELOPE,
                     "the input does not begin with an envelope's magic");
}

static int
all_zero(const unsigned char *p, size_t len)
{
    while (len > 0 && p[len - 1] == 0)
        len--;
    return len == 0;
}

static enum envelope_reason
check_reserved(const unsigned char *p, size_t len, struct envl_err *err)
{
    if (all_zero(p, len))
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_HEADER_FIELD,
                     "a reserved byte of the prelude is not zero");
}

static enum envelope_reason
check_limit(const char *what, uint32_t len, uint32_t min, uint32_t max,
            struct envl_err *err)
{
    if (len > max)
        return envl_fail(err, ENVELOPE_R_HEADER_TOO_LARGE,
                         "%s length %u is above %u", what, (unsigned)len,
                         (unsigned)max);
    if (len < min)
        return envl_fail(err, ENVELOPE_R_HEADER_FIELD,
                         "%s length %u is below %u", what, (unsigned)len,
                         (unsigned)min);
    return ENVELOPE_OK;
}

size_t
envl_prelude_key_envelope_at(const struct envl_prelude *prelude)
{
    return (size_t)ENVL_PRELUDE_LEN + prelude->labels_len
           + prelude->signatures_len;
}

/* All but the padding; the lengths are within their limits. */
static size_t
parts_len(const struct envl_prelude *prelude)
{
    return envl_prelude_key_envelope_at(prelude) + prelude->key_envelope_len;
}

void
envl_prelude_put_context(unsigned char *context)
{
    memset(context, 0, ENVL_PRELUDE_CONTEXT_LEN);
    memcpy(context + AT_MAGIC, magic, ENVL_MAGIC_LEN);
    context[AT_VERSION] = VERSION;
    context[AT_SCHEME] = SCHEME_COBBLESTONE_256;
}

enum envelope_reason
envl_prelude_parse(struct envl_prelude *prelude, const unsigned char *in,
                   struct envl_err *err)
{
    struct envl_prelude p = {
        .labels_len = envl_get_be32(in + AT_LABELS_LEN),
        .key_envelope_len = envl_get_be32(in + AT_KEY_ENVELOPE_LEN),
        .header_len = envl_get_be32(in + AT_HEADER_LEN),
        .signatures_len = envl_get_be32(in + AT_SIGNATURES_LEN),
    };
    enum envelope_reason rc;

    rc = envl_prelude_check_magic(in, ENVL_MAGIC_LEN, err);
    if (rc != ENVELOPE_OK)
        return rc;
    if (in[AT_VERSION] != VERSION)
        return envl_fail(err, ENVELOPE_R_VERSION,
                         "version %u; this program reads version %u",
                         in[AT_VERSION], VERSION);
    if (in[AT_SCHEME] != SCHEME_COBBLESTONE_256)
        return envl_fail(err, ENVELOPE_R_SCHEME,
                         "scheme %u; this program reads scheme %u",
                         in[AT_SCHEME], SCHEME_COBBLESTONE_256);
    if ((rc = check_reserved(in + AT_RESERVED_1, RESERVED_1_LEN, err))
        || (rc = check_limit("labels", p.labels_len, 0, ENVL_LABELS_LEN_MAX,
                             err))
        || (rc = check_limit("key envelope", p.key_envelope_len, 1,
                             ENVL_KEY_ENVELOPE_LEN_MAX, err))
        || (rc = check_limit("signatures", p.signatures_len, 0,
                             ENVL_SIGNATURES_LEN_MAX, err))
        || (rc = check_limit("header", p.header_len, (uint32_t)parts_len(&p),
                             ENVL_HEADER_LEN_MAX, err))
        || (rc = check_reserved(in + AT_RESERVED_2, RESERVED_2_LEN, err)))
        return rc;
    *prelude = p;
    return ENVELOPE_OK;
}

unsigned
envl_header_version(const struct envl_header *header)
{
    return header->bytes[AT_VERSION];
}

unsigned
envl_header_scheme(const struct envl_header *header)
{
    return header->bytes[AT_SCHEME];
}

const char *
envl_header_scheme_name(const struct envl_header *header)
{
    return envl_header_scheme(header) == SCHEME_COBBLESTONE_256
               ? "Cobblestone-256"
               : "unknown";
}

const char *
envl_header_labels(const struct envl_header *header)
{
    return (const char *)header->bytes + ENVL_PRELUDE_LEN;
}

const unsigned char *
envl_header_signatures(const struct envl_header *header)
{
    return header->bytes + ENVL_PRELUDE_LEN + header->prelude.labels_len;
}

const unsigned char *
envl_header_key_envelope(const struct envl_header *header)
{
    return header->bytes + envl_prelude_key_envelope_at(&header->prelude);
}

/* Put a part at an offset of the header, and return the offset after it. */
static size_t
put_part(unsigned char *bytes, size_t at, const void *part, size_t len)
{
    if (len > 0)
        memcpy(bytes + at, part, len);
    return at + len;
}

enum envelope_reason
envl_header_build(struct envl_header *header,
                  const struct envl_header_contents *contents,
                  struct envl_err *err)
{
    struct envl_prelude prelude = {
        .labels_len = (uint32_t)contents->labels_len,
        .signatures_len = (uint32_t)contents->signatures_len,
        .key_envelope_len = (uint32_t)contents->key_envelope_len,
    };
    size_t at = ENVL_PRELUDE_LEN;
    unsigned char *p;

    *header = (struct envl_header){ 0 };
    if (contents->labels_len > ENVL_LABELS_LEN_MAX
        || contents->signatures_len > ENVL_SIGNATURES_LEN_MAX
        || contents->key_envelope_len > ENVL_KEY_ENVELOPE_LEN_MAX
        || contents->reserve > ENVL_HEADER_LEN_MAX - parts_len(&prelude))
        return envl_fail(err, ENVELOPE_R_HEADER_TOO_LARGE,
                         "labels of %zu bytes, signatures of %zu, a key "
                         "envelope of %zu and %zu reserved do not fit a header "
                         "of %d bytes",
                         contents->labels_len, contents->signatures_len,
                         contents->key_envelope_len, contents->reserve,
                         ENVL_HEADER_LEN_MAX);
    prelude.header_len = (uint32_t)(parts_len(&prelude) + contents->reserve);
    if ((p = OPENSSL_zalloc(prelude.header_len)) == NULL)
        return envl_fail_memory(err);

    envl_prelude_put_context(p);
    envl_put_be32(p + AT_LABELS_LEN, prelude.labels_len);
    envl_put_be32(p + AT_KEY_ENVELOPE_LEN, prelude.key_envelope_len);
    envl_put_be32(p + AT_HEADER_LEN, prelude.header_len);
    envl_put_be32(p + AT_SIGNATURES_LEN, prelude.signatures_len);
    at = put_part(p, at, contents->labels, contents->labels_len);
    at = put_part(p, at, contents->signatures, contents->signatures_len);
    (void)put_part(p, at, contents->key_envelope, contents->key_envelope_len);
    *header = (struct envl_header){ .bytes = p, .prelude = prelude };
    return ENVELOPE_OK;
}

size_t
envl_header_least_len(const struct envl_header *header)
{
    return parts_len(&header->prelude);
}

enum envelope_reason
envl_header_resize(struct envl_header *header, size_t len, struct envl_err *err)
{
    const size_t parts = parts_len(&header->prelude);
    unsigned char *bytes;

    if (len < parts || len > ENVL_HEADER_LEN_MAX)
        return envl_fail(err, ENVELOPE_R_HEADER_TOO_LARGE,
                         "a header of %zu bytes does not fit %zu", parts, len);
    if ((bytes = OPENSSL_zalloc(len)) == NULL)
        return envl_fail_memory(err);
    memcpy(bytes, header->bytes, parts);
    envl_put_be32(bytes + AT_HEADER_LEN, (uint32_t)len);
    OPENSSL_free(header->bytes);
    header->bytes = bytes;
    header->prelude.header_len = (uint32_t)len;
    return ENVELOPE_OK;
}

enum envelope_reason
envl_header_check(const struct envl_header *header, struct envl_err *err)
{
    const struct envl_prelude *prelude = &header->prelude;
    size_t parts = parts_len(prelude);
    struct envl_signatures signatures;
    enum envelope_reason rc;

    if (!all_zero(header->bytes + parts, prelude->header_len - parts))
        return envl_fail(err, ENVELOPE_R_HEADER_FIELD,
                         "a padding byte is not zero");
    rc =
        envl_labels_check(envl_header_labels(header), prelude->labels_len, err);
    return rc != ENVELOPE_OK
               ? rc
               : envl_signatures_read(&signatures,
                                      envl_header_signatures(header),
                                      prelude->signatures_len, err);
}

void
envl_header_clear(struct envl_header *header)
{
    OPENSSL_free(header->bytes);
    *header = (struct envl_header){ 0 };
}
