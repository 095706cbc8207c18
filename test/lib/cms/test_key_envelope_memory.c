/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory runs out while a key envelope is opened, at each allocation once.
 * What is told then is that, and never that no key opens it, or that it is
 * damaged: people would go looking for another key or another copy.
 */
#include "lib/cms/key_envelope.h"

#include "lib/cms/edit.h"
#include "test/lib/cms/message.h"
#include "test/support/memory.h"
#include "test/support/support.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

/* More allocations than this, and the test is wrong. */
#define SWEEP_MAX 5000

/* libcrypto 3.0 makes an X963KDF and does not look whether it had the memory. */
#define CRASHES_MAX 1

static const struct envl_libctx ctx = { .propq = "?provider=default" };
static const unsigned char dek[ENVL_DEK_LEN] = "the data key";

/* What is opened, and with what */

struct fixture {
    struct envl_key_settings settings;
    struct envl_identities identities;
    unsigned char *der;
    size_t len;
};

static void
build(struct fixture *f)
{
    struct envl_recipients recipients;
    struct envl_err err;

    assert_int_equal(
        envl_recipients_load(&recipients, &ctx, &f->settings, NULL, &err),
        ENVELOPE_OK);
    assert_int_equal(build_key_envelope(&f->der, &f->len, &ctx, &recipients,
                                        &f->settings, dek, &err),
                     ENVELOPE_OK);
    envl_recipients_clear(&recipients);
    assert_int_equal(
        envl_identities_load(&f->identities, &ctx, &f->settings, NULL, &err),
        ENVELOPE_OK);
}

static void
add_pem(struct envl_octets_list *to, BIO *pem)
{
    char *text;
    long len = BIO_get_mem_data(pem, &text);

    assert_true(envl_octets_list_add(to, text, (size_t)len));
    BIO_free(pem);
}

static void
add_key(struct envl_key_settings *to, EVP_PKEY *key)
{
    BIO *private = BIO_new(BIO_s_mem()), *public = BIO_new(BIO_s_mem());

    assert_non_null(key);
    assert_true(
        PEM_write_bio_PrivateKey(private, key, NULL, NULL, 0, NULL, NULL));
    assert_true(PEM_write_bio_PUBKEY(public, key));
    add_pem(&to->identity, private);
    add_pem(&to->recipient, public);
    EVP_PKEY_free(key);
}

static struct fixture
with_key(EVP_PKEY *key)
{
    struct fixture f = { 0 };

    add_key(&f.settings, key);
    build(&f);
    return f;
}

/* So many bytes, from a place on */
static unsigned char *
find(const struct fixture *f, unsigned char *from, const void *what, size_t len)
{
    for (; len <= (size_t)(f->der + f->len - from); from++) {
        if (memcmp(from, what, len) == 0)
            return from;
    }
    fail();
    return NULL;
}

/* Alter the wrapped key of the first key, an octet string of 40 bytes. */
static void
spoil(const struct fixture *f)
{
    const struct envl_key_id *id = &f->identities.keys[0].id;
    unsigned char *at = find(f, f->der, id->bytes, id->len);

    find(f, at, "\x04\x28", 2)[2] ^= 1;
}

static enum envelope_reason
open_it(const struct fixture *f, struct envl_err *err)
{
    unsigned char found[ENVL_DEK_LEN];
    enum envelope_reason rc = envl_key_envelope_open(
        found, f->der, f->len, &ctx, &f->identities, NULL, err);

    if (rc == ENVELOPE_OK)
        assert_memory_equal(found, dek, sizeof(dek));
    return rc;
}

/* The sweep.  Each try is a process, which inherits caches that are full. */

enum verdict { SUCCEEDED, SAID_MEMORY, SAID_ELSE, NOT_REACHED };

static enum verdict
try_one(const struct fixture *f, unsigned n)
{
    enum envelope_reason rc;
    struct envl_err err;

    memory_fail(n);
    rc = open_it(f, &err);
    if (!memory_failed())
        return NOT_REACHED;
    if (rc == ENVELOPE_OK || rc == ENVELOPE_R_MEMORY)
        return rc == ENVELOPE_OK ? SUCCEEDED : SAID_MEMORY;
    print_error("allocation %u (%s:%d): reason %d: %s\n", n,
                memory.failure->file, memory.failure->line, rc, err.detail);
    return SAID_ELSE;
}

