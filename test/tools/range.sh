#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# envelope decrypt --range: any part of the text is what it is in the whole,
# little is read for it, and what cannot be had is an error.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 39
provider
need "$PYTHON" timeout

size=500000

range() { # RANGE FILE [ARGUMENT...]
    range_of=$1 range_in=$2
    shift 2
    timeout 60 "$envelope" decrypt -i ops.key --range "$range_of" "$@" \
        "$range_in"
}

# part OFFSET LENGTH FILE - the text from this offset on
part() {
    tail -c +$(($1 + 1)) "$3" | head -c "$2"
}

# same OFFSET LENGTH FILE - the range of the envelope, and of the text
same() {
    part "$1" "$2" plain >want
    range "$1:$2" "$3" >got
    cmp want got
}

make_all() {
    new_key ops -algorithm X25519
    new_key other -algorithm X25519
    steady_text $size >plain
    for kind in raw tar xbstream; do
        "$envelope" encrypt -r ops.pem --carrier $kind --piece-size 65536 \
            <plain >e.$kind
    done
}

# Seeded, so that a failure comes again.
at_random() { # KIND
    "$PYTHON" -c 'import random
random.seed(7)
for i in range(30):
    offset = random.randrange('$size')
    print(offset, random.choice([1, 16, 1000, 16384, 70000, 200000]))' \
        | while read -r offset length; do
            same "$offset" "$length" "e.$1"
        done
}

# Chunks have 16384 bytes, pieces 65536 of the payload.
at_edges() { # KIND
    for offset in 0 1 16383 16384 16385 65399 65400 65480 65536 131072; do
        for length in 1 16384 16385 65536 150000; do
            same $offset $length "e.$1"
        done
    done
}

at_the_end() { # KIND
    range 0:0 "e.$1" | cmp - /dev/null
    range $size:0 "e.$1" | cmp - /dev/null
    range $size: "e.$1" | cmp - /dev/null
    range $size:10 "e.$1" | cmp - /dev/null
    range 0: "e.$1" | cmp - plain
    range 0:9T "e.$1" | cmp - plain
    range $((size - 1)):100 "e.$1" >got
    part $((size - 1)) 1 plain | cmp - got
    range 300000: "e.$1" >got
    tail -c +300001 plain | cmp - got
    range 100K:3K "e.$1" >got
    part 102400 3072 plain | cmp - got
}

beyond() { # KIND
    for offset in $((size + 1)) 1G 8191P; do
        [ $offset != 8191P ] || offset=9223372036854775807
        exits 2 range $offset:1 "e.$1" -o made
        grep -q "there are $size" err
        [ ! -e made ]
    done
}

to_file() { # KIND
    range 20000:50000 "e.$1" -o made
    part 20000 50000 plain | cmp - made
    rm made
    "$envelope" decrypt -i ops.key --range 20000:50000 <"e.$1" >made
    part 20000 50000 plain | cmp - made
    rm made
}

from_pipe() {
    for kind in raw tar xbstream; do
        # shellcheck disable=SC2002 # a pipe is the point
        cat e.$kind | exits 1 "$envelope" decrypt -i ops.key --range 0:10 -o made
        grep -q 'cannot seek' err
        [ ! -e made ]
    done
}

# place FILE BYTE-OF-PAYLOAD - where it is in the file
cat >place.py <<'PYTHON'
import struct
import sys
import tarfile

path, want = sys.argv[1], int(sys.argv[2])
data = open(path, "rb").read()
pieces = []
if data[:8] == b"XBSTCK01":
    at = 0
    while data[at:at + 8] == b"XBSTCK01":
        kind, n = data[at + 9:at + 10], struct.unpack_from("<I", data, at + 10)
        name, at = data[at + 14:at + 14 + n[0]], at + 14 + n[0]
        if kind == b"P":
            length, at = struct.unpack_from("<Q", data, at)[0], at + 20
            if name == b"envelope/payload":
                pieces.append((at, length))
            at += length
elif data[:1] == b"\x89":
    header = struct.unpack_from(">I", data, 20)[0]
    pieces.append((header, len(data) - header))
