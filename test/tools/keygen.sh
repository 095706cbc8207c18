#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# envelope keygen and envelope fingerprint: openssl reads what is made, the
# identifiers are those that anybody can compute, and whatever fails leaves
# nothing after.
. "${srcdir:-.}/test/support/tap.sh"
[ -n "${top_builddir-}" ] || skip_rest 'top_builddir is not set'
. "$srcdir/test/support/program.sh"

plan 54
provider
types='x25519 x448 p256 p384 p521 rsa3072 rsa4096'
echo 'correct horse battery staple' >pw
echo 'another passphrase' >other.pw
head -c 100000 /dev/urandom >plain
mkdir -m 700 empty

# id_of PUBLIC-KEY - by the openssl command alone
id_of() {
    "$OPENSSL" pkey -pubin -in "$1" -outform DER | "$OPENSSL" dgst -sha256 -r \
        | cut -c 1-40
}

# line_of FILE - what is printed for it, without the blanks to align it
line_of() {
    tr -s ' ' <"$1"
}

# mode_of FILE
mode_of() {
    # shellcheck disable=SC2012 # of a name that is our own
    ls -ld "$1" | cut -c 1-10
}

# only DIRECTORY [NAME...] - that is all there is in it
only() {
    only_dir=$1
    shift
    [ "$(ls -A "$only_dir")" = "$(printf '%s\n' "$@")" ]
}

# --- keys -----------------------------------------------------------------

openssl_reads() { # TYPE
    "$envelope" keygen --type "$1" -o "$1.key" >line
    "$OPENSSL" pkey -in "$1.key" -pubout -out out
    cmp out "$1.pub"
    head -n 1 "$1.key" | grep -qx -e '-----BEGIN PRIVATE KEY-----'
    [ "$(line_of line)" = "$(id_of "$1.pub") $1 $1.pub" ]
}

is_of() { # TYPE TEXT-OF-OPENSSL
    "$OPENSSL" pkey -in "$1.key" -noout -text | grep -qF "$2"
}

round_trip() { # TYPE
    seal_to "$1.pub" plain "$1.env"
    open_with "$1.key" "$1.env" out
    cmp plain out
}

default_type() {
    "$envelope" keygen -o default.key >line
    grep -q '  x25519  ' line
    is_of default 'X25519 Private-Key'
    round_trip default
    ! cmp -s default.pub x25519.pub || false
}

kinds_of_openssl() {
    is_of x448 'X448 Private-Key'
    is_of p256 'NIST CURVE: P-256'
    is_of p384 'NIST CURVE: P-384'
    is_of p521 'NIST CURVE: P-521'
    is_of rsa3072 'Private-Key: (3072 bit'
    is_of rsa4096 'Private-Key: (4096 bit'
}

# The padded key wrap is never tried: its OID differs in the last byte from that of
# the other one.
ml_kem_opens() { # TYPE
    "$envelope" -r "$1.d/key.pub" -o "$1.d/env" line
    "$envelope" -d -i "$1.d/key" "$1.d/env" | cmp - line
    "$PYTHON" - "$1.d/env" "$1.d/padded" <<'PYTHON'
import sys
data = open(sys.argv[1], "rb").read()
wrap = bytes.fromhex("60864801650304012d")
assert data.count(wrap) == 1
open(sys.argv[2], "wb").write(data.replace(wrap, wrap[:-1] + b"\x30"))
PYTHON
    "$envelope" inspect --json "$1.d/padded" | grep -q '"known": *false'
    exits 3 "$envelope" -d -i "$1.d/key" "$1.d/padded"
}

ml_kem() { # TYPE
    mkdir "$1.d"
    if "$OPENSSL" list -key-managers | grep -q ML-KEM-768; then
        "$envelope" keygen --type "$1" -o "$1.d/key" >line
        "$OPENSSL" pkey -provider envelope -provider default -in "$1.d/key" \
            -pubout | cmp - "$1.d/key.pub"
        ml_kem_opens "$1"
    else
        exits 1 "$envelope" keygen --type "$1" -o "$1.d/key"
        grep -qF 'OpenSSL 3.5 or newer' err
        only "$1.d"
    fi
}

for type in $types; do
    t "$type: openssl reads both, and knows the identifier" \
        openssl_reads "$type"
done
for type in $types; do
    t "$type: encrypts and decrypts" round_trip "$type"
done
t 'x25519 is the default' default_type
t 'the types are what they are called' kinds_of_openssl
t 'ML-KEM-768, or what it needs' ml_kem mlkem768
t 'ML-KEM-768 with X25519, or what it needs' ml_kem mlkem768x25519
t 'ML-KEM-1024, or what it needs' ml_kem mlkem1024

# --- files ----------------------------------------------------------------

modes() { # UMASK MODE-OF-PUBLIC-KEY
    mkdir "modes$1"
    (umask "$1" && exec "$envelope" keygen -o "modes$1/a.key")
    [ "$(mode_of "modes$1/a.key")" = -rw------- ]
    [ "$(mode_of "modes$1/a.pub")" = "$2" ]
    only "modes$1" a.key a.pub
}

