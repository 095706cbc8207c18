/* SPDX-License-Identifier: Apache-2.0 */
/* Which Vault is asked, in which namespace, with which token and trust. */
#include "kms/engine/target.h"

#include "test/kms/kms_vault.h"

#define ADDR                                       \
    {                                              \
        "VAULT_ADDR", "https://vault.example:8200" \
    }
#define END        \
    {              \
        NULL, NULL \
    }

extern const struct kms_api kms_api_vault;

/* The caller closes target. */
static enum envelope_reason
find(struct kms_target *target, const struct fake_pair *variables,
     const char *uri, struct envl_err *err)
{
    static struct fake_world fake;

    fake_world_init(&fake);
    fake.variables = variables;
    return kms_target_open(target, &kms_api_vault, &fake.world, uri,
                           ENVL_KMS_IDENTITY, err);
}

static void
assert_host(const struct fake_pair *variables, const char *uri,
            const char *host)
{
    struct kms_target target;
    struct envl_err err;

    if (find(&target, variables, uri, &err) != ENVELOPE_OK)
        fail_msg("%s", err.detail);
    assert_string_equal(kms_text_get(&target.endpoint.host), host);
    kms_target_close(&target);
}

static void
assert_no_server(const struct fake_pair *variables, const char *uri,
                 const char *detail)
{
    struct kms_target target;
    struct envl_err err;

    assert_int_equal(find(&target, variables, uri, &err),
                     ENVELOPE_R_UNREADABLE_KEY);
    kms_target_close(&target);
    if (strstr(err.detail, detail) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", detail, err.detail);
}

/* Addresses */

static void
the_address_has_an_order(void **state)
{
    static const struct fake_pair both[] = {
        { "BAO_ADDR", "https://bao.example" },
        ADDR,
        END,
    };
    static const struct fake_pair bao[] = {
        { "BAO_ADDR", "https://bao.example" },
        END,
    };
    static const struct fake_pair plain[] = {
        { "VAULT_ADDR", "http://vault.example:8200" },
        END,
    };

    static const struct fake_pair spaced[] = {
        { "VAULT_ADDR", " https://vault.example:8200\r\n" },
        END,
    };
    static const struct fake_pair broken[] = {
        { "VAULT_ADDR", "https://vault.example\001" },
        END,
    };

    (void)state;
    assert_host(spaced, "vault:k", "vault.example:8200");
    assert_no_server(broken, "vault:k", "VAULT_ADDR has a character");
    assert_host(both, "vault://h.example:1/t/keys/k", "h.example:1");
    assert_host(both, "vault:k?address=https://a.example", "a.example");
    assert_host(both, "vault:k", "vault.example:8200");
    assert_host(bao, "vault:k", "bao.example");
    /* What is not used need not be good. */
    assert_host(plain, "vault://h.example/t/keys/k", "h.example");

    assert_no_server(NULL, "vault:k", "set VAULT_ADDR");
    assert_no_server(plain, "vault:k", "plain http");
    assert_no_server(both, "vault://h/t/keys/k?address=https://a", "twice");
    assert_no_server(both, "vault://h%2fx/t/keys/k?address=https://a", "twice");
    assert_no_server(both, "vault://h%3fx/t/keys/k", "");
    assert_no_server(both, "vault:k?address=https://a?b", "");
}

static void
the_namespace_has_an_order(void **state)
{
    static const struct fake_pair both[] = {
        ADDR,
        { "VAULT_TOKEN", TOKEN },
        { "VAULT_NAMESPACE", "ns1/ns2/" },
        { "BAO_NAMESPACE", "bao" },
        END,
    };
    static const struct fake_pair bao[] = {
        { "BAO_ADDR", "https://vault.example:8200" },
        { "BAO_TOKEN", TOKEN },
        { "VAULT_NAMESPACE", "vault" },
        { "BAO_NAMESPACE", "bao" },
        END,
    };
    static const struct fake_pair bad[] = {
        ADDR,
        { "VAULT_TOKEN", TOKEN },
        { "VAULT_NAMESPACE", "a\r\nX-Evil: 1" },
        END,
    };
    struct trial t = { .variables = both };

    (void)state;
    assert_int_equal(generate(&t, URI "?namespace=own", 200, GENERATED),
                     ENVELOPE_OK);
    assert_header(&t, 0, "X-Vault-Namespace", "own");
    assert_int_equal(generate(&t, URI, 200, GENERATED), ENVELOPE_OK);
    assert_header(&t, 0, "X-Vault-Namespace", "ns1/ns2/");
    t.variables = bao;
    assert_int_equal(generate(&t, URI, 200, GENERATED), ENVELOPE_OK);
    assert_header(&t, 0, "X-Vault-Namespace", "bao");
    t.variables = bad;
    assert_int_equal(generate(&t, URI, 200, GENERATED),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_int_equal(t.fake.request_count, 0);
    fake_world_clear(&t.fake);
}

/* Trust */

static void
trust_is_taken_from_variables(void **state)
{
    static const struct fake_pair variables[] = {
        ADDR,
        { "VAULT_CACERT", "/ca.pem" },
        { "BAO_CACERT", "/other.pem" },
        { "VAULT_CAPATH", "/certs" },
        { "VAULT_CLIENT_CERT", "/me.pem" },
        { "VAULT_CLIENT_KEY", "/me.key" },
        { "VAULT_SKIP_VERIFY", "false" },
        { "BAO_SKIP_VERIFY", "true" },
        END,
    };
    static const struct fake_pair of_bao[] = {
        ADDR,
        { "BAO_CACERT", "/other.pem" },
        { "BAO_CAPATH", "/certs" },
        { "BAO_CLIENT_KEY", "/me.key" },
        { "BAO_NAMESPACE", "bao" },
        END,
    };
    static const struct fake_pair nothing[] = { ADDR, END };
    struct kms_target target;
    struct envl_err err;
    size_t i;

    (void)state;
    assert_int_equal(find(&target, variables, "vault:k", &err), ENVELOPE_OK);
    assert_string_equal(target.tls.ca_file, "/ca.pem");
    assert_string_equal(target.tls.ca_path, "/certs");
    assert_string_equal(target.tls.certificate, "/me.pem");
    assert_string_equal(target.tls.key, "/me.key");
    kms_target_close(&target);
    for (i = 0; i < 2; i++) {
        assert_int_equal(
            find(&target, i == 0 ? nothing : of_bao, "vault:k", &err),
            ENVELOPE_OK);
        assert_null(target.tls.ca_file);
        assert_null(target.tls.ca_path);
        assert_null(target.tls.certificate);
        assert_null(target.tls.key);
        assert_int_equal(*target.region, 0);
        kms_target_close(&target);
    }
    kms_target_close(&target);
}

/* A world that looks at what no reply shows. */
struct spy {
    struct fake_world fake; /* first: the functions of the world get it */
    const char *ca_file;
};

static enum envelope_reason
send_to_spy(void *arg, struct kms_reply *reply,
            const struct kms_request *request, unsigned milliseconds,
            struct envl_err *err)
{
    struct spy *spy = arg;

    (void)reply;
    (void)milliseconds;
    spy->ca_file = request->tls.ca_file;
    return envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED, "only a spy");
}

static void
trust_goes_with_the_request(void **state)
{
    static const struct fake_pair variables[] = {
        ADDR,
        { "VAULT_TOKEN", TOKEN },
        { "VAULT_CACERT", "/ca.pem" },
        END,
    };
    struct trial t = { .variables = variables };
    struct envl_kms_call call = trial_call(&t, URI);
    struct spy spy = { .ca_file = NULL };

    (void)state;
    fake_world_init(&spy.fake);
    spy.fake.variables = variables;
    spy.fake.world.send = send_to_spy;
    assert_int_equal(
        kms_dispatch_generate(&spy.fake.world, &t.made, t.kek, &call, &t.err),
        ENVELOPE_R_KEY_SERVICE);
    assert_non_null(spy.ca_file);
    assert_string_equal(spy.ca_file, "/ca.pem");
}

static void
verifying_is_not_skipped(void **state)
{
    static const char *const values[] = { "1",   "true", "TRUE", "t",
                                          "yes", "on",   "no",   " " };
    static const char *const families[] = { "VAULT", "BAO" };
    char address[16], name[32];
    size_t i, j;

    (void)state;
    for (i = 0; i < COUNT(values); i++) {
        for (j = 0; j < COUNT(families); j++) {
            const struct fake_pair variables[] = {
                { address, "https://vault.example:8200" },
                { name, values[i] },
                END,
            };

            (void)snprintf(address, sizeof(address), "%s_ADDR", families[j]);
            (void)snprintf(name, sizeof(name), "%s_SKIP_VERIFY", families[j]);
            assert_no_server(variables, "vault:k", "VAULT_SKIP_VERIFY");
            assert_no_server(variables, "vault:k", "VAULT_CACERT");
        }
    }
}

static void
half_a_client_certificate_is_an_error(void **state)
{
    static const struct fake_pair certificate[] = {
        ADDR,
        { "VAULT_CLIENT_CERT", "/me.pem" },
        END,
    };
    static const struct fake_pair key[] = {
        ADDR,
        { "VAULT_CLIENT_KEY", "/me.key" },
        { "BAO_CLIENT_CERT", "/me.pem" },
        END,
    };

    (void)state;
    assert_no_server(certificate, "vault:k", "belong together");
    assert_no_server(key, "vault:k", "belong together");
}

/* Tokens */

static void
assert_token_of(const char *uri, const struct fake_pair *variables,
                const struct fake_pair *files, const char *expected)
{
    struct trial t = { .variables = variables, .files = files };

    if (generate(&t, uri, 200, GENERATED) != ENVELOPE_OK)
        fail_msg("%s", t.err.detail);
    assert_header(&t, 0, "X-Vault-Token", expected);
    fake_world_clear(&t.fake);
}

static void
assert_token(const struct fake_pair *variables, const struct fake_pair *files,
             const char *expected)
{
    assert_token_of(URI, variables, files, expected);
}

static void
the_token_has_an_order(void **state)
{
    static const struct fake_pair all[] = {
        ADDR,
        { "VAULT_TOKEN", "of-vault" },
        { "BAO_TOKEN", "of-bao" },
        { "HOME", "/home/me" },
        END,
    };
    static const struct fake_pair bao[] = {
        { "BAO_ADDR", "https://bao.example" },
        { "VAULT_TOKEN", "of-vault" },
        { "BAO_TOKEN", "of-bao" },
        { "HOME", "/home/me" },
        END,
    };
    /* The address is in the URI. */
    static const struct fake_pair no_address[] = {
        { "BAO_TOKEN", "of-bao" },
        { "HOME", "/home/me" },
        END,
    };
    static const struct fake_pair of_the_other[] = {
        ADDR,
        { "BAO_TOKEN", "of-bao" },
        { "HOME", "/home/me" },
        END,
    };
    static const struct fake_pair home[] = {
        ADDR,
        { "HOME", "/home/me" },
        END,
    };
    static const struct fake_pair files[] = {
        { "/home/me/.vault-token", "of-file\n" },
        END,
    };

    (void)state;
    assert_token(all, files, "of-vault");
    assert_token(bao, files, "of-bao");
    assert_token(of_the_other, files, "of-file");
    assert_token_of(URI "?address=https://h.example", no_address, files,
                    "of-bao");
    assert_token(home, files, "of-file");
}

static void
the_end_of_a_line_is_cut(void **state)
{
    static const struct fake_pair home[] = {
        ADDR,
        { "HOME", "/home/me" },
        END,
    };
    static const char *const contents[] = {
        "hvs.x", "hvs.x\n", "hvs.x\r\n", "hvs.x\n\n", "\nhvs.x", "hvs.x\r\r"
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(contents); i++) {
        const struct fake_pair files[] = {
            { "/home/me/.vault-token", contents[i] },
            END,
        };

        assert_token(home, files, "hvs.x");
    }
}

static void
bad_token_files_are_errors(void **state)
{
    static const struct fake_pair home[] = {
        ADDR,
        { "HOME", "/home/me" },
        END,
    };
    static const char *const contents[] = {
        NULL, "", "\n", "a\nX: evil", "hvs.\x01x", "hvs.\xc3\xa9",
    };
    struct trial t = { .variables = home };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(contents); i++) {
        const struct fake_pair files[] = {
            { "/home/me/.vault-token", contents[i] },
            END,
        };

        t.files = files;
        if (generate(&t, URI, 200, GENERATED) != ENVELOPE_R_CREDENTIALS)
            fail_msg("file %zu was taken", i);
        assert_int_equal(t.fake.request_count, 0);
        assert_detail(&t, "token");
        assert_null(strstr(t.err.detail, "hvs."));
    }
    fake_world_clear(&t.fake);
}

