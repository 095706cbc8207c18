/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON by libjansson, whose allocator stays as it is: it is the process's.
 * What has been read is wiped before it is freed.  Beyond reach is what the
 * library's lexer leaves behind in freed memory, and that it may take a text
 * for another one when memory runs out (akheron/jansson, issue 362).
 */
#include "kms/core/json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "kms/core/span.h"

#define NUMBER_LEN_MAX 18 /* digits */
#define INDEX_LEN_MAX 3
#define DEPTH_MAX 16 /* the library itself recurses */

struct kms_json {
    json_t *root;
};

/* Reading */

/* Are the brackets that are open at once few enough?  Strings are jumped
 * over; whether it is JSON is found out later. */
static bool
is_shallow(const char *text, size_t len)
{
    bool in_string = false;
    size_t i, depth = 0;

    for (i = 0; i < len; i++) {
        if (in_string && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            in_string = !in_string;
        else if (!in_string && (text[i] == '{' || text[i] == '[')) {
            if (++depth > DEPTH_MAX)
                return false;
        } else if (!in_string && (text[i] == '}' || text[i] == ']'))
            depth -= depth > 0;
    }
    return true;
}

static enum envelope_reason
load(json_t **root, const char *text, size_t len, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    json_error_t error;

    *root =
        json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (*root == NULL && json_error_code(&error) == json_error_out_of_memory)
        rc = envl_fail_memory(err);
    else if (*root == NULL)
        rc = envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                       "a reply is not JSON: wrong at byte %d", error.position);
    /* Its text quotes what was read. */
    OPENSSL_cleanse(&error, sizeof(error));
    return rc;
}

enum envelope_reason
kms_json_parse(struct kms_json **json, const char *text, size_t len,
               struct envl_err *err)
{
    enum envelope_reason rc;

    *json = NULL;
    if (!is_shallow(text, len))
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                         "a reply is JSON that is nested too deeply");
    *json = OPENSSL_zalloc(sizeof(**json));
    if (*json == NULL)
        return envl_fail_memory(err);
    rc = load(&(*json)->root, text, len, err);
    if (rc == ENVELOPE_OK && !json_is_object((*json)->root))
        rc = envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                       "a reply is JSON, but not an object");
    if (rc != ENVELOPE_OK) {
        kms_json_free(*json);
        *json = NULL;
    }
    return rc;
}

/* Wiping */

/* An object or array, and how far we are in it. */
struct level {
    json_t *value;
    void *member; /* of an object, the next one */
    size_t index; /* of an array, the next one */
};

static struct level
enter(json_t *value)
{
    return (struct level){ value, json_object_iter(value), 0 };
}

/* NULL after the last. */
static json_t *
next_child(struct level *level)
{
    json_t *child;

    if (json_is_array(level->value))
        return json_array_get(level->value, level->index++);
    child = json_object_iter_value(level->member);
    level->member = json_object_iter_next(level->value, level->member);
    return child;
}

static void
wipe_string(const json_t *string)
{
    OPENSSL_cleanse((char *)(uintptr_t)json_string_value(string),
                    json_string_length(string));
}

static void
wipe(json_t *root)
{
    struct level levels[DEPTH_MAX];
    size_t depth = 0;
    json_t *child;

    levels[depth++] = enter(root);
    while (depth > 0) {
        child = next_child(&levels[depth - 1]);
        if (child == NULL)
            depth--;
        else if (json_is_string(child))
            wipe_string(child);
        else if (depth < DEPTH_MAX)
            levels[depth++] = enter(child);
    }
}

void
kms_json_free(struct kms_json *json)
{
    if (json == NULL)
        return;
    if (json->root != NULL)
        wipe(json->root);
    json_decref(json->root);
    OPENSSL_free(json);
}

/* Finding */

/* A member of an object by its name, or one of an array by its number. */
static const json_t *
find_child(const json_t *value, const char *name, size_t len)
{
    if (!json_is_array(value))
        return json_object_getn(value, name, len);
    return len > 0 && len <= INDEX_LEN_MAX && strspn(name, KMS_DIGITS) >= len
                   && (len == 1 || *name != '0')
               ? json_array_get(value, (size_t)strtoul(name, NULL, 10))
               : NULL;
}

/* What is at the path; NULL if there is nothing, or null. */
static const json_t *
find(const struct kms_json *json, const char *path)
{
    const json_t *value = json->root;
    size_t len;

    while (value != NULL) {
        len = strcspn(path, ".");
        value = find_child(value, path, len);
        if (path[len] == '\0')
            break;
        path += len + 1;
    }
    return json_is_null(value) ? NULL : value;
}

const char *
kms_json_text(const struct kms_json *json, const char *path)
{
    const json_t *value = find(json, path);
    const char *text = json_string_value(value);

    if (text == NULL || strlen(text) != json_string_length(value))
        return NULL;
    return text;
}

bool
kms_json_bool(const struct kms_json *json, const char *path, bool otherwise)
{
    const json_t *value = find(json, path);

    return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

bool
kms_json_has(const struct kms_json *json, const char *path)
{
    return find(json, path) != NULL;
}

int64_t
kms_json_number(const struct kms_json *json, const char *path)
{
    const json_t *value = find(json, path);
    const char *text = kms_json_text(json, path);

    if (json_is_integer(value))
        return json_integer_value(value);
    /* No more digits than fit, and in the one way of writing them. */
    if (text == NULL || *text == '\0' || strlen(text) > NUMBER_LEN_MAX
        || strspn(text, KMS_DIGITS) != strlen(text)
        || (text[0] == '0' && text[1] != '\0'))
        return -1;
    return strtoll(text, NULL, 10);
}

/* Writing */

/* Between quotes. */
static void
add_string(struct kms_text *text, const char *value, size_t len)
{
    size_t i;

    kms_text_add(text, "\"");
    for (i = 0; i < len; i++) {
        if (value[i] == '"' || value[i] == '\\')
            kms_text_add(text, "\\");
        if ((unsigned char)value[i] < 0x20)
            kms_text_addf(text, "\\u%04x", (unsigned)value[i]);
        else
            kms_text_add_bytes(text, value + i, 1);
    }
    kms_text_add(text, "\"");
}

/* A member's name, and a comma if it is not the first. */
static void
add_name(struct kms_text *text, const char *name, size_t len)
{
    if (text->len > 0 && text->data[text->len - 1] != '{')
        kms_text_add(text, ",");
    add_string(text, name, len);
    kms_text_add(text, ":");
}

void
kms_json_begin(struct kms_text *text)
{
    kms_text_add(text, "{");
}

void
kms_json_add(struct kms_text *text, const char *name, const char *value)
{
    kms_json_add_bytes(text, name, value, strlen(value));
}

void
kms_json_add_bytes(struct kms_text *text, const char *name, const char *value,
                   size_t len)
{
    add_name(text, name, strlen(name));
    add_string(text, value, len);
}

void
kms_json_add_raw(struct kms_text *text, const char *name, const char *json)
{
    add_name(text, name, strlen(name));
    kms_text_add(text, json);
}

void
kms_json_end(struct kms_text *text)
{
    kms_text_add(text, "}");
}

/* Lines "name=value". */
void
kms_json_labels(struct kms_text *text, const char *labels, size_t len)
{
    struct kms_span rest = { labels, len }, line, name;

    kms_json_begin(text);
    while (rest.len > 0) {
        line = kms_span_cut(&rest, '\n');
        name = kms_span_cut(&line, '=');
        add_name(text, name.data, name.len);
        add_string(text, line.data, line.len);
    }
    kms_json_end(text);
}
