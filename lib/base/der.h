/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing DER (ITU-T X.690) within given bounds.  Nothing is
 * allocated: what is read points into the input, what is written goes into the
 * caller's buffer.
 */
#ifndef ENVL_DER_H
#define ENVL_DER_H

#include <stdbool.h>
#include <stddef.h>

/* Identifier octets of elements. */
enum {
    ENVL_DER_BOOLEAN = 0x01,
    ENVL_DER_INTEGER = 0x02,
    ENVL_DER_BITS = 0x03,
    ENVL_DER_OCTETS = 0x04,
    ENVL_DER_NULL = 0x05,
    ENVL_DER_OID = 0x06,
    ENVL_DER_ENUMERATED = 0x0a,
    ENVL_DER_UTF8 = 0x0c,
    ENVL_DER_TIME = 0x18, /* GeneralizedTime */
    ENVL_DER_SEQUENCE = 0x30,
    ENVL_DER_SET = 0x31,
    ENVL_DER_CONTEXT = 0x80,     /* + n: [n] IMPLICIT, of a primitive type */
    ENVL_DER_CONSTRUCTED = 0xa0, /* + n: [n], of any other */
    ENVL_DER_ANY = -1
};

struct envl_der {
    const unsigned char *p;
    size_t len;
};

/* Reading */

/*
 * envl_der_take - take the next element of in and return its content
 * envl_der_take_whole - the same, but with the element's tag and length
 * envl_der_take_just - take the next element if it is exactly these bytes
 *
 *   want  the identifier octet that the element must have, or ENVL_DER_ANY
 *
 * Returns: true; false, with in unchanged, if the next element is another one
 *          or its length is not in DER.
 */
bool envl_der_take(struct envl_der *in, int want, struct envl_der *content);
bool envl_der_take_whole(struct envl_der *in, int want, struct envl_der *whole);
bool envl_der_take_just(struct envl_der *in, const unsigned char *bytes,
                        size_t len);

/* envl_der_take_octets - take an element of this tag if its content has len
 * bytes, and copy them */
bool envl_der_take_octets(struct envl_der *in, int tag, unsigned char *to,
                          size_t len);

/* envl_der_is - does der consist of exactly these bytes? */
bool envl_der_is(const struct envl_der *der, const unsigned char *bytes,
                 size_t len);

/* envl_der_take_version - take an INTEGER that has this value, 0 to 127 */
bool envl_der_take_version(struct envl_der *in, unsigned char value);

/*
 * envl_der_is_valid - are the bytes one element in DER, with all elements
 * inside it in DER, too, and nothing after it?
 *
 * The function checks tags, lengths, the order of a SET OF, and the values of
 * BOOLEAN, INTEGER, ENUMERATED, BIT STRING, NULL, OBJECT IDENTIFIER, UTF8String
 * and GeneralizedTime (X.690, 8, 10 and 11; every month may have 31 days).  It
 * does not check the values of other string types.  It refuses elements that
 * are nested more than 32 deep.
 */
bool envl_der_is_valid(const unsigned char *der, size_t len);

/* envl_der_compare - the order of two elements in a SET OF (X.690, 11.6):
 * below, above or equal to 0 */
int envl_der_compare(const struct envl_der *a, const struct envl_der *b);

/* Writing */

/*
 * The writer goes from the end of the buffer to its beginning, because a length
 * stands before the content that it counts.  So the caller puts the last
 * element of a sequence first, and the sequence itself last.
 */
struct envl_der_writer {
    unsigned char *start, *at, *end;
    bool is_full; /* something did not fit and was left out */
};

/* envl_der_begin - write to buf, which has size bytes and stays the caller's */
void envl_der_begin(struct envl_der_writer *w, unsigned char *buf, size_t size);

/*
 * envl_der_put - put bytes as they are, in front of what is written already
 * envl_der_put_element - put an element with this content in the same place
 * envl_der_len - how many bytes are written so far
 * envl_der_wrap - make the bytes that were put since envl_der_len() returned
 * `since` the content of an element
 */
void envl_der_put(struct envl_der_writer *w, const void *bytes, size_t len);
void envl_der_put_element(struct envl_der_writer *w, unsigned char tag,
                          const void *content, size_t len);
size_t envl_der_len(const struct envl_der_writer *w);
void envl_der_wrap(struct envl_der_writer *w, unsigned char tag, size_t since);

/* envl_der_written - the bytes that were written, in the caller's buffer; p is
 * NULL if they did not fit */
struct envl_der envl_der_written(const struct envl_der_writer *w);

#endif
