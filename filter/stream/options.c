/* SPDX-License-Identifier: Apache-2.0 */
/* The table of option names.  Only the bounds of values are checked here; the
 * code that uses a value checks the rest. */
#include "filter/stream/options.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "lib/base/file.h"
#include "lib/base/size.h"
#include "lib/keys/keys.h"

static_assert(ENVL_PIECE_LEN_MIN % ENVL_PIECE_LEN_STEP == 0
                  && ENVL_PIECE_LEN_MAX % ENVL_PIECE_LEN_STEP == 0
                  && ENVL_PIECE_LEN_DEFAULT % ENVL_PIECE_LEN_STEP == 0,
              "pieces fill blocks");

/* A PATH is one path or URI; LINES is a list of paths, URIs or labels; a LABEL
 * is one label.  A SIZE is a number of bytes, with or without a unit. */
enum kind { LINES, LABEL, PATH, TEXT, NUMBER, SIZE, CARRIER };

#define FIELD(name) offsetof(struct envl_options, name)
#define WRITES ENVL_WRITING
#define READS ENVL_READING
#define BOTH (READS | WRITES)
#define SWITCH ENVL_OPTION_SWITCH
#define SECRET ENVL_OPTION_SECRET

/* clang-format off */
static const struct row {
    struct envl_option_name known;
    enum kind kind;
    size_t offset;
    long min, max, step; /* of a NUMBER or SIZE */
} rows[] = {
    { { "recipient", WRITES }, PATH, FIELD(recipients), 0, 0, 0 },
    { { "recipients", WRITES }, LINES, FIELD(recipients), 0, 0, 0 },
    { { "identity", READS }, PATH, FIELD(identities), 0, 0, 0 },
    { { "identities", READS }, LINES, FIELD(identities), 0, 0, 0 },
    { { "passphrase-file", BOTH }, TEXT, FIELD(passphrase_file), 0, 0, 0 },
    { { "passphrase", BOTH | SECRET }, TEXT, FIELD(passphrase), 0, 0, 0 },
    { { "require", READS | SWITCH }, NUMBER, FIELD(require), 0, 1, 1 },
    { { "threads", BOTH }, NUMBER, FIELD(threads), 0, 64, 1 },
    { { "label", WRITES }, LABEL, FIELD(labels), 0, 0, 0 },
    { { "labels", WRITES }, LINES, FIELD(labels), 0, 0, 0 },
    { { "require-label", READS }, LABEL, FIELD(required_labels), 0, 0, 0 },
    { { "require-labels", READS }, LINES, FIELD(required_labels), 0, 0, 0 },
    { { "signer", WRITES }, PATH, FIELD(signers), 0, 0, 0 },
    { { "signers", WRITES }, LINES, FIELD(signers), 0, 0, 0 },
    { { "signed-by", READS }, PATH, FIELD(signed_by), 0, 0, 0 },
    { { "carrier", WRITES }, CARRIER, FIELD(carrier), 0, 0, 0 },
    { { "piece-size", WRITES }, SIZE, FIELD(piece_len),
      ENVL_PIECE_LEN_MIN, ENVL_PIECE_LEN_MAX, ENVL_PIECE_LEN_STEP },
    { { "any-end", WRITES | SWITCH }, NUMBER, FIELD(any_end), 0, 1, 1 },
    { { "xbcloud", WRITES | SWITCH }, NUMBER, FIELD(xbcloud), 0, 1, 1 },
    { { "reserve", WRITES }, SIZE, FIELD(reserve), 0, 2097152, 1 },
    { { "work-factor", WRITES }, NUMBER, FIELD(work_factor), 14, 20, 1 },
    { { "allow-expired", WRITES | SWITCH }, NUMBER, FIELD(allow_expired),
      0, 1, 1 },
    { { "skip-expired", WRITES | SWITCH }, NUMBER, FIELD(skip_expired),
      0, 1, 1 },
    { { "allow-usage", WRITES | SWITCH }, NUMBER, FIELD(allow_usage),
      0, 1, 1 },
    { { "require-post-quantum", WRITES | SWITCH }, NUMBER,
      FIELD(require_post_quantum), 0, 1, 1 },
};
/* clang-format on */
#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static const char *const carriers[] = {
    [ENVL_RAW] = "raw",
    [ENVL_TAR] = "tar",
    [ENVL_XBSTREAM] = "xbstream",
    [ENVL_AUTO] = "auto",
};

void
envl_options_init(struct envl_options *options, enum envl_carrier carrier)
{
    *options = (struct envl_options){
        .dashes = "",
        .carrier = carrier,
        .piece_len = -1,
        .any_end = -1,
        .xbcloud = -1,
        .threads = -1,
        .reserve = -1,
        .work_factor = -1,
        .allow_expired = -1,
        .skip_expired = -1,
        .allow_usage = -1,
        .require_post_quantum = -1,
        .require = -1,
    };
}

static void
free_text(char **text)
{
    if (*text != NULL)
        OPENSSL_clear_free(*text, strlen(*text));
    *text = NULL;
}

