/* SPDX-License-Identifier: Apache-2.0 */
/* Tables in, lists out. */
#include "test/kms/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/support/support.h"

static int64_t
now(void *arg)
{
    const struct fake_world *fake = arg;

    return fake->now + fake->ticks / 1000;
}

static int64_t
ticks(void *arg)
{
    const struct fake_world *fake = arg;

    return fake->ticks;
}

static void
pause_for(void *arg, unsigned milliseconds)
{
    struct fake_world *fake = arg;

    assert_true(fake->pause_count < FAKE_COUNT_MAX);
    fake->pauses[fake->pause_count++] = milliseconds;
    fake->ticks += milliseconds;
}

static unsigned
most(void *arg, unsigned bound)
{
    (void)arg;
    return bound > 0 ? bound - 1 : 0;
}

static const char *
look_up(const struct fake_pair *pairs, const char *name)
{
    for (; pairs != NULL && pairs->name != NULL; pairs++) {
        if (strcmp(pairs->name, name) == 0)
            return pairs->content;
    }
    return NULL;
}

static const char *
variable(void *arg, const char *name)
{
    const struct fake_world *fake = arg;

    return look_up(fake->variables, name);
}

static enum envelope_reason
read_file(void *arg, struct kms_text *content, const char *path, size_t max,
          struct envl_err *err)
{
    const struct fake_world *fake = arg;
    const char *text = look_up(fake->files, path);

    kms_text_clear(content);
    if (text == NULL)
        return ENVELOPE_OK;
    if (strlen(text) > max)
        return envl_fail(err, ENVELOPE_R_CREDENTIALS, "%s is too long", path);
    kms_text_set(content, text);
    return content->failed ? envl_fail_memory(err) : ENVELOPE_OK;
}

/* A copy of the text. */
static char *
keep(const struct kms_text *text)
{
    char *copy = strdup(kms_text_get(text));

    assert_non_null(copy);
    return copy;
}

static void
keep_request(struct fake_world *fake, const struct kms_request *request,
             unsigned milliseconds)
{
    struct fake_request *kept = &fake->requests[fake->request_count++];
    struct kms_text text = { 0 };
    size_t i;

    kept->method = strdup(request->method);
    kept->body = keep(&request->body);
    kept->milliseconds = milliseconds;
    kms_text_addf(
        &text, "%s://%s%s", request->endpoint->plain ? "http" : "https",
        kms_text_get(&request->endpoint->host), kms_text_get(&request->path));
    kept->url = keep(&text);
    kms_text_set(&text, "");
    for (i = 0; i < request->header_count; i++)
        kms_text_addf(&text, "%s: %s\n", request->headers[i].name,
                      kms_text_get(&request->headers[i].value));
    kept->headers = keep(&text);
    kms_text_clear(&text);
}

static void
take_headers(struct kms_reply *reply, const char *lines)
{
    size_t len;

    for (; lines != NULL && *lines != '\0'; lines += len) {
        len = strcspn(lines, "\n");
        len += lines[len] != '\0';
        kms_reply_take_header(reply, lines, len);
    }
}

static enum envelope_reason
send_request(void *arg, struct kms_reply *reply,
             const struct kms_request *request, unsigned milliseconds,
             struct envl_err *err)
{
    struct fake_world *fake = arg;
    const struct fake_reply *next;

    assert_true(fake->request_count < FAKE_COUNT_MAX);
    assert_true(fake->request_count < fake->reply_count);
    next = &fake->replies[fake->request_count];
    keep_request(fake, request, milliseconds);
    fake->ticks += fake->request_ms;
    kms_reply_clear(reply);
    if (next->status == 0)
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE, "fake: no connection");
    reply->status = next->status;
    take_headers(reply, next->headers);
    kms_text_set(&reply->body, next->body != NULL ? next->body : "");
    return reply->body.failed ? envl_fail_memory(err) : ENVELOPE_OK;
}

static enum envelope_reason
run_program(void *arg, struct kms_text *output, size_t max, char *const argv[],
            const struct kms_text *input, unsigned milliseconds,
            struct envl_err *err)
{
    struct fake_world *fake = arg;
    struct fake_run *run;
    struct kms_text command = { 0 };
    size_t i;

    (void)milliseconds;
    assert_true(fake->run_count < FAKE_COUNT_MAX);
    run = &fake->runs[fake->run_count++];
    for (i = 0; argv[i] != NULL; i++)
        kms_text_addf(&command, "%s%s", i > 0 ? " " : "", argv[i]);
    run->command = keep(&command);
    run->input = input != NULL ? keep(input) : NULL;
    kms_text_clear(&command);
    if (fake->run_output == NULL || strlen(fake->run_output) > max)
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE, "%s: fake: it failed",
                         argv[0]);
    kms_text_set(output, fake->run_output);
    return output->failed ? envl_fail_memory(err) : ENVELOPE_OK;
}

static enum envelope_reason
guard(void *arg, const char *path, struct envl_err *err)
{
    const struct fake_world *fake = arg;

    return fake->open_to_all != NULL && strcmp(fake->open_to_all, path) == 0
               ? envl_fail(err, ENVELOPE_R_UNREADABLE_KEY, "%s: open to all",
                           path)
               : ENVELOPE_OK;
}

void
fake_world_init(struct fake_world *fake)
{
    *fake = (struct fake_world){
        .world = {
            .arg = fake,
            .now = now,
            .ticks = ticks,
            .sleep = pause_for,
            .random = most,
            .variable = variable,
            .guard = guard,
            .read = read_file,
            .send = send_request,
            .run = run_program,
        },
        .now = INT64_C(1440938160),
    };
}

void
fake_world_clear(struct fake_world *fake)
{
    size_t i;

    for (i = 0; i < fake->request_count; i++) {
        free(fake->requests[i].method);
        free(fake->requests[i].url);
        free(fake->requests[i].headers);
        free(fake->requests[i].body);
    }
    for (i = 0; i < fake->run_count; i++) {
        free(fake->runs[i].command);
        free(fake->runs[i].input);
    }
    fake_world_init(fake);
}

const char *
fake_header(const struct fake_request *request, const char *name)
{
    static char value[4096];
    const char *line = request->headers;
    size_t len = strlen(name);

    for (; *line != '\0'; line += strcspn(line, "\n") + 1) {
        if (strncmp(line, name, len) == 0 && line[len] == ':') {
            (void)snprintf(value, sizeof(value), "%.*s",
                           (int)strcspn(line + len + 2, "\n"), line + len + 2);
            return value;
        }
    }
    return NULL;
}
