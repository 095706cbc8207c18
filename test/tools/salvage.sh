#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# envelope verify and envelope decrypt --salvage: what is damaged is found and
# named, all else is written, and nothing that was not verified is.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 72
provider
need "$PYTHON" timeout

size=500000 # chunks 0 to 30, the last one of 8480 bytes

verify() { # STATUS FILE [ARGUMENT...] - prints to ./said
    verify_status=$1
    shift
    exits "$verify_status" "$envelope" verify -i ops.key "$@" >said
    cat said
}

salvage() { # STATUS FILE [ARGUMENT...] - to ./out
    salvage_status=$1
    shift
    rm -f out
    exits "$salvage_status" "$envelope" decrypt -i ops.key --salvage -o out "$@"
}

says() { # TEXT - in ./said
    grep -qF -- "$1" said
}

make_all() {
    new_key ops -algorithm X25519
    new_key other -algorithm X25519
    steady_text $size >plain
    for kind in raw tar xbstream; do
        "$envelope" encrypt -r ops.pem --carrier $kind --piece-size 65536 \
            <plain >good.$kind
    done
}

# damage.py FILE WHAT... - where things are, and a bit of each turned over:
#   chunk:N[:BYTE]   sealed chunk N of the payload
#   payload:N        byte N of the payload
#   lead:N:BYTE      of what stands before piece N
#   zero:N:COUNT     chunks that become zero bytes
#   false:N:NUMBER   what stands before piece NUMBER of a tar, or before the
#                    data at that place of an xbstream, at byte N of the payload
# cut:N prints where chunk N begins, end where the last piece ends.
cat >damage.py <<'PYTHON'
import struct
import sys

path = sys.argv[1]
data = bytearray(open(path, "rb").read())
pieces = []  # where the lead is, where the data is, its length


def xbstream():
    at = 0
    while data[at:at + 8] == b"XBSTCK01":
        lead, n = at, struct.unpack_from("<I", data, at + 10)[0]
        name, at = data[at + 14:at + 14 + n], at + 14 + n
        if data[lead + 9:lead + 10] == b"P":
            length, at = struct.unpack_from("<Q", data, at)[0], at + 20
            if name == b"envelope/payload":
                pieces.append((lead, at, length))
            at += length


def tar():
    at = 0
    while data[at] != 0:
        length = int(data[at + 124:at + 135], 8)
        if b"payload" in data[at:at + 100]:
            pieces.append((at, at + 512, length))
        at += 512 + (length + 511) // 512 * 512


if data[:4] == b"XBST":
    xbstream()
elif data[:1] == b"\x89":
    header = struct.unpack_from(">I", data, 20)[0]
    pieces.append((header, header, len(data) - header))
else:
    tar()


def place(byte):
    for _, at, length in pieces:
        if byte < length:
            return at + byte
        byte -= length
    raise IndexError


def false_lead(number):
    lead, at, _ = pieces[1]
    block = bytearray(data[lead:at])
    if block[:4] == b"XBST":
        block[-12:-4] = struct.pack("<Q", number)
    else:
        block[:100] = (b"envelope/payload.%08d" % number).ljust(100, b"\0")
        block[148:156] = b" " * 8
        block[148:155] = b"%06o\0" % sum(block)
    return block


for word in sys.argv[2:]:
    what, *numbers = word.split(":")
    n = [int(number) for number in numbers] + [0]
    if what == "chunk":
        data[place(56 + n[0] * 16400 + n[1])] ^= 1
    elif what == "payload":
        data[place(n[0])] ^= 1
    elif what == "lead":
        data[pieces[n[0]][0] + n[1]] ^= 1
    elif what == "zero":
        for byte in range(56 + n[0] * 16400, 56 + (n[0] + n[1]) * 16400):
            data[place(byte)] = 0
    elif what == "false":
        at, block = place(n[0]), false_lead(n[1])
        data[at:at + len(block)] = block
    elif what == "cut":
        print(place(56 + n[0] * 16400))
    elif what == "end":
        print(pieces[-1][1] + pieces[-1][2])
