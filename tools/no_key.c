/* SPDX-License-Identifier: Apache-2.0 */
/* envelope verify --no-key, for the machine that stores and holds no key.  What is
 * stored is compared with the receipt before its form is judged: that
 * half of it is missing says more than where it ends. */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "filter/stream/fd.h"
#include "filter/stream/options.h"
#include "filter/stream/sealed.h"
#include "tools/commands.h"
#include "tools/facts.h"
#include "tools/input_file.h"
#include "tools/measure.h"
#include "tools/os/term_safe.h"
#include "tools/receipt_file.h"
#include "tools/signers.h"

/* What a receipt says of a part of the stream. */
enum verdict { UNKNOWN, SAME, OTHER };

struct check {
    const struct envl_receipt *receipt; /* NULL: none */
    const struct envl_trust *trust;
    struct envl_signers signers;
    struct envl_sealed sealed;
    bool was_read; /* to its end */
    uint64_t text_len;
    bool has_text_len;
    enum verdict header, data;
};

static uint64_t
passed(void *done)
{
    return atomic_load((_Atomic uint64_t *)done);
}

static enum envelope_reason
read_all(struct check *check, const struct envl_arguments *arguments,
         const struct envl_input_file *input, struct envl_err *err)
{
    struct envl_progress *progress;
    enum envelope_reason rc;
    _Atomic uint64_t done = 0;

    envl_fd_widen_pipe(input->fd);
    progress =
        envl_progress_start(arguments->progress, input->size, passed, &done);
    rc = envl_sealed_read(&check->sealed, input->fd, check->receipt != NULL,
                          &done, err);
    envl_progress_stop(progress, rc == ENVELOPE_OK);
    check->was_read = rc == ENVELOPE_OK;
    return rc;
}

/* Comparing */

static bool
is_same(const struct envl_sum_value *sum, const unsigned char *value)
{
    return memcmp(sum->value, value, ENVL_SUM_LEN) == 0;
}

static enum envelope_reason
fail_other(const struct check *check, struct envl_err *err)
{
    const struct envl_receipt *receipt = check->receipt;
    const uint64_t len = check->sealed.sums.of[ENVL_SUM_PAYLOAD].len;

    if (memcmp(check->sealed.start, receipt->id, sizeof(receipt->id)) != 0)
        return envl_fail(err, ENVELOPE_R_RECEIPT,
                         "it is of another envelope, or the first bytes of the "
                         "data are damaged");
    if (len != receipt->payload_size)
        return envl_fail(err, ENVELOPE_R_RECEIPT,
                         "the data is %s: %" PRIu64 " bytes where there were "
                         "%" PRIu64,
                         len < receipt->payload_size ? "shorter" : "longer",
                         len, receipt->payload_size);
    return envl_fail(
        err, ENVELOPE_R_RECEIPT,
        is_same(&check->sealed.sums.of[ENVL_SUM_PAYLOAD], receipt->payload_sum)
            ? "the labels are others"
            : "some bytes of the data are others");
}

static enum envelope_reason
compare(struct check *check, struct envl_err *err)
{
    const struct envl_sum_values *sums = &check->sealed.sums;
    const struct envl_receipt *receipt = check->receipt;

    if (receipt == NULL)
        return ENVELOPE_OK;
    check->header = is_same(&sums->header, receipt->header_sum) ? SAME : OTHER;
    check->data =
        is_same(&sums->of[ENVL_SUM_KEPT], receipt->kept_sum)
                && is_same(&sums->of[ENVL_SUM_PAYLOAD], receipt->payload_sum)
                && sums->of[ENVL_SUM_PAYLOAD].len == receipt->payload_size
            ? SAME
            : OTHER;
    return check->data == SAME ? ENVELOPE_OK : fail_other(check, err);
}

static enum envelope_reason
check_form(struct check *check, const struct envl_arguments *arguments,
           struct envl_err *err)
{
    const struct envl_header *header = &check->sealed.header;
    const struct envl_labels labels = { envl_header_labels(header),
                                        header->prelude.labels_len };
    struct envl_recipient_list recipients;
    enum envelope_reason rc;

    rc = envl_measure_text(&check->text_len,
                           check->sealed.sums.of[ENVL_SUM_PAYLOAD].len, err);
    check->has_text_len = rc == ENVELOPE_OK;
    if (rc == ENVELOPE_OK)
        rc = envl_recipient_list_read(&recipients, header, err);
    if (rc == ENVELOPE_OK) {
        envl_recipient_list_clear(&recipients);
        rc = envl_labels_require(arguments->options.required_labels, &labels,
                                 err);
    }
    return rc == ENVELOPE_OK ? envl_signers_read(
               &check->signers, header, check->sealed.start, check->trust, err)
                             : rc;
}

/* Saying */

static const char *
data_word(enum verdict verdict)
{
    return verdict == SAME    ? "as in the receipt"
           : verdict == OTHER ? "not as in the receipt"
                              : "not verified";
}

static const char *
header_word(enum verdict verdict)
{
    return verdict == OTHER ? "rewrapped or replaced" : data_word(verdict);
}

