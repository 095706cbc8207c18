#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# envelope rewrap: another key envelope in front of the same payload, in all
# carriers, in place and into a new file; and what is left when the program or
# the machine stops at any call that changes a file.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 77
provider
need "$PYTHON" timeout

: "${CC:=cc}"

carrier() {
    "$PYTHON" "$srcdir/test/interop/carrier.py" "$@"
}

rewrap() {
    "$envelope" rewrap "$@"
}

# --- how it is judged -----------------------------------------------------

# opens FILE KEY... - all of these open it
opens() {
    opens_file=$1
    shift
    for opens_key in "$@"; do
        "$envelope" -d -i "$opens_key.key" <"$opens_file" | cmp plain -
    done
}

shut() { # FILE KEY... - none of these
    shut_file=$1
    shift
    for shut_key in "$@"; do
        exits 3 "$envelope" -d -i "$shut_key.key" <"$shut_file" >out
        nothing out
    done
}

# The bytes after the header, as a stream, and where they begin.
payload() {
    carrier join "$1" >joined
    tail -c +$(($(header_length joined) + 1)) joined
}

# in_place FILE BEFORE - the payload and all frames but the header's are as
# they were, and nothing is left beside it
in_place() {
    payload "$2" >want
    payload "$1" | cmp want -
    same_rest "$1" "$2"
}

# Frames and all, after what any of the headers here takes up
same_rest() { # FILE BEFORE
    [ "$(size_of "$1")" -eq "$(size_of "$2")" ]
    tail -c +8193 "$2" >want
    tail -c +8193 "$1" | cmp want -
    [ ! -e "$1.envelope-rewrap" ]
}

# forge FILE KEY - a wrapped key after this key's identifier that is none
forge() {
    "$PYTHON" - "$1" "$(hex_id "$2")" <<'PYTHON'
import sys

data = bytearray(open(sys.argv[1], "rb").read())
name = data.index(bytes.fromhex(sys.argv[2]))
data[data.index(b"\x04\x28", name + 20) + 2] ^= 1
open(sys.argv[1], "wb").write(data)
PYTHON
}

canonical() { # FILE KIND
    [ "$2" = raw ] || carrier canonical "$2" --piece-size 65536 "$1"
}

# The lines about files, without those about recipients
tells() { # LINE...
    grep -v '^  ' told >lines
    printf '%s\n' "$@" | cmp - lines
}

# changed CHANGE KEY... - just these have this change, by their identifiers
changed() {
    changed_how=$1
    shift
    for changed_key in "$@"; do
        hex_id "$changed_key"
    done | sort >want
    sed -n "s/^  $changed_how  *.*, \\([0-9a-f]*\\)\$/\\1/p" told | sort |
        cmp want -
}

says_that() { # PATTERN
    grep -q -e "$1" err
}

hex_id() { # KEY - by which an envelope knows it
    "$OPENSSL" pkey -in "$1.key" -pubout -outform DER | "$OPENSSL" dgst -sha256 \
        | sed 's/.*= *//' | cut -c 1-40
}

make_all() {
    new_ec old P-256
    new_ec new P-256
    new_key third -algorithm X25519
    new_rsa big 4096
    echo 'correct horse' >old.pw
    echo 'battery staple' >new.pw
    head -c 300000 /dev/urandom >plain
    for kind in raw tar xbstream; do
        "$envelope" -r old.pem --carrier $kind --piece-size 65536 \
            --reserve 600 --label who=ops <plain >a.$kind
        "$envelope" -r old.pem --carrier $kind --piece-size 65536 \
            --reserve 0 <plain >tight.$kind
    done
}

t 'keys and envelopes can be made' make_all

# --- in place -------------------------------------------------------------

