/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of Entra ID and of managed identities. */
#include "kms/cloud/azure_credentials.h"

#include <string.h>

#include "kms/core/span.h"
#include "kms/engine/kept.h"
#include "kms/engine/source.h"

#define IMDS "http://169.254.169.254"
#define IMDS_PATH "/metadata/identity/oauth2/token"

#define PUBLIC "https://login.microsoftonline.com"
#define CHINA "https://login.chinacloudapi.cn"
#define US_GOVERNMENT "https://login.microsoftonline.us"

static const struct kms_azure_cloud clouds[] = {
    { ".vault.azure.net", PUBLIC, "https://vault.azure.net" },
    { ".managedhsm.azure.net", PUBLIC, "https://managedhsm.azure.net" },
    { ".vault.azure.cn", CHINA, "https://vault.azure.cn" },
    { ".managedhsm.azure.cn", CHINA, "https://managedhsm.azure.cn" },
    { ".vault.usgovcloudapi.net", US_GOVERNMENT,
      "https://vault.usgovcloudapi.net" },
    { ".managedhsm.usgovcloudapi.net", US_GOVERNMENT,
      "https://managedhsm.usgovcloudapi.net" },
};

const struct kms_azure_cloud *
kms_azure_cloud(const char *host)
{
    const size_t len = strspn(host, KMS_LOWER KMS_DIGITS "-");
    size_t i;

    for (i = 0; i < sizeof(clouds) / sizeof(clouds[0]); i++) {
        if (len > 0 && *host != '-'
            && strcmp(host + len, clouds[i].suffix) == 0)
            return &clouds[i];
    }
    return NULL;
}

static const struct kms_source_document document = {
    .names = { .token = "access_token" },
    .expires = "expires_on",
    .expires_in = "expires_in",
};

/* One look for a token. */
struct look {
    struct kms_credentials *credentials;
    const struct kms_seeker *seeker;
    const struct kms_azure_cloud *cloud;
    const struct kms_source_request *probe; /* is anybody there?  NULL: yes */
    struct kms_text tenant, client, secret, token_file, certificate, authority,
        endpoint, header, machine;
};

/* From where it was before, or by this request, which is told from others by source. */
static enum envelope_reason
ask(struct look *look, const struct kms_source_request *request,
    const struct kms_text *source, struct envl_err *err)
{
    struct kms_reply ignored = { 0 };
    enum envelope_reason rc = ENVELOPE_OK;

    if (source->failed)
        return envl_fail_memory(err);
    if (kms_kept_find(look->credentials, look->seeker, source->data))
        return ENVELOPE_OK;
    if (look->probe != NULL)
        rc = kms_source_send(&ignored, look->seeker, look->probe, err);
    /* There is no such service here, unless somebody said where it is. */
    if (rc == ENVELOPE_R_KEY_SERVICE && look->machine.len == 0)
        rc = err->reason = ENVELOPE_R_CREDENTIALS;
    kms_reply_clear(&ignored);
    if (rc == ENVELOPE_OK)
        rc = kms_source_ask(look->credentials, look->seeker, request, &document,
                            err);
    if (rc == ENVELOPE_OK)
        kms_kept_put(look->seeker, source->data, look->credentials);
    return rc;
}

/* Entra ID */

static enum envelope_reason
check_tenant(const struct look *look, struct envl_err *err)
{
    const char *tenant = kms_text_get(&look->tenant);

    if (look->tenant.len == 0 || look->client.len == 0)
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         "AZURE_TENANT_ID and AZURE_CLIENT_ID belong to "
                         "AZURE_CLIENT_SECRET and AZURE_FEDERATED_TOKEN_FILE, "
                         "and one of them is not set");
    if (strspn(tenant, KMS_ALNUM ".-") != look->tenant.len || *tenant == '.')
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         "AZURE_TENANT_ID is neither an id nor a domain");
    return ENVELOPE_OK;
}

/* With a secret, or with the token of somebody else that stands in for it. */
static enum envelope_reason
ask_entra(struct look *look, const char *secret_name, const char *secret,
          struct envl_err *err)
{
    struct kms_text path = { 0 }, form = { 0 }, scope = { 0 }, source = { 0 };
    struct kms_source_request request = {
        .name = "Entra ID",
        .method = "POST",
        .url = kms_text_get(&look->authority),
        .body = &form,
        .type = KMS_FORM,
        .advice = "check the application's id, its secret or its federated "
                  "credential, and the tenant",
        .is_far = true,
    };
    enum envelope_reason rc;

