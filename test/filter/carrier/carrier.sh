#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The program writes each carrier and reads it back: all sizes around a piece,
# keys, labels, threads, and what it is told on the command line.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 27
. "$srcdir/test/filter/carrier/carriers.sh"

# Text of so many bytes makes a payload of 56 + n + 16 * (n / 16384 + 1).
text_for() { # PAYLOAD-BYTES
    text_chunks=$((($1 - 56) / 16400))
    echo $(($1 - 56 - 16 * (text_chunks + 1)))
}

round_trip() { # BYTES
    head -c "$1" plain >in
    [ "$(size_of in)" -eq "$1" ]
    for kind in raw tar xbstream; do
        "$envelope" encrypt -r ops.pem --carrier $kind --piece-size 65536 \
            <in >made
        opens made in
        carrier join made >joined
        open_with ops.key joined out
        cmp in out
        [ $kind = raw ] \
            || carrier canonical $kind --piece-size 65536 made
    done
}

by_default() { # KIND
    head -c 20000000 /dev/zero >in
    "$envelope" -r ops.pem --carrier "$1" <in >made
    carrier canonical "$1" made
    opens made in
}

large_pieces() { # KIND
    head -c 70000000 /dev/zero >in
    "$envelope" -r ops.pem --carrier "$1" --piece-size 67108864 <in >made
    carrier canonical "$1" --piece-size 67108864 made
    opens made in
}

xbcloud() {
    carrier canonical xbstream --piece-size 65536 --xbcloud cloud.xb
    opens cloud.xb
}

automatic() {
    "$envelope" -r ops.pem <plain >made
    carrier join made | cmp made -
    "$envelope" -r ops.pem <tree.tar >made
    carrier canonical tar made
    opens made tree.tar
    # Both are archives, and so are their envelopes.
    "$envelope" -r ops.pem <a.tar >made
    carrier canonical tar made
    opens made a.tar
    "$envelope" -r ops.pem <cloud.xb >made
    carrier canonical xbstream made
    opens made cloud.xb
    "$envelope" -r ops.pem --carrier auto </dev/null >made
    opens made /dev/null
    "$envelope" -r ops.pem --carrier raw <tree.tar >made
    carrier join made | cmp made -
    opens made tree.tar
}

independent() {
    carrier join a.tar >joined
    env -u OPENSSL_MODULES CRYPTOGRAPHY_OPENSSL_NO_LEGACY=1 "$PYTHON" \
        "$srcdir/test/interop/envelope.py" decode --identity ops.key joined out
    cmp plain out
}

threads() {
    for n in 1 2 5; do
        "$envelope" -r ops.pem --carrier tar -j $n <plain >made
        open_it made --threads $n
        cmp plain out
    done
}

labels_in_member() {
    "$envelope" -r ops.pem --carrier tar --label b=2 --label a=1 <plain >made
    printf 'a=1\nb=2\n' >want
    tar -xOf made envelope/header | tail -c +33 | cmp want -
    opens made
}

# Readers of CMS pass over what follows the message.
key_member() {
    "$envelope" -r ops.pem --carrier tar --reserve 1000 <plain >made
    opens made
    tar -xf made envelope/key.p7m
    "$OPENSSL" cms -decrypt -inform DER -in envelope/key.p7m \
        -inkey ops.key -out dek
    [ "$(size_of dek)" -eq 32 ]
    rm -r envelope
}

passphrase() {
    echo 'correct horse' >pw
    "$envelope" --passphrase-file pw --carrier tar <plain >made
    "$envelope" -d --passphrase-file pw <made | cmp plain -
}

many_keys() {
    "$envelope" -r other.pem -r ops.pem --carrier xbstream <plain >made
    for key in ops other; do
        "$envelope" decrypt -i $key.key <made | cmp plain -
    done
    "$envelope" decrypt -i other.key -i ops.key <a.tar | cmp plain -
}

t 'keys and carriers can be made' make_all
for size in 0 1 16383 16384 16385; do
    t "a text of $size bytes" round_trip $size
done
for size in 65535 65536 65537 131071 131072 131073 262144; do
    t "a payload of $size bytes" round_trip "$(text_for $size)"
done
t 'tar pieces of 8 MiB' by_default tar
t 'xbstream chunks of 8 MiB' by_default xbstream
t 'tar pieces of 64 MiB' large_pieces tar
t 'xbstream chunks of 64 MiB' large_pieces xbstream
t 'the files for xbcloud' xbcloud
t 'the carrier follows the input' automatic
t 'the second implementation of both layers opens it' independent
t 'threads' threads
t 'labels stand in the first member' labels_in_member
t 'the second member is a CMS message' key_member
t 'a passphrase' passphrase
t 'several recipients and identities' many_keys

# --- arguments ------------------------------------------------------------

usage() {
    while read -r arguments; do
        status=0
        # shellcheck disable=SC2086 # words
        "$envelope" $arguments <plain >out 2>err || status=$?
        cat err
        [ $status -eq 2 ]
        grep -q 'envelope: ' err
        nothing out
    done <<LIST
--no-such-option
-r ops.pem --carrier zip
-r ops.pem --piece-size 0
-r ops.pem --piece-size 512
-r ops.pem --piece-size 65535
-r ops.pem --piece-size 65537
-r ops.pem --piece-size 67109376
-r ops.pem --piece-size 65536x
-r ops.pem --piece-size -65536
-r ops.pem --threads x
-r
LIST
}

no_trace() { # nothing is written before the recipients are good
    for recipient in nowhere.pem ops.key plain; do
        status=0
        "$envelope" -r $recipient --carrier tar <plain >out 2>err || status=$?
        cat err
        [ $status -ne 0 ]
        [ $status -lt 128 ]
        grep -q '^envelope: ' err
        nothing out
    done
}

t 'arguments that are wrong' usage
t 'recipients that are none' no_trace
