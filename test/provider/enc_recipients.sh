#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# openssl enc seals to every kind of recipient and opens with every kind of
# identity, and refuses those that are wrong, weak or too many, each for its
# own reason.

. "${srcdir:-.}/test/support/tap.sh"

plan 62
. "$srcdir/test/provider/enc_key.sh"
kinds='rsa2048 rsa4096 p256 p384 p521 x25519 x448'

make_keys() {
    new_each_kind
    new_ec escrow P-384
    new_cert escrow
    new_rsa stranger 2048
}

to_key_and_cert() { # KIND
    seal_to "$1.pem:escrow.crt" plain "$1.env"
    open_with "$1.key" "$1.env" out
    cmp plain out
    open_with escrow.key "$1.env" out
    cmp plain out
}

to_key_alone() { # KIND
    seal_to "$1.pem" plain alone
    open_with "$1.key" alone out
    cmp plain out
    fails NO_MATCH open_with escrow.key alone out
    nothing out
}

to_cert() { # KIND [ARGUMENT-OF-REQ...]
    kind=$1
    shift
    new_cert "$kind" "$@"
    seal_to "$kind.crt" plain cert.env
    open_with "$kind.key" cert.env out
    cmp plain out
    cat "$kind.crt" "$kind.key" >both.pem
    open_with both.pem cert.env out
    cmp plain out
}

no_match() {
    fails NO_MATCH open_with stranger.key rsa2048.env out
    nothing out
    grep -qF 'it has 2 recipients' err
}

not_the_private_key() {
    fails UNREADABLE_KEY open_with rsa2048.pem rsa2048.env out
    nothing out
}

several_identities() {
    open_with stranger.key:x448.key:p256.key p256.env out
    cmp plain out
    open_with "$(printf 'stranger.key\np256.key')" p256.env out
    cmp plain out
    cat stranger.key x448.key p256.key >bunch.key
    open_with bunch.key p256.env out
    cmp plain out
}

several_recipients() {
    cat rsa2048.pem p256.pem >bunch.pem
    seal_to "$(printf 'bunch.pem\nx25519.pem:escrow.crt')" plain many.env
    for name in rsa2048 p256 x25519 escrow; do
        open_with "$name.key" many.env out
        cmp plain out
    done
}

der_and_uri() {
    "$OPENSSL" pkey -pubin -in p256.pem -pubout -outform DER -out p256.der
    "$OPENSSL" pkey -in p256.key -outform DER -out p256key.der
    "$OPENSSL" x509 -in escrow.crt -outform DER -out escrow.der
    seal_to p256.der:escrow.der plain der.env
    open_with p256key.der der.env out
    cmp plain out
    open_with "file:$tests_dir/escrow.key" der.env out
    cmp plain out
    seal_to "file:$tests_dir/p256.pem" plain uri.env
    open_with p256.key uri.env out
    cmp plain out
}

traditional_ec() {
    "$OPENSSL" ecparam -name prime256v1 -genkey -out old.key
    grep -q 'BEGIN EC PARAMETERS' old.key
    "$OPENSSL" pkey -in old.key -pubout -out old.pem
    seal_to old.pem plain old.env
    open_with old.key old.env out
    cmp plain out
}

t 'keys of every kind can be made' make_keys
for kind in $kinds; do
    t "$kind and a certificate: either key opens" to_key_and_cert "$kind"
    t "$kind alone: its key opens, another does not" to_key_alone "$kind"
done
t 'a certificate with an RSA key' to_cert rsa2048
t 'a certificate with an EC key' to_cert p521
t 'a certificate without a key identifier' \
    to_cert p256 -addext subjectKeyIdentifier=none
t 'a stranger is told who can open' no_match
t 'a public key opens nothing' not_the_private_key
t 'lists of identities' several_identities
t 'lists of recipients' several_recipients
t 'DER files and file: URIs' der_and_uri
t 'an EC key after its parameters' traditional_ec

# --- identities under a passphrase ----------------------------------------

