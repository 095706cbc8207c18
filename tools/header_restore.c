/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing is written before it is certain that the saved header is this file's.
 * Then the bytes that it replaces are kept beside the file, and the journal of a
 * rewrap sees that the file has the old ones or the new ones.
 */
#include "tools/header_restore.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/crypto.h>

#include "filter/stream/fd.h"
#include "filter/stream/header_key.h"
#include "filter/stream/header_site.h"
#include "tools/commands.h"
#include "tools/input_file.h"
#include "tools/os/output.h"
#include "tools/os/term_safe.h"
#include "tools/target_file.h"

/* Names that are tried for what is kept. */
#define KEPT_COUNT_MAX 1000

struct restore {
    const struct envl_arguments *arguments;
    struct envl_header_file saved; /* its header becomes as long as needed */
    struct envl_cipher *cipher;    /* NULL with --no-key */

    struct envl_target_file file;
    enum envl_journal_state recovered;
    struct envl_source source;   /* of file */
    struct envl_header_file own; /* header.bytes NULL: it cannot be read */

    struct envl_patch patch;
    uint64_t anchor_at;
    bool is_unchanged;
    bool is_damaged; /* the data, too */
    char *kept;      /* name of what was replaced; OPENSSL_free() */
};

/* What to write */

/* The saved header for a place of len bytes. */
static enum envelope_reason
fit(struct restore *r, size_t len, struct envl_err *err)
{
    const size_t least = envl_header_least_len(&r->saved.header);

    if (len < least)
        return envl_fail(err, ENVELOPE_R_HEADER_TOO_LARGE,
                         "its place has %zu bytes, and the saved header needs "
                         "%zu: envelope rewrap --remove makes a saved header "
                         "shorter",
                         len, least);
    return envl_header_resize(&r->saved.header, len, err);
}

/* The header of the file is whole, and stands before the same data. */
static enum envelope_reason
plan_in_place(struct restore *r, struct envl_err *err)
{
    const uint32_t len = r->own.header.prelude.header_len;
    enum envelope_reason rc = fit(r, len, err);

    if (rc != ENVELOPE_OK)
        return rc;
    r->is_unchanged =
        memcmp(r->own.header.bytes, r->saved.header.bytes, len) == 0;
    if (r->is_unchanged)
        return rc;
    if (!r->own.is_plain)
        return envl_fail(err, ENVELOPE_R_CARRIER_MEMBER,
                         "the archive was packed again, and its header is not "
                         "where it can be overwritten: envelope rewrap -o "
                         "NEWFILE writes a file where it is");
    r->anchor_at = r->own.start_at;
    return envl_header_file_patch(&r->patch, &r->own, r->file.fd,
                                  &r->saved.header, err);
}

/* Where the file's own start is another one, only its data can show that the
 * saved header is its own. */
static enum envelope_reason
guess(struct restore *r, struct envl_header_site *site, struct envl_err *err)
{
    const uint64_t starts[] = { r->own.is_plain ? r->own.start_at : 0, 0 };
    enum envelope_reason rc = ENVELOPE_R_COMMITMENT;
    bool is_first = false;
    size_t i;

    if (r->cipher == NULL)
        return envl_fail(err, rc,
                         "its salt and commitment are not those of the saved "
                         "header: if they are lost, a key must open its data: "
                         "give one, and not --no-key");
    for (i = starts[0] > 0 ? 0 : 1; i < 2 && rc != ENVELOPE_OK; i++) {
        rc =
            envl_header_site_guess(site, &r->saved, starts[i], &r->source, err);
        if (rc == ENVELOPE_OK)
            rc = envl_header_key_prove(r->cipher, &r->source, site, &is_first,
                                       err);
        if (rc == ENVELOPE_R_READ || rc == ENVELOPE_R_MEMORY)
            return rc;
    }
    r->is_damaged = !is_first;
    if (rc == ENVELOPE_OK)
        return rc;
    return envl_fail(err, ENVELOPE_R_COMMITMENT,
                     "neither its salt and commitment nor its data are those "
                     "of the saved header: that is another backup's, or of "
                     "another length than the one that was lost");
}

/* The start is there: data that does not open is damaged, or its length cannot
 * be told. */
static enum envelope_reason
check_data(struct restore *r, struct envl_header_site *site,
           struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    bool is_first = true;

    if (r->cipher != NULL)
        rc = envl_header_key_prove(r->cipher, &r->source, site, &is_first, err);
    else if (site->seen_len > 0 || site->is_doubtful)
        rc = envl_fail(err, ENVELOPE_R_CARRIER,
                       "the member that has the data is damaged, too: a key "
                       "finds its length: give one, and not --no-key");
    if (rc == ENVELOPE_R_CHUNK)
        rc = ENVELOPE_OK;
    r->is_damaged = !is_first;
    return rc;
}

