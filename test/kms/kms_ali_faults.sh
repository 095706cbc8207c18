#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Faults of Alibaba Cloud KMS pass or are told, and a hostile header gets no request and
# no time.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

. "$srcdir/test/kms/kms_services.sh"
. "$srcdir/test/kms/kms_every_fault.sh"
plan $((8 + 4 + EVERY_FAULT + EVERY_HEADER + EVERY_SLOW))
. "$srcdir/test/kms/kms_ali_service.sh"
look_alike slow ali

kms_module
provider
set_up make_all
# The keys are those of both.
drip "alikms://$key?endpoint=http://127.0.0.1:$(port slow)"

# --- faults ---------------------------------------------------------------

passes() {
    decrypting 0 3 throttle throttle-user
    decrypting 0 3 500 503
    decrypting 0 2 nonce
    decrypting 0 2 reset
    decrypting 0 2 close
    decrypting 0 2 expired
    decrypting 0 1 extra
}

# Where a connection that was used before ends, libcurl itself sends the request once
# more, with a nonce that the service knows by then.
sent_twice() {
    decrypting 0 4 internal reset
    logged ali '"outcome": "SignatureNonceUsed"'
}

# The reply to Decrypt is all that says which key it was.
another_key_replies() {
    decrypting 3 1 other-key
    encrypting 1 other-key
}

skewed() { # SECONDS
    echo "$1" >ali/clock
    decrypting 0 2
    logged ali '"outcome": "InvalidTimeStamp.Expired"'
    echo 0 >ali/clock
    decrypting 3 1 skew
}

t 'faults that pass' passes
t 'a request that was sent twice' sent_twice
t 'refused: Forbidden.NoPermission' refuses denied Forbidden.NoPermission
t 'refused: InvalidCiphertextBlob' refuses invalid InvalidCiphertextBlob
t 'a reply about another key' another_key_replies
t 'a clock that is an hour behind' skewed 3600
t 'a clock that is an hour ahead' skewed -3600
every_fault throttle 500 internal reset

# --- hostile headers ------------------------------------------------------

# A blob of another key, which the user may use as well
swapped() {
    "$envelope" encrypt -r "alikms://$second?endpoint=$here" <plain >b
    header cut b blob
    header alter sealed a --blob blob
    for swapped_uri in "$uri" "alikms://$alias?endpoint=$here"; do
        fresh ali
        shut a "$swapped_uri"
        asked ali 1 Decrypt
    done
}

t 'the blob of another key' swapped
at=127.0.0.1:$(port other)
every_header "$second" "cn-shanghai/${key#*/}" "x@$at/${key#*/}" \
    "$at/${key#*/}" "../${key#*/}" "$key/" "/$key" "$key?endpoint=$there" \
    "$alias" "cn-hangzhou/acs:kms:cn-hangzhou:154035569884:key/${key#*/}"

every_slow
