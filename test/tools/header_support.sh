# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Files that have lost their header, and what they must be after it was put back.
# Sourced after rewrap_support.sh, not run.

header() {
    "$envelope" header "$@"
}

# restores FILE [ARGUMENT...] - put H back into it; what is said is in ./told and
# ./err
restores() {
    restores_file=$1
    shift
    [ $# -gt 0 ] || set -- -i old.key
    exits 0 header restore "$@" H "$restores_file" >told
    grep -qx "$restores_file: the saved header is in its place" told
    [ ! -e "$restores_file.envelope-rewrap" ]
}

# refused STATUS REASON ARGUMENT... - H is not put into f, and nothing changes
refused() {
    refused_status=$1 refused_reason=$2
    shift 2
    cp f before
    rm -f f.envelope-*
    exits "$refused_status" header restore "$@" H f >told
    nothing told
    says_that "$(reason "$refused_reason")"
    cmp f before
    only_f
}

only_f() { # there is nothing beside it
    [ "$(echo f*)" = f ]
}

# One piece of the payload, in each carrier, with a header as long as LENGTH says
one_piece() { # KIND PLAINTEXT RESERVE
    "$envelope" -r old.pem --carrier "$1" --reserve "$3" --label who=ops <"$2"
}

# start_at FILE - where the payload begins, by the 56 bytes in H
start_at() {
    "$PYTHON" -c 'import sys
start = open("H", "rb").read()[-56:]
print(open(sys.argv[1], "rb").read().index(start))' "$1"
}

# spoil FILE LENGTH [OFFSET] - random bytes there, of which the first is surely another
# than it was
spoil() {
    spoil_was=$(od -An -v -tu1 -j "${3:-0}" -N 1 "$1")
    head -c "$2" /dev/urandom | dd of="$1" bs=65536 conv=notrunc \
        oflag=seek_bytes seek="${3:-0}" 2>/dev/null
    set_byte "$1" "${3:-0}" $((spoil_was ^ 1))
}

zero() { # FILE LENGTH
    head -c "$2" /dev/zero | dd of="$1" bs=65536 conv=notrunc 2>/dev/null
}

# like FILE BEFORE - the same bytes, but that a tar's times may be others
like() {
    cmp "$1" "$2" || "$PYTHON" -c 'import sys
one, other = (open(name, "rb").read() for name in sys.argv[1:])
assert len(one) == len(other)
for i in range(len(one)):
    if one[i] != other[i]:
        assert other[i // 512 * 512 + 257:][:6] == b"ustar\0", i
        assert 136 <= i % 512 < 156, i' "$1" "$2"
}
