#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Signatures by and for others: the second implementation, and the stock openssl as
# doc/format.md, section 11, shows it.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 13

py() {
    env -u OPENSSL_MODULES CRYPTOGRAPHY_OPENSSL_NO_LEGACY=1 \
        "$PYTHON" "$srcdir/test/interop/envelope.py" "$@"
}

make_keys() {
    new_key ops -algorithm X25519
    new_key ed25519 -algorithm ED25519
    new_key ed448 -algorithm ED448
    new_ec p256 P-256
    new_ec p384 P-384
    new_ec p521 P-521
    new_rsa rsa 2048
    head -c 20000 /dev/urandom >plain
}

lacks_python() {
    "$PYTHON" -c 'import cryptography' ||
        echo "Python's cryptography package is not installed" >"$TEST_LACKS"
}

ours() { # KIND
    lacks_python
    "$envelope" -r ops.pem -s "$1.key" --label a=b --carrier raw -f \
        -o "$1.env" plain
    py decode --identity ops.key --signed-by "$1.pem" "$1.env" out
    cmp plain out
    for other in ed25519 ed448; do
        [ $other = "$1" ] || ! py decode --identity ops.key \
            --signed-by $other.pem "$1.env" none 2>py.err || return 1
    done
    grep -q '^OTHER_SIGNER: ' py.err
}

theirs() { # KIND
    lacks_python
    py encode --recipient ops.pem --sign "$1.key" --labels a=b plain their.env
    "$envelope" decrypt -i ops.key --signed-by "$1.pem" their.env | cmp plain -
}

both_ways() {
    ours "$1"
    theirs "$1"
}

# What a rewrap and a repack leave is what the other one checks.
changed() {
    lacks_python
    new_key next -algorithm X25519
    "$envelope" rewrap -i ops.key -r next.pem ed25519.env
    py decode --identity next.key --signed-by ed25519.pem ed25519.env out
    cmp plain out
}

# The block of section 11, and the two that stand before it for the other kinds
stranger() { # KIND ARGUMENT-OF-PKEYUTL...
    cp "$1.env" data.env
    cp "$1.pem" signer.pub
    shift
    sed -n '/^## 11/,$p' "$srcdir/doc/format.md" |
        sed -n '/^```sh$/,/^```$/p' | grep -v '^```' >check.sh
    test -s check.sh
    echo "    $*" >>check.sh
    sed -i '$!b;s/^ *$//' check.sh
    # The arguments belong to the last command.
    sed -i 's/^    -sigfile value$/    -sigfile value \\/' check.sh
    env -u OPENSSL_MODULES sh -eu check.sh >said
    grep -qx 'Signature Verified Successfully' said
    printf x >>message
    ! env -u OPENSSL_MODULES openssl pkeyutl -verify -pubin -inkey signer.pub \
        -rawin -in message -sigfile value "$@" >said 2>&1
}

set_up make_keys
for kind in ed25519 ed448 p256 p384 p521 rsa; do
    t "$kind signs ours for them, and theirs for us" both_ways $kind
done
t 'after a rewrap' changed
t 'openssl checks Ed25519' stranger ed25519
t 'openssl checks Ed448' stranger ed448
t 'openssl checks ECDSA' stranger p384 -digest sha384
t 'openssl checks RSASSA-PSS' stranger rsa -digest sha256 \
    -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_pss_saltlen:32

# Each of the two finds every flipped bit of the signed part.
flips() {
    lacks_python
    cp ed25519.env good
    size=$((32 + $(be32 good 12) + $(be32 good 24)))
    for at in 12 32 $((32 + $(be32 good 12))) $((size - 1)) \
        $(($(be32 good 20) + 1)) $(($(be32 good 20) + 55)); do
        cp good damaged
        flip damaged $at 1
        ! "$envelope" decrypt -i next.key --signed-by ed25519.pem damaged \
            >out 2>err || return 1
        nothing out
        ! py decode --identity next.key --signed-by ed25519.pem damaged out.py \
            2>py.err || return 1
        [ ! -s out.py ]
    done
}
t 'flipped bits' flips

# A signature that was moved from one stream to another
moved() {
    "$envelope" -r ops.pem -s ed25519.key --label a=b --carrier raw -o one plain
    "$envelope" -r ops.pem -s ed25519.key --label a=b --carrier raw -o two plain
    at=$((32 + $(be32 one 12))) size=$(be32 one 24)
    {
        head -c $at two
        tail -c +$((at + 1)) one | head -c "$size"
        tail -c +$((at + size + 1)) two
    } >mixed
    exits 5 "$envelope" decrypt -i ops.key --signed-by ed25519.pem mixed >out
    nothing out
    status=0
    py decode --identity ops.key --signed-by ed25519.pem mixed out 2>py.err ||
        status=$?
    [ $status -eq 1 ]
    grep -q '^BAD_SIGNATURE: ' py.err
}
t 'a signature of another stream' moved
