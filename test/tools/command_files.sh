#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Where envelope encrypt and decrypt read and write, and that no half of a file is
# left when they fail.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 17
. "$srcdir/test/tools/command_support.sh"
need "${CC:=gcc}"

streams() {
    "$envelope" encrypt -r ops.pem <plain >a
    "$envelope" decrypt -i ops.key <a >b
    cmp plain b
    "$envelope" -r ops.pem plain | "$envelope" -d -i ops.key | cmp - plain
    "$envelope" encrypt -r ops.pem -d -i ops.key <a && false
    exits 2 "$envelope" encrypt -r ops.pem -d <a
    says_first 'option --recipient is not for envelope decrypt'
}

files() {
    cd here
    rm -f ./*
    "$envelope" encrypt -r ../ops.pem -o a ../plain
    "$envelope" decrypt -i ../ops.key -o b a
    cmp b ../plain
    "$envelope" decrypt -i ../ops.key -o - a | cmp - ../plain
    only a b
}

empty_and_small() {
    for n in 0 1 16383 16384 16385; do
        head -c $n plain >in
        "$envelope" -r ops.pem in | "$envelope" -d -i ops.key | cmp - in
    done
}

not_over_another() {
    cd here
    rm -f ./*
    echo old >a
    exits 2 "$envelope" -r ../ops.pem -o a ../plain
    says_that '^envelope: .*a.*exists'
    says_that 'force'
    echo old | cmp - a
    "$envelope" -r ../ops.pem -o a -f ../plain
    "$envelope" -d -i ../ops.key a | cmp - ../plain
    only a
}

# With --force, too, an old file stays until the new one is complete.
nothing_half() {
    cd here
    rm -f ./*
    cp ../sealed bad
    flip bad 500000
    exits 5 "$envelope" -d -i ../ops.key -o b bad
    says_that "$(reason CHUNK): "
    hints salvage
    echo old >c
    exits 5 "$envelope" -d -i ../ops.key --force -o c bad
    echo old | cmp - c
    head -c 500000 ../sealed >cut
    exits 5 "$envelope" -d -i ../ops.key -o b cut
    exits 3 "$envelope" -d -i ../other.key -o b bad
    only bad c cut
}

bad_keys_leave_nothing() {
    cd here
    rm -f ./*
    exits 1 "$envelope" -r ../missing -o a ../plain
    says_first "$(reason UNREADABLE_KEY): ../missing: No such file or directory"
    exits 1 "$envelope" -r ../ops.key -o a ../plain
    says_that "$(reason PRIVATE_KEY): "
    says_that 'give its public key'
    exits 1 "$envelope" -o a ../plain
    says_that "$(reason NO_RECIPIENT): "
    only
}

same_file() {
    cp plain same
    exits 2 "$envelope" -r ops.pem -f -o same same
    exits 2 "$envelope" -r ops.pem -f -o same <same
    ln -sf same link
    exits 2 "$envelope" -r ops.pem -f -o link <same
    cmp plain same
}

stops_at_damage() {
    cp sealed bad
    flip bad 500000
    exits 5 sh -c '"$0" -d -i ops.key bad >part' "$envelope"
    test -s part
    cmp -n "$(size_of part)" part plain
}

full_disk() {
    exits 1 sh -c '"$0" -r ops.pem plain >/dev/full' "$envelope"
    says_first "standard output: $(reason WRITE): No space left on device"
    exits 1 sh -c '"$0" -d -i ops.key sealed >/dev/full' "$envelope"
    says_that 'No space left on device'
    exits 1 "$envelope" -r ops.pem -f -o /dev/full plain
    says_first "/dev/full: $(reason WRITE): No space left on device"
    # shellcheck disable=SC2016 # for that shell
    exits 1 sh -c 'trap "" XFSZ; ulimit -f 1
        exec "$0" -r ops.pem -o large' "$envelope" </dev/zero
    says_first "large: $(reason WRITE): File too large"
    test ! -e large
    exits 1 sh -c '"$0" --help >/dev/full' "$envelope"
}

no_directory() {
    exits 1 "$envelope" -r ops.pem -o none/a plain
    says_first "none/a: $(reason WRITE): No such file or directory"
}

# Somebody else may have put it where the file is to be.
fifo_for_a_file() {
    mkfifo fifo
    exits 2 timeout 5 "$envelope" -d -i ops.key -o fifo sealed
    says_that "$(reason PARAMETER): fifo is a FIFO, .*--force"
    exits 2 "$envelope" keygen -o fifo
    cat fifo >out &
    exits 0 timeout 5 "$envelope" -d -i ops.key -f -o fifo sealed
    wait
    cmp out plain
    exits 2 "$envelope" -d -i ops.key -o /dev/full sealed
    says_that "$(reason PARAMETER): /dev/full is a device"
    exits 0 "$envelope" -d -i ops.key -o /dev/null sealed
    # Among files that are read, one would wait for ever.
    for command in inspect 'verify -i ops.key'; do
        # shellcheck disable=SC2086 # words
        exits 1 timeout 5 "$envelope" $command fifo sealed >out
        says_first "fifo: $(reason READ): it is a FIFO, and no file; standard input may be one"
        grep -q sealed out
    done
    rm fifo
}

# While it was at work.
exists_at_the_end() {
    mkfifo fifo
    "$envelope" -r ops.pem -o late fifo 2>err &
    pid=$!
    exec 9>fifo
    n=0
    while [ "$(find . -name '.late*' | wc -l)" -eq 0 ] && [ $n -lt 200 ]; do
        sleep 0.05
        n=$((n + 1))
    done
    echo other >late
    echo data >&9
    exec 9>&-
    status=0
    wait $pid || status=$?
    test $status -eq 2
    says_that "$(reason PARAMETER): late exists; --force replaces it"
    echo other | cmp - late
    test "$(find . -name '.late*' | wc -l)" -eq 0
    rm fifo late
}

# Of data with zeros at the beginning, between and at the end
holes() {
    "$PYTHON" -c 'import sys
sys.stdout.buffer.write(bytes(3000000) + b"a" * 5000 + bytes(4000000) + b"b"
                        + bytes(1000001))' >image
    "$envelope" -r ops.pem -o image.env image
    for options in '' '--range 0:' '--salvage'; do
        # shellcheck disable=SC2086 # words
        exits 0 "$envelope" -d -i ops.key --sparse $options -f -o made image.env
        cmp made image
        test "$(($(stat -c '%b * %B' made)))" -lt 1000000
    done
    exits 0 "$envelope" -d -i ops.key --sparse --range 2999999:4005002 -f \
        -o made image.env
    tail -c +3000000 image | head -c 4005002 | cmp - made
    for len in 0 1 4095 4096 4097 1000000; do
        head -c $len /dev/zero >zeros
        "$envelope" -r ops.pem zeros >zeros.env
        exits 0 "$envelope" -d -i ops.key --sparse -f -o made zeros.env
        cmp made zeros
    done
    exits 2 "$envelope" -d -i ops.key --sparse image.env >out
    nothing out
    exits 2 "$envelope" -d -i ops.key --sparse -o /dev/null image.env
    exits 5 sh -c 'head -c 4000000 image.env |
        "$0" -d -i ops.key --sparse -f -o none' "$envelope"
    test ! -e none
    rm image image.env made zeros zeros.env
}

no_fsync() {
    "$CC" -shared -fPIC -pthread -DWITHOUT_MALLOC -o inject.so \
        "$srcdir/test/fault/inject.c" -ldl
    for options in '' '--range 0:' '--salvage' '--sparse'; do
        head -c 200 /dev/zero >counts
        # shellcheck disable=SC2086 # words
        set -- env LD_PRELOAD="$PWD/inject.so" FAULT_COUNTS=counts \
            FAULT_FAMILY=fsync FAULT_AT=1 FAULT_ON=1 FAULT_SHORT=0 \
            FAULT_ERRNO=5 "$envelope" -d -i ops.key $options -f -o made sealed
        exits 1 "$@"
        exits 0 "$@" --no-fsync
        cmp made plain
    done
}

bad_input() {
    exits 8 "$envelope" -r ops.pem missing
    says_first "missing: $(reason READ): No such file or directory"
    exits 1 "$envelope" -r ops.pem /
    says_that "$(reason READ): Is a directory"
    exits 4 "$envelope" -d -i ops.key plain
    says_that "^envelope: plain: $(reason NOT_ENVELOPE)"
    : >empty
    exits 5 "$envelope" -d -i ops.key empty
    exits 5 sh -c 'head -c 700000 sealed | "$0" -d -i ops.key >part' "$envelope"
    exits 2 "$envelope" -r ops.pem plain plain
    says_that 'too much'
}

interrupted_rewrap() {
    cp sealed torn
    flip torn 12
    : >torn.envelope-rewrap
    exits 5 "$envelope" -d -i ops.key torn
    hints 'rewrap --recover'
}

t "keys and an envelope" make_all
t "streams, and -d" streams
t "files" files
t "empty and small" empty_and_small
t "a file that exists stays, but for --force" not_over_another
t "a file appears when it is complete" nothing_half
t "a bad key leaves no file" bad_keys_leave_nothing
t "output is not the input" same_file
t "a pipe gets verified text, and a status" stops_at_damage
t "a full disk" full_disk
t "a directory that is not there" no_directory
t "a FIFO for a file" fifo_for_a_file
t "a file that appears meanwhile" exists_at_the_end
t "holes for zeros" holes
if [ -n "${ENVELOPE_SANITIZED-}" ]; then
    skip_allowed "not waiting for the disk" 'a library is preloaded'
else
    t "not waiting for the disk" no_fsync
fi
t "input that cannot be read, or is no envelope" bad_input
t "a rewrap that was interrupted" interrupted_rewrap
