#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A full and an incremental stream of btrfs send, each in an envelope, and received
# again by a file system that has nothing but these.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 4
not_sanitized 'it is about scripts'
provider
PATH=${envelope%/*}:$PATH:/usr/sbin:/sbin
need btrfs mkfs.btrfs

# shellcheck disable=SC2034 # of tap.sh
cleanup=unmount
unmount() {
    for name in a b; do
        if grep -q " $tests_dir/$name " /proc/mounts; then
            umount "$name"
        fi
    done
}

make_file_systems() {
    envelope keygen -o ops.key
    mkdir a b
    for name in a b; do
        truncate -s 256M $name.img
        mkfs.btrfs -q $name.img
        mount -o loop $name.img $name
    done
    btrfs subvolume create a/vol
    steady_text 3000000 >a/vol/data
    echo gone >a/vol/gone
    truncate -s 10M a/vol/hole
}

sends() {
    btrfs subvolume snapshot -r a/vol a/mon
    envelope encrypt -r ops.pub --label snapshot=mon -o mon.env -- \
        btrfs send -q a/mon
    rm a/vol/gone
    echo more >>a/vol/data
    mv a/vol/hole a/vol/renamed
    btrfs subvolume snapshot -r a/vol a/tue
    envelope encrypt -r ops.pub --label snapshot=tue --label on=mon -o tue.env -- \
        btrfs send -q -p a/mon a/tue
    [ "$(size_of tue.env)" -lt 200000 ]
}

receives() {
    envelope decrypt -i ops.key --require-label snapshot=mon mon.env -- \
        btrfs receive -q b
    envelope decrypt -i ops.key --require-label snapshot=tue --require-label on=mon \
        tue.env -- btrfs receive -q b
    diff -r a/mon b/mon
    diff -r a/tue b/tue
    test ! -e b/tue/gone
    test -e b/tue/renamed
}

# What is damaged or cut gets no further than its damage, and is told.
damaged() {
    btrfs subvolume delete b/tue b/mon
    exits 4 envelope decrypt -i ops.key --require-label snapshot=mon tue.env -- \
        btrfs receive -q b
    cp mon.env bad.env
    flip bad.env 2000000
    status=0
    envelope decrypt -i ops.key bad.env -- btrfs receive -q b || status=$?
    [ $status -eq 5 ]
    [ "$(btrfs property get -ts b/mon ro)" = ro=false ]
    btrfs subvolume delete b/mon
    head -c 2000000 mon.env >bad.env
    status=0
    envelope decrypt -i ops.key bad.env -- btrfs receive -q b || status=$?
    [ $status -eq 5 ]
    [ "$(btrfs property get -ts b/mon ro)" = ro=false ]
    # The one that it stands upon is not there.
    status=0
    envelope decrypt -i ops.key tue.env -- btrfs receive -q b || status=$?
    [ $status -eq 7 ]
}

not_made() {
    status=0
    envelope encrypt -r ops.pub -o none.env -- btrfs send -q a/vol || status=$?
    [ $status -eq 7 ]
    test ! -e none.env
}

# It takes the system's administrator, and a kernel that knows it.
made=1
if [ "$(id -u)" -eq 0 ]; then
    (set -e && make_file_systems) >.log 2>&1
    made=$?
fi
if [ $made -ne 0 ]; then
    [ ! -e .log ] || tail -n 5 .log | sed 's/^/# /'
    while [ "$tests_run" -lt "$tests_planned" ]; do
        skip_allowed "test $((tests_run + 1))" 'no btrfs can be mounted here'
    done
    exit 0
fi
t "a full stream, and one upon it" sends
t "are received" receives
t "one that is damaged, or another one" damaged
t "one that was not made" not_made
