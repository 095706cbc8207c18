/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signs what it reads: a request in each line, with tabs between
 *
 *     aws4|tc3|acs3|sdk|hmac METHOD HOST TARGET BODY ID SECRET TOKEN REGION SERVICE
 *         TIME [NAME VALUE]...
 *
 * BODY is in base64, TIME in seconds since the epoch.  Prints the header
 * Authorization of each, or "refused: " and why.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kms/http/sign.h"

enum {
    SIGNER,
    METHOD,
    HOST,
    TARGET,
    BODY,
    ID,
    SECRET,
    TOKEN,
    REGION,
    SERVICE,
    TIME,
    FIELD_COUNT
};

struct order {
    const char *fields[FIELD_COUNT];
    struct kms_endpoint endpoint;
    struct kms_credentials credentials;
    struct kms_request request;
};

static const struct envl_libctx ctx = { .propq = "?provider=default" };

static int
set_body(struct kms_text *body, const char *base64)
{
    size_t room = strlen(base64) / 4 * 3 + 1;
    unsigned char *bytes = malloc(room);
    long len = -1;

    if (bytes != NULL)
        len = kms_base64_decode(bytes, room, base64, strlen(base64));
    if (len > 0)
        kms_text_add_bytes(body, bytes, (size_t)len);
    free(bytes);
    return len >= 0;
}

/* Take a line apart; the request then points into it. */
static int
read_order(struct order *order, char *line)
{
    const char *const *fields = order->fields;
    char *name, *value;
    size_t i;

    line[strcspn(line, "\n")] = '\0';
    for (i = 0; i < FIELD_COUNT; i++) {
        if ((order->fields[i] = strsep(&line, "\t")) == NULL)
            return 0;
    }
    kms_text_set(&order->endpoint.host, fields[HOST]);
    kms_text_set(&order->credentials.id, fields[ID]);
    kms_text_set(&order->credentials.secret, fields[SECRET]);
    kms_text_set(&order->credentials.token, fields[TOKEN]);
    kms_request_init(&order->request, fields[METHOD], &order->endpoint,
                     fields[TARGET]);
    while ((name = strsep(&line, "\t")) != NULL) {
        if ((value = strsep(&line, "\t")) == NULL)
            return 0;
        kms_request_add(&order->request, name, "%s", value);
    }
    return set_body(&order->request.body, fields[BODY]);
}

static const char *const forms[] = {
    [KMS_SIGN_AWS4] = "aws4", [KMS_SIGN_TC3] = "tc3",
    [KMS_SIGN_ACS3] = "acs3", [KMS_SIGN_SDK] = "sdk",
    [KMS_SIGN_HMAC] = "hmac",
};

static enum envelope_reason
sign(struct order *order, struct envl_err *err)
{
    const char *const *fields = order->fields;
    struct kms_sign how = { .form = KMS_SIGN_AWS4,
                            .ctx = &ctx,
                            .credentials = &order->credentials,
                            .service = fields[SERVICE] };

    while (how.form < KMS_SIGN_HMAC
           && strcmp(fields[SIGNER], forms[how.form]) != 0)
        how.form++;
    if (how.form == KMS_SIGN_AWS4)
        how.region = fields[REGION];
    /* Any other one would differ each time. */
    if (how.form == KMS_SIGN_ACS3)
        kms_request_add(&order->request, "x-acs-signature-nonce", "n");
    return kms_sign(&order->request, &how, strtoimax(fields[TIME], NULL, 10),
                    err);
}

static int
answer(char *line)
{
    struct order order = { 0 };
    struct envl_err err;
    int ok = read_order(&order, line);

    if (!ok)
        fprintf(stderr, "sign_line: a line is not as it should be\n");
    else if (sign(&order, &err) == ENVELOPE_OK
             && kms_request_check(&order.request, &err) == ENVELOPE_OK)
        puts(kms_request_header(&order.request, "Authorization"));
    else
        printf("refused: %s\n", err.detail);
    kms_request_clear(&order.request);
    kms_credentials_clear(&order.credentials);
    kms_endpoint_clear(&order.endpoint);
    return ok;
}

int
main(void)
{
    char *line = NULL;
    size_t size = 0;
    int ok = 1;

    while (ok && getline(&line, &size, stdin) > 0)
        ok = answer(line);
    free(line);
    return ok && fflush(stdout) == 0 ? 0 : 1;
}
