/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that runs out: the n-th allocation fails, for every n.  Then a call
 * fails cleanly or the stream is right; nothing crashes, leaks or differs.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>

#include "test/support/memory.h"

#define CHUNK ((size_t)ENVELOPE_CHUNK_LENGTH)
#define TEXT_LEN ((size_t)40000)
#define CUT ((size_t)20000)
#define SLACK ((size_t)65536)

/* Streams that are made and read */

struct scenario {
    const char *name;
    enum support_direction direction;
    const unsigned char *key;
    struct support_params params;
    struct octets input;
    struct octets first, second; /* what params borrow */
};

enum { SCENARIOS_MAX = 16 };

struct fixture {
    struct support s;
    struct octets text;
    struct scenario scenarios[SCENARIOS_MAX];
    size_t count;
    struct scenario *kek_seal, *kek_open, *passphrase_open;
    struct support_params all; /* identities that open every stream */
};

static const char *const labels = "b=2\na=1\n";

static struct scenario *
new_scenario(struct fixture *f, const char *name,
             enum support_direction direction, const unsigned char *key)
{
    struct scenario *c = &f->scenarios[f->count++];

    assert_true(f->count <= SCENARIOS_MAX);
    *c = (struct scenario){ .name = name, .direction = direction, .key = key };
    support_params_init(&c->params);
    support_add_number(&c->params, ENVELOPE_PARAM_OUTPUT_SLACK, SLACK);
    if (direction == SUPPORT_SEAL) {
        support_add_text(&c->params, ENVELOPE_PARAM_LABELS, labels);
        support_add_number(&c->params, ENVELOPE_PARAM_WORK_FACTOR, 14);
        c->input = f->text;
    } else {
        support_add_text(&c->params, ENVELOPE_PARAM_RELEASE,
                         ENVELOPE_RELEASE_VERIFIED);
    }
    return c;
}

static struct octets
sealed(const struct fixture *f, const struct scenario *c)
{
    const struct support_how how = { .has_slack = true, .slack = SLACK };

    return support_seal(&f->s, c->key, c->params.list, &how, f->text.data,
                        f->text.len);
}

static void
add_key_scenarios(struct fixture *f, const char *name, EVP_PKEY *key)
{
    struct scenario *seal = new_scenario(f, name, SUPPORT_SEAL, NULL);
    struct scenario *open = new_scenario(f, name, SUPPORT_OPEN, NULL);

    assert_non_null(key);
    seal->first = support_public(key, "PEM");
    support_add_octets(&seal->params, ENVELOPE_PARAM_RECIPIENT,
                       seal->first.data, seal->first.len);
    open->first = support_private(key, "DER");
    support_add_octets(&open->params, ENVELOPE_PARAM_IDENTITY, open->first.data,
                       open->first.len);
    open->input = sealed(f, seal);
    EVP_PKEY_free(key);
}

