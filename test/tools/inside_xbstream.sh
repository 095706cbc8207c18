#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# envelope list and envelope extract on xbstreams: mbstream's, and what other writers
# and attackers make.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 9
. "$srcdir/test/tools/command_support.sh"
set_up make_all

seal() { # FILE [ARGUMENT...] - of standard input
    sealed=$1
    shift
    "$envelope" encrypt -r ops.pem -f -o "$sealed" "$@"
}

# chunks WORD... - an xbstream: P:PATH:OFFSET:DATA, E:PATH, D:PATH, R:PATH:NEW,
# S:PATH:OFFSET:DATA:SKIP+LEN,..., ?:PATH:OFFSET:DATA (may be ignored); after !
# with a wrong CRC
cat >chunks.py <<'PYTHON'
import struct
import sys
import zlib

for word in sys.argv[1:]:
    wrong, word = word[0] == "!", word.lstrip("!")
    kind, path, *rest = word.encode().split(b":")
    out = b"XBSTCK01" + (b"\1" if kind == b"?" else b"\0") + kind
    out += struct.pack("<I", len(path)) + path
    if kind == b"R":
        out += struct.pack("<I", len(rest[0])) + rest[0]
    if kind in b"PS?":
        offset, data, holes = int(rest[0]), rest[1], b""
        if kind == b"S":
            items = [item.split(b"+") for item in rest[2].split(b",")]
            holes = b"".join(struct.pack("<II", int(a), int(b))
                             for a, b in items)
            out += struct.pack("<I", len(items))
        crc = zlib.crc32(holes + data) ^ wrong
        out += struct.pack("<QQI", len(data), offset, crc) + holes + data
    sys.stdout.buffer.write(out)
PYTHON
chunks() {
    "$PYTHON" chunks.py "$@"
}

by_mbstream() {
    mkdir -p in/shop
    head -c 25000000 /dev/urandom >in/shop/orders.ibd
    head -c 300000 /dev/urandom >in/shop/notes.ibd
    : >in/shop/empty
    (cd in && mbstream -c shop/orders.ibd shop/notes.ibd shop/empty) >whole
    for carrier in raw tar xbstream; do
        seal e --carrier $carrier <whole
        exits 0 "$envelope" list -i ops.key e >listed
        printf '%s\n' shop/orders.ibd shop/notes.ibd shop/empty | cmp - listed
        exits 0 "$envelope" extract -i ops.key e '*' | cmp - whole
        rm -rf out && mkdir out
        exits 0 "$envelope" extract -i ops.key e 'shop/[ne]*' \
            | mbstream -x -C out
        cmp in/shop/notes.ibd out/shop/notes.ibd
        [ "$(ls out/shop | tr '\n' ' ')" = 'empty notes.ibd ' ]
    done
}
with_tool mbstream "by mbstream, on every carrier" by_mbstream

interleaved() {
    chunks P:a:0:one P:b:0:two '?:c:9:skip' P:a:3:more E:b P:d/e:0:x E:a E:d/e \
        >whole
    seal e <whole
    exits 0 "$envelope" list -i ops.key --json e >listed
    grep -qx '{"path":"a","type":"file","size":7}' listed
    grep -q '^{"members":3,"bytes_read":[0-9]*,"bytes":[0-9]*}$' listed
    exits 0 "$envelope" extract -i ops.key e '*' | cmp - whole
    exits 0 "$envelope" extract -i ops.key e ./a >some
    chunks P:a:0:one P:a:3:more E:a | cmp - some
    exits 0 "$envelope" extract -i ops.key e c d >some
    chunks '?:c:9:skip' P:d/e:0:x E:d/e | cmp - some
}
t "chunks of several files in turn" interleaved

sparse() {
    chunks S:a:0:data:100+3,50+1 P:a:154:more E:a P:b:0:x E:b >whole
    seal e <whole
    exits 0 "$envelope" list -i ops.key --json e >listed
    grep -qx '{"path":"a","type":"file","size":158}' listed
    exits 0 "$envelope" extract -i ops.key e a >some
    chunks S:a:0:data:100+3,50+1 P:a:154:more E:a | cmp - some
    chunks '!S:a:0:data:100+3,50+1' E:a | seal e
    exits 5 "$envelope" extract -i ops.key -o made e a
    says_that 'a: one of its chunks has a wrong CRC'
    [ ! -e made ]
}
t "chunks with holes" sparse

