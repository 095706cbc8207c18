/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signing: the input is a request and who signs it, in lines
 *
 *     TIME, TARGET, HOST, ID, SECRET, TOKEN, REGION, SERVICE
 *     NAME: VALUE       any number of them, then an empty line
 *     BODY              the rest
 *
 * A canonical request has one form, whatever was sent.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "kms/http/canonical.h"
#include "kms/http/sign.h"
#include "test/fuzz/target.h"

enum { TIME, TARGET, HOST, ID, SECRET, TOKEN, REGION, SERVICE, LINE_COUNT };

struct input {
    char *text; /* the lines point into it */
    size_t size;
    const char *lines[LINE_COUNT];
    char *headers; /* what follows them */
    struct kms_endpoint endpoint;
    struct kms_credentials credentials;
    struct kms_request request;
};

static const struct envl_libctx ctx = { .propq = "?provider=default" };

/* The next line, ended by a NUL; "" after the last one. */
static char *
next_line(struct input *input, char **rest)
{
    char *end = input->text + input->size, *line = *rest, *lf;

    lf = memchr(line, '\n', (size_t)(end - line));
    if (lf != NULL)
        *lf = '\0';
    *rest = lf != NULL ? lf + 1 : end;
    return line;
}

/* Names are always ours, and have nothing else. */
static bool
is_name(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-";

    return *text != '\0' && text[strspn(text, letters)] == '\0';
}

static void
add_headers(struct input *input, char **rest)
{
    char *line, *colon;

    while (*(line = next_line(input, rest)) != '\0') {
        colon = strchr(line, ':');
        if (colon == NULL)
            continue;
        *colon = '\0';
        if (is_name(line))
            kms_request_add(&input->request, line, "%s", colon + 1);
    }
}

static void
read_input(struct input *input, const uint8_t *data, size_t size)
{
    char *rest;
    size_t i;

    *input = (struct input){ .size = size };
    MUST((input->text = OPENSSL_malloc(size + 1)) != NULL);
    if (size > 0)
        memcpy(input->text, data, size);
    input->text[size] = '\0';
    rest = input->text;
    for (i = 0; i < LINE_COUNT; i++)
        input->lines[i] = next_line(input, &rest);
    kms_text_set(&input->endpoint.host, input->lines[HOST]);
    kms_text_set(&input->credentials.id, input->lines[ID]);
    kms_text_set(&input->credentials.secret, input->lines[SECRET]);
    kms_text_set(&input->credentials.token, input->lines[TOKEN]);
    kms_request_init(&input->request, "POST", &input->endpoint,
                     input->lines[TARGET]);
    add_headers(input, &rest);
    kms_text_add_bytes(&input->request.body, rest,
                       (size_t)(input->text + size - rest));
}

static void
clear_input(struct input *input)
{
    kms_request_clear(&input->request);
    kms_credentials_clear(&input->credentials);
    kms_endpoint_clear(&input->endpoint);
    OPENSSL_free(input->text);
}

/* Canonical requests */