static void
put(const struct check *check, const char *name, enum envl_status status,
    const struct envl_err *err)
{
    const struct envl_sealed *sealed = &check->sealed;
    struct envl_json json = { .to = stdout };

    envl_json_begin(&json, '{');
    envl_put_status(&json, name, status, check->was_read, err);
    if (check->was_read) {
        envl_json_member(&json, "carrier", envl_carrier_name(sealed->kind));
        envl_put_hex(&json, "id", sealed->start, sizeof(sealed->start));
        envl_put_number(&json, "payload_size",
                        sealed->sums.of[ENVL_SUM_PAYLOAD].len);
    }
    if (check->has_text_len)
        envl_put_number(&json, "plaintext_size", check->text_len);
    envl_json_member(&json, "data", data_word(check->data));
    envl_json_member(&json, "header", header_word(check->header));
    if (check->was_read)
        envl_signers_put(&json, &check->signers);
    envl_json_end(&json, '}');
    (void)putchar('\n');
}

static void
print(const struct check *check, const char *name)
{
    envl_show(stdout, name);
    if (check->data == SAME)
        (void)printf(
            ": data as in the receipt, %" PRIu64 " bytes%s\n", check->text_len,
            check->header == SAME ? "" : "; header rewrapped or replaced");
    else
        (void)printf(
            ": data not verified, there is no receipt; the form is "
            "right for %" PRIu64 " bytes%s\n",
            check->text_len,
            check->sealed.kind == ENVL_RAW ? ", if it was not cut short" : "");
}

static enum envl_status
verify(const struct envl_arguments *arguments, const struct envl_trust *trust,
       const struct envl_receipt *receipt, const char *file)
{
    const bool is_standard = file == NULL || strcmp(file, "-") == 0;
    struct check check = { .receipt = receipt, .trust = trust };
    enum envl_status status = ENVL_EXIT_DONE;
    struct envl_input_file input;
    enum envelope_reason rc;
    struct envl_err err;

    rc = envl_input_open(&input, file, ENVL_INPUT_STORED, &err);
    if (rc == ENVELOPE_OK)
        rc = read_all(&check, arguments, &input, &err);
    if (rc == ENVELOPE_OK)
        rc = compare(&check, &err);
    if (rc == ENVELOPE_OK)
        rc = check_form(&check, arguments, &err);
    if (rc != ENVELOPE_OK)
        status = input.missing ? ENVL_EXIT_MISSING
                               : envl_status_of(rc, ENVL_DECRYPT);
    if (arguments->json)
        put(&check, file, status, &err);
    else if (rc == ENVELOPE_OK && !arguments->quiet)
        print(&check, is_standard ? "standard input" : file);
    if (rc != ENVELOPE_OK) {
        (void)fflush(stdout);
        (void)envl_report_plain(is_standard ? "standard input" : file, &err,
                                ENVL_DECRYPT);
    }
    envl_sealed_clear(&check.sealed);
    envl_input_close(&input);
    return status;
}

/* Whether a receipt is asked for that is of another file, or has no place. */
static enum envl_status
check_words(const struct envl_arguments *arguments)
{
    const char *file = arguments->file_count > 0 ? arguments->files[0] : "-";

    if (arguments->receipt == NULL)
        return ENVL_EXIT_DONE;
    if (arguments->file_count > 1)
        return envl_report_usage("a receipt is of one envelope, and here are "
                                 "%d files: verify one after the other",
                                 arguments->file_count);
    if (strcmp(arguments->receipt, "-") == 0 && strcmp(file, "-") == 0)
        return envl_report_usage("standard input cannot be the envelope and "
                                 "its receipt");
    return ENVL_EXIT_DONE;
}

static enum envl_status
verify_all(const struct envl_arguments *arguments,
           const struct envl_trust *trust)
{
    const struct envl_receipt *given = NULL;
    enum envl_status status = ENVL_EXIT_DONE;
    struct envl_receipt receipt;
    struct envl_err err;
    int i;

    if (arguments->receipt != NULL) {
        if (envl_receipt_read(&receipt, arguments->receipt, &trust->ctx,
                              trust->keys, &err)
            != ENVELOPE_OK)
            return envl_report(arguments->receipt, &err, ENVL_DECRYPT);
        given = &receipt;
    }
    if (arguments->file_count == 0)
        return verify(arguments, trust, given, NULL);
    for (i = 0; i < arguments->file_count; i++)
        status = envl_status_worse(
            status, verify(arguments, trust, given, arguments->files[i]));
    return status;
}

/* A public key is no key that opens anything: --signed-by counts here, too. */
enum envl_status
envl_command_no_key(const struct envl_arguments *arguments)
{
    enum envl_status status = check_words(arguments);
    struct envl_trust trust;
    struct envl_err err;

    if (status != ENVL_EXIT_DONE)
        return status;
    if (envl_trust_load(&trust, arguments->options.signed_by,
                        ENVL_TRUST_ANYWHERE, &err)
        != ENVELOPE_OK)
        return envl_report("verify", &err, ENVL_DECRYPT);
    status = verify_all(arguments, &trust);
    envl_trust_clear(&trust);
    return status;
}
