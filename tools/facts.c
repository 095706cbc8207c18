/* SPDX-License-Identifier: Apache-2.0 */
/* A header's parts, one member each. */
#include "tools/facts.h"

#include <string.h>

#include "tools/entry.h"

/* Recipients */

enum envelope_reason
envl_recipient_list_read(struct envl_recipient_list *recipients,
                         const struct envl_header *header, struct envl_err *err)
{
    static const struct envl_libctx ctx = { .propq = "" };

    *recipients = (struct envl_recipient_list){ 0 };
    return envl_key_envelope_list(&recipients->list, &recipients->count,
                                  envl_header_key_envelope(header),
                                  header->prelude.key_envelope_len, &ctx, err);
}

void
envl_recipient_list_clear(struct envl_recipient_list *recipients)
{
    envl_key_envelope_list_free(recipients->list, recipients->count);
    *recipients = (struct envl_recipient_list){ 0 };
}

enum envl_post_quantum
envl_recipient_list_strength(const struct envl_recipient_list *recipients)
{
    enum envl_post_quantum weakest = ENVL_PQ_YES, one;
    size_t i;

    for (i = 0; i < recipients->count; i++) {
        one = recipients->list[i].description.post_quantum;
        if (one == ENVL_PQ_NO
            || (one == ENVL_PQ_UNKNOWN && weakest != ENVL_PQ_NO))
            weakest = one;
    }
    return weakest;
}

/* Labels */

bool
envl_label_next(const char **text, size_t *len, const char **key,
                size_t *key_len, size_t *value_len)
{
    const char *equals = *len > 0 ? memchr(*text, '=', *len) : NULL;
    const char *end = equals != NULL ? memchr(*text, '\n', *len) : NULL;

    if (end == NULL || equals > end)
        return false;
    *key = *text;
    *key_len = (size_t)(equals - *text);
    *value_len = (size_t)(end - equals) - 1;
    *len -= (size_t)(end - *text) + 1;
    *text = end + 1;
    return true;
}

/* Members */

void
envl_put_status(struct envl_json *json, const char *name,
                enum envl_status status, bool has_header,
                const struct envl_err *err)
{
    envl_json_path(json, "file", name != NULL ? name : "-");
    envl_json_member(json, "status",
                     status == ENVL_EXIT_DONE      ? "ok"
                     : status == ENVL_EXIT_DAMAGED ? "damaged"
                     : status == ENVL_EXIT_NOT_ENVELOPE && !has_header
                         ? "not-envelope"
                         : "failed");
    if (status != ENVL_EXIT_DONE)
        envl_json_error(json, err->reason, err->detail);
}

void
envl_put_number(struct envl_json *json, const char *name, uint64_t value)
{
    envl_json_name(json, name, strlen(name));
    envl_json_number(json, value);
}

void
envl_put_hex(struct envl_json *json, const char *name,
             const unsigned char *bytes, size_t len)
{
    envl_json_name(json, name, strlen(name));
    envl_json_hex(json, bytes, len);
}

void
envl_put_labels(struct envl_json *json, const struct envl_header *header)
{
    const char *text = envl_header_labels(header), *key;
    size_t len = header->prelude.labels_len, key_len, value_len;

    envl_json_name(json, "labels", strlen("labels"));
    envl_json_begin(json, '{');
    while (envl_label_next(&text, &len, &key, &key_len, &value_len)) {
        envl_json_name(json, key, key_len);
        envl_json_text(json, key + key_len + 1, value_len);
    }
    envl_json_end(json, '}');
}

void
envl_put_recipients(struct envl_json *json,
                    const struct envl_recipient_list *recipients)
{
    size_t i;

    envl_json_member(
        json, "post_quantum",
        envl_post_quantum_text(envl_recipient_list_strength(recipients)));
    envl_json_name(json, "recipients", strlen("recipients"));
    envl_json_begin(json, '[');
    for (i = 0; i < recipients->count; i++) {
        envl_json_begin(json, '{');
        envl_entry_put(json, &recipients->list[i]);
        envl_json_end(json, '}');
    }
    envl_json_end(json, ']');
}
