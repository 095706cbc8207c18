#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A key of Vault's or OpenBao's transit engine encrypts and decrypts with each
# version, token, namespace and address, at a look-alike that hvac has to agree
# with first.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 19
. "$srcdir/test/kms/kms_services.sh"
python -c 'import hvac' 2>/dev/null || skip_rest "$PYTHON has no hvac"

# A certificate authority, a server's certificate, and one for another name.
certificates() {
    new_ec ca P-256
    "$OPENSSL" req -x509 -new -key ca.key -subj /CN=ca -days 3 -out ca.crt
    new_ec server P-256
    for name in server:IP:127.0.0.1 misnamed:DNS:vault.example.com; do
        echo "subjectAltName=${name#*:}" >extensions
        "$OPENSSL" req -new -key server.key -subj "/CN=${name%%:*}" \
            | "$OPENSSL" x509 -req -CA ca.crt -CAkey ca.key -days 3 \
                -extfile extensions -out "${name%%:*}.crt"
    done
}
set_up certificates

look_alike vault vault
look_alike tls vault --tls server.crt server.key
look_alike misnamed vault --tls misnamed.crt server.key

t 'hvac agrees with the look-alike' prove vault-hvac vault
over_tls() {
    VAULT_SCHEME=https VAULT_CACERT=$tests_dir/ca.crt prove vault-hvac tls
}
t 'also over TLS' over_tls

. "$srcdir/test/kms/kms_vault_service.sh"

t 'keys and envelopes can be made' make_all

# --- round trips ----------------------------------------------------------

round_trip() { # MOUNT/keys/NAME
    fresh vault
    "$envelope" encrypt -r "vault:///$1" <plain >a
    asked vault 1 datakey/plaintext
    logged vault "\"mount\": \"${1%/keys/*}\""
    logged vault '"bits": 256'
    names_key a "$1"
    fresh vault
    opens a "vault:///$1"
    asked vault 1 decrypt
    exits 0 "$envelope" verify -i "vault:///$1" a
}

by_openssl() {
    fresh vault
    seal_to "$uri" plain a
    open_with "$uri" a out
    cmp plain out
    asked vault 1 datakey/plaintext
    asked vault 1 decrypt
    open_with "$uri" sealed out
    cmp plain out
}

mixed() {
    fresh vault
    "$envelope" encrypt -r "$uri" -r vault:///team/transit/keys/second \
        -r ops.pem --passphrase-file pw --work-factor 14 <plain >a
    asked vault 2 datakey/plaintext
    fresh vault
    opens a ops.key
    "$envelope" decrypt --passphrase-file pw <a | cmp plain -
    silent vault
    opens a "$uri"
    opens a vault:///team/transit/keys/second
    asked vault 2 decrypt
}

another_key() {
    fresh vault
    shut sealed vault:///transit/keys/second
    shut sealed vault:///team/transit/keys/backup
    shut sealed awskms:///alias/backup
    silent vault
    # The same name, where another key has it
    shut sealed "$uri?namespace=ns1"
}

namespaces() {
    fresh vault
    "$envelope" encrypt -r "$uri?namespace=ns1" <plain >a
    logged vault '"namespace": "ns1/"'
    opens a "$uri?namespace=ns1"
    shut a "$uri"
    VAULT_NAMESPACE=ns1/ns2 "$envelope" encrypt -r "$uri" <plain >a
    logged vault '"namespace": "ns1/ns2/"'
    VAULT_NAMESPACE=ns1/ns2 opens a "$uri"
    opens a "$uri?namespace=ns1/ns2"
    VAULT_NAMESPACE=$(printf 'a\nX-Evil: b') shut sealed "$uri"
}

labels() {
    derived=vault:///transit/keys/derived
    fresh vault
    "$envelope" encrypt -r "$derived?context=labels" --label db=orders \
        --label day=1 <plain >labelled
    logged vault "\"context\": \"$(printf 'day=1\ndb=orders\n' | base64 -w 0)\""
    header list labelled | grep -qF '"context": "labels"'
    opens labelled "$derived?context=labels"
    header alter labelled a --labels
    shut a "$derived?context=labels"
    header alter labelled a --context ''
    shut a "$derived"
    fresh vault
    shut labelled "$derived" # nobody is told what the user did not say
    silent vault
    # Without being told to, labels stay at home.
    fresh vault
    "$envelope" encrypt -r "$uri" --label db=orders <plain >a
    ! logged vault '"context"' || false
    header list a | grep -qF '"context": ""'
    opens a "$uri"
    exits 1 "$envelope" encrypt -r "$derived" --label db=orders -o new plain
    [ ! -e new ]
}

t 'a key' round_trip transit/keys/backup
t 'a key of another mount' round_trip team/transit/keys/second
t 'openssl enc' by_openssl
t 'several keys and other recipients' mixed
t 'another key opens nothing' another_key
t 'namespaces' namespaces
t 'labels as context of a derived key' labels

# --- tokens ---------------------------------------------------------------

tokens() {
    cp vault/token home/.vault-token
    fresh vault
    env -u VAULT_TOKEN "$envelope" decrypt -i "$uri" <sealed | cmp plain -
    echo >>home/.vault-token
    env -u VAULT_TOKEN "$envelope" decrypt -i "$uri" <sealed | cmp plain -
    echo hvs.wrong >home/.vault-token
    opens sealed "$uri"
    rm home/.vault-token
}

no_token() {
    unset VAULT_TOKEN
    fresh vault
    shut sealed "$uri"
    exits 1 "$envelope" encrypt -r "$uri" -o new plain
    [ ! -e new ]
    for bad in "$(printf 'a\r\nX-Evil: b')" "$(printf 'a\001')" 'a b é'; do
        VAULT_TOKEN=$bad shut sealed "$uri"
    done
    silent vault
}

