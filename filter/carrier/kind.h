/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of archive that a stream can be put into (FORMAT 10). */
#ifndef ENVL_KIND_H
#define ENVL_KIND_H

/* ENVL_AUTO means the kind of the data to encrypt: a tar, an xbstream, or else
 * ENVL_RAW. */
enum envl_carrier { ENVL_RAW, ENVL_TAR, ENVL_XBSTREAM, ENVL_AUTO };

/* Bytes of a piece of the payload; the step is a block of a tar. */
#define ENVL_PIECE_LEN_MIN 65536
#define ENVL_PIECE_LEN_MAX 67108864
#define ENVL_PIECE_LEN_DEFAULT 8388608
#define ENVL_PIECE_LEN_STEP 512

#endif
