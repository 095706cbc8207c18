/* SPDX-License-Identifier: Apache-2.0 */
/* Each call may load the module again: the dynamic linker keeps one copy. */
#include "lib/keys/kms.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <openssl/x509.h>

#include "lib/keys/kms_schemes.h"

/* The colon is included, so that a file named "vault" is still a file. */
#define WITH_COLON(name, scheme, title) scheme ":",
#define OTHER_WITH_COLON(name, scheme) scheme ":",
static const char *const schemes[] = { ENVL_KMS_SCHEMES(
    WITH_COLON) ENVL_KMS_OTHER_SCHEMES(OTHER_WITH_COLON) };

bool
envl_kms_is_uri(const char *text)
{
    size_t i;

    for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (strncmp(text, schemes[i], strlen(schemes[i])) == 0)
            return true;
    }
    return false;
}

enum envelope_reason
envl_kms_load(const struct envl_kms_module **module,
              const struct envl_libctx *ctx, struct envl_err *err)
{
    const char *dir = ctx->kms_modules != NULL && *ctx->kms_modules != '\0'
                          ? ctx->kms_modules
                          : ENVELOPE_KMS_DIR;
    envl_kms_module_fn *entry = NULL;
    char path[PATH_MAX];
    const char *why;
    void *handle;

    /* Libraries below us believe the environment, which is the caller's. */
    if (getauxval(AT_SECURE) != 0)
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                         "a program that has the rights of another user "
                         "(set-uid, set-gid, capabilities) asks none");
    if (snprintf(path, sizeof(path), "%s/" ENVL_KMS_MODULE_NAME, dir)
        >= (int)sizeof(path))
        return envl_fail(err, ENVELOPE_R_NO_KEY_SERVICES,
                         "%.100s...: the name is too long", dir);
    handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle != NULL) /* the way that dlsym(3) shows */
        *(void **)(void *)&entry = dlsym(handle, ENVL_KMS_ENTRY);
    if (entry == NULL) { /* the linker's text names the file */
        why = dlerror();
        return envl_fail(err,
                         access(path, F_OK) != 0
                                 && (errno == ENOENT || errno == ENOTDIR)
                             ? ENVELOPE_R_NO_KEY_SERVICES
                             : ENVELOPE_R_KEY_SERVICE,
                         "%s", why != NULL ? why : path);
    }
    *module = entry();
    if ((*module)->version != ENVL_KMS_VERSION)
        return envl_fail(err, ENVELOPE_R_NO_KEY_SERVICES,
                         "%s: it is of another release", path);
    return ENVELOPE_OK;
}

enum envelope_reason
envl_kms_public_half(EVP_PKEY **key, const struct envl_kms_module *module,
                     const struct envl_libctx *ctx, const char *uri,
                     struct envl_err *err)
{
    const struct envl_kms_call call = { .ctx = ctx, .uri = uri };
    unsigned char der[ENVL_KMS_PUBLIC_KEY_LEN_MAX];
    const unsigned char *p = der;
    size_t len = 0;
    enum envelope_reason rc = module->public_key(der, &len, &call, err);

    *key = NULL;
    if (rc != ENVELOPE_OK)
        return rc;
    *key = d2i_PUBKEY_ex(NULL, &p, (long)len, ctx->libctx, ctx->propq);
    return *key != NULL
               ? ENVELOPE_OK
               : envl_fail_crypto(err, "read the public key of a key service");
}

void
envl_kms_get(struct envl_kms_wrapped *wrapped,
             const struct envl_kek_source *source)
{
    *wrapped = (struct envl_kms_wrapped){
        .has_context = source->u.kms.has_context,
        .blob_len = source->u.kms.blob_len,
    };
    memcpy(wrapped->service, source->u.kms.service, source->u.kms.service_len);
    memcpy(wrapped->key, source->u.kms.key, source->u.kms.key_len);
    memcpy(wrapped->blob, source->u.kms.blob, source->u.kms.blob_len);
}

enum envelope_reason
envl_kms_borrow(struct envl_kek_source *source,
                const struct envl_kms_wrapped *wrapped, struct envl_err *err)
{
    memset(source, 0, sizeof(*source));
    source->kind = ENVL_KEK_KMS;
    source->u.kms.service = wrapped->service;
    source->u.kms.service_len = strlen(wrapped->service);
    source->u.kms.key = wrapped->key;
    source->u.kms.key_len = strlen(wrapped->key);
    source->u.kms.has_context = wrapped->has_context;
    source->u.kms.blob = wrapped->blob;
    source->u.kms.blob_len = wrapped->blob_len;
    if (envl_kek_kms_is_good(source))
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                     "%s: it names a key, or wraps it, in a way that no header "
                     "can hold",
                     wrapped->service);
}
