/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and sums are in one table, for both ways. */
#include "tools/receipt.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "filter/stream/options.h"
#include "lib/base/utf8.h"
#include "tools/facts.h"
#include "tools/measure.h"
#include "tools/signers.h"

#define FORMAT "envelope receipt"
#define TIME_LEN (sizeof("2026-01-01T00:00:00Z") - 1)

#define NUMBER(name)                                  \
    {                                                 \
#name, offsetof(struct envl_receipt, name), 0 \
    }
#define BYTES(name, member)                               \
    {                                                     \
        name, offsetof(struct envl_receipt, member),      \
            sizeof(((struct envl_receipt *)NULL)->member) \
    }

/* In this order, between the words and the labels. */
static const struct row {
    const char *name;
    size_t offset;
    size_t len; /* bytes in hexadecimal; 0: it is a number */
} rows[] = {
    NUMBER(version),
    NUMBER(scheme),
    NUMBER(file_size),
    NUMBER(plaintext_size),
    NUMBER(payload_size),
    NUMBER(header_size),
    NUMBER(kept_size),
    BYTES("id", id),
    BYTES("file_sha256", file_sum),
    BYTES("header_sha256", header_sum),
    BYTES("payload_sha256", payload_sum),
    BYTES("kept_sha256", kept_sum),
};
#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

/* Writing */

static void
copy_sum(unsigned char *to, const struct envl_sum_value *from)
{
    memcpy(to, from->value, ENVL_SUM_LEN);
}

static enum envelope_reason
fill(struct envl_receipt *receipt, const struct envl_sealed *sealed,
     struct envl_err *err)
{
    const struct envl_sum_values *sums = &sealed->sums;
    const struct envl_sum_value *of = sums->of;

    *receipt = (struct envl_receipt){
        .carrier = sealed->kind,
        .version = envl_header_version(&sealed->header),
        .scheme = envl_header_scheme(&sealed->header),
        .file_size = of[ENVL_SUM_FILE].len,
        .payload_size = of[ENVL_SUM_PAYLOAD].len,
        .header_size = sums->header.len,
        .kept_size = of[ENVL_SUM_KEPT].len,
    };
    memcpy(receipt->id, sealed->start, sizeof(receipt->id));
    copy_sum(receipt->file_sum, &of[ENVL_SUM_FILE]);
    copy_sum(receipt->header_sum, &sums->header);
    copy_sum(receipt->payload_sum, &of[ENVL_SUM_PAYLOAD]);
    copy_sum(receipt->kept_sum, &of[ENVL_SUM_KEPT]);
    return envl_measure_text(&receipt->plaintext_size, receipt->payload_size,
                             err);
}

static void
put_time(struct envl_json *json, const char *name, time_t when)
{
    char text[TIME_LEN + 1] = "";
    struct tm utc;

    if (gmtime_r(&when, &utc) != NULL)
        (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
    envl_json_member(json, name, text);
}

static void
put_words(struct envl_json *json, const struct envl_sealed *sealed,
          const struct envl_receipt_words *words)
{
    envl_json_member(json, "format", FORMAT);
    envl_put_number(json, "receipt_version", ENVL_RECEIPT_VERSION);
    envl_json_member(json, "writer", PACKAGE_NAME " " PACKAGE_VERSION);
    envl_json_path(json, "file", words->file != NULL ? words->file : "-");
    put_time(json, "started", words->started);
    put_time(json, "ended", words->ended);
    envl_json_member(json, "carrier", envl_carrier_name(sealed->kind));
    envl_json_member(json, "scheme_name",
                     envl_header_scheme_name(&sealed->header));
}

static void
put_rows(struct envl_json *json, const struct envl_receipt *receipt)
{
    size_t i;

    for (i = 0; i < ROW_COUNT; i++) {
        const void *member = (const char *)receipt + rows[i].offset;

        if (rows[i].len > 0)
            envl_put_hex(json, rows[i].name, member, rows[i].len);
        else
            envl_put_number(json, rows[i].name, *(const uint64_t *)member);
    }
}

enum envelope_reason
envl_receipt_build(char **bytes, size_t *len, const struct envl_sealed *sealed,
                   const struct envl_receipt_words *words, struct envl_err *err)
{
    const struct envl_header *header = &sealed->header;
    struct envl_recipient_list recipients = { 0 };
    struct envl_signers signers = { .is_checked = false };
    struct envl_receipt receipt;
    struct envl_json json = { 0 };
    enum envelope_reason rc;
    bool written;

    *bytes = NULL;
    rc = fill(&receipt, sealed, err);
    if (rc == ENVELOPE_OK)
        rc = envl_recipient_list_read(&recipients, header, err);
    if (rc == ENVELOPE_OK)
        rc = envl_signatures_read(&signers.signatures,
                                  envl_header_signatures(header),
                                  header->prelude.signatures_len, err);
    if (rc == ENVELOPE_OK && (json.to = open_memstream(bytes, len)) == NULL)
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK) {
        envl_json_begin(&json, '{');
        put_words(&json, sealed, words);
        put_rows(&json, &receipt);
        envl_put_labels(&json, header);
        envl_signers_put(&json, &signers);
        envl_put_recipients(&json, &recipients);
        envl_json_end(&json, '}');
        (void)fputc('\n', json.to);
        written = !ferror(json.to);
        if (fclose(json.to) != 0 || !written) {
            free(*bytes);
            *bytes = NULL;
            rc = envl_fail_memory(err);
        }
    }
    envl_recipient_list_clear(&recipients);
    return rc;
}

