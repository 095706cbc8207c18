#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A saved header: what envelope header save makes, and what the other commands
# make of that.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 15
. "$srcdir/test/tools/rewrap_support.sh"
set_up make_files

header() {
    "$envelope" header "$@"
}

# want FILE - the header and the 56 bytes after it, to ./want
want() {
    carrier join "$1" >joined
    head -c $(($(header_length joined) + 56)) joined >want
}

saves() { # KIND
    want "a.$1"
    header save "a.$1" | cmp want -
    header save "a.$1" -o "$1.header"
    cmp want "$1.header"
    # The first bytes are enough, and so is a pipe.
    head -c 9000 "a.$1" | header save - | cmp want -
    header save <"a.$1" - | cmp want -
    header save "$1.header" | cmp want -
}

output() {
    want a.raw
    rm -f H
    header save -o H a.raw
    exits 2 header save -o H tight.raw
    cmp want H
    header save -f -o H tight.raw
    want tight.raw
    cmp want H
    # Nobody loses a backup to its header.
    cp a.raw f
    for name in f ./f; do
        exits 2 header save -f -o $name f
        exits 2 sh -c '"$0" header save -f -o "$1" - <f' "$envelope" $name
        cmp f a.raw
    done
    exits 1 sh -c '"$0" header save a.raw >/dev/full' "$envelope"
    says_that "$(reason WRITE): No space left on device"
}

with_a_key() {
    want a.raw
    header save -i old.key a.raw | cmp want -
    rm -f H
    exits 3 header save -i new.key -o H a.raw
    [ ! -e H ]
    exits 4 header save -i old.key --require-label who=dev -o H a.raw
    [ ! -e H ]
    header save -i old.key --require-label who=ops a.raw | cmp want -
    exits 3 header save --require-label who=ops -o H a.raw # with no key
    [ ! -e H ]
    # One byte of the commitment
    cp a.raw f
    flip f $(($(header_length f) + 55))
    exits 5 header save -i old.key -o H f
    says_that "$(reason COMMITMENT)"
    [ ! -e H ]
}

# What is no header, or only a part of one, is not saved.
refuses() {
    length=$(header_length a.raw)
    for size in 0 1 31 32 200 "$length" $((length + 55)); do
        head -c "$size" a.raw >f
        exits 5 header save -o H f
        [ ! -e H ]
    done
    exits 4 header save -o H plain
    exits 8 header save -o H nowhere
    exits 1 header save -o H .
    # The magic, the lengths, the labels, the message, the padding
    for at in 3 13 18 22 34 60 $((length - 1)); do
        cp a.raw f
        flip f "$at" 64
        case $at in
        3) exits 4 header save -o H f ;;
        *) exits 5 header save -o H f ;;
        esac
        [ ! -e H ]
    done
    cp a.raw f
    : >f.envelope-rewrap
    exits 1 header save -o H f
    says_that 'envelope rewrap --recover'
    rm f.envelope-rewrap
    [ ! -e H ]
}

usage() {
    exits 2 header
    exits 2 header a.raw
    exits 2 header keep a.raw
    exits 2 header save
    exits 2 header save a.raw a.tar
    exits 2 header save a.raw a.tar a.xbstream
    exits 2 header save --no-key a.raw
    exits 2 header restore a.raw
    exits 2 header restore -o H a.raw a.raw
    exits 2 header restore --no-key -i old.key a.raw a.raw
    exits 2 header restore --no-key --require-label who=ops a.raw a.raw
}

inspects() {
    header save a.tar >H
    "$envelope" inspect H >out
    grep -qx 'note: *this is a saved header: there is no data in it' out
    grep -qx 'label: *who=ops' out
    grep -q "$(hex_id old)" out
    ! grep -q '^plaintext size' out || false
    "$envelope" inspect --json H >out
    "$PYTHON" -c 'import json
x = json.load(open("out"))
assert x["status"] == "saved-header" and "error" not in x, x
assert x["plaintext_size"] is None and x["length_fits"] is None, x
assert x["carrier"] == "raw" and x["labels"] == {"who": "ops"}, x'
    # One byte more or less is no saved header.
    printf x >>H
    exits 5 "$envelope" inspect H >out
    head -c $(($(header_length H) + 55)) H >short
    exits 5 "$envelope" inspect short >out
}