# shellcheck disable=SC2086
open_stored() { # IDENTITY PASSPHRASE-FILE
    env ENVELOPE_PASSPHRASE_FILE="$2" ENVELOPE_IDENTITIES="$1" \
        $enc -d -K 0 -in p256.env -out out
}

stored() {
    make_stored
    grep -q ENCRYPTED stored.key
    open_stored stored.key pw
    cmp plain out
    printf '%s\r\nsecond line\n' "$(cat pw)" >crlf.pw
    open_stored stored.key crlf.pw
    cmp plain out
}

stored_traditional() {
    "$OPENSSL" pkey -in p256.key -aes256 -passout file:pw -traditional \
        -out proc.key
    grep -q Proc-Type proc.key
    open_stored proc.key pw
    cmp plain out
}

stored_fails() { # REASON IDENTITY [PASSPHRASE-FILE]
    fails "$1" open_stored "$2" "${3-}"
    nothing out
}

pkcs12() { # PASSWORD-ARGUMENT PASSPHRASE-FILE
    "$OPENSSL" pkcs12 -export -inkey escrow.key -in escrow.crt \
        -passout "$1" -out escrow.p12
    open_stored escrow.p12 "$2"
    cmp plain out
}

t 'an encrypted identity with its passphrase' stored
t 'an encrypted traditional identity with its passphrase' stored_traditional
t 'an encrypted identity, wrong passphrase' \
    stored_fails WRONG_KEY stored.key other.pw
t 'an encrypted traditional identity, wrong passphrase' \
    stored_fails WRONG_KEY proc.key other.pw
t 'an encrypted identity, no passphrase' \
    stored_fails PASSPHRASE_NEEDED stored.key
t 'an encrypted traditional identity, no passphrase' \
    stored_fails PASSPHRASE_NEEDED proc.key
t 'a passphrase file that is missing' \
    stored_fails UNREADABLE_KEY stored.key missing.pw
t 'a passphrase file that is empty' \
    stored_fails UNREADABLE_KEY stored.key empty
t 'a PKCS#12 identity without a passphrase' pkcs12 pass: ''
t 'a PKCS#12 identity with its passphrase' pkcs12 file:pw pw
t 'a PKCS#12 identity, wrong passphrase' \
    stored_fails WRONG_KEY escrow.p12 other.pw
t 'a PKCS#12 identity, no passphrase' \
    stored_fails PASSPHRASE_NEEDED escrow.p12

# --- mistakes -------------------------------------------------------------

# shellcheck disable=SC2086
no_recipient() {
    fails NO_RECIPIENT $enc -K 0 -in plain -out out
    nothing out
    fails NO_RECIPIENT env ENVELOPE_RECIPIENTS= $enc -K 0 -in plain -out out
    nothing out
}

# shellcheck disable=SC2086
no_identity() {
    fails NO_IDENTITY $enc -d -K 0 -in p256.env -out out
    nothing out
}

refused_recipient() { # REASON LIST [TEXT]
    fails "$1" seal_to "$2" plain out
    nothing out
    [ -z "${3-}" ] || grep -qF "$3" err
    # A good recipient beside it changes nothing.
    fails "$1" seal_to "p256.pem:$2" plain out
    nothing out
}

refused_identity() { # REASON LIST
    fails "$1" open_with "$2" p256.env out
    nothing out
}

# shellcheck disable=SC2086
key_and_recipients() {
    fails AMBIGUOUS_KEY \
        env ENVELOPE_RECIPIENTS=p256.pem $enc -K "$k" -in plain -out out
    nothing out
}

# shellcheck disable=SC2086
pass_and_recipients() {
    fails AMBIGUOUS_KEY env ENVELOPE_RECIPIENTS=p256.pem \
        $enc -pass file:pw -pbkdf2 -nosalt -in plain -out out
    nothing out
}