/* Reading: after the first failure nothing more is taken */

struct reader {
    const char *p, *end;
    const char *wanted; /* the member that is not there; NULL: no failure */
};

static void
fail_at(struct reader *reader, const char *wanted)
{
    if (reader->wanted == NULL)
        reader->wanted = wanted;
}

static bool
is_next(const struct reader *reader, const char *text)
{
    const size_t len = strlen(text);

    return reader->wanted == NULL && (size_t)(reader->end - reader->p) >= len
           && memcmp(reader->p, text, len) == 0;
}

static bool
take(struct reader *reader, const char *text, const char *wanted)
{
    if (is_next(reader, text))
        reader->p += strlen(text);
    else
        fail_at(reader, wanted);
    return reader->wanted == NULL;
}

static bool
take_name(struct reader *reader, const char *name)
{
    return take(reader, ",\"", name) && take(reader, name, name)
           && take(reader, "\":", name);
}

static int
nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One character of a text, as json.c writes it; 0 if it is none. */
static size_t
character_len(const struct reader *reader)
{
    const unsigned char *p = (const unsigned char *)reader->p;
    const size_t left = (size_t)(reader->end - reader->p);
    const size_t len = left > 0 ? envl_utf8_len(p, left) : 0;
    size_t i;

    if (len == 0 || *p == '"')
        return 0;
    if (*p != '\\')
        return envl_utf8_is_shown(p, len) ? len : 0;
    if (left > 1 && (p[1] == '"' || p[1] == '\\'))
        return 2;
    if (left < 6 || p[1] != 'u')
        return 0;
    for (i = 2; i < 6; i++) {
        if (nibble(reader->p[i]) < 0)
            return 0;
    }
    return 6;
}

static bool
take_text(struct reader *reader, const char *wanted)
{
    size_t len;

    if (!take(reader, "\"", wanted))
        return false;
    while ((len = character_len(reader)) > 0)
        reader->p += len;
    return take(reader, "\"", wanted);
}

static void
take_number(struct reader *reader, uint64_t *number, const char *wanted)
{
    const char *begin = reader->p;
    uint64_t n = 0;
    unsigned digit;

    if (reader->wanted != NULL)
        return;
    for (; reader->p < reader->end && *reader->p >= '0' && *reader->p <= '9';
         reader->p++) {
        digit = (unsigned)(*reader->p - '0');
        if (n > (UINT64_MAX - digit) / 10) {
            fail_at(reader, wanted);
            return;
        }
        n = 10 * n + digit;
    }
    if (reader->p == begin || (*begin == '0' && reader->p - begin > 1))
        fail_at(reader, wanted);
    *number = n;
}

static void
take_hex(struct reader *reader, unsigned char *to, size_t len,
         const char *wanted)
{
    size_t i;
    int high, low;

    if (!take(reader, "\"", wanted))
        return;
    for (i = 0; i < len && reader->end - reader->p >= 2; i++) {
        high = nibble(reader->p[0]);
        low = nibble(reader->p[1]);
        if (high < 0 || low < 0)
            break;
        to[i] = (unsigned char)(high << 4 | low);
        reader->p += 2;
    }
    if (i < len)
        fail_at(reader, wanted);
    (void)take(reader, "\"", wanted);
}

static void
take_time(struct reader *reader, const char *name)
{
    static const char form[] = "\"0000-00-00T00:00:00Z\"";
    size_t i;

    if (!take_name(reader, name))
        return;
    for (i = 0; form[i] != '\0' && reader->p < reader->end; i++, reader->p++) {
        if (form[i] == '0' ? *reader->p < '0' || *reader->p > '9'
                           : *reader->p != form[i])
            break;
    }
    if (form[i] != '\0')
        fail_at(reader, name);
}

static void
take_carrier(struct reader *reader, enum envl_carrier *carrier)
{
    static const enum envl_carrier kinds[] = { ENVL_RAW, ENVL_TAR,
                                               ENVL_XBSTREAM };
    const size_t count = sizeof(kinds) / sizeof(kinds[0]);
    size_t i = 0;

    if (!take_name(reader, "carrier") || !take(reader, "\"", "carrier"))
        return;
    while (i < count && !is_next(reader, envl_carrier_name(kinds[i])))
        i++;
    if (i == count) {
        fail_at(reader, "carrier");
        return;
    }
    *carrier = kinds[i];
    (void)take(reader, envl_carrier_name(kinds[i]), "carrier");
    (void)take(reader, "\"", "carrier");
}

