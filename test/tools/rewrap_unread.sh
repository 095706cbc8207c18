#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Keys that envelope rewrap cannot read: it names them, whatever else it was given,
# and the file stays as it is.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 4

make_all() {
    "$envelope" keygen -o ops.key >line
    head -c 1000 /dev/urandom >plain
    "$envelope" encrypt -r ops.pub -o file plain
    cp file before
}
t 'keys and an envelope' make_all

# unread STATUS NAME ARGUMENT... - because of NAME, which is not there
unread() {
    status=$1 unread=$2
    shift 2
    for mode in '' --add --replace-all; do
        # shellcheck disable=SC2086 # or none
        exits "$status" "$envelope" rewrap $mode "$@" file
        grep -qF "$unread: No such file" err
        cmp before file
    done
}
t 'a key to open it' unread 3 missing.key -i missing.key -r ops.pub
t 'a key to close it' unread 1 missing.pub -i ops.key -r missing.pub
t 'a passphrase' unread 1 missing.txt -i ops.key --passphrase-file missing.txt
