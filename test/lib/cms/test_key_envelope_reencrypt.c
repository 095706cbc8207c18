/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of services in a key envelope, with a module that stands in for the
 * services: what one encrypts anew is in its place, bit for bit as FORMAT 5.2
 * has it, and all else stays.  And memory that runs out on the way. */
#include "lib/cms/edit.h"

#include "test/lib/cms/message.h"
#include "test/support/der.h"
#include "test/support/memory.h"
#include "test/support/support.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "lib/cms/key_envelope.h"
#include "lib/keys/kek_source.h"

#define URI "execkms://fake/"
#define QUESTIONS_MAX 10 /* FORMAT 5.1 */

/* After the KEKIdentifier: id-aes256-wrap, and a key of 32 bytes wrapped. */
#define ALGORITHM_LEN (2 + 2 + 9)
#define REST_LEN (ALGORITHM_LEN + 2 + ENVL_DEK_LEN + 8)

static const char source_oid[] =
    "2.25.316074012886541906706424215129532293222.1";

static struct envl_libctx ctx = { .propq = "?provider=default" };
static unsigned *questions; /* that the module has been asked */
static unsigned char dek[ENVL_DEK_LEN];
static struct envl_octets spki, pkcs8; /* of a key at hand */

struct message {
    unsigned char *der;
    size_t len;
};

/* A kekri: all that can be chosen in it. */
struct form {
    const char *key;     /* of service execkms */
    const char *id_key;  /* that the identifier is made of; NULL: key */
    const char *context; /* "" or "labels" */
    struct envl_octets blob;
    const char *date; /* GeneralizedTime; NULL: none */
    const void *attr; /* in place of all of the attribute; or NULL */
    size_t attr_len;
    const void *rest; /* REST_LEN */
};

static void
add_attr(struct der *to, const struct form *form)
{
    size_t begin = to->len;

    if (form->attr != NULL) {
        der_add(to, form->attr, form->attr_len);
        return;
    }
    der_add_text(to, "kms");
    der_add_text(to, "execkms");
    der_add_text(to, form->key);
    der_add_text(to, form->context);
    der_add_element(to, ENVL_DER_OCTETS, form->blob.data, form->blob.len);
    der_enclose(to, begin, ENVL_DER_SEQUENCE);
}

static void
add_oid(struct der *to)
{
    ASN1_OBJECT *oid = OBJ_txt2obj(source_oid, 1);
    unsigned char *der = NULL;
    int len = i2d_ASN1_OBJECT(oid, &der);

    assert_true(len > 0);
    der_add(to, der, (size_t)len);
    OPENSSL_free(der);
    ASN1_OBJECT_free(oid);
}

static void
add_id(struct der *to, const char *key)
{
    unsigned char hash[32];
    char text[4096];
    size_t len;

    (void)snprintf(text, sizeof(text), "execkms:%s", key);
    assert_true(
        EVP_Q_digest(NULL, "SHA256", NULL, text, strlen(text), hash, &len));
    der_add_element(to, ENVL_DER_OCTETS, hash, ENVL_KMS_ID_LEN);
}

static struct der
make_kekri(const struct form *form)
{
    struct der out = { .len = 0 };
    size_t kekid, other;

    der_add_element(&out, ENVL_DER_INTEGER, "\4", 1);
    kekid = out.len;
    add_id(&out, form->id_key != NULL ? form->id_key : form->key);
    if (form->date != NULL)
        der_add_element(&out, ENVL_DER_TIME, form->date, strlen(form->date));
    other = out.len;
    add_oid(&out);
    add_attr(&out, form);
    der_enclose(&out, other, ENVL_DER_SEQUENCE);
    der_enclose(&out, kekid, ENVL_DER_SEQUENCE);
    der_add(&out, form->rest, REST_LEN);
    der_enclose(&out, 0, ENVL_DER_CONSTRUCTED + 2);
    return out;
}

/* Messages */

/* Recipients and identities of a list, and the key at hand if that is asked
 * for. */