else:
    for member in tarfile.open(path):
        if "payload" in member.name:
            pieces.append((member.offset_data, member.size))
for at, length in pieces:
    if want < length:
        print(at + want)
        break
    want -= length
PYTHON

damage_chunk() { # FILE CHUNK
    flip "$1" "$("$PYTHON" place.py "$1" $((56 + $2 * 16400 + 5)))"
}

# Chunk 10 is bad; others are none of its business.
damage_elsewhere() { # KIND
    cp "e.$1" bad
    damage_chunk bad 10
    same 100000 60000 bad
    same 180224 100000 bad
    exits 5 range 163840:1 bad -o made
    grep -q 'chunk 10 ' err
    exits 5 range 100000:100000 bad -o made
    [ ! -e made ]
}

# What --salvage sees through is damage here, as it is for reading in order.
first_frame() {
    for kind in tar xbstream; do
        for byte in 2 11; do
            cp e.$kind bad
            "$PYTHON" "$srcdir/test/tools/damage.py" bad lead:0:$byte
            exits 5 range 0:10 bad -o made
            exits 5 "$envelope" verify -i ops.key --part 1/2 bad
            exits 5 "$envelope" verify -i ops.key bad
            exits 0 "$envelope" decrypt -i ops.key --salvage -o saved bad
            cmp plain saved
            rm saved
        done
    done
    [ ! -e made ]
}

# The end is verified, so that the size is true.
bad_end() { # KIND
    head -c 300000 "e.$1" >bad
    exits 5 range 0:10 bad -o made
    cp "e.$1" bad
    damage_chunk bad $((size / 16384))
    exits 5 range 0:10 bad -o made
    [ ! -e made ]
}

wrong_key() {
    for kind in raw tar xbstream; do
        exits 3 "$envelope" decrypt -i other.key --range 0:10 e.$kind -o made
        [ ! -e made ]
    done
}

not_envelopes() {
    exits 4 range 0:10 plain -o made
    exits 5 range 0:10 /dev/null -o made
    exits 8 range 0:10 nowhere -o made
    exits 1 range 0:10 no/where -o made
    [ ! -e made ]
}

bad_ranges() {
    for word in x 1 :1 1:x -1:1 1:-1 1:1: 99999999999999999999:1; do
        exits 2 range "$word" e.raw
    done
}

repacked() {
    mkdir m
    tar -xf e.tar -C m
    (cd m && tar --format=posix -cf ../repacked.tar envelope/header \
        envelope/key.p7m envelope/payload.*)
    exits 5 range 0:10 repacked.tar -o made
    grep -q 'packed again' err
}

# carried NAME KIND ORDER [SET...] - the stream $raw in a carrier of that order
raw=e.raw
carried() {
    carried=$1 kind=$2 order=$3
    shift 3
    "$PYTHON" "$srcdir/test/interop/carrier.py" split "$kind" \
        --piece-size 65536 --order "$order" "$@" $raw >"$carried"
}

# Text from the second piece on cannot be had by place.
in_order_only() { # FILE
    rm -f made
    exits 5 range 70000:10 "$1" -o made
    grep -q 'packed again' err
    [ ! -e made ]
}

# A piece of another type or length, or with another lead, is none; the type
# of an old tar is that of a file.
odd_pieces() {
    carried odd tar header,key,pieces,end --set 1 type 5
    in_order_only odd
    carried odd tar header,key,pieces,end --set 1 type '\0'
    same 70000 10 odd
    carried odd tar header,key,pieces,end --set 1 type '\0' --set 1 size +1
    in_order_only odd
    # The second piece is two bytes shorter before its data.
    carried odd xbstream \
        header,header.E,key,key.E,0,1,garbage:2,2,3,4,5,6,7,payload.E \
        --dot --set 1 path envelope/payload
    in_order_only odd
}

