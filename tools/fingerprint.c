/* SPDX-License-Identifier: Apache-2.0 */
/* envelope fingerprint: by which identifiers envelopes know these keys. */
#include "tools/fingerprint.h"

#include <ctype.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "lib/keys/kms.h"
#include "lib/keys/passphrase.h"
#include "tools/commands.h"
#include "tools/context.h"
#include "tools/json.h"
#include "tools/os/term_safe.h"

#define TYPE_LEN_MAX 63

struct printer {
    const struct envl_libctx *ctx;
    bool json;
    size_t count;
};

/* The line */

/* "p256" of "prime256v1", "mlkem768" of "ML-KEM-768". */
static void
name_type(char type[TYPE_LEN_MAX + 1], EVP_PKEY *key)
{
    const char *name = EVP_PKEY_get0_type_name(key), *nist;
    char curve[TYPE_LEN_MAX + 1], bits[16] = "", *to = type;

    if (envl_key_kind(key) == ENVL_KEY_RSA)
        (void)snprintf(bits, sizeof(bits), "%d", EVP_PKEY_get_bits(key));
    if (envl_key_kind(key) == ENVL_KEY_EC
        && EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL)) {
        nist = EC_curve_nid2nist(OBJ_sn2nid(curve));
        name = nist != NULL ? nist : curve;
    }
    if (name == NULL)
        name = "unknown";
    for (; *name != '\0' && to < type + TYPE_LEN_MAX - sizeof(bits); name++) {
        if (*name != '-')
            *to++ = (char)tolower((unsigned char)*name);
    }
    strcpy(to, bits);
}

void
envl_fingerprint_print(FILE *to, bool is_json, const struct envl_key_id *id,
                       EVP_PKEY *key, const char *name)
{
    char hex[2 * ENVL_KEY_ID_LEN_MAX + 1] = "", type[TYPE_LEN_MAX + 1];
    struct envl_json json = { .to = to };
    size_t i;

    for (i = 0; i < id->len; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", id->bytes[i]);
    name_type(type, key);
    if (is_json) {
        envl_json_begin(&json, '{');
        envl_json_member(&json, "id", hex);
        envl_json_member(&json, "type", type);
        envl_json_path(&json, "name", name);
        envl_json_end(&json, '}');
    } else {
        (void)fprintf(to, "%s  %-9s  ", hex, type);
        envl_show(to, name);
    }
    (void)fputc('\n', to);
}

/* The command */

static enum envelope_reason take(void *arg, const struct envl_key_item *item,
                                 struct envl_err *err);

/* One that keeps RSA keys is asked for the public half. */
static enum envelope_reason
take_service(struct printer *printer, const struct envl_key_item *item,
             struct envl_err *err)
{
    struct envl_key_item half = { .name = item->name, .is_uri = true };
    const struct envl_kms_module *module;
    enum envelope_reason rc = envl_kms_load(&module, printer->ctx, err);

    if (rc == ENVELOPE_OK && !module->is_public(item->service_uri))
        rc = envl_fail(err, ENVELOPE_R_UNSUPPORTED_KEY,
                       "%s: only the service knows the key's full name, which "
                       "its identifier is made of",
                       item->name);
    if (rc == ENVELOPE_OK)
        rc = envl_kms_public_half(&half.public_key, module, printer->ctx,
                                  item->service_uri, err);
    if (rc == ENVELOPE_OK)
        rc = take(printer, &half, err);
    EVP_PKEY_free(half.public_key);
    return rc;
}

/* The identifier is chosen as lib/keys/recipient.c does it. */
static enum envelope_reason
take(void *arg, const struct envl_key_item *item, struct envl_err *err)
{
    struct printer *printer = arg;
    EVP_PKEY *key = item->public_key;
    struct envl_key_id id;

    if (item->service_uri != NULL)
        return take_service(printer, item, err);
    if (item->cert != NULL)
        key = X509_get0_pubkey(item->cert);
    else if (item->private_key != NULL)
        key = item->private_key;
    if (key == NULL)
        return envl_fail(err, ENVELOPE_R_UNSUPPORTED_KEY,
                         "%s: the certificate's key cannot be read: %s",
                         item->name, envl_crypto_reason());
    if ((item->cert == NULL || !envl_key_id_of_cert(&id, item->cert))
        && !envl_key_id_of_key(&id, printer->ctx, key))
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "%s: its public key cannot be had: %s", item->name,
                         envl_crypto_reason());
    envl_fingerprint_print(stdout, printer->json, &id, key, item->name);
    printer->count++;
    return ENVELOPE_OK;
}

/* One operand; the others are not held up by one that fails. */
static enum envl_status
run(const struct envl_key_reader *reader, const char *path)
{
    const struct printer *printer = reader->arg;
    size_t before = printer->count;
    enum envelope_reason rc;
    struct envl_err err;
    char *entry;

    rc = envl_keys_write_path(&entry, path, &err);
    if (rc == ENVELOPE_OK)
        rc = envl_keys_read_list(reader, entry, &err);
    OPENSSL_free(entry);
    if (rc != ENVELOPE_OK)
        return envl_report(NULL, &err, ENVL_ENCRYPT);
    if (printer->count == before)
        return envl_report_usage("an operand names no key");
    return ENVL_EXIT_DONE;
}

static enum envl_status
run_all(const struct envl_key_reader *reader, char **files, int count)
{
    enum envl_status status = ENVL_EXIT_DONE, one;
    int i;

    for (i = 0; i < count; i++) {
        one = run(reader, files[i]);
        status = one > status ? one : status;
    }
    return status;
}

/* The options are there for stored keys: a passphrase, or whom to ask. */
static enum envl_status
run_with(const struct envl_libctx *ctx, const struct envl_arguments *arguments)
{
    const struct envl_options *options = &arguments->options;
    const struct envl_key_settings settings = {
        .passphrase.data = (unsigned char *)options->passphrase,
        .passphrase.len =
            options->passphrase != NULL ? strlen(options->passphrase) : 0,
        .passphrase_file = options->passphrase_file,
    };
    struct printer printer = { .ctx = ctx, .json = arguments->json };
    struct envl_octets passphrase;
    const struct envl_key_reader reader = {
        .ctx = ctx,
        .passphrase = &passphrase,
        .callback = options->callback,
        .public_half = true,
        .take = take,
        .arg = &printer,
    };
    enum envl_status status;
    struct envl_err err;

    if (envl_passphrase_load(&passphrase, &settings, &err) != ENVELOPE_OK)
        return envl_report(NULL, &err, ENVL_ENCRYPT);
    status = run_all(&reader, arguments->files, arguments->file_count);
    envl_octets_clear(&passphrase);
    return status;
}

enum envl_status
envl_command_fingerprint(struct envl_arguments *arguments)
{
    enum envl_status status;
    struct envl_libctx ctx;
    struct envl_err err;

    if (arguments->file_count == 0)
        return envl_report_usage("envelope fingerprint needs a key: a file or "
                                 "URI");
    if (envl_context_get(&ctx, &err) != ENVELOPE_OK)
        return envl_report(NULL, &err, ENVL_ENCRYPT);
    status = run_with(&ctx, arguments);
    envl_context_clear(&ctx);
    return status;
}