static struct envl_key_settings
settings_of(const char *recipients, const char *identities, bool with_key)
{
    struct envl_key_settings settings = { 0 };

    if (recipients != NULL)
        assert_true(envl_text_set(&settings.recipients, recipients,
                                  strlen(recipients)));
    if (identities != NULL)
        assert_true(envl_text_set(&settings.identities, identities,
                                  strlen(identities)));
    if (with_key)
        assert_true(
            envl_octets_list_add(&settings.recipient, spki.data, spki.len)
            && envl_octets_list_add(&settings.identity, pkcs8.data, pkcs8.len));
    return settings;
}

static enum envelope_reason
try_build(struct message *out, const struct envl_key_settings *settings,
          const char *labels)
{
    const struct envl_labels bound = { labels,
                                       labels != NULL ? strlen(labels) : 0 };
    struct envl_recipients recipients;
    enum envelope_reason rc;
    struct envl_err err;

    *out = (struct message){ NULL, 0 };
    rc = envl_recipients_load(&recipients, &ctx, settings, NULL, &err);
    if (rc == ENVELOPE_OK)
        rc = build_key_envelope_for(&out->der, &out->len, &ctx, &recipients,
                                    settings, &bound, dek, &err);
    envl_recipients_clear(&recipients);
    return rc;
}

static struct message
build(const char *list, bool with_key, const char *labels)
{
    struct envl_key_settings settings = settings_of(list, NULL, with_key);
    struct message message;

    assert_int_equal(try_build(&message, &settings, labels), ENVELOPE_OK);
    envl_key_settings_clear(&settings);
    *questions = 0;
    return message;
}

static enum envelope_reason
try_open(const struct message *message,
         const struct envl_key_settings *settings, const char *labels)
{
    const struct envl_labels bound = { labels,
                                       labels != NULL ? strlen(labels) : 0 };
    struct envl_identities identities;
    unsigned char found[ENVL_DEK_LEN] = { 0 };
    enum envelope_reason rc;
    struct envl_err err;

    rc = envl_identities_load(&identities, &ctx, settings, NULL, &err);
    if (rc == ENVELOPE_OK)
        rc = envl_key_envelope_open(found, message->der, message->len, &ctx,
                                    &identities, &bound, &err);
    envl_identities_clear(&identities);
    if (rc == ENVELOPE_OK)
        assert_memory_equal(found, dek, sizeof(dek));
    return rc;
}

static enum envelope_reason
open_with(const struct message *message, const char *list, bool with_key,
          const char *labels)
{
    struct envl_key_settings settings = settings_of(NULL, list, with_key);
    enum envelope_reason rc = try_open(message, &settings, labels);

    envl_key_settings_clear(&settings);
    return rc;
}

static enum envelope_reason
try_reencrypt(struct message *out, const struct message *message,
              const struct envl_key_settings *settings, const char *to_uri,
              const char *labels)
{
    const struct envl_labels bound = { labels,
                                       labels != NULL ? strlen(labels) : 0 };
    struct envl_identities identities;
    enum envelope_reason rc;
    struct envl_err err;

    *out = (struct message){ NULL, 0 };
    rc = envl_identities_load(&identities, &ctx, settings, NULL, &err);
    if (rc == ENVELOPE_OK)
        rc = envl_key_envelope_reencrypt(&out->der, &out->len, message->der,
                                         message->len, &ctx, &identities,
                                         &bound, to_uri, &err);
    envl_identities_clear(&identities);
    if (rc != ENVELOPE_OK)
        assert_null(out->der);
    return rc;
}

static enum envelope_reason
reencrypt(struct message *out, const struct message *message, const char *list,
          const char *to_uri)
{
    struct envl_key_settings settings = settings_of(NULL, list, false);
    enum envelope_reason rc;

    ERR_clear_error();
    rc = try_reencrypt(out, message, &settings, to_uri, NULL);
    assert_int_equal(ERR_peek_error(), 0);
    envl_key_settings_clear(&settings);
    return rc;
}

