/* SPDX-License-Identifier: Apache-2.0 */
/*
 * envelope inspect: what a file tells without a key.  Nothing is decrypted, so
 * that nothing of this is authentic; that the length fits does not say that
 * the data is intact.
 *
 * For people there are lines "name: value".  With --json there is one object a
 * file, on a line of its own:
 *
 *   file            string; "-" is standard input
 *   file_base64     string; only where the name is no UTF-8
 *   status          "ok"; "saved-header": a header without data, as envelope
 *                   header save makes it; "damaged", "not-envelope" or "failed"
 *   error           string; only with the last three
 *
 * and unless it is "not-envelope", "failed" or a damage within the header:
 *
 *   carrier         "raw", "tar" or "xbstream"
 *   version         number of the format's version
 *   scheme          number of the payload's scheme
 *   scheme_name     string
 *   file_size       bytes; null if it is no regular file
 *   plaintext_size  bytes, of a raw stream if it is whole; null if that is not
 *                   known
 *   length_fits     whether there is a plaintext for the payload's length;
 *                   null if that is not known, and of a raw stream that may be
 *                   whole or cut short
 *   payload_size    bytes; null where plaintext_size is
 *   id              the payload's salt and commitment, which no two envelopes
 *                   have in common and a rewrap leaves as they are, in
 *                   hexadecimal; null if they are not all there
 *   labels          object of strings, in the order of the file
 *   header_size     bytes of the stream's header
 *   rewrap_room     bytes by which the key envelope can grow in place
 *   post_quantum    "no", "yes" or "unknown": that of the weakest recipient
 *   signers         array of objects, those of envl_signers_put()
 *   recipients      array of objects, those of envl_entry_put()
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "filter/stream/header_file.h"
#include "lib/sign/algorithm.h"
#include "tools/commands.h"
#include "tools/entry.h"
#include "tools/facts.h"
#include "tools/input_file.h"
#include "tools/measure.h"
#include "tools/os/term_safe.h"
#include "tools/signers.h"

/* Bytes of names in front of values, for people. */
#define NAME_WIDTH 17

/* What is the same for all files. */
struct inspector {
    bool json;
    bool printed;            /* something was; a line goes between two files */
    struct envl_trust trust; /* --signed-by */
};

struct inspection {
    const char *name;
    struct envl_header_file head;
    struct envl_signers signers;
    struct envl_recipient_list recipients;
    bool missing;         /* there is no such file */
    bool has_header;      /* and recipients */
    int64_t file_size;    /* -1: not known */
    bool has_start;       /* of the payload */
    bool is_saved_header; /* without data */
    bool has_text_len;
    uint64_t payload_len, text_len; /* if has_text_len */
    bool is_cut;                    /* the length is not one of the format */
    enum envelope_reason reason;    /* what is wrong, in err */
    struct envl_err err;
};

/* Looking */

static enum envelope_reason
measure(struct inspection *x, int fd)
{
    enum envelope_reason rc;

    if (x->file_size < 0)
        return ENVELOPE_OK;
    rc = envl_measure_payload(&x->payload_len, &x->head, fd,
                              (uint64_t)x->file_size, &x->err);
    x->is_saved_header =
        rc == ENVELOPE_OK
        && envl_measure_is_saved_header(&x->head, x->payload_len);
    if (x->is_saved_header)
        return ENVELOPE_OK;
    if (rc == ENVELOPE_OK)
        rc = envl_measure_text(&x->text_len, x->payload_len, &x->err);
    x->has_text_len = rc == ENVELOPE_OK;
    return rc;
}

/* A stream that ends after its header has one all the same. */
static enum envelope_reason
look(struct inspection *x, const struct inspector *inspector, int fd)
{
    enum envelope_reason rc = envl_header_file_read(&x->head, fd, &x->err),
                         listed;
    struct envl_err short_err = x->err, signed_err;
    enum envelope_reason is_signed;

    if (rc == ENVELOPE_R_TRUNCATED
        && envl_header_check(&x->head.header, &x->err) != ENVELOPE_OK)
        return x->err.reason;
    if (rc != ENVELOPE_OK && rc != ENVELOPE_R_TRUNCATED)
        return rc;
    listed = envl_recipient_list_read(&x->recipients, &x->head.header, &x->err);
    if (listed != ENVELOPE_OK)
        return listed;
    x->has_header = true;
    x->has_start = rc == ENVELOPE_OK;
    is_signed = envl_signers_read(&x->signers, &x->head.header,
                                  x->has_start ? x->head.start : NULL,
                                  &inspector->trust, &x->err);
    signed_err = x->err;
    x->err = short_err;
    if (rc == ENVELOPE_OK)
        rc = measure(x, fd);
    x->is_cut = envl_status_of(rc, ENVL_DECRYPT) == ENVL_EXIT_DAMAGED;
    if (rc != ENVELOPE_OK || is_signed == ENVELOPE_OK)
        return rc;
    x->err = signed_err;
    return is_signed;
}