    kms_text_addf(&path, "/%s/oauth2/v2.0/token", kms_text_get(&look->tenant));
    request.path = kms_text_get(&path);
    kms_text_addf(&scope, "%s/.default", look->cloud->resource);
    kms_form_add(&form, "client_id", kms_text_get(&look->client));
    kms_form_add(&form, "scope", kms_text_get(&scope));
    kms_form_add(&form, "grant_type", "client_credentials");
    if (strcmp(secret_name, "client_assertion") == 0)
        kms_form_add(&form, "client_assertion_type",
                     "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    kms_form_add(&form, secret_name, secret);
    kms_text_addf(&source, "azure %s%s %s %s %s",
                  kms_text_get(&look->authority), kms_text_get(&path),
                  kms_text_get(&look->client), look->cloud->resource,
                  secret_name);
    form.failed = form.failed || scope.failed;
    rc =
        path.failed ? envl_fail_memory(err) : ask(look, &request, &source, err);
    kms_text_clear(&source);
    kms_text_clear(&scope);
    kms_text_clear(&form);
    kms_text_clear(&path);
    return rc;
}

static enum envelope_reason
by_token(struct look *look, struct envl_err *err)
{
    struct kms_text token = { 0 };
    enum envelope_reason rc = kms_source_token_file(
        &token, look->seeker->world, kms_text_get(&look->token_file), err);

    if (rc == ENVELOPE_OK)
        rc = ask_entra(look, "client_assertion", kms_text_get(&token), err);
    kms_text_clear(&token);
    return rc;
}

/* Managed identities */

/* For a token a service near by asks Entra ID, which takes its time. */
static enum envelope_reason
ask_near(struct look *look, struct kms_source_request *request,
         const char *query, struct envl_err *err)
{
    const struct kms_text *client = &look->client;
    struct kms_text url = { 0 }, source = { 0 };
    enum envelope_reason rc;

    kms_text_addf(&url, "%s?%s&resource=", request->url, query);
    kms_text_add_encoded(&url, look->cloud->resource,
                         strlen(look->cloud->resource));
    if (client->len > 0) {
        kms_text_add(&url, "&client_id=");
        kms_text_add_encoded(&url, client->data, client->len);
    }
    kms_text_addf(&source, "azure %s", kms_text_get(&url));
    request->method = "GET";
    request->url = kms_text_get(&url);
    request->is_far = true;
    rc = url.failed ? envl_fail_memory(err) : ask(look, request, &source, err);
    kms_text_clear(&url);
    kms_text_clear(&source);
    return rc;
}

static enum envelope_reason
by_app_service(struct look *look, struct envl_err *err)
{
    const struct kms_world *world = look->seeker->world;
    struct kms_source_request request = {
        .name = "IDENTITY_ENDPOINT",
        .url = kms_text_get(&look->endpoint),
        .headers = { { "X-IDENTITY-HEADER", kms_text_get(&look->header) } },
    };

    if (look->header.len == 0
        || kms_world_variable(world, "IDENTITY_SERVER_THUMBPRINT") != NULL)
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         "IDENTITY_ENDPOINT is that of Azure Arc or of Service "
                         "Fabric, whose identities are not used here: set "
                         "AZURE_TENANT_ID, AZURE_CLIENT_ID and "
                         "AZURE_CLIENT_SECRET");
    return ask_near(look, &request, "api-version=2019-08-01", err);
}

