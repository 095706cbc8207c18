/* SPDX-License-Identifier: Apache-2.0 */
/*
 * envelope rewrap: another key envelope in front of the same payload, in
 * place where it fits.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include <envelope/envelope.h>

#include "filter/stream/header_file.h"
#include "filter/stream/library.h"
#include "filter/stream/repack.h"
#include "lib/stream/defaults.h"
#include "lib/stream/rewrap.h"
#include "tools/commands.h"
#include "tools/context.h"
#include "tools/os/journal.h"
#include "tools/os/output.h"
#include "tools/os/prompt.h"
#include "tools/os/term_safe.h"
#include "tools/rewrap_result.h"
#include "tools/target_file.h"

struct job {
    const struct envl_arguments *arguments;
    struct envl_libctx ctx;
    struct envl_key_settings old, fresh; /* identities; recipients */
    struct envl_rewrap *rewrap;          /* NULL for --recover */
};

/* One of the files. */
struct target {
    struct envl_target_file file;
    struct envl_header_file head;
    struct envl_rewrap_result result;
    struct envl_header header;     /* the new one */
    enum envl_direction direction; /* whose failure it would be */
};

/* What libcrypto has to say, where that is asked for, and what we have. */
static enum envl_status
report(const struct job *job, const char *name, const struct envl_err *err,
       enum envl_direction direction)
{
    if (job->arguments->options.trace != NULL)
        job->arguments->options.trace();
    ERR_clear_error();
    /* What it says of a journal is the way out. */
    if (err->reason == ENVELOPE_R_READ || err->reason == ENVELOPE_R_WRITE)
        return envl_report_plain(name, err, direction);
    if (err->reason == ENVELOPE_R_PASSPHRASE_NEEDED)
        return envl_report_with(name, err, direction,
                                "--identity-passphrase-file FILE has it in its "
                                "first line");
    return envl_report(name, err, direction);
}

/* Keys */

static bool
set_text(char **field, const char *text)
{
    return text == NULL || envl_text_set(field, text, strlen(text));
}

static void
set_kek(struct envl_key_settings *settings, const unsigned char *kek)
{
    settings->has_kek = kek != NULL;
    if (kek != NULL)
        memcpy(settings->kek, kek, sizeof(settings->kek));
}

/* Of an option that is -1, 0 or 1. */
static enum envl_choice
choice_of(long number)
{
    if (number < 0)
        return ENVL_UNSAID;
    return number == 0 ? ENVL_NO : ENVL_YES;
}

static enum envelope_reason
ask_passphrase(struct envl_key_settings *old, struct envl_err *err)
{
    enum envelope_reason rc;
    char *text = NULL;

    rc = envl_prompt_passphrase(&text, "the envelope as it is", false, err);
    if (rc != ENVELOPE_OK)
        return rc;
    old->passphrase.data = (unsigned char *)text;
    old->passphrase.len = strlen(text);
    return ENVELOPE_OK;
}

static enum envelope_reason
set_old(struct job *job, const struct envl_defaults *defaults,
        struct envl_err *err)
{
    const struct envl_arguments *arguments = job->arguments;
    const struct envl_options *options = &arguments->options;
    struct envl_key_settings *old = &job->old;

    old->callback = options->callback;
    set_kek(old, arguments->identity_kek);
    if (!set_text(&old->identities, options->identities)
        || !set_text(&old->required_labels, options->required_labels)
        || !set_text(&old->signed_by, options->signed_by)
        || !set_text(&old->passphrase_file, arguments->identity_passphrase_file)
        || !envl_octets_copy(&old->in_use, &options->in_use))
        return envl_fail_memory(err);
    if (arguments->identity_prompt && ask_passphrase(old, err) != ENVELOPE_OK)
        return err->reason;
    return envl_defaults_identities(defaults, old, err);
}

static enum envelope_reason
set_fresh(struct job *job, const struct envl_defaults *defaults,
          struct envl_err *err)
{
    const struct envl_options *options = &job->arguments->options;
    struct envl_key_settings *fresh = &job->fresh;

    set_kek(fresh, options->kek);
    fresh->allow_expired = choice_of(options->allow_expired);
    fresh->skip_expired = choice_of(options->skip_expired);
    fresh->allow_usage = choice_of(options->allow_usage);
    fresh->require_post_quantum = choice_of(options->require_post_quantum);
    fresh->log_n =
        options->work_factor > 0 ? (unsigned)options->work_factor : 0;
    if (!set_text(&fresh->recipients, options->recipients)
        || !set_text(&fresh->passphrase_file, options->passphrase_file)
        || !envl_octets_copy(&fresh->in_use, &options->in_use)
        || (options->passphrase != NULL
            && !envl_octets_set(&fresh->passphrase, options->passphrase,
                                strlen(options->passphrase))))
        return envl_fail_memory(err);
    return envl_defaults_rules(defaults, fresh, err);
}

