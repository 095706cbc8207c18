#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Faults of the transit engine pass or are told, and a hostile header gets no
# request and no time.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

. "$srcdir/test/kms/kms_services.sh"
. "$srcdir/test/kms/kms_every_fault.sh"
plan $((7 + 5 + EVERY_FAULT + EVERY_HEADER + EVERY_SLOW))
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
t 'refused: permission denied' refused denied 'status 403'
t 'refused: invalid ciphertext' refused invalid 'status 400'
t 'refused: no such route' refused notfound 'status 404'
t 'a key that is not there' missing_key
every_fault throttle 412 500 503 reset

# --- hostile headers ------------------------------------------------------

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

at=127.0.0.1:$(port other)
every_header transit/keys/second "$at/transit/keys/backup" \
    "//$at/transit/keys/backup" ../../sys/seal transit/keys/../backup \
    transit/keys/backup/ /transit/keys/backup TRANSIT/keys/backup \
    "transit/keys/backup?address=$there"
t 'hostile blobs' hostile_blob
every_slow
