/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An envelope in equal parts, for several machines.  Each part is whole chunks,
 * and the last one has the last chunk, which proves the end.
 */
#ifndef ENVL_PART_H
#define ENVL_PART_H

#include <stdint.h>

#include "tools/arguments.h"
#include "tools/input_file.h"

#define ENVL_PART_COUNT_MAX 65536

/* Chunks of a part; count may be 0 where there are more parts than chunks. */
struct envl_part {
    uint64_t first, count;
    uint64_t chunks; /* of the whole envelope */
};

/*
 * envl_part_of - part I of N: of T chunks, those from floor((I - 1) * T / N) to
 * before floor(I * T / N)
 *
 *   number, count  I and N; 1 <= I <= N <= ENVL_PART_COUNT_MAX
 *   size           bytes of plaintext; there is always a last chunk, of fewer
 *                  than ENVELOPE_CHUNK_LENGTH
 */
struct envl_part envl_part_of(uint64_t number, uint64_t count, uint64_t size);

/* envl_part_verify - envelope verify --part: read and verify the part, and say
 * which chunks were good */
enum envl_status envl_part_verify(const struct envl_arguments *arguments,
                                  const struct envl_input_file *input,
                                  const char *name, struct envl_err *err);

#endif