/* What the environment and openssl.cnf say, as for every other stream. */
static enum envelope_reason
get_defaults(struct envl_defaults *defaults, struct envl_err *err)
{
    const struct envl_library *library;

    if (envl_library_get(&library, err) != ENVELOPE_OK)
        return err->reason;
    envl_defaults_get(defaults, library->conf, ENVELOPE_PROVIDER_NAME);
    return ENVELOPE_OK;
}

static bool
has_recipients(const struct envl_options *options)
{
    return options->recipients != NULL || options->passphrase != NULL
           || options->passphrase_file != NULL || options->kek != NULL;
}

static enum envl_rewrap_mode
mode_of(const struct envl_arguments *arguments)
{
    if (arguments->replace_all)
        return ENVL_REWRAP_ALL;
    return arguments->add ? ENVL_REWRAP_ADD : ENVL_REWRAP_REPLACE;
}

static enum envl_status
begin(struct job *job)
{
    const struct envl_arguments *arguments = job->arguments;
    enum envl_direction direction = ENVL_DECRYPT;
    struct envl_defaults defaults;
    enum envelope_reason rc;
    struct envl_err err;

    rc = envl_context_get(&job->ctx, &err);
    if (rc == ENVELOPE_OK)
        rc = envl_rewrap_new(&job->rewrap, &job->ctx, &err);
    if (rc == ENVELOPE_OK)
        rc = get_defaults(&defaults, &err);
    if (rc == ENVELOPE_OK)
        rc = set_old(job, &defaults, &err);
    if (rc == ENVELOPE_OK)
        rc = envl_rewrap_set_identities(job->rewrap, &job->old, &err);
    if (rc == ENVELOPE_OK && has_recipients(&arguments->options)) {
        direction = ENVL_ENCRYPT;
        rc = set_fresh(job, &defaults, &err);
        if (rc == ENVELOPE_OK)
            rc = envl_rewrap_set_recipients(job->rewrap, &job->fresh,
                                            mode_of(arguments), &err);
    }
    if (rc == ENVELOPE_OK && arguments->remove != NULL)
        envl_rewrap_set_removed(job->rewrap, arguments->remove);
    if (rc == ENVELOPE_OK && arguments->by_service)
        rc = envl_rewrap_set_by_service(job->rewrap, &err);
    if (rc != ENVELOPE_OK)
        return report(job, NULL, &err, direction);
    envl_show_notes(envl_rewrap_notes(job->rewrap), arguments->verbose);
    return ENVL_EXIT_DONE;
}

/* Files */

static void
close_target(struct target *target)
{
    envl_rewrapped_clear(&target->result.made);
    envl_header_clear(&target->header);
    envl_header_file_clear(&target->head);
    envl_target_file_close(&target->file);
}

/* What was done to a file */

static void
tell(const struct job *job, const struct target *target, const char *what)
{
    if (job->arguments->json)
        return; /* there is one object a file */
    envl_show(stdout, target->file.name);
    (void)printf(": %s\n", what);
}

/* What an earlier rewrap left, before anything is read. */
static enum envelope_reason
recover(const struct job *job, struct target *target, struct envl_err *err)
{
    enum envelope_reason rc =
        envl_target_file_recover(&target->file, &target->result.recovered, err);

    if (target->result.recovered == ENVL_JOURNAL_REDONE)
        tell(job, target, "the rewrap that was interrupted is done now");
    else if (target->result.recovered == ENVL_JOURNAL_DROPPED)
        tell(job, target,
             "a rewrap was interrupted before it changed anything");
    else if (rc == ENVELOPE_OK && job->rewrap == NULL)
        tell(job, target, "no rewrap was interrupted");
    return rc;
}

/* The new header */

/* As much padding as keeps the header's length, if nothing else is asked for
 * and that is possible. */
static size_t
choose_reserve(const struct job *job, const struct target *target, size_t len)
{
    const struct envl_prelude *prelude = &target->head.header.prelude;
    size_t parts = envl_prelude_key_envelope_at(prelude) + len;

    if (job->arguments->output != NULL && job->arguments->options.reserve >= 0)
        return (size_t)job->arguments->options.reserve;
    if (parts <= prelude->header_len)
        return prelude->header_len - parts;
    return job->arguments->output != NULL ? ENVL_RESERVE_DEFAULT : 0;
}

