#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# AWS's JavaScript client judges where AWS is, and how credentials are found that
# older ones of its clients do not know: both ask under one environment, and what
# the look-alike sees has to be the same.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 4
. "$srcdir/test/kms/kms_services.sh"
. "$srcdir/test/kms/kms_node_modules.sh"
node_modules @aws-sdk/client-kms aws \
    || skip_rest "AWS's client for node cannot be had: $(tail -n 1 npm.log)"
export node_modules
look_alike aws aws
. "$srcdir/test/kms/kms_aws_service.sh"

AWS_SHARED_CREDENTIALS_FILE=/dev/null
AWS_ENDPOINT_URL_STS=$here
export AWS_ENDPOINT_URL_STS
role=arn:aws:iam::111122223333:role/restore
head -c 1000 /dev/urandom >plain
cp aws/container-token pod-token
cp aws/web-token web-token

# seen FILE - whose credentials were used for what, and what was asked for them;
# each session has a number
seen() {
    "$PYTHON" - >"$1" <<'PYTHON'
import json
for line in open("aws/log"):
    entry = json.loads(line)
    who = (entry.get("access_key") or "").rstrip("0123456789")
    print(entry["operation"], who, entry.get("region"))
PYTHON
    cat "$1"
    grep -q '^GenerateDataKey ' "$1" && grep -q '^Decrypt ' "$1"
}

# Each of our two runs looks for credentials, theirs is one.
same() {
    fresh aws
    env -u OPENSSL_MODULES -u OPENSSL_CONF node "$kms/aws/ask.mjs" "$arn"
    seen theirs
    fresh aws
    "$envelope" encrypt -r "$uri" --label db=orders -o sealed plain
    "$envelope" decrypt -i "$uri" sealed | cmp plain -
    rm sealed
    seen ours
    LC_ALL=C sort -u theirs >a
    LC_ALL=C sort -u ours | diff a -
}

of_pod() {
    AWS_CONTAINER_CREDENTIALS_FULL_URI=$here/container/pod
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$tests_dir/pod-token
    export AWS_CONTAINER_CREDENTIALS_FULL_URI \
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE
    same
    grep -q '^GET /container/pod' ours
}

of_web_identity() {
    AWS_ROLE_ARN=$role
    AWS_WEB_IDENTITY_TOKEN_FILE=$tests_dir/web-token
    export AWS_ROLE_ARN AWS_WEB_IDENTITY_TOKEN_FILE
    same
    grep -q '^AssumeRoleWithWebIdentity' ours
}

of_profile() {
    AWS_SHARED_CREDENTIALS_FILE=$tests_dir/aws/credentials
    AWS_CONFIG_FILE=$tests_dir/config
    AWS_PROFILE=restore
    export AWS_CONFIG_FILE AWS_PROFILE
    {
        printf '[profile restore]\nrole_arn = %s\n' \
            arn:aws:iam::111122223333:role/partner
        printf 'external_id = order/66\nsource_profile = between\n'
        printf '[profile between]\nrole_arn = %s\nsource_profile = default\n' \
            "$role"
    } >config
    same
    [ "$(grep -c '^AssumeRole ' theirs)" -eq 2 ]
}

# Regions of every part of AWS's world, and one that is not known yet
where_aws_is() {
    for region in us-east-1 eu-central-1 us-west-2 ap-southeast-7 xx-new-9 \
        cn-north-1 cn-northwest-1 us-gov-west-1 us-gov-east-1 eusc-de-east-1 \
        us-iso-east-1 us-isob-east-1 eu-isoe-west-1 us-isof-south-1; do
        for form in 'false false' 'true false' 'false true' 'true true'; do
            printf '%s\n' "kms $region $form" "sts $region $form"
        done
    done >asked
    node "$kms/aws/hosts.mjs" <asked >theirs
    "$top_builddir/test/kms/aws_hosts" <asked >ours
    [ "$(grep -c https:// theirs)" -gt 80 ]
    diff theirs ours
}

t 'credentials of a pod' of_pod
t 'of a role for a token' of_web_identity
t 'of a role by way of another' of_profile
t 'where AWS is, with FIPS and dual stack' where_aws_is
