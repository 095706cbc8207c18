#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The example programs do what their heads say.
. "${srcdir:-.}/test/cli/tap.sh"

examples=$top_builddir/examples
# The default provider that the module keeps alive is never given back.
ASAN_OPTIONS=detect_leaks=0
export ASAN_OPTIONS
plan 6
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
    { head -c 500000 text.env && printf x && tail -c +500002 text.env; } >bad
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

t "keys and a text" make_keys
t "crypt encrypts and decrypts" crypt_round_trip
t "openssl enc reads what crypt wrote" crypt_meets_enc
t "crypt stops at damage, behind verified text" crypt_refuses_damage
t "embed needs no configuration and no environment" embedded
t "range reads any range" ranges
