# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# A user of AWS KMS, whose service is the look-alike aws.  Sourced after
# kms_services.sh, when the look-alike runs.
#
#   $arn, $second ...    keys of the look-alike; $uri is the first one
#   field PROFILE NAME   of the credentials file
#   used PROFILE         its keys have signed a request
#   with_keys PROFILE COMMAND...  its keys in the environment, and no file
#   make_all             ops.key, a passphrase in ./pw, and ./plain as ./sealed,
#                        with labels as ./labelled

look_alike other aws # nobody has any business there
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

used() {
    logged aws "\"access_key\": \"$(field "$1" aws_access_key_id)\""
}

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