replaces() { # KIND
    cp "a.$1" f
    rewrap -i old.key -r new.pem f >told
    tells 'f: rewrapped for 1 recipient'
    in_place f "a.$1"
    opens f new
    shut f old
    canonical f "$1"
    rewrap -i old.key -i new.key -r old.pem -r third.pem f >told
    tells 'f: rewrapped for 2 recipients'
    in_place f "a.$1"
    opens f old third
    shut f new
    canonical f "$1"
    carrier join f | tail -c +33 | head -c 8 | cmp - labels
}

adds() { # KIND
    cp "a.$1" f
    rewrap -i old.key --add -r third.pem f >told
    tells 'f: rewrapped for 2 recipients'
    in_place f "a.$1"
    changed kept old
    changed added third
    changed removed
    opens f old third
    canonical f "$1"
    # Its identifier may be somebody else's claim: the entry is made anew.
    cp f before
    rewrap -i old.key --add -r third.pem f >told
    tells 'f: rewrapped for 2 recipients, the same as before'
    changed kept old
    changed removed third
    changed added third
    in_place f before
    opens f old third
    # Where its own key opens it, that is proved, in whatever order keys come.
    cp f before
    for keys in "-i third.key" "-i third.key -i old.key" \
        "-i old.key -i third.key" "-i big.key -i old.key -i third.key"; do
        # shellcheck disable=SC2086 # words
        rewrap $keys --add -r third.pem f >told
        tells 'f: unchanged, for 2 recipients'
        changed kept old third
        cmp f before
    done
    for mode in --add --replace-all; do
        rewrap -i old.key -i third.key "$mode" -r third.pem -r old.pem f >told
        tells 'f: unchanged, for 2 recipients'
        cmp f before
    done
    # What only bears its identifier is not opened by its key, and is replaced;
    # the key that has opened the rest is kept.
    [ "$1" != xbstream ] || return 0 # which has a CRC
    forge f third
    exits 3 "$envelope" verify --header -i third.key f
    rewrap -i old.key -i third.key --add -r third.pem f >told
    tells 'f: rewrapped for 2 recipients, the same as before'
    opens f old third
}

keeps_others() { # KIND
    "$envelope" -r old.pem -r third.pem -r big.pem --carrier "$1" \
        --piece-size 65536 --reserve 600 <plain >f
    cp f before
    rewrap -i old.key -r new.pem f >told
    tells 'f: rewrapped for 3 recipients'
    changed kept third big
    changed removed old
    changed added new
    in_place f before
    opens f new third big
    shut f old
    # For the same key there is nothing to do; and once nobody else is to have
    # it.
    cp f before
    rewrap -i third.key -r third.pem f >told
    tells 'f: unchanged, for 3 recipients'
    changed kept new third big
    cmp f before
    cp f g
    rewrap -i big.key --replace-all -r old.pem f >told
    tells 'f: rewrapped for 1 recipient'
    changed removed new third big
    changed added old
    opens f old
    shut f new third big
    rewrap -i big.key --replace-all -r big.pem g >told
    tells 'g: rewrapped for 1 recipient'
    changed kept big
    changed removed new third
    opens g big
    shut g new third
    rewrap -i big.key --replace-all -r big.pem g >told
    tells 'g: unchanged, for 1 recipient'
    in_place g before
    canonical f "$1"
    cp f before
    exits 2 rewrap -i old.key --replace-all --add -r new.pem f
    exits 2 rewrap -i old.key --replace-all --remove "$(hex_id old)" -r new.pem f
    exits 2 rewrap -i old.key --replace-all f
    cmp f before
}

removes() { # KIND
    "$envelope" -r old.pem -r third.pem --carrier "$1" --piece-size 65536 \
        <plain >f
    cp f before
    rewrap -i old.key --remove "$(hex_id third)" f >told
    tells 'f: rewrapped for 1 recipient'
    in_place f before
    opens f old
    shut f third
    canonical f "$1"
    # The last one has to stay.
    cp f before
    exits 2 rewrap -i old.key --remove "$(hex_id old)" f
    # Who is not there is gone, but a slip of the hand must show.
    id=$(hex_id third)
    rewrap -i old.key --remove "$id" --remove 0123456789 f >told
    tells "f: unchanged, for 1 recipient; no recipient of identifier $id, 0123456789"
    exits 2 rewrap -i old.key --remove 0123456 f
    says_that 'at least 8 digits'
    exits 3 rewrap -i new.key --remove "$id" f
    cmp f before
}

