/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at lines, and at the outermost DER values. */
#include "lib/keys/key_text.h"

#include <ctype.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "lib/keys/openssh.h"

static const char begin[] = "-----BEGIN ";
static const char end[] = "-----END ";
static const char dashes[] = "-----";

#define DASHES_LEN (sizeof(dashes) - 1)

/* An OpenSSH blob begins with a length, whose first three bytes are zero.  A
 * run of base64 that long is not a word of a comment. */
static const char blob_begin[] = "AAAA";
#define BLOB_DIGITS_MIN 12

/* A line of base64 that long is a key without its PEM lines: an X25519 key has
 * 60 characters. */
#define BASE64_LINE_MIN 40

/* The label of a block whose content is not DER. */
#define OPENSSH_LABEL "OPENSSH PRIVATE KEY"

struct line {
    const unsigned char *data;
    size_t len;    /* without its LF or CR LF, and blanks before that */
    size_t number; /* from 1 */
    bool is_odd;   /* has a NUL byte, or a CR before its end */
};

/* DER */

/* Are the bytes binary, and do they begin like DER?  Text never does. */
static bool
is_binary(const struct envl_octets *octets)
{
    size_t i;

    if (octets->len == 0
        || octets->data[0] != (V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED))
        return false;
    for (i = 0; i < octets->len; i++) {
        if (octets->data[i] < '\t')
            return true;
    }
    return false;
}

/*
 * The number of DER values that the bytes consist of; 0 if they are not DER.  A
 * value of indefinite length, as PKCS#12 may have, counts as one.
 */
static size_t
count_der(const unsigned char *p, size_t size)
{
    const unsigned char *past = p + size;
    int tag, class, flags;
    size_t count = 0;
    long len;

    ERR_set_mark(); /* that text is not DER is no error */
    while (p < past) {
        flags = ASN1_get_object(&p, &len, &tag, &class, past - p);
        if ((flags & 0x80) != 0 || tag != V_ASN1_SEQUENCE) {
            count = 0;
            break;
        }
        count++;
        if ((flags & 1) != 0)
            break;
        p += len;
    }
    ERR_pop_to_mark();
    return count;
}

/* Are the bytes exactly one DER value, of any type?  The parameters of an EC
 * key are an OBJECT IDENTIFIER. */
static bool
is_one_value(const unsigned char *p, size_t size)
{
    const unsigned char *past = p + size;
    int tag, class, flags;
    long len;

    flags = ASN1_get_object(&p, &len, &tag, &class, (long)size);
    return (flags & 0x80) == 0 && ((flags & 1) != 0 || p + len == past);
}

/* Lines */

static bool
next_line(struct line *line, const unsigned char **p, size_t *left)
{
    const unsigned char *lf;
    size_t len;

    if (*left == 0)
        return false;
    lf = memchr(*p, '\n', *left);
    len = lf != NULL ? (size_t)(lf - *p) : *left;
    line->data = *p;
    line->len = len;
    line->number++;
    *p += len + (lf != NULL);
    *left -= len + (lf != NULL);

    while (line->len > 0 && strchr(" \t\r", line->data[line->len - 1]) != NULL
           && line->data[line->len - 1] != '\0')
        line->len--;
    line->is_odd = memchr(line->data, '\0', line->len) != NULL
                   || memchr(line->data, '\r', line->len) != NULL;
    return true;
}

static bool
begins_with(const struct line *line, const char *text)
{
    size_t len = strlen(text);

    return line->len >= len && memcmp(line->data, text, len) == 0;
}

/* Is the line a complete PEM line: the words, a label, five dashes?  *label
 * receives the label. */
static bool
is_pem_line(const struct line *line, const char *words, struct line *label)
{
    size_t skipped = strlen(words);

    if (!begins_with(line, words) || line->len <= skipped + DASHES_LEN)
        return false;
    label->data = line->data + skipped;
    label->len = line->len - skipped - DASHES_LEN;
    return memcmp(label->data + label->len, dashes, DASHES_LEN) == 0
           && memchr(label->data, '-', label->len) == NULL;
}