static void
inspect(struct inspection *x, const struct inspector *inspector,
        const char *name)
{
    struct envl_input_file input;

    *x = (struct inspection){ .name = name, .file_size = -1 };
    x->reason = envl_input_open(&input, name, ENVL_INPUT_STORED, &x->err);
    if (x->reason == ENVELOPE_OK) {
        /* A regular file is read from its beginning. */
        if (input.size >= 0)
            x->file_size = lseek(input.fd, 0, SEEK_END);
        x->reason = look(x, inspector, input.fd);
    }
    x->missing = input.missing;
    envl_input_close(&input);
}

static void
clear(struct inspection *x)
{
    envl_recipient_list_clear(&x->recipients);
    envl_header_file_clear(&x->head);
}

static enum envl_status
status_of(const struct inspection *x)
{
    if (x->missing)
        return ENVL_EXIT_MISSING;
    return x->reason == ENVELOPE_OK ? ENVL_EXIT_DONE
                                    : envl_status_of(x->reason, ENVL_DECRYPT);
}

static uint64_t
rewrap_room(const struct inspection *x)
{
    const struct envl_prelude *prelude = &x->head.header.prelude;
    uint64_t padding = prelude->header_len - prelude->key_envelope_len
                       - envl_prelude_key_envelope_at(prelude);
    uint64_t limit = ENVL_KEY_ENVELOPE_LEN_MAX - prelude->key_envelope_len;

    return padding < limit ? padding : limit;
}

/* Whether the payload has a length that it can have.  A raw stream has no mark of
 * its end, and what is left of one that was cut has nearly always such a length. */
enum fits { UNKNOWN, NO, YES };

static enum fits
fits(const struct inspection *x)
{
    if (x->is_cut)
        return NO;
    return x->has_text_len && x->head.kind != ENVL_RAW ? YES : UNKNOWN;
}

/* For people */

static void
print_name(const char *name)
{
    (void)printf("%s:%*s", name, (int)(NAME_WIDTH - strlen(name) - 1), "");
}

static void
print_line(const char *name, const char *value)
{
    print_name(name);
    (void)printf("%s\n", value);
}

/* A name that was typed, or made up by somebody else to do harm. */
static void
print_safely(const char *text)
{
    envl_show(stdout, text);
    (void)putchar('\n');
}

static void
print_id(const struct envl_key_envelope_entry *entry)
{
    (void)printf("%*s", NAME_WIDTH, "");
    envl_entry_print_id(entry);
    (void)putchar('\n');
    if (entry->service_key != NULL) {
        (void)printf("%*s", NAME_WIDTH, "");
        print_safely(entry->service_key);
    }
}

static void
print_recipients(const struct inspection *x)
{
    bool unknown = false;
    size_t i;

    print_name("recipients");
    (void)printf("%zu\n", x->recipients.count);
    for (i = 0; i < x->recipients.count; i++) {
        const struct envl_key_envelope_entry *entry = &x->recipients.list[i];

        print_name("recipient");
        (void)printf("%s; %s; ", entry->description.kind,
                     entry->description.algorithm);
        if (entry->description.known)
            (void)printf(
                "post-quantum: %s\n",
                envl_post_quantum_text(entry->description.post_quantum));
        else
            (void)puts("passed over");
        print_id(entry);
        unknown |= !entry->description.known;
    }
    if (unknown)
        print_line("note", "what is passed over was not written by envelope; "
                           "other programs may open the file with it; rewrap "
                           "drops it");
}

/* Anybody can write an identifier: who signed is known after a check only. */
static void
print_signers(const struct envl_signers *signers)
{
    size_t i, k;

    for (i = 0; i < signers->signatures.count; i++) {
        const struct envl_signature *one = &signers->signatures.items[i];

        print_name("signer");
        (void)printf("%s; signature: %s\n",
                     envl_sign_algorithm_name(&one->algorithm),
                     envl_signers_word(signers, i));
        (void)printf("%*s", NAME_WIDTH, "");
        for (k = 0; k < ENVL_SIGNER_ID_LEN; k++)
            (void)printf("%02x", one->signer[k]);
        (void)putchar('\n');
    }
}

static void
print_labels(const struct envl_header *header)
{
    const char *text = envl_header_labels(header), *key;
    size_t len = header->prelude.labels_len, key_len, value_len;

    while (envl_label_next(&text, &len, &key, &key_len, &value_len)) {
        print_name("label");
        envl_show_bytes(stdout, key, key_len + 1 + value_len);
        (void)putchar('\n');
    }
}

static void
print_sizes(const struct inspection *x)
{
    if (x->is_saved_header) {
        print_line("note", "this is a saved header: there is no data in it");
        return;
    }
    print_name("plaintext size");
    if (x->has_text_len)
        (void)printf("%" PRIu64 " bytes%s\n", x->text_len,
                     fits(x) == YES ? "" : ", if nothing is missing");
    else
        (void)puts("unknown");
    print_name("length");
    if (fits(x) == YES)
        (void)puts("fits the format");
    else if (fits(x) == NO)
        (void)printf("does not fit the format: %s\n", x->err.detail);
    else if (x->has_text_len)
        (void)puts("a raw stream cannot tell whether it was cut short");
    else
        (void)puts("unknown");
}