/* Nothing opens it: was that rewrap done before?  In a new file it would not be
 * proved that anybody opens it. */
static enum envelope_reason
look_whether_done(const struct job *job, struct target *target,
                  struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_R_NO_MATCH;

    if (job->arguments->output == NULL)
        rc = envl_rewrap_is_done(&target->result.made, job->rewrap,
                                 &target->head.header, err);
    target->result.is_claimed = rc == ENVELOPE_OK;
    return rc;
}

static enum envelope_reason
make_key_envelope(const struct job *job, struct target *target,
                  struct envl_err *err)
{
    struct envl_rewrapped *made = &target->result.made;
    enum envelope_reason rc;

    rc = envl_rewrap_make(made, job->rewrap, &target->head.header,
                          target->head.start, err);
    target->direction =
        rc == ENVELOPE_OK || made->opened ? ENVL_ENCRYPT : ENVL_DECRYPT;
    if (rc == ENVELOPE_R_NO_MATCH && !made->opened)
        rc = look_whether_done(job, target, err);
    return rc;
}

static enum envelope_reason
make_header(const struct job *job, struct target *target, struct envl_err *err)
{
    const struct envl_header *old = &target->head.header;
    const struct envl_rewrapped *made = &target->result.made;

    const struct envl_header_contents contents = {
        .labels = envl_header_labels(old),
        .labels_len = old->prelude.labels_len,
        .signatures = envl_header_signatures(old),
        .signatures_len = old->prelude.signatures_len,
        .key_envelope = made->der,
        .key_envelope_len = made->len,
        .reserve = choose_reserve(job, target, made->len),
    };

    return envl_header_build(&target->header, &contents, err);
}

static enum envelope_reason
write_in_place(struct target *target, struct envl_err *err)
{
    const uint32_t has = target->head.header.prelude.header_len;
    const uint32_t needs = target->header.prelude.header_len;
    struct envl_patch patch;
    enum envelope_reason rc;

    if (needs > has)
        return envl_fail(err, ENVELOPE_R_HEADER_TOO_LARGE,
                         "the new key envelope needs %u bytes more than there "
                         "are: -o NEWFILE writes a new file, and --reserve "
                         "keeps room in it",
                         (unsigned)(needs - has));
    if (!target->head.is_plain)
        return envl_fail(err, ENVELOPE_R_CARRIER_MEMBER,
                         "the archive was packed again, and its header is not "
                         "where it can be overwritten: -o NEWFILE writes a new "
                         "file");
    rc = envl_header_file_patch(&patch, &target->head, target->file.fd,
                                &target->header, err);
    if (rc == ENVELOPE_OK)
        rc = envl_journal_replace(&target->file.journal, target->head.start_at,
                                  &patch, err);
    OPENSSL_free(patch.bytes);
    return rc;
}

static enum envelope_reason
write_new(const struct job *job, struct target *target, struct envl_err *err)
{
    const struct envl_arguments *arguments = job->arguments;
    struct envl_output output = { 0 };
    enum envelope_reason rc;

    rc = envl_output_open(&output, arguments->output, arguments->force, true,
                          target->file.fd, target->file.st.st_mode & 0777, err);
    target->direction = ENVL_DECRYPT; /* it is read once more */
    if (rc == ENVELOPE_OK) {
        envl_output_give(&output, &target->file.st);
        rc = envl_copy(target->file.fd, &target->head, output.fd,
                       &target->header, &arguments->options, err);
    }
    if (rc == ENVELOPE_OK && arguments->preserve_mtime
        && output.file.temporary != NULL
        && futimens(output.fd, target->file.times) != 0)
        rc = envl_fail(err, ENVELOPE_R_WRITE, "its time cannot be set: %s",
                       strerror(errno));
    if (rc == ENVELOPE_OK)
        rc = envl_output_commit(&output, err);
    envl_output_discard(&output);
    return rc;
}

