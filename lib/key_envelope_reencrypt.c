/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service that encrypts its key anew changes the attribute of a kekri and
 * its identifier.  The wrapped content-encryption key behind them stays, byte
 * for byte, and nobody here sees a key.
 */
#include "lib/key_envelope_edit.h"

#include <string.h>

#include <openssl/asn1.h>
#include <openssl/crypto.h>

#include "lib/der.h"
#include "lib/key_envelope_impl.h"
#include "lib/kms.h"

#define TAG_KEKRI 0xa2 /* [2] IMPLICIT SEQUENCE */

/* A kekri in the making; all is owned. */
struct kekri {
    unsigned char id[ENVL_KMS_ID_LEN];
    unsigned char *attr_id, *attr; /* in DER */
    int attr_id_len, attr_len;
    struct envl_der rest; /* borrowed: algorithm and wrapped key */
};

static void
clear(struct kekri *k)
{
    OPENSSL_free(k->attr_id);
    OPENSSL_free(k->attr);
    *k = (struct kekri){ 0 };
}

/* Encode what is new, and find what stays, in a kekri as it stands. */
static enum envelope_reason
prepare(struct kekri *k, const struct envl_libctx *ctx,
        const struct envl_kms_wrapped *made, struct envl_der old,
        struct envl_err *err)
{
    struct envl_kek_source source;
    struct envl_der skipped, in;
    ASN1_OBJECT *attr_id = NULL;
    ASN1_TYPE *attr = NULL;
    enum envelope_reason rc = envl_kms_borrow(&source, made, err);

    if (rc != ENVELOPE_OK)
        return rc;
    if (!envl_der_take(&old, TAG_KEKRI, &in)
        || !envl_der_take(&in, ENVL_DER_INTEGER, &skipped)
        || !envl_der_take(&in, ENVL_DER_SEQUENCE, &skipped))
        return envl_fail(err, ENVELOPE_R_KEY_ENVELOPE,
                         "a key service's recipient is malformed");
    k->rest = in;
    rc = envl_kek_kms_id(k->id, ctx, &source, err);
    if (rc == ENVELOPE_OK && !envl_kek_source_build(&source, &attr_id, &attr))
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK
        && ((k->attr_id_len = i2d_ASN1_OBJECT(attr_id, &k->attr_id)) <= 0
            || (k->attr_len = i2d_ASN1_TYPE(attr, &k->attr)) <= 0))
        rc = envl_fail_crypto(err, "encode a recipient");
    ASN1_OBJECT_free(attr_id);
    ASN1_TYPE_free(attr);
    return rc;
}

static void
put(unsigned char **p, const void *bytes, size_t len)
{
    memcpy(*p, bytes, len);
    *p += len;
}

/* RFC 5652, 6.2.3: version, KEKIdentifier without a date, and the rest. */
static enum envelope_reason
encode(unsigned char **der, size_t *len, const struct kekri *k,
       struct envl_err *err)
{
    static const unsigned char version[] = { ENVL_DER_INTEGER, 1, 4 };
    int other = k->attr_id_len + k->attr_len;
    int id = ASN1_object_size(0, ENVL_KMS_ID_LEN, V_ASN1_OCTET_STRING);
    int kekid = id + ASN1_object_size(1, other, V_ASN1_SEQUENCE);
    int content = (int)sizeof(version)
                  + ASN1_object_size(1, kekid, V_ASN1_SEQUENCE)
                  + (int)k->rest.len;
    unsigned char *p;

