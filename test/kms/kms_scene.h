/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each test of a service of kms.conf begins with: a world with that file, one
 * call, and what a header has for it.  The key-encryption key is one letter.
 */
#ifndef ENVL_TEST_KMS_SCENE_H
#define ENVL_TEST_KMS_SCENE_H

#include <stdio.h>

#include "kms/dispatch.h"
#include "test/kms/world.h"
#include "test/support/memory.h"
#include "test/support/support.h"

#define CONF ENVELOPE_KMS_CONFIG_PATH
/* 32 letters k */
#define KEK_BASE64 "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="

static struct scene {
    struct fake_world fake;
    struct fake_pair files[3], variables[8];
    struct fake_reply replies[8];
    struct envl_libctx ctx;
    struct envl_kms_call call;
    struct envl_kms_wrapped made, wrapped;
    unsigned char kek[ENVL_KEK_LEN];
    struct envl_err err;
} scene;

/* The file's content; the URI that is called; scheme, key and blob of the header. */
static inline void
scene_begin(const char *config, const char *uri, const char *service,
            const char *key, const char *blob)
{
    memset(&scene, 0, sizeof(scene));
    fake_world_init(&scene.fake);
    scene.files[0] = (struct fake_pair){ CONF, config };
    scene.fake.files = scene.files;
    scene.fake.variables = scene.variables;
    scene.ctx.propq = "";
    scene.call.ctx = &scene.ctx;
    scene.call.uri = uri;
    scene.wrapped.blob_len = strlen(blob);
    memcpy(scene.wrapped.blob, blob, scene.wrapped.blob_len);
    strcpy(scene.wrapped.service, service);
    strcpy(scene.wrapped.key, key);
}

static inline int
strike_scene(void **state)
{
    (void)state;
    fake_world_clear(&scene.fake);
    assert_int_equal(memory.unwiped, 0);
    return 0;
}

static inline void
set_labels(const char *labels)
{
    scene.call.labels = labels;
    scene.call.labels_len = strlen(labels);
}

/* Would the URI open what its service made with this key? */
static inline bool
matches(const char *key)
{
    struct envl_kms_wrapped wrapped = scene.wrapped;

    (void)snprintf(wrapped.key, sizeof(wrapped.key), "%s", key);
    return kms_dispatch_matches(&scene.fake.world, scene.call.uri, &wrapped);
}

static inline enum envelope_reason
generate(void)
{
    return kms_dispatch_generate(&scene.fake.world, &scene.made, scene.kek,
                                 &scene.call, &scene.err);
}

static inline enum envelope_reason
unwrap(void)
{
    return kms_dispatch_unwrap(&scene.fake.world, scene.kek, &scene.wrapped,
                               &scene.call, &scene.err);
}

static inline enum envelope_reason
rewrap(const char *to)
{
    return kms_dispatch_rewrap(&scene.fake.world, &scene.made, &scene.wrapped,
                               &scene.call, to, &scene.err);
}

static inline enum envelope_reason
check(const char *uri, enum envl_kms_use use)
{
    scene.call.uri = uri;
    return kms_dispatch_check(&scene.fake.world, scene.call.uri, use,
                              &scene.err);
}

static inline void
assert_kek_is(char byte)
{
    size_t i;

    for (i = 0; i < sizeof(scene.kek); i++)
        assert_int_equal(scene.kek[i], byte);
}

#define assert_detail_has(text) assert_non_null(strstr(scene.err.detail, text))

#endif
