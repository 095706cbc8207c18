#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A key of Alibaba Cloud KMS encrypts and decrypts through every face, with labels, each
# kind of credentials and for rewrap, at a look-alike that Alibaba's own client has to
# agree with first.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 24
need bsdtar
. "$srcdir/test/kms/kms_services.sh"
. "$srcdir/test/kms/kms_ali_service.sh"

if ali_sdk; then
    t "Alibaba's client agrees with the look-alike" \
        node "$kms/ali/judge.mjs" ali
else
    skip "Alibaba's client agrees with the look-alike" "npm has not got it"
fi
kms_module
provider
t 'keys and envelopes can be made' make_all

# --- round trips ----------------------------------------------------------

round_trip() { # REGION/KEY REGION/ID
    fresh ali
    "$envelope" encrypt -r "alikms://$1?endpoint=$here" <plain >a
    asked ali 1 GenerateDataKey
    logged ali "\"KeyId\": \"${1#*/}\""
    logged ali "\"host\": \"${here#http://}\""
    names_key a "$2"
    fresh ali
    opens a "alikms://$1?endpoint=$here"
    asked ali 1 Decrypt
    exits 0 "$envelope" verify -i "alikms://$1?endpoint=$here" a
    opens a "alikms://$2?endpoint=$here"
}

by_openssl() {
    fresh ali
    seal_to "$uri" plain a
    open_with "$uri" a out
    cmp plain out
    asked ali 1 GenerateDataKey
    asked ali 1 Decrypt
    opens a "$uri"
}

mixed() {
    fresh ali
    "$envelope" encrypt -r "$uri" -r "alikms://$second?endpoint=$here" \
        -r ops.pem --passphrase-file pw --work-factor 14 <plain >a
    asked ali 2 GenerateDataKey
    fresh ali
    opens a ops.key
    "$envelope" decrypt --passphrase-file pw <a | cmp plain -
    silent ali
    opens a "$uri"
    opens a "alikms://$second?endpoint=$here"
    asked ali 2 Decrypt
}

# An identifier is one key, and an alias any of its region: that one is asked for, and
# it is the reply that says no.
another_key() {
    fresh ali
    shut sealed "alikms://$second?endpoint=$here"
    shut sealed "alikms://cn-shanghai/${key#*/}?endpoint=$here"
    shut sealed "alikms://cn-shanghai/alias/backup?endpoint=$here"
    shut sealed "vault:///transit/keys/backup?address=$here"
    silent ali
    opens sealed "alikms://cn-hangzhou/alias/second?endpoint=$here"
    header alter sealed a --key "$second"
    shut a "alikms://$alias?endpoint=$here"
    grep -q 'about another key' err
    asked ali 2 Decrypt
}

labels_are_context() {
    fresh ali
    "$envelope" encrypt -r "$uri" --label db=orders --label 'who=Jürgen "x"' \
        --label a.b:c=d= --label 'q=a b+&=~*' <plain >a
    python - <<'PYTHON'
import json
log = [json.loads(line) for line in open("ali/log")]
assert log[-1]["parameters"]["EncryptionContext"] == \
    '{"a.b:c":"d=","db":"orders","q":"a b+&=~*","who":"Jürgen \\"x\\""}', log[-1]
PYTHON
    opens a "$uri"
    header list a | grep -qF '"context": "labels"'
    header list sealed | grep -qF '"context": ""'
}

# The service takes 8,192 characters of them.
many_labels() {
    set -- --label "a=$(printf %04000d 0)" --label "b=$(printf %04000d 0)"
    "$envelope" encrypt -r "$uri" "$@" <plain >a
    opens a "$uri"
    exits 1 "$envelope" encrypt -r "$uri" "$@" --label "c=$(printf %0200d 0)" \
        -o new plain
    [ ! -e new ]
}

other_labels() {
    header alter labelled a --labels
    shut a "$uri"
    grep -q InvalidCiphertext err
    header alter labelled a --context ''
    shut a "$uri"
}

t 'a key' round_trip "$key" "$key"
t 'an alias' round_trip "$alias" "$key"
t 'an ARN' round_trip "cn-hangzhou/acs:kms:cn-hangzhou:154035569884:key/${key#*/}" \
    "$key"
