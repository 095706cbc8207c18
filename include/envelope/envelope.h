/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ENVELOPE cipher: its name, the names of its parameters, and the entry
 * point for programs that build the provider in.  Everything else happens
 * through libcrypto's EVP interface; EVP_CIPHER-ENVELOPE(7) is its manual.
 */
#ifndef ENVELOPE_ENVELOPE_H
#define ENVELOPE_ENVELOPE_H

#include <envelope/reasons.h>
#include <openssl/core.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the shared library exports. */
#ifdef __GNUC__
#define ENVELOPE_EXPORT __attribute__((visibility("default")))
#else
#define ENVELOPE_EXPORT
#endif

/* The name of the provider, of its module and of its openssl.cnf entries. */
#define ENVELOPE_PROVIDER_NAME "envelope"

/* The name for EVP_CIPHER_fetch(). */
#define ENVELOPE_CIPHER_NAME "ENVELOPE"

/*
 * The same cipher for decryption alone, with a block size of 1.  It is for
 * those who read plaintext from BIO_f_cipher(): with ENVELOPE that works for
 * requests of at most 256 bytes only, because OpenSSL subtracts the block
 * size from the length of a request and goes wrong where it is negative.
 * Under this name a failure shows in the final call, to which BIO_f_cipher()
 * pays attention; updates after it give nothing.
 */
#define ENVELOPE_DECRYPT_NAME "ENVELOPE-DECRYPT"

/*
 * The property query for fetching either of them.  The second half takes away
 * what a host asks for by default, such as fips=yes: this provider is nothing
 * but a user of the algorithms that are meant, and offers none of them.
 */
#define ENVELOPE_PROPERTIES "provider=envelope,-fips"

/*
 * Length of the EVP key, in bytes.  A key that is not all zero is a
 * key-encryption key (RFC 5652, 6.2.3); no key, or all zeros, means the
 * recipients or identities that the parameters, the environment or the
 * provider's configuration name.
 */
#define ENVELOPE_KEY_LENGTH 32

/*
 * Output room, in bytes.  An update of inl bytes when encrypting returns at
 * most inl + ENVELOPE_UPDATE_SLACK if inl <= ENVELOPE_SMALL_UPDATE, and at
 * most inl + ENVELOPE_BLOCK_SIZE otherwise; a final call returns at most
 * ENVELOPE_BLOCK_SIZE.  A decrypting update returns at most inl, the final
 * call nothing.  With ENVELOPE_PARAM_OUTPUT_SLACK all of these calls may
 * return that many bytes beyond inl, the final call beyond nothing.
 *
 * Without ENVELOPE_PARAM_OUTPUT_SLACK, one update with data and a final call
 * whose output goes right after the update's return at most inl +
 * ENVELOPE_BLOCK_SIZE together, so that they can share a buffer of that size;
 * where that is too little the final call fails with ENVELOPE_R_OUTPUT_ROOM.
 *
 * libcrypto's BIO_f_cipher() has EVP_MAX_BLOCK_LENGTH bytes of room beyond
 * the 4,096 bytes (8,192 from OpenSSL 4.0 on) that it passes at once; the
 * limit for small updates stands well above that.
 */
#define ENVELOPE_SMALL_UPDATE 16384
#define ENVELOPE_UPDATE_SLACK 32
#define ENVELOPE_BLOCK_SIZE 2040

/*
 * Plaintext bytes in every chunk but the last (FORMAT 6), which is also the
 * least output-slack with which ENVELOPE_RELEASE_VERIFIED works.
 */
#define ENVELOPE_CHUNK_LENGTH 16384

/* Bytes of a whole chunk in the stream: the text and its tag. */
#define ENVELOPE_SEALED_CHUNK_LENGTH (ENVELOPE_CHUNK_LENGTH + 16)

/* Bytes between the header and chunk 0: the salt and the key commitment. */
#define ENVELOPE_PAYLOAD_START_LENGTH 56

