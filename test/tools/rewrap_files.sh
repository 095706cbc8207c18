#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Which files envelope rewrap takes and makes, by what names, and whose they are
# after.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 11
. "$srcdir/test/tools/rewrap_support.sh"
set_up make_files

# --- names ----------------------------------------------------------------

several() {
    for kind in raw tar xbstream; do
        cp a.$kind f.$kind
    done
    "$envelope" -r third.pem <plain >stranger
    exits 4 rewrap -i old.key -r new.pem f.raw stranger nowhere plain . \
        f.tar f.xbstream >told
    tells 'f.raw: rewrapped for 1 recipient' \
        'f.tar: rewrapped for 1 recipient' \
        'f.xbstream: rewrapped for 1 recipient'
    for kind in raw tar xbstream; do
        opens f.$kind new
    done
    opens stranger third
    # What to do is said once for all of them.
    cp stranger stranger2
    exits 3 rewrap -i old.key -r new.pem stranger stranger2
    [ "$(grep -c "$(reason NO_MATCH)" err)" -eq 2 ]
    [ "$(grep -c '^hint: ' err)" -eq 1 ]
    for how in verify 'verify --header'; do
        # shellcheck disable=SC2086 # words
        exits 3 "$envelope" $how -i old.key stranger stranger2
        [ "$(grep -c '^hint: ' err)" -eq 1 ]
    done
    exits 4 rewrap -i old.key -r new.pem stranger nowhere plain . >told
    for file in stranger nowhere plain .; do
        says_that "^envelope: $file: "
    done
}

# Names out of a list; one may have any byte but that which ends it.
from_a_list() {
    rm -rf names
    mkdir names
    for name in a 'b c' "d
e" -f; do
        cp a.raw "names/$name"
    done
    (cd names && find . -type f -print0) >names.0
    (cd names && "$envelope" rewrap -i ../old.key -r ../new.pem \
        --files-from ../names.0 -0) >told
    tells './a: rewrapped for 1 recipient' './b c: rewrapped for 1 recipient' \
        './d?e: rewrapped for 1 recipient' './-f: rewrapped for 1 recipient' \
        >diff || :
    [ "$(grep -c ': rewrapped for 1 recipient$' told)" -eq 4 ]
    for name in a 'b c' "d
e" -f; do
        opens "names/$name" new
    done
    printf 'names/a\nnames/b c' >list
    "$envelope" verify --header -i new.key --files-from list >told
    [ "$(wc -l <told)" -eq 2 ]
    printf 'names/a\n' | "$envelope" inspect --json --files-from - >told
    [ "$(wc -l <told)" -eq 1 ]
    for bad in '' '\n' 'names/a\n\nnames/b c\n' 'names/a\0names/b c\0'; do
        printf "$bad" >list
        exits 1 "$envelope" verify -i new.key --files-from list >told
        nothing told
    done
    exits 1 "$envelope" verify -i new.key --files-from nowhere
    exits 2 "$envelope" verify -i new.key --files-from list names/a
    exits 2 "$envelope" verify -i new.key -0 names/a
}

# Somebody who can write to the storage leaves a name there.
wildcards() {
    rm -rf store
    mkdir store
    for name in 1 2; do
        cp a.raw store/b$name.xb
    done
    cp third.pem store/.m.xb
    for name in -r.m.xb -i.m.xb --add --remove=..xb; do
        : >"store/$name"
        for file in store/b?.xb; do
            cp a.raw "$file"
        done
        # The name comes first, as in the C locale, or last.
        exits 2 sh -c 'cd store && exec "$0" rewrap -i ../old.key \
            -r ../new.pem "$@"' "$envelope" "$name" b1.xb b2.xb
        says_that "$name is taken for an option"
        exits 5 sh -c 'cd store && exec "$0" rewrap -i ../old.key \
            -r ../new.pem "$@"' "$envelope" b1.xb b2.xb "$name" >told
        for file in store/b?.xb; do
            opens "$file" new
            shut "$file" third
        done
        exits 5 sh -c 'cd store && exec "$0" verify -i ../new.key -- *' \
            "$envelope" >told
        [ "$(grep -c '^b' told)" -eq 2 ]
        rm "store/$name"
    done
    # A name that is an option shuts nobody out.
    : >store/-i
    cp a.raw store/b1.xb
    exits 2 sh -c 'cd store && exec "$0" verify -i ../old.key ./b1.xb' "$envelope"
    (cd store && "$envelope" verify -i ../old.key -- ./b1.xb)
    # Where there is no such file it is a slip of the hand.
    exits 2 rewrap -i old.key f -r new.pem
    says_that 'before the names of files'
}