open(path, "wb").write(data)
PYTHON

damage() { # KIND WHAT... - makes ./bad
    cp "good.$1" bad
    damage_kind=$1
    shift
    "$PYTHON" damage.py bad "$@"
    ! cmp -s bad "good.$damage_kind"
}

# holes.py CHUNK... - what --keep-going and --salvage must make of these:
# ./want.list, ./want.zero, ./want.skip
cat >holes.py <<'PYTHON'
import sys

data = open("plain", "rb").read()
bad = sorted({int(chunk) for chunk in sys.argv[1:]})
chunks = len(data) // 16384 + 1
zero, skip, lines = bytearray(data), bytearray(), []
for chunk in range(chunks):
    start, end = chunk * 16384, min((chunk + 1) * 16384, len(data))
    if chunk in bad:
        zero[start:end] = bytes(end - start)
    else:
        skip += data[start:end]
while bad:
    first = last = bad.pop(0)
    while bad and bad[0] == last + 1:
        last = bad.pop(0)
    start, end = first * 16384, min((last + 1) * 16384, len(data))
    name = f"chunk {first}" if first == last else f"chunks {first} to {last}"
    lines.append(f"bad: {name} damaged: bytes {start} to {end - 1} "
                 f"({end - start})\n")
open("want.list", "w").writelines(lines)
open("want.zero", "wb").write(zero)
open("want.skip", "wb").write(skip)
PYTHON

# Exactly these chunks are bad: all of it says so.
finds() { # CHUNK...
    "$PYTHON" holes.py "$@"
    verify 5 --keep-going bad
    grep 'damaged: bytes' said | cmp want.list -
    salvage 6 bad
    cmp want.zero out
    sed -n 's/ damaged, now zeros:/ damaged:/p' err \
        | sed 's/^envelope: //' | cmp want.list -
    salvage 6 bad --salvage=skip
    cmp want.skip out
}

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
    head -c "$("$PYTHON" damage.py bad cut:0)" bad >short
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

t 'keys and envelopes can be made' make_all
for kind in raw tar xbstream; do
    t "$kind: a whole file" whole $kind
    t "$kind: texts of all lengths" lengths $kind
    t "$kind: the header alone" header_only $kind
    t "$kind: a wrong key" wrong_key $kind
done

# --- damaged chunks -------------------------------------------------------

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
    "$PYTHON" holes.py 0 1 2 3 4 5 6 7 8 9 10 11 13 14 15 16 17 18 19 20 21 \
        22 23 24 25 26 27 28 29 30
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
    "$PYTHON" - "good.$1" <<'PYTHON'
import subprocess
import sys


def place(chunk):
    return int(subprocess.check_output(
        [sys.executable, "damage.py", "copy", f"cut:{chunk}"]))


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
    flip bad "$("$PYTHON" damage.py bad cut:0 | {
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

# --- damaged frames -------------------------------------------------------

# No chunk is bad, and all of the text comes out.
frames_only() {
    verify 5 bad
    # A frame with a wrong length gives the wrong bytes for a chunk.
    grep -Eq "$(reason CARRIER)|$(reason CARRIER_MEMBER)|$(reason \
        CARRIER_TRUNCATED)|$(reason CHUNK)" err
    grep -q 'text is good up to byte' err || [ "${1-}" = first ]
    verify 5 --keep-going bad
    ! grep 'damaged: bytes' said || false
    says '100.00 % intact: 31 of 31 chunks, 500000 bytes'
    salvage 0 bad
    cmp plain out
}

frame() { # KIND PIECE BYTE...
    frame_kind=$1 frame_piece=$2
    shift 2
    for byte in "$@"; do
        damage "$frame_kind" "lead:$frame_piece:$byte"
        frames_only first
    done
}

all_frames() { # KIND BYTE
    damage "$1" lead:1:"$2" lead:2:"$2" lead:3:"$2" lead:4:"$2" lead:5:"$2" \
        lead:6:"$2" lead:7:"$2"
    frames_only
}

