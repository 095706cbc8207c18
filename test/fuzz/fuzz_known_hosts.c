/* SPDX-License-Identifier: Apache-2.0 */
/* A known_hosts file: whatever is in it, the keys that it gives for a host are
 * public ones, and at least one if it does not fail. */
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "lib/keys/known_hosts.h"

#include "test/fuzz/target.h"

#define SIZE_MAX_OF_FILE 65536

static const struct envl_libctx ctx = { .propq = "?provider=default" };

static enum envelope_reason
take(void *arg, const struct envl_key_item *item, struct envl_err *err)
{
    size_t *count = arg;

    (void)err;
    MUST(item->public_key != NULL && item->private_key == NULL);
    ++*count;
    return ENVELOPE_OK;
}

/* A file without a name, which is written anew for each input */
static int
file(void)
{
    static int fd = -1;
    char name[] = "/tmp/fuzz-known-hosts.XXXXXX";

    if (fd < 0) {
        fd = mkstemp(name);
        MUST(fd >= 0 && unlink(name) == 0);
    }
    return fd;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const hosts[] = { "db1.example.org",
                                         "[db1.example.org]:2222", "a" };
    size_t i, count;
    const struct envl_key_reader reader = { .ctx = &ctx,
                                            .take = take,
                                            .arg = &count };
    enum envelope_reason rc;
    struct envl_err err;
    char uri[100];

    if (size > SIZE_MAX_OF_FILE)
        return 0;
    MUST(ftruncate(file(), 0) == 0
         && pwrite(file(), data, size, 0) == (ssize_t)size);
    for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        (void)snprintf(uri, sizeof(uri), "known_hosts:%s@/proc/self/fd/%d",
                       hosts[i], file());
        ERR_clear_error();
        count = 0;
        rc = envl_known_hosts_read(&reader, uri, &err);
        MUST(rc == ENVELOPE_OK ? count > 0
                               : rc == ENVELOPE_R_UNREADABLE_KEY
                                     || rc == ENVELOPE_R_UNSUPPORTED_KEY);
    }
    return 0;
}
