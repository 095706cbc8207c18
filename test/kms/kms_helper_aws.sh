#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The installed helper that asks AWS KMS with the command aws: at a look-alike, with
# the real command.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 18
. "$srcdir/test/kms/kms_services.sh"
need aws bsdtar
python -c 'import botocore' 2>/dev/null \
    || skip_rest "$PYTHON has no botocore"
look_alike aws aws
. "$srcdir/test/kms/kms_aws_service.sh"

ENVELOPE_KMS_CONFIG=$tests_dir/kms.conf
AWS_MAX_ATTEMPTS=1 # it has its own, and takes its time between them
TMPDIR=$tests_dir/tmp
export ENVELOPE_KMS_CONFIG AWS_MAX_ATTEMPTS TMPDIR
mkdir bin tmp
cp "$srcdir/kms/helpers/envelope-kms-aws-cli" helper
uri=execkms://aws/$arn

# The command, its first look at the configuration, and what it was started with
cat >bin/aws <<AWS
#!/bin/sh
printf '%s\n' "\$@" >>"$tests_dir/argv"
exec env -u OPENSSL_MODULES CRYPTOGRAPHY_OPENSSL_NO_LEGACY=1 \\
    "$(command -v aws)" "\$@"
AWS
chmod +x bin/aws
PATH=$tests_dir/bin:$PATH

# configure [ARGUMENT...] - of the helper, besides the address of the look-alike
configure() {
    cat >kms.conf <<CONF
[aws]
exec = $tests_dir/helper
args = --endpoint-url $here $*
timeout = 60
CONF
}
configure --region us-east-1

# --- it works -------------------------------------------------------------

by_name() { # KEY
    fresh aws
    "$envelope" encrypt -r "execkms://aws/$1" <plain >a
    asked aws 1 GenerateDataKey
    logged aws "\"KeyId\": \"$1\""
    logged aws '"KeySpec": "AES_256"'
    names_key_of_site a "aws/$1"
    opens a "execkms://aws/$1"
    asked aws 1 Decrypt
}

# As names_key() does it, for a helper
names_key_of_site() {
    word=execkms names_key "$@"
}

by_each_name() {
    by_name "$arn"
    by_name $key
    by_name alias/backup
    by_name "$account:alias/backup"
    by_name "$mrk"
    configure
    by_name "$europe"
}

other_faces() {
    open_with "$uri" labelled out
    cmp plain out
    seal_to "$uri" plain a
    opens a "$uri"
    by_bsdtar
}

labels_are_context() {
    fresh aws
    "$envelope" encrypt -r "$uri" --label db=orders --label 'who=Jürgen "x"' \
        <plain >a
    logged aws '"EncryptionContext": {"db": "orders", "who": "J\u00fcrgen \"x\""}'
    opens a "$uri"
}

other_labels() {
    header alter labelled a --labels
    shut a "$uri"
    grep -q InvalidCiphertext err
}

rewraps() {
    cp labelled f
    fresh aws
    "$envelope" rewrap --by-service -i "$uri" -r "execkms://aws/$second" f
    asked aws 1 ReEncrypt
    asked aws 0 Decrypt
    same_payload labelled f
    opens f "execkms://aws/$second"
    shut f "$uri"
    logged aws '"DestinationEncryptionContext": {"day": "1", "db": "orders"}'
}

profiles() {
    configure --region us-east-1 --profile session
    fresh aws
    opens sealed "$uri"
    logged aws "\"access_key\": \"$(field session aws_access_key_id)\""
    configure --region us-east-1 --profile denied
    shut sealed "$uri"
    grep -q 'AccessDeniedException: User: arn:aws:iam::' err
}

t 'keys and envelopes can be made' make_all
t 'a key by each of its names' by_each_name
t 'openssl enc and bsdtar' other_faces
t 'labels are the encryption context' labels_are_context
t 'other labels' other_labels
t 'rewrap by the service' rewraps
t 'a profile' profiles

# --- it refuses -----------------------------------------------------------

refuses() { # STATUS PATTERN REQUESTS FAULT
    configure --region us-east-1
    fresh aws
    echo "$4" >aws/faults
    exits "$1" "$envelope" decrypt -i "$uri" -o got sealed
    [ ! -e got ]
    grep -q -e "$2" err
    quiet
    [ "$(grep -c '"operation": ' aws/log)" -eq "$3" ]
}

