#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Faults of Huawei Cloud KMS pass or are told, and a hostile header gets no request and
# no time.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

. "$srcdir/test/kms/kms_services.sh"
. "$srcdir/test/kms/kms_every_fault.sh"
plan $((6 + 4 + EVERY_FAULT + EVERY_HEADER + EVERY_SLOW))
. "$srcdir/test/kms/kms_huawei_service.sh"
look_alike slow huawei
kms_module
provider
set_up make_all
drip "huaweikms://$key?endpoint=http://127.0.0.1:$(port slow)"

# --- faults ---------------------------------------------------------------

passes() {
    decrypting 0 3 throttle throttle
    decrypting 0 3 500 503
    decrypting 0 2 reset
    decrypting 0 2 close
    decrypting 0 1 extra
}

another_key_replies() {
    decrypting 3 1 other-key
    encrypting 1 other-key
    grep -q 'about another key' err
}

# The same code is for a signature that is wrong, and that is not tried again.
skewed() { # SECONDS
    echo "$1" >huawei/clock
    decrypting 0 2
    logged huawei '"outcome": "APIGW.0301"'
    echo 0 >huawei/clock
    decrypting 3 1 skew
}

# A blob of another key, which the user may use as well
swapped() {
    "$envelope" encrypt -r "huaweikms://$second?endpoint=$here" <plain >b
    header cut b blob
    header alter sealed a --blob blob
    fresh huawei
    shut a "$uri"
    asked huawei 1 decrypt-data
}

t 'faults that pass' passes
t 'refused: KMS.0301' refuses denied KMS.0301
t 'refused: KMS.0308' refuses invalid KMS.0308
t 'a reply about another key' another_key_replies
t 'a clock that is an hour behind' skewed 3600
t 'the blob of another key' swapped
# shellcheck disable=SC2034 # of kms_every_fault.sh
makes_keys=no
every_fault throttle 500 503 reset

# --- hostile headers ------------------------------------------------------

at=127.0.0.1:$(port other)
every_header "$second" "$south" "x@$at/$id" "$at/$id" "../$id" "$key/" "/$key" \
    "$key?endpoint=$there" "cn-north-4/$(field basic project_id)/$id" \
    "$id" "$key?project=x"
every_slow
