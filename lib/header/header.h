/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header of a stream (FORMAT 1 to 4): prelude, labels, signatures, key
 * envelope, padding.  The key envelope is opaque here.
 */
#ifndef ENVL_HEADER_H
#define ENVL_HEADER_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

#define ENVL_MAGIC_LEN 8
#define ENVL_PRELUDE_LEN 32
#define ENVL_KEY_ENVELOPE_LEN_MAX 1048576
#define ENVL_HEADER_LEN_MAX 2097152

/* The part of the prelude that the payload's key is bound to (FORMAT 6). */
#define ENVL_PRELUDE_CONTEXT_LEN 12

struct envl_prelude {
    uint32_t labels_len;
    uint32_t signatures_len;
    uint32_t key_envelope_len;
    uint32_t header_len;
};

/* envl_prelude_key_envelope_at - the offset of the key envelope in the header:
 * prelude, labels and signatures come before it */
size_t envl_prelude_key_envelope_at(const struct envl_prelude *prelude);

/* envl_prelude_put_context - write the first ENVL_PRELUDE_CONTEXT_LEN bytes,
 * which are the same in all preludes that this program writes */
void envl_prelude_put_context(unsigned char *context);

/*
 * envl_prelude_check_magic - do the first len bytes of an input, 1 to
 * ENVL_MAGIC_LEN, begin an envelope?
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_NOT_ENVELOPE saying what the input looks
 *          like.
 */
enum envelope_reason envl_prelude_check_magic(const unsigned char *in,
                                              size_t len, struct envl_err *err);

/*
 * envl_prelude_parse - read the ENVL_PRELUDE_LEN bytes at in
 *
 * Returns: ENVELOPE_OK if every length is within its limit and they agree; else
 *          a reason that says what is wrong.
 */
enum envelope_reason envl_prelude_parse(struct envl_prelude *prelude,
                                        const unsigned char *in,
                                        struct envl_err *err);

/*
 * A whole header.  The parts point into bytes.
 */
struct envl_header {
    unsigned char *bytes; /* owned; prelude.header_len of them */
    struct envl_prelude prelude;
};

/* envl_header_version, envl_header_scheme - the prelude's version and scheme
 * envl_header_scheme_name - the name of the scheme, static */
unsigned envl_header_version(const struct envl_header *header);
unsigned envl_header_scheme(const struct envl_header *header);
const char *envl_header_scheme_name(const struct envl_header *header);

/* envl_header_labels, envl_header_signatures, envl_header_key_envelope - these
 * parts of the header, of prelude.labels_len, prelude.signatures_len and
 * prelude.key_envelope_len bytes, not NUL-terminated */
const char *envl_header_labels(const struct envl_header *header);
const unsigned char *envl_header_signatures(const struct envl_header *header);
const unsigned char *envl_header_key_envelope(const struct envl_header *header);

/* The parts of a header that is made; they are borrowed. */
struct envl_header_contents {
    const char *labels; /* in the form of FORMAT 3; NULL for none */
    size_t labels_len;
    const unsigned char *signatures; /* as FORMAT 11 says; NULL for none */
    size_t signatures_len;
    const unsigned char *key_envelope;
    size_t key_envelope_len;
    size_t reserve; /* bytes of padding */
};

/*
 * envl_header_build - make a header of its parts
 *
 * Ownership: header->bytes is the caller's, envl_header_clear().
 * Returns:   ENVELOPE_OK; ENVELOPE_R_HEADER_TOO_LARGE; ENVELOPE_R_MEMORY.
 */
enum envelope_reason
envl_header_build(struct envl_header *header,
                  const struct envl_header_contents *contents,
                  struct envl_err *err);

/*
 * envl_header_least_len - bytes of a header without its padding
 * envl_header_resize - give it padding up to len bytes, or take some away; the
 * payload is not bound to that (FORMAT 7)
 *
 *   len  at least envl_header_least_len()
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_HEADER_TOO_LARGE; ENVELOPE_R_MEMORY, and
 *          header is as it was.
 */
size_t envl_header_least_len(const struct envl_header *header);
enum envelope_reason envl_header_resize(struct envl_header *header, size_t len,
                                        struct envl_err *err);

/*
 * envl_header_check - check the labels, the signatures' form and the padding
 *
 *   header  its prelude is parsed and its bytes are complete
 *
 * Returns: ENVELOPE_OK; a reason that says what is wrong.
 */
enum envelope_reason envl_header_check(const struct envl_header *header,
                                       struct envl_err *err);

/* envl_header_clear - free the bytes; header may be all zero */
void envl_header_clear(struct envl_header *header);

#endif