wrong_token() {
    VAULT_TOKEN=hvs.wrong shut sealed "$uri"
    grep -q 'status 403' err
    ! grep -q hvs.wrong err || false
    VAULT_TOKEN=$(cat vault/limited-token)
    "$envelope" encrypt -r "$uri" <plain >a
    shut a "$uri"
    cat vault/token >vault/refused
    fresh vault
    VAULT_TOKEN=$(cat vault/token) shut sealed "$uri"
    asked vault 1 decrypt
    : >vault/refused
}

t 'the token of the environment, or of the file' tokens
t 'no token' no_token
t 'tokens that may not' wrong_token

# --- where it is sent -----------------------------------------------------

addresses() {
    fresh vault other
    VAULT_ADDR=$there opens sealed \
        "$uri?address=http://127.0.0.1:$(port vault)"
    VAULT_ADDR=http://127.0.0.1:$(port vault)/ opens sealed "$uri"
    silent other
    unset VAULT_ADDR
    status=0
    "$envelope" decrypt -i "$uri" <sealed >out 2>err || status=$?
    [ $status -ne 0 ]
    nothing out
    for bad in http://192.0.2.1:8200 http://127.0.0.1.example.com \
        ftp://127.0.0.1 127.0.0.1:8200; do
        VAULT_ADDR=$bad
        export VAULT_ADDR
        exits 1 timeout 5 "$envelope" encrypt -r "$uri" -o new plain
        [ ! -e new ]
    done
}

tls() {
    VAULT_CACERT=$tests_dir/ca.crt
    VAULT_TOKEN=$(cat tls/token)
    export VAULT_CACERT VAULT_TOKEN
    fresh tls misnamed
    at=127.0.0.1:$(port tls)
    "$envelope" encrypt -r "vault://$at/transit/keys/backup" <plain >a
    asked tls 1 datakey/plaintext
    names_key a transit/keys/backup
    opens a "vault://$at/transit/keys/backup"
    VAULT_ADDR=https://$at opens a "$uri"
    # What openssl enc leaves of the algorithms is enough, also for OpenSSL's
    # own TLS where libcurl uses that.
    (
        export VAULT_ADDR="https://$at"
        seal_to "$uri" plain b
        open_with "$uri" b out
    )
    cmp plain out
    # A name that is not in the certificate, an authority that is not known,
    # and a server that talks in clear: nobody gets the token.
    env -u VAULT_CACERT "$envelope" encrypt \
        -r "vault://$at/transit/keys/backup" -o new plain 2>err && false
    exits 1 "$envelope" encrypt -o new plain \
        -r "vault://127.0.0.1:$(port misnamed)/transit/keys/backup"
    exits 1 "$envelope" encrypt -o new plain \
        -r "vault://127.0.0.1:$(port other)/transit/keys/backup"
    [ ! -e new ]
    nothing misnamed/log other/log
}

t 'the address can be given, plain http stays here' addresses
t 'TLS, and whom it does not trust' tls

# --- versions and rewrap --------------------------------------------------

manage() { # PATH JSON
    curl -sSf -H "X-Vault-Token: $VAULT_TOKEN" -d "$2" "$VAULT_ADDR/v1/$1"
}

rotation() {
    manage transit/keys/turning '{}'
    turning=vault:///transit/keys/turning
    "$envelope" encrypt -r "$turning" <plain >old
    header cut old blob
    grep -q '^vault:v1:' blob
    manage transit/keys/turning/rotate '{}'
    opens old "$turning"
    "$envelope" encrypt -r "$turning" <plain >a
    header cut a blob
    grep -q '^vault:v2:' blob
    # By the service: the same key, its newest version
    cp old f
    fresh vault
    "$envelope" rewrap --by-service -i "$turning" -r "$turning" f
    asked vault 1 rewrap
    asked vault 0 decrypt
    asked vault 0 datakey/plaintext
    header cut f blob
    grep -q '^vault:v2:' blob
    same_payload old f
    manage transit/keys/turning/config '{"min_decryption_version": 2}'
    opens f "$turning"
    shut old "$turning"
    grep -q 'status 400' err
    # It cannot move to another key without showing it.
    cp f before
    fresh vault
    status=0
    "$envelope" rewrap --by-service -i "$turning" -r "$uri" f 2>err || status=$?
    [ $status -ne 0 ]
    cmp before f
    asked vault 0 decrypt
}

rewraps() {
    "$envelope" encrypt -r ops.pem --reserve 4000 <plain >f
    cp f before
    "$envelope" rewrap -i ops.key -r "$uri" f
    same_payload before f
    opens f "$uri"
    "$envelope" rewrap -i "$uri" -r ops.pem f
    same_payload before f
    fresh vault
    opens f ops.key
    shut f "$uri"
    silent vault
}

t 'versions of a key, and rewrap by the service' rotation
t 'rewrap to a key service and back' rewraps

# --- without us, and without the other ------------------------------------

curl_opens() {
    header cut sealed blob
    manage transit/decrypt/backup "{\"ciphertext\": \"$(cat blob)\"}" >json
    python -c 'import base64, json
print(base64.b64decode(json.load(open("json"))["data"]["plaintext"]).hex())' \
        >kek
    header open sealed out "$(cat kek)"
    cmp plain out
}

curl_makes() {
    manage transit/datakey/plaintext/backup '{}' >json
    python -c 'import base64, json
made = json.load(open("json"))["data"]
open("blob", "w").write(made["ciphertext"])
print(base64.b64decode(made["plaintext"]).hex())' >kek
    header make plain a "$(cat kek)" blob vault transit/keys/backup
    opens a "$uri"
}

t 'curl and Python open ours' curl_opens
t 'ours opens what they make' curl_makes
