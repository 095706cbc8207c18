#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Google Cloud KMS encrypts and decrypts through every face and with each kind of
# credentials, at a look-alike that Google's own client has to agree with first.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 16
. "$srcdir/test/kms/kms_services.sh"
. "$srcdir/test/kms/kms_google_service.sh"
need bsdtar
kms_module
provider
google_user
t 'keys and envelopes can be made' make_all

# --- round trips ----------------------------------------------------------

round_trip() {
    fresh google
    "$envelope" encrypt -r "$uri" <plain >a
    asked google 1 encrypt
    names_key a "$key"
    fresh google
    opens a "$uri"
    asked google 1 decrypt
    exits 0 "$envelope" verify -i "$uri" a
    # As other programs write it
    opens a "gcp-kms://$key"
    "$envelope" encrypt -r "gcp-kms://$key" <plain >a
    names_key a "$key"
}

by_openssl() {
    fresh google
    seal_to "$uri" plain a
    open_with "$uri" a out
    cmp plain out
    asked google 1 encrypt
    asked google 1 decrypt
}

mixed() {
    fresh google
    "$envelope" encrypt -r "$uri" -r "gcpkms://${key%/*}/second" -r ops.pem \
        --passphrase-file pw --work-factor 14 <plain >a
    asked google 2 encrypt
    fresh google
    opens a ops.key
    "$envelope" decrypt --passphrase-file pw <a | cmp plain -
    silent google
    opens a "$uri"
    opens a "gcpkms://${key%/*}/second"
    asked google 2 decrypt
}

another_key() {
    fresh google
    shut sealed "gcpkms://${key%/*}/second"
    shut sealed awskms:///alias/backup
    silent google
}

labels() {
    fresh google
    "$envelope" encrypt -r "$uri" --label db=orders --label day=1 <plain >a
    header list a | grep -qF '"context": "labels"'
    header list sealed | grep -qF '"context": ""'
    opens a "$uri"
    header alter a b --labels
    shut b "$uri"
    header alter a b --context ''
    shut b "$uri"
    header alter sealed b --context labels
    shut b "$uri"
}

# The service cannot do it, and says so before anybody is asked.
rewraps() {
    cp sealed a
    fresh google
    exits 3 "$envelope" rewrap --by-service -i "$uri" -r "$uri" a
    grep -q 'does not encrypt a key anew' err
    cmp a sealed
    silent google
    exits 0 "$envelope" rewrap -i "$uri" -r "gcpkms://${key%/*}/second" a
    opens a "gcpkms://${key%/*}/second"
    same_payload a sealed
}

versions() {
    exits 1 "$envelope" encrypt -r "$uri/cryptoKeyVersions/1" -o new plain
    grep -q 'name the key without its version' err
    [ ! -e new ]
    for bad in gcpkms://projects/p gcpkms:// "gcpkms://$key/" \
        "gcpkms://${key%/*}/.." "gcpkms://${key%/*}/a%2fb" "$uri?region=x" \
        'gcpkms://projects/../locations/global/keyRings/r/cryptoKeys/k'; do
        exits 1 "$envelope" encrypt -r "$bad" -o new plain
        [ ! -e new ]
    done
}

t 'a key' round_trip
t 'openssl enc' by_openssl
t 'bsdtar' by_bsdtar
t 'several keys and other recipients' mixed
t 'another key opens nothing' another_key
t 'labels are authenticated' labels
t 'a new key for an old file' rewraps
t 'what names no key' versions

# --- who asks -------------------------------------------------------------

credentials() {
    cp google/user.json google/denied.json .
    fresh google
    opens sealed "$uri?credentials=$tests_dir/user.json"
    logged google '"who": "user"'
    logged google '"project": "billed"'
    shut sealed "$uri?credentials=$tests_dir/denied.json"
    grep -q 'PERMISSION_DENIED' err
    grep -q 'their role for the key' err
    GOOGLE_APPLICATION_CREDENTIALS=$tests_dir/google/writer.json
    "$envelope" encrypt -r "$uri" <plain >a
    shut a "$uri"
    unset GOOGLE_APPLICATION_CREDENTIALS
    fresh google
    opens sealed "$uri"
    logged google '"who": "machine@p.iam.gserviceaccount.com"'
}

expired() {
    cp google/user.json .
    fresh google
    echo expired >google/faults
    opens sealed "$uri?credentials=$tests_dir/user.json"
    asked google 2 decrypt
    [ "$(grep -c '"token": "oauth"' google/log)" -eq 2 ]
}

# Each of them asks the service; the token is asked for once, and there is one
# connection for each of the two that are asked.
many_files() {
    for i in $(seq 20); do
        "$envelope" encrypt -r "$uri" -o "many.$i" plain
    done
    cp google/user.json .
    fresh google
    exits 0 "$envelope" verify -i "$uri?credentials=$tests_dir/user.json" many.*
    asked google 20 decrypt
    [ "$(grep -c '"token": "oauth"' google/log)" -eq 1 ]
    [ "$(wc -l <google/connections)" -le 2 ]
}

t 'credentials are the ones that are named' credentials
t 'a token that is refused is asked for again, once' expired
t '20 files: one token, few connections' many_files

# --- where it is sent -----------------------------------------------------

addresses() {
    fresh google other
    CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS=$there opens sealed \
        "$uri?endpoint=$here"
    silent other
    unset CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS
    exits 1 timeout 5 "$envelope" encrypt -o new plain \
        -r "$uri?endpoint=http://127.0.0.1.example.com"
    grep -q 'plain http' err
    GOOGLE_CLOUD_UNIVERSE_DOMAIN='evil.example/x'
    export GOOGLE_CLOUD_UNIVERSE_DOMAIN
    exits 1 timeout 5 "$envelope" encrypt -o new plain -r "$uri"
    [ ! -e new ]
}
t 'endpoints are the user'"'"'s' addresses

# --- other readers and writers --------------------------------------------

client() {
    node "$kms/google/client.mjs" google "$@"
}

google_opens() {
    header cut labelled blob
    client decrypt "$key" blob 'day=1
db=orders
' >kek
    header open labelled out "$(cat kek)"
    cmp plain out
}

google_makes() {
    kek=$(head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n')
    client encrypt "$key" "$kek" 'db=orders
' >hex
    python -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read()))' \
        <hex >blob
    header make plain a "$kek" blob gcpkms "$key" db=orders
    opens a "$uri"
}

if google_sdk; then
    t "Google's client and Python open ours" google_opens
    t 'ours opens what they make' google_makes
else
    skip "Google's client and Python open ours" "npm has not got it"
    skip 'ours opens what they make' "npm has not got it"
fi
t 'nothing secret in long messages' verbose denied 500 expired
