#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Streams of zfs send and btrfs send that come through a pipe: whole ones, and those whose
# sender has died.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 6
. "$srcdir/test/tools/command_support.sh"
need "$PYTHON"

streams() {
    make_all
    mkdir sends
    PYTHONDONTWRITEBYTECODE=1 "$PYTHON" "$srcdir/test/tools/sends.py" sends
}
set_up streams

whole() {
    for file in sends/*; do
        exits 0 "$envelope" encrypt -r ops.pem -f -o out <"$file"
        "$envelope" decrypt -i ops.key out | cmp - "$file"
    done
}

zfs_cut() {
    for name in zfs zfs-big zfs-small compound compound-big; do
        for cut in 1 311 312 313 400; do
            [ "$cut" -lt "$(size_of sends/$name)" ] || continue
            head -c -$cut sends/$name >cut
            exits 7 "$envelope" encrypt -r ops.pem -o out cut
            says_that "$(reason INCOMPLETE): a stream of zfs send ends with an end record"
            [ ! -e out ]
        done
    done
    exits 0 "$envelope" encrypt -r ops.pem --any-end -o out cut
    "$envelope" decrypt -i ops.key out | cmp - cut
    exits 0 "$envelope" encrypt -r ops.pem --carrier raw -f -o out cut
}

# After one of its streams, or after its own head, it is not at its end.
compound_cut() {
    for name in compound compound-big; do
        for size in $((312 + 48 + 312)) $(($(size_of sends/$name) - 312)); do
            head -c $size sends/$name >cut
            exits 7 "$envelope" encrypt -r ops.pem -f -o out cut
        done
    done
}

btrfs_cut() {
    for name in btrfs btrfs-small; do
        for cut in 1 9 10 11; do
            head -c -$cut sends/$name >cut
            exits 7 "$envelope" encrypt -r ops.pem -f -o out cut
            says_that 'a stream of btrfs send ends with an end command'
        done
    done
}

# What only begins so, or is too short to be known
others() {
    for file in sends/zfs sends/btrfs; do
        for size in 1 12 16 23; do
            head -c $size $file >short
            case $file:$size in sends/btrfs:16 | sends/btrfs:23) want=7 ;; *) want=0 ;; esac
            exits $want "$envelope" encrypt -r ops.pem -f -o out short
        done
    done
    printf 'btrfs-streams are not these' >text
    exits 0 "$envelope" encrypt -r ops.pem -f -o out text
    head -c 24 sends/zfs >short
    exits 7 "$envelope" encrypt -r ops.pem -f -o out short
}

by_btrfs() {
    for name in btrfs btrfs-small; do
        "$envelope" encrypt -r ops.pem -f -o out sends/$name
        "$envelope" decrypt -i ops.key out -- btrfs receive --dump >dumped
        grep -q '^subvol  *./snap ' dumped
    done
}

t 'whole ones, in both byte orders' whole
t 'zfs send was cut' zfs_cut
t 'zfs send -R was cut between two of its streams' compound_cut
t 'btrfs send was cut' btrfs_cut
t 'what is none of these' others
with_tool btrfs 'btrfs reads them' by_btrfs