static struct der
raw(const struct message *message, size_t i)
{
    struct envl_message read = read_message(message->der, message->len);
    struct der out = { .len = 0 };

    assert_true(i < read.count);
    der_add(&out, read.infos[i].der.p, read.infos[i].der.len);
    envl_message_clear(&read);
    return out;
}

static bool
has(const struct message *message, const struct der *recipient)
{
    struct envl_message read = read_message(message->der, message->len);
    const struct envl_der info = { recipient->p, recipient->len };
    bool is = envl_message_has(&read, &info);

    envl_message_clear(&read);
    return is;
}

/* In the order of a SET OF, which envl_message_read() asks for, too. */
static void
assert_count(const struct message *message, int count)
{
    struct envl_message read = read_message(message->der, message->len);
    size_t i, a_len, b_len;
    int order;

    assert_int_equal(read.count, count);
    for (i = 1; i < read.count; i++) {
        a_len = read.infos[i - 1].der.len;
        b_len = read.infos[i].der.len;
        order = memcmp(read.infos[i - 1].der.p, read.infos[i].der.p,
                       a_len < b_len ? a_len : b_len);
        assert_true(order < 0 || (order == 0 && a_len <= b_len));
    }
    envl_message_clear(&read);
}

/* A message's only recipient in another form, which has its rest. */
static struct message
with_form(const struct message *message, struct form form)
{
    struct envl_message read = read_message(message->der, message->len);
    struct der old = raw(message, 0), kekri;
    struct message out;

    form.rest = old.p + old.len - REST_LEN;
    kekri = make_kekri(&form);
    envl_message_drop(&read, 0);
    add_info(&read, kekri.p, kekri.len);
    write_message(&read, &out.der, &out.len);
    return out;
}

/* Where the blob is in a kekri of ours, the last element of its attribute. */
static struct envl_octets
blob_of(struct der *kekri, size_t len)
{
    return (struct envl_octets){ kekri->p + kekri->len - REST_LEN - len, len };
}

static int
setup(void **state)
{
    const char *build = getenv("top_builddir");
    unsigned char *public = NULL, *private = NULL;
    static char modules[4096];
    int public_len, private_len;
    char path[sizeof(modules) + 32];
    EVP_PKEY *key;
    void *handle;

    (void)state;
    (void)snprintf(modules, sizeof(modules), "%s/test/kms/.libs",
                   build != NULL ? build : ".");
    (void)snprintf(path, sizeof(path), "%s/envelope-kms.so", modules);
    ctx.kms_modules = modules;
    handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL)
        print_error("%s\n", dlerror());
    assert_non_null(handle);
    questions = dlsym(handle, "fake_kms_questions");
    assert_non_null(questions);
    fill(dek, sizeof(dek), 1);
    key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    public_len = i2d_PUBKEY(key, &public);
    private_len = i2d_PrivateKey(key, &private);
    assert_true(envl_octets_set(&spki, public, (size_t)public_len)
                && envl_octets_set(&pkcs8, private, (size_t)private_len));
    OPENSSL_free(public);
    OPENSSL_clear_free(private, (size_t)private_len);
    EVP_PKEY_free(key);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    envl_octets_clear(&spki);
    envl_octets_clear(&pkcs8);
    return 0;
}

/* Tests */

