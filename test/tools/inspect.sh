#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# envelope inspect: what anybody can see of an envelope, without a key.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 14
provider

# value NAME - what ./out has after NAME:
value() {
    sed -n "s/^$1: *//p" out
}

# json EXPRESSION - is it true of each object of ./out, as o?
json() {
    "$PYTHON" -c 'import json, sys
count = 0
for line in open("out"):
    o = json.loads(line)
    count += 1
    assert eval(sys.argv[1]), (sys.argv[1], o)
assert count' "$1"
}

id_of() {
    "$envelope" fingerprint "$1" | cut -d ' ' -f 1
}

make_all() {
    new_key ops -algorithm X25519
    new_ec ec P-256
    new_rsa rsa 3072
    new_cert rsa
    head -c 300000 /dev/urandom >plain
    echo secret >pw
    for kind in raw tar xbstream; do
        "$envelope" -r ops.pem --carrier $kind --piece-size 65536 \
            --label host=db1 --label note='Größe 1' plain >$kind
    done
}

for_people() {
    for kind in raw tar xbstream; do
        "$envelope" inspect $kind >out
        [ "$(value file)" = $kind ]
        [ "$(value carrier)" = $kind ]
        [ "$(value version)" = 1 ]
        if [ $kind = raw ]; then
            [ "$(value 'plaintext size')" \
                = '300000 bytes, if nothing is missing' ]
            value length | grep -q 'cannot tell whether it was cut'
        else
            [ "$(value 'plaintext size')" = '300000 bytes' ]
            [ "$(value length)" = 'fits the format' ]
        fi
        [ "$(value 'room for rewrap')" = '1024 bytes' ]
        value label | grep -qx 'host=db1'
        value label | grep -qx 'note=Größe 1'
        value recipient | grep -q '^X25519 key'
        grep -qx " *$(id_of ops.pem)" out
    done
}

for_programs() {
    "$envelope" inspect --json raw tar xbstream >out
    [ "$(wc -l <out)" -eq 3 ]
    json 'o["file"] == o["carrier"] and o["status"] == "ok"'
    json 'o["version"] == 1 and o["scheme"] == 1'
    json 'o["plaintext_size"] == 300000'
    json 'o["payload_size"] == 300000 + 56 + 16 * (300000 // 16384 + 1)'
    json 'len(o["id"]) == 2 * 56'
    json 'o["length_fits"] is (None if o["carrier"] == "raw" else True)'
    json 'o["labels"] == {"host": "db1", "note": "Größe 1"}'
    json 'o["rewrap_room"] == 1024'
    json "[r['id'] for r in o['recipients']] == ['$(id_of ops.pem)']"
    json "o['recipients'][0]['type'] == 'x25519'"
}

# Its own bytes agree.
true_of_the_file() {
    "$envelope" inspect --json raw >out
    json "o['file_size'] == $(size_of raw)"
    json "o['header_size'] == $(header_length raw)"
}

every_kind() {
    "$envelope" -r ops.pem -r ec.pem -r rsa.crt --passphrase-file pw \
        --work-factor 14 plain >many
    "$envelope" inspect --json many >out
    json 'sorted(r["type"] for r in o["recipients"]) == [
        "ec", "passphrase", "rsa", "x25519"]'
    for key in ops.pem ec.pem rsa.crt; do
        json "'$(id_of $key)' in [r['id'] for r in o['recipients']]"
    done
    "$envelope" inspect many >out
    [ "$(value recipient | wc -l)" -eq 4 ]
    value recipient | grep -q 'RSA key, 3072 bits; .*OAEP'
    value recipient | grep -q 'EC key on P-256'
    value recipient | grep -q 'passphrase; .*scrypt'
    "$OPENSSL" rand -hex 32 >kek
    "$envelope" -k kek plain | "$envelope" inspect >out
    value recipient | grep -q 'key-encryption key'
}

# No key is asked for, and none is looked for.
without_a_key() {
    env -i "$program" inspect raw >out
    ENVELOPE_IDENTITIES=/nonexistent "$envelope" inspect raw | cmp - out
}

from_a_pipe() {
    for kind in raw tar xbstream; do
        "$envelope" inspect <$kind >out
        value 'plaintext size' | grep -q '^300000 bytes'
        # shellcheck disable=SC2002 # a pipe is what is wanted
        cat $kind | "$envelope" inspect --json >out
        json 'o["plaintext_size"] is None and len(o["recipients"]) == 1'
    done
}

