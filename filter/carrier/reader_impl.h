/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by reader.c and the readers of the kinds of carrier. */
#ifndef ENVL_CARRIER_IMPL_H
#define ENVL_CARRIER_IMPL_H

#include <stdbool.h>

#include "filter/carrier/reader.h"
#include "filter/carrier/reassembly.h"
#include "filter/carrier/tar.h"
#include "filter/carrier/xbstream.h"

/* The longest pax header in bytes.  Pax headers are read to check that they do
 * not change a member. */
#define ENVL_PAX_LEN_MAX 65536

struct envl_carrier_reader {
    enum envl_carrier kind;
    struct envl_reassembly members;
    struct envl_map map;
    bool has_map;
    struct envl_place places[ENVL_MEMBER_PAYLOAD]; /* len 0: not in one piece */
    bool for_xbcloud;
    uint64_t at; /* bytes of the archive that were used */
    int state;   /* the kind's own; 0 at first */

    /* input that is gathered, mostly a header */
    unsigned char buf[ENVL_PAX_LEN_MAX];
    size_t have;

    /* the current member, or chunk of a member */
    enum envl_member member;
    char name[ENVL_MEMBER_NAME_MAX + 1];
    uint64_t left;  /* bytes still to be read */
    size_t padding; /* tar: zero bytes after the member */
    uint32_t crc, should_crc;
    uint64_t trailing; /* zero bytes after the end */

    /* for envl_carrier_pass() */
    bool passes;   /* payload is not read */
    uint64_t size; /* bytes of the archive, where skipping ends */
};

/* A kind's step returns an enum envl_step or this, which means: call it
 * again. */
#define ENVL_STEP_AGAIN (-1)

int envl_tar_step(struct envl_carrier_reader *reader, struct envl_input *in,
                  const unsigned char **span, size_t *len,
                  struct envl_err *err);
int envl_xbstream_step(struct envl_carrier_reader *reader,
                       struct envl_input *in, const unsigned char **span,
                       size_t *len, struct envl_err *err);

/* envl_gather - move input to buf until it has want bytes; true if it has */
bool envl_gather(struct envl_carrier_reader *reader, struct envl_input *in,
                 size_t want);

/* envl_note_place - note the place of data of the current member: len bytes,
 * which are at offset in the member */
void envl_note_place(struct envl_carrier_reader *reader, uint64_t offset,
                     uint64_t len);

/* envl_tar_stand_behind - set a tar's reader to the place after the data of a
 * member of len bytes */
void envl_tar_stand_behind(struct envl_carrier_reader *reader, uint64_t len);

/* envl_take - use n bytes of input */
void envl_take(struct envl_carrier_reader *reader, struct envl_input *in,
               size_t n);

/* envl_need_input - ENVL_STEP_INPUT; at the end of the input ENVL_STEP_FAIL
 * with ENVELOPE_R_CARRIER_TRUNCATED, which says where the input ends */
int envl_need_input(const struct envl_carrier_reader *reader,
                    const struct envl_input *in, struct envl_err *err);

/*
 * envl_member_data - take data of the current member from the input.  It
 * becomes a span if it is the next of the stream; else it is kept for later.
 * Payload that is not read is counted only
 *
 * Returns: ENVL_STEP_INPUT if there is no input; else ENVL_STEP_OUTPUT,
 *          ENVL_STEP_AGAIN, ENVL_STEP_FAIL.
 */
int envl_member_data(struct envl_carrier_reader *reader, struct envl_input *in,
                     const unsigned char **span, size_t *len,
                     struct envl_err *err);

/* envl_trailing - check that only zero bytes follow the archive, and that the
 * archive had all members: ENVL_STEP_INPUT, _END, _FAIL */
int envl_trailing(struct envl_carrier_reader *reader, struct envl_input *in,
                  struct envl_err *err);

#endif
