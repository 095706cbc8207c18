#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Tokens for Google Cloud: each kind of credentials is taken by a look-alike that
# Google's own client has to agree with first.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 9
. "$srcdir/test/kms/kms_services.sh"
. "$srcdir/test/kms/kms_google_service.sh"

if google_sdk; then
    t "Google's client agrees with the look-alike" \
        node "$kms/google/judge.mjs" google
else
    skip "Google's client agrees with the look-alike" "npm has not got it"
fi

# --- what a token is good for ---------------------------------------------

# token COMMAND-ARGUMENT... - as ./project, ./expires and ./token
token() {
    "$top_builddir/test/kms/google_token" "$@" >got 2>err
    sed -n 1p got >project
    sed -n 2p got >expires
    sed -n 3p got >token
}

no_token() { # ARGUMENT... - and ./err says why
    exits 1 "$top_builddir/test/kms/google_token" "$@" >got
    nothing got
    quiet
}

# The token in ./token opens the service, as who.
is() { # WHO
    {
        echo "url = $here/v1/$key:encrypt"
        echo "header = \"Authorization: Bearer $(cat token)\""
        echo "header = \"Content-Type: application/json\""
        echo "data = \"{\\\"plaintext\\\":\\\"$(head -c 32 /dev/zero \
            | base64)\\\"}\""
    } | curl -sS -K - >reply
    cat reply
    grep -qF '"ciphertext"' reply
    logged google "\"who\": \"$1\""
}

jwt_of() { # WHO - is in the log, whoever has sent it
    sed -n "s/.*\"jwt\": \({.*}\), \"who\": \"$1@.*/\1/p" google/log | sort -u
}

by_key() {
    cp google/log google/of-judge
    fresh google
    token google/service.json
    is service@p.iam.gserviceaccount.com
    [ "$(cat expires)" -gt 3590 ]
    [ -z "$(cat project)" ]
    ! grep -F '"token": ' google/log || false
}

# What Google's client has sent is in the log since then.
same_jwt() {
    [ "$(jwt_of service | wc -l)" -eq 1 ]
    cat google/of-judge >>google/log
    [ "$(grep -c '"who": "service@' google/log)" -gt 10 ]
    [ "$(jwt_of service | wc -l)" -eq 1 ]
}

by_user() {
    fresh google
    token google/user.json
    [ "$(cat project)" = billed ]
    is user
    [ "$(grep -c '"token": "oauth"' google/log)" -eq 1 ]
    GOOGLE_CLOUD_QUOTA_PROJECT=mine token google/user.json
    [ "$(cat project)" = mine ]
}

by_federation() {
    cloud_file federated
    cloud_file impersonating
    fresh google
    token federated.json
    is federated
    [ "$(cat expires)" -gt 3590 ]
    fresh google
    token impersonating.json
    is writer@p.iam.gserviceaccount.com
    for asked in somebody sts iam; do
        [ "$(grep -c "\"token\": \"$asked\"" google/log)" -eq 1 ]
    done
}

# The look-alike's own address in the file, and a file of everybody's.
only_to_google() {
    fresh google
    no_token google/federated.json
    grep -qF 'token_url has to be a URL at https://sts.googleapis.com' err
    chmod 666 federated.json
    no_token federated.json
    grep -qF 'federated.json: others can write to it' err
    chmod 600 federated.json
    silent google
}

where_it_is() {
    mkdir -p home/.config/gcloud sdk
    cp google/user.json \
        home/.config/gcloud/application_default_credentials.json
    cp google/writer.json sdk/application_default_credentials.json
    token
    is user
    CLOUDSDK_CONFIG=sdk token
    is writer@p.iam.gserviceaccount.com
    GOOGLE_APPLICATION_CREDENTIALS=google/service.json CLOUDSDK_CONFIG=sdk \
        token
    is service@p.iam.gserviceaccount.com
    GOOGLE_APPLICATION_CREDENTIALS=google/service.json token google/user.json
    is user
    GOOGLE_APPLICATION_CREDENTIALS=nowhere.json no_token
    grep -qF 'nowhere.json: there is no such file' err
}

failures() {
    fresh google
    echo user >google/refused
    no_token google/user.json
    grep -qF 'invalid_grant: Token has been expired or revoked' err
    grep -qF 'gcloud auth application-default login' err
    : >google/refused
    echo oauth >google/broken
    no_token google/user.json
    grep -qF 'HTTP status 503: UNAVAILABLE: try again, after 4 attempts' err
    : >google/broken
    [ "$(grep -c '"token": "oauth"' google/log)" -eq 5 ]
}

# It has to say that it is Google's.
by_machine() {
    fresh google
    HOME=/nowhere token
    is machine@p.iam.gserviceaccount.com
    fresh google
    echo flavor >google/broken
    HOME=/nowhere no_token
    grep -qF "which is not Google's" err
    : >google/broken
    [ "$(grep -c '"token": "metadata"' google/log)" -eq 1 ]
}

t 'a service account signs, and asks nobody' by_key
if [ -s google/of-judge ]; then
    t "its token says what that of Google's client says" same_jwt
else
    skip "its token says what that of Google's client says" 'npm has not got it'
fi
t 'a user has a refresh token' by_user
t 'a token of somebody else is exchanged' by_federation
t 'and sent to Google only' only_to_google
t 'where the file is' where_it_is
t 'who is refused is told what to do' failures
t 'a machine has a token, if it is one of Google' by_machine
