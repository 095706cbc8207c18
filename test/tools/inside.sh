#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# envelope list and envelope extract: keys and labels, damage and cuts of the
# envelope, output, and what it costs.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 17
. "$srcdir/test/tools/command_support.sh"
need tar
set_up make_all

# Members of 100,000 bytes in a tar, for ops; e.KIND in each carrier
archives() {
    mkdir data
    for name in a b c d e f g h i j; do
        steady_text 100000 | tr '\000-\011' "$name" >data/$name
    done
    tar --sort=name -cf whole data
    for kind in raw tar xbstream; do
        "$envelope" encrypt -r ops.pem --carrier $kind --piece-size 65536 \
            -o e.$kind whole
    done
}
set_up archives

list() {
    timeout 60 "$envelope" list -i ops.key "$@"
}

extract() {
    timeout 60 "$envelope" extract -i ops.key "$@"
}

# --- keys, labels, files ----------------------------------------------------

keys() {
    exits 3 "$envelope" list -i other.key e.raw
    exits 3 "$envelope" extract -i other.key -o made e.raw '*'
    exits 3 "$envelope" extract -o made e.raw '*'
    [ ! -e made ]
    "$envelope" encrypt --passphrase-file pw -o p.env whole
    exits 0 "$envelope" list --passphrase-file pw p.env >listed
    exits 0 "$envelope" list --passphrase-fd 7 p.env 7<pw >listed
    "$envelope" encrypt -k kek -f -o p.env whole
    exits 0 "$envelope" extract -k kek -o made p.env data/a
    tar -xOf made data/a | cmp - data/a
    rm made
    exits 2 "$envelope" list -i e.raw e.raw
    says_that 'e.raw is in use'
}

labels() {
    "$envelope" encrypt -r ops.pem --label host=db1 -o l.env whole
    exits 0 list --require-label host=db1 l.env >listed
    exits 4 list --require-label host=db2 l.env
    exits 4 extract --require-label host=db2 -o made l.env '*'
    [ ! -e made ]
    new_key sign -algorithm ED25519
    exits 4 list --signed-by sign.pem l.env
    exits 4 extract --signed-by sign.pem -o made l.env '*'
    [ ! -e made ]
    "$envelope" encrypt -r ops.pem --sign sign.key -f -o l.env whole
    exits 0 list --signed-by sign.pem l.env >listed
}

no_files() {
    exits 8 list nowhere
    exits 8 extract -o made nowhere '*'
    exits 1 list .
    exits 4 list whole
    exits 5 list /dev/null
    [ ! -e made ]
}

words() {
    exits 2 "$envelope" extract -i ops.key
    exits 2 "$envelope" extract -i ops.key e.raw
    says_that 'takes a file, and names or patterns'
    exits 2 extract e.raw -o made data/a
    says_that 'options go before the names'
    exits 2 list --salvage e.raw
    exits 2 extract --json e.raw data/a
    exits 0 extract -- e.raw data/a >some
    exits 1 extract -- e.raw -a >some
    says_first 'e.raw: no member matches -a'
}

pipes() {
    for kind in raw tar xbstream; do
        # shellcheck disable=SC2002 # a pipe is the point
        cat e.$kind | exits 1 list
        says_that 'it cannot seek, as pipes and terminals cannot: put it into'
        # shellcheck disable=SC2002
        cat e.$kind | exits 1 extract -o made - '*'
    done
    [ ! -e made ]
}

no_archives() {
    echo text | "$envelope" encrypt -r ops.pem -o text.env
    gzip <whole | "$envelope" encrypt -r ops.pem -o gz.env
    "$envelope" encrypt -r ops.pem -o nothing.env </dev/null
    for file in text.env gz.env nothing.env; do
        exits 4 list $file
        says_first "$file: no tar or xbstream inside: .*" \
            || says_that 'no tar or xbstream inside: '
        exits 4 extract -o made $file '*'
    done
    says_that 'the data is empty'
    exits 4 list gz.env
    says_that 'was compressed with gzip'
    [ ! -e made ]
    # An envelope in an envelope: a tar of its own
    "$envelope" encrypt -r ops.pem --carrier raw -o twice.env e.tar
    exits 0 list twice.env >listed
    head -n 2 listed | tr '\n' ' ' >names
    [ "$(cat names)" = 'envelope/header envelope/key.p7m ' ]
}

# --- output -----------------------------------------------------------------

unmatched() {
    exits 1 extract e.raw data/a nosuch 'x*' >some
    [ "$(grep -c 'e.raw: no member matches ' err)" -eq 2 ]
    hints 'that match another pattern were written'
    [ "$(tar -tf some)" = data/a ]
    exits 1 extract -o made e.raw data/a nosuch
    hints 'nothing was written'
    [ ! -e made ]
    exits 1 extract e.raw nosuch >some
    [ -z "$(tar -tf some)" ]
    exits 1 list e.raw data/b nosuch >listed
    [ "$(cat listed)" = data/b ]
}

