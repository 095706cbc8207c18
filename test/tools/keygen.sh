#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# openssl reads the keys of each type that envelope keygen makes, also those with a
# passphrase, and they encrypt and decrypt.
. "${srcdir:-.}/test/support/tap.sh"
[ -n "${top_builddir-}" ] || skip_rest 'top_builddir is not set'
. "$srcdir/test/support/program.sh"

plan 30
. "$srcdir/test/tools/keygen_support.sh"
types='x25519 x448 p256 p384 p521 rsa3072 rsa4096'
echo 'another passphrase' >other.pw

# --- keys -----------------------------------------------------------------

openssl_reads() { # TYPE
    "$envelope" keygen --type "$1" -o "$1.key" >line
    "$OPENSSL" pkey -in "$1.key" -pubout -out out
    cmp out "$1.pub"
    head -n 1 "$1.key" | grep -qx -e '-----BEGIN PRIVATE KEY-----'
    [ "$(line_of line)" = "$(id_of "$1.pub") $1 $1.pub" ]
}

is_of() { # TYPE TEXT-OF-OPENSSL
    "$OPENSSL" pkey -in "$1.key" -noout -text | grep -qF "$2"
}

round_trip() { # TYPE
    seal_to "$1.pub" plain "$1.env"
    open_with "$1.key" "$1.env" out
    cmp plain out
}

in_headers() {
    for type in $types; do
        od -An -v -tx1 "$type.env" | tr -d ' \n' \
            | grep -qF "$(id_of "$type.pub")"
    done
}

default_type() {
    "$envelope" keygen -o default.key >line
    grep -q '  x25519  ' line
    is_of default 'X25519 Private-Key'
    round_trip default
    ! cmp -s default.pub x25519.pub || false
}

kinds_of_openssl() {
    is_of x448 'X448 Private-Key'
    is_of p256 'NIST CURVE: P-256'
    is_of p384 'NIST CURVE: P-384'
    is_of p521 'NIST CURVE: P-521'
    is_of rsa3072 'Private-Key: (3072 bit'
    is_of rsa4096 'Private-Key: (4096 bit'
}

# The padded key wrap is never tried: its OID differs in the last byte from that of
# the other one.
ml_kem_opens() { # TYPE
    "$envelope" -r "$1.d/key.pub" -o "$1.d/env" line
    "$envelope" -d -i "$1.d/key" "$1.d/env" | cmp - line
    "$PYTHON" - "$1.d/env" "$1.d/padded" <<'PYTHON'
import sys
data = open(sys.argv[1], "rb").read()
wrap = bytes.fromhex("60864801650304012d")
assert data.count(wrap) == 1
open(sys.argv[2], "wb").write(data.replace(wrap, wrap[:-1] + b"\x30"))
PYTHON
    "$envelope" inspect --json "$1.d/padded" | grep -q '"known": *false'
    exits 3 "$envelope" -d -i "$1.d/key" "$1.d/padded"
}

ml_kem() { # TYPE
    mkdir "$1.d"
    if "$OPENSSL" list -key-managers | grep -q ML-KEM-768; then
        "$envelope" keygen --type "$1" -o "$1.d/key" >line
        "$OPENSSL" pkey -provider envelope -provider default -in "$1.d/key" \
            -pubout | cmp - "$1.d/key.pub"
        ml_kem_opens "$1"
    else
        exits 1 "$envelope" keygen --type "$1" -o "$1.d/key"
        grep -qF 'OpenSSL 3.5 or newer' err
        only "$1.d"
    fi
}

for type in $types; do
    t "$type: openssl reads both, and knows the identifier" \
        openssl_reads "$type"
done
for type in $types; do
    t "$type: encrypts and decrypts" round_trip "$type"
done
t 'the identifiers are in the headers' in_headers
t 'x25519 is the default' default_type
t 'the types are what they are called' kinds_of_openssl
t 'ML-KEM-768, or what it needs' ml_kem mlkem768
t 'ML-KEM-768 with X25519, or what it needs' ml_kem mlkem768x25519
t 'ML-KEM-1024, or what it needs' ml_kem mlkem1024

