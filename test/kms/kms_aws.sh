#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Recipients and identities in AWS KMS: keys, credentials, regions, labels,
# rewrap, faults, and headers that want the user's credentials for themselves.
# The service is a look-alike; AWS's own clients have to agree with it first.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 66
. "$srcdir/test/kms/kms_services.sh"
need aws bsdtar
python -c 'import botocore, boto3' 2>/dev/null \
    || skip_rest "$PYTHON has no boto3"

look_alike aws aws
look_alike other aws # nobody has any business there
look_alike slow aws

t 'botocore agrees with the look-alike' prove aws-boto3 aws
t 'so does the aws command' prove aws-cli aws
t "so does curl's signer" prove aws-curl aws
t 'altered requests are refused' prove aws-altered aws
t 'botocore finds credentials there' prove aws-sources aws

kms_module
provider

key=1234abcd-12ab-34cd-56ef-1234567890ab
account=arn:aws:kms:us-east-1:111122223333
arn=$account:key/$key
second=$account:key/2222abcd-12ab-34cd-56ef-1234567890ab
europe=arn:aws:kms:eu-central-1:111122223333
europe=$europe:key/3333abcd-12ab-34cd-56ef-1234567890ab
mrk=$account:key/mrk-1234abcd12ab34cd56ef1234567890ab
off=$account:key/4444abcd-12ab-34cd-56ef-1234567890ab
shared=arn:aws:kms:us-east-1:444455556666
shared=$shared:key/6666abcd-12ab-34cd-56ef-1234567890ab
service=aws word=awskms
uri=awskms:///$arn
here=http://127.0.0.1:$(port aws)
there=http://127.0.0.1:$(port other)

AWS_ENDPOINT_URL_KMS=$here
AWS_SHARED_CREDENTIALS_FILE=$tests_dir/aws/credentials
AWS_REGION=us-east-1
export AWS_ENDPOINT_URL_KMS AWS_SHARED_CREDENTIALS_FILE AWS_REGION

# field PROFILE NAME - of the credentials file
field() {
    sed -n "/^\[$1\]/,/^\$/s/^$2 = //p" aws/credentials
}

# with_keys PROFILE COMMAND... - its keys in the environment, and no file
with_keys() {
    with_profile=$1
    shift
    env AWS_SHARED_CREDENTIALS_FILE=/dev/null \
        AWS_ACCESS_KEY_ID="$(field "$with_profile" aws_access_key_id)" \
        AWS_SECRET_ACCESS_KEY="$(field "$with_profile" aws_secret_access_key)" \
        AWS_SESSION_TOKEN="$(field "$with_profile" aws_session_token)" "$@"
}

# The aws command, with whose credentials there are
aws_kms() {
    env -u OPENSSL_MODULES \
        aws --region us-east-1 --endpoint-url "$here" kms "$@"
}

make_all() {
    new_ec ops P-256
    echo 'correct horse' >pw
    head -c 100000 /dev/urandom >plain
    "$envelope" encrypt -r "$uri" <plain >sealed
    "$envelope" encrypt -r "$uri" --label db=orders --label day=1 \
        <plain >labelled
}

t 'keys and envelopes can be made' make_all

# A reply that drips must not hold anybody for ever; it takes its time.
(
    status=0
    AWS_ENDPOINT_URL_KMS=http://127.0.0.1:$(port slow)
    echo 'drip*' >slow/faults
    ENVELOPE_KMS_TIMEOUT=5 timeout 30 "$envelope" decrypt -i "$uri" -o slow/got sealed \
        2>slow/err || status=$?
    echo $status >slow/status
) &
slow_pid=$!

# --- round trips ----------------------------------------------------------

round_trip() { # KEY ARN
    fresh aws
    "$envelope" encrypt -r "awskms:///$1" <plain >a
    asked aws 1 GenerateDataKey
    logged aws "\"KeyId\": \"$1\""
    logged aws '"KeySpec": "AES_256"'
    names_key a "$2"
    fresh aws
    opens a "awskms:///$2"
    asked aws 1 Decrypt
    logged aws "\"KeyId\": \"$2\""
    exits 0 "$envelope" verify -i "awskms:///$2" a
}

# What the user wrote is what is asked for, not what the header says.
opens_by_name() { # NAME
    fresh aws
    opens sealed "awskms:///$1"
    asked aws 1 Decrypt
    logged aws "\"KeyId\": \"$1\""
}

t 'a key ARN' round_trip "$arn" "$arn"
t 'a key id' round_trip $key "$arn"
t 'an alias' round_trip alias/backup "$arn"
t 'the ARN of an alias' round_trip "$account:alias/backup" "$arn"
t 'a multi-Region key' round_trip "$mrk" "$mrk"
t 'a key of another account' round_trip "$shared" "$shared"
t 'an alias opens' opens_by_name alias/backup
t 'a key id opens' opens_by_name $key

