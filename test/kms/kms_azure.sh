#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# An RSA key in Azure Key Vault: anybody encrypts for its public half, and the service
# opens, through every face and with each kind of credentials, also after the key was
# rotated.  Microsoft's own client has to agree with the look-alike first.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 24
. "$srcdir/test/kms/kms_services.sh"
. "$srcdir/test/kms/kms_azure_service.sh"
need bsdtar

if azure_sdk; then
    t "Microsoft's client agrees with the look-alike" \
        node "$kms/azure/judge.mjs" tls
else
    skip "Microsoft's client agrees with the look-alike" "npm has not got it"
fi
kms_module
provider
azure_user
t 'keys and envelopes can be made' make_all

# --- round trips ----------------------------------------------------------

round_trip() {
    fresh azure
    "$envelope" encrypt -r "$uri" <plain >a
    asked azure 1 get
    to_azure 2
    fresh azure
    opens a "$uri"
    asked azure 1 get
    asked azure 1 unwrapkey
    to_azure 3
    exits 0 "$envelope" verify -i "$uri" a
    # As other programs write it, and with the version
    opens a "azurekms://${key%/keys/*}/backup?endpoint=$here"
    opens a "$(uri_of "backup/$(version_of backup)")"
    "$envelope" encrypt -r "$(uri_of "backup/$(version_of backup)")" \
        <plain >a
    opens a "$uri"
}

# The backup host needs the service once, or never.
by_public_half() {
    "$OPENSSL" pkey -in azure/backup.1.pem -pubout -out public.pem
    fresh azure
    "$envelope" encrypt -r public.pem <plain >a
    silent azure
    opens a "$uri"
    exits 0 "$envelope" inspect sealed >out
    grep -q 'RSA key, 2048 bits' out
    grep -A1 'RSA key' out | tail -n 1 >id.sealed
    "$envelope" inspect a | grep -A1 'RSA key' | tail -n 1 | cmp id.sealed -
}

# Its export opens what was encrypted with the help of the service.
by_export() {
    fresh azure
    opens sealed azure/backup.1.pem
    silent azure
    python "$srcdir/test/interop/envelope.py" extract-key-envelope sealed \
        ke.der
    env -u OPENSSL_MODULES "$OPENSSL" cms -decrypt -inform DER -in ke.der \
        -binary -out dek -inkey azure/backup.1.pem
    [ "$(size_of dek)" -eq 32 ]
}

by_openssl() {
    fresh azure
    seal_to "$uri" plain a
    open_with "$uri" a out
    cmp plain out
    asked azure 1 unwrapkey
}

mixed() {
    fresh azure
    "$envelope" encrypt -r "$uri" -r "$(uri_of second)" -r ops.pem \
        --passphrase-file pw --work-factor 14 <plain >a
    asked azure 2 get
    fresh azure
    opens a ops.key
    "$envelope" decrypt --passphrase-file pw <a | cmp plain -
    silent azure
    opens a "$uri"
    opens a "$(uri_of second)"
    asked azure 2 unwrapkey
    # Of two identities the second one fits; services are asked last.
    "$envelope" decrypt -i "$(uri_of second)" -i "$uri" <sealed | cmp plain -
    fresh azure
    "$envelope" decrypt -i "$uri" -i ops.key <a | cmp plain -
    silent azure
}

# Neither key is asked to unwrap what is not its own.
another_key() {
    fresh azure
    shut sealed "$(uri_of second)"
    grep -q 'it has 1 recipient: RSA' err
    asked azure 0 unwrapkey
    "$envelope" encrypt -r ops.pem <plain >a
    fresh azure
    shut a "$uri"
    silent azure
}

hsm() {
    hsm="azurekeyvault://unit.managedhsm.azure.net/keys/hsm?endpoint=$here"
    "$envelope" encrypt -r "$hsm" <plain >a
    opens a "$hsm"
    opens a azure/hsm.1.pem
}

t 'a key' round_trip
t 'the public half as a file, and inspect' by_public_half
t "the key's export opens it: envelope, openssl cms" by_export
t 'openssl enc' by_openssl
t 'bsdtar' by_bsdtar
t 'several keys and other recipients' mixed
t 'another key opens nothing, and is not asked to' another_key
t 'a managed HSM, and a token for it' hsm

# --- keys that are none ---------------------------------------------------

unfit() { # NAME TEXT
    exits 1 "$envelope" encrypt -r "$(uri_of "$1")" -o new plain
    grep -qF -e "$2" err
    [ ! -e new ]
}

