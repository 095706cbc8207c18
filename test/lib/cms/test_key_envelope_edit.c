/* SPDX-License-Identifier: Apache-2.0 */
/* Key envelopes that are changed: whoever is kept is kept byte for byte,
 * whoever is added opens it, whoever is removed does not. */
#include "lib/cms/edit.h"

#include "test/lib/cms/message.h"
#include "test/support/der.h"
#include "test/support/support.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "lib/cms/key_envelope.h"

static const struct envl_libctx ctx = { .propq = "?provider=default" };

enum who {
    RSA_3072,
    EC_256,
    EC_521,
    X_25519,
    X_448,
    PASSPHRASE,
    KEK,
    WHO_COUNT
};

static const char *const kinds[WHO_COUNT] = {
    "RSA key, 3072 bits", "EC key on P-256", "EC key on P-521",   "X25519 key",
    "X448 key",           "passphrase",      "key-encryption key"
};
static const char *const types[WHO_COUNT] = { "rsa",    "ec",   "ec",
                                              "x25519", "x448", "passphrase",
                                              "kek" };

/* Two of each kind: of the first a message is made, the others are added. */
static struct party {
    struct envl_key_settings settings; /* for recipients */
    struct envl_key_settings own;      /* for identities */
    struct envl_recipients recipients;
    struct envl_identities identities;
} parties[2][WHO_COUNT];

static unsigned char dek[ENVL_DEK_LEN];

struct message {
    unsigned char *der;
    size_t len;
};

/* Parties */

static EVP_PKEY *
new_key(enum who who)
{
    switch (who) {
    case RSA_3072:
        return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)3072);
    case EC_256:
        return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    case EC_521:
        return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-521");
    case X_25519:
        return EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    default:
        return EVP_PKEY_Q_keygen(NULL, NULL, "X448");
    }
}

static void
give_key(struct party *party, enum who who)
{
    EVP_PKEY *key = new_key(who);
    unsigned char *public = NULL, *private = NULL;
    int public_len, private_len;

    assert_non_null(key);
    public_len = i2d_PUBKEY(key, &public);
    private_len = i2d_PrivateKey(key, &private);
    assert_true(envl_octets_list_add(&party->settings.recipient, public,
                                     (size_t)public_len));
    assert_true(envl_octets_list_add(&party->own.identity, private,
                                     (size_t)private_len));
    OPENSSL_free(public);
    OPENSSL_clear_free(private, (size_t)private_len);
    EVP_PKEY_free(key);
}

static void
make_party(struct party *party, enum who who, uint32_t seed)
{
    struct envl_err err;

    if (who == PASSPHRASE) {
        char text[16];
        int len = snprintf(text, sizeof(text), "pass %u", (unsigned)seed);

        party->settings.log_n = ENVL_SCRYPT_LOG_N_MIN;
        assert_true(
            envl_octets_set(&party->settings.passphrase, text, (size_t)len));
        assert_true(envl_octets_set(&party->own.passphrase, text, (size_t)len));
    } else if (who == KEK) {
        party->settings.has_kek = party->own.has_kek = true;
        fill(party->settings.kek, ENVL_KEK_LEN, seed);
        memcpy(party->own.kek, party->settings.kek, ENVL_KEK_LEN);
    } else {
        give_key(party, who);
    }
    assert_int_equal(envl_recipients_load(&party->recipients, &ctx,
                                          &party->settings, NULL, &err),
                     ENVELOPE_OK);
    assert_int_equal(
        envl_identities_load(&party->identities, &ctx, &party->own, NULL, &err),
        ENVELOPE_OK);
}

static int
make_parties(void **state)
{
    uint32_t i;

    (void)state;
    fill(dek, sizeof(dek), 1);
    for (i = 0; i < 2 * WHO_COUNT; i++)
        make_party(&parties[i / WHO_COUNT][i % WHO_COUNT],
                   (enum who)(i % WHO_COUNT), i + 2);
    return 0;
}

static int
free_parties(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < 2 * WHO_COUNT; i++) {
        struct party *party = &parties[i / WHO_COUNT][i % WHO_COUNT];

        envl_recipients_clear(&party->recipients);
        envl_identities_clear(&party->identities);
        envl_key_settings_clear(&party->settings);
        envl_key_settings_clear(&party->own);
    }
    return 0;
}

/* Messages */

static struct message
build(const struct party *party)
{
    struct message message;
    struct envl_err err;

    assert_int_equal(build_key_envelope(&message.der, &message.len, &ctx,
                                        &party->recipients, &party->settings,
                                        dek, &err),
                     ENVELOPE_OK);
    return message;
}

static enum envelope_reason
open_with(const struct message *message, const struct party *party)
{
    unsigned char found[ENVL_DEK_LEN];
    enum envelope_reason rc;
    struct envl_err err;

    rc = envl_key_envelope_open(found, message->der, message->len, &ctx,
                                &party->identities, NULL, &err);
    if (rc == ENVELOPE_OK)
        assert_memory_equal(found, dek, sizeof(dek));
    return rc;
}