void
envl_options_clear(struct envl_options *options)
{
    free_text(&options->recipients);
    free_text(&options->identities);
    free_text(&options->labels);
    free_text(&options->required_labels);
    free_text(&options->signers);
    free_text(&options->signed_by);
    free_text(&options->passphrase);
    free_text(&options->passphrase_file);
    OPENSSL_clear_free(options->kek, ENVELOPE_KEY_LENGTH);
    options->kek = NULL;
    envl_octets_clear(&options->in_use);
}

const char *
envl_carrier_name(enum envl_carrier carrier)
{
    return carriers[carrier];
}

/* Append a line to the field; 0, with nothing changed, if memory ran out. */
static int
add_line(char **field, const char *line)
{
    size_t have = *field != NULL ? strlen(*field) : 0;
    size_t len = strlen(line);
    char *text = ENVL_QUIETLY(OPENSSL_malloc(have + len + 2));

    if (text == NULL)
        return 0;
    if (have > 0) {
        memcpy(text, *field, have);
        text[have++] = '\n';
    }
    memcpy(text + have, line, len + 1);
    free_text(field);
    *field = text;
    return 1;
}

static enum envelope_reason
add_path(char **field, const char *path, struct envl_err *err)
{
    enum envelope_reason rc;
    char *entry;

    rc = envl_keys_write_path(&entry, path, err);
    if (rc == ENVELOPE_OK && !add_line(field, entry))
        rc = envl_fail_memory(err);
    free_text(&entry);
    return rc;
}

static enum envelope_reason
set_number(const struct envl_options *options, long *field,
           const struct row *row, const char *value, struct envl_err *err)
{
    const char *end = value;
    uint64_t number;

    if (!envl_size_read(&number, &end) || *end != '\0'
        || (row->kind == NUMBER && (end[-1] < '0' || end[-1] > '9'))
        || number < (uint64_t)row->min || number > (uint64_t)row->max
        || number % (uint64_t)row->step != 0)
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "option %s%s=%s: must be a number%s from %ld to %ld%s",
                         options->dashes, row->known.name, value,
                         row->kind == SIZE ? " of bytes, such as 64K," : "",
                         row->min, row->max,
                         row->step > 1 ? ", a multiple of 512" : "");
    *field = (long)number;
    return ENVELOPE_OK;
}

static enum envelope_reason
set_carrier(const struct envl_options *options, enum envl_carrier *field,
            const char *value, struct envl_err *err)
{
    size_t i;

    for (i = 0; i < sizeof(carriers) / sizeof(carriers[0]); i++) {
        if (strcmp(carriers[i], value) == 0) {
            *field = (enum envl_carrier)i;
            return ENVELOPE_OK;
        }
    }
    return envl_fail(err, ENVELOPE_R_PARAMETER,
                     "option %scarrier=%s: must be raw, tar, xbstream or auto",
                     options->dashes, value);
}

static const struct row *
find(const char *name)
{
    size_t i;

    for (i = 0; i < ROW_COUNT; i++) {
        if (strcmp(rows[i].known.name, name) == 0)
            return &rows[i];
    }
    return NULL;
}

const struct envl_option_name *
envl_option_find(const char *name)
{
    const struct row *row = find(name);

    return row != NULL ? &row->known : NULL;
}

const struct envl_option_name *
envl_option_name(size_t i)
{
    return i < ROW_COUNT ? &rows[i].known : NULL;
}

enum envelope_reason
envl_options_set(struct envl_options *options, const char *name,
                 const char *value, struct envl_err *err)
{
    const struct row *row = find(name);
    void *field;

    if (row == NULL)
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "unknown option %s; there are recipients, "
                         "identities, passphrase-file, labels, carrier, "
                         "threads and those that envelope_archive(3) lists",
                         name);
    if (value == NULL || *value == '\0')
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "option %s%s: its value is missing", options->dashes,
                         name);
    field = (char *)options + row->offset;
    switch (row->kind) {
    case LABEL:
        if (strchr(value, '\n') != NULL)
            return envl_fail(err,
                             (row->known.traits & READS) != 0
                                 ? ENVELOPE_R_PARAMETER
                                 : ENVELOPE_R_LABELS,
                             "option %s%s: a line feed in it would make two "
                             "labels of one",
                             options->dashes, name);
        return add_line(field, value) ? ENVELOPE_OK : envl_fail_memory(err);
    case LINES:
        return add_line(field, value) ? ENVELOPE_OK : envl_fail_memory(err);
    case PATH:
        return add_path(field, value, err);
    case TEXT:
        free_text(field);
        return add_line(field, value) ? ENVELOPE_OK : envl_fail_memory(err);
    case NUMBER:
    case SIZE:
        return set_number(options, field, row, value, err);
    default:
        return set_carrier(options, field, value, err);
    }
}

enum envelope_reason
envl_options_note(struct envl_options *options, int fd, const char *name,
                  struct envl_err *err)
{
    struct envl_octets *in_use = &options->in_use;

    return (fd < 0 || envl_file_add_in_use(in_use, fd))
                   && (name == NULL || envl_file_add_name_in_use(in_use, name))
               ? ENVELOPE_OK
               : envl_fail_memory(err);
}
