/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a carrier (FORMAT 10): recognises its kind, checks its frames and the
 * order of its members, and returns the encrypted stream.  Nothing is decrypted
 * here.
 */
#ifndef ENVL_CARRIER_H
#define ENVL_CARRIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/carrier/input.h"
#include "filter/carrier/kind.h"
#include "filter/carrier/map.h"
#include "filter/carrier/member.h"
#include "lib/base/err.h"

/* Bytes at the beginning that are enough to recognise a stream. */
#define ENVL_RECOGNISE_LEN 8192

/* Zero bytes that may follow an archive, as padding of tapes and pipes. */
#define ENVL_TRAILING_LEN_MAX 16777216

/*
 * envl_carrier_recognise - do these first bytes of a file begin an envelope?
 *
 * Returns: 1 with *kind set, or 0.
 */
int envl_carrier_recognise(enum envl_carrier *kind, const unsigned char *in,
                           size_t len);

/* envl_carrier_kind_of - the kind of an archive that begins with these bytes,
 * envelope or not; ENVL_RAW if it is neither tar nor xbstream */
enum envl_carrier envl_carrier_kind_of(const unsigned char *in, size_t len);

/* Bytes of the longest end of an archive: an xbstream's chunk that renames a
 * file. */
#define ENVL_CARRIER_TAIL_LEN 1056

/*
 * envl_carrier_has_end - do these last bytes end an archive of this kind?
 *
 *   tail  the last ENVL_CARRIER_TAIL_LEN bytes, or all of a shorter archive
 *   size  bytes of the archive
 *
 * The end of a pipe does not say whether its writer has finished or died, but
 * an archive has an end of its own.  A tar consists of whole blocks and ends
 * with two zero blocks (POSIX.1-2017, pax, "ustar Interchange Format").  An
 * xbstream ends with a chunk that closes its last file, or with which MariaDB
 * removes or renames a file.  Data of the kind ENVL_RAW has no end.
 */
bool envl_carrier_has_end(enum envl_carrier kind, const unsigned char *tail,
                          size_t len, uint64_t size);

struct envl_carrier_reader;

/*
 * envl_carrier_reader_new - make a reader for an archive of this kind, at its
 * beginning
 *
 * Ownership: the reader is the caller's, envl_carrier_reader_free().
 * Returns:   the reader; NULL if memory ran out.
 */
struct envl_carrier_reader *envl_carrier_reader_new(enum envl_carrier kind);
void envl_carrier_reader_free(struct envl_carrier_reader *reader);

enum envl_step {
    ENVL_STEP_INPUT,  /* more input is needed */
    ENVL_STEP_OUTPUT, /* there is a span of the stream */
    ENVL_STEP_END,    /* the archive and the input have ended */
    ENVL_STEP_FAIL
};

/*
 * envl_carrier_next - get the next span of the stream
 *
 *   in        the input that is left; moves past the bytes that are used
 *   span, len with ENVL_STEP_OUTPUT: bytes of the stream, valid until the next
 *             call or, inside in, as long as the input
 *
 * Returns: ENVL_STEP_INPUT if all of in is used; ENVL_STEP_OUTPUT;
 *          ENVL_STEP_END when the archive and the input have ended;
 *          ENVL_STEP_FAIL with err set: ENVELOPE_R_CARRIER, _MEMBER,
 *          _TRUNCATED, _MEMORY.
 */
enum envl_step envl_carrier_next(struct envl_carrier_reader *reader,
                                 struct envl_input *in,
                                 const unsigned char **span, size_t *len,
                                 struct envl_err *err);

/* envl_carrier_waiting - bytes of payload that came before header or key and
 * are not yet returned, including the last span */
size_t envl_carrier_waiting(const struct envl_carrier_reader *reader);

/*
 * envl_carrier_map - get the map of the payload, which follows a header of
 * header_len bytes
 *
 * Returns: 1 for a raw stream, and after the first piece if header and key came
 *          before it and had so many bytes; else 0.
 */
int envl_carrier_map(const struct envl_carrier_reader *reader,
                     uint64_t header_len, struct envl_map *map);

/* The place of bytes in an archive. */
struct envl_place {
    uint64_t at, len;
};

/*
 * envl_carrier_place - get the place of the data of envelope/header or
 * envelope/key.p7m, after it was read; in an xbstream its CRC-32 is right
 * before it
 *
 * Returns: 1; 0 if the data is not in one piece, and for a raw stream.
 */
int envl_carrier_place(const struct envl_carrier_reader *reader,
                       enum envl_member member, struct envl_place *place);

/* envl_carrier_is_for_xbcloud - did the archive so far have one of xbcloud's
 * two empty files? */
bool envl_carrier_is_for_xbcloud(const struct envl_carrier_reader *reader);

#endif
