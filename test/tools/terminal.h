/* SPDX-License-Identifier: Apache-2.0 */
/* A pseudo-terminal for a test, which defines _GNU_SOURCE. */
#ifndef ENVL_TEST_TERMINAL_H
#define ENVL_TEST_TERMINAL_H

#include <fcntl.h>
#include <stdlib.h>

#include "test/support/support.h"

/* Both ends of a new one; a system that has none has the test skipped. */
static inline void
open_terminal(int *master, int *slave)
{
    char name[64];

    *master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*master < 0)
        skip();
    assert_int_equal(grantpt(*master) | unlockpt(*master), 0);
    assert_int_equal(ptsname_r(*master, name, sizeof(name)), 0);
    *slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(*slave >= 0);
}

#endif