/* A line between two of them. */
static void
print(const struct inspection *x, bool *printed)
{
    const struct envl_header *header = &x->head.header;

    if (*printed)
        (void)putchar('\n');
    *printed = true;
    print_name("file");
    print_safely(x->name != NULL ? x->name : "-");
    print_line("carrier", envl_carrier_name(x->head.kind));
    print_name("version");
    (void)printf("%u\n", envl_header_version(header));
    print_name("scheme");
    (void)printf("%u, %s\n", envl_header_scheme(header),
                 envl_header_scheme_name(header));
    print_sizes(x);
    print_labels(header);
    print_signers(&x->signers);
    print_name("room for rewrap");
    (void)printf("%" PRIu64 " bytes\n", rewrap_room(x));
    print_line(
        "post-quantum",
        envl_post_quantum_text(envl_recipient_list_strength(&x->recipients)));
    print_recipients(x);
}

/* For programs */

static void
put_number(struct envl_json *json, const char *name, uint64_t value, bool known)
{
    if (known) {
        envl_put_number(json, name, value);
        return;
    }
    envl_json_name(json, name, strlen(name));
    envl_json_null(json);
}

static void
put_id(struct envl_json *json, const struct inspection *x)
{
    if (x->has_start) {
        envl_put_hex(json, "id", x->head.start, sizeof(x->head.start));
        return;
    }
    envl_json_name(json, "id", strlen("id"));
    envl_json_null(json);
}

static void
put_header(struct envl_json *json, const struct inspection *x)
{
    const struct envl_header *header = &x->head.header;

    envl_json_member(json, "carrier", envl_carrier_name(x->head.kind));
    envl_put_number(json, "version", envl_header_version(header));
    envl_put_number(json, "scheme", envl_header_scheme(header));
    envl_json_member(json, "scheme_name", envl_header_scheme_name(header));
    put_number(json, "file_size", (uint64_t)x->file_size, x->file_size >= 0);
    put_number(json, "plaintext_size", x->text_len, x->has_text_len);
    envl_json_name(json, "length_fits", strlen("length_fits"));
    if (fits(x) != UNKNOWN)
        envl_json_bool(json, fits(x) == YES);
    else
        envl_json_null(json);
    put_number(json, "payload_size", x->payload_len, x->has_text_len);
    put_id(json, x);
    envl_put_labels(json, header);
    envl_put_number(json, "header_size", header->prelude.header_len);
    envl_put_number(json, "rewrap_room", rewrap_room(x));
    envl_signers_put(json, &x->signers);
    envl_put_recipients(json, &x->recipients);
}

/* A saved header is well, but nobody should take it for an envelope. */
static void
put_status(struct envl_json *json, const struct inspection *x)
{
    enum envl_status status = status_of(x);

    if (status != ENVL_EXIT_DONE || !x->is_saved_header) {
        envl_put_status(json, x->name, status, x->has_header, &x->err);
        return;
    }
    envl_json_path(json, "file", x->name != NULL ? x->name : "-");
    envl_json_member(json, "status", "saved-header");
}

static void
print_json(const struct inspection *x)
{
    struct envl_json json = { .to = stdout };

    envl_json_begin(&json, '{');
    put_status(&json, x);
    if (x->has_header)
        put_header(&json, x);
    envl_json_end(&json, '}');
    (void)putchar('\n');
}

/* The face */

static enum envl_status
inspect_file(struct inspector *inspector, const char *name)
{
    enum envl_status status;
    struct inspection x;

    inspect(&x, inspector, name);
    status = status_of(&x);
    if (inspector->json)
        print_json(&x);
    else if (x.has_header) /* what is wrong goes to standard error */
        print(&x, &inspector->printed);
    if (status != ENVL_EXIT_DONE) {
        (void)fflush(stdout);
        (void)envl_report(name != NULL ? name : "standard input", &x.err,
                          ENVL_DECRYPT);
    }
    clear(&x);
    return status;
}

static enum envl_status
inspect_all(struct inspector *inspector, const struct envl_arguments *arguments)
{
    enum envl_status worst = ENVL_EXIT_DONE, status;
    int i;

    if (arguments->file_count == 0)
        return inspect_file(inspector, NULL);
    for (i = 0; i < arguments->file_count; i++) {
        status = inspect_file(inspector, arguments->files[i]);
        worst = envl_status_worse(worst, status);
    }
    return worst;
}

/* Only the option says here who is trusted: without it nothing of libcrypto's
 * configuration is needed. */
enum envl_status
envl_command_inspect(struct envl_arguments *arguments)
{
    struct inspector inspector = { .json = arguments->json };
    enum envl_status status;
    struct envl_err err;

    if (envl_trust_load(&inspector.trust, arguments->options.signed_by,
                        ENVL_TRUST_OPTION, &err)
        != ENVELOPE_OK)
        return envl_report("inspect", &err, ENVL_DECRYPT);
    status = inspect_all(&inspector, arguments);
    envl_trust_clear(&inspector.trust);
    return status;
}