first_frames() { # KIND BYTE
    damage "$1" lead:0:"$2" lead:1:"$2" lead:2:"$2"
    frames_only first
}

frames_and_chunks() { # KIND BYTE
    damage "$1" lead:0:"$2" lead:3:"$2" lead:7:"$2" chunk:5 chunk:12 chunk:30
    # Where the last piece ends is not known, nor then how long the last
    # chunk was.
    "$PYTHON" holes.py 5 12 30
    salvage 6 bad
    cmp -n 491520 want.zero out
    grep -q 'chunk 5 damaged' err
    grep -q 'chunk 12 damaged' err
    grep -q 'end is missing' err
}

# One piece only, and its frame is bad.
only_frame() { # KIND BYTE
    "$envelope" encrypt -r ops.pem --carrier "$1" <plain >made
    cp made bad
    "$PYTHON" damage.py bad "lead:0:$2"
    salvage 0 bad
    cmp plain out
}

two_frames() { # KIND BYTE
    head -c 100000 plain >in
    for n in 0 1; do
        "$envelope" encrypt -r ops.pem --carrier "$1" --piece-size 65536 \
            <in >bad
        "$PYTHON" damage.py bad "lead:$n:$2"
        salvage 0 bad
        cmp in out
    done
}

# The first frame is bad, and one that is none stands in chunk 1: it does not
# say how long pieces are, since none of that length ends there.
false_frame() { # KIND BYTE BYTE-OF-PAYLOAD NUMBER...
    false_kind=$1 false_byte=$2 false_at=$3
    shift 3
    for number in "$@"; do
        damage "$false_kind" "false:$false_at:$number" "lead:0:$false_byte"
        finds 1
    done
}

# tar: name, size, checksum; xbstream: magic, path, length, offset, CRC
for piece in 0 1 4 7; do
    t "tar: the frame of piece $piece" frame tar $piece 3 20 130 150 257
    t "xbstream: the frame of piece $piece" \
        frame xbstream $piece 0 9 10 20 31 32 38 39 47
done
# 20480 bytes from the first frame, where 0, 3 and 40 pieces cannot end; 30001
# bytes, where there is no whole number of frames of 50 bytes before, and 30000,
# where there is nothing else before.
t 'tar: a false frame' false_frame tar 130 19968 0 3 40
t 'xbstream: a false frame' false_frame xbstream 20 29951 10000
t 'xbstream: a false frame of no piece' false_frame xbstream 20 29950 0
t 'tar: all frames but the first' all_frames tar 130
t 'xbstream: all frames but the first' all_frames xbstream 20
t 'tar: the first frames' first_frames tar 130
t 'xbstream: the first frames' first_frames xbstream 20
t 'tar: frames and chunks' frames_and_chunks tar 130
t 'xbstream: frames and chunks' frames_and_chunks xbstream 20
t 'tar: the only frame' only_frame tar 130
t 'xbstream: the only frame' only_frame xbstream 20
t 'tar: one of two frames' two_frames tar 130
t 'xbstream: one of two frames' two_frames xbstream 20

# --- ends -----------------------------------------------------------------

# cut_at FILE BYTE - what there is comes out, as far as it is whole chunks
cut_at() {
    head -c "$2" "$1" >bad
    exits 5 "$envelope" verify -i ops.key bad >said
    exits 5 "$envelope" verify -i ops.key --keep-going bad >said
    grep -q 'the end is missing or damaged' said
    salvage 6 bad --salvage=skip
    grep -q 'the end is missing or damaged' err
    cmp -n "$(size_of out)" plain out
    [ $(($(size_of out) % 16384)) -eq 0 ]
    skipped=$(size_of out)
    salvage 6 bad
    cmp -n "$skipped" plain out
    tail -c +$((skipped + 1)) out | tr -d '\000' | cmp - /dev/null
    [ "$(size_of out)" -lt $((skipped + 16384)) ]
}