adds_and_removes() { # KIND
    cp "a.$1" f
    rewrap -i old.key --add -r new.pem --remove "$(hex_id old)" f >told
    tells 'f: rewrapped for 1 recipient'
    in_place f "a.$1"
    opens f new
    shut f old
    canonical f "$1"
}

# untouched STATUS REASON KIND ARGUMENT... - it fails, and f is as it was
untouched() {
    untouched_status=$1 untouched_reason=$2
    shift 2
    exits "$untouched_status" rewrap "$@" f >told
    nothing told
    grep -q "^envelope: f: $(reason "$untouched_reason")" err
    cmp f before
    [ ! -e f.envelope-rewrap ]
}

wrong_key() { # KIND
    cp "a.$1" f
    cp f before
    untouched 3 NO_MATCH -i new.key -r new.pem
    untouched 3 NO_MATCH -i new.key --add -r new.pem
    untouched 3 NO_MATCH -i new.key --remove "$(hex_id old)"
    untouched 3 NO_MATCH -i new.key -o never -r new.pem
    nothing never
}

# A key envelope that does not belong to the payload
another_payload() { # KIND
    cp "a.$1" f
    [ "$1" != raw ] || flip f $(($(header_length f) + 30))
    [ "$1" != tar ] || {
        carrier join f >joined
        flip joined $(($(header_length joined) + 3))
        carrier split tar --piece-size 65536 joined >f
    }
    [ "$1" != xbstream ] || {
        carrier join f >joined
        flip joined 33 # a label
        carrier split xbstream --piece-size 65536 joined >f
    }
    cp f before
    untouched 5 COMMITMENT -i old.key -r new.pem
    untouched 5 COMMITMENT -i old.key --add -r new.pem
    untouched 5 COMMITMENT -i old.key --remove "$(hex_id old)"
    untouched 5 COMMITMENT -i old.key -r new.pem -o never
    nothing never
}

too_big() { # KIND
    cp "tight.$1" f
    cp f before
    untouched 1 HEADER_TOO_LARGE -i old.key -r big.pem
    missing=$(sed -n 's/.*needs \([0-9]*\) bytes more.*/\1/p' err)
    [ "$missing" -gt 100 ]
    says_that '-o NEWFILE'
    # With so much room it fits, and with a byte less it does not.
    for room in "$missing" $((missing - 1)); do
        rm -f roomy
        rewrap -i old.key -r old.pem --reserve "$room" -o roomy f
        opens roomy old
        status=0
        rewrap -i old.key -r big.pem roomy || status=$?
        [ $status -eq $((room < missing)) ]
    done
    rm -f made
    rewrap -i old.key -r big.pem -o made f >told
    tells 'f: rewrapped for 1 recipient'
    cmp f before
    opens made big
    shut made old
    canonical made "$1"
    payload f >want
    payload made | cmp want -
    # It has room for more.
    rewrap -i big.key --add -r new.pem made
    opens made big new
    # There is a new file, and it stays.
    cp made before
    exits 2 rewrap -i old.key -r new.pem -o made f
    cmp made before
}

printf 'who=ops\n' >labels
for kind in raw tar xbstream; do
    t "$kind: other recipients" replaces $kind
    t "$kind: one more recipient" adds $kind
    t "$kind: the others stay" keeps_others $kind
    t "$kind: one recipient less" removes $kind
    t "$kind: one in the place of another" adds_and_removes $kind
    t "$kind: a key that does not open it" wrong_key $kind
    t "$kind: a key envelope of another payload" another_payload $kind
    t "$kind: it does not fit" too_big $kind
done

