/* SPDX-License-Identifier: Apache-2.0 */
/* Looks for tags as texts: without "<!", each of them is one. */
#include "kms/core/xml.h"

#include <string.h>

static const struct {
    const char *entity;
    char c;
} entities[] = {
    { "&amp;", '&' },  { "&lt;", '<' },    { "&gt;", '>' },
    { "&quot;", '"' }, { "&apos;", '\'' },
};
#define ENTITY_COUNT (sizeof(entities) / sizeof(entities[0]))

/* Text up to the next tag, without markup. */
static bool
decode(struct kms_text *out, const char *text)
{
    size_t i, len;

    for (; *text != '<' && *text != '\0'; text += len) {
        len = strcspn(text, "&<");
        kms_text_add_bytes(out, text, len);
        if (text[len] != '&')
            continue;
        text += len;
        for (i = 0; i < ENTITY_COUNT; i++) {
            len = strlen(entities[i].entity);
            if (strncmp(text, entities[i].entity, len) == 0)
                break;
        }
        if (i == ENTITY_COUNT)
            return false;
        kms_text_add_bytes(out, &entities[i].c, 1);
    }
    return true;
}

bool
kms_xml_text(struct kms_text *text, const struct kms_text *document,
             const char *name)
{
    const char *all = kms_text_get(document), *begin, *end;
    struct kms_text open = { 0 }, close = { 0 };
    bool good;

    kms_text_set(text, "");
    kms_text_addf(&open, "<%s>", name);
    kms_text_addf(&close, "</%s>", name);
    text->failed = text->failed || open.failed || close.failed;
    begin = text->failed ? NULL : strstr(all, open.data);
    good = begin != NULL && strlen(all) == document->len
           && strstr(all, "<!") == NULL;
    if (good) {
        begin += open.len;
        end = begin + strcspn(begin, "<");
        good = strncmp(end, close.data, close.len) == 0
               && strstr(end, open.data) == NULL && decode(text, begin);
    }
    if (!good)
        kms_text_set(text, "");
    kms_text_clear(&open);
    kms_text_clear(&close);
    return good;
}
