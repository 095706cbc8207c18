/* SPDX-License-Identifier: Apache-2.0 */
/* What every fuzz target offers, and how it says that something is wrong. */
#ifndef ENVL_FUZZ_TARGET_H
#define ENVL_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that holds for every input; assert() may be compiled out. */
#define MUST(condition)                                                  \
    do {                                                                 \
        if (!(condition)) {                                              \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, \
                    #condition);                                         \
            abort();                                                     \
        }                                                                \
    } while (0)

#endif