static void
the_bytes_are_those_of_the_format(void **state)
{
    static const char *const labels[] = { NULL, "a=1\nb=2\n" };
    struct envl_key_settings settings = settings_of(NULL, URI "a", false);
    struct message message, out;
    struct der old, want;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(labels); i++) {
        size_t labels_len = labels[i] != NULL ? strlen(labels[i]) : 0;
        struct form form = { .key = "fake/next",
                             .context = labels[i] != NULL ? "labels" : "" };

        message = build(URI "a", false, labels[i]);
        old = raw(&message, 0);
        form.blob = blob_of(&old, ENVL_KEK_LEN + labels_len);
        form.rest = old.p + old.len - REST_LEN;
        assert_int_equal(
            try_reencrypt(&out, &message, &settings, URI "next", labels[i]),
            ENVELOPE_OK);
        assert_int_equal(*questions, 1);
        assert_count(&out, 1);
        want = make_kekri(&form);
        assert_true(has(&out, &want));
        assert_int_equal(open_with(&out, URI "next", false, labels[i]),
                         ENVELOPE_OK);
        assert_int_equal(open_with(&out, URI "a", false, labels[i]),
                         ENVELOPE_R_NO_MATCH);
        OPENSSL_free(message.der);
        OPENSSL_free(out.der);
    }
    envl_key_settings_clear(&settings);
}

/* The fake's new encryption for the same key is the old one. */
static void
for_the_same_key_the_message_is_the_same(void **state)
{
    struct message message = build(URI "a\n" URI "b", true, NULL), out;

    (void)state;
    assert_int_equal(reencrypt(&out, &message, URI "b\n" URI "a", NULL),
                     ENVELOPE_OK);
    assert_int_equal(*questions, 2);
    assert_int_equal(out.len, message.len);
    assert_memory_equal(out.der, message.der, out.len);
    OPENSSL_free(message.der);
    OPENSSL_free(out.der);
}

/* Names of many lengths, so that new ones take other places in the set. */
static void
only_what_is_meant_changes(void **state)
{
    static const char *const keys[] = { "a", "bb", "cccccccc", "d" };
    struct message message, out;
    char list[256] = "", to[160];
    size_t i, len;
    int kept, j;

    (void)state;
    for (i = 0; i < COUNT(keys); i++)
        (void)snprintf(list + strlen(list), sizeof(list) - strlen(list),
                       URI "%s\n", keys[i]);
    message = build(list, true, NULL);
    for (len = 1; len < 130; len += 43) {
        (void)snprintf(to, sizeof(to), URI "%0*d", (int)len, 0);
        assert_int_equal(
            reencrypt(&out, &message, URI "cccccccc\n" URI "x\n" URI "a", to),
            ENVELOPE_OK);
        assert_count(&out, 5);
        for (j = kept = 0; j < 5; j++) {
            struct der one = raw(&message, (size_t)j);

            kept += has(&out, &one);
        }
        assert_int_equal(kept, 3);
        assert_int_equal(open_with(&out, to, false, NULL), ENVELOPE_OK);
        assert_int_equal(open_with(&out, URI "bb", false, NULL), ENVELOPE_OK);
        assert_int_equal(open_with(&out, URI "d", false, NULL), ENVELOPE_OK);
        assert_int_equal(open_with(&out, NULL, true, NULL), ENVELOPE_OK);
        assert_int_equal(open_with(&out, URI "a\n" URI "cccccccc", false, NULL),
                         ENVELOPE_R_NO_MATCH);
        OPENSSL_free(out.der);
    }
    OPENSSL_free(message.der);
}

/* Whatever else stands in the identifier: a writer of ours has no date, and
 * makes the identifier of the key. */
static void
a_date_and_a_wrong_name_go(void **state)
{
    struct message first = build(URI "a", false, NULL), message, out;
    struct der old = raw(&first, 0), want;
    struct form form = { .key = "fake/a",
                         .context = "",
                         .blob = blob_of(&old, ENVL_KEK_LEN),
                         .rest = old.p + old.len - REST_LEN,
                         .id_key = "of somebody else",
                         .date = "20260101000000Z" };

    (void)state;
    message = with_form(&first, form);
    form.id_key = form.date = NULL;
    want = make_kekri(&form);
    assert_true(has(&first, &want) && !has(&message, &want));
    assert_int_equal(open_with(&message, URI "a", false, NULL), ENVELOPE_OK);
    assert_int_equal(reencrypt(&out, &message, URI "a", NULL), ENVELOPE_OK);
    assert_count(&out, 1);
    assert_true(has(&out, &want));
    OPENSSL_free(first.der);
    OPENSSL_free(message.der);
    OPENSSL_free(out.der);
}

