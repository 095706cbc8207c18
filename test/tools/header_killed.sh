#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What is left when envelope header restore is killed or the power fails, at any
# call that changes a file, and how it recovers.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 7
: "${CC:=cc}"
. "$srcdir/test/tools/rewrap_support.sh"
. "$srcdir/test/tools/header_support.sh"
need "$CC"
set_up make_files

# dies HOW N [LOSE] - restoring H in f is killed, or is not (status 1)
dies() {
    dies_status=0
    env LD_PRELOAD="$PWD/die.so" DIE_HOW="$1" DIE_AT="$2" DIE_LOSE="${3-0}" \
        ASAN_OPTIONS="${ASAN_OPTIONS-}:verify_asan_link_order=0" \
        "$envelope" header restore -i old.key H f >told 2>err || dies_status=$?
    case $dies_status in
    0) false ;;
    137) ;;
    *) cat err && exit 1 ;;
    esac
}

# state - old: as it was; new: restored; torn: neither
state() {
    if cmp -s f broken; then
        echo old
    elif cmp -s f whole; then
        echo new
    else
        echo torn
    fi
}

# survives HOW [LOSE] - broken becomes whole, with H, killed at each call, until
# the program lives
survives() {
    n=0 seen=
    while
        n=$((n + 1))
        rm -f f.* .f.*
        cp -p broken f
        dies "$1" $n "${2-0}"
    do
        [ $n -lt 60 ]
        found=$(state)
        # Only a write that was torn needs help.
        [ "$found" != torn ] || case $1 in first | second) ;; *) false ;; esac
        # What it had is on the disk before anything of it goes.
        [ "$found" = old ] || [ -s f.envelope-header ] \
            || [ -s f.envelope-damaged ]
        rewrap --recover f >told
        [ ! -e f.envelope-rewrap ]
        after=$(state)
        case $found-$after in
        old-old | old-new | new-new | torn-new) ;;
        *) echo "$n: $found, then $after" && false ;;
        esac
        seen="$seen $found-$after"
        [ "$1" != before ] || [ "$after" = new ] || {
            exits 0 header restore -i old.key H f >told
            [ "$(state)" = new ]
        }
    done
    echo "$seen"
    [ "$(state)" = new ]
    [ $n -gt 8 ]
}

at_any_call() {
    survives before
    case $seen in *old-old*old-new*new-new*) ;; *) false ;; esac
    survives after
    case $seen in *old-old*old-new*new-new*) ;; *) false ;; esac
    survives first
    case $seen in *torn-new*) ;; *) false ;; esac
    survives second
    case $seen in *torn-new*) ;; *) false ;; esac
}

power_fails() {
    for lose in 1 2 4 6; do
        survives after $lose
    done
}

# A rewrap is undone, and the header is whole.
header_is_whole() { # KIND
    cp -p "a.$1" whole
    header save whole >H
    cp -p whole broken
    rewrap --preserve-mtime -i old.key -r new.pem broken
    at_any_call
    [ "$1" != raw ] || power_fails
}

# Not even the 56 bytes after it are left.
header_is_lost() { # KIND
    cp -p "a.$1" whole
    header save whole >H
    cp -p whole broken
    zero broken $(($(start_at whole) + 56))
    touch -r whole broken
    at_any_call
    [ "$1" != tar ] || power_fails
}

# So little data that the journal names the file by what it writes, too
little_data() {
    : >nothing
    "$envelope" -r old.pem <nothing >whole
    header save whole >H
    cp -p whole broken
    spoil broken $(($(start_at whole) + 56))
    at_any_call
}

t 'what kills it can be made' make_die
for kind in raw xbstream; do
    t "$kind: killed, of a header that is whole" header_is_whole $kind
done
for kind in raw tar xbstream; do
    t "$kind: killed, of a header that is lost" header_is_lost $kind
done
t 'killed, where there is hardly any data' little_data
