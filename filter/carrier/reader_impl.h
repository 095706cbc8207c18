/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of the kinds of carrier share. */
#ifndef ENVL_CARRIER_IMPL_H
#define ENVL_CARRIER_IMPL_H

#include <stdbool.h>

#include "filter/carrier/reader.h"
#include "filter/carrier/reassembly.h"
#include "filter/carrier/tar.h"
#include "filter/carrier/xbstream.h"

/* Pax headers are read, to see that they change nothing. */
#define ENVL_PAX_LEN_MAX 65536

struct envl_carrier_reader {
    enum envl_carrier kind;
    struct envl_reassembly members;
    struct envl_map map;
    bool has_map;
    struct envl_place places[ENVL_MEMBER_PAYLOAD]; /* len 0: in none */
    bool for_xbcloud;
    uint64_t at; /* bytes of the archive that were used up */
    int state;   /* the kind's own; 0 to begin with */

    /* what is gathered, a header most of the time */
    unsigned char buf[ENVL_PAX_LEN_MAX];
    size_t have;

    /* the member, or chunk of one, that is being read */
    enum envl_member member;
    char name[ENVL_MEMBER_NAME_MAX + 1];
    uint64_t left;  /* bytes */
    size_t padding; /* tar: zero bytes after it */
    uint32_t crc, should_crc;
    uint64_t trailing; /* zero bytes after the end */

    /* envl_carrier_pass(): payload is not read */
    bool passes;
    uint64_t size; /* of the archive: no more is passed over */
};

/* What a step of a kind returns, beside enum envl_step: go on at once. */
#define ENVL_STEP_AGAIN (-1)

int envl_tar_step(struct envl_carrier_reader *reader, struct envl_input *in,
                  const unsigned char **span, size_t *len,
                  struct envl_err *err);
int envl_xbstream_step(struct envl_carrier_reader *reader,
                       struct envl_input *in, const unsigned char **span,
                       size_t *len, struct envl_err *err);

/* envl_gather - move input to buf until there are want bytes; are they? */
bool envl_gather(struct envl_carrier_reader *reader, struct envl_input *in,
                 size_t want);

/* envl_note_place - data of the member at hand begins, len bytes that stand
 * at offset in it */
void envl_note_place(struct envl_carrier_reader *reader, uint64_t offset,
                     uint64_t len);

/* envl_tar_stand_behind - the data of a member, so many bytes, was the last that
 * was read */
void envl_tar_stand_behind(struct envl_carrier_reader *reader, uint64_t len);

/* envl_take - use up n bytes of input */
void envl_take(struct envl_carrier_reader *reader, struct envl_input *in,
               size_t n);

/* envl_is_zero - are these bytes all zero? */
bool envl_is_zero(const unsigned char *p, size_t len);

/* envl_need_input - ENVL_STEP_INPUT, or at the end of the input
 * ENVL_STEP_FAIL: ENVELOPE_R_CARRIER_TRUNCATED, naming what it ends in */
int envl_need_input(const struct envl_carrier_reader *reader,
                    const struct envl_input *in, struct envl_err *err);

/*
 * envl_member_data - bytes of the member at hand, from the input: a span if
 * they are the stream's next ones, else put aside; payload that is not read is
 * counted, whether or not it is in the input
 *
 * Returns: ENVL_STEP_INPUT if there is no input; else ENVL_STEP_OUTPUT,
 *          ENVL_STEP_AGAIN, ENVL_STEP_FAIL.
 */
int envl_member_data(struct envl_carrier_reader *reader, struct envl_input *in,
                     const unsigned char **span, size_t *len,
                     struct envl_err *err);

/* envl_trailing - only zero bytes may follow the archive, in which all must
 * have been: ENVL_STEP_INPUT, _END, _FAIL */
int envl_trailing(struct envl_carrier_reader *reader, struct envl_input *in,
                  struct envl_err *err);

#endif