static bool
is_word(const unsigned char *p, size_t left, const char *word)
{
    size_t i;

    for (i = 0; word[i] != '\0'; i++) {
        if (i == left || (p[i] & ~0x20) != word[i])
            return false;
    }
    /* The word must end here: "ending" is another word. */
    return i == left || !isalnum(p[i]);
}

/* Can the byte be part of a dash?  Word processors write dashes and no-break
 * spaces that are not ASCII. */
static bool
is_dash(unsigned char c)
{
    return c == '-' || c >= 0x80;
}

/* Do dashes stand before the word at i, perhaps with blanks between?  One dash
 * is enough if the line also ends with a dash. */
static bool
is_after_dashes(const struct line *line, size_t i)
{
    size_t dashes_before = 0;

    while (i > 0 && (line->data[i - 1] == ' ' || line->data[i - 1] == '\t'))
        i--;
    while (i > dashes_before && is_dash(line->data[i - 1 - dashes_before]))
        dashes_before++;
    return dashes_before > 1
           || (dashes_before == 1
               && (i == 1 || is_dash(line->data[line->len - 1])));
}

/* Does the line have the BEGIN or END of an armoured key anywhere? */
static bool
has_mark(const struct line *line)
{
    size_t i;

    for (i = 0; i < line->len; i++) {
        if ((is_word(line->data + i, line->len - i, "BEGIN")
             || is_word(line->data + i, line->len - i, "END"))
            && is_after_dashes(line, i))
            return true;
    }
    return false;
}

bool
envl_key_text_is_base64(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
           || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

bool
envl_key_text_has_blob(const unsigned char *data, size_t len)
{
    size_t i, n;

    for (i = 0; i + BLOB_DIGITS_MIN <= len; i++) {
        if (memcmp(data + i, blob_begin, sizeof(blob_begin) - 1) != 0)
            continue;
        for (n = 0; n < BLOB_DIGITS_MIN && envl_key_text_is_base64(data[i + n]);
             n++)
            ;
        if (n == BLOB_DIGITS_MIN)
            return true;
    }
    return false;
}

/* Is the line only base64, and too long for a word? */
static bool
is_bare_base64(const struct line *line)
{
    size_t i, len = line->len;

    while (len > 0 && line->data[len - 1] == '=')
        len--;
    for (i = 0; i < len && envl_key_text_is_base64(line->data[i]); i++)
        ;
    return i == len && len >= BASE64_LINE_MIN;
}

/* Text */

static enum envelope_reason
fail_line(struct envl_err *err, const char *name, size_t number,
          const char *what)
{
    return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY, "%s, line %zu: %s", name,
                     number, what);
}

/*
 * A block must hold one DER value and nothing after it, because a second key in
 * the block would be lost.  Traditional PEM encryption hides the content, so
 * such a block is not checked.  In a trusted certificate a second value says
 * what the certificate is trusted for.
 */
static enum envelope_reason
check_body(const unsigned char *block, size_t size, const char *name,
           size_t line, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    char *label = NULL, *header = NULL;
    unsigned char *body = NULL;
    long len = 0;
    BIO *bio;

    ERR_set_mark();
    bio = BIO_new_mem_buf(block, (int)size);
    if (bio == NULL)
        rc = envl_fail_memory(err);
    else if (PEM_read_bio(bio, &label, &header, &body, &len) <= 0)
        rc = envl_crypto_no_memory()
                 ? envl_fail_memory(err)
                 : fail_line(err, name, line,
                             "the PEM block that begins here is damaged");
    else if (*header == '\0' && !is_one_value(body, (size_t)len)
             && (strcmp(label, PEM_STRING_X509_TRUSTED) != 0
                 || count_der(body, (size_t)len) != 2))
        rc = fail_line(err, name, line,
                       "the PEM block that begins here is not one key or "
                       "certificate: is there another one in it?");
    OPENSSL_free(label);
    OPENSSL_free(header);
    OPENSSL_clear_free(body, (size_t)len);
    BIO_free(bio);
    ERR_pop_to_mark();
    return rc;
}