/* Elsewhere nobody may answer at all, which is found out with a short request. */
static enum envelope_reason
by_machine(struct look *look, struct envl_err *err)
{
    struct kms_text url = { 0 };
    struct kms_source_request request = {
        .name = "the machine's identity service",
        .method = "GET",
        .headers = { { "Metadata", "true" } },
        .may_be_starting = true,
    };
    struct kms_source_request probe = { .name = request.name, .method = "GET" };
    struct envl_err why = { .detail = "" };
    enum envelope_reason rc;

    kms_text_addf(&url, "%s" IMDS_PATH,
                  look->machine.len > 0 ? look->machine.data : IMDS);
    request.url = probe.url = kms_text_get(&url);
    look->probe = &probe;
    rc = url.failed ? envl_fail_memory(&why)
                    : ask_near(look, &request, "api-version=2018-02-01", &why);
    if (rc == ENVELOPE_R_KEY_SERVICE || rc == ENVELOPE_R_CREDENTIALS)
        rc = envl_fail(err, rc,
                       "no credentials for Azure: looked for "
                       "AZURE_CLIENT_SECRET, AZURE_FEDERATED_TOKEN_FILE, "
                       "IDENTITY_ENDPOINT and the machine's identity service: "
                       "%.200s",
                       why.detail);
    else if (rc != ENVELOPE_OK)
        *err = why;
    kms_text_clear(&url);
    return rc;
}

/* All of them */

static enum envelope_reason
read_variables(struct look *look, struct envl_err *err)
{
    const struct {
        struct kms_text *text;
        const char *name;
    } variables[] = {
        { &look->tenant, "AZURE_TENANT_ID" },
        { &look->client, "AZURE_CLIENT_ID" },
        { &look->secret, "AZURE_CLIENT_SECRET" },
        { &look->token_file, "AZURE_FEDERATED_TOKEN_FILE" },
        { &look->certificate, "AZURE_CLIENT_CERTIFICATE_PATH" },
        { &look->authority, "AZURE_AUTHORITY_HOST" },
        { &look->endpoint, "IDENTITY_ENDPOINT" },
        { &look->header, "IDENTITY_HEADER" },
        { &look->machine, "AZURE_POD_IDENTITY_AUTHORITY_HOST" },
    };
    enum envelope_reason rc = ENVELOPE_OK;
    size_t i;

    for (i = 0;
         i < sizeof(variables) / sizeof(variables[0]) && rc == ENVELOPE_OK; i++)
        rc = kms_source_variable(variables[i].text, look->seeker->world,
                                 variables[i].name, err);
    if (rc == ENVELOPE_OK && look->authority.len == 0)
        kms_text_set(&look->authority, look->cloud->authority);
    /* Kubernetes sets it with a slash at its end. */
    while (rc == ENVELOPE_OK && look->authority.len > 0
           && look->authority.data[look->authority.len - 1] == '/')
        look->authority.data[--look->authority.len] = '\0';
    return rc == ENVELOPE_OK && look->authority.failed ? envl_fail_memory(err)
                                                       : rc;
}

/* The first that is there. */
static enum envelope_reason
find(struct look *look, struct envl_err *err)
{
    const bool is_entra = look->secret.len > 0 || look->token_file.len > 0;
    enum envelope_reason rc = is_entra ? check_tenant(look, err) : ENVELOPE_OK;

    if (rc != ENVELOPE_OK)
        return rc;
    if (look->secret.len > 0)
        return ask_entra(look, "client_secret", kms_text_get(&look->secret),
                         err);
    if (look->token_file.len > 0)
        return by_token(look, err);
    if (look->certificate.len > 0)
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         "AZURE_CLIENT_CERTIFICATE_PATH: certificates are not "
                         "used here: give the application a secret or a "
                         "federated credential, or unset it");
    return look->endpoint.len > 0 ? by_app_service(look, err)
                                  : by_machine(look, err);
}

enum envelope_reason
kms_azure_credentials(struct kms_credentials *credentials,
                      const struct kms_seeker *seeker,
                      const struct kms_azure_cloud *cloud, struct envl_err *err)
{
    struct look look = { .credentials = credentials,
                         .seeker = seeker,
                         .cloud = cloud };
    enum envelope_reason rc = read_variables(&look, err);

    kms_credentials_clear(credentials);
    if (rc == ENVELOPE_OK)
        rc = find(&look, err);
    if (rc == ENVELOPE_OK && kms_source_failed(credentials))
        rc = envl_fail_memory(err);
    if (rc != ENVELOPE_OK)
        kms_credentials_clear(credentials);
    kms_text_clear(&look.tenant);
    kms_text_clear(&look.client);
    kms_text_clear(&look.secret);
    kms_text_clear(&look.token_file);
    kms_text_clear(&look.certificate);
    kms_text_clear(&look.authority);
    kms_text_clear(&look.endpoint);
    kms_text_clear(&look.header);
    kms_text_clear(&look.machine);
    return rc;
}
