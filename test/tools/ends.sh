#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Data to encrypt that has an end of its own, and lacks it, is refused.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 6
. "$srcdir/test/tools/command_support.sh"
set_up make_all

# A program that died before it had written anything; an empty file is one.
empty_pipe() {
    exits 7 sh -c ': | "$0" -r ops.pem -o out' "$envelope"
    says_that "^envelope: standard input: $(reason INCOMPLETE): nothing came"
    test ! -e out
    exits 0 sh -c ': | "$0" encrypt --any-end -r ops.pem -o out' "$envelope"
    exits 7 "$PYTHON" -c 'import socket, subprocess, sys
ours, theirs = socket.socketpair()
ours.close()
sys.exit(subprocess.call(sys.argv[1:], stdin=theirs))' "$envelope" -r ops.pem -f -o out
    : >nothing
    exits 0 "$envelope" -r ops.pem -f -o out nothing
    exits 0 "$envelope" -r ops.pem -f -o out </dev/null
    rm out
}

# --- the ends of archives -------------------------------------------------

lacks_end() { # FILE
    exits 7 "$envelope" encrypt -r ops.pem -o out "$1"
    says_that "$1: $(reason INCOMPLETE): "
    test ! -e out
    exits 7 "$envelope" encrypt -r ops.pem <"$1" >part
    exits 0 "$envelope" encrypt -r ops.pem --any-end -o out "$1"
    exits 0 "$envelope" decrypt -i ops.key -f -o got out
    cmp "$1" got
    rm out got
}

has_end() { # FILE
    exits 0 "$envelope" encrypt -r ops.pem -o out "$1"
    rm out
}

tar_ends() {
    head -c 3000 plain >member
    tar -b1 -cf t.tar member
    has_end t.tar
    for cut in 1 511 512 1023 1024 1025 2048; do
        head -c $(($(wc -c <t.tar) - cut)) t.tar >cut.tar
        lacks_end cut.tar
    done
    exits 0 "$envelope" encrypt -r ops.pem --carrier raw -o out cut.tar
    exits 0 "$envelope" encrypt -r ops.pem --carrier tar -f -o out cut.tar
    rm out
}

tars_of_others() {
    for format in v7 oldgnu gnu ustar pax; do
        tar --format=$format -cf t.tar member
        has_end t.tar
        "$PYTHON" -c 'import sys, tarfile
tarfile.open("t.tar", "w").close()
with tarfile.open("t.tar", "w") as t: t.add("member")'
        has_end t.tar
    done
    ! command -v bsdtar >/dev/null || {
        for format in ustar pax gnutar; do
            bsdtar --format=$format -cf t.tar member
            has_end t.tar
        done
    }
}

xbstream_ends() {
    "$envelope" encrypt -r ops.pem --carrier xbstream -o x.xb plain
    has_end x.xb
    for cut in 1 10 20 60 5000; do
        head -c $(($(wc -c <x.xb) - cut)) x.xb >cut.xb
        lacks_end cut.xb
    done
    # MariaDB removes or renames a file last.
    { cat x.xb; printf 'XBSTCK01\0D\003\0\0\0abc'; } >removed.xb
    has_end removed.xb
    { cat x.xb; printf 'XBSTCK01\0R\003\0\0\0abc\004\0\0\0abcd'; } >renamed.xb
    has_end renamed.xb
    { cat x.xb; printf 'XBSTCK01\0R\003\0\0\0abc\004\0\0\0abc'; } >cut.xb
    lacks_end cut.xb
}

# A buffer of input may end within the last blocks.
ends_at_edges() {
    for blocks in -3 -2 -1 0 1 2; do
        head -c $((1048576 + blocks * 512 - 1536)) /dev/zero | tr '\0' x >member
        tar -b1 -cf t.tar member
        test "$(wc -c <t.tar)" -eq $((1048576 + blocks * 512))
        for threads in 1 3; do
            exits 0 "$envelope" encrypt -j$threads -r ops.pem -f -o out t.tar
            head -c -512 t.tar >cut.tar
            exits 7 "$envelope" encrypt -j$threads -r ops.pem -f -o out cut.tar
        done
    done
    rm -f out
}

of_a_program_too() {
    exits 7 "$envelope" encrypt -r ops.pem -o out -- cat cut.tar
    says_that "^envelope: cat: $(reason INCOMPLETE): "
    exits 0 "$envelope" encrypt -r ops.pem --any-end -o out -- cat cut.tar
    exits 7 "$envelope" encrypt -r ops.pem --any-end -f -o out \
        -- sh -c 'cat cut.tar; exit 1'
}

t "a pipe through which nothing came" empty_pipe
t "the end of a tar" tar_ends
t "tar archives of other programs" tars_of_others
t "the end of an xbstream" xbstream_ends
t "an end at the edge of a buffer" ends_at_edges
t "the end of what a program writes" of_a_program_too