ml_dsa() {
    mkdir mldsa65.d
    if "$OPENSSL" list -key-managers | grep -q ML-DSA-65; then
        "$envelope" keygen --type mldsa65 -o mldsa65.d/key >line
        "$OPENSSL" pkey -in mldsa65.d/key -pubout | cmp - mldsa65.d/key.pub
    else
        exits 1 "$envelope" keygen --type mldsa65 -o mldsa65.d/key
        grep -qF 'OpenSSL 3.5 or newer' err
        only mldsa65.d
    fi
}
t 'ML-DSA-65, or what it needs' ml_dsa

# --- passphrases ----------------------------------------------------------

encrypted() { # TYPE
    "$envelope" keygen -t "$1" --passphrase-file pw -o "pass-$1.key" >line
    head -n 1 "pass-$1.key" \
        | grep -qx -e '-----BEGIN ENCRYPTED PRIVATE KEY-----'
    "$OPENSSL" pkey -in "pass-$1.key" -passin file:pw -pubout \
        | cmp - "pass-$1.pub"
    ! "$OPENSSL" pkey -in "pass-$1.key" -passin file:other.pw -noout || false
    "$OPENSSL" asn1parse -in "pass-$1.key" >asn1
    grep -q ':scrypt$' asn1
    grep -q ':aes-256-cbc$' asn1
    grep -q ':4000$' asn1
    seal_to "pass-$1.pub" plain pass.env
    ENVELOPE_PASSPHRASE_FILE=pw
    export ENVELOPE_PASSPHRASE_FILE
    open_with "pass-$1.key" pass.env out
    cmp plain out
}

bad_passphrase_files() {
    : >empty.pw
    for name in nowhere.pw empty.pw; do
        exits 1 "$envelope" keygen --passphrase-file "$name" -o empty/ops.key
        grep -qF "$name" err
        only empty
    done
}

# Without a terminal, it is neither asked for nor left out.
no_terminal() {
    ! setsid -w "$envelope" keygen -p -o empty/ops.key 2>err || false
    grep '^envelope: key needs a passphrase: ' err
    only empty
    exits 1 setsid -w "$envelope" fingerprint pass-x25519.key
    grep '^envelope: key needs a passphrase: ' err
}

t 'an encrypted X25519 key' encrypted x25519
t 'an encrypted RSA key' encrypted rsa3072
t 'passphrase files that are of no use' bad_passphrase_files
if command -v setsid >/dev/null; then
    t 'without a terminal nothing is asked' no_terminal
else
    skip 'without a terminal nothing is asked' 'setsid is not installed'
fi

# --- standard output ------------------------------------------------------

to_stdout() { # ARGUMENT...
    "$envelope" keygen "$@" >std.key 2>std.pub
    "$OPENSSL" pkey -in std.key -pubout -out std.pem
    "$OPENSSL" pkey -pubin -in std.pub | cmp - std.pem
    grep -q "^$(id_of std.pem)  x25519 .* -\$" std.pub
    seal_to std.pub plain std.env
    open_with std.key std.env out
    cmp plain out
}

to_terminal() {
    status=0
    "$PYTHON" "$srcdir/test/tools/pty.py" -- "$envelope" keygen >shown \
        || status=$?
    [ $status -eq 2 ]
    grep -qF 'is not shown on a terminal' shown
    ! grep -q BEGIN shown || false
}

stdout_full() {
    exits 1 "$envelope" keygen >/dev/full
}

t 'keys go to standard output' to_stdout
t 'with -o -, too' to_stdout -o -
t 'but not onto a terminal' to_terminal
if [ -c /dev/full ]; then
    t 'standard output is full' stdout_full
else
    skip 'standard output is full' 'there is no /dev/full'
fi

# --- what is typed --------------------------------------------------------

usage() {
    exits 2 "$envelope" keygen -t dsa -o empty/ops.key
    exits 2 "$envelope" keygen -o empty/ops.key more
    exits 2 "$envelope" fingerprint
    exits 2 "$envelope" fingerprint ''
    only empty
}

t 'what does not make sense is refused' usage
