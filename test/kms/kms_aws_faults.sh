#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Faults of AWS KMS pass or are told, and a hostile header costs no request to
# anybody else, no credentials and little time.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 25
. "$srcdir/test/kms/kms_services.sh"
python -c 'import botocore' 2>/dev/null \
    || skip_rest "$PYTHON has no botocore"
look_alike aws aws
look_alike slow aws
. "$srcdir/test/kms/kms_aws_service.sh"

set_up make_all
AWS_ENDPOINT_URL_KMS=http://127.0.0.1:$(port slow) drip "$uri"

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

wait "$slow_pid"
t 'a reply that drips' dripped