static enum envelope_reason
try_edit(struct message *out, const struct message *message,
         const struct party *by, const struct party *party,
         enum envl_edit_mode mode)
{
    const struct envl_edit edit = {
        .mode = mode,
        .recipients = &party->recipients,
        .settings = &party->settings,
    };
    unsigned char found[ENVL_DEK_LEN];
    bool opened;
    enum envelope_reason rc;
    struct envl_err err;

    assert_int_equal(ERR_peek_error(), 0);
    rc = envl_key_envelope_add(&out->der, &out->len, message->der, message->len,
                               &ctx, &by->identities, &edit, found, &opened,
                               &err);
    assert_int_equal(ERR_peek_error(), 0);
    if (rc == ENVELOPE_OK)
        assert_memory_equal(found, dek, sizeof(dek));
    else
        assert_null(out->der);
    return rc;
}

static enum envelope_reason
try_add(struct message *out, const struct message *message,
        const struct party *by, const struct party *party)
{
    return try_edit(out, message, by, party, ENVL_EDIT_ADD);
}

static struct message
add(const struct message *message, const struct party *by,
    const struct party *party)
{
    struct message out;

    assert_int_equal(try_add(&out, message, by, party), ENVELOPE_OK);
    return out;
}

/* Add, where the old one is not needed any more. */
static void
grow(struct message *message, const struct party *by, const struct party *party)
{
    struct message out = add(message, by, party);

    OPENSSL_free(message->der);
    *message = out;
}

static enum envelope_reason
try_remove(struct message *out, const struct message *message, const char *ids)
{
    enum envelope_reason rc;
    struct envl_err err;

    rc = envl_key_envelope_remove(&out->der, &out->len, message->der,
                                  message->len, &ctx, ids, &err);
    assert_int_equal(ERR_peek_error(), 0);
    if (rc != ENVELOPE_OK)
        assert_null(out->der);
    return rc;
}

/* How many RecipientInfos of one are in the other, byte for byte? */
static int
common(const struct message *one, const struct message *other)
{
    struct envl_message a = read_message(one->der, one->len),
                        b = read_message(other->der, other->len);
    size_t i;
    int count = 0;

    for (i = 0; i < a.count; i++)
        count += envl_message_has(&b, &a.infos[i].der);
    envl_message_clear(&a);
    envl_message_clear(&b);
    return count;
}

/* The list, of which count is known. */
static struct envl_key_envelope_entry *
list_of(const struct message *message, size_t count)
{
    struct envl_key_envelope_entry *list;
    struct envl_err err;
    size_t n;

    assert_int_equal(envl_key_envelope_list(&list, &n, message->der,
                                            message->len, &ctx, &err),
                     ENVELOPE_OK);
    assert_int_equal(n, count);
    return list;
}

/* The first digits of a message's only recipient's identifier, and a LF. */
static void
id_text(char *text, const struct message *message, size_t digits)
{
    struct envl_key_envelope_entry *list = list_of(message, 1);
    size_t i;

    assert_int_equal(list->id_len, ENVL_KEY_ID_LEN);
    for (i = 0; i < list->id_len; i++)
        (void)snprintf(text + 2 * i, 3, "%02X", list->id[i]);
    (void)strcpy(text + digits, "\n");
    envl_key_envelope_list_free(list, 1);
}

/* Tests */

static void
check_pair(enum who a, enum who b)
{
    const struct party *old = &parties[0][a], *new = &parties[1][b];
    struct message first = build(old), both = add(&first, old, new), rest;
    char id[128];

    assert_int_equal(common(&first, &both), 1);
    assert_int_equal(open_with(&both, old), ENVELOPE_OK);
    assert_int_equal(open_with(&both, new), ENVELOPE_OK);

    id_text(id, &first, a % 2 == 0 ? 8 : 2 * ENVL_KEY_ID_LEN);
    assert_int_equal(try_remove(&rest, &both, id), ENVELOPE_OK);
    assert_int_equal(common(&rest, &both), 1);
    assert_int_equal(common(&rest, &first), 0);
    assert_int_not_equal(open_with(&rest, old), ENVELOPE_OK);
    assert_int_equal(open_with(&rest, new), ENVELOPE_OK);
    OPENSSL_free(rest.der);
    OPENSSL_free(both.der);
    OPENSSL_free(first.der);
}

static void
each_kind_is_added_by_each(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < WHO_COUNT * WHO_COUNT; i++)
        check_pair((enum who)(i / WHO_COUNT), (enum who)(i % WHO_COUNT));
}

static void
a_list_tells_kinds(void **state)
{
    struct message message;
    struct envl_key_envelope_entry *list;
    int i;

    (void)state;
    for (i = 0; i < WHO_COUNT; i++) {
        message = build(&parties[0][i]);
        list = list_of(&message, 1);
        assert_string_equal(list->description.kind, kinds[i]);
        assert_string_equal(list->description.type, types[i]);
        assert_true(list->description.known);
        assert_string_not_equal(list->description.algorithm, "unknown");
        if (i == PASSPHRASE)
            assert_string_equal(list->description.algorithm,
                                "scrypt, N = 2^14, r = 8, p = 1, AES-256 key "
                                "wrap");
        envl_key_envelope_list_free(list, 1);
        OPENSSL_free(message.der);
    }
}

