/* SPDX-License-Identifier: Apache-2.0 */
/* From a URI and the environment to a server.  Nothing of it ever comes from
 * a header: a token must not go where a stranger says. */
#include "kms/cloud/vault_server.h"

#include <stdio.h>
#include <string.h>

#include "kms/engine/source.h"

#define TOKEN_LEN_MAX 8192

/* Vault's variables or OpenBao's: those of which the address is set, or else the
 * token, or else another one.  Never both: the token of one is not for the address of
 * the other. */
static bool
is_bao(const struct kms_world *world)
{
    static const char *const deciding[][2] = {
        { "VAULT_ADDR", "BAO_ADDR" },
        { "VAULT_TOKEN", "BAO_TOKEN" },
        { "VAULT_NAMESPACE", "BAO_NAMESPACE" },
        { "VAULT_CACERT", "BAO_CACERT" },
        { "VAULT_CAPATH", "BAO_CAPATH" },
        { "VAULT_CLIENT_CERT", "BAO_CLIENT_CERT" },
    };
    size_t i;

    for (i = 0; i < sizeof(deciding) / sizeof(deciding[0]); i++) {
        if (kms_world_variable(world, deciding[i][0]) != NULL)
            return false;
        if (kms_world_variable(world, deciding[i][1]) != NULL)
            return true;
    }
    return false;
}

static const char *
variable(const struct kms_world *world, const char *name)
{
    char full[32];

    (void)snprintf(full, sizeof(full), "%s_%s", is_bao(world) ? "BAO" : "VAULT",
                   name);
    return kms_world_variable(world, full);
}

/* What the URI says, else the variable. */
static enum envelope_reason
find_text(struct kms_text *text, const struct kms_world *world,
          const char *said, const char *name, struct envl_err *err)
{
    char full[32];
    enum envelope_reason rc;

    kms_text_set(text, said != NULL ? said : "");
    if (said != NULL)
        return text->failed ? envl_fail_memory(err) : ENVELOPE_OK;
    (void)snprintf(full, sizeof(full), "%s_%s", is_bao(world) ? "BAO" : "VAULT",
                   name);
    rc = kms_source_variable(text, world, full, err);
    return rc == ENVELOPE_R_CREDENTIALS
               ? (err->reason = ENVELOPE_R_UNREADABLE_KEY)
               : rc;
}

/* Addresses */

static enum envelope_reason
fail(struct envl_err *err, const char *what)
{
    return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY, "vault: %s", what);
}

static enum envelope_reason
find_endpoint(struct kms_endpoint *endpoint, const struct kms_world *world,
              const struct kms_uri *uri, struct envl_err *err)
{
    const char *said = kms_uri_get(uri, "address");
    struct kms_text url = { 0 };
    enum envelope_reason rc = ENVELOPE_OK;

    if (*uri->authority != '\0' && said != NULL)
        return fail(err, "the URI names its server twice, as a host and as "
                         "address=");
    if (*uri->authority != '\0')
        kms_text_addf(&url, "https://%s", uri->authority);
    else
        rc = find_text(&url, world, said, "ADDR", err);
    if (rc == ENVELOPE_OK && url.failed)
        rc = envl_fail_memory(err);
    else if (rc == ENVELOPE_OK && url.len == 0)
        rc = fail(err, "no server is named: set VAULT_ADDR or BAO_ADDR, or "
                       "write vault://HOST:8200/MOUNT/keys/NAME");
    else if (rc == ENVELOPE_OK)
        rc = kms_endpoint_parse(endpoint, kms_text_get(&url), false, err);
    kms_text_clear(&url);
    return rc;
}

/* What Vault's own client takes for no. */
static bool
is_false(const char *value)
{
    static const char *const words[] = { "0",     "f",     "F",
                                         "false", "FALSE", "False" };
    size_t i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(value, words[i]) == 0)
            return true;
    }
    return false;
}

static enum envelope_reason
find_tls(struct kms_tls *tls, const struct kms_world *world,
         struct envl_err *err)
{
    const char *skip = variable(world, "SKIP_VERIFY");

    if (skip != NULL && !is_false(skip))
        return fail(err, "VAULT_SKIP_VERIFY is not honoured: who sent the "
                         "reply would be anybody's guess; name the "
                         "certificate authority's file in VAULT_CACERT");
    tls->ca_file = variable(world, "CACERT");
    tls->ca_path = variable(world, "CAPATH");
    tls->certificate = variable(world, "CLIENT_CERT");
    tls->key = variable(world, "CLIENT_KEY");
    if ((tls->certificate == NULL) != (tls->key == NULL))
        return fail(err, "VAULT_CLIENT_CERT and VAULT_CLIENT_KEY belong "
                         "together, and one of them is not set");
    return ENVELOPE_OK;
}

enum envelope_reason
kms_vault_server_find(struct kms_target *target, struct kms_text *name_space,
                      struct envl_err *err)
{
    const struct kms_world *world = target->world;
    const struct kms_uri *uri = &target->uri;
    enum envelope_reason rc = find_tls(&target->tls, world, err);

    if (rc == ENVELOPE_OK)
        rc = find_text(name_space, world, kms_uri_get(uri, "namespace"),
                       "NAMESPACE", err);
    if (rc == ENVELOPE_OK)
        rc = find_endpoint(&target->endpoint, world, uri, err);
    return rc;
}

/* Tokens: Vault's own clients strip that of the file, and refuse one of the
 * environment that has a line end. */

enum envelope_reason
kms_vault_token(struct kms_text *token, const struct kms_world *world,
                struct envl_err *err)
{
    const char *home = kms_world_variable(world, "HOME");
    const char *value = variable(world, "TOKEN");
    struct kms_text path = { 0 };
    enum envelope_reason rc = ENVELOPE_OK;

    kms_text_clear(token);
    if (value != NULL) {
        kms_text_set(token, value);
    } else if (home != NULL) {
        kms_text_addf(&path, "%s/.vault-token", home);
        rc = path.failed ? envl_fail_memory(err)
                         : world->read(world->arg, token, kms_text_get(&path),
                                       TOKEN_LEN_MAX, err);
    }
    kms_text_clear(&path);
    if (rc == ENVELOPE_OK && token->failed)
        rc = envl_fail_memory(err);
    else if (rc == ENVELOPE_OK && token->len == 0)
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                       "vault: no token: set VAULT_TOKEN, or have vault login "
                       "write ~/.vault-token");
    else if (rc == ENVELOPE_OK
             && (value != NULL ? !kms_is_printable(value)
                               : !kms_text_is_token(token)))
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                       "vault: the token of %s is not printable ASCII",
                       value != NULL ? "VAULT_TOKEN or BAO_TOKEN"
                                     : "~/.vault-token");
    if (rc != ENVELOPE_OK)
        kms_text_clear(token);
    return rc;
}