static enum envelope_reason
plan_anew(struct restore *r, struct envl_err *err)
{
    const uint64_t size = (uint64_t)envl_source_size(&r->source);
    struct envl_header_site site;
    enum envelope_reason rc;

    rc = envl_header_site_find(&site, &r->saved, &r->source, err);
    if (rc == ENVELOPE_OK)
        rc = check_data(r, &site, err);
    else if (rc == ENVELOPE_R_COMMITMENT)
        rc = guess(r, &site, err);
    if (rc == ENVELOPE_OK)
        rc = fit(r, site.header_len, err);
    if (rc != ENVELOPE_OK)
        return rc;
    /* Bytes that no other file has: of the start, or after it. */
    r->anchor_at = site.start_at;
    if (!site.has_start)
        r->anchor_at += ENVL_JOURNAL_ANCHOR_LEN;
    if (r->anchor_at > size - ENVL_JOURNAL_ANCHOR_LEN)
        r->anchor_at = size - ENVL_JOURNAL_ANCHOR_LEN;
    return envl_header_site_patch(&r->patch, &site, &r->source, &r->saved,
                                  (uint64_t)r->file.st.st_mtim.tv_sec, err);
}

static enum envelope_reason
plan(struct restore *r, struct envl_err *err)
{
    enum envelope_reason rc = envl_header_file_read(&r->own, r->file.fd, err);

    if (rc == ENVELOPE_R_READ || rc == ENVELOPE_R_MEMORY)
        return rc;
    if (rc != ENVELOPE_OK)
        envl_header_file_clear(&r->own);
    if (rc != ENVELOPE_OK)
        r->own = (struct envl_header_file){ 0 };
    if (rc == ENVELOPE_OK
        && envl_prelude_key_envelope_at(&r->own.header.prelude)
               == envl_prelude_key_envelope_at(&r->saved.header.prelude)
        && memcmp(r->own.start, r->saved.start, sizeof(r->own.start)) == 0)
        return plan_in_place(r, err);
    return plan_anew(r, err);
}

/* What is replaced */

/* A name beside the file that is free. */
static enum envelope_reason
name_kept(struct restore *r, const char *suffix, struct envl_err *err)
{
    const size_t size = strlen(r->file.path) + strlen(suffix) + 8;
    struct stat st;
    int i;

    if ((r->kept = OPENSSL_malloc(size)) == NULL)
        return envl_fail_memory(err);
    (void)snprintf(r->kept, size, "%s%s", r->file.path, suffix);
    for (i = 1; i < KEPT_COUNT_MAX && lstat(r->kept, &st) == 0; i++)
        (void)snprintf(r->kept, size, "%s%s.%d", r->file.path, suffix, i);
    return i < KEPT_COUNT_MAX
               ? ENVELOPE_OK
               : envl_fail(err, ENVELOPE_R_WRITE,
                           "%s%s: there are too many of them: remove some",
                           r->file.path, suffix);
}

/* A header that is whole can be restored in its turn.  Of one that is not, the
 * bytes are kept as they are. */
static enum envelope_reason
write_kept(struct restore *r, int fd, bool is_whole, struct envl_err *err)
{
    unsigned char *bytes;
    enum envelope_reason rc;

    if (is_whole)
        return envl_header_file_write(&r->own, fd, err);
    if ((bytes = OPENSSL_malloc(r->patch.len)) == NULL)
        return envl_fail_memory(err);
    rc = envl_source_read_at(&r->source, (int64_t)r->patch.at, bytes,
                             r->patch.len, err);
    if (rc == ENVELOPE_OK)
        rc = envl_fd_write(fd, bytes, r->patch.len, err);
    OPENSSL_free(bytes);
    return rc;
}

static enum envelope_reason
keep(struct restore *r, struct envl_err *err)
{
    const bool is_whole = r->own.header.bytes != NULL;
    struct envl_output output = { 0 };
    enum envelope_reason rc;

    rc = name_kept(r, is_whole ? ".envelope-header" : ".envelope-damaged", err);
    if (rc == ENVELOPE_OK)
        rc = envl_output_open(&output, r->kept, false, true, -1,
                              r->file.st.st_mode & 0666, err);
    if (rc == ENVELOPE_OK) {
        envl_output_give(&output, &r->file.st);
        rc = write_kept(r, output.fd, is_whole, err);
    }
    if (rc == ENVELOPE_OK)
        rc = envl_output_commit(&output, err);
    envl_output_discard(&output);
    return rc;
}

