#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Files that release 0.9.0 wrote, which froze the format: every later release
# opens them, and so does the independent decoder.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 7

files=$srcdir/test/vectors/0.9.0
keys=$srcdir/test/vectors/keys

decoder() { # SCRIPT ARGUMENT...
    script=$srcdir/test/interop/$1.py
    shift
    env -u OPENSSL_MODULES "$PYTHON" "$script" "$@"
}

lists() { # OPTION ALGORITHM
    "$OPENSSL" list "$1" | grep -q "$2"
}

make_all() {
    seq 4000 >text
    head -c 16384 text >chunk
    seq 15000 >pieces
    : >empty
    printf 'correct horse battery staple' >pw
    printf '%02x' $(seq 1 32) >kek
    "$envelope" keygen -t ed25519 -o other.key
    openers='rsa p256 p384 p521 x25519 x448'
    ! lists -key-managers ML-KEM-768 \
        || openers="$openers mlkem512 mlkem768 mlkem1024 mlkem768x25519"
    signers='ed25519 ed448 p256 p384 p521 rsa'
    ! lists -signature-algorithms ML-DSA-65 || signers="$signers mldsa65"
}

# opens FILE TEXT OPTION...
opens() {
    opened=$files/$1 holds=$2
    shift 2
    exits 0 "$envelope" decrypt -f -o got "$@" "$opened"
    cmp "$holds" got
}

each_recipient() {
    for name in recipients.env recipients.tar recipients.xb; do
        for key in $openers; do
            opens $name text -i "$keys/$key.key"
        done
        opens $name text --passphrase-file pw
    done
    opens pieces.tar pieces -i "$keys/p384.key"
    opens certificate.env text -i "$keys/p256.key"
    opens kek.env text -k kek
}

the_ends() {
    opens empty.env empty -i "$keys/p256.key"
    opens chunk.env chunk -i "$keys/p256.key"
}

each_signature() {
    for name in signed.env signed.tar signed.xb; do
        for key in $signers; do
            opens $name text -i "$keys/p256.key" --signed-by "$keys/$key.pem"
        done
        exits 4 "$envelope" decrypt -i "$keys/p256.key" --signed-by other.pub \
            "$files/$name"
    done
}

after_a_rewrap() {
    opens rewrapped.env text -i "$keys/stranger.key"
    opens rewrapped.env text -i "$keys/x448.key"
    exits 3 "$envelope" decrypt -i "$keys/rsa.key" "$files/rewrapped.env"
}

receipts_and_headers() {
    exits 0 "$envelope" verify --no-key --receipt "$files/signed.receipt" \
        --signed-by "$keys/ed25519.pem" "$files/signed.env"
    exits 0 "$envelope" verify --no-key \
        --receipt "$files/recipients.tar.receipt" "$files/recipients.tar"
    { head -c 3000 /dev/zero && tail -c +3001 "$files/signed.tar"; } >damaged
    exits 4 "$envelope" decrypt -i "$keys/p256.key" -o got.new damaged
    exits 0 "$envelope" header restore -i "$keys/p256.key" \
        "$files/signed.tar.header" damaged
    cmp damaged "$files/signed.tar"
}

by_the_decoder() {
    for name in recipients signed pieces; do
        for kind in env tar xb; do
            [ -e "$files/$name.$kind" ] || continue
            decoder carrier join "$files/$name.$kind" >joined
            decoder envelope decode --identity "$keys/p256.key" joined got
            [ $name = pieces ] || cmp text got
            [ $name != pieces ] || cmp pieces got
        done
    done
    for key in rsa p384 p521 x25519 x448; do
        decoder envelope decode --identity "$keys/$key.key" \
            "$files/recipients.env" got
        cmp text got
    done
    for key in ed25519 ed448 p256 p384 p521 rsa; do
        decoder envelope decode --identity "$keys/p256.key" \
            --signed-by "$keys/$key.pem" "$files/signed.env" got
    done
}

# What is there stays as it is.
never_made_anew() {
    (cd "$files" && sha256sum -c --quiet sums)
    (cd "$files" && ls) | grep -vx -e make -e sums | LC_ALL=C sort >there
    sed 's/.* //' "$files/sums" | LC_ALL=C sort | diff - there
}

set_up make_all
t "for each kind of recipient, in each carrier" each_recipient
t "the ends of the payload" the_ends
t "each kind of signature" each_signature
t "rewrapped" after_a_rewrap
t "a receipt, and a saved header" receipts_and_headers
t "by the independent decoder" by_the_decoder
t "they are the files of 0.9.0" never_made_anew
