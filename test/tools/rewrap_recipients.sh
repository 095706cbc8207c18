#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Whom envelope rewrap adds, keeps and removes, in every carrier and in place.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 22
. "$srcdir/test/tools/rewrap_support.sh"

make_all() {
    make_files
    new_rsa big 4096
    echo 'correct horse' >old.pw
    echo 'battery staple' >new.pw
    printf 'who=ops\n' >labels
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

# --- whose key it is ------------------------------------------------------

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

t 'keys and envelopes can be made' make_all
for kind in raw tar xbstream; do
    t "$kind: other recipients" replaces $kind
    t "$kind: one more recipient" adds $kind
    t "$kind: the others stay" keeps_others $kind
    t "$kind: one recipient less" removes $kind
    t "$kind: one in the place of another" adds_and_removes $kind
done
t 'who goes' who_goes
t 'entries that somebody else has put there' planted
t 'a rotation that is run again' runs_again
t 'passphrases, old and new' passphrases
t 'key-encryption keys, old and new' key_encryption_keys
t 'identities come from the environment, recipients do not' from_environment