# The last piece has at least one byte; zeros may follow, not too many.
last_piece() {
    head -c 130888 plain >full # in two pieces, both full
    "$envelope" encrypt -r ops.pem --carrier raw <full >full.raw
    raw=full.raw
    carried odd tar header,key,pieces,file:envelope/payload.00000002=,end
    raw=e.raw
    exits 5 "$envelope" verify -i ops.key odd
    in_order_only odd
    carried odd tar header,key,pieces,end,zeros:16000000
    same 70000 10 odd
    carried odd tar header,key,pieces,end,zeros:20000000
    in_order_only odd
}

# The last piece is as long as the others.
full_pieces() { # KIND
    head -c 130888 plain >full
    "$envelope" encrypt -r ops.pem --carrier "$1" --piece-size 65536 \
        <full >e.full
    range 65000:1000 e.full >got
    tail -c +65001 full | head -c 1000 | cmp - got
    range 130000:1000 e.full >got
    tail -c +130001 full | cmp - got
}

# How many bytes a command and its children read, in all their calls.
cat >bytes_read.py <<'PYTHON'
import subprocess
import sys


def count():
    with open("/proc/self/io") as file:
        return int(file.readline().split()[1])


before = count()
subprocess.run(sys.argv[2:], check=True, stdout=open(sys.argv[1], "wb"))
print(count() - before)
PYTHON

bytes_read() { # OUT COMMAND...
    "$PYTHON" bytes_read.py "$@"
}

# 64 MiB in pieces of 8 MiB and of 64 KiB: some hundred KiB suffice.
reads_little() { # KIND PIECE-SIZE
    head -c 67108864 /dev/zero | "$envelope" encrypt -r ops.pem \
        --carrier "$1" --piece-size "$2" >large
    nothing_read=$(bytes_read got "$envelope" --help)
    all=$(bytes_read /dev/null "$envelope" decrypt -i ops.key large)
    [ "$all" -gt 67108864 ]
    for offset in 0 30000000 67100000; do
        n=$(bytes_read got "$envelope" decrypt -i ops.key \
            --range $offset:5000 large)
        head -c 5000 /dev/zero | cmp - got
        [ $((n - nothing_read)) -lt 800000 ]
    done
    rm large
}

t 'keys and envelopes can be made' make_all
for kind in raw tar xbstream; do
    t "$kind: ranges at random" at_random $kind
    t "$kind: ranges at edges of chunks and pieces" at_edges $kind
    t "$kind: ranges at the end" at_the_end $kind
    t "$kind: a range beyond the end" beyond $kind
    t "$kind: to a file, from standard input" to_file $kind
    t "$kind: damage elsewhere" damage_elsewhere $kind
    t "$kind: a damaged end" bad_end $kind
done
t 'a damaged first frame' first_frame
t 'a pipe cannot seek' from_pipe
t 'a wrong key' wrong_key
t 'what is no envelope' not_envelopes
t 'ranges that are none' bad_ranges
t 'an archive that was packed again' repacked
t 'pieces that are none' odd_pieces
t 'the last piece, and what follows' last_piece
for kind in tar xbstream; do
    t "$kind: full pieces" full_pieces $kind
done
for kind in raw tar xbstream; do
    for piece in 65536 8388608; do
        [ $kind != raw ] || [ $piece = 65536 ] || continue
        if [ -r /proc/self/io ]; then
            t "$kind: little is read, pieces of $piece" reads_little \
                $kind $piece
        else
            skip "$kind: little is read, pieces of $piece" \
                'the system does not count it'
        fi
    done
done

no_text() {
    for kind in raw tar xbstream; do
        "$envelope" encrypt -r ops.pem --carrier $kind </dev/null >empty
        range 0:10 empty | cmp - /dev/null
        exits 2 range 1:10 empty
    done
}

whole_chunks() {
    head -c 65536 plain >whole
    for kind in raw tar xbstream; do
        "$envelope" encrypt -r ops.pem --carrier $kind <whole >in
        range 0: in | cmp - whole
        range 49152: in >got
        tail -c 16384 whole | cmp - got
        range 65536:1 in | cmp - /dev/null
    done
}

t 'a text of no bytes' no_text
t 'a text of whole chunks' whole_chunks