make_bad_keys() {
    new_rsa rsa1024 1024
    new_cert rsa1024
    new_key ed25519 -algorithm ED25519
    new_ec secp256k1 secp256k1
    "$OPENSSL" req -new -key p256.key -subj /CN=late -out late.csr
    # shellcheck disable=SC2046 # words
    "$OPENSSL" x509 -req -in late.csr -signkey p256.key $(ends_in -1) \
        -out late.crt
    head -c 1000 /dev/urandom >garbage
    # The second block: one letter wrong, cut, of an unknown kind
    sed '2s/^..../!!!!/' x25519.pem >bad.pem
    cat rsa2048.pem bad.pem >second-wrong.pem
    { cat rsa2048.pem; sed '$d' x25519.pem; } >second-cut.pem
    { cat rsa2048.pem; sed 's/PUBLIC KEY/CANDY/' x25519.pem; } \
        >second-other.pem
    head -c 1100000 /dev/zero >huge
}

t 'no recipient' no_recipient
t 'no identity' no_identity
t 'a key and recipients together are refused' key_and_recipients
t 'a passphrase and recipients together are refused' pass_and_recipients
t 'bad keys can be made' make_bad_keys
t 'a missing recipient file' \
    refused_recipient UNREADABLE_KEY missing.pem missing.pem
t 'a recipient file of garbage' \
    refused_recipient UNREADABLE_KEY garbage garbage
t 'an empty recipient file' refused_recipient UNREADABLE_KEY empty empty
t 'a directory as recipient' refused_recipient UNREADABLE_KEY .
t 'a huge recipient file' refused_recipient UNREADABLE_KEY huge
t 'an RSA key of 1024 bits' \
    refused_recipient WEAK_KEY rsa1024.pem '1024 bits'
t 'a certificate with an RSA key of 1024 bits' \
    refused_recipient WEAK_KEY rsa1024.crt
t 'an Ed25519 key' refused_recipient UNSUPPORTED_KEY ed25519.pem ED25519
t 'an EC key on secp256k1' \
    refused_recipient UNSUPPORTED_KEY secp256k1.pem secp256k1
t 'a private key as recipient' \
    refused_recipient PRIVATE_KEY p384.key pubout
t 'an encrypted private key as recipient' \
    refused_recipient PRIVATE_KEY stored.key pubout
t 'an expired certificate' \
    refused_recipient CERTIFICATE_TIME late.crt 'has expired'
for file in second-wrong.pem second-cut.pem second-other.pem; do
    t "a damaged second PEM block in a file ($file)" \
        refused_recipient UNREADABLE_KEY "$file"
done
t 'a missing identity file' refused_identity UNREADABLE_KEY missing.key
t 'an identity file of garbage' refused_identity UNREADABLE_KEY garbage
t 'an empty identity file' refused_identity UNREADABLE_KEY empty

# --- too many recipients --------------------------------------------------

# openssl enc has room for 32 bytes beside each 4,096 that it gives, and for
# 2,040 at the end: there the header must have left.
make_large() {
    # From OpenSSL 4.0 on its updates are twice as long, for the same room.
    head -c 64000000 /dev/zero >large
    head -c 4000000 large >larger
}

many_and_little() {
    list=rsa4096.pem:rsa4096.pem:rsa4096.pem:rsa4096.pem
    list=$list:$list
    for in in empty pw plain; do
        fails OUTPUT_ROOM seal_to "$list" $in out
        grep -qF 'use fewer recipients' err
    done
    seal_to "$list" larger out.env
    open_with rsa4096.key out.env out
    cmp larger out
}

more_than_1024() {
    awk '{ text = text $0 "\n" }
        END { for (i = 0; i < 1024; i++) printf "%s", text }' x25519.pem \
        >1024.pem
    seal_to 1024.pem large out.env
    open_with x25519.key out.env out
    cmp large out
    fails TOO_MANY_RECIPIENTS seal_to 1024.pem:p256.pem large out
    nothing out
}

t 'large inputs can be made' make_large
t 'many recipients need some input after them' many_and_little
t '1,024 recipients, and not one more' more_than_1024
