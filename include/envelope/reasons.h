/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one list of failures: number, name, text.  It makes the enum below, the
 * provider's reason strings and the table in EVP_CIPHER-ENVELOPE(7).  Numbers
 * are part of the interface: append only, never renumber.
 */
#ifndef ENVELOPE_REASONS_H
#define ENVELOPE_REASONS_H

/* clang-format off */
#define ENVELOPE_REASONS(X)                                                    \
    X(ENVELOPE_R_CRYPTO, 1, "libcrypto operation failed")                      \
    X(ENVELOPE_R_MEMORY, 2, "out of memory")                                   \
    X(ENVELOPE_R_NO_ALGORITHM, 3, "no provider offers the algorithm")          \
    X(ENVELOPE_R_NOT_ENVELOPE, 4, "not an envelope")                           \
    X(ENVELOPE_R_VERSION, 5, "unknown format version")                         \
    X(ENVELOPE_R_SCHEME, 6, "unknown payload scheme")                          \
    X(ENVELOPE_R_HEADER_FIELD, 7, "header field out of range")                 \
    X(ENVELOPE_R_HEADER_TOO_LARGE, 8, "header too large")                      \
    X(ENVELOPE_R_HEADER_TRUNCATED, 9, "stream ends inside the header")         \
    X(ENVELOPE_R_LABELS, 10, "malformed labels")                               \
    X(ENVELOPE_R_KEY_ENVELOPE, 11, "malformed key envelope")                   \
    X(ENVELOPE_R_NO_RECIPIENT, 12, "no recipient configured")                  \
    X(ENVELOPE_R_NO_IDENTITY, 13, "no identity configured")                    \
    X(ENVELOPE_R_TOO_MANY_RECIPIENTS, 14, "too many recipients")               \
    X(ENVELOPE_R_UNREADABLE_KEY, 15, "cannot read key")                        \
    X(ENVELOPE_R_UNSUPPORTED_KEY, 16, "unsupported key type")                  \
    X(ENVELOPE_R_WEAK_KEY, 17, "key too weak")                                 \
    X(ENVELOPE_R_PRIVATE_KEY, 18, "private key in place of a public one")      \
    X(ENVELOPE_R_CERTIFICATE_TIME, 19, "certificate not valid now")            \
    X(ENVELOPE_R_PASSPHRASE_NEEDED, 20, "key needs a passphrase")              \
    X(ENVELOPE_R_AMBIGUOUS_KEY, 21, "both a key and recipients given")         \
    X(ENVELOPE_R_SHORT_KEY, 22, "key shorter than 256 bits")                   \
    X(ENVELOPE_R_NO_MATCH, 23, "no identity opens this envelope")              \
    X(ENVELOPE_R_WRONG_KEY, 24, "wrong passphrase or key")                     \
    X(ENVELOPE_R_WORK_FACTOR, 25, "work factor out of range")                  \
    X(ENVELOPE_R_COMMITMENT, 26, "key commitment mismatch")                    \
    X(ENVELOPE_R_CHUNK, 27, "chunk failed authentication")                     \
    X(ENVELOPE_R_LAST_CHUNK, 28, "stream cut short or its last chunk damaged") \
    X(ENVELOPE_R_TRUNCATED, 29, "stream ends before its final chunk")          \
    X(ENVELOPE_R_TRAILING_DATA, 30, "data after the end of the stream")        \
    X(ENVELOPE_R_TOO_LONG, 31, "stream longer than 4 PiB")                     \
    X(ENVELOPE_R_OUTPUT_ROOM, 32, "not enough output room")                    \
    X(ENVELOPE_R_OVERLAP, 33, "input and output partially overlap")            \
    X(ENVELOPE_R_PARAMETER, 34, "invalid parameter")                           \
    X(ENVELOPE_R_IN_USE, 35, "not possible once data has been processed")      \
    X(ENVELOPE_R_NO_STREAM, 36, "no stream in progress")                       \
    X(ENVELOPE_R_CARRIER, 37, "malformed carrier archive")                     \
    X(ENVELOPE_R_CARRIER_MEMBER, 38, "unexpected member in carrier archive")   \
    X(ENVELOPE_R_CARRIER_TRUNCATED, 39, "carrier archive ends early")          \
    X(ENVELOPE_R_READ, 40, "cannot read")                                      \
    X(ENVELOPE_R_WRITE, 41, "cannot write")                                    \
    X(ENVELOPE_R_KEY_SERVICE, 42, "key service failed")                        \
    X(ENVELOPE_R_KEY_SERVICE_REFUSED, 43, "key service refused")               \
    X(ENVELOPE_R_CREDENTIALS, 44, "no credentials for the key service")        \
    X(ENVELOPE_R_NO_KEY_SERVICES, 45, "key services are not installed")        \
    X(ENVELOPE_R_BAD_KEY, 46, "key cannot be used")                            \
    X(ENVELOPE_R_CONFIGURATION, 47, "mistake in the configuration of openssl") \
    X(ENVELOPE_R_CERTIFICATE_USAGE, 48, "certificate not for encryption")      \
    X(ENVELOPE_R_NOT_POST_QUANTUM, 49, "recipient is not post-quantum")        \
    X(ENVELOPE_R_INCOMPLETE, 50, "the data ends early")                        \
    X(ENVELOPE_R_PROGRAM, 51, "the program failed")                            \
    X(ENVELOPE_R_OTHER_LABELS, 52, "envelope has other labels")                \
    X(ENVELOPE_R_SIGNATURES, 53, "malformed signatures")                       \
    X(ENVELOPE_R_UNSIGNED, 54, "envelope is not signed")                       \
    X(ENVELOPE_R_OTHER_SIGNER, 55, "envelope is signed by others")             \
    X(ENVELOPE_R_BAD_SIGNATURE, 56, "signature is wrong")                      \
    X(ENVELOPE_R_RECEIPT, 57, "not what the receipt says")                     \
    X(ENVELOPE_R_NOT_ARCHIVE, 58, "no tar or xbstream inside")                 \
    X(ENVELOPE_R_ARCHIVE, 59, "malformed archive inside")
/* clang-format on */

/*
 * Reason codes of the errors that the provider raises: compare them with
 * ERR_GET_REASON() of a record whose library is the provider's own.
 * ENVELOPE_OK is never raised, and those from ENVELOPE_R_CARRIER to
 * ENVELOPE_R_WRITE, and ENVELOPE_R_INCOMPLETE, are the archive filter's;
 * ENVELOPE_R_PROGRAM and ENVELOPE_R_RECEIPT are the command's.
 */
enum envelope_reason {
    ENVELOPE_OK = 0,
#define ENVELOPE_REASON_ENUM(name, number, text) name = (number),
    ENVELOPE_REASONS(ENVELOPE_REASON_ENUM)
#undef ENVELOPE_REASON_ENUM
};

#endif