/*
 * Parameters that can be set until the first update, UTF-8 strings.
 * RECIPIENTS and IDENTITIES are lists of paths and URIs, separated by colons
 * or newlines; an entry that begins with a known URI scheme runs to the end
 * of its line.  LABELS are lines "key=value", and so are REQUIRE_LABELS: to
 * decrypt, the stream must have exactly these.  PASSPHRASE_FILE names a file
 * whose first line is the passphrase, see ENVELOPE_PARAM_PASSPHRASE.  SIGNERS
 * and SIGNED_BY are lists as RECIPIENTS is: the private keys, 8 at most, that
 * sign a stream that is encrypted, and the public keys, one of which must have
 * signed a stream that is decrypted (FORMAT 11).  RELEASE is one of the two
 * words below it.
 *
 * An update of no bytes when encrypting makes the header, so that a recipient
 * that is not good shows before any data is there.
 */
#define ENVELOPE_PARAM_RECIPIENTS "recipients"
#define ENVELOPE_PARAM_IDENTITIES "identities"
#define ENVELOPE_PARAM_PASSPHRASE_FILE "passphrase-file"
#define ENVELOPE_PARAM_LABELS "labels"
#define ENVELOPE_PARAM_REQUIRE_LABELS "require-labels"
#define ENVELOPE_PARAM_SIGNERS "signers"
#define ENVELOPE_PARAM_SIGNED_BY "signed-by"
#define ENVELOPE_PARAM_RELEASE "release"
#define ENVELOPE_RELEASE_CHUNK "chunk"
#define ENVELOPE_RELEASE_VERIFIED "verified"

/*
 * Octet strings.  RECIPIENT and IDENTITY are keys or certificates, PEM or
 * DER, and may be set again and again for a stream: each adds to the list.
 * In a context that is used again, an init call that has one of RECIPIENTS,
 * RECIPIENT, IDENTITIES, IDENTITY or PASSPHRASE* in its parameters replaces all
 * of them; so does the first EVP_CIPHER_CTX_set_params() that has one, if a
 * stream has been processed since they were set.  PASSPHRASE
 * adds a passphrase recipient when encrypting; when decrypting it opens such
 * a recipient, or if there are any, identities that are stored encrypted.
 * SIGNER and SIGNED_BY_KEY add to SIGNERS and SIGNED_BY; each of the two pairs
 * is replaced in the same way as those above, but by itself.
 */
#define ENVELOPE_PARAM_RECIPIENT "recipient"
#define ENVELOPE_PARAM_IDENTITY "identity"
#define ENVELOPE_PARAM_SIGNER "signer"
#define ENVELOPE_PARAM_SIGNED_BY_KEY "signed-by-key"
#define ENVELOPE_PARAM_PASSPHRASE "passphrase"

/*
 * An octet pointer to a struct envelope_passphrase_callback, which must stay
 * valid while the context is used.  It is asked for the passphrase of an
 * identity that is stored encrypted when no passphrase was set, and for that of
 * a signer, for which ENVELOPE_PARAM_PASSPHRASE is never taken.
 */
#define ENVELOPE_PARAM_PASSPHRASE_CALLBACK "passphrase-callback"

struct envelope_passphrase_callback {
    OSSL_PASSPHRASE_CALLBACK *callback;
    void *arg;
};

/*
 * Unsigned integers.  THREADS: how many threads seal or open one update, the
 * calling one included (0 and 1: no other thread; at most 64); it can be read,
 * too, and is that of the configuration if none was set.  OUTPUT_SLACK:
 * bytes that the caller has after inl in every update, and in the final
 * call.  RESERVE: zero bytes after the key envelope, room for a later
 * rewrap.  WORK_FACTOR: log2 of scrypt's N for a passphrase recipient (14 to
 * 20; 17).  ALLOW_EXPIRED: non-zero lets a certificate outside its validity
 * be a recipient.  SKIP_EXPIRED: non-zero leaves such a certificate out, in
 * place of failing; it fails if nobody is left.  ALLOW_USAGE: non-zero lets a
 * certificate be a recipient that is a CA's, or whose keyUsage is not for
 * encryption.  REQUIRE_POST_QUANTUM: non-zero refuses a recipient that is not
 * known to withstand a quantum computer: RSA, EC, X25519, X448, and the key of a
 * service; what is left is ML-KEM, a passphrase and a key-encryption key.
 */