/* The content of such a block is not DER; openssh.c reads it. */
static bool
is_openssh(const struct line *label)
{
    return label->len == strlen(OPENSSH_LABEL)
           && memcmp(label->data, OPENSSH_LABEL, label->len) == 0;
}

/* Skip the lines of a block, up to and including its END line. */
static enum envelope_reason
skip_block(struct line *line, const struct line *label, const unsigned char **p,
           size_t *left, const char *name, struct envl_err *err)
{
    const unsigned char *block = line->data;
    const size_t first = line->number;
    struct line end_label;

    while (next_line(line, p, left)) {
        if (line->is_odd)
            return fail_line(err, name, line->number,
                             "a NUL byte or a lone carriage return");
        if (!has_mark(line))
            continue;
        if (is_pem_line(line, end, &end_label) && end_label.len == label->len
            && memcmp(end_label.data, label->data, label->len) == 0)
            return is_openssh(label) ? ENVELOPE_OK
                                     : check_body(block, (size_t)(*p - block),
                                                  name, first, err);
        break;
    }
    return fail_line(err, name, first,
                     "the PEM block that begins here has no end line of its "
                     "own");
}

/* Check a line between the blocks.  In OpenSSH's files a comment line may hold
 * a key. */
static enum envelope_reason
check_line(struct envl_key_text *text, const struct line *line,
           const char *name, struct envl_err *err)
{
    if (has_mark(line))
        return fail_line(err, name, line->number,
                         "a PEM line with something before or after it, such "
                         "as blanks: it must stand alone");
    if (line->len == 0 || line->data[0] == '#')
        return ENVELOPE_OK;
    if (envl_openssh_is_line(line->data, line->len))
        text->is_openssh = true;
    else if (is_bare_base64(line))
        return fail_line(err, name, line->number,
                         "base64 without the PEM lines around it: a key?");
    else if (envl_key_text_has_blob(line->data, line->len))
        return fail_line(err, name, line->number,
                         "something that looks like an OpenSSH key: it must "
                         "stand on a line of its own");
    return ENVELOPE_OK;
}

static enum envelope_reason
check_text(struct envl_key_text *text, const char *name, struct envl_err *err)
{
    const unsigned char *p = text->data;
    size_t left = text->len, odd = 0;
    enum envelope_reason rc = ENVELOPE_OK;
    struct line line = { 0 }, label;

    while (rc == ENVELOPE_OK && next_line(&line, &p, &left)) {
        if (line.is_odd && odd == 0)
            odd = line.number;
        if (is_pem_line(&line, begin, &label)) {
            text->objects++;
            text->is_openssh |= envl_openssh_is_line(line.data, line.len);
            rc = skip_block(&line, &label, &p, &left, name, err);
        } else {
            rc = check_line(text, &line, name, err);
        }
    }
    /* A file without any key may be binary: another message says so. */
    if (rc == ENVELOPE_OK && odd > 0 && (text->objects > 0 || text->is_openssh))
        rc = fail_line(err, name, odd, "a NUL byte or a lone carriage return");
    return rc;
}

enum envelope_reason
envl_key_text_check(struct envl_key_text *text,
                    const struct envl_octets *octets, const char *name,
                    struct envl_err *err)
{
    static const char utf8_mark[] = "\xef\xbb\xbf";
    const size_t mark_len = sizeof(utf8_mark) - 1;

    *text = (struct envl_key_text){ .data = octets->data,
                                    .len = octets->len,
                                    .objects =
                                        count_der(octets->data, octets->len) };
    if (text->objects > 0)
        return ENVELOPE_OK;
    if (is_binary(octets))
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "%s: it begins like DER, and something else comes "
                         "after it: it is damaged, or two files have become "
                         "one",
                         name);
    if (text->len >= 2
        && (memcmp(text->data, "\xff\xfe", 2) == 0
            || memcmp(text->data, "\xfe\xff", 2) == 0))
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "%s is UTF-16 text: save it as UTF-8", name);
    if (text->len >= mark_len && memcmp(text->data, utf8_mark, mark_len) == 0) {
        text->data += mark_len;
        text->len -= mark_len;
    }
    return check_text(text, name, err);
}
