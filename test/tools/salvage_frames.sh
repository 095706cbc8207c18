#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Where frames of the archive around an envelope are damaged, --salvage finds what
# stands in it all the same.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 21
. "$srcdir/test/tools/salvage_support.sh"
set_up make_all

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
    holes 5 12 30
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
    "$PYTHON" "$damage_py" bad "lead:0:$2"
    salvage 0 bad
    cmp plain out
}

two_frames() { # KIND BYTE
    head -c 100000 plain >in
    for n in 0 1; do
        "$envelope" encrypt -r ops.pem --carrier "$1" --piece-size 65536 \
            <in >bad
        "$PYTHON" "$damage_py" bad "lead:$n:$2"
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