# --- other keys -----------------------------------------------------------

passphrases() {
    "$envelope" --passphrase-file old.pw --reserve 300 <plain >f
    cp f before
    exits 3 rewrap --identity-passphrase-file new.pw -r new.pem f
    says_that "$(reason WRONG_KEY)"
    cmp f before
    exits 3 rewrap --passphrase-file old.pw f
    cmp f before
    rewrap --identity-passphrase-file old.pw --passphrase-file new.pw f
    "$envelope" -d --passphrase-file new.pw <f | cmp plain -
    exits 3 "$envelope" -d --passphrase-file old.pw <f
    # A file that can be read once does for all of them.
    cp f g
    # shellcheck disable=SC2002 # a pipe, not the file
    cat old.pw | rewrap --identity-passphrase-file new.pw \
        --passphrase-file /dev/stdin f g
    "$envelope" -d --passphrase-file old.pw <f | cmp plain -
    "$envelope" -d --passphrase-file old.pw <g | cmp plain -
}

key_encryption_keys() {
    "$OPENSSL" rand -hex 32 >old.kek
    "$OPENSSL" rand -hex 32 >new.kek
    "$envelope" --kek old.kek --reserve 500 <plain >f
    cp f before
    exits 3 rewrap --identity-kek new.kek -r new.pem f
    says_that "$(reason WRONG_KEY)"
    cmp f before
    rewrap --identity-kek old.kek --kek new.kek f
    "$envelope" -d --kek new.kek <f | cmp plain -
    exits 3 "$envelope" -d --kek old.kek <f
    rewrap --identity-kek new.kek --add -r new.pem f
    "$envelope" -d --kek new.kek <f | cmp plain -
    opens f new
}

from_environment() {
    cp a.raw f
    ENVELOPE_IDENTITIES=old.key rewrap -r new.pem f
    opens f new
    cp f before
    # Recipients have to be said.
    ENVELOPE_RECIPIENTS=old.pem exits 2 rewrap -i new.key f
    cmp f before
}

bad_recipients() {
    cp a.raw f
    cp f before
    for bad in nowhere.pem old.key plain; do
        exits 1 rewrap -i old.key -r $bad f >told
        nothing told
        cmp f before
    done
    exits 3 rewrap -i nowhere.key -r new.pem f >told
    nothing told
    cmp f before
}

t 'passphrases, old and new' passphrases
t 'key-encryption keys, old and new' key_encryption_keys
t 'identities come from the environment, recipients do not' from_environment
t 'recipients and identities that are none' bad_recipients

# --- files ----------------------------------------------------------------

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

not_regular() {
    mkfifo fifo
    exits 1 timeout 5 "$envelope" rewrap -i old.key -r new.pem fifo
    exits 1 rewrap -i old.key -r new.pem /dev/null
    exits 1 rewrap -i old.key -r new.pem -
    exits 8 rewrap -i old.key -r new.pem missing
    exits 1 timeout 5 "$envelope" rewrap --recover fifo
    : >empty
    exits 5 rewrap -i old.key -r new.pem empty
    for size in 10 100 500 1000; do
        head -c $size a.raw >short
        cp short before
        exits 5 rewrap -i old.key -r new.pem short
        cmp short before
    done
}