/* One message for all of the first set. */
static struct message
build_all(void)
{
    struct message message = build(&parties[0][0]);
    int i;

    for (i = 1; i < WHO_COUNT; i++)
        grow(&message, &parties[0][i - 1], &parties[0][i]);
    return message;
}

/* Its identifier may be a claim of somebody else's: the entry is made anew. */
static void
a_recipient_is_added_once(void **state)
{
    struct message message = build_all(), out;
    int i;

    (void)state;
    for (i = 0; i < WHO_COUNT; i++) {
        out = add(&message, &parties[0][KEK], &parties[0][i]);
        /* With another salt a passphrase is another recipient. */
        envl_key_envelope_list_free(
            list_of(&out, WHO_COUNT + (i == PASSPHRASE)),
            WHO_COUNT + (i == PASSPHRASE));
        /* The same key wrapped by the same key-encryption key is the same. */
        assert_int_equal(common(&message, &out),
                         WHO_COUNT - (i != PASSPHRASE && i != KEK));
        assert_int_equal(open_with(&out, &parties[0][i]), ENVELOPE_OK);
        OPENSSL_free(out.der);
    }
    assert_int_equal(
        try_add(&out, &message, &parties[1][EC_256], &parties[1][RSA_3072]),
        ENVELOPE_R_NO_MATCH);
    assert_int_equal(
        try_add(&out, &message, &parties[1][KEK], &parties[1][RSA_3072]),
        ENVELOPE_R_WRONG_KEY);
    OPENSSL_free(message.der);
}

static void
one_is_replaced_and_the_others_stay(void **state)
{
    struct message message = build_all(), out;
    enum envelope_reason rc;
    int i, j;

    (void)state;
    for (i = 0; i < WHO_COUNT; i++) {
        const struct party *by = &parties[0][i];

        assert_int_equal(try_edit(&out, &message, by, &parties[1][EC_521],
                                  ENVL_EDIT_REPLACE),
                         ENVELOPE_OK);
        assert_int_equal(common(&message, &out), WHO_COUNT - 1);
        assert_int_equal(open_with(&out, &parties[1][EC_521]), ENVELOPE_OK);
        for (j = 0; j < WHO_COUNT; j++) {
            rc = open_with(&out, &parties[0][j]);
            assert_true(j == i ? rc != ENVELOPE_OK : rc == ENVELOPE_OK);
        }
        OPENSSL_free(out.der);
    }
    OPENSSL_free(message.der);
}

/* The same key by another identifier, as a certificate gives it one, and a
 * passphrase that was added twice: what opens it goes as a whole. */
static void
one_that_is_there_twice_goes_twice(void **state)
{
    static const enum who twice[] = { RSA_3072, EC_256, X_25519, PASSPHRASE };
    struct envl_recipients other;
    struct envl_recipient named;
    struct message message, out;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(twice); i++) {
        struct party *by = &parties[0][twice[i]];
        struct party again = *by;

        message = build(&parties[1][EC_521]);
        grow(&message, &parties[1][EC_521], by);
        named = by->recipients.items[0];
        other = by->recipients;
        other.items = &named;
        named.id.bytes[0] ^= 1;
        again.recipients = other;
        grow(&message, &parties[1][EC_521], &again);
        envl_key_envelope_list_free(list_of(&message, 3), 3);
        assert_int_equal(
            try_edit(&out, &message, by, &parties[1][X_448], ENVL_EDIT_REPLACE),
            ENVELOPE_OK);
        envl_key_envelope_list_free(list_of(&out, 2), 2);
        assert_int_not_equal(open_with(&out, by), ENVELOPE_OK);
        assert_int_equal(open_with(&out, &parties[1][EC_521]), ENVELOPE_OK);
        assert_int_equal(open_with(&out, &parties[1][X_448]), ENVELOPE_OK);
        OPENSSL_free(out.der);
        OPENSSL_free(message.der);
    }
}

/* Who of several is to go has to be said: of two keys, or a key and a secret. */
static void
one_of_several_is_not_chosen(void **state)
{
    static const enum who others[] = { X_448, PASSPHRASE };
    const struct envl_key_settings *key = &parties[0][EC_256].own;
    struct message message = build_all(), out;
    struct envl_err err;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(others); i++) {
        const struct envl_key_settings *other = &parties[0][others[i]].own;
        struct party both = { .own = { .has_kek = false } };

        assert_true(envl_key_settings_copy(&both.own, other));
        assert_true(envl_octets_list_add(&both.own.identity,
                                         key->identity.items[0].data,
                                         key->identity.items[0].len));
        assert_int_equal(
            envl_identities_load(&both.identities, &ctx, &both.own, NULL, &err),
            ENVELOPE_OK);
        assert_int_equal(try_edit(&out, &message, &both, &parties[1][EC_521],
                                  ENVL_EDIT_REPLACE),
                         ENVELOPE_R_PARAMETER);
        out = add(&message, &both, &parties[1][EC_521]);
        OPENSSL_free(out.der);
        envl_identities_clear(&both.identities);
        envl_key_settings_clear(&both.own);
    }
    OPENSSL_free(message.der);
}