another_region() {
    fresh aws
    "$envelope" encrypt -r "awskms:///$europe" <plain >a
    logged aws '/eu-central-1/kms/aws4_request'
    opens a "awskms:///$europe"
    fresh aws
    "$envelope" encrypt -r 'awskms:///alias/backup?region=eu-central-1' \
        <plain >a
    logged aws '/eu-central-1/kms/aws4_request'
    env -u AWS_REGION AWS_DEFAULT_REGION=eu-central-1 \
        "$envelope" encrypt -r awskms:///alias/backup <plain >b
    names_key b "$europe"
    names_key a "$europe"
    printf '[default]\nregion = eu-central-1\n' >config
    env -u AWS_REGION AWS_CONFIG_FILE=config \
        "$envelope" encrypt -r awskms:///alias/backup <plain >a
    names_key a "$europe"
    exits 1 env -u AWS_REGION "$envelope" encrypt -r awskms:///alias/backup \
        -o new plain
    nothing new
}

by_openssl() {
    fresh aws
    seal_to "$uri" plain a
    asked aws 1 GenerateDataKey
    open_with "$uri" a out
    cmp plain out
    asked aws 1 Decrypt
    opens a "$uri"
    open_with "$uri" sealed out
    cmp plain out
}

# Not with sanitizers: test/filter/door/bsdtar.sh knows what that takes.
by_bsdtar() {
    [ -z "${ENVELOPE_SANITIZED-}" ] || return 0
    : "${ENVELOPE_PRELOAD:=$top_builddir/.libs/envelope-preload.so}"
    export ENVELOPE_PRELOAD
    mkdir -p dir
    cp plain dir/plain
    launcher=${ENVELOPE_LAUNCHER:-$top_builddir/bsdtar-envelope}
    "$launcher" --add-filter envelope --options "envelope:recipient=$uri" \
        -cf a.tar dir
    mkdir out.dir
    "$launcher" --options "envelope:identity=$uri" -xf a.tar -C out.dir
    cmp plain out.dir/dir/plain
    "$envelope" decrypt -i "$uri" a.tar | tar -xOf - dir/plain | cmp plain -
}

t 'the region of the ARN, the URI, the environment' another_region
t 'openssl enc' by_openssl
t bsdtar by_bsdtar

mixed() {
    fresh aws
    "$envelope" encrypt -r "$uri" -r "awskms:///$shared" -r ops.pem \
        --passphrase-file pw --work-factor 14 <plain >a
    asked aws 2 GenerateDataKey
    fresh aws
    opens a ops.key
    "$envelope" decrypt --passphrase-file pw <a | cmp plain -
    silent aws
    opens a "$uri"
    opens a "awskms:///$shared"
    asked aws 2 Decrypt
    # What is at hand comes before what has to be asked for.
    fresh aws
    "$envelope" decrypt -i "$uri" -i ops.key <a | cmp plain -
    silent aws
    # One that cannot be reached does not hide one that can.
    echo denied >aws/faults
    "$envelope" decrypt -i "$uri" -i "awskms:///$shared" <a | cmp plain -
}

another_key() {
    fresh aws
    shut sealed "awskms:///$second"
    shut sealed "awskms:///$shared"
    shut sealed "awskms:///$europe"
    shut sealed tencentkms://ap-guangzhou/1b3b7c2e-58b2-11ee-9d4f-525400d31bd1
    silent aws
}

labels_are_context() {
    fresh aws
    "$envelope" encrypt -r "$uri" --label db=orders --label 'who=Jürgen "x"' \
        --label a.b:c=d= <plain >a
    python - <<'PYTHON'
import json
log = [json.loads(line) for line in open("aws/log")]
assert log[-1]["parameters"]["EncryptionContext"] == {
    "a.b:c": "d=", "db": "orders", "who": 'Jürgen "x"'}, log[-1]
PYTHON
    opens a "$uri"
    header list a | grep -qF '"context": "labels"'
    header list sealed | grep -qF '"context": ""'
    fresh aws
    opens sealed "$uri"
    ! logged aws EncryptionContext || false
}

other_labels() {
    header alter labelled a --labels
    shut a "$uri"
    grep -q InvalidCiphertext err
    header alter labelled a --context ''
    shut a "$uri"
    header alter sealed a --context other
    fresh aws
    shut a "$uri"
    silent aws
}

t 'several keys and other recipients' mixed
t 'another key opens nothing, and asks nobody' another_key
t 'labels are the encryption context' labels_are_context
t 'other labels, another context' other_labels

# --- credentials ----------------------------------------------------------

used() { # PROFILE
    logged aws "\"access_key\": \"$(field "$1" aws_access_key_id)\""
}

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
    for form in '[default]\n  role_arn = %s\n  source_profile = base\n' \
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