t 'openssl enc' by_openssl
t bsdtar by_bsdtar
t 'several keys and other recipients' mixed
t 'another key opens nothing' another_key
t 'labels are the encryption context' labels_are_context
t 'more labels than the service takes' many_labels
t 'other labels, another context' other_labels

# --- credentials ----------------------------------------------------------

used() { # PROFILE
    logged ali "\"access_key\": \"$(field "$1" access_key_id)\""
}

opens_as() { # PROFILE COMMAND-OF-ENV...
    used_by=$1
    shift
    fresh ali
    env HOME=/nowhere "$@" "$envelope" decrypt -i "$uri" <sealed | cmp plain -
    used "$used_by"
}

from_environment() {
    opens_as session \
        ALIBABA_CLOUD_ACCESS_KEY_ID="$(field session access_key_id)" \
        ALIBABA_CLOUD_ACCESS_KEY_SECRET="$(field session access_key_secret)" \
        ALIBABA_CLOUD_SECURITY_TOKEN="$(field session security_token)"
    opens_as default ALICLOUD_ACCESS_KEY="$(field default access_key_id)" \
        ALICLOUD_SECRET_KEY="$(field default access_key_secret)"
}

from_files() {
    fresh ali
    opens sealed "$uri"
    used default
    for profile in session ini-session; do
        fresh ali
        opens sealed "$uri&profile=$profile"
        used session
    done
    ALIBABA_CLOUD_PROFILE=session opens sealed "$uri"
    shut sealed "$uri&profile=absent"
}

# Over loopback, which is not encrypted: people give an https URL.
from_roles() {
    ALIBABA_CLOUD_STS_ENDPOINT=$here
    export ALIBABA_CLOUD_STS_ENDPOINT
    fresh ali
    opens sealed "$uri&profile=assumed"
    logged ali '"token": "assume"'
    used role
    opens_as role ALIBABA_CLOUD_OIDC_TOKEN_FILE="$tests_dir/ali/token" \
        ALIBABA_CLOUD_ROLE_ARN=acs:ram::154035569884:role/backup \
        ALIBABA_CLOUD_OIDC_PROVIDER_ARN=acs:ram::154035569884:oidc-provider/ack
    logged ali '"token": "assume_with_token"'
    exits 3 env HOME=/nowhere ALIBABA_CLOUD_OIDC_TOKEN_FILE=pw \
        ALIBABA_CLOUD_ROLE_ARN=acs:ram::154035569884:role/backup \
        ALIBABA_CLOUD_OIDC_PROVIDER_ARN=acs:ram::154035569884:oidc-provider/ack \
        "$envelope" decrypt -i "$uri" <sealed >out
    nothing out
    quiet
    grep -q 'AuthenticationFail.OIDCToken.Invalid' err
    unset ALIBABA_CLOUD_STS_ENDPOINT
    opens_as role ALIBABA_CLOUD_CREDENTIALS_URI="$here/credentials"
    logged ali '"token": "uri"'
}

no_credentials() {
    fresh ali
    HOME=/nowhere shut sealed "$uri"
    exits 1 env HOME=/nowhere "$envelope" encrypt -r "$uri" -o new plain
    [ ! -e new ]
    silent ali
}

wrong_credentials() {
    ALIBABA_CLOUD_ACCESS_KEY_ID=$(field default access_key_id)
    ALIBABA_CLOUD_ACCESS_KEY_SECRET=$(field session access_key_secret)
    export ALIBABA_CLOUD_ACCESS_KEY_ID ALIBABA_CLOUD_ACCESS_KEY_SECRET
    fresh ali
    shut sealed "$uri"
    grep -q SignatureDoesNotMatch err
    told ali
    asked ali 1 Decrypt
    unset ALIBABA_CLOUD_ACCESS_KEY_ID ALIBABA_CLOUD_ACCESS_KEY_SECRET
}

not_allowed() {
    fresh ali
    shut sealed "$uri&profile=denied"
    grep -q 'Forbidden.NoPermission' err
    told ali
    exits 1 "$envelope" encrypt -r "$uri&profile=denied" -o new plain
    [ ! -e new ]
    exits 1 "$envelope" encrypt -r "alikms://$off?endpoint=$here" -o new plain
    grep -q "check the key's state" err
    [ ! -e new ]
}

