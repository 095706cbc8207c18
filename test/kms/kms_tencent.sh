#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A key of Tencent Cloud KMS encrypts and decrypts with labels, each kind of
# credentials and for rewrap, at a look-alike that Tencent's own SDK has to agree
# with first.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 24
need bsdtar
. "$srcdir/test/kms/kms_services.sh"
. "$srcdir/test/kms/kms_tencent_service.sh"

t 'the example of the documentation' prove tencent-documentation tencent
t "Tencent's SDK agrees with the look-alike" prove tencent-sdk tencent
t 'also about the host name of the service' prove tencent-proxy tencent
t 'altered requests are refused' prove tencent-altered tencent

kms_module
provider

t 'keys and envelopes can be made' make_all

# --- round trips ----------------------------------------------------------

round_trip() { # REGION/KEY
    fresh tencent
    "$envelope" encrypt -r "tencentkms://$1?endpoint=$here" <plain >a
    asked tencent 1 GenerateDataKey
    logged tencent "\"region\": \"${1%/*}\""
    logged tencent "\"KeyId\": \"${1#*/}\""
    logged tencent '/kms/tc3_request"'
    logged tencent "\"host\": \"${here#http://}\""
    names_key a "$1"
    fresh tencent
    opens a "tencentkms://$1?endpoint=$here"
    asked tencent 1 Decrypt
    exits 0 "$envelope" verify -i "tencentkms://$1?endpoint=$here" a
}

by_openssl() {
    fresh tencent
    seal_to "$uri" plain a
    open_with "$uri" a out
    cmp plain out
    asked tencent 1 GenerateDataKey
    asked tencent 1 Decrypt
    open_with "$uri" sealed out
    cmp plain out
    opens a "$uri"
}

mixed() {
    fresh tencent
    "$envelope" encrypt -r "$uri" -r "tencentkms://$singapore?endpoint=$here" \
        -r ops.pem --passphrase-file pw --work-factor 14 <plain >a
    asked tencent 2 GenerateDataKey
    fresh tencent
    opens a ops.key
    "$envelope" decrypt --passphrase-file pw <a | cmp plain -
    silent tencent
    opens a "$uri"
    opens a "tencentkms://$singapore?endpoint=$here"
    asked tencent 2 Decrypt
}

another_key() {
    fresh tencent
    shut sealed "tencentkms://$second?endpoint=$here"
    shut sealed "tencentkms://ap-singapore/${key#*/}?endpoint=$here"
    shut sealed "vault:///transit/keys/backup?address=$here"
    silent tencent
}

labels_are_context() {
    fresh tencent
    "$envelope" encrypt -r "$uri" --label db=orders --label 'who=Jürgen "x"' \
        --label a.b:c=d= <plain >a
    python - <<'PYTHON'
import json
log = [json.loads(line) for line in open("tencent/log")]
assert log[-1]["parameters"]["EncryptionContext"] == \
    '{"a.b:c":"d=","db":"orders","who":"Jürgen \\"x\\""}', log[-1]
PYTHON
    opens a "$uri"
    header list a | grep -qF '"context": "labels"'
    header list sealed | grep -qF '"context": ""'
}

# The service takes 1,024 characters of them.
many_labels() {
    exits 1 "$envelope" encrypt -r "$uri" --label "a=$(printf %01100d 0)" \
        -o new plain
    [ ! -e new ]
    "$envelope" encrypt -r "$uri" --label "a=$(printf %01000d 0)" <plain >a
    opens a "$uri"
}

other_labels() {
    header alter labelled a --labels
    shut a "$uri"
    grep -q InvalidCiphertext err
    header alter labelled a --context ''
    shut a "$uri"
}

t 'a key' round_trip "$key"
t 'a key of another region' round_trip "$singapore"
t 'openssl enc' by_openssl
t bsdtar by_bsdtar
t 'several keys and other recipients' mixed
t 'another key opens nothing, and asks nobody' another_key
t 'labels are the encryption context' labels_are_context
t 'more labels than the service takes' many_labels
t 'other labels, another context' other_labels

# --- credentials ----------------------------------------------------------

used() { # PROFILE
    logged tencent "\"access_key\": \"$(field "$1" secret_id)\""
}

from_environment() {
    for variable in TENCENTCLOUD_SESSION_TOKEN TENCENTCLOUD_TOKEN; do
        fresh tencent
        env HOME=/nowhere \
            TENCENTCLOUD_SECRET_ID="$(field session secret_id)" \
            TENCENTCLOUD_SECRET_KEY="$(field session secret_key)" \
            "$variable=$(field session token)" \
            "$envelope" decrypt -i "$uri" <sealed | cmp plain -
        used session
    done
}

