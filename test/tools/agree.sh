#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every way to read a file says the same of it: verify, decrypt, --range,
# --salvage and inspect, where an archive is whole and where more follows it.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 20
provider
need "$PYTHON" tar

size=500000

make_all() {
    new_key ops -algorithm X25519
    steady_text $size >plain
    "$envelope" encrypt -r ops.pem --carrier raw <plain >e.raw
    for kind in tar xbstream; do
        "$envelope" encrypt -r ops.pem --carrier $kind --piece-size 65536 \
            <plain >e.$kind
    done
    tar -cf other.tar plain
}

# carried NAME KIND ORDER [SET...] - the stream in a carrier of that order
carried() {
    carried=$1 kind=$2 order=$3
    shift 3
    "$PYTHON" "$srcdir/test/interop/carrier.py" split "$kind" \
        --piece-size 65536 --order "$order" "$@" e.raw >"$carried"
}

# part OFFSET LENGTH - of the plaintext, by --range from ./file
part() {
    "$envelope" decrypt -i ops.key --range "$1:$2" file
}

# All take ./file, and tell the same length.
all_accept() {
    "$envelope" verify -i ops.key file | grep -qx "file: verified, $size bytes"
    "$envelope" decrypt -i ops.key file | cmp - plain
    part 0 $size | cmp - plain
    part 70000 10 >got
    tail -c +70001 plain | head -c 10 | cmp - got
    "$envelope" decrypt -i ops.key --salvage file 2>err | cmp - plain
    [ ! -s err ]
    "$envelope" inspect --json file >said
    "$PYTHON" -c 'import json, sys
o = json.load(sys.stdin)
assert o["status"] == "ok" and o["length_fits"] is True, o
assert o["plaintext_size"] == '$size', o' <said
}

# All refuse ./file, but that --salvage writes what is intact, and says so.
all_refuse() {
    rm -f made
    for command in "verify -i ops.key" "decrypt -i ops.key -o made" \
        "decrypt -i ops.key --range 0:10 -o made" \
        "decrypt -i ops.key --range 70000:10 -o made" inspect; do
        # shellcheck disable=SC2086 # words
        exits 5 "$envelope" $command file
        [ ! -e made ]
    done
    exits 0 "$envelope" decrypt -i ops.key --salvage -o made file
    cmp plain made
    grep -q 'the end is intact; the archive around it is damaged or cut' err
}

whole() { # KIND
    cp "e.$1" file
    all_accept
}

whole_of() { # KIND ORDER [SET...]
    carried file "$@"
    all_accept
}

# followed_by KIND FILE - the archive, and that
followed_by() {
    cat "e.$1" "$2" >file
    all_refuse
}

t 'keys and files' make_all
for kind in tar xbstream; do
    t "$kind: as it was written" whole $kind
done
t 'tar: directories and a leading ./' whole_of tar \
    dir:./,dir:./envelope/,header,key,pieces,end --dot
t 'tar: zeros after it' whole_of tar header,key,pieces,end,zeros:16000000
t 'tar: no padding of the last record' whole_of tar \
    header,key,pieces,zeros:1024
t 'xbstream: a leading ./' whole_of xbstream \
    header,header.E,key,key.E,pieces,payload.E --dot
t 'xbstream: for xbcloud' whole_of xbstream \
    header,header.E,key,key.E,pieces,payload.E,xbcloud
t 'xbstream: zeros after it' whole_of xbstream \
    header,header.E,key,key.E,pieces,payload.E,zeros:16000000

printf x >one
head -c 600 /dev/zero | tr '\0' x >block
head -c 17000000 /dev/zero >zeros
for kind in tar xbstream; do
    t "$kind: the same once more" followed_by $kind e.$kind
    t "$kind: one byte" followed_by $kind one
    t "$kind: a block" followed_by $kind block
    t "$kind: another archive" followed_by $kind other.tar
    t "$kind: too many zeros" followed_by $kind zeros
done

# The payload's own end is there, and that of another file is not.
foreign_member() {
    carried file xbstream \
        header,header.E,key,key.E,pieces,payload.E,file:other=abc
    all_refuse
}
t 'xbstream: another file' foreign_member