    *len = (size_t)ASN1_object_size(1, content, 2);
    if ((p = *der = OPENSSL_malloc(*len)) == NULL)
        return envl_fail_memory(err);
    ASN1_put_object(&p, 1, content, 2, V_ASN1_CONTEXT_SPECIFIC);
    put(&p, version, sizeof(version));
    ASN1_put_object(&p, 1, kekid, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
    ASN1_put_object(&p, 0, ENVL_KMS_ID_LEN, V_ASN1_OCTET_STRING,
                    V_ASN1_UNIVERSAL);
    put(&p, k->id, sizeof(k->id));
    ASN1_put_object(&p, 1, other, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
    put(&p, k->attr_id, (size_t)k->attr_id_len);
    put(&p, k->attr, (size_t)k->attr_len);
    put(&p, k->rest.p, k->rest.len);
    return ENVELOPE_OK;
}

/* Put a recipient with what the service has made in the place of another. */
static enum envelope_reason
replace(struct envl_cms_reader *o, int place,
        const struct envl_kms_wrapped *made, struct envl_err *err)
{
    struct kekri k = { .attr = NULL };
    unsigned char *der = NULL;
    struct envl_der old;
    enum envelope_reason rc;
    size_t len;

    envl_frame_raw(o->frame, place, &old.p, &old.len);
    rc = prepare(&k, o->ctx, made, old, err);
    if (rc == ENVELOPE_OK)
        rc = encode(&der, &len, &k, err);
    if (rc == ENVELOPE_OK && !envl_frame_add(o->frame, der, len))
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK)
        envl_frame_drop(o->frame, place);
    OPENSSL_free(der);
    clear(&k);
    return rc;
}

/* A recipient that a URI of the user's stands for. */
struct meant {
    size_t info; /* which of the reader's */
    const char *uri;
};

/* The first of the URIs that a recipient belongs to, or NULL. */
static const char *
find_uri(const struct envl_cms_reader *o, const struct envl_kms_module *module,
         const struct envl_recipient_info *info)
{
    struct envl_kms_wrapped wrapped;
    size_t i;

    if (info->kind != ENVL_INFO_KEK || info->source.kind != ENVL_KEK_KMS)
        return NULL;
    envl_kms_get(&wrapped, &info->source);
    for (i = 0; i < o->identities->service_count; i++) {
        if (module->matches(o->identities->services[i], &wrapped))
            return o->identities->services[i];
    }
    return NULL;
}

/* All of them, before anybody is asked. */
static enum envelope_reason
find_meant(struct meant meant[ENVL_SERVICE_CALL_MAX], size_t *count,
           const struct envl_cms_reader *o,
           const struct envl_kms_module *module, struct envl_err *err)
{
    const char *uri;
    size_t i;

    *count = 0;
    for (i = 0; i < o->count; i++) {
        if ((uri = find_uri(o, module, &o->infos[i])) == NULL)
            continue;
        if (*count == ENVL_SERVICE_CALL_MAX)
            return envl_fail(err, ENVELOPE_R_TOO_MANY_RECIPIENTS,
                             "more than %d of them are keys of the services "
                             "given",
                             ENVL_SERVICE_CALL_MAX);
        meant[(*count)++] = (struct meant){ i, uri };
    }
    if (*count > 0)
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_NO_MATCH,
                     "none of its recipients is a key of the services given");
}

static enum envelope_reason
reencrypt_one(struct envl_cms_reader *o, const struct envl_kms_module *module,
              const struct meant *meant, int place, const char *to_uri,
              struct envl_err *err)
{
    const struct envl_labels *labels = &o->identities->labels;
    const struct envl_kms_call call = { o->ctx, meant->uri, labels->text,
                                        labels->len };
    struct envl_kms_wrapped wrapped, made;
    enum envelope_reason rc;

    envl_kms_get(&wrapped, &o->infos[meant->info].source);
    rc = module->rewrap(&made, &wrapped, &call,
                        to_uri != NULL ? to_uri : call.uri, err);
    return rc == ENVELOPE_OK ? replace(o, place, &made, err) : rc;
}

/* From the end on, where places stay as they are; new ones go behind it. */
static enum envelope_reason
reencrypt_all(struct envl_cms_reader *o, const char *to_uri,
              struct envl_err *err)
{
    STACK_OF(CMS_RecipientInfo) *all = CMS_get0_RecipientInfos(o->cms);
    struct meant meant[ENVL_SERVICE_CALL_MAX];
    const struct envl_kms_module *module;
    enum envelope_reason rc = envl_kms_load(&module, o->ctx, err);
    int place = envl_frame_count(o->frame) - 1;
    size_t n = 0;

    if (rc == ENVELOPE_OK)
        rc = find_meant(meant, &n, o, module, err);
    while (n-- > 0 && rc == ENVELOPE_OK) {
        while (sk_CMS_RecipientInfo_value(all, place)
               != o->infos[meant[n].info].info)
            place--;
        rc = reencrypt_one(o, module, &meant[n], place, to_uri, err);
    }
    return rc;
}

enum envelope_reason
envl_key_envelope_reencrypt(unsigned char **out, size_t *out_len,
                            const unsigned char *der, size_t len,
                            const struct envl_libctx *ctx,
                            const struct envl_identities *identities,
                            const char *to_uri, struct envl_err *err)
{
    struct envl_cms_reader o = {
        .der = der,
        .len = len,
        .ctx = ctx,
        .identities = identities,
    };
    enum envelope_reason rc = envl_cms_reader_begin(&o, err);

    *out = NULL;
    if (rc == ENVELOPE_OK)
        rc = envl_cms_reader_parse(&o, ctx->propq, err);
    if (rc == ENVELOPE_OK)
        rc = reencrypt_all(&o, to_uri, err);
    if (rc == ENVELOPE_OK)
        rc = envl_frame_write(o.frame, out, out_len, err);
    envl_cms_reader_end(&o);
    return rc;
}