renamed() {
    chunks P:old:0:x E:old P:gone:0:y E:gone R:old:new D:gone >whole
    seal e <whole
    exits 0 "$envelope" list -i ops.key e >listed
    printf '%s\n' old gone 'old is renamed to new' 'gone is removed' \
        | cmp - listed
    exits 0 "$envelope" extract -i ops.key e old new >some
    chunks P:old:0:x E:old R:old:new | cmp - some
    exits 0 "$envelope" extract -i ops.key e gone >some
    chunks P:gone:0:y E:gone D:gone | cmp - some
    exits 2 "$envelope" extract -i ops.key -o made e new
    says_that 'new is in the archive as old, which is renamed later: name that'
    [ ! -e made ]
}
t "files that are removed and renamed" renamed

# The CRC of what is taken counts, that of what is not is not read.
wrong_crc() {
    chunks '!P:a:0:one' E:a P:b:0:two E:b | seal e
    exits 0 "$envelope" list -i ops.key e >listed
    [ "$(wc -l <listed)" -eq 2 ]
    exits 0 "$envelope" extract -i ops.key e b >some
    exits 5 "$envelope" extract -i ops.key -o made e a
    says_that 'malformed archive inside: a: one of its chunks has a wrong CRC'
    [ ! -e made ]
}
t "a wrong CRC" wrong_crc

# refused TEXT WORD... - by list and by extract, and no file is made
refused() {
    refused_text=$1
    shift
    chunks "$@" | seal e --any-end
    exits 5 "$envelope" list -i ops.key e
    says_that "$refused_text"
    exits 5 "$envelope" extract -i ops.key -o made e '*'
    says_that "$refused_text"
    [ ! -e made ]
}

hostile() {
    refused 'a: the chunk at offset 1 comes where that at 3 should' \
        P:a:0:one P:a:1:two E:a
    refused 'a: the chunk at offset 9 comes where that at 3 should' \
        P:a:0:one P:a:9:two E:a
    refused 'a: it has no end in the xbstream' P:a:0:one P:b:0:two E:b
    refused 'a: removed or renamed before it has ended' P:a:0:one D:a E:a
    refused 'the xbstream lacks its end' P:a:0:one E:a P:b:0:two
    chunks P:a:0:one E:a | sed 's/P\(.\)/Z\1/' | seal e --any-end
    exits 5 "$envelope" list -i ops.key e
    says_that 'the chunk at byte 0 of the xbstream is of an unknown type'
}
t "streams that no program would unpack" hostile

# A cut before it was encrypted, at any byte but after an end
cut_inside() {
    chunks P:a:0:one E:a P:b:0:two E:b >whole
    for n in $(seq 1 $(($(size_of whole) - 1))); do
        head -c "$n" whole | seal e --any-end
        status=0
        "$envelope" extract -i ops.key e '*' >some 2>err || status=$?
        if [ "$n" -eq 53 ]; then # a whole one, with a alone
            [ $status -eq 0 ]
        else
            [ $status -eq 5 ] || [ $status -eq 4 ]
            nothing some
        fi
    done
}
t "a stream that was cut before it was encrypted" cut_inside

odd_names() {
    chunks "P:$(printf 'a\033[2J'):0:one" "E:$(printf 'a\033[2J')" | seal e
    exits 0 "$envelope" list -i ops.key e >listed
    [ "$(cat listed)" = 'a?[2J' ]
}
t "names for a terminal" odd_names

# As many files at once as there may be, with names that are alike
many() {
    "$PYTHON" -c 'import struct, sys, zlib
def chunk(kind, path):
    sys.stdout.buffer.write(b"XBSTCK01\0" + kind
                            + struct.pack("<I", len(path)) + path)
    if kind == b"P":
        sys.stdout.buffer.write(struct.pack("<QQI", 1, 0, zlib.crc32(b"x"))
                                + b"x")
paths = [b"p" * 400 + b"%05d" % i for i in range(16384)]
for kind in b"P", b"E":
    for path in paths:
        chunk(kind, path)' | seal e
    timeout 60 "$envelope" list -i ops.key e | wc -l >lines
    [ "$(cat lines)" -eq 16384 ]
}
t "many files at once" many