packed_again() {
    mkdir -p x
    tar -xf tar -C x
    (cd x && tar --sort=name -cf ../again.tar envelope)
    "$envelope" inspect again.tar >out
    [ "$(value carrier)" = tar ]
    [ "$(value 'plaintext size')" = '300000 bytes' ]
}

empty_text() {
    : >empty
    "$envelope" -r ops.pem empty | "$envelope" inspect --json >out
    "$envelope" -r ops.pem -o e empty
    "$envelope" inspect --json e >out
    json 'o["plaintext_size"] == 0 and o["length_fits"] is None'
}

no_envelope() {
    exits 4 "$envelope" inspect plain >out
    exits 4 "$envelope" inspect <plain >out
    grep -q "^envelope: standard input: $(reason NOT_ENVELOPE): " err
    exits 5 "$envelope" inspect </dev/null >out
    grep -q "^envelope: standard input: $(reason HEADER_TRUNCATED): the input is empty" err
    exits 4 "$envelope" inspect --json plain >out
    json 'o["status"] != "ok"'
    exits 8 "$envelope" inspect missing
    exits 1 "$envelope" inspect /
}

# It goes on with the others; the highest status counts.
several() {
    exits 4 "$envelope" inspect missing raw plain tar >out
    [ "$(value carrier | tr '\n' ' ')" = 'raw tar ' ]
}

# 16 bytes are the least that can lie after a whole chunk.
does_not_fit() {
    head -c $(($(header_length raw) + 56 + 16400 + 15)) raw >cut
    exits 5 "$envelope" inspect cut >out
    exits 5 "$envelope" inspect --json cut >out
    json 'o["length_fits"] is False'
    for kind in tar xbstream; do
        head -c $(($(size_of $kind) - 20000)) $kind >cut
        exits 5 "$envelope" inspect cut >out
    done
}

header_damaged() {
    cp raw bad
    flip bad 40 # within the labels
    "$envelope" inspect bad >out || true
    cp raw bad
    flip bad 12
    exits 5 "$envelope" inspect bad >out
    head -c 100 raw >cut
    exits 5 "$envelope" inspect cut >out
    : >none
    "$envelope" inspect none >out 2>err && false
    [ -s err ]
}

# A name that was made up to do harm.
hostile_name() {
    name=$(printf 'a\033[31m\nb')
    cp raw "$name"
    "$envelope" inspect "$name" >out
    ! LC_ALL=C grep "$(printf '\033')" out || false
    "$envelope" inspect --json "$name" >out
    json 'o["file"] == "a\x1b[31m\nb"'
    # What changes the direction of text, in a name and in a label
    name=$(printf 'a\342\200\256b')
    "$envelope" -r ops.pem --label "note=$name" -o "$name" plain
    exits 0 "$envelope" inspect "$name" missing >out || [ $exits_status -eq 8 ]
    [ "$(value file)" = 'a?b' ]
    [ "$(value label)" = 'note=a?b' ]
    "$envelope" inspect --json "$name" >out
    grep -qF 'a\u202eb' out
    json 'o["file"] == "a\u202eb" and o["labels"] == {"note": "a\u202eb"}'
    ! "$envelope" -d "$name-" 2>err || false
    ! grep -qF "$name" err || false
    # What is no UTF-8: 8-bit controls on old terminals, and other encodings
    name=$(printf 'db\344\233.env')
    cp raw "$name"
    exits 3 "$envelope" verify -i other.key "$name"
    grep -qF 'envelope: db??.env: ' err
    for options in 'inspect --json' 'rewrap --json -i ops.key -r ops.pem'; do
        # shellcheck disable=SC2086 # words
        "$envelope" $options "$name" >out
        json 'o["file"] == "db\ufffd\ufffd.env"'
        "$PYTHON" -c 'import base64, json
print(json.load(open("out"))["file_base64"])' | base64 -d >exact
        [ "$(cat exact)" = "$name" ]
    done
    "$envelope" inspect --json raw >out
    json '"file_base64" not in o'
}

t "keys and envelopes" make_all
t "for people" for_people
t "for programs" for_programs
t "sizes are true" true_of_the_file
t "every kind of recipient" every_kind
t "without a key" without_a_key
t "standard input" from_a_pipe
t "an archive that was packed again" packed_again
t "no text at all" empty_text
t "what is no envelope" no_envelope
t "several files" several
t "a length that does not fit" does_not_fit
t "a damaged header" header_damaged
t "a hostile name" hostile_name
