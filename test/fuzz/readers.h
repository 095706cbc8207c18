/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that the project has to read an envelope with, each as the programs call
 * it.  They open with FUZZ_KEK, but for the archive reader: with
 * FUZZ_KEY_X25519.
 */
#ifndef ENVL_FUZZ_READERS_H
#define ENVL_FUZZ_READERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/carrier/reader.h"
#include "lib/base/err.h"

/* Text that was verified, from a place on. */
struct part {
    uint64_t offset;
    size_t len;
    size_t at; /* in the text of the result */
};

struct result {
    enum envelope_reason reason; /* ENVELOPE_OK: all was read and verified */
    char detail[256];
    unsigned char *text;
    size_t len;

    /* Of a salvage, which ENVELOPE_OK means only that it came to an end of */
    struct part *parts;
    size_t part_count, hole_count;
    bool has_end;      /* the final chunk was verified */
    uint64_t end;      /* bytes of text before it ends */
    uint64_t trailing; /* bytes that follow it, in an archive 1 for any */
};

struct input {
    const uint8_t *data;
    size_t size;
};

/* input_kind - how it begins; what is nothing of ours counts as raw */
enum envl_carrier input_kind(struct input input);

/* readers_begin - make what they share, once */
void readers_begin(void);

/* A result is the caller's, result_clear(). */
void result_clear(struct result *result);

/* decrypt, verify: from a pipe, cut bytes at once; 0 for all */
void read_stream(struct result *result, struct input input, size_t cut);

/* decrypt --range, from a file; step bytes at once, 0 for what there is */
void read_range(struct result *result, struct input input, size_t step);

/* decrypt --salvage, verify --keep-going: from a file */
void read_salvage(struct result *result, struct input input);

/* inspect: end is the length of the text */
void read_measure(struct result *result, struct input input);

/* bsdtar: through libarchive, which takes what is no envelope for a file */
void read_archive(struct result *result, struct input input);

/* openssl enc -d: the EVP cipher, of the raw stream in a carrier */
void read_evp(struct result *result, struct input input);

#endif