links() {
    mkdir -p there
    cp a.raw there/f
    ln -sf there/f link
    cp a.raw other
    # What is left by one name is found by the other.
    : >there/f.envelope-rewrap
    rewrap -i old.key -r new.pem link >told
    tells 'link: a rewrap was interrupted before it changed anything' \
        'link: rewrapped for 1 recipient'
    [ -h link ]
    opens there/f new
    [ ! -e there/f.envelope-rewrap ]
}

standard_output() {
    cp a.tar f
    rewrap -i old.key -r new.pem -o - f >made
    opens made new
    canonical made tar
    cmp f a.tar
}

terminals() {
    name=$(printf 'a\033[31mb\n')
    cp a.raw "$name"
    rewrap -i old.key -r new.pem "$name" >told
    tells 'a?[31mb: rewrapped for 1 recipient'
}

# As objects, one a file, also for those that fail
as_json() {
    cp a.raw f
    exits 4 rewrap --json -i old.key --add -r third.pem f nowhere plain >told
    [ "$(wc -l <told)" -eq 3 ]
    "$PYTHON" -c 'import json, sys
kept, added = sys.argv[1:]
ok, missing, none = [json.loads(line) for line in open("told")]
assert (ok["file"], ok["status"]) == ("f", "ok") and "error" not in ok
assert ok["opened"] is True and ok["absent"] == []
assert [(r["change"], r["type"], r["id"], r["known"])
        for r in ok["recipients"]] == [("kept", "ec", kept, True),
                                       ("added", "x25519", added, True)]
assert (missing["file"], missing["status"]) == ("nowhere", "failed")
assert "No such file" in missing["error"] and missing["recipients"] == []
assert missing["reason"] == 40 and "reason" not in ok
assert (none["status"], none["reason"]) == ("failed", 4)' "$(hex_id old)" "$(hex_id third)"
    exits 2 rewrap --json -i old.key -r new.pem -o - f >told
    nothing told
}

# --- owners and times -----------------------------------------------------

read_only() {
    cp a.raw f
    chmod 444 f
    rm -f made
    rewrap -i old.key -r new.pem -o made f
    opens made new
    chmod 600 f
    rm -f made
    rewrap -i old.key -r new.pem -o made f
    [ "$(stat -c %a made)" = 600 ]
}

# A new file is for those that the old one was for.
new_owner() {
    cp a.raw f
    chown nobody f
    chgrp 65534 f
    for mode in 640 600; do
        chmod $mode f
        rm -f made
        rewrap -i old.key -r new.pem -o made f
        [ "$(stat -c '%U %g %a' made)" = "nobody 65534 $mode" ]
    done
    rm -f f
}

# The time tells that it changed, or does not tell it.
keeps_times() {
    for kind in raw tar; do
        cp a.$kind f
        touch -d '2025-01-02 03:04:05.678' f
        was=$(stat -c '%x %y' f)
        rewrap -i old.key -r new.pem --preserve-mtime f
        [ "$(stat -c '%x %y' f)" = "$was" ]
        opens f new
        rm -f made
        touch -d '2025-01-02 03:04:05.678' f # they were read
        rewrap -i new.key -r old.pem --preserve-mtime -o made f
        [ "$(stat -c '%x %y' made)" = "$was" ]
        rewrap -i new.key -r old.pem --preserve-mtime -o - f >out
        rm -f made
        rewrap -i new.key -r old.pem -o made f
        rewrap -i new.key -r old.pem f
        for file in f made; do
            [ "$(stat -c %Y $file)" -gt 1767225600 ]
        done
    done
}

# Who may write may not always set the times.
times_of_another() {
    rm -f f
    cp a.raw f
    chmod 666 f
    touch -d '2025-01-02' f
    chmod 777 .
    chmod 644 old.key
    set -- setpriv --reuid=65534 --regid=65534 --clear-groups
    exits 1 "$@" "$envelope" rewrap -i old.key -r new.pem --preserve-mtime f
    says_that 'its time cannot be kept: Operation not permitted'
    cmp f a.raw
    [ ! -e f.envelope-rewrap ]
    "$@" "$envelope" rewrap -i old.key -r new.pem f
    chmod 600 old.key
    chmod 700 .
    opens f new
}

t 'as JSON' as_json
t 'names from a list' from_a_list
t 'names that look like options' wildcards
t 'several files, and some that are none' several
t 'a symbolic link' links
t 'to standard output' standard_output
t 'a name that could harm a terminal' terminals
t 'a file that can only be read' read_only
if [ "$(id -u)" -eq 0 ]; then
    t 'the owner of a new file' new_owner
    t "times of somebody else's file" times_of_another
else
    skip 'the owner of a new file' 'needs to be root'
    skip "times of somebody else's file" 'needs to be root'
fi
t 'the times of a file' keeps_times