locked() {
    cp a.raw f
    exits 1 "$PYTHON" -c 'import fcntl, subprocess, sys
with open("f") as f:
    fcntl.flock(f, fcntl.LOCK_EX)
    sys.exit(subprocess.call(sys.argv[1:]))' \
        "$envelope" rewrap -i old.key -r new.pem f
    says_that locked
    cmp f a.raw
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

# What a user may read and not write is not called unreadable, and the other
# way round.
not_writable() {
    cp a.raw f
    chmod 755 .
    chmod 644 old.key
    [ "$(id -u)" -ne 0 ] \
        || set -- setpriv --reuid=65534 --regid=65534 --clear-groups
    chmod 444 f
    for how in '-i old.key -r new.pem' --recover; do
        # shellcheck disable=SC2086 # words
        exits 1 "$@" "$envelope" rewrap $how f >told
        nothing told
        says_that "^envelope: f: $(reason WRITE): Permission denied\$"
    done
    chmod 0 f
    exits 1 "$@" "$envelope" rewrap -i old.key -r new.pem f
    says_that "^envelope: f: $(reason READ): Permission denied\$"
    chmod 600 f old.key
    cmp f a.raw
}

full() {
    cp a.raw f
    # shellcheck disable=SC2016 # for that shell
    exits 1 sh -c 'trap "" XFSZ; ulimit -f 1
        exec "$0" rewrap -i old.key -r new.pem f' "$envelope"
    says_that 'File too large'
    cmp f a.raw
    [ ! -e f.envelope-rewrap ]
    exits 1 rewrap -i old.key -r new.pem -f -o /dev/full f
    cmp f a.raw
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
assert none["status"] == "failed"' "$(hex_id old)" "$(hex_id third)"
    exits 2 rewrap --json -i old.key -r new.pem -o - f >told
    nothing told
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

# Who can write to the file gives his entry the name of the next key: the
# entry goes, and those that this project would never write go with it.
planted() {
    cp a.raw f
    "$PYTHON" "$srcdir/test/interop/planted.py" f "$(hex_id third)" >planted
    "$envelope" inspect planted >told
    grep -q 'RSAES-PKCS1-v1_5; passed over' told
    grep -q '^note: .*rewrap drops it' told
    cp planted f
    rewrap -i old.key --add -r third.pem f >told
    tells 'f: rewrapped for 2 recipients'
    changed kept old
    changed added third
    [ "$(grep -c '^  removed ' told)" -eq 2 ]
    grep -q '^  removed .*, which envelope does not write$' told
    opens f old third
    "$envelope" inspect f >told
    [ "$(grep -c '^recipient:' told)" -eq 2 ]
    cp planted f
    rewrap -i old.key --remove "$(hex_id third)" f >told
    tells 'f: rewrapped for 1 recipient'
}

# A rotation that is run again, over files that are done and some that are not
runs_again() {
    rm -f f.? made
    for n in 1 2; do
        cp a.tar f.$n
    done
    "$envelope" -r old.pem -r third.pem --reserve 600 <plain >f.3
    "$envelope" -r third.pem <plain >stranger
    rewrap -i old.key -r new.pem f.1
    touch -d 2025-01-02 f.1
    cp -p f.1 done
    done='the new ones are among them by their identifiers, and no identity opens it'
    rewrap -i old.key -r new.pem f.1 f.2 f.3 >told
    tells "f.1: unchanged, for 1 recipient; $done" \
        'f.2: rewrapped for 1 recipient' 'f.3: rewrapped for 2 recipients'
    cmp f.1 done
    [ ! f.1 -nt done ]
    exits 3 rewrap -i old.key -r new.pem f.1 stranger f.3 >told
    tells "f.1: unchanged, for 1 recipient; $done" \
        "f.3: unchanged, for 2 recipients; $done"
    says_that "^envelope: stranger: $(reason NO_MATCH)"
    # With the new key it is proved.
    rewrap -i old.key -i new.key -r new.pem f.1 f.2 f.3 >told
    tells 'f.1: unchanged, for 1 recipient' 'f.2: unchanged, for 1 recipient' \
        'f.3: unchanged, for 2 recipients'
    cmp f.1 done
    [ ! f.1 -nt done ]
    opens f.1 new
    # One of the new ones is not there, or somebody else is, or is still there.
    exits 3 rewrap -i old.key -r new.pem -r big.pem f.1
    exits 3 rewrap -i old.key --add -r new.pem f.1
    exits 3 rewrap -i old.key -r new.pem --passphrase-file new.pw f.1
    exits 3 rewrap -i old.key --replace-all -r new.pem f.3
    exits 3 rewrap -i old.key -r new.pem --remove "$(hex_id third)" f.3
    rewrap -i old.key --replace-all -r new.pem f.1
    rewrap -i old.key -r new.pem --remove "$(hex_id third)" f.1 >told
    tells "f.1: unchanged, for 1 recipient; $done; no recipient of identifier $(hex_id third)"
    # Into a new file only what was proved
    exits 3 rewrap -i old.key -r new.pem -o made f.1
    [ ! -e made ]
    rewrap -i new.key -r new.pem -o made f.1 >told
    tells 'f.1: unchanged, for 1 recipient'
    opens made new
    rewrap --json -i old.key -r new.pem --remove 01234567 f.1 f.1 >told
    "$PYTHON" -c 'import json
for line in open("told"):
    o = json.loads(line)
    assert (o["status"], o["opened"]) == ("unchanged", False), o
    assert o["absent"] == ["01234567"] and len(o["recipients"]) == 1
    assert o["recipients"][0]["change"] == "kept"'
}

# A key that is there twice goes twice; who of several goes has to be said.
who_goes() {
    new_cert old
    "$envelope" -r old.pem -r old.crt -r third.pem --reserve 600 <plain >f
    rewrap -i old.key -r new.pem f >told
    tells 'f: rewrapped for 2 recipients'
    changed kept third
    opens f new third
    shut f old
    cp f before
    exits 2 rewrap -i third.key -i new.key -r old.pem f
    says_that 'several of the identities'
    cmp f before
    rewrap -i third.key -i new.key --replace-all -r old.pem f
    opens f old
    # Who is replaced may be named as well.
    rewrap -i old.key -r new.pem --remove "$(hex_id old)" f >told
    changed removed old
    changed added new
    opens f new
}

t 'a rotation that is run again' runs_again
t 'who goes' who_goes
t 'as JSON' as_json
t 'names from a list' from_a_list
t 'names that look like options' wildcards
t 'entries that somebody else has put there' planted
t 'several files, and some that are none' several
t 'what is no file, or only the beginning of one' not_regular
t 'a file that is locked' locked
t 'a symbolic link' links
t 'to standard output' standard_output
t 'a name that could harm a terminal' terminals
t 'a file that can only be read' read_only
if [ "$(id -u)" -ne 0 ] || setpriv --clear-groups true; then
    t 'a file that may be read and not written' not_writable
else
    skip 'a file that may be read and not written' 'setpriv is not installed'
fi
if [ "$(id -u)" -eq 0 ]; then
    t 'the owner of a new file' new_owner
    t "times of somebody else's file" times_of_another
else
    skip 'the owner of a new file' 'needs to be root'
    skip "times of somebody else's file" 'needs to be root'
fi
t 'the times of a file' keeps_times
t 'a full disk' full

# --- archives that were packed again --------------------------------------

repacked() { # KIND ARGUMENT-OF-SPLIT...
    repacked_kind=$1
    shift
    carrier join "a.$repacked_kind" >joined
    carrier split "$repacked_kind" --piece-size 65536 "$@" joined >f
    cp f before
}

packed_again() { # KIND ARGUMENT-OF-SPLIT...
    repacked "$@"
    rewrap -i old.key -r new.pem f
    in_place f before
    opens f new
    carrier join f >joined
}

elsewhere() { # KIND ARGUMENT-OF-SPLIT...
    repacked "$@"
    untouched 1 CARRIER_MEMBER -i old.key -r new.pem
    says_that '-o NEWFILE'
    rm -f made
    rewrap -i old.key -r new.pem -o made f
    opens made new
    # As long as the pieces were, if that was known from the beginning on.
    canonical made "$1" || carrier canonical "$1" made
}

by_tar() {
    rm -rf x
    mkdir x
    tar -xf a.tar -C x
    for format in gnu pax; do
        (cd x && tar --sort=name --format=$format -cf - ./envelope) >f
        cp f before
        rewrap -i old.key -r new.pem f
        in_place f before
        opens f new
        tar -tf f >/dev/null
    done
}

by_mbstream() {
    rm -rf x
    mkdir x
    cp a.xbstream f
    rewrap -i old.key -r new.pem f
    mbstream -x -C x <f
    cat x/envelope/header x/envelope/key.p7m x/envelope/payload >joined
    opens joined new
    (cd x && mbstream -c envelope/key.p7m envelope/header envelope/payload) >f
    cp f before
    rewrap -i new.key -r old.pem f
    in_place f before
    opens f old
}

xbcloud() {
    "$envelope" -r old.pem --carrier xbstream --xbcloud --piece-size 65536 \
        <plain >f
    rm -f made
    rewrap -i old.key -r new.pem -o made f
    carrier canonical xbstream --piece-size 65536 --xbcloud made
    opens made new
}

short_payload() { # KIND
    carrier join "a.$1" >joined
    length=$(header_length joined)
    for size in 56 71 $((56 + 16400)) $((56 + 16400 + 15)); do
        head -c $((length + size)) joined >short
        if [ "$1" = raw ]; then
            cp short f
        else
            carrier split "$1" --piece-size 65536 short >f
        fi
        exits 5 rewrap -i old.key -r new.pem -o never f
        says_that "$(reason TRUNCATED)"
        [ ! -e never ]
    done
    # Of an archive that was cut nothing is left either.
    [ "$1" = raw ] || {
        head -c 200000 "a.$1" >f
        exits 5 rewrap -i old.key -r new.pem -o never f
        says_that "$(reason CARRIER_TRUNCATED)"
        [ ! -e never ]
    }
}

with_tool() { # TOOL NAME COMMAND...
    tool=$1
    shift
    if command -v "$tool" >/dev/null; then
        t "$@"
    else
        skip "$1" "$tool is not installed"
    fi
}

t 'tar: directories and pax headers between' packed_again tar \
    --order 'dir:./,x:comment=a,header,g:comment=b,dir:envelope/,key,pieces,end'
t 'tar: the key first' packed_again tar --order key,header,pieces,end
t 'xbstream: the key first' packed_again xbstream \
    --order key,header,key.E,header.E,pieces,payload.E
t 'tar: the key after the payload' elsewhere tar \
    --order header,pieces,key,end
t 'xbstream: the header after the payload' elsewhere xbstream \
    --order key,key.E,pieces,payload.E,header,header.E
t 'xbstream: a key in two chunks' elsewhere xbstream \
    --order 'header,header.E,key[0:100],key[100:],key.E,pieces,payload.E'
with_tool tar 'packed again by GNU tar' by_tar
with_tool mbstream 'packed again by mbstream' by_mbstream
t 'the files for xbcloud' xbcloud
for kind in raw tar xbstream; do
    t "$kind: a payload of a length that none has" short_payload $kind
done

# --- arguments ------------------------------------------------------------

usage() {
    cp a.raw f
    while read -r arguments; do
        # shellcheck disable=SC2086 # words
        exits 2 rewrap $arguments >told
        nothing told
        cmp f a.raw
    done <<LIST
-i old.key -r new.pem
-i old.key f
-i old.key --add f
-i old.key --add --remove $(hex_id old) f
-i old.key -r new.pem --remove 0123456 f
-i old.key --remove 0123 f
-i old.key --remove xyz f
-i old.key -r new.pem -o made f f
-i old.key -r new.pem --reserve 100 f
--recover -r new.pem f
--recover --remove 0123456789 f
--recover -o made f
--recover --add f
--recover --by-service f
--recover --replace-all f
--recover
LIST
}

t 'arguments that are wrong' usage

# --- journals -------------------------------------------------------------

make_die() {
    "$CC" -I"$srcdir" -shared -fPIC -o die.so "$srcdir/test/tools/die.c" -ldl
}

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

if command -v "$CC" >/dev/null; then
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
else
    skip_rest "$CC is not installed"
fi