/* Readers try so many. */
static void
there_are_at_most_8_passphrases(void **state)
{
    const struct party *kek = &parties[0][KEK], *by = &parties[0][PASSPHRASE];
    struct message message = build(kek), out;
    int i;

    (void)state;
    for (i = 0; i < ENVL_PASSPHRASE_COUNT_MAX; i++)
        grow(&message, kek, &parties[i % 2][PASSPHRASE]);
    assert_int_equal(try_add(&out, &message, kek, by),
                     ENVELOPE_R_TOO_MANY_RECIPIENTS);
    grow(&message, kek, &parties[0][EC_256]);
    assert_int_equal(open_with(&message, by), ENVELOPE_OK);
    /* What goes makes room: four are the same passphrase. */
    assert_int_equal(try_edit(&out, &message, by, by, ENVL_EDIT_REPLACE),
                     ENVELOPE_OK);
    envl_key_envelope_list_free(list_of(&out, 7), 7);
    OPENSSL_free(out.der);
    OPENSSL_free(message.der);
}

/* Of all passphrases from a place on: p is 1, or 64, which takes as long as half of
 * what a reader does in all. */
static unsigned
make_dear(struct message *message, unsigned from, unsigned char p)
{
    static const unsigned char r[] = { 0x02, 1, 8, 0x02, 1 };
    unsigned count = 0;
    size_t i;

    for (i = 0; i + sizeof(r) < message->len; i++) {
        if (memcmp(message->der + i, r, sizeof(r)) == 0 && count++ >= from)
            message->der[i + sizeof(r)] = p;
    }
    return count;
}

/* Readers do so much. */
static void
passphrases_are_as_dear_as_a_reader_takes(void **state)
{
    const struct party *kek = &parties[0][KEK];
    struct message message = build(kek), out;

    (void)state;
    grow(&message, kek, &parties[0][PASSPHRASE]);
    grow(&message, kek, &parties[1][PASSPHRASE]);
    assert_int_equal(make_dear(&message, 0, 64), 2);
    assert_int_equal(try_add(&out, &message, kek, &parties[0][PASSPHRASE]),
                     ENVELOPE_R_TOO_MANY_RECIPIENTS);
    grow(&message, kek, &parties[0][X_448]);
    (void)make_dear(&message, 1, 1);
    grow(&message, kek, &parties[0][PASSPHRASE]);
    OPENSSL_free(message.der);
}

/* All RecipientInfos of one message in another, too. */
static void
mix(struct message *message, const struct message *other)
{
    struct envl_message to = read_message(message->der, message->len);
    struct envl_message from = read_message(other->der, other->len);
    struct message out;
    size_t i;

    for (i = 0; i < from.count; i++)
        add_info(&to, from.infos[i].der.p, from.infos[i].der.len);
    write_message(&to, &out.der, &out.len);
    envl_message_clear(&from);
    OPENSSL_free(message->der);
    *message = out;
}

/* A passphrase may open one that no reader would have tried. */
static void
what_cannot_be_tried_is_not_replaced(void **state)
{
    const struct party *by = &parties[0][PASSPHRASE];
    struct message message = build(by),
                   foreign = build(&parties[1][PASSPHRASE]);
    struct message out;
    int i;

    (void)state;
    for (i = 1; i < ENVL_PASSPHRASE_COUNT_MAX; i++)
        grow(&message, by, by);
    assert_int_equal(
        try_edit(&out, &message, by, &parties[1][X_448], ENVL_EDIT_REPLACE),
        ENVELOPE_OK);
    envl_key_envelope_list_free(list_of(&out, 1), 1);
    OPENSSL_free(out.der);
    /* Beside the one that opened it, eight are tried. */
    mix(&message, &foreign);
    mix(&message, &foreign);
    assert_int_equal(open_with(&message, by), ENVELOPE_OK);
    assert_int_equal(
        try_edit(&out, &message, by, &parties[1][X_448], ENVL_EDIT_REPLACE),
        ENVELOPE_R_PARAMETER);
    OPENSSL_free(foreign.der);
    OPENSSL_free(message.der);
}

/* One that would be cheap to guess: no reader tries it, and it counts for
 * nothing. */