static void
take_value(struct reader *reader, const char *wanted)
{
    static const char *const words[] = { "true", "false", "null" };
    size_t i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (is_next(reader, words[i])) {
            (void)take(reader, words[i], wanted);
            return;
        }
    }
    (void)take_text(reader, wanted);
}

/* An object without another one inside; all labels are texts. */
static void
take_object(struct reader *reader, bool of_texts, const char *wanted)
{
    bool first = true;

    (void)take(reader, "{", wanted);
    while (reader->wanted == NULL && !is_next(reader, "}")) {
        if (!first)
            (void)take(reader, ",", wanted);
        first = false;
        if (!take_text(reader, wanted) || !take(reader, ":", wanted))
            return;
        if (of_texts)
            (void)take_text(reader, wanted);
        else
            take_value(reader, wanted);
    }
    (void)take(reader, "}", wanted);
}

/* An array of such objects */
static void
take_objects(struct reader *reader, const char *name)
{
    bool first = true;

    if (!take_name(reader, name) || !take(reader, "[", name))
        return;
    while (reader->wanted == NULL && !is_next(reader, "]")) {
        if (!first)
            (void)take(reader, ",", name);
        first = false;
        take_object(reader, false, name);
    }
    (void)take(reader, "]", name);
}

static void
take_row(struct reader *reader, struct envl_receipt *receipt,
         const struct row *row)
{
    void *member = (char *)receipt + row->offset;

    if (!take_name(reader, row->name))
        return;
    if (row->len > 0)
        take_hex(reader, member, row->len, row->name);
    else
        take_number(reader, member, row->name);
}

static void
take_members(struct reader *reader, struct envl_receipt *receipt)
{
    size_t i;

    if (take_name(reader, "writer"))
        (void)take_text(reader, "writer");
    if (take_name(reader, "file"))
        (void)take_text(reader, "file");
    if (is_next(reader, ",\"file_base64\":")
        && take_name(reader, "file_base64"))
        (void)take_text(reader, "file_base64");
    take_time(reader, "started");
    take_time(reader, "ended");
    take_carrier(reader, &receipt->carrier);
    if (take_name(reader, "scheme_name"))
        (void)take_text(reader, "scheme_name");
    for (i = 0; i < ROW_COUNT; i++)
        take_row(reader, receipt, &rows[i]);
    if (take_name(reader, "labels"))
        take_object(reader, true, "labels");
    take_objects(reader, "signers");
    if (take_name(reader, "post_quantum"))
        (void)take_text(reader, "post_quantum");
    take_objects(reader, "recipients");
    (void)take(reader, "}\n", "the end");
    if (reader->p != reader->end)
        fail_at(reader, "the end");
}

/* Of numbers that any JSON can have, only those are believed that an envelope
 * can have. */
static bool
sizes_agree(const struct envl_receipt *receipt)
{
    const uint64_t payload = receipt->payload_size;
    const uint64_t header = receipt->header_size;
    struct envl_err ignored;
    uint64_t text_len, labels;

    if (envl_measure_text(&text_len, payload, &ignored) != ENVELOPE_OK
        || text_len != receipt->plaintext_size || header < ENVL_PRELUDE_LEN
        || header > ENVL_HEADER_LEN_MAX
        || receipt->kept_size < payload + ENVL_PRELUDE_CONTEXT_LEN)
        return false;
    labels = receipt->kept_size - payload - ENVL_PRELUDE_CONTEXT_LEN;
    if (labels > header - ENVL_PRELUDE_LEN)
        return false;
    return receipt->carrier == ENVL_RAW ? receipt->file_size == header + payload
                                        : receipt->file_size > header + payload;
}

enum envelope_reason
envl_receipt_parse(struct envl_receipt *receipt, const char *bytes, size_t len,
                   struct envl_err *err)
{
    struct reader reader = { .p = bytes, .end = bytes + len };
    uint64_t version = 0;

    *receipt = (struct envl_receipt){ 0 };
    (void)take(&reader, "{\"format\":\"" FORMAT "\"", "format");
    if (take_name(&reader, "receipt_version"))
        take_number(&reader, &version, "receipt_version");
    if (reader.wanted == NULL && version != ENVL_RECEIPT_VERSION)
        return envl_fail(err, ENVELOPE_R_READ,
                         "it is a receipt of version %" PRIu64
                         ", and this program reads version %d: a later release "
                         "may read it",
                         version, ENVL_RECEIPT_VERSION);
    take_members(&reader, receipt);
    if (reader.wanted != NULL)
        return envl_fail(
            err, ENVELOPE_R_READ,
            "it is no receipt as envelope encrypt --receipt writes "
            "it: %s should be at byte %zu",
            reader.wanted, (size_t)(reader.p - bytes));
    if (!sizes_agree(receipt))
        return envl_fail(err, ENVELOPE_R_READ,
                         "it is no receipt: its sizes do not agree");
    return ENVELOPE_OK;
}