names() {
    mkdir names
    for name in a.key b.pem c d.key.pem .key; do
        "$envelope" keygen -o "names/$name"
    done
    only names .key .key.pub a.key a.pub b.pem b.pub c c.pub d.key.pem \
        d.key.pub
    (cd names && "$envelope" keygen -o ./-e.key)
    [ -s names/-e.pub ]
}

pub_is_no_private_key() {
    exits 2 "$envelope" keygen -o empty/ops.pub
    exits 2 "$envelope" keygen --force -o empty/ops.pub
    only empty
}

# No file is made beside one that exists.
kept() { # NAME
    mkdir "keep-$1"
    echo precious >"keep-$1/$1"
    exits 2 "$envelope" keygen -o keep-"$1"/ops.key
    grep -qF -e --force err
    only "keep-$1" "$1"
    [ "$(cat "keep-$1/$1")" = precious ]
}

kept_link() {
    mkdir link
    ln -s nowhere link/ops.key
    exits 2 "$envelope" keygen -o link/ops.key
    only link ops.key
    [ ! -e link/nowhere ]
}

forced() {
    mkdir force
    "$envelope" keygen -o force/ops.key
    cp force/ops.key old.key
    cp force/ops.pub old.pub
    chmod 644 force/ops.key
    "$envelope" keygen --force -t p256 -o force/ops.key
    only force ops.key ops.pub
    ! cmp -s force/ops.key old.key || false
    "$OPENSSL" pkey -in force/ops.key -pubout | cmp - force/ops.pub
    [ "$(mode_of force/ops.key)" = -rw------- ]
    rm force/ops.key
    "$envelope" keygen --force -o force/ops.key
    only force ops.key ops.pub
    "$OPENSSL" pkey -in force/ops.key -pubout | cmp - force/ops.pub
}

forced_onto_others() {
    mkdir -p others/dir.key
    mkfifo others/fifo.pub
    ln -s /dev/null others/null.key
    for name in dir fifo null; do
        exits 2 "$envelope" keygen --force -o "others/$name.key"
        grep -qF 'not a regular file' err
    done
    only others dir.key fifo.pub null.key
}

# Old files must be as they were, and nothing must be left of the new ones.
fails_over_old() { # COMMAND...
    mkdir -p over
    [ -e over/ops.key ] || "$envelope" keygen -o over/ops.key
    cp over/ops.key over/ops.pub .
    "$@"
    cmp ops.key over/ops.key
    cmp ops.pub over/ops.pub
    only over ops.key ops.pub
}

# SIGXFSZ, if it is ignored, makes a write beyond the limit fail.
limited() { # NAME
    (
        trap '' XFSZ
        ulimit -f 0
        exec "$envelope" keygen --force -o "$1" 2>&1
    ) | cat >err
    grep '^envelope: cannot write: ' err
}

no_room() {
    limited empty/ops.key
    only empty
    fails_over_old limited over/ops.key
}

# The temporary file's name for the public key is too long.
public_key_fails() {
    long=empty/$(head -c 252 /dev/zero | tr '\0' n)
    exits 1 "$envelope" keygen -o "$long"
    only empty
}

no_directory() {
    exits 1 "$envelope" keygen -o nowhere/ops.key
    grep -qF 'nowhere/ops.key' err
    [ ! -e nowhere ]
}

# Root may write everywhere, unless the right to is given up.
read_only() {
    mkdir -m 500 read-only
    set -- "$envelope" keygen -o read-only/ops.key
    [ "$(id -u)" -ne 0 ] || set -- setpriv --bounding-set -dac_override "$@"
    exits 1 "$@"
    grep -qF 'read-only/ops.key: Permission denied' err
    only read-only
}

# A page for the private key, and none for the public one
# shellcheck disable=SC2016 # the inner shell expands
full_disk() { # COMMAND-THAT-MAY-MOUNT...
    status=0
    "$@" sh -c 'mount -t tmpfs -o size=4k tmpfs empty && cd empty || exit 9
        status=0
        "$1" keygen -t rsa4096 -o ops.key 2>../err || status=$?
        ls -A >../left
        exit $status' sh "$envelope" || status=$?
    cat err
    [ $status -eq 1 ]
    grep -qF 'ops.pub: No space left on device' err
    nothing left
}

# The names are those of tools/os/temporary.h.
killed_before() {
    echo secret >.later.key.envelope
    echo half >.later.pub.envelope
    exits 0 "$envelope" keygen -o later.key
    grep -qx 'envelope: .later.key.envelope: removed, an earlier run has left it' err
    grep -qx 'envelope: .later.pub.envelope: removed, an earlier run has left it' err
    [ "$(find . -name '*later*' | LC_ALL=C sort | tr '\n' ' ')" \
        = './later.key ./later.pub ' ]
    exits 0 "$envelope" keygen -f -o later.key
    nothing err
}

running() {
    echo half >.now.key.envelope
    flock .now.key.envelope "$envelope" keygen -o now.key >out 2>err
    nothing err
    [ "$(cat .now.key.envelope)" = half ]
    [ "$(find . -name '*now*' | wc -l)" -eq 3 ]
}

