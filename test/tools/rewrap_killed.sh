#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What is left when envelope rewrap is killed or the power fails, at any call that
# changes a file, and how it recovers.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 17
: "${CC:=cc}"
. "$srcdir/test/tools/rewrap_support.sh"
need "$CC"
set_up make_files

# dies HOW N FILE [LOSE [ZEROS]] - rewrap is killed, or is not (status 1)
dies() {
    dies_status=0
    env LD_PRELOAD="$PWD/die.so" DIE_HOW="$1" DIE_AT="$2" DIE_LOSE="${4-0}" \
        DIE_ZEROS="${5-0}" ASAN_OPTIONS="${ASAN_OPTIONS-}:verify_asan_link_order=0" \
        "$envelope" rewrap -i old.key -r new.pem "$3" >told 2>err \
        || dies_status=$?
    case $dies_status in
    0 | 1) false ;;
    137) ;;
    *) cat err && exit 1 ;;
    esac
}

which_key() { # FILE - old or new; neither is a failure
    if "$envelope" -d -i old.key <"$1" 2>/dev/null | cmp -s plain -; then
        echo old
    elif "$envelope" -d -i new.key <"$1" 2>/dev/null | cmp -s plain -; then
        echo new
    else
        echo neither
    fi
}

# --- at any call ----------------------------------------------------------

# Who may not read the file may not read the journal.
journal_mode() {
    [ ! -e f.envelope-rewrap ] \
        || case $(stat -c %a f.envelope-rewrap) in 600 | 640) ;; *) false ;; esac
}

# survives HOW [LOSE [ZEROS]] - at each call, until the program lives
survives() {
    n=0 seen=
    while
        n=$((n + 1))
        cp "a.$kind" f
        chmod 640 f
        rm -f f.envelope-rewrap
        dies "$1" $n f "${2-0}" "${3-0}"
    do
        [ $n -lt 30 ]
        journal_mode
        found=$(which_key f)
        # Only a write that was torn needs help.
        [ "$found" != neither ] || case $1 in first | second) ;; *) false ;; esac
        rewrap --recover f
        [ ! -e f.envelope-rewrap ]
        after=$(which_key f)
        case $found-$after in
        old-old | old-new | new-new | neither-new) ;;
        *) echo "$n: $found, then $after" && false ;;
        esac
        same_rest f "a.$kind"
        seen="$seen $found-$after"
    done
    echo "$seen"
    in_place f "a.$kind"
    [ "$(which_key f)" = new ]
    [ $n -gt 8 ]
}

killed() { # KIND
    kind=$1
    survives before
    case $seen in *old-old*old-new*new-new*) ;; *) false ;; esac
    survives after
    case $seen in *old-old*old-new*new-new*) ;; *) false ;; esac
}

torn() { # KIND
    kind=$1
    survives first
    case $seen in *neither-new*) ;; *) false ;; esac
    survives second
    case $seen in *neither-new*) ;; *) false ;; esac
}

power_loss() { # KIND
    kind=$1
    for lose in 1 2 3; do
        survives before $lose
        survives after $lose
    done
    survives before 2 1
    survives after 2 1
}

# With -o there is the whole new file, or none, and never another old one.
new_file_killed() {
    n=0
    while
        n=$((n + 1))
        rm -f made .made* made.*
        status=0
        env LD_PRELOAD="$PWD/die.so" DIE_HOW=after DIE_AT=$n \
            ASAN_OPTIONS="${ASAN_OPTIONS-}:verify_asan_link_order=0" \
            "$envelope" rewrap -i old.key -r new.pem -o made a.tar \
            || status=$?
        [ $status -eq 137 ]
    do
        [ $n -lt 100 ]
        [ ! -e made ] || opens made new
    done
    [ $status -eq 0 ]
    opens made new
}

# --- journals -------------------------------------------------------------

# f with a journal that is on the disk, and nothing done yet
interrupted() {
    cp a.raw f
    rm -f f.envelope-rewrap
    dies after 4 f
    [ -s f.envelope-rewrap ]
    [ "$(which_key f)" = old ]
}

# An operation goes on after the recovery.
goes_on() {
    interrupted
    rm -f made
    exits 1 rewrap -i new.key -r third.pem -o made f
    says_that recover
    [ ! -e made ]
    rewrap -i new.key -r third.pem f >told
    tells 'f: the rewrap that was interrupted is done now' \
        'f: rewrapped for 1 recipient'
    opens f third
    interrupted
    touch -d '2025-01-02' f
    was=$(stat -c %y f)
    rewrap --recover --preserve-mtime f
    [ "$(stat -c %y f)" = "$was" ]
    [ "$(which_key f)" = new ]
    rewrap --recover f >told
    tells 'f: no rewrap was interrupted'
}

