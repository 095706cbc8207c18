/* SPDX-License-Identifier: Apache-2.0 */
/* What inspect and rewrap say of a recipient. */
#include "tools/entry.h"

#include <stdio.h>
#include <string.h>

#include "tools/os/term_safe.h"

static void
put_id(struct envl_json *json, const struct envl_key_envelope_entry *entry)
{
    envl_json_name(json, "id", strlen("id"));
    if (entry->id_len > 0)
        envl_json_hex(json, entry->id, entry->id_len);
    else
        envl_json_null(json);
}

void
envl_entry_put(struct envl_json *json,
               const struct envl_key_envelope_entry *entry)
{
    envl_json_member(json, "type", entry->description.type);
    envl_json_member(json, "kind", entry->description.kind);
    envl_json_member(json, "algorithm", entry->description.algorithm);
    put_id(json, entry);
    if (entry->service != NULL) {
        envl_json_member(json, "service", entry->service);
        envl_json_member(json, "key", entry->service_key);
    }
    envl_json_member(json, "post_quantum",
                     envl_post_quantum_text(entry->description.post_quantum));
    envl_json_name(json, "known", strlen("known"));
    envl_json_bool(json, entry->description.known);
}

void
envl_entry_print_id(const struct envl_key_envelope_entry *entry)
{
    size_t i;

    for (i = 0; i < entry->id_len; i++)
        (void)printf("%02x", entry->id[i]);
    if (entry->id_len == 0)
        (void)printf("without an identifier");
}

/* Changes */

static const char *const changes[] = {
    [ENVL_KEPT] = "kept",
    [ENVL_REMOVED] = "removed",
    [ENVL_ADDED] = "added",
};

void
envl_entry_print_changes(const struct envl_key_envelope_entry *entries,
                         size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        (void)printf("  %-8s %s, ", changes[entries[i].change],
                     entries[i].description.kind);
        envl_entry_print_id(&entries[i]);
        if (entries[i].service_key != NULL) {
            (void)fputs(", ", stdout);
            envl_show(stdout, entries[i].service_key);
        }
        (void)puts(entries[i].description.known
                       ? ""
                       : ", which envelope does not write");
    }
}

void
envl_entry_put_changes(struct envl_json *json,
                       const struct envl_key_envelope_entry *entries,
                       size_t count)
{
    size_t i;

    envl_json_name(json, "recipients", strlen("recipients"));
    envl_json_begin(json, '[');
    for (i = 0; i < count; i++) {
        envl_json_begin(json, '{');
        envl_json_member(json, "change", changes[entries[i].change]);
        envl_entry_put(json, &entries[i]);
        envl_json_end(json, '}');
    }
    envl_json_end(json, ']');
}