cut_anywhere() { # KIND
    for chunk in 1 2 17 30; do
        begin=$("$PYTHON" damage.py "good.$1" cut:$chunk)
        for more in 0 1 15 16 17 3000; do
            cut_at "good.$1" $((begin + more))
            [ "$skipped" -eq $((chunk * 16384)) ]
        done
    done
}

# Nothing after the commitment, or not even that.
cut_early() { # KIND
    begin=$("$PYTHON" damage.py "good.$1" cut:0)
    rm -f made
    for less in 0 1 60; do
        head -c $((begin - less)) "good.$1" >bad
        exits 5 "$envelope" decrypt -i ops.key --salvage -o made bad
        [ ! -e made ]
    done
}

# The end of the archive, and not of the stream, is cut off.
no_end_mark() { # KIND
    head -c $(($("$PYTHON" damage.py "good.$1" end) + 10)) "good.$1" >bad
    exits 5 "$envelope" verify -i ops.key bad
    grep -qF "$(reason CARRIER_TRUNCATED)" err
    salvage 0 bad
    cmp plain out
    grep -q 'the end is intact; the archive around it is damaged or cut' err
}

appended() { # LENGTH-OF-TEXT LENGTH-OF-MORE
    head -c "$1" plain >in
    "$envelope" encrypt -r ops.pem --carrier raw <in >bad
    head -c "$2" good.tar >>bad
    exits 5 "$envelope" verify -i ops.key bad
    grep -qF "$(reason TRAILING_DATA)" err
    salvage 0 bad
    cmp in out
    grep -q "the end is intact; $2 bytes of something else follow it" err
    # The same after a damaged chunk, which the cipher looks into first.
    [ "$1" -ge 65536 ] || return 0
    "$PYTHON" damage.py bad chunk:1
    salvage 6 bad --salvage=skip
    { head -c 16384 in && tail -c +32769 in; } | cmp - out
    grep -q "the end is intact; $2 bytes of something else follow it" err
}

appended_all() {
    for length in 0 1 16383 16384 65536 100000; do
        for more in 1 16 20000 50000; do
            appended $length $more
        done
    done
}

for kind in raw tar xbstream; do
    t "$kind: cut anywhere" cut_anywhere $kind
    t "$kind: cut before there is anything" cut_early $kind
done
t 'tar: without its end' no_end_mark tar
t 'xbstream: without its end' no_end_mark xbstream
t 'data after the end' appended_all

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

# Where the carrier has an end of its own, it is known.
cut_or_damaged() {
    damage tar chunk:30
    exits 5 "$envelope" verify -i ops.key bad
    grep -q "$(reason LAST_CHUNK): .*the archive around it is not cut" err
    damage raw chunk:30
    exits 5 "$envelope" verify -i ops.key bad
    grep -q "$(reason LAST_CHUNK): " err
    ! grep -q 'not cut' err || false
    for kind in raw tar xbstream; do
        head -c 400000 good.$kind >bad
        exits 5 "$envelope" verify -i ops.key bad
        ! grep -q 'not cut' err || false
    done
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
    "$PYTHON" holes.py 3
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
    "$PYTHON" holes.py "$@" # none
    tar -xOf bad >joined
    salvage 0 joined
    cmp plain out
}

# 1000 chunks are bad: that one of them is the end is not looked for in each.
large_hole() {
    head -c 20000000 /dev/zero | tr '\000' x >in
    "$envelope" encrypt -r ops.pem --carrier raw <in >bad
    "$PYTHON" damage.py bad zero:100:1000
    salvage 6 bad --salvage=skip
    [ "$(size_of out)" -eq 3616000 ]
    [ "$(wc -l <err)" -eq 2 ]
    cmp -n 3616000 in out
    rm in bad
}

t 'several files' several
t 'cut short, or damaged at the end' cut_or_damaged
t 'pipes and standard input' from_pipe
t 'a full disk' full
t 'an archive that was packed again' repacked
t 'a large hole' large_hole