/* A certificate as recipient; its key, encrypted, beside it as identity */
static void
add_cert_scenarios(struct fixture *f)
{
    struct scenario *seal = new_scenario(f, "certificate", SUPPORT_SEAL, NULL);
    struct scenario *open = new_scenario(f, "certificate", SUPPORT_OPEN, NULL);
    EVP_PKEY *key = support_keygen(&f->s, "EC", "P-384", 0);
    X509 *cert = support_cert(&f->s, key, SUPPORT_SKI, -3600, 3600);
    struct octets encrypted = support_encrypted(key, "PEM", "secret");

    seal->first = support_cert_octets(cert, "PEM");
    support_add_octets(&seal->params, ENVELOPE_PARAM_RECIPIENT,
                       seal->first.data, seal->first.len);
    open->first = support_join(encrypted, seal->first);
    support_add_octets(&open->params, ENVELOPE_PARAM_IDENTITY, open->first.data,
                       open->first.len);
    support_add_octets(&open->params, ENVELOPE_PARAM_PASSPHRASE, "secret", 6);
    open->input = sealed(f, seal);
    support_drop(&encrypted);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static int
setup(void **state)
{
    static struct fixture f;
    struct scenario *seal;

    support_open(&f.s, SUPPORT_WITH_DEFAULT);
    f.text = support_noise(TEXT_LEN, 11);
    f.kek_seal = new_scenario(&f, "KEK", SUPPORT_SEAL, support_kek);
    f.kek_open = new_scenario(&f, "KEK", SUPPORT_OPEN, support_kek);
    f.kek_open->input = sealed(&f, f.kek_seal);
    add_key_scenarios(&f, "RSA", support_keygen(&f.s, "RSA", NULL, 2048));
    add_key_scenarios(&f, "EC", support_keygen(&f.s, "EC", "P-256", 0));
    add_key_scenarios(&f, "X25519", support_keygen(&f.s, "X25519", NULL, 0));
    if (OpenSSL_version_num() >= 0x30500000UL) {
        add_key_scenarios(&f, "ML-KEM-768",
                          support_keygen(&f.s, "ML-KEM-768", NULL, 0));
        add_key_scenarios(&f, "MLKEM768-X25519",
                          support_keygen(&f.s, "MLKEM768-X25519", NULL, 0));
    }
    add_cert_scenarios(&f);
    seal = new_scenario(&f, "passphrase", SUPPORT_SEAL, NULL);
    support_add_octets(&seal->params, ENVELOPE_PARAM_PASSPHRASE, "secret", 6);
    f.passphrase_open = new_scenario(&f, "passphrase", SUPPORT_OPEN, NULL);
    support_add_octets(&f.passphrase_open->params, ENVELOPE_PARAM_PASSPHRASE,
                       "secret", 6);
    f.passphrase_open->input = sealed(&f, seal);
    *state = &f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    size_t i;

    for (i = 0; i < f->count; i++) {
        if (f->scenarios[i].direction == SUPPORT_OPEN)
            support_drop(&f->scenarios[i].input);
        support_drop(&f->scenarios[i].first);
    }
    support_drop(&f->text);
    support_close(&f->s);
    return 0;
}

/* One try */

enum stage { AT_CONTEXT, AT_DATA, AT_END };

/*
 * The whole stream, through a copy of the context, the second update in
 * place.  Returns where it ended; AT_END is success.
 */
static enum stage
attempt(const struct fixture *f, const struct scenario *c, struct octets *out)
{
    static unsigned char buf[CUT + SLACK];
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new(), *copy = EVP_CIPHER_CTX_new();
    enum stage stage = AT_CONTEXT;
    size_t done = 0, n;
    int len = 0;

    out->len = 0;
    if (ctx == NULL || copy == NULL
        || !EVP_CipherInit_ex2(ctx, f->s.cipher, c->key, NULL,
                               (int)c->direction, c->params.list)
        || !EVP_CIPHER_CTX_copy(copy, ctx))
        goto out;
    EVP_CIPHER_CTX_free(ctx);
    ctx = NULL;
    stage = AT_DATA;
    for (; done < c->input.len; done += n) {
        n = c->input.len - done < CUT ? c->input.len - done : CUT;
        if (done == CUT)
            memcpy(buf, c->input.data + done, n);
        if (!EVP_CipherUpdate(copy, buf, &len,
                              done == CUT ? buf : c->input.data + done, (int)n))
            goto out;
        memcpy(out->data + out->len, buf, (size_t)len);
        out->len += (size_t)len;
    }
    if (!EVP_CipherFinal_ex(copy, buf, &len))
        goto out;
    memcpy(out->data + out->len, buf, (size_t)len);
    out->len += (size_t)len;
    stage = AT_END;

out:
    EVP_CIPHER_CTX_free(copy);
    EVP_CIPHER_CTX_free(ctx);
    return stage;
}

static struct octets
room_for(const struct fixture *f)
{
    return (struct octets){ support_malloc(f->text.len + 4 * SLACK), 0 };
}

/* Is a complete output right, and what there is of another one? */
static bool
is_right(const struct fixture *f, const struct scenario *c, enum stage stage,
         struct octets out)
{
    size_t i;

    if (c->direction == SUPPORT_OPEN)
        return (stage != AT_END || out.len == f->text.len)
               && out.len <= f->text.len
               && memcmp(out.data, f->text.data, out.len) == 0;
    if (stage != AT_END)
        return true;
    for (i = 0; i < f->count; i++) {
        const struct scenario *open = &f->scenarios[i];
        struct octets got = room_for(f);
        struct scenario again = *open;
        bool right;

        if (open->direction == SUPPORT_SEAL
            || strcmp(open->name, c->name) != 0) {
            support_drop(&got);
            continue;
        }
        again.input = out;
        right = attempt(f, &again, &got) == AT_END && got.len == f->text.len
                && memcmp(got.data, f->text.data, got.len) == 0;
        support_drop(&got);
        return right;
    }
    return false;
}

/* Sweeps over the project's own allocations */

static void
complain(const struct scenario *c, size_t n, const char *what)
{
    print_error("%s %s: allocation %zu (%s:%d): %s\n",
                c->direction == SUPPORT_SEAL ? "encrypt" : "decrypt", c->name,
                n, memory.failure->file, memory.failure->line, what);
}

/* The reason of a failure is judged by judge, if there is one. */
static size_t
sweep(const struct fixture *f, const struct scenario *c, bool stay,
      bool (*judge)(int reason))
{
    struct octets out = room_for(f);
    size_t n, faults = 0;
    enum stage stage;
    long live;

    /* Caches fill once, also those for reading what was made: keys that
     * cannot be kept are no failure. */
    assert_int_equal(attempt(f, c, &out), AT_END);
    assert_int_equal(attempt(f, c, &out), AT_END);
    assert_true(is_right(f, c, AT_END, out));
    live = memory_live();
    memory.may_fail = memory_is_ours;
    memory.stays = stay;
    for (n = 1;; n++) {
        memory_fail(n);
        stage = attempt(f, c, &out);
        memory_fail(0);
        if (!memory_failed())
            break;
        if (stage == AT_DATA) {
            int reason = take_reason();

            if (judge != NULL && !judge(reason)) {
                print_error("reason %d: ", reason);
                complain(c, n, "not reported as memory");
                faults++;
            }
        }
        if (!is_right(f, c, stage, out)) {
            complain(c, n, "wrong output");
            faults++;
        }
        if (memory_live() != live) {
            /* What libcrypto then looks for, it keeps: once. */
            live = memory.live;
            memory_fail(n);
            (void)attempt(f, c, &out);
            memory_fail(0);
        }
        if (memory_live() != live) {
            complain(c, n, "blocks leaked");
            print_error("%ld blocks\n", memory.live - live);
            live = memory.live;
            faults++;
        }
    }
    memory.stays = false;
    assert_int_equal(stage, AT_END);
    assert_true(n > 10); /* the failures did reach the project */
    support_drop(&out);
    return faults;
}

/* The n-th allocation fails, or all from the n-th on. */
static void
test_own_allocations(void **state)
{
    const struct fixture *f = *state;
    size_t i, faults = 0;

    for (i = 0; i < f->count; i++)
        faults += sweep(f, &f->scenarios[i], false, NULL);
    assert_int_equal(faults, 0);
}

static void
test_own_allocations_from_then_on(void **state)
{
    const struct fixture *f = *state;
    size_t i, faults = 0;

    for (i = 0; i < f->count; i++) {
        if (strcmp(f->scenarios[i].name, "passphrase") != 0)
            faults += sweep(f, &f->scenarios[i], true, NULL);
    }
    assert_int_equal(faults, 0);
}

/* A shortage of memory must not read as a wrong key. */
static bool
is_memory(int reason)
{
    return reason == ENVELOPE_R_MEMORY;
}

static void
test_reason_is_memory(void **state)
{
    const struct fixture *f = *state;
    size_t i, faults = 0;

    for (i = 0; i < f->count; i++)
        faults += sweep(f, &f->scenarios[i], false, is_memory);
    assert_int_equal(faults, 0);
}

/* Loading the provider */
static void
test_loading(void **state)
{
    const char *modules = getenv("ENVELOPE_MODULES");
    size_t n;

    (void)state;
    memory.may_fail = memory_is_ours;
    for (n = 1;; n++) {
        OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();
        OSSL_PROVIDER *provider;
        long live;

        assert_non_null(libctx);
        assert_true(OSSL_PROVIDER_set_default_search_path(libctx, modules));
        live = memory.ours;
        memory_fail(n);
        provider = OSSL_PROVIDER_load(libctx, ENVELOPE_PROVIDER_NAME);
        memory_fail(0);
        if (provider != NULL)
            assert_true(OSSL_PROVIDER_unload(provider));
        OSSL_LIB_CTX_free(libctx);
        ERR_clear_error();
        assert_int_equal(memory.ours, live);
        if (!memory_failed()) {
            assert_non_null(provider);
            break;
        }
        assert_null(provider);
    }
    assert_true(n > 1);
}

/* Sweeps over every allocation that there is */

static bool
goes_well(const struct fixture *f, const struct scenario *c, size_t n)
{
    struct octets out = room_for(f);
    long ours = memory.ours;
    enum stage stage;

    memory_fail(n);
    stage = attempt(f, c, &out);
    memory_fail(0);
    return is_right(f, c, stage, out) && memory.ours == ours
           && (memory_failed() || stage == AT_END);
}

static void
sweep_all(const struct fixture *f, const struct scenario *c)
{
    size_t n = 0, faults = 0;
    struct octets out = room_for(f);

    assert_int_equal(attempt(f, c, &out), AT_END);
    support_drop(&out);
    memory.may_fail = NULL;
    do {
        int status = -1;
        pid_t child;

        n++;
        memory_fail(SIZE_MAX); /* forget the last failure */
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            alarm(60);
            _exit(goes_well(f, c, n) ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            print_error("%s: allocation %zu (%s:%d): %s %d\n", c->name, n,
                        memory.failure->file, memory.failure->line,
                        WIFEXITED(status) ? "status" : "signal",
                        WIFEXITED(status) ? WEXITSTATUS(status)
                                          : WTERMSIG(status));
            faults++;
        }
    } while (memory_failed());
    assert_true(n > 20);
    assert_int_equal(faults, 0);
}

static void
test_every_allocation_encrypting(void **state)
{
    const struct fixture *f = *state;

    sweep_all(f, f->kek_seal);
}

static void
test_every_allocation_decrypting(void **state)
{
    const struct fixture *f = *state;

    sweep_all(f, f->kek_open);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_allocations),
        cmocka_unit_test(test_own_allocations_from_then_on),
        cmocka_unit_test(test_reason_is_memory),
        cmocka_unit_test(test_loading),
        cmocka_unit_test(test_every_allocation_encrypting),
        cmocka_unit_test(test_every_allocation_decrypting),
    };

    memory_install(NULL);
    memory.is_ours = memory_is_ours;
    return cmocka_run_group_tests(tests, setup, teardown);
}
