#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Faults of AWS KMS pass or are told, and a hostile header costs no request to
# anybody else, no credentials and little time.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

. "$srcdir/test/kms/kms_services.sh"
. "$srcdir/test/kms/kms_every_fault.sh"
plan $((8 + 6 + EVERY_FAULT + EVERY_HEADER + EVERY_SLOW))
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
t 'refused: AccessDenied' refuses denied AccessDenied
t 'refused: InvalidCiphertext' refuses invalid InvalidCiphertext
t 'a reply about another key' another_key_replies
t 'expired credentials are fetched again, once' expired
t 'a clock that is an hour behind' skewed 3600 RequestTimeTooSkewed
t 'a clock that is ahead' skewed -1800 InvalidSignatureException
every_fault throttle 500 503 timeout reset close

# --- hostile headers ------------------------------------------------------

# shellcheck disable=SC2034 # of kms_every_fault.sh
identities="$uri awskms:?account=111122223333
    vault:///transit/keys/backup?address=$there"

at=127.0.0.1:$(port other)
foreign=key/6666abcd-12ab-34cd-56ef-1234567890ab
set -- "arn:aws:kms:us-east-1:444455556666:$foreign" \
    "arn:aws:kms:us-east-1:444455556666:$arn" \
    "arn:aws-cn:kms:us-east-1:111122223333:$foreign" \
    "arn:aws:sts:us-east-1:111122223333:$foreign" "$second:"
# A region that is a host
for region in 'x@evil/' "x@$at/" "$at/" "x.$at#" "127.0.0.1/" \
    'us-east-1.evil.example/' '..' '' 'US-EAST-1' 'eu-west-1'; do
    set -- "$@" "arn:aws:kms:$region:111122223333:key/$key"
done
every_header "$@"

# 1,000 keys of an account that may be asked for any of its keys
many() {
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

t '1,000 keys' many
every_slow
