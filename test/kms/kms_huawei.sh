#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A key of Huawei Cloud KMS encrypts and decrypts through every face, with labels, each
# kind of credentials and for rewrap, at a look-alike that Huawei's own signer and
# client have to agree with first.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 23
. "$srcdir/test/kms/kms_services.sh"
. "$srcdir/test/kms/kms_huawei_service.sh"
need bsdtar
judged() {
    node "$kms/huawei/judge.mjs" huawei >judge.log
}
if huawei_sdk; then
    t "Huawei's client agrees with the look-alike" judged
else
    skip "Huawei's client agrees with the look-alike" "npm has not got it"
fi
kms_module
provider
t 'keys and envelopes can be made' make_all

# --- round trips ----------------------------------------------------------

round_trip() {
    fresh huawei
    "$envelope" encrypt -r "$uri" <plain >a
    asked huawei 1 encrypt-data
    logged huawei "\"key_id\": \"$id\""
    logged huawei "\"project\": \"$(field basic project_id)\""
    logged huawei '"signed": "content-type;host;x-project-id;x-sdk-date"'
    names_key a "$key"
    fresh huawei
    opens a "$uri"
    asked huawei 1 decrypt-data
    exits 0 "$envelope" verify -i "$uri" a
}

by_openssl() {
    fresh huawei
    seal_to "$uri" plain a
    open_with "$uri" a out
    cmp plain out
    asked huawei 1 encrypt-data
    asked huawei 1 decrypt-data
}

mixed() {
    fresh huawei
    "$envelope" encrypt -r "$uri" -r "huaweikms://$second?endpoint=$here" \
        -r ops.pem --passphrase-file pw --work-factor 14 <plain >a
    asked huawei 2 encrypt-data
    fresh huawei
    opens a ops.key
    "$envelope" decrypt --passphrase-file pw <a | cmp plain -
    silent huawei
    opens a "$uri"
    opens a "huaweikms://$second?endpoint=$here"
    asked huawei 2 decrypt-data
}

another_key() {
    fresh huawei
    shut sealed "huaweikms://$second?endpoint=$here"
    shut sealed "huaweikms://$south?endpoint=$here"
    shut sealed awskms:///alias/backup
    silent huawei
}

# The hash of their canonical text, however many there are.
labels() {
    fresh huawei
    "$envelope" encrypt -r "$uri" --label 'who=Jürgen "x"' --label db=orders \
        --label "long=$(printf %0300d 0)" <plain >a
    printf 'db=orders\nlong=%0300d\nwho=Jürgen "x"\n' 0 | sha256sum >sum
    logged huawei "\"additional_authenticated_data\": \"$(cut -c1-64 sum)\""
    header list a | grep -qF '"context": "labels"'
    header list sealed | grep -qF '"context": ""'
    opens a "$uri"
    opens labelled "$uri"
}

other_labels() {
    header alter labelled a --labels
    shut a "$uri"
    grep -q KMS.0308 err
    header alter labelled a --context ''
    shut a "$uri"
    header alter sealed a --context labels
    shut a "$uri"
}

t 'a key' round_trip
t 'openssl enc' by_openssl
t 'bsdtar' by_bsdtar
t 'several keys and other recipients' mixed
t 'another key opens nothing, and asks nobody' another_key
t 'labels are bound by their hash' labels
t 'other labels, another context' other_labels

# --- rewrap ---------------------------------------------------------------

rewraps() {
    cp sealed f
    fresh huawei
    "$envelope" rewrap -i "$uri" -r "huaweikms://$second?endpoint=$here" f
    same_payload sealed f
    names_key f "$second"
    opens f "huaweikms://$second?endpoint=$here"
}

by_service() {
    cp labelled f
    fresh huawei
    "$envelope" rewrap --by-service -i "$uri" \
        -r "huaweikms://$second?endpoint=$here" f
    asked huawei 1 re-encrypt
    asked huawei 0 decrypt-data
    asked huawei 0 encrypt-data
    names_key f "$second"
    same_payload labelled f
    opens f "huaweikms://$second?endpoint=$here"
    shut f "$uri"
    cp sealed f
    fault huawei 3 1 denied -- "$envelope" rewrap --by-service -i "$uri" \
        -r "huaweikms://$second?endpoint=$here" f
    cmp sealed f
}

t 'rewrap to another key' rewraps
t 'rewrap by the service, which shows no key' by_service

# --- who asks -------------------------------------------------------------

used() { # SECTION
    logged huawei "\"access_key\": \"$(field "$1" ak)\""
}

from_environment() {
    fresh huawei
    env HOME=/nowhere HUAWEICLOUD_SDK_AK="$(field session ak)" \
        HUAWEICLOUD_SDK_SK="$(field session sk)" \
        HUAWEICLOUD_SDK_SECURITY_TOKEN="$(field session security_token)" \
        HUAWEICLOUD_SDK_PROJECT_ID="$(field session project_id)" \
        "$envelope" decrypt -i "$uri" <sealed | cmp plain -
    used session
    fresh huawei
    env HOME=/nowhere HUAWEICLOUD_ACCESS_KEY="$(field basic ak)" \
        HUAWEICLOUD_SECRET_KEY="$(field basic sk)" \
        HUAWEICLOUD_PROJECT="$(field basic project_id)" \
        "$envelope" decrypt -i "$uri" <sealed | cmp plain -
    used basic
}

from_file() {
    fresh huawei
    opens sealed "$uri&profile=session"
    used session
    shut sealed "$uri&profile=absent"
    HUAWEICLOUD_SDK_CREDENTIALS_FILE=/nowhere shut sealed "$uri"
}

