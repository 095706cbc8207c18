#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Recipients and identities in Tencent Cloud KMS: keys, credentials, labels,
# rewrap, faults, hostile headers.  The service is a look-alike that Tencent's
# own SDK has to agree with first, and whose signer is asked for each request.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 42
. "$srcdir/test/kms/kms_services.sh"
. "$srcdir/test/kms/kms_node_modules.sh"
need bsdtar
node_modules tencentcloud-sdk-nodejs-common || {
    sed 's/^/# /' npm.log
    skip_rest "npm has not got Tencent's SDK"
}
TENCENT_SDK=$node_modules
export TENCENT_SDK

look_alike tencent tencent --sdk "$TENCENT_SDK"
look_alike other tencent --sdk "$TENCENT_SDK" # nobody has any business there
look_alike slow tencent --sdk "$TENCENT_SDK"

t 'the example of the documentation' prove tencent-documentation tencent
t "Tencent's SDK agrees with the look-alike" prove tencent-sdk tencent
t 'also about the host name of the service' prove tencent-proxy tencent
t 'altered requests are refused' prove tencent-altered tencent

kms_module
provider

key=ap-guangzhou/1b3b7c2e-58b2-11ee-9d4f-525400d31bd1
second=ap-guangzhou/2b3b7c2e-58b2-11ee-9d4f-525400d31bd1
singapore=ap-singapore/3b3b7c2e-58b2-11ee-9d4f-525400d31bd1
off=ap-guangzhou/4b3b7c2e-58b2-11ee-9d4f-525400d31bd1
here=http://127.0.0.1:$(port tencent)
there=http://127.0.0.1:$(port other)
service=tencent word=tencentkms
uri="tencentkms://$key?endpoint=$here"

field() { # PROFILE NAME - of the credentials file
    sed -n "/^\[$1\]/,/^\$/s/^$2 = //p" tencent/credentials
}

make_all() {
    new_ec ops P-256
    echo 'correct horse' >pw
    head -c 100000 /dev/urandom >plain
    mkdir -p home/.tencentcloud
    cp tencent/credentials home/.tencentcloud/credentials
    "$envelope" encrypt -r "$uri" <plain >sealed
    "$envelope" encrypt -r "$uri" --label db=orders --label day=1 \
        <plain >labelled
}

t 'keys and envelopes can be made' make_all

# A reply that drips must not hold anybody for ever; it takes its time.
(
    status=0
    echo 'drip*' >slow/faults
    ENVELOPE_KMS_TIMEOUT=5 timeout 30 "$envelope" decrypt \
        -i "tencentkms://$key?endpoint=http://127.0.0.1:$(port slow)" \
        -o slow/got sealed 2>slow/err || status=$?
    echo $status >slow/status
) &
slow_pid=$!

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

# Not with sanitizers: test/filter/door/bsdtar.sh knows what that takes.
by_bsdtar() {
    [ -z "${ENVELOPE_SANITIZED-}" ] || return 0
    : "${ENVELOPE_PRELOAD:=$top_builddir/.libs/envelope-preload.so}"
    export ENVELOPE_PRELOAD
    launcher=${ENVELOPE_LAUNCHER:-$top_builddir/bsdtar-envelope}
    "$launcher" --add-filter envelope --options "envelope:recipient=$uri" \
        -cf a.tar plain
    mkdir out.dir
    "$launcher" --options "envelope:identity=$uri" -xf a.tar -C out.dir
    cmp plain out.dir/plain
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

# --- faults ---------------------------------------------------------------

passes() {
    decrypting 0 3 throttle throttle-uin
    decrypting 0 3 500 503
    decrypting 0 3 internal reset
    decrypting 0 2 close
    decrypting 0 1 extra
}

# The reply to Decrypt is all that says which key it was.
another_key_replies() {
    decrypting 3 1 other-key
    encrypting 1 other-key
}

skewed() { # SECONDS
    echo "$1" >tencent/clock
    decrypting 0 2
    logged tencent '"outcome": "AuthFailure.SignatureExpire"'
    echo 0 >tencent/clock
    decrypting 3 1 skew
}

t 'faults that pass' passes
for bad in throttle 500 internal reset; do
    t "a fault that stays: $bad" persists $bad
done
t 'refused: UnauthorizedOperation' refuses denied UnauthorizedOperation
t 'refused: InvalidCiphertext' refuses invalid InvalidCiphertext
t 'senseless: cut, short, empty' senseless cut short empty
t 'senseless: no JSON, no HTTP' senseless html garbage
t 'senseless: a member twice, a short key' senseless duplicate short-key
t 'a reply without an end' huge
t 'a reply about another key' another_key_replies
t 'a redirect is not followed' redirects
t 'a clock that is an hour behind' skewed 3600
t 'nothing secret in longer messages' \
    verbose denied 500 other-key cut short-key

# --- hostile headers ------------------------------------------------------

ignored() { # ARGUMENT-OF-ALTER...
    header alter sealed a "$@"
    fresh tencent other
    exits 3 timeout 20 "$envelope" decrypt -i "$uri" <a >out
    nothing out
    exits 3 timeout 20 "$envelope" decrypt -i "tencentkms://$key" <a >out
    nothing out
    exits 0 "$envelope" inspect a >out
    silent tencent other
}

hostile() {
    at=127.0.0.1:$(port other)
    for named in "$second" "$singapore" "x@$at/${key#*/}" "$at/${key#*/}" \
        "../${key#*/}" "$key/" "/$key" '' "$key?endpoint=$there"; do
        ignored --key "$named"
    done
    ignored --service awskms
    ignored --service vault
    ignored --service ''
}

# A blob of another key, which the user may use as well
swapped() {
    "$envelope" encrypt -r "tencentkms://$second?endpoint=$here" <plain >b
    header cut b blob
    header alter sealed a --blob blob
    fresh tencent
    shut a "$uri"
    asked tencent 1 Decrypt
}

many() {
    header alter sealed a --copies 1000
    fresh tencent
    exits 3 timeout 20 "$envelope" decrypt -i "$uri" <a >out
    nothing out
    [ "$(wc -l <tencent/log)" -le 10 ]
}

t 'hostile headers' hostile
t 'the blob of another key' swapped
t '1,000 recipients' many

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

dripped() {
    [ "$(cat slow/status)" -eq 1 ]
    [ ! -e slow/got ]
    cp slow/err err
    quiet
}
wait "$slow_pid"
t 'a reply that drips' dripped
