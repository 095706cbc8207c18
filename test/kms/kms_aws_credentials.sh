#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Credentials for AWS KMS come from the environment, a profile, a program, a
# container or the machine, and go nowhere else than to the service.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 14
. "$srcdir/test/kms/kms_services.sh"
need aws
python -c 'import botocore' 2>/dev/null \
    || skip_rest "$PYTHON has no botocore"
look_alike aws aws
. "$srcdir/test/kms/kms_aws_service.sh"

set_up make_all

# --- credentials ----------------------------------------------------------

from_environment() {
    for profile in default session; do
        fresh aws
        with_keys $profile "$envelope" decrypt -i "$uri" <sealed | cmp plain -
        used $profile
    done
    logged aws x-amz-security-token
    # They come before the file.
    fresh aws
    AWS_ACCESS_KEY_ID=$(field session aws_access_key_id) \
        AWS_SECRET_ACCESS_KEY=$(field session aws_secret_access_key) \
        AWS_SESSION_TOKEN=$(field session aws_session_token) \
        "$envelope" decrypt -i "$uri" <sealed | cmp plain -
    used session
}

from_profile() {
    fresh aws
    AWS_PROFILE=session opens sealed "$uri"
    used session
    fresh aws
    opens sealed "$uri?profile=session"
    used session
    mkdir -p home/.aws
    cp aws/credentials home/.aws/credentials
    fresh aws
    env -u AWS_SHARED_CREDENTIALS_FILE "$envelope" decrypt -i "$uri" <sealed \
        | cmp plain -
    used default
    rm -r home/.aws
    {
        echo '[profile mine]'
        sed -n '/^\[session\]/,/^$/s/^aws_/&/p' aws/credentials
    } >config
    fresh aws
    AWS_CONFIG_FILE=config AWS_SHARED_CREDENTIALS_FILE=/dev/null \
        opens sealed "$uri?profile=mine"
    used session
    shut sealed "$uri?profile=absent"
}

# dialect FORMAT - a configuration of the default keys
dialect() {
    # shellcheck disable=SC2059 # it is one
    printf "$1" "$(field default aws_access_key_id)" \
        "$(field default aws_secret_access_key)" >config
}

# As the aws command reads it.
dialects() {
    AWS_SHARED_CREDENTIALS_FILE=/dev/null
    AWS_CONFIG_FILE=$tests_dir/config
    AWS_PROFILE='my team'
    export AWS_CONFIG_FILE AWS_PROFILE
    for form in '    aws_access_key_id = %s\n    aws_secret_access_key = %s\n' \
        'AWS_ACCESS_KEY_ID = %s\r\nAWS_SECRET_ACCESS_KEY = %s\r\n' \
        's3 =\n  a = b\naws_access_key_id: %s\naws_secret_access_key: %s\n'; do
        for begin in '[profile "my team"]\n' '[profile\tmy\\ team]\r\n'; do
            dialect "$begin$form"
            fresh aws
            opens sealed "$uri"
            used default
            aws_kms generate-data-key --key-id "$arn" --key-spec AES_256 \
                >json
        done
    done
}

# A role of the user's profile, also where it cannot be read, is not exchanged
# for that of the machine.
not_the_machine() {
    AWS_SHARED_CREDENTIALS_FILE=/dev/null
    AWS_CONFIG_FILE=$tests_dir/config
    AWS_EC2_METADATA_SERVICE_ENDPOINT=$here
    export AWS_CONFIG_FILE AWS_EC2_METADATA_SERVICE_ENDPOINT
    unset AWS_EC2_METADATA_DISABLED
    for form in '[default]\n  role_arn = %s\n  source_profile = absent\n' \
        '[default]\nROLE_ARN: %s\n' '[ default ]\nrole_arn = %s\n' \
        '[default]\nregion = x\n  role_arn = %s\n' '[default\nrole_arn = %s\n' \
        '[default]\nrole_arn %s\n'; do
        # shellcheck disable=SC2059 # it is one
        printf "$form" arn:aws:iam::111122223333:role/restore >config
        fresh aws
        shut sealed "$uri"
        grep -q "config, line [123]: " err
        silent aws
    done
}

from_process() {
    cat >credentials.sh <<SCRIPT
#!/bin/sh
echo '{"Version": 1, "AccessKeyId": "$(field session aws_access_key_id)",'
echo '"SecretAccessKey": "$(field session aws_secret_access_key)",'
echo '"SessionToken": "$(field session aws_session_token)",'
echo '"Expiration": "2099-01-01T00:00:00Z"}'
SCRIPT
    chmod +x credentials.sh
    printf '[profile p]\ncredential_process = %s/credentials.sh --x "a b"\n' \
        "$tests_dir" >config
    fresh aws
    AWS_CONFIG_FILE=config AWS_SHARED_CREDENTIALS_FILE=/dev/null \
        opens sealed "$uri?profile=p"
    used session
    for bad in 'exit 1' 'echo no json' 'echo "{}"' 'echo "{\"Version\": 2}"'; do
        printf '#!/bin/sh\n%s\n' "$bad" >credentials.sh
        fresh aws
        AWS_CONFIG_FILE=config AWS_SHARED_CREDENTIALS_FILE=/dev/null \
            shut sealed "$uri?profile=p"
        silent aws
    done
}