# A configuration under which libcrypto has no SHA-256
no_hash() {
    cat >no_hash.cnf <<'CONF'
openssl_conf = init
[init]
alg_section = evp
[evp]
default_properties = provider=nowhere
CONF
    interrupted
    cp f before
    cp f.envelope-rewrap journal
    exits 1 env OPENSSL_CONF="$PWD/no_hash.cnf" \
        "$envelope" rewrap --recover f >told
    says_that SHA-256
    cmp f before
    cmp f.envelope-rewrap journal
    rewrap --recover f >told
    tells 'f: the rewrap that was interrupted is done now'
    opens f new
}

# A journal is for one payload, in one place.
not_for_this() {
    interrupted
    cp f.envelope-rewrap journal
    for file in tight.raw a.tar; do
        cp $file g
        cp journal g.envelope-rewrap
        exits 1 rewrap -i old.key -r new.pem g
        says_that 'g.envelope-rewrap'
        cmp g $file
        cmp g.envelope-rewrap journal
    done
    # Every byte of it counts; what is incomplete is dropped.
    size=$(size_of journal)
    for at in 16 30 39 45 80 110 $(((size + 104) / 2 - 1)); do
        cp a.raw g
        cp journal g.envelope-rewrap
        flip g.envelope-rewrap "$at"
        rewrap --recover g >told
        tells 'g: a rewrap was interrupted before it changed anything'
        cmp g a.raw
        [ ! -e g.envelope-rewrap ]
    done
    for at in 0 5 16 103 104 $((size - 1)); do
        cp a.raw g
        head -c "$at" journal >g.envelope-rewrap
        rewrap --recover g
        cmp g a.raw
        [ ! -e g.envelope-rewrap ]
    done
    # A file of that name that is none of ours stays.
    echo 'a note' >g.envelope-rewrap
    exits 1 rewrap -i old.key -r new.pem g
    [ "$(cat g.envelope-rewrap)" = 'a note' ]
    rm g.envelope-rewrap
    ln -s ../journal g.envelope-rewrap
    exits 1 rewrap -i old.key -r new.pem g
    rm g.envelope-rewrap
    cmp g a.raw
}

# One that was damaged later is the only copy of what the header was, and of what
# it was to be.
damaged_later() {
    interrupted
    "$PYTHON" -c 'import struct
text = bytearray(open("f.envelope-rewrap", "rb").read())
at, size = struct.unpack(">QQ", text[16:32])
with open("f", "r+b") as file:
    file.seek(at)
    file.write(text[104:104 + size // 5])
text[104 + size // 3] ^= 1
open("f.envelope-rewrap", "wb").write(text)'
    cp f before
    cp f.envelope-rewrap journal
    [ "$(which_key f)" = neither ]
    exits 1 rewrap --recover f
    says_that 'it is damaged'
    exits 1 rewrap -i old.key -r new.pem f
    cmp f before
    cmp f.envelope-rewrap journal
    # Nothing was touched yet, but the old bytes do not show it.
    interrupted
    flip f.envelope-rewrap $(($(size_of f.envelope-rewrap) - 1))
    exits 1 rewrap --recover f
    [ "$(which_key f)" = old ]
    rm f.envelope-rewrap
}

# One that was put back after the header had been written again would undo that.
stale() {
    interrupted
    cp f.envelope-rewrap journal
    rewrap --recover f
    rewrap -i new.key -r third.pem f
    cp f before
    cp journal f.envelope-rewrap
    exits 1 rewrap --recover f
    says_that 'the header was written again since that rewrap'
    exits 1 rewrap -i third.key -r new.pem f
    cmp f before
    cmp f.envelope-rewrap journal
    opens f third
    rm f.envelope-rewrap
}

somebody_elses() {
    interrupted
    chown nobody f.envelope-rewrap
    exits 1 rewrap -i old.key -r new.pem f
    says_that "somebody else's"
    cmp f a.raw
    chown nobody f
    rewrap -i new.key -r third.pem f
    opens f third
}

t 'what kills it can be made' make_die
for kind in raw tar xbstream; do
    t "$kind: killed at any call" killed $kind
    t "$kind: killed within any write" torn $kind
    t "$kind: power fails at any call" power_loss $kind
done
t 'it goes on where it was interrupted' goes_on
t 'a journal is kept while it cannot be checked' no_hash
t 'a journal that is not for this file' not_for_this
t 'a journal that is older than the header' stale
t 'a journal that was damaged later' damaged_later
if [ "$(id -u)" -eq 0 ]; then
    t "somebody else's journal" somebody_elses
else
    skip "somebody else's journal" 'needs to be root'
fi
t 'a new file: killed at any call' new_file_killed
