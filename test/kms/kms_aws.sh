#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A key of AWS KMS encrypts and decrypts by each of its names, with labels and
# for rewrap, at a look-alike that AWS's own clients have to agree with first.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 28
. "$srcdir/test/kms/kms_services.sh"
need aws bsdtar
python -c 'import botocore, boto3' 2>/dev/null \
    || skip_rest "$PYTHON has no boto3"
look_alike aws aws

t 'botocore agrees with the look-alike' prove aws-boto3 aws
t 'so does the aws command' prove aws-cli aws
t "so does curl's signer" prove aws-curl aws
t 'altered requests are refused' prove aws-altered aws
t 'botocore finds credentials there' prove aws-sources aws

. "$srcdir/test/kms/kms_aws_service.sh"

t 'keys and envelopes can be made' make_all

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
t 'and what release 0.9.0 wrote' opens_0_9_0 aws "awskms:///$arn"
