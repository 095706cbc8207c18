#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Keys that ssh-keygen made, as recipients and as identities.
. "${srcdir:-.}/test/support/tap.sh"

plan 39
need ssh-keygen
provider

kinds='rsa2048 rsa3072 ecdsa256 ecdsa384 ecdsa521'
head -c 100000 /dev/urandom >plain
echo 'correct horse battery staple' >pw
echo 'another passphrase' >other.pw

keygen() { # ARGUMENT...
    ssh-keygen -q "$@" </dev/null
}

# convert KEY NEW FORMAT [PASSPHRASE] - as the manual says: a copy of KEY
convert() {
    rm -f "$2"
    cp "$1" "$2"
    chmod 600 "$2"
    if [ "$3" = OpenSSH ]; then
        keygen -p -P '' -N "${4-}" -f "$2"
    else
        keygen -p -P '' -N "${4-}" -m "$3" -f "$2"
    fi
}

make_keys() {
    for kind in $kinds; do
        keygen -t "${kind%%[0-9]*}" -b "${kind##*[a-z]}" -N '' \
            -C "$kind@example" -f "$kind"
        grep -q 'BEGIN OPENSSH PRIVATE KEY' "$kind"
    done
    keygen -t rsa -b 1024 -N '' -f rsa1024
    keygen -t ed25519 -N '' -f ed25519
    keygen -t ecdsa -N '' -f stranger
    convert ecdsa256 stored OpenSSH 'correct horse battery staple'
    new_key x25519 -algorithm X25519
}

# --- both ways ------------------------------------------------------------

round_trip() { # KIND
    seal_to "$1.pub" plain "$1.env"
    open_with "$1" "$1.env" out
    cmp plain out
    fails NO_MATCH open_with stranger "$1.env" out
    nothing out
}

# The identity in PEM, and the recipient: one key has one name.
through_pem() { # KIND FORMAT
    convert "$1" converted "$2"
    ! grep -q OPENSSH converted || false
    open_with converted "$1.env" out
    cmp plain out
    "$OPENSSL" pkey -in converted -pubout -out converted.pem
    seal_to converted.pem plain pem.env
    open_with "$1" pem.env out
    cmp plain out
}

# shellcheck disable=SC2086
open_stored() { # PASSPHRASE-FILE ENVELOPE
    env ENVELOPE_PASSPHRASE_FILE="$1" ENVELOPE_IDENTITIES=converted \
        $enc -d -K 0 -in "$2" -out out
}

through_encrypted_pem() { # KIND FORMAT
    convert "$1" converted "$2" 'correct horse battery staple'
    grep -q ENCRYPTED converted
    open_stored pw "$1.env"
    cmp plain out
    rm out
    fails WRONG_KEY open_stored other.pw "$1.env"
    nothing out
    fails PASSPHRASE_NEEDED open_stored '' "$1.env"
    nothing out
}

t 'ssh-keygen makes keys of every kind' make_keys
for kind in $kinds; do
    t "$kind: sealed for .pub, opened with the private key" round_trip "$kind"
    t "$kind: the same key in PEM" through_pem "$kind" PEM
    t "$kind: the same key in PKCS#8" through_pem "$kind" PKCS8
    t "$kind: in PEM under a passphrase" through_encrypted_pem "$kind" PEM
    t "$kind: in PKCS#8 under a passphrase" \
        through_encrypted_pem "$kind" PKCS8
done

# --- files with several keys ----------------------------------------------

two_lines() {
    { echo '# the team'; cat rsa3072.pub; echo; cat ecdsa384.pub; } >team
    seal_to team:x25519.pem plain two.env
    for key in rsa3072 ecdsa384 x25519.key; do
        open_with "$key" two.env out
        cmp plain out
    done
    fails NO_MATCH open_with stranger two.env out
    grep -qF 'it has 3 recipients' err
}

several_identities() {
    cat stranger ecdsa256 rsa2048 >bunch
    open_with bunch rsa2048.env out
    cmp plain out
    open_with x25519.key:stranger:ecdsa521 ecdsa521.env out
    cmp plain out
    open_with "file:$tests_dir/ecdsa521" ecdsa521.env out
    cmp plain out
}

from_public_half() {
    ssh-keygen -y -f ecdsa256 >again.pub
    seal_to again.pub plain again.env
    open_with ecdsa256 again.env out
    cmp plain out
}

t 'a file with two lines is two recipients' two_lines
t 'several private keys in a file and a list' several_identities
t 'a public key that ssh-keygen -y printed' from_public_half

# --- what is refused ------------------------------------------------------

refused_recipient() { # REASON FILE TEXT
    fails "$1" seal_to "$2" plain out
    nothing out
    grep -qF -e "$3" err
    fails "$1" seal_to "x25519.pem:$2" plain out
    nothing out
}

refused_identity() { # REASON FILE TEXT
    fails "$1" open_with "$2" ecdsa256.env out
    nothing out
    grep -qF -e "$3" err
}

sign_only() {
    refused_recipient UNSUPPORTED_KEY ed25519.pub \
        'line 1: a key of type ED25519 can only sign'
    cat ecdsa256.pub ed25519.pub >mixed.pub
    refused_recipient UNSUPPORTED_KEY mixed.pub 'mixed.pub, line 2:'
    refused_identity UNSUPPORTED_KEY ed25519 'genpkey -algorithm X25519'
}

# What the message says to do does it.
encrypted() {
    refused_identity UNSUPPORTED_KEY stored 'ssh-keygen -p -m PKCS8 -f COPY'
    rm -f copy
    cp stored copy
    keygen -p -P "$(cat pw)" -N "$(cat pw)" -m PKCS8 -f copy
    grep -q ENCRYPTED copy
    mv copy converted
    open_stored pw ecdsa256.env
    cmp plain out
}

certificate() {
    keygen -s ecdsa256 -I me -n me rsa2048.pub
    refused_recipient UNSUPPORTED_KEY rsa2048-cert.pub 'OpenSSH certificate'
}

options() {
    sed 's/^/restrict,command="a b" /' ecdsa256.pub >options
    refused_recipient UNREADABLE_KEY options 'in front of an OpenSSH key'
}

pem_beside() {
    cat x25519.pem ecdsa256.pub >beside
    refused_recipient UNREADABLE_KEY beside 'a PEM block among OpenSSH keys'
}

damaged() {
    head -c 100 ecdsa256.pub >cut.pub
    refused_recipient UNREADABLE_KEY cut.pub 'cut.pub, line 1: not a well'
    cp ecdsa384 damaged
    flip damaged 300
    refused_identity UNREADABLE_KEY damaged 'damaged, line 1: not a well'
}

t 'an RSA key of 1024 bits' \
    refused_recipient WEAK_KEY rsa1024.pub \
    'rsa1024.pub, line 1: an RSA key of 1024 bits'
t 'keys that can only sign' sign_only
t 'an encrypted key as identity, until it is converted' encrypted
t 'an encrypted key as recipient' \
    refused_recipient UNSUPPORTED_KEY stored 'for a recipient, give its .pub'
t 'a private key as recipient' \
    refused_recipient PRIVATE_KEY rsa2048 'rsa2048, line 1: keep it'
t 'a public key as identity' \
    refused_identity UNREADABLE_KEY ecdsa256.pub 'no private key'
t 'a certificate' certificate
t 'options before a key' options
t 'PEM beside OpenSSH keys' pem_beside
t 'damaged keys' damaged