/* Recipients take the place of what the identities open, or come beside it. */
static enum envelope_reason
try_edit(struct message *out, const struct message *message,
         const char *identities, const char *recipients, bool with_key,
         enum envl_edit_mode mode)
{
    struct envl_key_settings own = settings_of(NULL, identities, false);
    struct envl_key_settings fresh = settings_of(recipients, NULL, with_key);
    struct envl_recipients to;
    struct envl_identities ids;
    const struct envl_edit edit = { .mode = mode,
                                    .recipients = &to,
                                    .settings = &fresh };
    enum envelope_reason rc;
    struct envl_err err;
    bool opened;

    assert_int_equal(envl_identities_load(&ids, &ctx, &own, NULL, &err),
                     ENVELOPE_OK);
    assert_int_equal(envl_recipients_load(&to, &ctx, &fresh, NULL, &err),
                     ENVELOPE_OK);
    rc = envl_key_envelope_add(&out->der, &out->len, message->der, message->len,
                               &ctx, &ids, &edit, NULL, &opened, &err);
    envl_identities_clear(&ids);
    envl_recipients_clear(&to);
    envl_key_settings_clear(&own);
    envl_key_settings_clear(&fresh);
    return rc;
}

/* A key that is replaced goes with all that name it, whatever they are called
 * themselves; of two keys of services it is not said which. */
static void
all_of_a_key_are_replaced(void **state)
{
    struct message first = build(URI "a", false, NULL), message, both, out;
    struct der old = raw(&first, 0);
    struct form form = { .key = "fake/a",
                         .context = "",
                         .blob = blob_of(&old, ENVL_KEK_LEN),
                         .rest = old.p + old.len - REST_LEN,
                         .id_key = "of somebody else" };

    (void)state;
    message = with_form(&first, form);
    assert_int_equal(
        try_edit(&both, &message, URI "a", URI "a", false, ENVL_EDIT_ADD),
        ENVELOPE_OK);
    assert_count(&both, 2);
    assert_int_equal(
        try_edit(&out, &both, URI "a", NULL, true, ENVL_EDIT_REPLACE),
        ENVELOPE_OK);
    assert_count(&out, 1);
    assert_int_equal(open_with(&out, NULL, true, NULL), ENVELOPE_OK);
    assert_int_equal(open_with(&out, URI "a", false, NULL),
                     ENVELOPE_R_NO_MATCH);
    OPENSSL_free(out.der);
    OPENSSL_free(both.der);
    OPENSSL_free(message.der);
    OPENSSL_free(first.der);

    message = build(URI "a\n" URI "b", false, NULL);
    assert_int_equal(try_edit(&out, &message, URI "a\n" URI "b", NULL, true,
                              ENVL_EDIT_REPLACE),
                     ENVELOPE_R_PARAMETER);
    assert_int_equal(
        try_edit(&out, &message, URI "b", NULL, true, ENVL_EDIT_REPLACE),
        ENVELOPE_OK);
    assert_count(&out, 2);
    assert_int_equal(open_with(&out, URI "a", false, NULL), ENVELOPE_OK);
    assert_int_equal(open_with(&out, URI "b", false, NULL),
                     ENVELOPE_R_NO_MATCH);
    OPENSSL_free(out.der);
    OPENSSL_free(message.der);
}

