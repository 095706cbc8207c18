/* SPDX-License-Identifier: Apache-2.0 */
/*
 * google_token [FILE] - credentials of Google Cloud as kms/ finds them, here and now:
 * the project that is charged, seconds until they expire, and the token, a line each.
 * Status 1, and why, if there are none.
 */
#include <inttypes.h>
#include <stdio.h>

#include "kms/cloud/google_credentials.h"

int
main(int argc, char *argv[])
{
    static const struct envl_libctx ctx = { .propq = "?provider=default" };
    const struct kms_world *world = kms_world_real();
    const struct kms_seeker seeker = {
        .world = world,
        .ctx = &ctx,
        .profile = argc > 1 ? argv[1] : NULL,
    };
    struct kms_credentials credentials = { 0 };
    struct envl_err err;
    enum envelope_reason rc =
        kms_google_credentials(&credentials, &seeker, &err);

    if (rc == ENVELOPE_OK)
        printf("%s\n%" PRId64 "\n%s\n", kms_text_get(&credentials.id),
               credentials.expires - world->now(world->arg),
               kms_text_get(&credentials.token));
    else
        fprintf(stderr, "envelope: %s: %s\n", envl_reason_text(rc), err.detail);
    kms_credentials_clear(&credentials);
    return rc == ENVELOPE_OK && fflush(stdout) == 0 ? 0 : 1;
}