/* Encoded: unreserved, "%", and what is allowed beside them. */
static bool
is_encoded(const char *text, size_t len, const char *more)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t i;

    for (i = 0; i < len; i++) {
        if (text[i] == '%') {
            if (len - i < 3 || strchr(hex, text[i + 1]) == NULL
                || strchr(hex, text[i + 2]) == NULL)
                return false;
            i += 2;
        } else if (!(text[i] >= 'a' && text[i] <= 'z')
                   && !(text[i] >= 'A' && text[i] <= 'Z')
                   && !(text[i] >= '0' && text[i] <= '9')
                   && strchr("-._~", text[i]) == NULL
                   && strchr(more, text[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static bool
has(const char *text, size_t len, const char *what)
{
    const char *at = strstr(text, what);

    return at != NULL && at + strlen(what) <= text + len;
}

/* Of the names: sorted, each once, in lower case. */
static void
check_names(const struct kms_text *names)
{
    const char *name = kms_text_get(names), *last = "";
    size_t len, last_len = 0;
    int order;

    for (; *name != '\0'; name += len + (name[len] == ';')) {
        len = strcspn(name, ";");
        order = strncmp(last, name, len < last_len ? len : last_len);
        MUST(order < 0 || (order == 0 && last_len < len));
        last = name;
        last_len = len;
    }
    for (name = kms_text_get(names); *name != '\0'; name++)
        MUST(*name < 'A' || *name > 'Z');
}

/* A canonical query is its own canonical form. */
static void
check_again(const struct kms_canonical_form *form, const char *query,
            size_t len)
{
    struct kms_text target = { 0 }, text = { 0 }, names = { 0 };
    struct kms_endpoint endpoint = { 0 };
    struct kms_request request;
    struct envl_err err;

    kms_text_set(&target, "/?");
    kms_text_add_bytes(&target, query, len);
    kms_request_init(&request, "POST", &endpoint, kms_text_get(&target));
    MUST(kms_canonical_request(&text, &names, form, &request, &err)
         == ENVELOPE_OK);
    MUST(memcmp(kms_text_get(&text), "POST\n/\n", 7) == 0);
    MUST(memcmp(kms_text_get(&text) + 7, query, len) == 0);
    MUST(kms_text_get(&text)[7 + len] == '\n');
    kms_request_clear(&request);
    kms_text_clear(&names);
    kms_text_clear(&text);
    kms_text_clear(&target);
}

static void
try_canonical(const struct input *input)
{
    const struct kms_canonical_form form = { .signed_prefix = "X-Amz-" };
    struct kms_text text = { 0 }, names = { 0 };
    const char *path, *query;
    struct envl_err err;
    size_t path_len, len;

    if (kms_canonical_request(&text, &names, &form, &input->request, &err)
        == ENVELOPE_OK) {
        path = kms_text_get(&text) + strlen("POST\n");
        path_len = strcspn(path, "\n");
        query = path + path_len + 1;
        len = strcspn(query, "\n");
        MUST(path[0] == '/' && is_encoded(path, path_len, "/"));
        MUST(!has(path, path_len, "//") && !has(path, path_len, "/./")
             && !has(path, path_len, "/../"));
        MUST(is_encoded(query, len, "=&"));
        check_names(&names);
        check_again(&form, query, len);
    }
    kms_text_clear(&text);
    kms_text_clear(&names);
}

/* Signatures */

static enum envelope_reason
sign(struct input *input, enum kms_sign_form form, struct envl_err *err)
{
    const struct kms_sign how = {
        .form = form,
        .ctx = &ctx,
        .credentials = &input->credentials,
        .region = form == KMS_SIGN_AWS4 ? input->lines[REGION] : NULL,
        .service = input->lines[SERVICE],
    };

    return kms_sign(&input->request, &how,
                    strtoll(input->lines[TIME], NULL, 10), err);
}

/* Nothing unprintable gets into the headers that are added, and a failure
 * adds no signature. */
static void
try_sign(const uint8_t *data, size_t size, enum kms_sign_form form)
{
    struct input input;
    enum envelope_reason rc;
    struct envl_err err;
    size_t i, given;

    read_input(&input, data, size);
    given = input.request.header_count;
    rc = sign(&input, form, &err);
    MUST(rc == ENVELOPE_OK || rc == ENVELOPE_R_CREDENTIALS
         || rc == ENVELOPE_R_UNREADABLE_KEY);
    for (i = given; i < input.request.header_count; i++) {
        const struct kms_header *header = &input.request.headers[i];

        MUST(rc == ENVELOPE_OK || strcmp(header->name, "Authorization") != 0);
        /* Region and service are the caller's to check. */
        MUST(strcmp(header->name, "Authorization") == 0
             || kms_is_printable(kms_text_get(&header->value)));
    }
    clear_input(&input);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input;
    enum kms_sign_form form;

    read_input(&input, data, size);
    try_canonical(&input);
    clear_input(&input);
    for (form = KMS_SIGN_AWS4; form <= KMS_SIGN_HMAC; form++)
        try_sign(data, size, form);
    return 0;
}
