#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Faults of Tencent Cloud KMS pass or are told, and a hostile header gets no
# request and no time.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

. "$srcdir/test/kms/kms_services.sh"
. "$srcdir/test/kms/kms_every_fault.sh"
plan $((6 + 4 + EVERY_FAULT + EVERY_HEADER + EVERY_SLOW))
. "$srcdir/test/kms/kms_tencent_service.sh"
look_alike slow tencent --sdk "$TENCENT_SDK"

kms_module
provider
set_up make_all
drip "tencentkms://$key?endpoint=http://127.0.0.1:$(port slow)"

# --- faults ---------------------------------------------------------------

passes() {
    decrypting 0 3 throttle throttle-uin
    decrypting 0 3 500 503
    decrypting 0 3 internal reset
    decrypting 0 2 close
    decrypting 0 1 extra
}

# The reply to Decrypt is all that says which key it was.
another_key_replies() {
    decrypting 3 1 other-key
    encrypting 1 other-key
}

skewed() { # SECONDS
    echo "$1" >tencent/clock
    decrypting 0 2
    logged tencent '"outcome": "AuthFailure.SignatureExpire"'
    echo 0 >tencent/clock
    decrypting 3 1 skew
}

t 'faults that pass' passes
t 'refused: UnauthorizedOperation' refuses denied UnauthorizedOperation
t 'refused: InvalidCiphertext' refuses invalid InvalidCiphertext
t 'a reply about another key' another_key_replies
t 'a clock that is an hour behind' skewed 3600
every_fault throttle 500 internal reset

# --- hostile headers ------------------------------------------------------

# A blob of another key, which the user may use as well
swapped() {
    "$envelope" encrypt -r "tencentkms://$second?endpoint=$here" <plain >b
    header cut b blob
    header alter sealed a --blob blob
    fresh tencent
    shut a "$uri"
    asked tencent 1 Decrypt
}

t 'the blob of another key' swapped
at=127.0.0.1:$(port other)
every_header "$second" "$singapore" "x@$at/${key#*/}" "$at/${key#*/}" \
    "../${key#*/}" "$key/" "/$key" "$key?endpoint=$there"

every_slow
