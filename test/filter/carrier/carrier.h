/* SPDX-License-Identifier: Apache-2.0 */
/* Carriers that are made by hand, member by member, and read at any cut. */
#ifndef ENVL_TEST_CARRIER_H
#define ENVL_TEST_CARRIER_H

#include "test/support/bytes.h"

#include <stdbool.h>

#include "filter/carrier/reader.h"
#include "filter/carrier/reader_impl.h"

#define HEADER_LEN ((size_t)100)
#define KEY_LEN ((size_t)700)
#define PIECE_LEN ((size_t)1536)
#define PAYLOAD_LEN ((size_t)4000) /* three pieces */
#define STREAM_LEN (HEADER_LEN + KEY_LEN + PAYLOAD_LEN)
#define BLOCK ((size_t)ENVL_TAR_BLOCK_LEN)

/* What the members below hold: set up by make_stream(). */
extern unsigned char stream[STREAM_LEN];
extern const char *const piece_names[3];
void make_stream(void);

/* Bytes that grow; zeros at the end. */
unsigned char *grow(struct bytes *to, size_t len);

/* A tar: a member of any type, and those of the stream.  Where the block is
 * is returned; it may be altered, and its checksum put right. */
size_t put_tar(struct bytes *to, const char *name, char type, const void *data,
               size_t len);
void fix_checksum(unsigned char *block);
void put_tar_header(struct bytes *to);
void put_tar_key(struct bytes *to);
void put_tar_start(struct bytes *to); /* both */
void put_tar_piece(struct bytes *to, size_t number);
void put_tar_pieces(struct bytes *to);
void put_tar_end(struct bytes *to);
struct bytes whole_tar(void);

/* An xbstream */
size_t put_chunk(struct bytes *to, char type, const char *path, uint64_t offset,
                 const void *data, size_t len);
void put_end(struct bytes *to, const char *path);
void put_xb_header(struct bytes *to);
void put_xb_key(struct bytes *to);
void put_xb_start(struct bytes *to); /* both */
size_t put_xb_payload(struct bytes *to, size_t from, size_t len);
void put_xb_pieces(struct bytes *to);
struct bytes whole_xb(void);

/* Reading */

struct reading {
    enum envelope_reason reason;
    char detail[ENVL_DETAIL_MAX];
    struct bytes got;
    int has_map;
    struct envl_map map;
    size_t used; /* input bytes that were given */
};

/* feed - one cut, from memory of exactly its size, until it is used up */
enum envl_step feed(struct envl_carrier_reader *reader, const unsigned char *p,
                    size_t len, bool ended, struct reading *r);

/* read_all - a whole archive, in cuts of one size */
struct reading read_all(enum envl_carrier kind, struct bytes archive,
                        size_t cut);

/* accept - it reads as the stream, at every cut */
#define accept(kind, archive) accept_at(kind, archive, __FILE__, __LINE__)
void accept_at(enum envl_carrier kind, struct bytes archive, const char *file,
               int line);

/* refuse - it is refused for that reason with that word in the detail, with
 * the same bytes of the stream before at every cut; the archive is dropped */
#define refuse(kind, archive, reason, word) \
    refuse_at(kind, archive, reason, word, __FILE__, __LINE__)
void refuse_at(enum envl_carrier kind, struct bytes *archive,
               enum envelope_reason reason, const char *word, const char *file,
               int line);

#endif
