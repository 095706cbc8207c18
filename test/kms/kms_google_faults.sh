#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Faults of Google Cloud KMS pass or are told, what does not arrive whole is asked for
# again, and a hostile header gets no request and no time.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

. "$srcdir/test/kms/kms_services.sh"
. "$srcdir/test/kms/kms_every_fault.sh"
plan $((7 + 4 + EVERY_FAULT + EVERY_HEADER + EVERY_SLOW))
. "$srcdir/test/kms/kms_google_service.sh"
look_alike slow google
kms_module
provider
google_user
set_up make_all
GOOGLE_APPLICATION_CREDENTIALS=$tests_dir/slow/service.json \
    drip "$uri?endpoint=http://127.0.0.1:$(port slow)"

# --- faults ---------------------------------------------------------------

passes() {
    decrypting 0 3 throttle 504
    decrypting 0 3 500 503
    decrypting 0 2 reset
    decrypting 0 2 close
    decrypting 0 1 extra
    decrypting 0 1 number-crc
    decrypting 0 2 expired
}

# Its replies have no request id.
refused() { # FAULT TEXT
    decrypting 3 1 "$1*"
    grep -q "$2" err
    encrypting 1 "$1*"
    grep -q "$2" err
}

sums() {
    for bad in wrong-crc no-crc; do
        decrypting 0 2 $bad
        decrypting 1 $attempts "$bad*"
        grep -q 'fails the check of plaintextCrc32c' err
        encrypting $attempts "$bad*"
        grep -q 'fails the check of ciphertextCrc32c' err
    done
}

flags() {
    for bad in unverified no-flags; do
        encrypting $attempts "$bad*"
        grep -q 'fails the check of verifiedPlaintextCrc32c' err
    done
    fresh google
    echo 'unverified-aad*' >google/faults
    exits 1 "$envelope" encrypt -r "$uri" --label a=1 -o new plain
    grep -q 'fails the check of verifiedAdditional' err
    [ ! -e new ]
    fresh google
}

another_key_replies() {
    encrypting 1 other-key
    encrypting 1 no-version
    grep -q 'about another key' err
}

t 'faults that pass' passes
t 'refused: PERMISSION_DENIED' refused denied 'check whose credentials'
t 'refused: INVALID_ARGUMENT' refused invalid 'it is not this key'
t 'refused: a destroyed version' refused destroyed 'disabled or destroyed'
t 'checksums of replies' sums
t 'checksums that nobody has looked at' flags
t 'a reply about another key' another_key_replies
# shellcheck disable=SC2034 # of kms_every_fault.sh
makes_keys=no
every_fault throttle 500 503 reset

# --- hostile headers ------------------------------------------------------

at=127.0.0.1:$(port other)
ring=${key%/*}
every_header "$ring/second" "$at/$key" "//$at/$key" "$there/$key" "/$key" \
    "$key/" "$key/cryptoKeyVersions/1" "$key:decrypt" "$ring/../r/cryptoKeys/backup" \
    "$key?endpoint=$there" "projects/q/${key#*/*/}"
every_slow
