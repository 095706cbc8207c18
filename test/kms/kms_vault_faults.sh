#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Faults of the transit engine pass or are told, and a hostile header gets no
# request and no time.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 21
. "$srcdir/test/kms/kms_services.sh"
look_alike vault vault
look_alike slow vault

t 'its faults are what they are said to be' prove vault-faults vault

. "$srcdir/test/kms/kms_vault_service.sh"

set_up make_all
drip "$uri?address=http://127.0.0.1:$(port slow)"

# --- faults ---------------------------------------------------------------

passes() {
    decrypting 0 3 throttle 412
    decrypting 0 3 500 502
    decrypting 0 3 503 reset
    decrypting 0 2 close
    decrypting 0 1 extra
}

# There is no request id in its refusals, and its texts may quote what was sent.
refused() { # FAULT TEXT
    decrypting 3 1 "$1*"
    grep -q "$2" err
    encrypting 1 "$1*"
    grep -q "$2" err
}

missing_key() {
    fresh vault
    exits 1 "$envelope" encrypt -r vault:///transit/keys/absent -o new plain
    exits 1 "$envelope" encrypt -r vault:///absent/keys/backup -o new plain
    [ ! -e new ]
    # Nobody made one on the way.
    ! grep '"operation": "\(encrypt\|keys\)"' vault/log || false
}

t 'faults that pass' passes
for bad in throttle 412 500 503 reset; do
    t "a fault that stays: $bad" persists $bad
done
t 'refused: permission denied' refused denied 'status 403'
t 'refused: invalid ciphertext' refused invalid 'status 400'
t 'refused: no such route' refused notfound 'status 404'
t 'a key that is not there' missing_key
t 'senseless: cut, short, empty' senseless cut short empty
t 'senseless: no JSON, no HTTP' senseless html garbage
t 'senseless: a member twice, a short key' senseless duplicate short-key
t 'a reply without an end' huge
t 'a redirect is not followed' redirects
t 'nothing secret in longer messages' verbose denied 500 cut short-key

# --- hostile headers ------------------------------------------------------

ignored() { # ARGUMENT-OF-ALTER...
    header alter sealed a "$@"
    fresh vault other
    exits 3 timeout 20 "$envelope" decrypt -i "$uri" <a >out
    nothing out
    exits 0 "$envelope" inspect a >out
    silent vault other
}

hostile() {
    at=127.0.0.1:$(port other)
    for named in transit/keys/second "$at/transit/keys/backup" \
        "//$at/transit/keys/backup" ../../sys/seal transit/keys/../backup \
        transit/keys/backup/ /transit/keys/backup '' \
        "transit/keys/backup?address=$there" TRANSIT/keys/backup; do
        ignored --key "$named"
    done
    ignored --service awskms
    ignored --service tencentkms
    ignored --service ''
}

# What is sent as a ciphertext is a text of the right form, or not sent.
hostile_blob() {
    printf 'vault:v1:"}, "x": {"' >blob
    header alter sealed a --blob blob
    shut a "$uri"
    printf 'vault:v1:a\0b' >blob
    header alter sealed a --blob blob
    shut a "$uri"
    head -c 9000 /dev/urandom >blob
    header alter sealed a --blob blob
    shut a "$uri"
}

many() {
    header alter sealed a --copies 1000
    fresh vault
    exits 3 timeout 20 "$envelope" decrypt -i "$uri" <a >out
    nothing out
    [ "$(wc -l <vault/log)" -le 10 ]
}

t 'hostile headers' hostile
t 'hostile blobs' hostile_blob
t '1,000 recipients' many

wait "$slow_pid"
t 'a reply that drips' dripped
