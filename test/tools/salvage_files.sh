#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What envelope verify and --salvage say of whole files, of several, and of those
# that cannot be read or written.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 17
. "$srcdir/test/tools/salvage_support.sh"

# --- whole files ----------------------------------------------------------

whole() { # KIND
    verify 0 "good.$1"
    echo "good.$1: verified, $size bytes" | cmp - said
    nothing err
    verify 0 --keep-going "good.$1"
    echo "good.$1: verified, $size bytes" | cmp - said
    salvage 0 "good.$1"
    cmp plain out
    nothing err
    salvage 0 "good.$1" --salvage=skip
    cmp plain out
    exits 0 "$envelope" verify -i ops.key <"good.$1" >said
    grep -q "verified, $size bytes" said
    # shellcheck disable=SC2002 # a pipe is the point
    cat "good.$1" | exits 0 "$envelope" verify -i ops.key >said
    grep -q "verified, $size bytes" said
}

lengths() { # KIND
    for length in 0 1 16383 16384 65536 65400; do
        head -c $length plain >in
        "$envelope" encrypt -r ops.pem --carrier "$1" --piece-size 65536 \
            <in >made
        verify 0 made
        salvage 0 made
        cmp in out
    done
}

header_only() { # KIND
    verify 0 --header "good.$1"
    echo "good.$1: the key opens it" | cmp - said
    damage "$1" zero:0:30
    verify 0 --header bad
    # shellcheck disable=SC2002 # a pipe is the point
    cat bad | exits 0 "$envelope" verify --header -i ops.key
    exits 3 "$envelope" verify --header -i other.key bad
    head -c "$("$PYTHON" "$damage_py" bad cut:0)" bad >short
    verify 0 --header short
    damage "$1" payload:40
    verify 5 --header bad
}

wrong_key() { # KIND
    exits 3 "$envelope" verify -i other.key "good.$1" >said
    nothing said
    exits 3 "$envelope" verify -i other.key --keep-going "good.$1" >said
    nothing said
    exits 3 "$envelope" decrypt -i other.key --salvage -o out "good.$1"
    [ ! -e out ]
}

# --- inputs and outputs ---------------------------------------------------

several() {
    cp good.raw one
    damage raw chunk:3
    exits 5 "$envelope" verify -i ops.key one bad nowhere plain good.tar >said
    printf '%s\n' 'one: verified, 500000 bytes' \
        'good.tar: verified, 500000 bytes' | cmp - said
    grep -q '^envelope: bad: .*chunk 3 ' err
    grep -q '^envelope: nowhere: .*No such file' err
    grep -q '^envelope: plain: ' err
    exits 5 "$envelope" verify -q -i ops.key one bad good.tar >said
    nothing said
    grep -q '^envelope: bad: .*chunk 3 ' err
    exits 0 "$envelope" verify -q --header -i ops.key one >said
    nothing said
    exits 8 "$envelope" verify -i ops.key one nowhere >said
    exits 1 "$envelope" verify -i ops.key nowhere . >said
    exits 8 "$envelope" decrypt -i ops.key --salvage nowhere -o out
    exits 4 "$envelope" verify -i ops.key plain one >said
    exits 1 "$envelope" verify -i ops.key . >said
}

from_pipe() {
    damage tar chunk:3
    # shellcheck disable=SC2002 # a pipe is the point
    for file in bad good.tar; do
        cat $file | exits 1 "$envelope" decrypt -i ops.key --salvage -o out
        grep -q 'cannot seek' err
        [ ! -e out ]
    done
    # shellcheck disable=SC2002
    cat bad | exits 5 "$envelope" verify -i ops.key --keep-going
    grep -q 'chunk 3 ' err
    grep -q '^hint: .*cannot seek' err
    exits 5 "$envelope" verify -i ops.key --keep-going <bad >said
    grep -q '^standard input: chunk 3 damaged' said
    exits 6 "$envelope" decrypt -i ops.key --salvage <bad >out
    holes 3
    cmp want.zero out
}

full() {
    damage raw chunk:3
    exits 1 "$envelope" decrypt -i ops.key --salvage bad >/dev/full
    grep -qF "$(reason WRITE)" err
    exits 1 "$envelope" verify -i ops.key good.raw >/dev/full
}

repacked() {
    mkdir -p m
    tar -xf good.tar -C m
    (cd m && tar --format=posix -cf ../bad envelope/header \
        envelope/key.p7m envelope/payload.*)
    verify 0 bad
    salvage 6 bad
    grep -q '^hint: .*packed again' err
    holes "$@" # none
    tar -xOf bad >joined
    salvage 0 joined
    cmp plain out
}

t 'keys and envelopes can be made' make_all
for kind in raw tar xbstream; do
    t "$kind: a whole file" whole $kind
    t "$kind: texts of all lengths" lengths $kind
    t "$kind: the header alone" header_only $kind
    t "$kind: a wrong key" wrong_key $kind
done
t 'several files' several
t 'pipes and standard input' from_pipe
t 'a full disk' full
t 'an archive that was packed again' repacked