from_container() {
    fresh aws
    AWS_SHARED_CREDENTIALS_FILE=/dev/null
    AWS_CONTAINER_CREDENTIALS_FULL_URI=$here/container/role
    export AWS_CONTAINER_CREDENTIALS_FULL_URI
    AWS_CONTAINER_AUTHORIZATION_TOKEN=$(cat aws/container-token) \
        opens sealed "$uri"
    logged aws ASIAROTATED
    fresh aws
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$tests_dir/aws/container-token \
        opens sealed "$uri"
    logged aws ASIAROTATED
    AWS_CONTAINER_AUTHORIZATION_TOKEN=wrong shut sealed "$uri"
    # A token cannot bring a header of its own.
    fresh aws
    AWS_CONTAINER_AUTHORIZATION_TOKEN=$(printf 'a\r\nX-Evil: b') \
        shut sealed "$uri"
    silent aws
    AWS_CONTAINER_CREDENTIALS_FULL_URI=http://192.0.2.1/container/role
    AWS_CONTAINER_AUTHORIZATION_TOKEN=x shut sealed "$uri"
}

from_machine() {
    fresh aws
    unset AWS_EC2_METADATA_DISABLED
    AWS_SHARED_CREDENTIALS_FILE=/dev/null
    AWS_EC2_METADATA_SERVICE_ENDPOINT=$here
    export AWS_EC2_METADATA_SERVICE_ENDPOINT
    opens sealed "$uri"
    logged aws ASIAROTATED
    asked aws 1 'PUT /latest/api/token'
    asked aws 1 'GET /latest/meta-data/iam/security-credentials/backup-role'
    fresh aws
    AWS_EC2_METADATA_DISABLED=true shut sealed "$uri"
    silent aws
}

no_credentials() {
    fresh aws
    AWS_SHARED_CREDENTIALS_FILE=/dev/null
    shut sealed "$uri"
    exits 1 "$envelope" encrypt -r "$uri" -o new plain
    [ ! -e new ]
    silent aws
}

wrong_credentials() {
    fresh aws
    AWS_ACCESS_KEY_ID=$(field default aws_access_key_id)
    AWS_SECRET_ACCESS_KEY=$(field session aws_secret_access_key)
    export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
    shut sealed "$uri"
    grep -q InvalidSignature err
    told aws
    exits 1 "$envelope" encrypt -r "$uri" -o new plain
    [ ! -e new ]
    quiet
    AWS_SECRET_ACCESS_KEY=$(printf 'a\nb') shut sealed "$uri"
}

not_allowed() {
    fresh aws
    AWS_PROFILE=denied shut sealed "$uri"
    grep -q AccessDenied err
    told aws
    asked aws 1 Decrypt
    AWS_PROFILE=denied exits 1 "$envelope" encrypt -r "$uri" -o new plain
    [ ! -e new ]
    for bad in "$off" "$account:alias/absent" \
        arn:aws:kms:us-east-1:444455556666:alias/private; do
        exits 1 "$envelope" encrypt -r "awskms:///$bad" -o new plain
        told aws
        [ ! -e new ]
    done
}

t 'credentials of the environment' from_environment
t 'of a profile' from_profile
t 'of a profile, however it is written' dialects
t 'a role that cannot be followed or read' not_the_machine
t 'of a program' from_process
t 'of a container' from_container
t 'of a machine' from_machine
t 'none' no_credentials
t 'wrong ones' wrong_credentials
t 'some that may not' not_allowed

# --- where it is sent -----------------------------------------------------

endpoints() {
    fresh aws other
    AWS_ENDPOINT_URL=$there opens sealed "$uri"
    silent other
    env -u AWS_ENDPOINT_URL_KMS AWS_ENDPOINT_URL="$here" \
        "$envelope" decrypt -i "$uri" <sealed | cmp plain -
    AWS_ENDPOINT_URL_KMS=$there
    opens sealed "$uri?endpoint=$here"
    silent other
}

# A secret in clear text goes no further than this machine.
plain_http() {
    fresh aws
    for bad in http://192.0.2.1/ http://127.0.0.1.example.com/ \
        http://user@192.0.2.1:80/ ftp://127.0.0.1/ file:///etc/passwd; do
        AWS_ENDPOINT_URL_KMS=$bad exits 1 timeout 5 "$envelope" encrypt \
            -r "$uri" -o new plain
        [ ! -e new ]
    done
    silent aws
}

no_proxy() {
    fresh aws other
    http_proxy=$there https_proxy=$there all_proxy=$there opens sealed "$uri"
    silent other
}

unreachable() {
    AWS_ENDPOINT_URL_KMS=http://127.0.0.1:1
    exits 1 "$envelope" decrypt -i "$uri" -o new sealed
    [ ! -e new ]
    exits 1 "$envelope" encrypt -r "$uri" -o new plain
    [ ! -e new ]
    exits 1 "$envelope" verify -i "$uri" sealed
    quiet
}

t 'the endpoint can be given' endpoints
t 'plain http stays on the machine' plain_http
t 'no proxy of the environment for loopback' no_proxy
t 'a service that is not there' unreachable