static void
a_cheap_passphrase_is_none(void **state)
{
    const struct party *kek = &parties[0][KEK];
    struct party cheap = parties[0][PASSPHRASE];
    struct message message = build(kek);
    struct envl_key_envelope_entry *list;
    struct envl_err err;
    int i;

    (void)state;
    cheap.settings.log_n = ENVL_SCRYPT_LOG_N_MIN - 1;
    for (i = 0; i <= ENVL_PASSPHRASE_COUNT_MAX; i++)
        grow(&message, kek, &cheap);
    assert_int_equal(open_with(&message, &cheap), ENVELOPE_R_WORK_FACTOR);
    grow(&message, kek, &parties[0][PASSPHRASE]);
    assert_int_equal(open_with(&message, &parties[0][PASSPHRASE]), ENVELOPE_OK);
    assert_int_equal(
        envl_key_envelope_clean(&message.der, &message.len, &ctx, &err),
        ENVELOPE_OK);
    list = list_of(&message, 2);
    assert_true(list[0].description.known && list[1].description.known);
    envl_key_envelope_list_free(list, 2);
    OPENSSL_free(message.der);
}

/* A message with a ktri of PKCS#1 v1.5, which libcrypto's CMS opens. */
static struct message
with_foreign_entry(const struct message *message)
{
    static const char rsa_encryption[] =
        "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\1\1\1\5\0";
    static const unsigned char key[32];
    struct der ktri = { .len = 0 };
    struct envl_message read = read_message(message->der, message->len);
    struct message out;

    der_add_element(&ktri, ENVL_DER_INTEGER, "\2", 1);
    der_add_element(&ktri, ENVL_DER_CONTEXT, "\1\2\3\4", 4);
    der_add(&ktri, rsa_encryption, sizeof(rsa_encryption) - 1);
    der_add_element(&ktri, ENVL_DER_OCTETS, key, sizeof(key));
    der_enclose(&ktri, 0, ENVL_DER_SEQUENCE);
    add_info(&read, ktri.p, ktri.len);
    write_message(&read, &out.der, &out.len);
    return out;
}

static void
what_is_not_ours_is_cleaned_out(void **state)
{
    struct message message = build_all(),
                   foreign = with_foreign_entry(&message);
    struct envl_key_envelope_entry *list;
    struct envl_err err;
    size_t count, i, removed = 0;

    (void)state;
    list = list_of(&foreign, WHO_COUNT + 1);
    for (i = 0; i <= WHO_COUNT; i++)
        removed += !list[i].description.known;
    assert_int_equal(removed, 1);
    envl_key_envelope_list_free(list, WHO_COUNT + 1);

    assert_int_equal(envl_key_envelope_compare(&list, &count, foreign.der,
                                               foreign.len, message.der,
                                               message.len, &ctx, &err),
                     ENVELOPE_OK);
    assert_int_equal(count, WHO_COUNT + 1);
    for (i = 0; i < count; i++)
        assert_int_equal(list[i].change,
                         list[i].description.known ? ENVL_KEPT : ENVL_REMOVED);
    envl_key_envelope_list_free(list, count);

    assert_int_equal(
        envl_key_envelope_clean(&foreign.der, &foreign.len, &ctx, &err),
        ENVELOPE_OK);
    assert_int_equal(foreign.len, message.len);
    assert_memory_equal(foreign.der, message.der, message.len);
    OPENSSL_free(foreign.der);
    OPENSSL_free(message.der);
}

/* What is about to be cleaned out takes no place, and weakens nothing. */
static void
what_is_not_ours_does_not_count(void **state)
{
    struct party strict = parties[1][PASSPHRASE];
    const struct party *by = &parties[0][PASSPHRASE];
    struct message message = build(by), foreign = with_foreign_entry(&message);
    struct envl_message full;
    size_t i;

    (void)state;
    OPENSSL_free(message.der);
    strict.settings.require_post_quantum = ENVL_YES;
    message = add(&foreign, by, &strict);
    OPENSSL_free(message.der);

    full = read_message(foreign.der, foreign.len);
    i = full.infos[0].der.p[0] == 0x30 ? 0 : 1; /* the ktri */
    while (full.count < ENVL_RECIPIENT_COUNT_MAX)
        add_info(&full, full.infos[i].der.p, full.infos[i].der.len);
    write_message(&full, &message.der, &message.len);
    OPENSSL_free(foreign.der);
    foreign = message;
    message.der = NULL;
    assert_int_equal(try_add(&message, &foreign, by, &parties[0][EC_256]),
                     ENVELOPE_OK);
    /* What is written can be read. */
    envl_key_envelope_list_free(list_of(&message, 2), 2);
    assert_int_equal(open_with(&message, by), ENVELOPE_OK);
    assert_int_equal(open_with(&message, &parties[0][EC_256]), ENVELOPE_OK);
    OPENSSL_free(message.der);
    OPENSSL_free(foreign.der);
}

