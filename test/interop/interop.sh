#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Two implementations of doc/format.md meet: what the provider makes
# test/interop/envelope.py opens, and the other way round; both refuse the
# same damage for the same reason; openssl cms reads the key envelopes.

. "${srcdir:-.}/test/support/tap.sh"

plan 48
provider

need "$PYTHON"
"$PYTHON" -c 'import cryptography' 2>/dev/null \
    || skip_rest "$PYTHON has no cryptography package"

k=$("$OPENSSL" rand -hex 32)
echo 'correct horse battery staple' >pw
echo 'another passphrase' >other.pw
head -c 50000 /dev/urandom >plain
kinds='rsa2048 rsa4096 p256 p384 p521 x25519 x448'

# The package loads the stock legacy provider, which is in the stock directory.
py() {
    env -u OPENSSL_MODULES CRYPTOGRAPHY_OPENSSL_NO_LEGACY=1 \
        "$PYTHON" "$srcdir/test/interop/envelope.py" "$@"
}

make_keys() {
    new_each_kind
    new_rsa rsacert 2048
    new_cert rsacert
    new_ec eccert P-384
    new_cert eccert
    "$OPENSSL" pkcs12 -export -inkey eccert.key -in eccert.crt \
        -passout pass: -out eccert.p12
}

t 'keys of every kind can be made' make_keys

# --- the provider makes, the other opens ----------------------------------

py_opens() { # RECIPIENT IDENTITY
    seal_to "$1" plain a.env
    py decode --identity "$2" a.env out
    cmp plain out
}

py_opens_key() {
    # shellcheck disable=SC2086 # $enc is words
    $enc -K "$k" -in plain -out key.env
    py decode --kek "$k" key.env out
    cmp plain out
}

py_opens_each_of_many() {
    list=
    for kind in $kinds; do
        list=$list:$kind.pem
    done
    head -c 1000000 /dev/urandom >in
    seal_to "$list" in many.env
    for kind in $kinds; do
        rm -f out
        py decode --identity "$kind.key" many.env out
        cmp in out
    done
    py header many.env >json
    [ "$(grep -c '"type"' json)" -eq 7 ]
}

py_opens_size() { # LENGTH
    head -c "$1" plain >in
    seal_to p256.pem in a.env
    py decode --identity p256.key a.env out
    cmp in out
}

for kind in $kinds; do
    t "ours to $kind" py_opens "$kind.pem" "$kind.key"
done
t 'ours to an RSA certificate' py_opens rsacert.crt rsacert.key
t 'ours to an EC certificate' py_opens eccert.crt eccert.key
t 'ours to an EC certificate, opened as PKCS#12' \
    py_opens eccert.crt eccert.p12
t 'ours with a key' py_opens_key
t 'ours to all kinds at once' py_opens_each_of_many
for size in 0 16383 16384 32768; do
    t "ours of $size bytes" py_opens_size $size
done

# --- the other makes, the provider opens ----------------------------------

we_open() { # RECIPIENT IDENTITY [ARGUMENT-OF-ENCODE...]
    recipient=$1 identity=$2
    shift 2
    py encode --recipient "$recipient" "$@" plain b.env
    open_with "$identity" b.env out
    cmp plain out
}

we_open_size() { # LENGTH
    head -c "$1" plain >in
    py encode --recipient p256.pem in b.env
    open_with p256.key b.env out
    cmp in out
}

# shellcheck disable=SC2086
we_open_key() {
    py encode --kek "$k" plain b.env
    $enc -d -K "$k" -in b.env -out out
    cmp plain out
}

# shellcheck disable=SC2086
open_pass() { # PASSPHRASE-FILE
    env ENVELOPE_PASSPHRASE_FILE="$1" $enc -d -K 0 -in pass.env -out out
}

we_open_pass() {
    py encode --passphrase-file pw --log-n 14 plain pass.env
    open_pass pw
    cmp plain out
    py decode --passphrase-file pw pass.env out2
    cmp plain out2
}

wrong_pass() {
    fails WRONG_KEY open_pass other.pw
    nothing out
}

pass_beside_keys() {
    py encode --passphrase-file other.pw --passphrase-file pw --log-n 14 \
        --recipient p256.pem plain pass.env
    open_pass pw
    cmp plain out
    open_pass other.pw
    cmp plain out
    open_with p256.key pass.env out
    cmp plain out
}

hard_pass() {
    py encode --passphrase-file pw --log-n 18 plain pass.env
    open_pass pw
    cmp plain out
}

labels() {
    we_open p384.pem p384.key --labels host=db1 --labels 'note=grün, = 2' \
        --labels empty=
    py header b.env >json
    grep -qF '"host": "db1"' json
}

labels_are_bound() {
    length=$(be32 b.env 12)
    [ "$length" -gt 0 ]
    cp b.env damaged
    # The last byte before the line end: another label, still well formed
    flip damaged $((32 + length - 2))
    fails COMMITMENT open_with p384.key damaged out
    nothing out
}

reserve_is_zero() {
    py encode --recipient p256.pem --reserve 500 plain b.env
    cp b.env damaged
    flip damaged $(($(header_length b.env) - 1))
    fails HEADER_FIELD open_with p256.key damaged out
    nothing out
}

all_at_once() {
    set --
    for kind in $kinds; do
        set -- "$@" --recipient "$kind.pem"
    done
    py encode "$@" --recipient rsacert.crt --kek "$k" --reserve 77 \
        --passphrase-file pw --labels a=b plain b.env
    for kind in $kinds rsacert; do
        open_with "$kind.key" b.env out
        cmp plain out
    done
    # shellcheck disable=SC2086
    $enc -d -K "$k" -in b.env -out out
    cmp plain out
    cp b.env pass.env
    open_pass pw
    cmp plain out
}

