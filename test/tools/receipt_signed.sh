#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A receipt that is signed covers every byte, and without a key it is checked who
# made the envelope and the receipt.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 11
. "$srcdir/test/tools/command_support.sh"
need "$PYTHON"

make_signed() {
    make_all
    new_key host -algorithm ED25519
    new_key fake -algorithm ED25519
    for carrier in raw tar xbstream; do
        exits 0 "$envelope" -r ops.pem -s host.key --carrier $carrier \
            --piece-size 65536 --receipt $carrier.json -o $carrier plain
    done
    "$envelope" -r ops.pem --receipt unsigned.json -o unsigned plain
}
set_up make_signed

checked() { # STATUS RECEIPT FILE [ARGUMENT...]
    want=$1 receipt=$2 stored=$3
    shift 3
    exits "$want" "$envelope" verify --no-key --receipt "$receipt" \
        --signed-by host.pem "$@" "$stored" >said
}

py() {
    env -u OPENSSL_MODULES CRYPTOGRAPHY_OPENSSL_NO_LEGACY=1 \
        "$PYTHON" "$srcdir/test/interop/envelope.py" receipt "$@"
}

both_are_checked() {
    for carrier in raw tar xbstream; do
        checked 0 $carrier.json $carrier
        grep -qx "$carrier: data as in the receipt, 1000000 bytes" said
        checked 0 $carrier.json $carrier --json
        grep -q '"signers":\[{.*"signature":"good"}\]' said
        exits 0 "$envelope" verify --no-key --receipt $carrier.json $carrier \
            >said
    done
}

# The second implementation, and the stock openssl
others_check() {
    "$PYTHON" -c 'import cryptography' ||
        echo "Python's cryptography package is not installed" >"$TEST_LACKS"
    for carrier in raw tar xbstream; do
        py --signed-by host.pem $carrier.json
        ! py --signed-by fake.pem $carrier.json 2>err || return 1
        grep -q '^OTHER_SIGNER: ' err
    done
    { printf 'envelope v1 receipt\0' && cat raw.json; } >message
    tail -c 64 raw.json.sig >value
    env -u OPENSSL_MODULES openssl pkeyutl -verify -pubin -inkey host.pem \
        -rawin -in message -sigfile value
}

says_the_signer() {
    id=$("$envelope" fingerprint host.pem | cut -c1-40)
    grep -q "\"signers\":\[{\"algorithm\":\"Ed25519\",\"id\":\"$id\",\"signature\":\"unchecked\"}\]" raw.json
    grep -q '"signers":\[\]' unsigned.json
    [ ! -e unsigned.json.sig ]
}

# Each byte of the receipt and of its signature counts.
every_byte() {
    for name in raw.json raw.json.sig; do
        size=$(stat -c %s $name)
        at=0
        while [ $at -lt "$size" ]; do
            cp raw.json r.json
            cp raw.json.sig r.json.sig
            flip r.json"${name#raw.json}" $at 1
            status=0
            "$envelope" verify --no-key --receipt r.json --signed-by host.pem \
                raw >said 2>err || status=$?
            [ $status -ne 0 ]
            at=$((at + 13))
        done
    done
}

not_signed() {
    checked 4 unsigned.json unsigned
    says_that 'unsigned.json: envelope is not signed: there is no unsigned.json.sig'
    cp raw.json alone.json
    checked 4 alone.json raw
    cp raw.json other.json
    cp tar.json.sig other.json.sig
    checked 5 other.json raw
    says_that 'other.json: signature is wrong'
    : >other.json.sig
    checked 4 other.json raw
    head -c 70000 /dev/zero >other.json.sig
    checked 1 other.json raw
    says_that 'it is no signature: it has more than 65536 bytes'
}

others_signed() {
    exits 4 "$envelope" verify --no-key --receipt raw.json \
        --signed-by fake.pem raw >said
    exits 4 "$envelope" verify --no-key --signed-by fake.pem raw >said
    says_that 'raw: envelope is signed by others'
    exits 0 "$envelope" verify --no-key --signed-by host.pem raw >said
    grep -q 'data not verified, there is no receipt' said
    # Who can open the envelope makes another one under the old signature: the
    # receipt tells.
    exits 4 "$envelope" verify --no-key --signed-by host.pem unsigned >said
    ENVELOPE_SIGNED_BY=fake.pem exits 4 "$envelope" verify --no-key raw >said
}

after_a_rewrap() {
    cp tar moved
    "$envelope" rewrap -i ops.key -r other.pem moved
    checked 0 tar.json moved
    grep -q 'header rewrapped or replaced' said
}

no_place() {
    exits 2 "$envelope" -r ops.pem -s host.key --receipt - -o none plain
    says_that 'signs its receipt, too, in a file beside it'
    [ ! -e none ]
    printf old >r.json.sig
    rm -f r.json
    exits 2 "$envelope" -r ops.pem -s host.key --receipt r.json -o none plain
    says_that 'r.json.sig exists; --force replaces it'
    [ ! -e none ]
    [ ! -e r.json ]
    [ "$(cat r.json.sig)" = old ]
    exits 0 "$envelope" -r ops.pem -s host.key -f --receipt r.json -o some plain
    checked 0 r.json some
    exits 2 "$envelope" verify --no-key --receipt - --signed-by host.pem raw \
        <raw.json >said
}

by_configuration() {
    ENVELOPE_SIGNERS=host.key exits 0 "$envelope" -r ops.pem \
        --receipt env.json -o env plain
    checked 0 env.json env
    ENVELOPE_SIGNERS=host.key exits 2 "$envelope" -r ops.pem --receipt - \
        -o none plain >said
    [ ! -e none ]
}

# A failing program leaves neither of the three.
nothing_of_a_failure() {
    rm -f f f.json f.json.sig
    exits 7 "$envelope" -r ops.pem -s host.key --receipt f.json -o f -- false
    [ ! -e f ] && [ ! -e f.json ] && [ ! -e f.json.sig ]
}

damage() {
    for carrier in raw tar xbstream; do
        cp $carrier damaged
        flip damaged $(($(stat -c %s $carrier) / 2)) 1
        checked 5 $carrier.json damaged
    done
}

t 'both signatures are checked without a key' both_are_checked
t 'others check the receipt' others_check
t 'the receipt names who signed' says_the_signer
t 'each byte counts' every_byte
t 'a receipt that is not signed' not_signed
t 'one that others signed' others_signed
t 'after a rewrap' after_a_rewrap
t 'a signature needs a place' no_place
t 'signers of the environment' by_configuration
t 'a failure leaves nothing' nothing_of_a_failure
t 'damage to the data' damage