errors() {
    configure --region us-east-1
    exits 1 "$envelope" encrypt -r "execkms://aws/$off" -o new plain
    grep -q 'DisabledException: .* is disabled' err
    exits 1 "$envelope" encrypt -r execkms://aws/alias/none -o new plain
    grep -q "NotFoundException: Key 'alias/none' does not exist" err
    [ ! -e new ]
    refuses 3 'AccessDeniedException: not authorized' 1 denied
    refuses 3 'InvalidCiphertextException' 1 invalid
    refuses 3 'ExpiredTokenException: The security token' 1 expired
}

not_a_reply() {
    refuses 3 'WrongKey' 1 other-key
    refuses 3 'BadReply' 1 html
    refuses 1 'aws' 1 short-key
}

throttled() {
    fresh aws
    echo throttle >aws/faults
    opens sealed "$uri"
    asked aws 2 Decrypt
    refuses 1 'ThrottlingException: Rate exceeded' 2 'throttle*'
    refuses 1 'KMSInternalException' 2 '500*'
}

# Whoever answers for credentials has an alias of this name, too.
accounts() {
    configure --region us-east-1
    fresh aws
    "$envelope" encrypt -r execkms://aws/alias/backup <plain >sealed.alias
    configure --region us-east-1 --account 111122223333
    opens sealed.alias execkms://aws/alias/backup
    configure --region us-east-1 --account 444455556666
    shut sealed.alias execkms://aws/alias/backup
    grep -q WrongKey err
    exits 1 "$envelope" encrypt -r execkms://aws/alias/backup -o new plain
    [ ! -e new ]
}

regions() {
    fresh aws
    configure --region eu-central-1
    shut sealed "$uri"
    grep -q 'BadRegion' err
    silent aws
}

# What a command would take for a file, an option, or another key
bad_keys() {
    fresh aws
    : >argv
    for bad in file:///etc/hostname fileb://x --debug backup alias/ \
        "$arn/x" arn:aws:s3:::bucket "$account:key/x%0Ay"; do
        exits 1 "$envelope" encrypt -r "execkms://aws/$bad" -o new plain
        [ ! -e new ]
    done
    nothing argv
    silent aws
}

bad_arguments() {
    : >argv
    for bad in --debug --query=Plaintext --output=text --no-verify-ssl; do
        configure "$bad"
        shut sealed "$uri"
        grep -q "BadArguments: .*$bad" err
    done
    nothing argv
}

t 'errors of AWS KMS are told' errors
t 'another key, no key, no reply' not_a_reply
t 'what may pass is asked again' throttled
t 'an account' accounts
t 'a region' regions
t 'a key that is none asks nobody' bad_keys
t 'options that could show a key are none' bad_arguments

# --- nothing stays --------------------------------------------------------

left_nothing_on_disk() {
    [ -s aws/secrets ]
    ! grep -rqF -f aws/secrets argv tmp home kms.conf || false
    [ -z "$(ls -A tmp)" ]
}

no_history() {
    configure --region us-east-1
    printf '[default]\ncli_history = enabled\n' >config
    AWS_CONFIG_FILE=config
    fresh aws
    shut sealed "$uri"
    grep -q 'cli_history = enabled' err
    silent aws
    [ ! -e home/.aws/cli/history ]
}

# The command hangs when the time is over: both are gone then.
killed() {
    cat >bin/aws <<'AWS'
#!/bin/sh
echo $$ >aws.pid
cat >/dev/null
exec sleep 100
AWS
    configure
    sed -i 's/^timeout.*/timeout = 2/' kms.conf
    exits 1 "$envelope" decrypt -i "$uri" -o got sealed
    [ ! -e got ]
    waits gone "$(cat aws.pid)"
    left_nothing_on_disk
}

gone() {
    ! kill -0 "$1"
}

no_command() {
    rm bin/aws
    configure
    exits 3 env PATH=/nonexistent "$envelope" decrypt -i "$uri" -o got sealed
    [ ! -e got ]
    grep -q 'AwsCommand: aws: No such file' err
}

t 'no key is on disk, or in an argument' left_nothing_on_disk
t 'the command keeps no history' no_history
t 'a command that hangs is killed' killed
t 'there is no command' no_command