from_file() {
    fresh tencent
    opens sealed "$uri"
    used default
    fresh tencent
    opens sealed "$uri&profile=session"
    used session
    shut sealed "$uri&profile=absent"
}

no_credentials() {
    fresh tencent
    HOME=/nowhere shut sealed "$uri"
    exits 1 env HOME=/nowhere "$envelope" encrypt -r "$uri" -o new plain
    [ ! -e new ]
    silent tencent
}

wrong_credentials() {
    TENCENTCLOUD_SECRET_ID=$(field default secret_id)
    TENCENTCLOUD_SECRET_KEY=$(field session secret_key)
    export TENCENTCLOUD_SECRET_ID TENCENTCLOUD_SECRET_KEY
    fresh tencent
    shut sealed "$uri"
    grep -q AuthFailure.SignatureFailure err
    told tencent
    asked tencent 1 Decrypt
}

not_allowed() {
    fresh tencent
    shut sealed "$uri&profile=denied"
    grep -q UnauthorizedOperation err
    told tencent
    exits 1 "$envelope" encrypt -r "$uri&profile=denied" -o new plain
    [ ! -e new ]
    exits 1 "$envelope" encrypt -r "tencentkms://$off?endpoint=$here" \
        -o new plain
    grep -q CmkDisabled err
    [ ! -e new ]
}

t 'credentials of the environment' from_environment
t 'of the file' from_file
t 'none' no_credentials
t 'wrong ones' wrong_credentials
t 'some that may not' not_allowed

# --- rewrap ---------------------------------------------------------------

rewraps() {
    "$envelope" encrypt -r ops.pem --reserve 4000 <plain >f
    cp f before
    "$envelope" rewrap -i ops.key -r "$uri" f
    same_payload before f
    opens f "$uri"
    "$envelope" rewrap -i "$uri" -r ops.pem f
    same_payload before f
    fresh tencent
    opens f ops.key
    shut f "$uri"
    silent tencent
}

by_service() {
    cp labelled f
    fresh tencent
    "$envelope" rewrap --by-service -i "$uri" \
        -r "tencentkms://$second?endpoint=$here" f
    asked tencent 1 ReEncrypt
    asked tencent 0 Decrypt
    asked tencent 0 GenerateDataKey
    names_key f "$second"
    same_payload labelled f
    opens f "tencentkms://$second?endpoint=$here"
    shut f "$uri"
    cp sealed f
    fault tencent 3 1 denied -- "$envelope" rewrap --by-service -i "$uri" \
        -r "tencentkms://$second?endpoint=$here" f
    cmp sealed f
}

t 'rewrap to a key service and back' rewraps
t 'rewrap by the service, which shows no key' by_service

# --- without us, and without the other ------------------------------------

sdk_call() { # ACTION PARAMETERS
    printf '{"endpoint": "%s", "protocol": "http://", "action": "%s",
        "parameters": %s, "region": "ap-guangzhou", "id": "%s", "key": "%s"}' \
        "${here#http://}" "$1" "$2" "$(field default secret_id)" \
        "$(field default secret_key)" | tr -d '\n' \
        | node "$kms/tencent_sdk.mjs" call
}

member() { # NAME - of ./json
    python -c 'import json, sys; print(json.load(open("json"))[sys.argv[1]])' \
        "$1"
}

sdk_opens() {
    header cut labelled blob
    context='{\"day\":\"1\",\"db\":\"orders\"}'
    sdk_call Decrypt "{\"CiphertextBlob\": \"$(cat blob)\",
        \"EncryptionContext\": \"$context\"}" >json
    header open labelled out \
        "$(member Plaintext | base64 -d | od -An -v -tx1 | tr -d ' \n')"
    cmp plain out
}

sdk_makes() {
    sdk_call GenerateDataKey "{\"KeyId\": \"${key#*/}\",
        \"KeySpec\": \"AES_256\"}" >json
    printf %s "$(member CiphertextBlob)" >blob
    header make plain a \
        "$(member Plaintext | base64 -d | od -An -v -tx1 | tr -d ' \n')" \
        blob tencentkms "$key"
    opens a "$uri"
    names_key a "$key"
}

t "Tencent's SDK and Python open ours" sdk_opens
t 'ours opens what they make' sdk_makes
t 'and what release 0.9.0 wrote' opens_0_9_0 tencent "$uri"