static void
the_longest_of_all_fits(void **state)
{
    static unsigned char blob[ENVL_KMS_BLOB_LEN_MAX];
    static char key[ENVL_KMS_KEY_LEN_MAX + 1] = "fake/";
    char uri[sizeof(URI) + ENVL_KMS_KEY_LEN_MAX];
    struct message first = build(URI "a", false, NULL), message, out;
    struct der old = raw(&first, 0), want;
    struct form form = { .key = key,
                         .context = "labels",
                         .blob = { blob, sizeof(blob) },
                         .rest = old.p + old.len - REST_LEN };

    (void)state;
    memset(key + strlen(key), '~', ENVL_KMS_KEY_LEN_MAX - strlen(key));
    (void)snprintf(uri, sizeof(uri), "%s%s", "execkms://", key);
    message = with_form(&first, form);
    assert_int_equal(reencrypt(&out, &message, uri, URI "next"), ENVELOPE_OK);
    form.key = "fake/next";
    want = make_kekri(&form);
    assert_true(has(&out, &want));
    OPENSSL_free(message.der);

    message = out;
    assert_int_equal(reencrypt(&out, &message, URI "next", uri), ENVELOPE_OK);
    form.key = key;
    want = make_kekri(&form);
    assert_true(has(&out, &want));
    OPENSSL_free(first.der);
    OPENSSL_free(message.der);
    OPENSSL_free(out.der);
}

/* Nobody is asked about what the format does not have. */
static void
strange_forms_are_passed_over(void **state)
{
#define ATTR(text) text, sizeof(text) - 1
    static const struct {
        const char *attr;
        size_t len;
        bool is_ber; /* the message is refused */
    } attrs[] = {
        /* "a b", and a NUL within the name */
        { ATTR("\x30\x18\x0c\3kms\x0c\7execkms\x0c\3a b\x0c\0\4\1\1"), false },
        { ATTR("\x30\x18\x0c\3kms\x0c\7execkms\x0c\3a\0b\x0c\0\4\1\1"), false },
        /* another service, another context, no blob, one element more */
        { ATTR("\x30\x16\x0c\3kms\x0c\7Execkms\x0c\1a\x0c\0\4\1\1"), false },
        { ATTR("\x30\x17\x0c\3kms\x0c\7execkms\x0c\1a\x0c\1x\4\1\1"), false },
        { ATTR("\x30\x15\x0c\3kms\x0c\7execkms\x0c\1a\x0c\0\4\0"), false },
        { ATTR("\x30\x18\x0c\3kms\x0c\7execkms\x0c\1a\x0c\0\4\1\1\5\0"),
          false },
        /* BER: a long form of a length, no length, a string in pieces whose
         * raw bytes are others than those that they make up */
        { ATTR("\x30\x1c\x0c\x81\3kms\x0c\7execkms\x0c\6fake/a\x0c\0\4\1\1"),
          true },
        { ATTR("\x30\x81\x1b\x0c\3kms\x0c\7execkms\x0c\6fake/a\x0c\0\4\1\1"),
          true },
        { ATTR("\x30\x80\x0c\3kms\x0c\7execkms\x0c\6fake/a\x0c\0\4\1\1\0\0"),
          true },
        { ATTR("\x30\x1d\x2c\x80\x0c\1k\x0c\2ms\0\0\x0c\1v\x0c\2ab\x0c\6labels"
               "\4\1\1"),
          true },
    };
#undef ATTR
    struct message first = build(URI "a", false, NULL), message, out;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(attrs); i++) {
        const struct form form = { .key = "fake/a",
                                   .attr = attrs[i].attr,
                                   .attr_len = attrs[i].len };
        const enum envelope_reason want =
            attrs[i].is_ber ? ENVELOPE_R_KEY_ENVELOPE : ENVELOPE_R_NO_MATCH;
        struct envl_key_envelope_entry *list;
        enum envelope_reason rc;
        struct envl_err err;
        size_t count;

        message = with_form(&first, form);
        rc = envl_key_envelope_list(&list, &count, message.der, message.len,
                                    &ctx, &err);
        assert_int_equal(rc, attrs[i].is_ber ? want : ENVELOPE_OK);
        if (rc == ENVELOPE_OK) {
            assert_int_equal(count, 1);
            if (list->service != NULL || list->description.known)
                fail_msg("case %zu: %s %s", i, list->service,
                         list->service_key);
            envl_key_envelope_list_free(list, count);
        }
        assert_int_equal(reencrypt(&out, &message, URI "a", NULL), want);
        assert_int_equal(open_with(&message, URI "a", false, NULL), want);
        OPENSSL_free(message.der);
    }
    assert_int_equal(*questions, 0);
    OPENSSL_free(first.der);
}