/* What its own key has opened is no claim, and stays. */
static void
the_opener_is_not_made_anew(void **state)
{
    static const enum envl_edit_mode modes[] = { ENVL_EDIT_ADD,
                                                 ENVL_EDIT_REPLACE,
                                                 ENVL_EDIT_ALL };
    const struct party *other = &parties[1][X_448];
    struct message single, both, out;
    size_t i, who;

    (void)state;
    for (i = 0; i < COUNT(modes) * WHO_COUNT; i++) {
        const struct party *party = &parties[0][who = i / COUNT(modes)];
        const enum envl_edit_mode mode = modes[i % COUNT(modes)];
        const bool stays = who != PASSPHRASE;
        const int others = mode == ENVL_EDIT_ALL ? 0 : 1;

        single = build(party);
        both = add(&single, party, other);
        assert_int_equal(try_edit(&out, &both, party, party, mode),
                         ENVELOPE_OK);
        assert_int_equal(common(&both, &out),
                         others + (stays || mode == ENVL_EDIT_ADD));
        assert_int_equal(common(&out, &out),
                         others + 1 + (!stays && mode == ENVL_EDIT_ADD));
        assert_int_equal(open_with(&out, party), ENVELOPE_OK);
        OPENSSL_free(out.der);
        OPENSSL_free(both.der);
        OPENSSL_free(single.der);
    }
}

static bool
is_done(const struct message *message, const struct party *old,
        const struct party *party, const char *removed, bool alone)
{
    struct envl_err err;
    bool is;

    assert_int_equal(envl_key_envelope_is_done(&is, message->der, message->len,
                                               &ctx, &old->identities,
                                               &party->recipients, removed,
                                               alone, &err),
                     ENVELOPE_OK);
    assert_int_equal(ERR_peek_error(), 0);
    return is;
}

static void
what_nobody_opened_may_be_done(void **state)
{
    const struct party *old = &parties[0][RSA_3072], *new = &parties[1][EC_256];
    struct message single = build(new), message, foreign;
    char id[128];
    int who;

    (void)state;
    assert_true(is_done(&single, old, new, NULL, true));
    foreign = with_foreign_entry(&single);
    assert_false(is_done(&foreign, old, new, NULL, false));
    for (who = 0; who < WHO_COUNT; who++) {
        const struct party *party = &parties[0][who];
        const bool is_old = party == old;

        message = add(&single, new, party);
        assert_int_equal(is_done(&message, old, new, NULL, false), !is_old);
        assert_false(is_done(&message, old, new, NULL, true));
        /* What is wrong or damaged has its name there, or none. */
        assert_false(is_done(&message, party, new, NULL, false));
        assert_true(is_done(&single, party, new, NULL, false));
        if (who == PASSPHRASE || who == KEK)
            assert_false(is_done(&message, &parties[1][who], new, NULL, false));
        /* Of a secret it is not known whether it is the same. */
        assert_int_equal(
            is_done(&message, &parties[1][X_448], party, NULL, false),
            who != PASSPHRASE && who != KEK);
        assert_false(is_done(&single, old, party, NULL, false));
        OPENSSL_free(message.der);
    }
    id_text(id, &single, 8);
    message = add(&single, new, &parties[0][X_25519]);
    assert_false(is_done(&message, old, &parties[0][X_25519], id, false));
    assert_true(
        is_done(&message, old, &parties[0][X_25519], "00000000", false));
    OPENSSL_free(message.der);
    OPENSSL_free(foreign.der);
    OPENSSL_free(single.der);
}

static void
what_cannot_be_removed_is_refused(void **state)
{
    static const char *const refused[] = {
        "", "\n", "0123456", "zzzzzzzz", "12 345",
    };
    static const char *const gone[] = {
        "0123456789abcdef\n",
        "01234567",
        "0123456789abcdef0123456789abcdef0123456789",
    };
    struct message message = build_all(), first, out;
    char id[WHO_COUNT * 128] = "", one[128];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(refused); i++)
        assert_int_equal(try_remove(&out, &message, refused[i]),
                         ENVELOPE_R_PARAMETER);
    for (i = 0; i < COUNT(gone); i++) {
        assert_int_equal(try_remove(&out, &message, gone[i]), ENVELOPE_OK);
        assert_true(out.len == message.len
                    && memcmp(out.der, message.der, out.len) == 0);
        OPENSSL_free(out.der);
    }

    /* 7 digits are too few, all but one may go, the last one stays. */
    first = build(&parties[0][EC_256]);
    id_text(one, &first, 7);
    assert_int_equal(try_remove(&out, &message, one), ENVELOPE_R_PARAMETER);
    id_text(one, &first, 2 * ENVL_KEY_ID_LEN);
    assert_int_equal(try_remove(&out, &first, one), ENVELOPE_R_PARAMETER);
    OPENSSL_free(first.der);
    for (i = 0; i < WHO_COUNT; i++) {
        struct envl_key_envelope_entry *list = list_of(&message, WHO_COUNT);
        size_t j;

        for (j = 0; j < list[i].id_len; j++)
            (void)snprintf(id + strlen(id), 3, "%02x", list[i].id[j]);
        (void)strcat(id, "\n");
        envl_key_envelope_list_free(list, WHO_COUNT);
        if (i == WHO_COUNT - 2) {
            assert_int_equal(try_remove(&out, &message, id), ENVELOPE_OK);
            assert_int_equal(common(&out, &message), 1);
            OPENSSL_free(out.der);
        }
    }
    assert_int_equal(try_remove(&out, &message, id), ENVELOPE_R_PARAMETER);
    OPENSSL_free(message.der);
}