unfit_keys() {
    unfit curve 'keys/curve, of the type EC: only RSA keys'
    unfit symmetric 'of the type oct-HSM'
    unfit signs 'allow the operations wrapKey and unwrapKey'
    unfit over 'its time is over'
    unfit early 'its time has not begun'
    unfit small '1024 bits'
    unfit nowhere 'KeyNotFound'
    unfit "backup/$(version_of backup 7)" "check the vault and the key's name"
}

bad_uris() {
    fresh azure
    for bad in azurekeyvault://unit.vault.azure.net \
        azurekeyvault:unit.vault.azure.net/keys/a \
        "azurekeyvault://vault.azure.net/keys/a" \
        "azurekeyvault://evil.example/keys/a" \
        "azurekeyvault://unit.vault.azure.net.evil.example/keys/a" \
        "azurekeyvault://unit.vault.azure.net:444/keys/a" \
        "azurekeyvault://${key%/*}/" "azurekeyvault://${key%/*}/.." \
        "azurekeyvault://$key/" "azurekeyvault://$key/a/b" \
        "azurekeyvault://$key/a%2fb" "azurekeyvault://$key?context=labels"; do
        exits 1 "$envelope" encrypt -r "$bad" -o new plain
        exits 3 "$envelope" decrypt -i "$bad" -o new sealed
        [ ! -e new ]
    done
    silent azure
}

t 'keys that are not good for it' unfit_keys
t 'what names no key' bad_uris

# --- rotation -------------------------------------------------------------

# The token; the current version, the list, and the versions until it is found
rotation() {
    rotated 3
    "$envelope" encrypt -r "$uri" <plain >new
    fresh azure
    opens new "$uri"
    asked azure 0 versions
    fresh azure
    opens sealed "$uri"
    asked azure 1 versions
    [ "$(grep -c '"operation": "get"' azure/log)" -le 3 ]
    asked azure 1 unwrapkey
    fresh azure
    opens sealed "$(uri_of "backup/$(version_of backup)")"
    asked azure 0 versions
    to_azure 3
    shut sealed "$(uri_of "backup/$(version_of backup 2)")"
    rotated 1
}

unlisted() {
    rotated 2
    AZURE_CLIENT_ID=unlisted
    shut sealed "$uri"
    grep -q 'ForbiddenByRbac' err
    grep -qF "azurekeyvault://$key/VERSION" err
    opens sealed "$(uri_of "backup/$(version_of backup)")"
    AZURE_CLIENT_ID=backup
    shut sealed "$(uri_of "backup/$(version_of backup)")"
    grep -q 'their role for the key' err
    AZURE_CLIENT_ID=restore
    rotated 1
}

# The link to the next page does not say who is asked.
pages() {
    echo 'many 1' >azure/versions
    "$envelope" encrypt -r "$(uri_of many)" <plain >old
    : >azure/versions
    fresh azure other
    echo "$there/keys/many/versions" >azure/elsewhere
    opens old "$(uri_of many)"
    asked azure 3 versions
    silent other
    : >azure/elsewhere
}

disabled() {
    rotated 2
    echo backup/2 >azure/disabled
    opens sealed "$uri"
    exits 1 "$envelope" encrypt -r "$uri" -o new2 plain
    grep -q 'KeyDisabled' err
    echo backup/1 >azure/disabled
    shut sealed "$uri"
    grep -q "the key's version has to be enabled" err
    : >azure/disabled
    rotated 1
}

t 'an older version opens what it was made for' rotation
t 'without the right to list, the version is named' unlisted
t 'a list of several pages, all of the same service' pages
t 'a version that is disabled' disabled

# --- rewrap ---------------------------------------------------------------

rewraps() {
    cp sealed a
    exits 0 "$envelope" rewrap -i "$uri" -r "$(uri_of second)" a
    opens a "$(uri_of second)"
    shut a "$uri"
    same_payload a sealed
    # Done before: nobody opens it any more.
    exits 0 "$envelope" rewrap -i "$uri" -r "$(uri_of second)" a
    exits 0 "$envelope" rewrap --add -i "$(uri_of second)" -r "$uri" a
    opens a "$uri"
    opens a "$(uri_of second)"
    exits 0 "$envelope" rewrap --replace-all -i "$uri" -r ops.pem a
    opens a ops.key
    shut a "$uri"
    # To the key's new version; the old one goes.
    cp sealed a
    rotated 2
    exits 0 "$envelope" rewrap -i "$uri" -r "$uri" a
    opens a azure/backup.2.pem
    exits 3 "$envelope" decrypt -i azure/backup.1.pem <a >out
    rotated 1
}