static void
bad_tokens_are_errors(void **state)
{
    static const char *const tokens[] = { "hvs.x\n", "a\r\nX-Evil: 1",
                                          "hvs.\x7f", "hvs.\xc3\xa9" };
    struct trial t = { 0 };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(tokens); i++) {
        const struct fake_pair variables[] = {
            ADDR,
            { "VAULT_TOKEN", tokens[i] },
            END,
        };

        t.variables = variables;
        assert_int_equal(generate(&t, URI, 200, GENERATED),
                         ENVELOPE_R_CREDENTIALS);
        assert_int_equal(t.fake.request_count, 0);
        assert_detail(&t, "token");
        assert_null(strstr(t.err.detail, "hvs."));
    }
    fake_world_clear(&t.fake);
}

static void
no_token_says_what_to_do(void **state)
{
    static const struct fake_pair variables[] = { ADDR, END };
    struct trial t = { .variables = variables };

    (void)state;
    assert_int_equal(generate(&t, URI, 200, GENERATED), ENVELOPE_R_CREDENTIALS);
    assert_detail(&t, "set VAULT_TOKEN");
    /* It is not missed before it is needed. */
    assert_int_equal(trial_check(&t, URI), ENVELOPE_OK);
    fake_world_clear(&t.fake);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_address_has_an_order),
        cmocka_unit_test(the_namespace_has_an_order),
        cmocka_unit_test(trust_is_taken_from_variables),
        cmocka_unit_test(trust_goes_with_the_request),
        cmocka_unit_test(verifying_is_not_skipped),
        cmocka_unit_test(half_a_client_certificate_is_an_error),
        cmocka_unit_test(the_token_has_an_order),
        cmocka_unit_test(the_end_of_a_line_is_cut),
        cmocka_unit_test(bad_token_files_are_errors),
        cmocka_unit_test(bad_tokens_are_errors),
        cmocka_unit_test(no_token_says_what_to_do),
    };

    return cmocka_run_group_tests_name("kms_vault_server", tests, NULL, NULL);
}