to_files() {
    exits 0 extract -o made e.raw data/a
    exits 2 extract -o made e.raw data/b
    says_that 'exists; --force replaces it'
    exits 0 extract -f --no-fsync -o made e.raw data/b
    [ "$(tar -tf made)" = data/b ]
    exits 2 extract -f -o e.raw e.raw data/b
    exits 1 extract -o no/where e.raw data/b
    cp e.raw same
    exits 0 list same >listed
    rm made same
}

full() {
    exits 1 extract -f -o /dev/full e.raw 'data/*'
    says_that '/dev/full: cannot write'
    exits 1 extract e.raw 'data/*' >/dev/full
    says_that 'standard output: cannot write'
    exits 1 list e.raw >/dev/full
    [ "$(wc -l <err)" -eq 1 ]
    exits 1 list --json e.raw >&-
}

closed() {
    status=0
    into_closed extract e.raw 'data/*' || status=$?
    [ $status -eq 141 ] || [ $status -eq 1 ]
}

verbose() {
    exits 0 list -v e.raw data/a >listed
    grep -qE '^envelope: e.raw: 1 members, [0-9]+ of [0-9]+ bytes read$' err
    exits 0 list --json e.raw >listed
    [ "$(wc -l <listed)" -eq 12 ]
    tail -n 1 listed | grep -qE \
        "^\{\"members\":11,\"bytes_read\":[0-9]+,\"bytes\":$(size_of e.raw)\}\$"
}

# --- damage -----------------------------------------------------------------

# The end is looked at first.
cut_short() {
    for kind in raw tar xbstream; do
        size=$(size_of e.$kind)
        for n in 400 1000 3000 20000 100000 500000 $((size - 10000)) \
            $((size - 1)); do
            # Of the zeros after its end a tar may lose some.
            [ $kind$n != tar$((size - 1)) ] || continue
            head -c $n e.$kind >cut
            want=5
            [ $kind$n != tar400 ] || want=4 # no header of a tar
            exits $want list cut >listed
            exits $want extract cut '*' >some
            nothing listed some
            exits $want extract -o made cut '*'
        done
    done
    [ ! -e made ]
}

# A chunk that is not needed may be bad; one that is ends it.
damaged() {
    cp e.raw bad
    flip bad 450000 # within data/d or data/e
    exits 5 extract bad '*' >some
    says_that 'chunk failed authentication: chunk 2[0-9]'
    tar -xOf some data/a 2>/dev/null | cmp - data/a
    [ "$(size_of some)" -lt 460000 ]
    cmp -n "$(size_of some)" some whole
    exits 5 extract -o made bad '*'
    [ ! -e made ]
    for name in a b c f g h i j; do
        exits 0 extract bad data/$name >some
        tar -xOf some | cmp - data/$name
    done
    exits 0 list bad >listed
}

# Any byte of a small one: nothing wrong ever comes out.
flipped() {
    echo hello >data.txt
    tar -b 1 -cf tiny data.txt
    "$envelope" encrypt -r ops.pem --carrier "$1" -f -o t.env tiny
    exits 0 extract t.env data.txt >want
    at=0
    while [ $at -lt "$(size_of t.env)" ]; do
        cp t.env bad
        flip bad $at 64
        status=0
        extract bad data.txt >some 2>err || status=$?
        if [ $status -eq 0 ]; then
            cmp some want
        else
            [ $status -ge 1 ]
            [ $status -le 5 ]
            nothing some
        fi
        at=$((at + $2))
    done
}

# --- cost -------------------------------------------------------------------

bytes_read() { # FILE [PATTERN...]
    extract -v "$@" 2>said >some
    sed -n 's/.* members, \([0-9]*\) of .*/\1/p' said
}

# One member of 64, of a MiB each
cost() {
    head -c 1048576 /dev/urandom >m
    for kind in raw tar xbstream; do
        { for i in $(seq 64); do
            tar --transform="s,.*,m$i," -cf - m | head -c 1049088
        done && head -c 10240 /dev/zero; } \
            | "$envelope" encrypt -r ops.pem --carrier $kind -f -o large
        n=$(bytes_read large m40)
        tar -xOf some m40 | cmp - m
        [ "$n" -lt 5000000 ]
        [ "$(list -v large 2>&1 >/dev/null \
            | sed -n 's/.* members, \([0-9]*\) of .*/\1/p')" -lt 3000000 ]
    done
}

t "keys and passphrases" keys
t "labels and signatures" labels
t "files that are none" no_files
t "words" words
t "pipes" pipes
t "data without members" no_archives
t "patterns that match nothing" unmatched
t "to a file" to_files
t "a full disk" full
t "a reader that goes away" closed
t "what it says of itself" verbose
t "cut short" cut_short
t "damage that matters, and damage that does not" damaged
for kind in raw tar xbstream; do
    t "$kind: flipped bits" flipped $kind 37
done
t "it reads little" cost