# The service cannot do it, and says so before anybody is asked.
by_service() {
    cp sealed a
    for to in "$uri" ops.pem; do
        exits 2 "$envelope" rewrap --by-service -i "$uri" -r "$to" a
    done
    exits 3 "$envelope" rewrap --by-service -i "$uri" a
    cmp a sealed
}

t 'rewrap to and from, and to a new version' rewraps
t 'not by the service' by_service

# --- who asks -------------------------------------------------------------

who() { # WHO REQUESTS-FOR-TOKENS
    fresh azure
    opens sealed "$uri"
    logged azure "\"who\": \"$1\""
    [ "$(grep -c '"token": ' azure/log)" -eq "$2" ]
}

credentials() {
    who restore 1
    secret=$AZURE_CLIENT_SECRET
    unset AZURE_CLIENT_SECRET
    AZURE_FEDERATED_TOKEN_FILE=$tests_dir/azure/token AZURE_CLIENT_ID=workload \
        who workload 1
    IDENTITY_ENDPOINT=$here/msi/token IDENTITY_HEADER=$(cat azure/header)
    export IDENTITY_ENDPOINT IDENTITY_HEADER
    who app 1
    unset IDENTITY_HEADER
    shut_up "$uri" 'Azure Arc'
    unset IDENTITY_ENDPOINT AZURE_CLIENT_ID
    AZURE_POD_IDENTITY_AUTHORITY_HOST=$here
    export AZURE_POD_IDENTITY_AUTHORITY_HOST
    who machine 2 # one of them asks whether there is any
    AZURE_CLIENT_ID=other
    export AZURE_CLIENT_ID
    who other-machine 2
    AZURE_CLIENT_ID=stranger
    shut_up "$uri" 'Identity not found'
    AZURE_POD_IDENTITY_AUTHORITY_HOST=http://127.0.0.1:1
    exits 1 "$envelope" decrypt -i "$uri" <sealed >out
    grep -q 'no credentials for Azure: looked for' err
    unset AZURE_POD_IDENTITY_AUTHORITY_HOST
    AZURE_CLIENT_ID=restore AZURE_CLIENT_SECRET=wrong
    export AZURE_CLIENT_SECRET
    shut_up "$uri" 'AADSTS7000215'
    AZURE_CLIENT_SECRET=$secret
}

shut_up() { # URI TEXT
    exits 3 "$envelope" decrypt -i "$1" <sealed >out
    nothing out
    grep -qF -e "$2" err
    quiet
}

expired() {
    fresh azure
    echo expired >azure/faults
    opens sealed "$uri"
    [ "$(grep -c '"token": "entra"' azure/log)" -eq 2 ]
}

# One token, one question for the key's public half, and each file is unwrapped; after
# a rotation the list is asked for once.
many_files() {
    rotated 1
    for i in $(seq 20); do
        "$envelope" encrypt -r public.pem -o "many.$i" plain
    done
    rotated 3
    fresh azure
    exits 0 "$envelope" verify -i "$uri" many.*
    asked azure 20 unwrapkey
    asked azure 1 versions
    [ "$(grep -c '"operation": "get"' azure/log)" -le 3 ]
    [ "$(grep -c '"token": "entra"' azure/log)" -eq 1 ]
    [ "$(wc -l <azure/connections)" -le 2 ]
    # For nobody's key the list is not asked for each time.
    fresh azure
    exits 3 "$envelope" verify -i "$(uri_of second)" many.*
    asked azure 0 unwrapkey
    asked azure 1 versions
    rotated 1
}

t 'each kind of credentials' credentials
t 'a token that is refused is asked for again, once' expired
t '20 files: one token, few requests' many_files

# --- other readers and writers --------------------------------------------

client() {
    node "$kms/azure/client.mjs" tls "$@"
}

azure_opens() {
    header cut-rsa sealed blob
    client unwrap "backup/$(version_of backup)" blob >cek
    header open-rsa sealed out "$(cat cek)"
    cmp plain out
}

azure_makes() {
    cek=$(head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n')
    client wrap "backup/$(version_of backup)" "$cek" >hex
    python -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read()))' \
        <hex >blob
    header make-rsa plain a "$cek" blob sealed
    opens a "$uri"
}

if [ -n "${AZURE_SDK-}" ]; then
    t "Microsoft's client and Python open ours" azure_opens
    t 'ours opens what they make' azure_makes
else
    skip "Microsoft's client and Python open ours" "npm has not got it"
    skip 'ours opens what they make' "npm has not got it"
fi
t 'nothing secret in long messages' verbose denied 500 expired