/* One after the other */

static enum envelope_reason
open_saved(struct restore *r, bool *missing, struct envl_err *err)
{
    struct envl_input_file input;
    enum envelope_reason rc;

    rc = envl_input_open(&input, r->arguments->files[0], ENVL_INPUT_ANY, err);
    if (rc == ENVELOPE_OK)
        rc = envl_saved_header_read(&r->saved, input.fd, err);
    *missing = input.missing;
    envl_input_close(&input);
    if (rc == ENVELOPE_OK && !r->arguments->no_key)
        rc = envl_header_key_open(&r->cipher, &r->arguments->options, &r->saved,
                                  err);
    return rc;
}

static enum envelope_reason
restore(struct restore *r, struct envl_err *err)
{
    const bool preserve = r->arguments->preserve_mtime;
    enum envelope_reason rc;

    rc = envl_target_file_open(&r->file, ENVL_TARGET_WRITTEN, preserve, err);
    if (rc == ENVELOPE_OK)
        rc = envl_target_file_recover(&r->file, &r->recovered, err);
    if (rc != ENVELOPE_OK)
        return rc;
    envl_source_init(&r->source, r->file.fd, 0);
    r->source.seekable = true;
    r->source.size = r->file.st.st_size;
    rc = plan(r, err);
    if (rc == ENVELOPE_OK && !r->is_unchanged)
        rc = keep(r, err);
    if (rc == ENVELOPE_OK && !r->is_unchanged)
        rc = envl_journal_replace(&r->file.journal, r->anchor_at, &r->patch,
                                  err);
    return rc;
}

static void
say(const char *file, const char *text, const char *other)
{
    (void)fputs("envelope: ", stderr);
    envl_show(stderr, file);
    (void)fprintf(stderr, ": %s", text);
    if (other != NULL)
        envl_show(stderr, other);
    (void)fputc('\n', stderr);
}

static void
tell(const struct restore *r)
{
    envl_show(stdout, r->file.name);
    (void)puts(r->is_unchanged ? ": unchanged, it has this header"
                               : ": the saved header is in its place");
    (void)fflush(stdout); /* main() looks whether all was written */
    if (r->kept != NULL)
        say(r->file.name, "what it had in its place is in ", r->kept);
    if (r->is_damaged)
        say(r->file.name,
            "data at its beginning is damaged, too: envelope decrypt --salvage "
            "writes what is intact",
            NULL);
}

static void
clear(struct restore *r)
{
    OPENSSL_free(r->kept);
    OPENSSL_free(r->patch.bytes);
    envl_header_file_clear(&r->own);
    envl_header_file_clear(&r->saved);
    envl_source_clear(&r->source);
    envl_cipher_free(r->cipher);
    envl_target_file_close(&r->file);
}

static enum envl_status
report(const struct restore *r, const char *name, bool is_key,
       const struct envl_err *err)
{
    if (is_key && err->reason == ENVELOPE_R_NO_IDENTITY)
        return envl_report_with(name, err, ENVL_DECRYPT,
                                "name a private key with -i, or --no-key if "
                                "none is at hand");
    if (err->reason == ENVELOPE_R_READ || err->reason == ENVELOPE_R_WRITE)
        return envl_report_plain(name, err, ENVL_DECRYPT);
    return is_key ? envl_report(name, err, ENVL_DECRYPT)
                  : envl_report_with(r->file.name, err, ENVL_DECRYPT, NULL);
}

enum envl_status
envl_command_header_restore(struct envl_arguments *arguments)
{
    struct restore r = { .arguments = arguments,
                         .file = { .name = arguments->files[1], .fd = -1 } };
    const char *name = arguments->files[0];
    enum envl_status status;
    enum envelope_reason rc;
    struct envl_err err;
    bool missing = false;

    rc = open_saved(&r, &missing, &err);
    if (rc == ENVELOPE_OK) {
        name = r.file.name;
        rc = restore(&r, &err);
        missing = r.file.missing;
    }
    if (rc == ENVELOPE_OK) {
        tell(&r);
        status = ENVL_EXIT_DONE;
    } else {
        status = report(&r, name, name == arguments->files[0], &err);
    }
    clear(&r);
    return missing ? ENVL_EXIT_MISSING : status;
}
