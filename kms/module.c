/* SPDX-License-Identifier: Apache-2.0 */
/* The module's one symbol: the services in the real world. */
#include <pthread.h>

#include "kms/dispatch.h"
#include "kms/engine/kept.h"
#include "kms/http/world.h"
#include "lib/keys/kms_interface.h"

static struct kms_kept kept = { .lock = PTHREAD_MUTEX_INITIALIZER };
static struct kms_world world;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
make_world(void)
{
    kms_kept_at_fork(&kept);
    world = *kms_world_real();
    world.kept = &kept;
}

/* The real one, with what is kept in this process. */
static const struct kms_world *
here(void)
{
    (void)pthread_once(&once, make_world);
    return &world;
}

/* When the program ends. */
static __attribute__((destructor)) void
forget(void)
{
    kms_kept_forget(&kept);
}

envl_kms_module_fn envl_kms_module __attribute__((visibility("default")));

static enum envelope_reason
check(const char *uri, enum envl_kms_use use, struct envl_err *err)
{
    return kms_dispatch_check(here(), uri, use, err);
}

static bool
matches(const char *uri, const struct envl_kms_wrapped *wrapped)
{
    return kms_dispatch_matches(here(), uri, wrapped);
}

static enum envelope_reason
generate(struct envl_kms_wrapped *made, unsigned char kek[ENVL_KEK_LEN],
         const struct envl_kms_call *call, struct envl_err *err)
{
    envl_err_begin();
    return kms_dispatch_generate(here(), made, kek, call, err);
}

static enum envelope_reason
unwrap(unsigned char kek[ENVL_KEK_LEN], const struct envl_kms_wrapped *wrapped,
       const struct envl_kms_call *call, struct envl_err *err)
{
    envl_err_begin();
    return kms_dispatch_unwrap(here(), kek, wrapped, call, err);
}

static enum envelope_reason
rewrap(struct envl_kms_wrapped *made, const struct envl_kms_wrapped *wrapped,
       const struct envl_kms_call *call, const char *to_uri,
       struct envl_err *err)
{
    envl_err_begin();
    return kms_dispatch_rewrap(here(), made, wrapped, call, to_uri, err);
}

static enum envelope_reason
public_key(unsigned char *der, size_t *len, const struct envl_kms_call *call,
           struct envl_err *err)
{
    envl_err_begin();
    return kms_dispatch_public_key(here(), der, len, call, err);
}

static enum envelope_reason
decrypt(unsigned char key[ENVL_KEK_LEN], struct envl_kms_encrypted *encrypted,
        const struct envl_kms_call *call, struct envl_err *err)
{
    envl_err_begin();
    return kms_dispatch_decrypt(here(), key, encrypted, call, err);
}

const struct envl_kms_module *
envl_kms_module(void)
{
    static const struct envl_kms_module module = {
        .version = ENVL_KMS_VERSION,
        .check = check,
        .matches = matches,
        .generate = generate,
        .unwrap = unwrap,
        .rewrap = rewrap,
        .is_public = kms_dispatch_is_public,
        .public_key = public_key,
        .decrypt = decrypt,
    };

    return &module;
}