#define ENVELOPE_PARAM_THREADS "threads"
#define ENVELOPE_PARAM_OUTPUT_SLACK "output-slack"
#define ENVELOPE_PARAM_RESERVE "reserve"
#define ENVELOPE_PARAM_WORK_FACTOR "work-factor"
#define ENVELOPE_PARAM_ALLOW_EXPIRED "allow-expired"
#define ENVELOPE_PARAM_SKIP_EXPIRED "skip-expired"
#define ENVELOPE_PARAM_ALLOW_USAGE "allow-usage"
#define ENVELOPE_PARAM_REQUIRE_POST_QUANTUM "require-post-quantum"

/*
 * An unsigned integer that can be set while decrypting, once the header and
 * the ENVELOPE_PAYLOAD_START_LENGTH bytes after it have been given: the next
 * byte of input is the first of the chunk with this index.  Within a chunk
 * that is possible only with ENVELOPE_RELEASE_VERIFIED, and what was given of
 * the chunk is dropped; after the final call the same stream goes on.  It is
 * how a program reads a range.  The end of the stream is verified only if the
 * last chunk is read.
 *
 * With ENVELOPE_RELEASE_VERIFIED a stream goes on in this way after a chunk
 * that is damaged, too: once a call has failed with ENVELOPE_R_CHUNK,
 * ENVELOPE_R_LAST_CHUNK, ENVELOPE_R_TRUNCATED or ENVELOPE_R_TRAILING_DATA.
 * Of such updates only the first tells ENVELOPE_R_TRAILING_DATA from
 * ENVELOPE_R_CHUNK; the final call always does.  Every other failure stays.
 */
#define ENVELOPE_PARAM_NEXT_CHUNK "next-chunk"

/*
 * Parameters that can be read.  HEADER (octets) and HEADER_LENGTH (unsigned)
 * once the header has been written or read: prelude, labels, signatures, key
 * envelope and padding, up to the payload.  VERIFIED_LENGTH (unsigned): plaintext
 * bytes in chunks that have passed authentication.
 */
#define ENVELOPE_PARAM_HEADER "header"
#define ENVELOPE_PARAM_HEADER_LENGTH "header-length"
#define ENVELOPE_PARAM_VERIFIED_LENGTH "verified-length"

/* Environment variables: see ENVELOPE_PARAM_* of the same names. */
#define ENVELOPE_ENV_RECIPIENTS "ENVELOPE_RECIPIENTS"
#define ENVELOPE_ENV_IDENTITIES "ENVELOPE_IDENTITIES"
#define ENVELOPE_ENV_PASSPHRASE_FILE "ENVELOPE_PASSPHRASE_FILE"
#define ENVELOPE_ENV_SIGNERS "ENVELOPE_SIGNERS"
#define ENVELOPE_ENV_SIGNED_BY "ENVELOPE_SIGNED_BY"

/* The directory of envelope-kms.so, which talks to key services, if it is not
 * where it was installed; read when the provider is loaded. */
#define ENVELOPE_ENV_KMS_MODULES "ENVELOPE_KMS_MODULES"

/*
 * envelope_provider_init - the provider's entry point, for programs that
 * build it in with OSSL_PROVIDER_add_builtin() and need no configuration
 *
 * Pass it to OSSL_PROVIDER_add_builtin(libctx, ENVELOPE_PROVIDER_NAME,
 * envelope_provider_init) and then call OSSL_PROVIDER_load(); libcrypto calls
 * it.  Source: provider-base(7), OSSL_provider_init().
 *
 * Returns: 1, or 0 if memory ran out.
 * Threads: safe.
 */
ENVELOPE_EXPORT OSSL_provider_init_fn envelope_provider_init;

#ifdef __cplusplus
}
#endif

#endif