/* Copies of one recipient, which the caller frees. */
static struct envl_recipients
copies(const struct party *party, size_t count)
{
    struct envl_recipients many = { .count = count, .size = count };
    size_t i;

    many.items = malloc(count * sizeof(*many.items));
    assert_non_null(many.items);
    for (i = 0; i < count; i++)
        many.items[i] = party->recipients.items[0];
    return many;
}

static void
there_are_at_most_1024(void **state)
{
    const struct party *party = &parties[0][X_25519];
    struct envl_recipients many = copies(party, ENVL_RECIPIENT_COUNT_MAX - 1);
    struct message message, out;
    struct envl_edit edit;
    struct envl_err err;
    char id[128] = "";
    bool opened;
    size_t i;

    (void)state;
    assert_int_equal(build_key_envelope(&message.der, &message.len, &ctx, &many,
                                        &party->settings, dek, &err),
                     ENVELOPE_OK);
    free(many.items);
    grow(&message, party, &parties[0][EC_256]);
    assert_int_equal(try_add(&out, &message, party, &parties[0][RSA_3072]),
                     ENVELOPE_R_TOO_MANY_RECIPIENTS);

    /* All of one identifier are one, and go together. */
    for (i = 0; i < 6; i++)
        (void)snprintf(id + 2 * i, 3, "%02x",
                       party->recipients.items[0].id.bytes[i]);
    assert_int_equal(try_remove(&out, &message, id), ENVELOPE_OK);
    envl_key_envelope_list_free(list_of(&out, 1), 1);
    assert_int_equal(open_with(&out, &parties[0][EC_256]), ENVELOPE_OK);
    OPENSSL_free(out.der);

    many = copies(&parties[0][RSA_3072], ENVL_RECIPIENT_COUNT_MAX);
    edit = (struct envl_edit){ .mode = ENVL_EDIT_ADD,
                               .recipients = &many,
                               .settings = &party->settings };
    assert_int_equal(envl_key_envelope_add(
                         &out.der, &out.len, message.der, message.len, &ctx,
                         &party->identities, &edit, NULL, &opened, &err),
                     ENVELOPE_R_TOO_MANY_RECIPIENTS);
    free(many.items);
    OPENSSL_free(message.der);
}

/* A kari with its only recipient twice, the second under another name; or in its
 * place one whose wrapped key is no use. */
static struct message
double_kari(const struct message *message, unsigned char name[2], bool spoilt)
{
    struct envl_message read = read_message(message->der, message->len);
    struct der kari = { .len = 0 };
    size_t der_len, keys, i;
    const unsigned char *p, *q;
    struct message out;
    long len;
    int tag, class;

    p = read.infos[0].der.p;
    der_len = read.infos[0].der.len;
    (void)ASN1_get_object(&p, &len, &tag, &class, (long)der_len);
    q = p;
    for (i = 0; i < 3; i++, q += len) /* version, originator, algorithm */
        (void)ASN1_get_object(&q, &len, &tag, &class, (long)der_len);
    der_add(&kari, p, (size_t)(q - p));
    (void)ASN1_get_object(&q, &len, &tag, &class, (long)der_len);
    keys = kari.len;
    der_add(&kari, q, (size_t)len);
    der_add(&kari, q, (size_t)len);
    /* SEQUENCE, [0], OCTET STRING and their lengths stand before the name. */
    name[0] = kari.p[keys + 6];
    name[1] = kari.p[keys + (size_t)len + 6] ^= 1;
    kari.p[kari.len - 1] ^= spoilt;
    der_enclose(&kari, keys, ENVL_DER_SEQUENCE);
    der_enclose(&kari, 0, ENVL_DER_CONSTRUCTED + 1);
    envl_message_drop(&read, 0);
    add_info(&read, kari.p, kari.len);
    write_message(&read, &out.der, &out.len);
    return out;
}

static void
a_kari_is_not_split(void **state)
{
    struct message single = build(&parties[0][EC_256]), twice, out;
    struct envl_key_envelope_entry *list;
    unsigned char name[2];
    char id[2][128], both[256];

    (void)state;
    twice = double_kari(&single, name, false);
    id_text(id[0], &single, 2 * ENVL_KEY_ID_LEN);
    memcpy(id[1], id[0], sizeof(id[0]));
    (void)snprintf(both, sizeof(both), "%02X", name[1]);
    memcpy(id[1], both, 2);
    assert_int_equal(open_with(&twice, &parties[0][EC_256]), ENVELOPE_OK);
    grow(&twice, &parties[0][EC_256], &parties[1][X_448]);
    list = list_of(&twice, 3);
    envl_key_envelope_list_free(list, 3);

    assert_int_equal(try_remove(&out, &twice, id[0]), ENVELOPE_R_PARAMETER);
    assert_int_equal(try_remove(&out, &twice, id[1]), ENVELOPE_R_PARAMETER);
    (void)snprintf(both, sizeof(both), "%s%s", id[0], id[1]);
    assert_int_equal(try_remove(&out, &twice, both), ENVELOPE_OK);
    envl_key_envelope_list_free(list_of(&out, 1), 1);
    assert_int_equal(open_with(&out, &parties[1][X_448]), ENVELOPE_OK);
    OPENSSL_free(out.der);
    OPENSSL_free(twice.der);
    OPENSSL_free(single.der);
}

