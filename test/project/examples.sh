#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The example programs do what their heads say.
. "${srcdir:-.}/test/support/tap.sh"

examples=$top_builddir/examples
# The default provider that the module keeps alive is never given back.
ASAN_OPTIONS=detect_leaks=0
export ASAN_OPTIONS
plan 10
provider

make_keys() {
    $OPENSSL genpkey -algorithm X25519 -out ops.key
    $OPENSSL pkey -in ops.key -pubout -out ops.pem
    $OPENSSL rand 1000000 >text
}

crypt_round_trip() {
    "$examples/crypt" -e ops.pem <text >text.env
    test "$(stat -c %s text.env)" -gt 1000000
    "$examples/crypt" -d ops.key <text.env >text.new
    cmp text text.new
}

crypt_meets_enc() {
    ENVELOPE_IDENTITIES=ops.key $enc -d -K 0 -in text.env -out text.enc
    cmp text text.enc
}

# Only verified text comes out of a damaged stream.
crypt_refuses_damage() {
    cp text.env bad
    flip bad 500000
    if "$examples/crypt" -d ops.key <bad >part 2>err; then
        return 1
    fi
    grep -q 'chunk failed authentication' err
    test -s part
    head -c "$(stat -c %s part)" text | cmp - part
}

embedded() {
    # Nothing of this environment is needed.
    env -i "$examples/embed" | grep -q 'came back: the only copy of the data'
}

ranges() {
    for range in '0 1' '16383 2' '16384 16384' '5 999995' '999999 1' \
        '123456 500000' '999990 100' '0 0'; do
        # shellcheck disable=SC2086 # two words
        set -- $range
        "$examples/range" ops.key text.env "$1" "$2" >part
        tail -c +$(($1 + 1)) text | head -c "$2" | cmp - part
    done
}

# What archiver is to store, and extractor to make again.
make_tree() {
    mkdir -p tree/sub/deep tree/none
    cp text tree/sub/deep/text
    : >tree/empty
    truncate -s 3000000 tree/hole
    ln -s sub/deep/text tree/link
    chmod 700 tree/sub/deep
}

archive_round_trip() {
    make_tree
    "$examples/archiver" ops.pem a.tar.zst tree text
    mkdir new
    (cd new && "$examples/extractor" ../ops.key ../a.tar.zst)
    diff -r --no-dereference tree new/tree
    cmp text new/text
    test "$(stat -c %a new/tree/sub/deep)" = 700
}

# Its members, joined, are the stream that openssl enc reads.
archive_is_a_tar() {
    tar -tf a.tar.zst | head -n 2 >list
    printf '%s\n' envelope/header envelope/key.p7m | cmp - list
    tar -xOf a.tar.zst >a.env
    ENVELOPE_IDENTITIES=ops.key $enc -d -K 0 -in a.env -out a.clear
    bsdtar -xOf a.clear tree/sub/deep/text | cmp - text
}

# A full disk, a bad recipient, a file that is not there
archiver_fails() {
    if "$examples/archiver" ops.pem /dev/full text 2>err; then
        return 1
    fi
    grep -q 'No space left on device' err
    if "$examples/archiver" ops.key b.tar.zst text 2>err; then
        return 1
    fi
    grep -q "$(reason PRIVATE_KEY)" err
    test ! -e b.tar.zst
    if "$examples/archiver" ops.pem b.tar.zst text missing 2>err; then
        return 1
    fi
    grep -q 'missing' err
    test ! -s b.tar.zst || refused b.tar.zst
}

refused() { # ARCHIVE: extractor does not say that all is well
    rm -rf part && mkdir part
    (cd part && ! "$examples/extractor" ../ops.key "../$1" 2>../err)
    cat err
    grep -q 'do not trust' err
}

extractor_fails() {
    head -c -10241 a.tar.zst >bad
    refused bad
    cp a.tar.zst bad
    flip bad 500000
    refused bad
    mkdir -p up/in
    (cd up/in && tar -cPf ../../evil.tar ../../text)
    refused evil.tar
    $OPENSSL genpkey -algorithm X25519 -out other.key
    if "$examples/extractor" other.key a.tar.zst 2>err; then
        return 1
    fi
    grep -q "$(reason NO_MATCH)" err
}

t "keys and a text" make_keys
t "crypt encrypts and decrypts" crypt_round_trip
t "openssl enc reads what crypt wrote" crypt_meets_enc
t "crypt stops at damage, after verified text" crypt_refuses_damage
t "embed needs no configuration and no environment" embedded
t "range reads any range" ranges
t "archiver stores what extractor makes again" archive_round_trip
t "what archiver writes is a tar and an envelope" archive_is_a_tar
t "archiver fails without a whole archive" archiver_fails
t "extractor refuses cuts, damage, names outside and other keys" extractor_fails
