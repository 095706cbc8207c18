#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Roles for AWS KMS: for a token, by way of profiles, of a pod.  STS is asked once
# for any number of files, and judged by botocore.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 5
. "$srcdir/test/kms/kms_services.sh"
need aws
python -c 'import botocore' 2>/dev/null \
    || skip_rest "$PYTHON has no botocore"
look_alike aws aws
. "$srcdir/test/kms/kms_aws_service.sh"

set_up make_all

role=arn:aws:iam::111122223333:role/restore

# One of botocore's own clients, for each of both requests
botocore_assumes() {
    fresh aws
    AWS_DEFAULT_REGION=us-east-1 python - "$here" "$role" \
        "$(cat aws/web-token)" <<'PYTHON'
import sys
import botocore.session
from botocore.exceptions import ClientError
url, role, token = sys.argv[1:]
sts = botocore.session.get_session().create_client("sts", endpoint_url=url)
for reply in (
        sts.assume_role(RoleArn=role, RoleSessionName="of-botocore"),
        sts.assume_role(RoleArn=role[:-7] + "partner", RoleSessionName="xy",
                        ExternalId="order/66", DurationSeconds=900),
        sts.assume_role_with_web_identity(
            RoleArn=role, RoleSessionName="xy", WebIdentityToken=token)):
    assert reply["Credentials"]["AccessKeyId"].startswith("ASIAROTATED")
for code, call in (
        ("AccessDenied", lambda: sts.assume_role(
            RoleArn=role[:-7] + "partner", RoleSessionName="xy")),
        ("InvalidIdentityToken", lambda: sts.assume_role_with_web_identity(
            RoleArn=role, RoleSessionName="xy", WebIdentityToken="other"))):
    try:
        call()
        raise AssertionError(code)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
PYTHON
    asked aws 3 AssumeRole
    asked aws 2 AssumeRoleWithWebIdentity
}

# once REQUEST - several files in one process: one such request
once() {
    fresh aws
    "$envelope" verify -i "$uri" sealed labelled sealed
    asked aws 1 "$1"
    asked aws 3 Decrypt
    logged aws ASIAROTATED
}

from_web_identity() {
    AWS_SHARED_CREDENTIALS_FILE=/dev/null
    AWS_ENDPOINT_URL_STS=$here
    AWS_ROLE_ARN=$role
    AWS_WEB_IDENTITY_TOKEN_FILE=$tests_dir/web-token
    export AWS_ENDPOINT_URL_STS AWS_ROLE_ARN AWS_WEB_IDENTITY_TOKEN_FILE
    { cat aws/web-token && echo; } >web-token
    once AssumeRoleWithWebIdentity
    "$envelope" encrypt -r "$uri" <plain >a
    AWS_ROLE_SESSION_NAME=night opens a "$uri"
    logged aws '"RoleSessionName": "night"'
    # It fails, and works again.
    fresh aws
    echo IDPCommunicationError Throttling InvalidIdentityToken >aws/sts-faults
    opens a "$uri"
    asked aws 4 AssumeRoleWithWebIdentity
    for bad in ExpiredTokenException AccessDenied IDPRejectedClaim; do
        fresh aws
        echo $bad >aws/sts-faults
        shut a "$uri"
        grep -q "$bad <was> asked & \"given\" (request 5716-sts); " err
        asked aws 1 AssumeRoleWithWebIdentity
    done
    fresh aws
    echo wrong >web-token
    shut a "$uri"
    asked aws 2 AssumeRoleWithWebIdentity
    rm web-token
    shut a "$uri"
}

from_role() {
    AWS_ENDPOINT_URL_STS=$here
    AWS_CONFIG_FILE=$tests_dir/config
    AWS_PROFILE=restore
    export AWS_ENDPOINT_URL_STS AWS_CONFIG_FILE AWS_PROFILE
    for source in default session; do
        printf '[profile restore]\nrole_arn = %s\nsource_profile = %s\n' \
            "$role" $source >config
        once AssumeRole
        used $source
    done
    # By way of another one, whose session signs
    printf '[profile restore]\nrole_arn = %s\nsource_profile = between\n' \
        arn:aws:iam::111122223333:role/partner >config
    printf 'external_id = order/66\nduration_seconds = 900\n' >>config
    printf '[profile between]\nrole_arn = %s\nsource_profile = default\n' \
        "$role" >>config
    fresh aws
    opens sealed "$uri"
    asked aws 2 AssumeRole
    logged aws '"DurationSeconds": "900"'
    sed -i '/external_id/d' config
    fresh aws
    shut sealed "$uri"
    grep -q "trust policy" err
    printf '[profile restore]\nrole_arn = %s\nsource_profile = denied\n' \
        "$role" >config
    shut sealed "$uri"
    printf '[profile restore]\nrole_arn = %s\ncredential_source = %s\n' \
        "$role" Environment >config
    fresh aws
    with_keys session "$envelope" decrypt -i "$uri" <sealed | cmp plain -
    used session
}

# As EKS sets it, but for the address
from_pod() {
    AWS_SHARED_CREDENTIALS_FILE=/dev/null
    AWS_CONTAINER_CREDENTIALS_FULL_URI=$here/container/pod
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$tests_dir/pod-token
    export AWS_CONTAINER_CREDENTIALS_FULL_URI \
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE
    { cat aws/container-token && echo; } >pod-token
    once 'GET /container/pod'
}

# A key in another region opens what its sibling has made.
from_replica() {
    replica=$(echo "$mrk" | sed s/us-east-1/eu-central-1/)
    "$envelope" encrypt -r "awskms:///$mrk" <plain >a
    for name in "$replica" "${mrk##*/}?region=eu-central-1"; do
        fresh aws
        opens a "awskms:///$name"
        asked aws 1 Decrypt
        logged aws '"region": "eu-central-1"'
    done
    fresh aws
    opens sealed 'awskms://alias/backup?region=us-east-1'
    logged aws '"KeyId": "alias/backup"'
}

t 'botocore agrees with STS of the look-alike' botocore_assumes
t 'of a role for a token' from_web_identity
t 'of a role of a profile' from_role
t 'of a pod' from_pod
t 'replicas, and an alias as others write it' from_replica