# --- discovery ------------------------------------------------------------

discovery() {
    fresh aws
    opens sealed 'awskms:?account=111122223333'
    logged aws "\"KeyId\": \"$arn\""
    fresh aws
    shut sealed 'awskms:?account=444455556666'
    shut sealed 'awskms:?account=111122223333&region=eu-central-1'
    "$envelope" encrypt -r "awskms:///$europe" <plain >a
    fresh aws
    shut a 'awskms:?account=111122223333'
    silent aws
    opens a 'awskms:?account=111122223333&region=eu-central-1'
    for bad in awskms: 'awskms:?region=us-east-1' 'awskms:?account=1' \
        'awskms:?account=111122223333&region=x@evil/'; do
        status=0
        "$envelope" decrypt -i "$bad" <sealed >out 2>err || status=$?
        [ $status -ne 0 ]
        nothing out
    done
    status=0
    "$envelope" encrypt -r 'awskms:?account=111122223333' -o new plain \
        2>err || status=$?
    [ $status -ne 0 ] && [ ! -e new ]
}

t 'any key of an account' discovery

# --- rewrap ---------------------------------------------------------------

rewraps() {
    "$envelope" encrypt -r ops.pem --reserve 4000 <plain >f
    cp f before
    fresh aws
    "$envelope" rewrap -i ops.key -r "$uri" f
    asked aws 1 GenerateDataKey
    same_payload before f
    opens f "$uri"
    exits 3 "$envelope" decrypt -i ops.key <f >out
    fresh aws
    "$envelope" rewrap -i "$uri" -r ops.pem f
    asked aws 1 Decrypt
    same_payload before f
    fresh aws
    opens f ops.key
    shut f "$uri"
    silent aws
    "$envelope" rewrap -i ops.key --add -r "$uri" f
    opens f ops.key
    opens f "$uri"
}

by_service() {
    cp labelled f
    fresh aws
    "$envelope" rewrap --by-service -i "$uri" -r "awskms:///$second" f
    asked aws 1 ReEncrypt
    asked aws 0 Decrypt
    asked aws 0 GenerateDataKey
    logged aws "\"SourceKeyId\": \"$arn\""
    logged aws '"DestinationEncryptionContext": {"day": "1", "db": "orders"}'
    names_key f "$second"
    same_payload labelled f
    opens f "awskms:///$second"
    shut f "$uri"
}

by_service_refused() {
    cp sealed f
    fault aws 3 1 denied -- "$envelope" rewrap --by-service -i "$uri" \
        -r "awskms:///$second" f
    cmp sealed f
    fault aws 3 1 other-key -- "$envelope" rewrap --by-service -i "$uri" \
        -r "awskms:///$arn" f
    cmp sealed f
    fresh aws
    exits 2 "$envelope" rewrap --by-service -i "$uri" -r ops.pem f
    cmp sealed f
    silent aws
}

t 'rewrap to a key service and back' rewraps
t 'rewrap by the service, which shows no key' by_service
t 'rewrap by the service is refused' by_service_refused

# --- faults ---------------------------------------------------------------

passes() {
    decrypting 0 3 throttle throttle-namespace
    decrypting 0 2 throttle-header
    decrypting 0 3 500 503
    decrypting 0 3 timeout reset
    decrypting 0 2 close
    decrypting 0 1 extra
}

another_key_replies() {
    decrypting 3 1 other-key
    fault aws 1 1 other-key -- "$envelope" encrypt -r "$uri" -o new plain
    [ ! -e new ]
}

# Credentials that were good when they were fetched
expired() {
    decrypting 3 2 'expired*'
    unset AWS_EC2_METADATA_DISABLED
    AWS_SHARED_CREDENTIALS_FILE=/dev/null
    AWS_EC2_METADATA_SERVICE_ENDPOINT=$here
    export AWS_EC2_METADATA_SERVICE_ENDPOINT
    fresh aws
    echo expired >aws/faults
    opens sealed "$uri"
    asked aws 2 Decrypt
    asked aws 2 'GET /latest/meta-data/iam/security-credentials/backup-role'
    decrypting_id=$(sed -n 's/.*"access_key": "\([^"]*\)".*/\1/p' aws/log \
        | sort -u | wc -l)
    [ "$decrypting_id" -eq 2 ]
}

skewed() { # SECONDS CODE
    echo "$1" >aws/clock
    echo "$2" >aws/skew-code
    decrypting 0 2
    logged aws "\"outcome\": \"$2\""
    echo 0 >aws/clock
    # The clocks agree, and still it says so: once is enough.
    decrypting 3 1 skew
}

t 'faults that pass' passes
for bad in throttle 500 503 timeout reset close; do
    t "a fault that stays: $bad" persists $bad
