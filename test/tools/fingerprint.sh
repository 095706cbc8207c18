#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The identifiers that envelope fingerprint prints are those that anybody can
# compute, of each kind of file that a key may be in.
. "${srcdir:-.}/test/support/tap.sh"
[ -n "${top_builddir-}" ] || skip_rest 'top_builddir is not set'
. "$srcdir/test/support/program.sh"

plan 7
. "$srcdir/test/tools/keygen_support.sh"

make_keys() {
    for type in x25519 x448 p256 p384 rsa3072; do
        "$envelope" keygen --type $type -o $type.key
    done
}
set_up make_keys

# shown ID TYPE NAME... - in the order of the arguments
shown() {
    : >want
    while [ $# -gt 0 ]; do
        printf '%s %s %s\n' "$1" "$2" "$3" >>want
        shift 3
    done
    line_of lines | cmp want -
}

every_kind_of_file() { # TYPE
    id=$(id_of "$1.pub")
    "$OPENSSL" pkey -in "$1.key" -outform DER -out der
    cat "$1.pub" "$1.key" >both
    "$envelope" fingerprint "$1.pub" "$1.key" der "file:$tests_dir/$1.pub" \
        both >lines
    shown "$id" "$1" "$1.pub" "$id" "$1" "$1.key" "$id" "$1" der \
        "$id" "$1" "$tests_dir/$1.pub" "$id" "$1" both "$id" "$1" both
}

certificate() {
    new_cert p256
    ski=$("$OPENSSL" x509 -in p256.crt -noout -ext subjectKeyIdentifier \
        | sed -n 's/[: ]//g; $p' | tr 'A-F' 'a-f')
    [ ${#ski} -eq 40 ]
    "$envelope" fingerprint p256.crt >lines
    shown "$ski" p256 p256.crt
    # It is the name in the header.
    seal_to p256.crt plain cert.env
    od -An -v -tx1 cert.env | tr -d ' \n' | grep -qF "$ski"
    new_cert rsa3072 -addext subjectKeyIdentifier=none
    "$envelope" fingerprint rsa3072.crt >lines
    shown "$(id_of rsa3072.pub)" rsa3072 rsa3072.crt
}

# An EC key in each form that it can be encoded in, and what is made for it.
encodings() {
    id=$(id_of p256.pub)
    id_384=$(id_of p384.pub)
    "$envelope" -r p256.pub -r p384.pub -o usual.env plain
    for form in '-conv_form compressed' '-conv_form hybrid' \
        '-param_enc explicit' '-conv_form compressed -param_enc explicit'; do
        for type in p256 p384; do
            # shellcheck disable=SC2086 # words
            "$OPENSSL" ec -in "$type.key" $form -out "$type.form"
            # shellcheck disable=SC2086
            "$OPENSSL" ec -in "$type.key" -pubout $form -out "$type.form.pub"
            ! cmp "$type.form.pub" "$type.pub" || false
        done
        "$envelope" fingerprint p256.form p256.form.pub p384.form \
            p384.form.pub >lines
        shown "$id" p256 p256.form "$id" p256 p256.form.pub \
            "$id_384" p384 p384.form "$id_384" p384 p384.form.pub
        "$envelope" -r p256.form.pub -r p384.pub -o forms.env -f plain
        # Its ephemeral keys are in the usual form, too.
        [ "$(wc -c <forms.env)" -eq "$(wc -c <usual.env)" ]
        "$envelope" -d -i p256.key forms.env | cmp plain -
        "$envelope" rewrap -i p384.key --remove "$id" forms.env
        [ "$("$envelope" inspect --json forms.env | grep -c "$id")" -eq 0 ]
    done
}

json() {
    cp x25519.pub "$(printf 'a"\\\t\351\303\251\302\233.pub')"
    "$envelope" fingerprint --json a*.pub x25519.key >lines
    "$PYTHON" - "$(id_of x25519.pub)" <<'PYTHON'
import base64, json, sys
rows = [json.loads(line) for line in open("lines", encoding="utf-8")]
exact = base64.b64decode(rows[0].pop("name_base64"))
assert exact == b'a"\\\t\xe9\xc3\xa9\xc2\x9b.pub', exact
for row, name in zip(rows, ['a"\\\t\ufffd\xe9\x9b.pub', "x25519.key"]):
    assert row == {"id": sys.argv[1], "type": "x25519", "name": name}, row
assert len(rows) == 2
PYTHON
    "$envelope" fingerprint a*.pub >lines
    [ "$(wc -l <lines)" -eq 1 ]
    ! grep -F "$csi" lines || false
    grep -q '  a"\\??é?\.pub$' lines
}

goes_on() {
    exits 1 "$envelope" fingerprint nowhere x25519.pub pw x448.pub >lines
    [ "$(grep -c ^envelope: err)" -eq 2 ]
    shown "$(id_of x25519.pub)" x25519 x25519.pub \
        "$(id_of x448.pub)" x448 x448.pub
}

for type in x25519 p384 rsa3072; do
    t "$type: all kinds of files agree" every_kind_of_file "$type"
done
t 'certificates go by their own identifier' certificate
t 'an EC key has one identifier, however it is encoded' encodings
t 'as JSON, and names that could do harm' json
t 'what cannot be read does not hold the others up' goes_on