static void
another_version_is_refused(void **state)
{
    struct message message = build(URI "a", false, NULL), out;
    struct der old = raw(&message, 0);
    size_t i;

    (void)state;
    for (i = 0; memcmp(message.der + i, old.p, old.len) != 0; i++)
        ;
    while (memcmp(message.der + i, "\2\1\4", 3) != 0)
        i++;
    message.der[i + 2] = 3;
    assert_int_equal(reencrypt(&out, &message, URI "a", NULL),
                     ENVELOPE_R_KEY_ENVELOPE);
    assert_int_equal(*questions, 0);
    OPENSSL_free(message.der);
}

static void
ten_are_asked_about_or_none(void **state)
{
    char list[(QUESTIONS_MAX + 1) * sizeof(URI "a\n")] = "";
    struct message message, out;
    int i;

    (void)state;
    for (i = 0; i <= QUESTIONS_MAX; i++) {
        (void)strcat(list, URI "a\n");
        message = build(list, true, NULL);
        assert_int_equal(reencrypt(&out, &message, URI "a", URI "b"),
                         i < QUESTIONS_MAX ? ENVELOPE_OK
                                           : ENVELOPE_R_TOO_MANY_RECIPIENTS);
        assert_int_equal(*questions, i < QUESTIONS_MAX ? i + 1 : 0);
        if (i < QUESTIONS_MAX)
            assert_count(&out, i + 2);
        OPENSSL_free(message.der);
        OPENSSL_free(out.der);
    }
}

static void
failures_leave_nothing(void **state)
{
    static const struct {
        const char *from, *to;
        enum envelope_reason reason;
    } cases[] = {
        { URI "a?fail=down", URI "b", ENVELOPE_R_KEY_SERVICE },
        { URI "a?fail=refused", NULL, ENVELOPE_R_KEY_SERVICE_REFUSED },
        { URI "a?fail=credentials", URI "b", ENVELOPE_R_CREDENTIALS },
        { URI "b\n" URI "a?fail=refused", NULL,
          ENVELOPE_R_KEY_SERVICE_REFUSED },
        { URI "a", URI "b c", ENVELOPE_R_KEY_SERVICE },
        { URI "a", URI "\xc3\xa9", ENVELOPE_R_KEY_SERVICE },
        { URI "x", URI "b", ENVELOPE_R_NO_MATCH },
    };
    struct message message = build(URI "a\n" URI "b", true, NULL), out;
    struct envl_key_settings settings = settings_of(NULL, NULL, true);
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++)
        assert_int_equal(reencrypt(&out, &message, cases[i].from, cases[i].to),
                         cases[i].reason);
    assert_int_equal(try_reencrypt(&out, &message, &settings, NULL, NULL),
                     ENVELOPE_R_NO_MATCH);
    envl_key_settings_clear(&settings);
    OPENSSL_free(message.der);
}

/* Whatever comes of it, it is told by a reason, and a result is a message. */
static void
flipped_bits_do_no_harm(void **state)
{
    struct message message = build(URI "a\n" URI "b", true, NULL), out;
    struct message bad = { malloc(message.len), message.len };
    unsigned char at[4];
    uint32_t i, bit;

    (void)state;
    assert_non_null(bad.der);
    for (i = 0; i < 1500; i++) {
        memcpy(bad.der, message.der, bad.len);
        fill(at, sizeof(at), i + 100);
        memcpy(&bit, at, sizeof(bit));
        bit %= 8 * (uint32_t)bad.len;
        bad.der[bit / 8] ^= (unsigned char)(1u << bit % 8);
        if (reencrypt(&out, &bad, URI "a\n" URI "b", URI "c") == ENVELOPE_OK)
            assert_count(&out, 3);
        OPENSSL_free(out.der);
        (void)open_with(&bad, URI "a\n" URI "b", false, NULL);
    }
    free(bad.der);
    OPENSSL_free(message.der);
}

