#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Faults of Azure Key Vault pass or are told, and a hostile header gets few requests and
# no time.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

. "$srcdir/test/kms/kms_services.sh"
. "$srcdir/test/kms/kms_every_fault.sh"
plan $((4 + 4 + EVERY_FAULT + 4 + EVERY_SLOW))
. "$srcdir/test/kms/kms_azure_service.sh"
look_alike slow azure
kms_module
azure_user
set_up make_all
AZURE_AUTHORITY_HOST=http://127.0.0.1:$(port slow) \
    AZURE_CLIENT_SECRET=$(cat slow/secret) \
    drip "azurekeyvault://$key?endpoint=http://127.0.0.1:$(port slow)"

# --- faults ---------------------------------------------------------------

# First the public half is asked for: one request more.
passes() {
    decrypting 0 4 throttle 504
    decrypting 0 4 500 503
    decrypting 0 3 reset
    decrypting 0 3 close
    decrypting 0 2 extra
    decrypting 0 3 expired
}

refused() { # FAULT TEXT
    decrypting 3 1 "$1*"
    grep -q "$2" err
    told azure
    encrypting 1 "$1*"
    grep -q "$2" err
}

# The same for the second of the requests
at_unwrap() {
    echo unwrapkey >azure/fault-at
    for bad in throttle 500 503; do
        decrypting 1 $((1 + attempts)) "$bad*"
    done
    decrypting 0 4 500 503
    decrypting 0 3 expired
    for bad in cut empty html duplicate huge redirect other-key; do
        fresh azure
        echo "$bad*" >azure/faults
        rm -f got
        status=0
        "$envelope" decrypt -i "$uri" -o got sealed 2>err || status=$?
        [ "$status" -eq 1 ] || [ "$status" -eq 3 ]
        asked azure 1 unwrapkey
        [ ! -e got ]
        quiet
    done
    decrypting 3 2 'denied*'
    grep -q 'check whose credentials' err
    : >azure/fault-at
}

tokens() {
    fresh azure
    rm -f got
    echo entra >azure/broken
    exits 1 "$envelope" decrypt -i "$uri" -o got sealed
    grep -q 'Entra ID: HTTP status 503: temporarily_unavailable' err
    to_azure $attempts
    [ ! -e got ]
    : >azure/broken
    AZURE_TENANT_ID='../x' exits 3 "$envelope" decrypt -i "$uri" -o got sealed
    grep -q 'AZURE_TENANT_ID is neither an id nor a domain' err
    AZURE_TENANT_ID='' exits 3 "$envelope" decrypt -i "$uri" -o got sealed
    grep -q 'one of them is not set' err
    AZURE_AUTHORITY_HOST=http://login.example.com \
        exits 3 "$envelope" decrypt -i "$uri" -o got sealed
    grep -q 'plain http' err
    to_azure $attempts
}

t 'faults that pass' passes
t 'refused: no rights' refused denied 'check whose credentials'
t 'refused: the firewall' refused firewall "the vault's firewall"
t 'a fault of the last request' at_unwrap
# shellcheck disable=SC2034 # of kms_every_fault.sh
makes_keys=no decrypts=2
every_fault throttle 500 503 reset
t 'faults where tokens come from' tokens

# --- hostile headers ------------------------------------------------------

# Entries for 1,000 keys of others cost what one costs.
many_recipients() {
    header keys sealed a 1000
    fresh azure
    exits 3 timeout 20 "$envelope" decrypt -i "$uri" <a >out
    nothing out
    to_azure 3 # a token, the public half, the list
    header keys sealed a 1000 --good
    opens a "$uri"
}

# A name is only a claim: what has it is asked about, and not often.
many_claims() {
    header keys sealed a 1000 --same
    fresh azure
    exits 3 timeout 20 "$envelope" decrypt -i "$uri" <a >out
    nothing out
    grep -q 'services were asked 10 times' err
    to_azure 12
    header keys sealed a 4 --same --good
    opens a "$uri"
}

# There is no name of this service in any header that ours writes.
named_in_header() {
    header kms sealed a azurekeyvault "$key"
    fresh azure
    exits 3 "$envelope" decrypt -i "$uri" <a >out
    exits 3 "$envelope" rewrap --by-service -i "$uri" a
    nothing out
    exits 0 "$envelope" inspect a >out
    silent azure
}

t '1,000 recipients of others' many_recipients
t '1,000 that claim to be for the key' many_claims
t 'a recipient of the kind that other services have' named_in_header
every_slow