for kind in $kinds; do
    t "theirs to $kind" we_open "$kind.pem" "$kind.key"
done
t 'theirs to an RSA certificate' we_open rsacert.crt rsacert.key
t 'theirs to an EC certificate' we_open eccert.crt eccert.key
for size in 0 16383 16384 32768; do
    t "theirs of $size bytes" we_open_size $size
done
t 'theirs with a key' we_open_key
t 'theirs with a passphrase' we_open_pass
t 'theirs with a passphrase, and it is wrong' wrong_pass
t 'theirs with passphrases and a key' pass_beside_keys
t 'theirs with more work than ours' hard_pass
t 'theirs with labels' labels
t 'labels are bound to the text' labels_are_bound
t 'theirs with room in the header' \
    we_open x448.pem x448.key --reserve 3000 --labels a=b
t 'room in the header is zero' reserve_is_zero
t 'theirs to all kinds at once' all_at_once

# --- both refuse ----------------------------------------------------------

both_refuse() { # REASON FILE
    fails "$1" open_with p256.key "$2" out
    status=0
    py decode --identity p256.key "$2" out.py 2>py.err || status=$?
    cat py.err >&2
    [ $status -eq 1 ]
    grep -q "^$1: " py.err
    nothing out.py
}

damages() {
    seal_to p256.pem plain a.env
    h=$(header_length a.env)
    while read -r why offset bits; do
        cp a.env damaged
        flip damaged "$offset" "$bits"
        both_refuse "$why" damaged
    done <<LIST
NOT_ENVELOPE 0 1
VERSION 8 3
SCHEME 9 3
HEADER_FIELD 10 1
HEADER_TOO_LARGE 16 64
HEADER_TOO_LARGE 24 128
HEADER_FIELD 28 128
KEY_ENVELOPE 32 1
COMMITMENT $h 1
COMMITMENT $((h + 55)) 128
CHUNK $((h + 56)) 1
CHUNK $((h + 56 + 16400 + 16399)) 1
LAST_CHUNK $((h + 56 + 3 * 16400)) 1
LIST
}

key_envelope_tag() { # KIND
    seal_to "$1.pem" plain damaged
    flip damaged $((32 + $(be32 damaged 16) - 1))
    fails KEY_ENVELOPE open_with "$1.key" damaged out
    status=0
    py decode --identity "$1.key" damaged out.py 2>py.err || status=$?
    cat py.err >&2
    [ $status -eq 1 ]
    # The stock openssl, which opens EC for it, does not say which.
    grep -Eq '^(KEY_ENVELOPE|NO_MATCH): ' py.err
}

cuts() {
    while read -r why length; do
        head -c "$length" a.env >damaged
        both_refuse "$why" damaged
    done <<LIST
HEADER_TRUNCATED 0
HEADER_TRUNCATED 8
HEADER_TRUNCATED $((h - 1))
TRUNCATED $h
TRUNCATED $((h + 55))
TRUNCATED $((h + 56))
TRUNCATED $((h + 56 + 15))
LAST_CHUNK $((h + 56 + 16))
LAST_CHUNK $((h + 56 + 16399))
TRUNCATED $((h + 56 + 16400))
LIST
    { cat a.env; echo; } >damaged
    both_refuse TRAILING_DATA damaged
}

strangers() {
    seal_to x448.pem plain damaged
    both_refuse NO_MATCH damaged
}

seal_to p256.pem plain a.env 2>/dev/null
h=$(header_length a.env)
t 'both refuse flipped bits for the same reasons' damages
t 'both refuse an altered key envelope, EC' key_envelope_tag p256
t 'both refuse an altered key envelope, X25519' key_envelope_tag x25519
t 'both refuse cuts for the same reasons' cuts
t 'both refuse what is for others' strangers

# --- openssl cms ----------------------------------------------------------

# dek ENVELOPE ARGUMENT... - the data key by the stock tool alone
dek() {
    py extract-key-envelope "$1" ke.der
    shift
    env -u OPENSSL_MODULES "$OPENSSL" cms -decrypt -inform DER \
        -in ke.der -binary -out dek "$@"
    [ "$(size_of dek)" -eq 32 ]
}

kek_id() { # ENVELOPE
    py header "$1" >json
    tr -d ' \n' <json \
        | sed -n 's/.*"type":"kekri","id":"\([0-9a-f]*\)","kind":"kek".*/\1/p'
}

cms_ours() {
    seal_to rsa2048.pem:p384.pem:x25519.pem plain a.env
    dek a.env -inkey rsa2048.key
    mv dek dek.rsa
    dek a.env -inkey p384.key
    cmp dek dek.rsa
}

cms_our_key() {
    dek key.env -secretkey "$k" -secretkeyid "$(kek_id key.env)"
    py decode --kek "$k" key.env out
    cmp plain out
}

cms_theirs() {
    py encode --recipient rsa2048.pem --recipient p384.pem --kek "$k" \
        plain b.env
    dek b.env -inkey rsa2048.key
    mv dek dek.rsa
    dek b.env -inkey p384.key
    cmp dek dek.rsa
    dek b.env -secretkey "$k" -secretkeyid "$(kek_id b.env)"
    cmp dek dek.rsa
}

t 'openssl cms reads our data key: RSA and EC' cms_ours
t 'openssl cms reads our data key: key-encryption key' cms_our_key
t 'openssl cms reads one data key by RSA, EC and KEK' cms_theirs