done
t 'refused: AccessDenied' refuses denied AccessDenied
t 'refused: InvalidCiphertext' refuses invalid InvalidCiphertext
t 'senseless: cut, short, empty' senseless cut short empty
t 'senseless: no JSON, no HTTP' senseless html garbage
t 'senseless: a member twice' senseless duplicate
t 'senseless: a short key' senseless short-key
t 'a reply without an end' huge
t 'a reply about another key' another_key_replies
t 'a redirect is not followed' redirects
t 'expired credentials are fetched again, once' expired
t 'a clock that is an hour behind' skewed 3600 RequestTimeTooSkewed
t 'a clock that is ahead' skewed -1800 InvalidSignatureException
t 'nothing secret in longer messages' \
    verbose denied 500 other-key cut short-key

# --- hostile headers ------------------------------------------------------

# Whatever it says, nobody hears of it: not the user's own service, which
# stands in for all regions, and not the port that the header names.
ignored() { # ARGUMENT-OF-ALTER...
    header alter sealed a "$@"
    fresh aws other
    for one in "$uri" 'awskms:?account=111122223333' \
        "vault:///transit/keys/backup?address=$there"; do
        exits 3 timeout 20 "$envelope" decrypt -i "$one" <a >out
        nothing out
        quiet
        env -u AWS_ENDPOINT_URL_KMS timeout 20 "$envelope" decrypt -i "$one" \
            <a >out 2>err && false
        nothing out
    done
    silent aws other
    exits 0 "$envelope" inspect a >out
    exits 0 "$envelope" inspect --json a >out
    silent aws other
}

foreign() {
    id=key/6666abcd-12ab-34cd-56ef-1234567890ab
    ignored --key "arn:aws:kms:us-east-1:444455556666:$id"
    ignored --key "arn:aws:kms:us-east-1:444455556666:$arn"
    ignored --key "arn:aws-cn:kms:us-east-1:111122223333:$id"
    ignored --key "arn:aws:sts:us-east-1:111122223333:$id"
    ignored --key "$second:"
    ignored --key ''
    ignored --key "$(head -c 5000 /dev/zero | tr '\0' a)"
}

evil_region() {
    at=127.0.0.1:$(port other)
    for region in 'x@evil/' "x@$at/" "$at/" "x.$at#" "127.0.0.1/" \
        'us-east-1.evil.example/' '..' '' 'US-EAST-1' 'eu-west-1'; do
        ignored --key "arn:aws:kms:$region:111122223333:key/$key"
    done
}

other_service() {
    ignored --service tencentkms
    ignored --service httpkms --key "$there/"
    ignored --service '../../evil'
    ignored --service ''
    ignored --service vault --key "127.0.0.1:$(port other)/transit/keys/backup"
}

# 1,000 recipients cost no more than a few requests, and no long time.
many() {
    header alter sealed a --copies 1000
    fresh aws
    exits 3 timeout 20 "$envelope" decrypt -i "$uri" <a >out
    nothing out
    wc -l <aws/log
    [ "$(wc -l <aws/log)" -le 10 ]
    set --
    for i in $(seq 1000); do
        set -- "$@" --key "$account:key/$i"
    done
    header alter sealed a "$@"
    fresh aws
    exits 3 timeout 20 "$envelope" decrypt -i 'awskms:?account=111122223333' \
        <a >out
    nothing out
    [ "$(wc -l <aws/log)" -le 10 ]
    fresh aws
    exits 3 "$envelope" decrypt -i "awskms:///$europe" <a >out
    silent aws
}

t 'a foreign key in the header' foreign
t 'a region that is a host' evil_region
t 'another service' other_service
t '1,000 recipients' many

# --- without us, and without the other ------------------------------------

aws_opens() {
    header cut labelled blob
    aws_kms decrypt --ciphertext-blob fileb://blob \
        --key-id "$arn" --encryption-context db=orders,day=1 \
        --query Plaintext --output text | base64 -d >kek
    header open labelled out "$(od -An -v -tx1 kek | tr -d ' \n')"
    cmp plain out
}

aws_makes() {
    aws_kms generate-data-key --key-id "$arn" \
        --key-spec AES_256 --encryption-context db=orders >json
    python -c 'import base64, json
made = json.load(open("json"))
open("blob", "wb").write(base64.b64decode(made["CiphertextBlob"]))
print(base64.b64decode(made["Plaintext"]).hex())' >kek
    header make plain a "$(cat kek)" blob awskms "$arn" db=orders
    opens a "$uri"
    exits 0 "$envelope" verify -i "$uri" a
    names_key a "$arn"
}

t 'the aws command and Python open ours' aws_opens
t 'ours opens what they make' aws_makes

dripped() {
    [ "$(cat slow/status)" -eq 1 ]
    [ ! -e slow/got ]
    cp slow/err err
    quiet
}
wait "$slow_pid"
t 'a reply that drips' dripped