/* What the replaced key opens must go, also where it shares its entry. */
static void
a_shared_entry_is_not_left(void **state)
{
    struct party by = parties[0][EC_256];
    struct envl_recipient named = by.recipients.items[0];
    struct message single, message, out;
    unsigned char name[2];

    (void)state;
    named.id.bytes[0] ^= 2;
    by.recipients.items = &named;
    single = build(&by);
    message = double_kari(&single, name, true);
    grow(&message, &parties[0][EC_256], &parties[0][EC_256]);
    envl_key_envelope_list_free(list_of(&message, 3), 3);
    assert_int_equal(try_edit(&out, &message, &parties[0][EC_256],
                              &parties[1][X_448], ENVL_EDIT_REPLACE),
                     ENVELOPE_R_PARAMETER);
    OPENSSL_free(message.der);
    OPENSSL_free(single.der);
}

/* Whatever comes of it, it is told by a reason, and a result is a message. */
static void
edit_all_ways(const struct message *message)
{
    static const enum who by[] = { EC_256, KEK };
    struct envl_key_envelope_entry *list;
    struct envl_message read;
    struct message out;
    struct envl_err err;
    size_t i, count;
    bool opened;

    ERR_clear_error();
    if (envl_key_envelope_list(&list, &count, message->der, message->len, &ctx,
                               &err)
        == ENVELOPE_OK)
        envl_key_envelope_list_free(list, count);
    for (i = 0; i < 3 * COUNT(by); i++) {
        const struct envl_edit edit = {
            .mode = (enum envl_edit_mode)(i % 3),
            .recipients = &parties[1][X_25519].recipients,
            .settings = &parties[1][X_25519].settings,
            .removed = i < 3 ? NULL : "00000000",
        };

        if (envl_key_envelope_add(
                &out.der, &out.len, message->der, message->len, &ctx,
                &parties[0][by[i / 3]].identities, &edit, NULL, &opened, &err)
            == ENVELOPE_OK) {
            read = read_message(out.der, out.len);
            envl_message_clear(&read);
            OPENSSL_free(out.der);
        }
    }
    if (try_remove(&out, message, "00000000\n") == ENVELOPE_OK)
        OPENSSL_free(out.der);
    (void)envl_key_envelope_is_done(&opened, message->der, message->len, &ctx,
                                    &parties[0][RSA_3072].identities,
                                    &parties[1][X_25519].recipients, "00000000",
                                    true, &err);
    assert_int_equal(ERR_peek_error(), 0);
}

static void
flipped_bits_do_no_harm(void **state)
{
    struct message message = build_all(), bad = { .len = message.len };
    unsigned char at[3 * 4];
    uint32_t i, j, bit;

    (void)state;
    bad.der = malloc(bad.len);
    assert_non_null(bad.der);
    for (i = 0; i < 600; i++) {
        memcpy(bad.der, message.der, bad.len);
        fill(at, sizeof(at), i + 100);
        for (j = 0; j < 1 + i % 3; j++) {
            memcpy(&bit, at + 4 * j, sizeof(bit));
            bit %= 8 * (uint32_t)bad.len;
            bad.der[bit / 8] ^= (unsigned char)(1u << bit % 8);
        }
        edit_all_ways(&bad);
    }
    for (bad.len = message.len - 1; bad.len > 16; bad.len -= 1 + bad.len / 40)
        edit_all_ways(&bad);
    free(bad.der);
    OPENSSL_free(message.der);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_added_by_each),
        cmocka_unit_test(a_list_tells_kinds),
        cmocka_unit_test(a_recipient_is_added_once),
        cmocka_unit_test(one_is_replaced_and_the_others_stay),
        cmocka_unit_test(one_that_is_there_twice_goes_twice),
        cmocka_unit_test(one_of_several_is_not_chosen),
        cmocka_unit_test(there_are_at_most_8_passphrases),
        cmocka_unit_test(passphrases_are_as_dear_as_a_reader_takes),
        cmocka_unit_test(what_cannot_be_tried_is_not_replaced),
        cmocka_unit_test(a_cheap_passphrase_is_none),
        cmocka_unit_test(what_is_not_ours_is_cleaned_out),
        cmocka_unit_test(what_is_not_ours_does_not_count),
        cmocka_unit_test(the_opener_is_not_made_anew),
        cmocka_unit_test(what_nobody_opened_may_be_done),
        cmocka_unit_test(what_cannot_be_removed_is_refused),
        cmocka_unit_test(there_are_at_most_1024),
        cmocka_unit_test(a_kari_is_not_split),
        cmocka_unit_test(a_shared_entry_is_not_left),
        cmocka_unit_test(flipped_bits_do_no_harm),
    };

    return cmocka_run_group_tests_name("key_envelope_edit", tests, make_parties,
                                       free_parties);
}
