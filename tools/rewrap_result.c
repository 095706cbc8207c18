/* SPDX-License-Identifier: Apache-2.0 */
/* What rewrap says of a file when it is through with it. */
#include "tools/rewrap_result.h"

#include <stdio.h>
#include <string.h>

#include "tools/entry.h"
#include "tools/json.h"
#include "tools/os/term_safe.h"

void
envl_rewrap_result_print(const char *name,
                         const struct envl_rewrap_result *result)
{
    const struct envl_rewrapped *made = &result->made;
    const char *id;
    size_t len;

    envl_show(stdout, name);
    (void)printf(
        ": %s for %zu recipient%s%s",
        made->outcome == ENVL_REWRAP_UNCHANGED ? "unchanged," : "rewrapped",
        made->recipients, made->recipients == 1 ? "" : "s",
        made->outcome == ENVL_REWRAP_RENEWED ? ", the same as before" : "");
    if (result->is_claimed)
        (void)printf("; the new ones are among them by their identifiers, and "
                     "no identity opens it");
    if (made->absent != NULL && *made->absent != '\0')
        (void)printf("; no recipient of identifier ");
    for (id = made->absent; id != NULL && *id != '\0'; id += len + 1) {
        len = strcspn(id, "\n");
        (void)printf("%s%.*s", id > made->absent ? ", " : "", (int)len, id);
    }
    (void)putchar('\n');
    envl_entry_print_changes(made->entries, made->entry_count);
}

static void
put_absent(struct envl_json *json, const char *ids)
{
    size_t len;

    envl_json_name(json, "absent", strlen("absent"));
    envl_json_begin(json, '[');
    for (; ids != NULL && *ids != '\0'; ids += len + 1) {
        len = strcspn(ids, "\n");
        envl_json_text(json, ids, len);
    }
    envl_json_end(json, ']');
}

static const char *
status_word(const struct envl_rewrap_result *result, bool failed)
{
    if (failed)
        return "failed";
    return result->made.outcome == ENVL_REWRAP_UNCHANGED ? "unchanged" : "ok";
}

void
envl_rewrap_result_put(const char *name,
                       const struct envl_rewrap_result *result,
                       const struct envl_err *err)
{
    static const char *const recovered[] = {
        [ENVL_JOURNAL_NONE] = "no",
        [ENVL_JOURNAL_DROPPED] = "not begun",
        [ENVL_JOURNAL_REDONE] = "done now",
    };
    const struct envl_rewrapped *made = &result->made;
    struct envl_json json = { .to = stdout };

    envl_json_begin(&json, '{');
    envl_json_path(&json, "file", name);
    envl_json_member(&json, "status", status_word(result, err != NULL));
    if (err != NULL)
        envl_json_error(&json, err->reason, err->detail);
    envl_json_name(&json, "opened", strlen("opened"));
    envl_json_bool(&json, made->opened);
    envl_json_member(&json, "interrupted", recovered[result->recovered]);
    put_absent(&json, err == NULL ? made->absent : NULL);
    envl_entry_put_changes(&json, made->entries,
                           err == NULL ? made->entry_count : 0);
    envl_json_end(&json, '}');
    (void)putchar('\n');
}