/* Memory that runs out */

enum step { SEAL, OPEN, REENCRYPT };

static const char *const steps[] = { "sealing", "opening", "encrypting anew" };

/* One step with the n-th allocation failing; what comes of it is checked. */
static enum envelope_reason
attempt(enum step step, const struct message *message, size_t n)
{
    struct envl_key_settings settings =
        step == SEAL ? settings_of(URI "a\n" URI "b", NULL, false)
                     : settings_of(NULL, URI "a\n" URI "b", false);
    struct message out = { NULL, 0 };
    enum envelope_reason rc;

    memory_fail(n);
    if (step == SEAL)
        rc = try_build(&out, &settings, NULL);
    else if (step == OPEN)
        rc = try_open(message, &settings, NULL);
    else
        rc = try_reencrypt(&out, message, &settings, URI "c", NULL);
    memory_fail(0);
    envl_key_settings_clear(&settings);
    if (rc != ENVELOPE_OK || step == OPEN)
        return rc;
    assert_count(&out, 2);
    if (step == SEAL)
        rc = open_with(&out, URI "a", false, NULL);
    else /* all of them, or it was no success */
        rc = open_with(&out, URI "a\n" URI "b", false, NULL)
                     == ENVELOPE_R_NO_MATCH
                 ? open_with(&out, URI "c", false, NULL)
                 : ENVELOPE_R_NO_MATCH;
    OPENSSL_free(out.der);
    return rc;
}

static bool
is_shortage(enum envelope_reason rc)
{
    return rc != ENVELOPE_R_NO_MATCH;
}

static size_t
sweep(enum step step, const struct message *message)
{
    enum envelope_reason rc;
    size_t n, faults = 0;
    long live;

    /* Caches fill once. */
    assert_int_equal(attempt(step, message, 0), ENVELOPE_OK);
    assert_int_equal(attempt(step, message, 0), ENVELOPE_OK);
    live = memory_live();
    for (n = 1;; n++) {
        rc = attempt(step, message, n);
        if (!memory_failed())
            break;
        if (rc != ENVELOPE_OK && !is_shortage(rc)) {
            print_error("%s: allocation %zu (%s:%d): reason %d\n", steps[step],
                        n, memory.failure->file, memory.failure->line, (int)rc);
            faults++;
        }
        if (memory_live() > live) {
            print_error("%s: allocation %zu (%s:%d): %ld blocks leaked\n",
                        steps[step], n, memory.failure->file,
                        memory.failure->line, memory.live - live);
            live = memory.live;
            faults++;
        }
    }
    assert_int_equal(rc, ENVELOPE_OK);
    assert_true(n > 5);
    return faults;
}

static void
memory_may_run_out(void **state)
{
    struct message message = build(URI "a\n" URI "b", false, NULL);
    size_t faults = 0;
    int i;

    (void)state;
    for (i = SEAL; i <= REENCRYPT; i++)
        faults += sweep((enum step)i, &message);
    assert_int_equal(faults, 0);
    OPENSSL_free(message.der);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_are_those_of_the_format),
        cmocka_unit_test(for_the_same_key_the_message_is_the_same),
        cmocka_unit_test(only_what_is_meant_changes),
        cmocka_unit_test(a_date_and_a_wrong_name_go),
        cmocka_unit_test(all_of_a_key_are_replaced),
        cmocka_unit_test(the_longest_of_all_fits),
        cmocka_unit_test(strange_forms_are_passed_over),
        cmocka_unit_test(another_version_is_refused),
        cmocka_unit_test(ten_are_asked_about_or_none),
        cmocka_unit_test(failures_leave_nothing),
        cmocka_unit_test(flipped_bits_do_no_harm),
        cmocka_unit_test(memory_may_run_out),
    };

    memory_install(NULL);
    return cmocka_run_group_tests_name("key_envelope_reencrypt", tests, setup,
                                       teardown);
}