project() {
    fresh huawei
    HUAWEICLOUD_SDK_IAM_ENDPOINT=$here opens sealed "$uri&profile=bare"
    [ "$(grep -c '"token": "iam"' huawei/log)" -eq 1 ]
    fresh huawei
    opens sealed "$uri&profile=bare&project=$(field basic project_id)"
    HUAWEICLOUD_SDK_PROJECT_ID=$(field basic project_id) \
        opens sealed "$uri&profile=bare"
    [ "$(grep -c '"token": ' huawei/log)" -eq 0 ]
    shut sealed "$uri&project=$(printf %032d 1)"
    grep -q KMS.0301 err
    # It does not know a project for him.
    HUAWEICLOUD_SDK_IAM_ENDPOINT=$here \
        shut sealed "huaweikms://$south?endpoint=$here&profile=bare"
}

pod() {
    fresh huawei
    cp huawei/pod .
    HC_CONTAINER_CREDENTIALS_FULL_URI=$here/pod
    HC_CONTAINER_AUTHORIZATION_TOKEN_FILE=pod HOME=/nowhere
    export HC_CONTAINER_CREDENTIALS_FULL_URI HOME \
        HC_CONTAINER_AUTHORIZATION_TOKEN_FILE
    opens sealed "$uri&project=$(field basic project_id)"
    used pod
    echo pod >huawei/broken
    exits 1 "$envelope" decrypt -i "$uri" <sealed >out
    nothing out
    quiet
    : >huawei/broken
}

no_credentials() {
    fresh huawei
    HOME=/nowhere shut sealed "$uri"
    exits 1 env HOME=/nowhere "$envelope" encrypt -r "$uri" -o new plain
    [ ! -e new ]
    silent huawei
}

# A key is locked after a few of these.
wrong_credentials() {
    HUAWEICLOUD_SDK_AK=$(field basic ak)
    HUAWEICLOUD_SDK_SK=$(field session sk)
    HUAWEICLOUD_SDK_PROJECT_ID=$(field basic project_id)
    export HUAWEICLOUD_SDK_AK HUAWEICLOUD_SDK_SK HUAWEICLOUD_SDK_PROJECT_ID
    fresh huawei
    shut sealed "$uri"
    grep -q APIGW.0301 err
    told huawei
    asked huawei 1 decrypt-data
}

not_allowed() {
    fresh huawei
    shut sealed "$uri&profile=denied"
    grep -q KMS.0301 err
    told huawei
    for one in "$off enable the key" "$deleted cancel the deletion"; do
        exits 1 "$envelope" encrypt -o new plain \
            -r "huaweikms://${one%% *}?endpoint=$here"
        grep -q "${one#* }" err
        [ ! -e new ]
    done
}

# Of the pod and of IAM, once; and few connections.
many_files() {
    for i in $(seq 20); do
        "$envelope" encrypt -r "$uri" -o "many.$i" plain
    done
    cp huawei/pod .
    fresh huawei
    exits 0 env HC_CONTAINER_CREDENTIALS_FULL_URI="$here/pod" HOME=/nowhere \
        HC_CONTAINER_AUTHORIZATION_TOKEN_FILE=pod \
        HUAWEICLOUD_SDK_IAM_ENDPOINT="$here" \
        "$envelope" verify -i "$uri" many.*
    asked huawei 20 decrypt-data
    [ "$(grep -c '"token": "pod"' huawei/log)" -eq 1 ]
    [ "$(grep -c '"token": "iam"' huawei/log)" -eq 1 ]
    [ "$(wc -l <huawei/connections)" -le 3 ]
}

t 'credentials of the environment' from_environment
t 'of the file' from_file
t 'whose project it is' project
t 'a pod shows its token' pod
t 'no credentials' no_credentials
t 'wrong ones' wrong_credentials
t 'some that may not' not_allowed
t '20 files: one look for all' many_files

# --- where it is sent -----------------------------------------------------

addresses() {
    fresh huawei other
    HUAWEICLOUD_KMS_ENDPOINT=$there opens sealed "$uri"
    HUAWEICLOUD_KMS_ENDPOINT=$here opens sealed "huaweikms://$key"
    silent other
    for bad in http://127.0.0.1.example.com "$here?x" "http://u@${here#http://}"; do
        exits 1 timeout 5 "$envelope" encrypt -o new plain \
            -r "huaweikms://$key?endpoint=$bad"
        [ ! -e new ]
    done
}
t 'endpoints are the user'"'"'s' addresses

# --- other readers and writers --------------------------------------------

client() {
    node "$kms/huawei/client.mjs" huawei "$@"
}

huawei_opens() {
    header cut labelled blob
    client decrypt-data "$id" blob \
        "$(printf 'day=1\ndb=orders\n' | sha256sum | cut -c1-64)" >kek
    header open labelled out "$(base64 -d <kek | od -An -v -tx1 | tr -d ' \n')"
    cmp plain out
}

huawei_makes() {
    head -c 32 /dev/urandom >kek
    client encrypt-data "$id" "$(base64 -w 0 <kek)" \
        "$(printf 'db=orders\n' | sha256sum | cut -c1-64)" >blob
    header make plain a "$(od -An -v -tx1 <kek | tr -d ' \n')" blob \
        huaweikms "$key" db=orders
    opens a "$uri"
}

if [ -n "${HUAWEI_SDK-}" ]; then
    t "Huawei's client and Python open ours" huawei_opens
    t 'ours opens what they make' huawei_makes
else
    skip "Huawei's client and Python open ours" "npm has not got it"
    skip 'ours opens what they make' "npm has not got it"
fi
t 'nothing secret in long messages' verbose denied 500 expired
