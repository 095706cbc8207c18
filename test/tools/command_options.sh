#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What options of envelope encrypt and decrypt do, and what is said of those that
# are wrong.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 6
. "$srcdir/test/tools/command_support.sh"
set_up make_all

each_carrier() {
    for kind in raw tar xbstream; do
        "$envelope" -r ops.pem --carrier $kind plain >"$kind"
        "$envelope" -d -i ops.key $kind | cmp - plain
    done
    test "$(tar -tf tar | head -n 1)" = envelope/header
    test "$(head -c 8 xbstream)" = XBSTCK01
    # auto keeps the kind of the data
    tar -cf data.tar plain
    "$envelope" -r ops.pem data.tar | tar -tf - | grep -q key.p7m
    "$envelope" -r ops.pem xbstream | head -c 8 | grep -q XBSTCK01
}

by_gnu_tar() {
    tar -I "$program -r $tests_dir/ops.pem" -cf filtered plain pw
    tar -I "$program -i $tests_dir/ops.key" -tf filtered >list
    printf 'plain\npw\n' | cmp - list
    tar -I "$program encrypt -r $tests_dir/ops.pem" -cf filtered plain
    mkdir -p x
    tar -I "$program decrypt -i $tests_dir/ops.key" -xf filtered -C x
    cmp x/plain plain
}

labels() {
    "$envelope" -r ops.pem --label host=db1 --label day=2026-01-02 pw >a
    head -c 60 a | grep -aq 'day=2026-01-02'
    exits 2 "$envelope" -r ops.pem --label host=1 --label host=2 pw
    says_that "$(reason LABELS): "
    exits 2 "$envelope" -r ops.pem --label nonsense pw
}

room() {
    "$envelope" -r ops.pem --reserve 4096 pw >a
    "$envelope" -r ops.pem --reserve 0 pw >b
    test "$(($(size_of a) - $(size_of b)))" -eq 4096
    exits 2 "$envelope" -r ops.pem --reserve -1 pw
    # Of bytes a number may have a unit.
    "$envelope" -r ops.pem --reserve 4K pw >c
    test "$(size_of c)" -eq "$(size_of a)"
    "$envelope" -r ops.pem --carrier tar --piece-size 64K plain |
        "$envelope" -d -i ops.key | cmp - plain
    for wrong in --piece-size=63K --piece-size=1MB --reserve=K --threads=1K; do
        exits 2 "$envelope" -r ops.pem "$wrong" pw
        says_that "$(reason PARAMETER): option $wrong: must be a number"
    done
    exits 2 "$envelope" -r ops.pem -j 1000 pw
    says_that "$(reason PARAMETER): option --threads=1000"
    "$envelope" -r ops.pem -j 2 plain | "$envelope" -d -j 1 -i ops.key |
        cmp - plain
}

usage() {
    exits 2 "$envelope" encyrpt -r ops.pem plain
    says_first 'there is no command encyrpt; a file comes after one, such as encrypt or decrypt'
    hints '--help'
    exits 2 "$envelope" decrypt --foo
    says_first 'there is no option --foo'
    hints 'envelope decrypt --help lists'
    exits 2 "$envelope" verify -i ops.key -zx.xb
    says_first 'there is no option -z'
    exits 2 "$envelope" verify --keep-going=all
    says_first 'option --keep-going=all: it takes no value'
    # exits() looks for controls in what is said.
    exits 2 "$envelope" "$(printf '\033[31mred\302\233')"
    exits 2 "$envelope" inspect "$(printf -- '--js\033[31mred\n.xb')"
    exits 2 "$envelope" keygen -t "$(printf '\033[31mred')"
    exits 2 "$envelope" encrypt -r ops.pem --skip-expired --allow-expired plain
    says_first '--allow-expired and --skip-expired do not go together'
    exits 2 "$envelope" -r
    says_that 'value is missing'
    exits 2 "$envelope" decrypt --range 1 sealed
    says_that 'OFFSET:LENGTH'
    exits 2 "$envelope" decrypt --range 5:99999999999999999999 sealed
    exits 2 "$envelope" decrypt --progress=soon sealed
    says_that 'auto none text json'
    exits 2 "$envelope" decrypt --salvage=all sealed
    exits 2 "$envelope" decrypt --salvage --range 0:1 sealed
    exits 2 "$envelope" inspect -r ops.pem sealed
    exits 2 "$envelope" --carrier zip -r ops.pem plain
    nothing out
}

verbose() {
    exits 3 "$envelope" -d -i ops.pem sealed
    status=0
    "$envelope" -v -d -i ops.pem sealed 2>err || status=$?
    test $status -eq 3
    grep -q '^[0-9A-F]*:error:[0-9A-F]*:envelope:' err
}

t "each carrier" each_carrier
t "GNU tar -I" by_gnu_tar
t "labels" labels
t "reserve and threads" room
t "usage errors" usage
t "-v shows libcrypto's errors" verbose