static enum envelope_reason
rewrap(const struct job *job, struct target *target, struct envl_err *err)
{
    const bool in_place = job->arguments->output == NULL;
    enum envelope_reason rc;

    rc = envl_target_file_open(
        &target->file, in_place ? ENVL_TARGET_WRITTEN : ENVL_TARGET_READ,
        job->arguments->preserve_mtime, err);
    if (rc == ENVELOPE_OK)
        rc = recover(job, target, err);
    if (rc != ENVELOPE_OK || job->rewrap == NULL)
        return rc;
    rc = envl_header_file_read(&target->head, target->file.fd, err);
    if (rc == ENVELOPE_OK)
        rc = make_key_envelope(job, target, err);
    if (rc == ENVELOPE_OK && in_place
        && target->result.made.outcome == ENVL_REWRAP_UNCHANGED)
        return rc; /* there is nothing to write */
    if (rc == ENVELOPE_OK)
        rc = make_header(job, target, err);
    if (rc == ENVELOPE_OK)
        rc = in_place ? write_in_place(target, err)
                      : write_new(job, target, err);
    return rc;
}

/* Standard output may be the new file. */
static bool
may_tell(const struct job *job)
{
    const char *output = job->arguments->output;

    return output == NULL || strcmp(output, "-") != 0;
}

static enum envl_status
run_one(const struct job *job, const char *name)
{
    struct target target = { .file = { .name = name, .fd = -1 },
                             .direction = ENVL_DECRYPT };
    enum envl_status status;
    enum envelope_reason rc;
    struct envl_err err;

    rc = rewrap(job, &target, &err);
    if (job->arguments->json)
        envl_rewrap_result_put(name, &target.result,
                               rc == ENVELOPE_OK ? NULL : &err);
    else if (rc == ENVELOPE_OK && job->rewrap != NULL && may_tell(job))
        envl_rewrap_result_print(name, &target.result);
    close_target(&target);
    (void)fflush(stdout); /* main() looks whether all was written */
    if (rc == ENVELOPE_OK)
        return ENVL_EXIT_DONE;
    if (rc == ENVELOPE_R_WRITE && job->arguments->output != NULL)
        name = job->arguments->output;
    status = report(job, name, &err, target.direction);
    return target.file.missing ? ENVL_EXIT_MISSING : status;
}

/* What was asked for */

static enum envl_status
check(const struct envl_arguments *arguments)
{
    bool recipients = has_recipients(&arguments->options);

    if (arguments->file_count == 0)
        return envl_report_usage("rewrap: name the files");
    if (arguments->recover)
        return !recipients && !arguments->add && arguments->remove == NULL
                       && arguments->output == NULL && !arguments->by_service
                       && !arguments->replace_all
                   ? ENVL_EXIT_DONE
                   : envl_report_usage("rewrap: --recover goes with nothing "
                                       "else");
    if (arguments->by_service
        && (arguments->add || arguments->replace_all
            || arguments->remove != NULL))
        return envl_report_usage("rewrap: --by-service goes with -i and -r "
                                 "alone");
    if (!recipients && !arguments->by_service
        && (arguments->add || arguments->replace_all
            || arguments->remove == NULL))
        return envl_report_usage("rewrap: name the new recipients, with -r, "
                                 "-p or --passphrase-file");
    if (arguments->replace_all && (arguments->add || arguments->remove != NULL))
        return envl_report_usage("rewrap: --replace-all keeps nobody: it goes "
                                 "with neither --add nor --remove");
    if (arguments->output != NULL && arguments->file_count > 1)
        return envl_report_usage("rewrap: -o is for one file");
    if (arguments->json && arguments->output != NULL
        && strcmp(arguments->output, "-") == 0)
        return envl_report_usage("rewrap: --json writes to standard output, "
                                 "and so does -o -");
    if (arguments->output == NULL && arguments->options.reserve >= 0)
        return envl_report_usage("rewrap: --reserve is for a new file, with "
                                 "-o");
    return ENVL_EXIT_DONE;
}

enum envl_status
envl_command_rewrap(struct envl_arguments *arguments)
{
    enum envl_status status = check(arguments), worst;
    struct job job = { .arguments = arguments };
    int i;

    if (status == ENVL_EXIT_DONE && !arguments->recover)
        status = begin(&job);
    worst = status;
    for (i = 0; i < arguments->file_count && status == ENVL_EXIT_DONE; i++) {
        worst = envl_status_worse(worst, run_one(&job, arguments->files[i]));
    }
    if (worst == ENVL_EXIT_DONE && job.rewrap != NULL)
        envl_show_hint(envl_rewrap_notes(job.rewrap));
    envl_rewrap_free(job.rewrap);
    envl_context_clear(&job.ctx);
    envl_key_settings_clear(&job.old);
    envl_key_settings_clear(&job.fresh);
    return worst;
}
