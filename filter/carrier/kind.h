/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of archive that a stream can be put into (FORMAT 10). */
#ifndef ENVL_KIND_H
#define ENVL_KIND_H

/* AUTO is that of the data to encrypt, RAW if it is neither of the others. */
enum envl_carrier { ENVL_RAW, ENVL_TAR, ENVL_XBSTREAM, ENVL_AUTO };

/* Bytes of a piece of the payload, which fill blocks of a tar. */
#define ENVL_PIECE_LEN_MIN 65536
#define ENVL_PIECE_LEN_MAX 67108864
#define ENVL_PIECE_LEN_DEFAULT 8388608
#define ENVL_PIECE_LEN_STEP 512

#endif