verifies() {
    header save a.xbstream >H
    "$envelope" verify --header -i old.key H >out
    grep -qx 'H: the key opens it' out
    exits 3 "$envelope" verify --header -i new.key H
    flip H $(($(header_length H) + 30))
    exits 5 "$envelope" verify --header -i old.key H
}

# There is nothing to decrypt, and what it is is said.
no_data() {
    header save a.raw >H
    rm -f out
    for command in 'decrypt -o out' 'decrypt --range 0:5 -o out' verify \
        'verify --keep-going'; do
        # shellcheck disable=SC2086 # words
        exits 5 "$envelope" $command -i old.key H
        says_that "$(reason TRUNCATED)"
        case $command in
        *keep-going) ;;
        *) says_that '^hint: this is a saved header' ;;
        esac
        [ ! -e out ]
    done
    exits 5 sh -c '"$0" -d -i old.key <H' "$envelope" >out
    nothing out
    says_that '^hint: this is a saved header'
    # An envelope that was cut is none.
    head -c 20000 a.raw >f
    exits 5 "$envelope" verify -i old.key f
    ! says_that 'saved header' || false
}

rewraps() {
    header save a.tar >H
    cp H before
    rewrap -i old.key -r new.pem H >told
    tells 'H: rewrapped for 1 recipient'
    [ "$(size_of H)" -eq "$(size_of before)" ]
    tail -c 56 before >want
    tail -c 56 H | cmp want -
    "$envelope" verify --header -i new.key H
    exits 3 "$envelope" verify --header -i old.key H
    # Into a new file, with more room
    rm -f made
    rewrap -i new.key --add -r third.pem --reserve 5000 -o made H
    tail -c 56 made | cmp want -
    "$envelope" verify --header -i third.key made
    "$envelope" inspect made | grep -q 'room for rewrap: 5000 bytes'
    # It is recovered as others are.
    cp before f
    exits 3 rewrap -i third.key -r new.pem f
    cmp before f
}

# Of an archive, and of a stream that is cut there, nothing is made.
not_cut() {
    carrier join a.tar >joined
    head -c $(($(header_length joined) + 72)) joined >short
    for size in 56 71; do
        head -c $(($(header_length joined) + size)) joined >short
        carrier split tar --piece-size 65536 short >f
        exits 5 rewrap -i old.key -r new.pem -o never f
        [ ! -e never ]
    done
    exits 5 rewrap -i old.key -r new.pem -o never short
    [ ! -e never ]
}

for kind in raw tar xbstream; do
    t "$kind: saved" saves $kind
done
t 'where it goes' output
t 'a key that opens it' with_a_key
t 'what is not saved' refuses
t 'what does not go together' usage
t 'inspect says what it is' inspects
t 'verify --header' verifies
t 'it has no data' no_data
t 'rewrap' rewraps
t 'what is cut short is no saved header' not_cut

fifo() {
    mkfifo pipe
    header save a.tar >H
    cat H >pipe &
    header save pipe | cmp H -
    wait $!
}

interrupted_elsewhere() {
    mkdir -p other
    cp a.raw other/f
    ln -sf other/f link
    : >other/f.envelope-rewrap
    exits 1 header save -o never link
    says_that 'envelope rewrap --recover'
    [ ! -e never ]
}

# A rewrap that was killed is finished by the same option.
recovers() {
    header save a.raw >H
    : >H.envelope-rewrap
    rewrap --recover H >told
    tells 'H: a rewrap was interrupted before it changed anything'
}

t 'from a FIFO' fifo
t 'a rewrap was interrupted, behind a link' interrupted_elsewhere
t 'a rewrap of it that was interrupted' recovers