t 'permissions with umask 022' modes 022 -rw-r--r--
t 'permissions with umask 000' modes 000 -rw-r--r--
t 'permissions with umask 077' modes 077 -rw-------
t 'permissions with umask 777' modes 777 ----------
t 'names of public keys' names
t 'a private key is not called .pub' pub_is_no_private_key
t 'a private key is not overwritten' kept ops.key
t 'a public key is not overwritten' kept ops.pub
t 'nor is a link to nowhere' kept_link
t '--force replaces both' forced
t '--force replaces files only' forced_onto_others
t 'no room: nothing is left, what is old stays' no_room
t 'the public key fails: no private key is left' public_key_fails
t 'a directory that is not there' no_directory
t 'what a killed run has left goes' killed_before
t 'but not what a running one has' running
if [ "$(id -u)" -ne 0 ] || setpriv --bounding-set -dac_override true; then
    t 'a directory that cannot be written' read_only
else
    skip 'a directory that cannot be written' 'setpriv is not installed'
fi
if unshare -m mount -t tmpfs tmpfs empty 2>.log; then
    t 'a full disk' full_disk unshare -m
elif unshare -rm mount -t tmpfs tmpfs empty 2>.log; then
    t 'a full disk' full_disk unshare -rm
else
    skip 'a full disk' 'nothing can be mounted here'
fi

# --- passphrases ----------------------------------------------------------

encrypted() { # TYPE
    "$envelope" keygen -t "$1" --passphrase-file pw -o "pass-$1.key" >line
    head -n 1 "pass-$1.key" \
        | grep -qx -e '-----BEGIN ENCRYPTED PRIVATE KEY-----'
    "$OPENSSL" pkey -in "pass-$1.key" -passin file:pw -pubout \
        | cmp - "pass-$1.pub"
    ! "$OPENSSL" pkey -in "pass-$1.key" -passin file:other.pw -noout || false
    "$OPENSSL" asn1parse -in "pass-$1.key" >asn1
    grep -q ':scrypt$' asn1
    grep -q ':aes-256-cbc$' asn1
    grep -q ':4000$' asn1
    seal_to "pass-$1.pub" plain pass.env
    ENVELOPE_PASSPHRASE_FILE=pw
    export ENVELOPE_PASSPHRASE_FILE
    open_with "pass-$1.key" pass.env out
    cmp plain out
}

bad_passphrase_files() {
    : >empty.pw
    for name in nowhere.pw empty.pw; do
        exits 1 "$envelope" keygen --passphrase-file "$name" -o empty/ops.key
        grep -qF "$name" err
        only empty
    done
}

# Without a terminal, it is neither asked for nor left out.
no_terminal() {
    ! setsid -w "$envelope" keygen -p -o empty/ops.key 2>err || false
    grep '^envelope: key needs a passphrase: ' err
    only empty
    exits 1 setsid -w "$envelope" fingerprint pass-x25519.key
    grep '^envelope: key needs a passphrase: ' err
}

t 'an encrypted X25519 key' encrypted x25519
t 'an encrypted RSA key' encrypted rsa3072
t 'passphrase files that are of no use' bad_passphrase_files

# --- standard output ------------------------------------------------------

to_stdout() { # ARGUMENT...
    "$envelope" keygen "$@" >std.key 2>std.pub
    "$OPENSSL" pkey -in std.key -pubout -out std.pem
    "$OPENSSL" pkey -pubin -in std.pub | cmp - std.pem
    grep -q "^$(id_of std.pem)  x25519 .* -\$" std.pub
    seal_to std.pub plain std.env
    open_with std.key std.env out
    cmp plain out
}

to_terminal() {
    status=0
    "$PYTHON" "$srcdir/test/tools/pty.py" -- "$envelope" keygen >shown \
        || status=$?
    [ $status -eq 2 ]
    grep -qF 'is not shown on a terminal' shown
    ! grep -q BEGIN shown || false
}

stdout_full() {
    exits 1 "$envelope" keygen >/dev/full
}

t 'keys go to standard output' to_stdout
t 'with -o -, too' to_stdout -o -
t 'but not onto a terminal' to_terminal
if [ -c /dev/full ]; then
    t 'standard output is full' stdout_full
else
    skip 'standard output is full' 'there is no /dev/full'
fi

# --- what is typed --------------------------------------------------------

usage() {
    exits 2 "$envelope" keygen -t ed25519 -o empty/ops.key
    exits 2 "$envelope" keygen -o empty/ops.key more
    exits 2 "$envelope" fingerprint
    exits 2 "$envelope" fingerprint ''
    only empty
}

t 'what does not make sense is refused' usage

# --- fingerprints ---------------------------------------------------------

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

in_headers() {
    for type in $types; do
        od -An -v -tx1 "$type.env" | tr -d ' \n' \
            | grep -qF "$(id_of "$type.pub")"
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
t 'the identifiers are in the headers' in_headers
t 'as JSON, and names that could do harm' json
t 'what cannot be read does not hold the others up' goes_on
if command -v setsid >/dev/null; then
    t 'without a terminal nothing is asked' no_terminal
else
    skip 'without a terminal nothing is asked' 'setsid is not installed'
fi