# Each of them asks the service; the role is asked for once, and there is one connection
# for each of the two that are asked.
many_files() {
    for i in $(seq 20); do
        "$envelope" encrypt -r "$uri" -o "many.$i" plain
    done
    fresh ali
    ALIBABA_CLOUD_STS_ENDPOINT=$here exits 0 "$envelope" verify \
        -i "$uri&profile=assumed" many.*
    asked ali 20 Decrypt
    [ "$(grep -c '"token": "assume"' ali/log)" -eq 1 ]
    [ "$(wc -l <ali/connections)" -le 2 ]
}

t 'credentials of the environment' from_environment
t 'of files' from_files
t 'of roles, and of a URI' from_roles
t 'none' no_credentials
t 'wrong ones' wrong_credentials
t 'some that may not' not_allowed
t '20 files: one role, few connections' many_files

# --- where it is sent -----------------------------------------------------

addresses() {
    fresh ali other
    ALIBABA_CLOUD_KMS_ENDPOINT=$there opens sealed "$uri"
    silent other
    ALIBABA_CLOUD_KMS_ENDPOINT=$here opens sealed "alikms://$key"
    exits 1 timeout 5 "$envelope" encrypt -o new plain \
        -r "alikms://$key?endpoint=http://127.0.0.1.example.com"
    grep -q 'plain http' err
    [ ! -e new ]
}

t "endpoints are the user's" addresses

# --- rewrap ---------------------------------------------------------------

rewraps() {
    "$envelope" encrypt -r ops.pem --reserve 4000 <plain >f
    cp f before
    "$envelope" rewrap -i ops.key -r "$uri" f
    same_payload before f
    opens f "$uri"
    "$envelope" rewrap -i "$uri" -r "alikms://cn-hangzhou/alias/second?endpoint=$here" f
    names_key f "$second"
}

by_service() {
    cp labelled f
    fresh ali
    "$envelope" rewrap --by-service -i "alikms://$alias?endpoint=$here" \
        -r "alikms://$second?endpoint=$here" f
    asked ali 1 ReEncrypt
    asked ali 0 Decrypt
    asked ali 0 GenerateDataKey
    names_key f "$second"
    same_payload labelled f
    opens f "alikms://$second?endpoint=$here"
    shut f "$uri"
    cp sealed f
    fresh ali
    exits 3 "$envelope" rewrap --by-service -i "$uri" \
        -r "alikms://$alias?endpoint=$here" f
    grep -q 'which key an alias is' err
    silent ali
    fault ali 3 1 denied -- "$envelope" rewrap --by-service -i "$uri" \
        -r "alikms://$second?endpoint=$here" f
    cmp sealed f
}

t 'rewrap to a key service and back' rewraps
t 'rewrap by the service, which shows no key' by_service

# --- without us, and without the other ------------------------------------

client() { # ACTION PARAMETERS
    node "$kms/ali/client.mjs" ali "$@" >json
}

member() { # NAME - of ./json
    python -c 'import json, sys; print(json.load(open("json"))[sys.argv[1]])' \
        "$1"
}

kek() {
    member Plaintext | base64 -d | od -An -v -tx1 | tr -d ' \n'
}

ali_opens() {
    header cut labelled blob
    client Decrypt "{\"CiphertextBlob\": \"$(cat blob)\", \"EncryptionContext\":
        \"{\\\"day\\\":\\\"1\\\", \\\"db\\\":\\\"orders\\\"}\"}"
    header open labelled out "$(kek)"
    cmp plain out
}

ali_makes() {
    client GenerateDataKey "{\"KeyId\": \"${key#*/}\", \"KeySpec\": \"AES_256\",
        \"EncryptionContext\": \"{\\\"db\\\": \\\"orders\\\"}\"}"
    printf %s "$(member CiphertextBlob)" >blob
    header make plain a "$(kek)" blob alikms "$key" db=orders
    opens a "$uri"
    names_key a "$key"
}

if [ -n "${ALI_SDK-}" ]; then
    t "Alibaba's client and Python open ours" ali_opens
    t 'ours opens what they make' ali_makes
else
    skip "Alibaba's client and Python open ours" "npm has not got it"
    skip 'ours opens what they make' "npm has not got it"
fi
