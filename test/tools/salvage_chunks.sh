#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Where chunks are damaged, envelope verify names each of them, and --salvage
# writes all others.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 24
. "$srcdir/test/tools/salvage_support.sh"
set_up make_all

one_chunk() { # KIND
    damage "$1" chunk:7:100
    verify 5 bad
    nothing said
    grep -Eq 'byte 114688|byte 65536, chunk 4$' err
    for at in 0 16383 16384 16399; do
        damage "$1" chunk:7:$at
        finds 7
    done
}

some_chunks() { # KIND
    damage "$1" chunk:0 chunk:1:16399 chunk:2 chunk:9:77 chunk:16 chunk:29
    finds 0 1 2 9 16 29
}

all_but_one() { # KIND
    damage "$1" zero:0:12 zero:13:17 chunk:30
    holes 0 1 2 3 4 5 6 7 8 9 10 11 13 14 15 16 17 18 19 20 21 22 23 24 25 26 \
        27 28 29 30
    salvage 6 bad
    cmp want.zero out
    salvage 6 bad --salvage=skip
    cmp want.skip out
}

# Seeded: flips anywhere in the payload.
at_random() { # KIND
    "$PYTHON" -c 'import random
random.seed(11)
for i in range(6):
    count = random.choice([1, 4, 12])
    print(*(random.randrange(30 * 16400) for i in range(count)))' \
        >places
    while read -r line; do
        set -- "$1"
        chunks=
        for at in $line; do
            set -- "$@" "payload:$((56 + at))"
            chunks="$chunks $((at / 16400))"
        done
        damage "$@"
        # shellcheck disable=SC2086 # words
        finds $chunks
    done <places
}

last_chunk() { # KIND
    damage "$1" chunk:30
    finds 30
    # An archive has an end of its own.
    if [ "$1" = raw ]; then
        says 'the end is missing or damaged'
        grep -q 'after byte 500000 is not known' said
    else
        says 'the last chunk is damaged; the archive around it is not cut short'
        ! grep -q 'not known' said || false
    fi
}

none_left() { # KIND
    rm -f made
    damage "$1" zero:0:30 chunk:30
    exits 5 "$envelope" decrypt -i ops.key --salvage -o made bad
    [ ! -e made ]
    if [ "$1" = raw ]; then
        grep -q ': 0 chunks intact, 0 bytes, of at least 3[01] chunks: how' err
    else
        grep -q ': 0.00 % intact: 0 of 31 chunks, 0 bytes' err
    fi
}

swapped() { # KIND - chunks of the same stream in each other's places
    "$PYTHON" - "good.$1" "$damage_py" <<'PYTHON'
import subprocess
import sys


def place(chunk):
    return int(subprocess.check_output(
        [sys.executable, sys.argv[2], "copy", f"cut:{chunk}"]))


data = bytearray(open(sys.argv[1], "rb").read())
open("copy", "wb").write(data)
a, b = place(1), place(9)
data[a:a + 16400], data[b:b + 16400] = data[b:b + 16400], data[a:a + 16400]
open("bad", "wb").write(data)
PYTHON
    finds 1 9
}

no_header() { # KIND
    rm -f made
    cp "good.$1" bad
    flip bad "$("$PYTHON" "$damage_py" bad cut:0 | {
        read -r n
        echo $((n - 20))
    })"
    for arguments in 'decrypt --salvage -o made' 'verify' \
        'verify --keep-going' 'verify --header'; do
        # shellcheck disable=SC2086 # words
        exits 5 "$envelope" $arguments -i ops.key bad
        grep -q "$(reason COMMITMENT)" err
        [ "$(grep -c "$(reason COMMITMENT)" err)" -eq 1 ]
        [ ! -e made ]
    done
}

# 1000 chunks are bad: that one of them is the end is not looked for in each.
large_hole() {
    head -c 20000000 /dev/zero | tr '\000' x >in
    "$envelope" encrypt -r ops.pem --carrier raw <in >bad
    "$PYTHON" "$damage_py" bad zero:100:1000
    salvage 6 bad --salvage=skip
    [ "$(size_of out)" -eq 3616000 ]
    [ "$(wc -l <err)" -eq 2 ]
    cmp -n 3616000 in out
    rm in bad
}

for kind in raw tar xbstream; do
    t "$kind: one chunk" one_chunk $kind
    t "$kind: some chunks" some_chunks $kind
    t "$kind: all chunks but one" all_but_one $kind
    t "$kind: bits at random" at_random $kind
    t "$kind: the last chunk" last_chunk $kind
    t "$kind: no chunk is left" none_left $kind
    [ $kind = xbstream ] || t "$kind: chunks that were moved" swapped $kind
    t "$kind: the commitment" no_header $kind
done
t 'a large hole' large_hole