/* -1 if it crashed */
static int
try_in_child(const struct fixture *f, unsigned n)
{
    int status = -1;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        alarm(60);
        _exit((int)try_one(f, n));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
sweep(struct fixture *f)
{
    unsigned counts[NOT_REACHED] = { 0 }, crashes = 0, n;
    struct envl_err err;
    int verdict = -1;

    assert_int_equal(open_it(f, &err), ENVELOPE_OK);
    ERR_clear_error();
    for (n = 1; n < SWEEP_MAX && verdict != NOT_REACHED; n++) {
        verdict = try_in_child(f, n);
        if (verdict < 0)
            crashes++;
        else if (verdict != NOT_REACHED)
            counts[verdict]++;
    }
    OPENSSL_free(f->der);
    envl_identities_clear(&f->identities);
    envl_key_settings_clear(&f->settings);
    assert_int_equal(verdict, NOT_REACHED);
    assert_true(counts[SAID_MEMORY] > 5); /* ours alone are five */
    assert_int_equal(counts[SAID_ELSE], 0);
    assert_true(crashes <= CRASHES_MAX);
}

static void
x25519(void **state)
{
    struct fixture f = with_key(EVP_PKEY_Q_keygen(NULL, NULL, "X25519"));

    (void)state;
    sweep(&f);
}

/* A key that fails for another reason before that does not hide it. */
static void
after_another(void **state)
{
    struct fixture f = { 0 };

    (void)state;
    add_key(&f.settings, EVP_PKEY_Q_keygen(NULL, NULL, "X25519"));
    add_key(&f.settings, EVP_PKEY_Q_keygen(NULL, NULL, "X25519"));
    build(&f);
    spoil(&f);
    sweep(&f);
}

static void
ec(void **state)
{
    struct fixture f = with_key(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"));

    (void)state;
    sweep(&f);
}

static void
rsa(void **state)
{
    struct fixture f =
        with_key(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048));

    (void)state;
    sweep(&f);
}

static void
passphrase(void **state)
{
    struct fixture f = { .settings.log_n = 14 };

    (void)state;
    assert_true(envl_octets_set(&f.settings.passphrase, "secret", 6));
    build(&f);
    sweep(&f);
}

static void
kek(void **state)
{
    struct fixture f = { .settings.has_kek = true };

    (void)state;
    fill(f.settings.kek, sizeof(f.settings.kek), 1);
    build(&f);
    sweep(&f);
}

/* The same where a recipient is removed, the only one: that is refused. */
static void
removing(void **state)
{
    struct fixture f = with_key(EVP_PKEY_Q_keygen(NULL, NULL, "X25519"));
    const struct envl_key_id *id = &f.identities.keys[0].id;
    char digits[2 * sizeof(id->bytes) + 1];
    enum envelope_reason rc;
    struct envl_err err;
    unsigned char *out;
    size_t i, n, len;

    (void)state;
    for (i = 0; i < id->len; i++)
        (void)snprintf(digits + 2 * i, 3, "%02x", id->bytes[i]);
    for (n = 1; n < SWEEP_MAX; n++) {
        memory_fail(n);
        rc = envl_key_envelope_remove(&out, &len, f.der, f.len, &ctx, digits,
                                      &err);
        assert_null(out);
        if (!memory_failed())
            break;
        assert_int_equal(rc, ENVELOPE_R_MEMORY);
    }
    memory_fail(0);
    ERR_clear_error();
    assert_int_equal(rc, ENVELOPE_R_PARAMETER);
    assert_in_range(n, 3, SWEEP_MAX - 1);
    OPENSSL_free(f.der);
    envl_identities_clear(&f.identities);
    envl_key_settings_clear(&f.settings);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(x25519),     cmocka_unit_test(after_another),
        cmocka_unit_test(ec),         cmocka_unit_test(rsa),
        cmocka_unit_test(passphrase), cmocka_unit_test(kek),
        cmocka_unit_test(removing),
    };

    memory_install(NULL);
    memory.leaves_record = true;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
