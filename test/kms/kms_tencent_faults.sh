#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Faults of Tencent Cloud KMS pass or are told, and a hostile header gets no
# request and no time.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 19
. "$srcdir/test/kms/kms_services.sh"
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
for bad in throttle 500 internal reset; do
    t "a fault that stays: $bad" persists $bad
done
t 'refused: UnauthorizedOperation' refuses denied UnauthorizedOperation
t 'refused: InvalidCiphertext' refuses invalid InvalidCiphertext
t 'senseless: cut, short, empty' senseless cut short empty
t 'senseless: no JSON, no HTTP' senseless html garbage
t 'senseless: a member twice, a short key' senseless duplicate short-key
t 'a reply without an end' huge
t 'a reply about another key' another_key_replies
t 'a redirect is not followed' redirects
t 'a clock that is an hour behind' skewed 3600
t 'nothing secret in longer messages' \
    verbose denied 500 other-key cut short-key

# --- hostile headers ------------------------------------------------------

ignored() { # ARGUMENT-OF-ALTER...
    header alter sealed a "$@"
    fresh tencent other
    exits 3 timeout 20 "$envelope" decrypt -i "$uri" <a >out
    nothing out
    exits 3 timeout 20 "$envelope" decrypt -i "tencentkms://$key" <a >out
    nothing out
    exits 0 "$envelope" inspect a >out
    silent tencent other
}

hostile() {
    at=127.0.0.1:$(port other)
    for named in "$second" "$singapore" "x@$at/${key#*/}" "$at/${key#*/}" \
        "../${key#*/}" "$key/" "/$key" '' "$key?endpoint=$there"; do
        ignored --key "$named"
    done
    ignored --service awskms
    ignored --service vault
    ignored --service ''
}

# A blob of another key, which the user may use as well
swapped() {
    "$envelope" encrypt -r "tencentkms://$second?endpoint=$here" <plain >b
    header cut b blob
    header alter sealed a --blob blob
    fresh tencent
    shut a "$uri"
    asked tencent 1 Decrypt
}

many() {
    header alter sealed a --copies 1000
    fresh tencent
    exits 3 timeout 20 "$envelope" decrypt -i "$uri" <a >out
    nothing out
    [ "$(wc -l <tencent/log)" -le 10 ]
}

t 'hostile headers' hostile
t 'the blob of another key' swapped
t '1,000 recipients' many

wait "$slow_pid"
t 'a reply that drips' dripped
