#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Recipients that withstand a quantum computer: who is one, who is told of it, and
# that require-post-quantum lets nobody else in.  Keys of ML-KEM, alone and with
# X25519, where OpenSSL has them, which is from 3.5 on.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 14
provider
types='x25519 x448 p256 rsa3072'
echo 'correct horse battery staple' >pw
head -c 100000 /dev/urandom >plain
unset ENVELOPE_RECIPIENTS ENVELOPE_IDENTITIES

strength_of() { # FILE - of the file and of each recipient
    "$envelope" inspect "$1" | sed -n 's/.*post-quantum: *\([a-z]*\).*/\1/p' \
        | tr '\n' ' '
    "$envelope" inspect --json "$1" | jq -r \
        '.post_quantum, (.recipients[] | .post_quantum)' | tr '\n' ' '
}

make_keys() {
    for type in $types; do
        "$envelope" keygen -t "$type" -o "$type.key" >line
    done
    head -c 32 /dev/urandom >kek
}
t 'keys' make_keys

# refused COMMAND... - for that reason, and nothing is there
refused() {
    rm -f out
    exits 1 "$@"
    grep -q 'recipient is not post-quantum' err
    grep -q 'mlkem768x25519' err
    [ ! -e out ]
}

the_others() {
    for type in $types; do
        "$envelope" -r "$type.pub" -o out -f plain 2>told
        [ ! -s told ]
        [ "$(strength_of out)" = 'no no no no ' ]
        refused "$envelope" encrypt --require-post-quantum -r "$type.pub" \
            -o out plain
    done
    refused "$envelope" encrypt --require-post-quantum -r p256.pub \
        --passphrase-file pw --work-factor 14 -o out plain
}
t 'no other key is one' the_others

shared_secrets() {
    "$envelope" encrypt --require-post-quantum --passphrase-file pw \
        --work-factor 14 -o out -f plain
    [ "$(strength_of out)" = 'yes yes yes yes ' ]
    "$envelope" -d --passphrase-file pw out | cmp plain -
    "$envelope" encrypt --require-post-quantum --kek kek -o out -f plain
    [ "$(strength_of out)" = 'yes yes yes yes ' ]
    "$envelope" -r x25519.pub --passphrase-file pw --work-factor 14 -o out -f \
        plain 2>told
    [ ! -s told ]
    [ "$(strength_of out | tr ' ' '\n' | sort | uniq -c | tr -s ' \n' ' ')" = \
        ' 4 no 2 yes ' ]
}
t 'a passphrase and a key-encryption key are' shared_secrets

rewraps() {
    "$envelope" encrypt --passphrase-file pw --work-factor 14 -o f plain
    cp f g
    exits 1 "$envelope" rewrap --identity-passphrase-file pw \
        --require-post-quantum -r p256.pub f
    grep -q 'recipient is not post-quantum' err
    cmp f g
    # Nor may one stay.
    "$envelope" -r p256.pub -o f -f plain
    cp f g
    exits 1 "$envelope" rewrap -i p256.key --require-post-quantum --add \
        --passphrase-file pw --work-factor 14 f
    grep -q -e '--replace-all' err
    cmp f g
    "$envelope" rewrap -i p256.key --require-post-quantum --passphrase-file pw \
        --work-factor 14 f
    [ "$(strength_of f)" = 'yes yes yes yes ' ]
}
t 'rewrap lets none in, and none stay' rewraps

configured() { # LINE... - in the provider's section
    printf '%s\n' 'openssl_conf = init' '[init]' 'providers = p' '[p]' \
        'default = d' 'envelope = e' '[d]' 'activate = 1' '[e]' \
        'activate = 1' "$@" >openssl.cnf
}

by_configuration() {
    configured 'require-post-quantum = yes' 'recipients = p256.pub'
    export OPENSSL_CONF="$PWD/openssl.cnf"
    ! "$OPENSSL" enc -envelope -K 0 -in plain -out out 2>err || false
    grep -q 'recipient is not post-quantum' err
    refused "$envelope" -r p256.pub -o out plain
    configured 'require-post-quantum = no'
    "$envelope" -r p256.pub -o out plain
    "$envelope" -d -i p256.key out | cmp plain -
    configured 'require-post-quantum = perhaps'
    exits 1 "$envelope" -r p256.pub -o out -f plain
    grep -q 'require-post-quantum = perhaps' err
}
t 'the configuration of openssl may require it' by_configuration

# --- ML-KEM ---------------------------------------------------------------

if ! "$OPENSSL" list -key-managers | grep -q ML-KEM-768; then
    # The SubjectPublicKeyInfo of a hybrid key, and of an ML-KEM key.
    needs_newer() {
        for algorithm in 300a06082b060105050706 300b0609608648016503040402; do
            "$PYTHON" - "$algorithm" >new.pub <<'PYTHON'
import base64, sys
hybrid = len(sys.argv[1]) == 22
algorithm = bytes.fromhex(sys.argv[1]) + (b"\x3a" if hybrid else b"")
length = 1216 if hybrid else 1184
bits = b"\x03\x82" + (length + 1).to_bytes(2, "big") + bytes(length + 1)
body = algorithm + bits
spki = b"\x30\x82" + len(body).to_bytes(2, "big") + body
print("-----BEGIN PUBLIC KEY-----")
print(base64.encodebytes(spki).decode(), end="")
print("-----END PUBLIC KEY-----")
PYTHON
            exits 1 "$envelope" -r new.pub -o out plain
            grep -q 'OpenSSL 3.5 or newer' err
        done
    }
    need "$PYTHON"
    t 'an older OpenSSL says what is needed' needs_newer
    # The SubjectPublicKeyInfo of an ML-DSA-65 key
    signer_needs_newer() {
        "$PYTHON" - >sign.pub <<'PYTHON'
import base64
body = (bytes.fromhex("300b0609608648016503040312") + b"\x03\x82\x07\xa1"
        + bytes(1953))
spki = b"\x30\x82" + len(body).to_bytes(2, "big") + body
print("-----BEGIN PUBLIC KEY-----")
print(base64.encodebytes(spki).decode(), end="")
print("-----END PUBLIC KEY-----")
PYTHON
        "$envelope" -r p256.pub -o signed plain
        exits 1 "$envelope" -d -i p256.key --signed-by sign.pub signed >out
        grep -q 'ML-DSA keys need OpenSSL 3.5 or newer' err
        [ ! -s out ]
    }
    t 'so it does of who has signed' signer_needs_newer
    while [ $tests_run -lt $tests_planned ]; do
        skip_allowed "test $((tests_run + 1))" 'OpenSSL 3.5 has ML-KEM'
    done
    exit 0
fi

openssl_with() { # ARGUMENT... - the stock command, with our keys
    command=$1
    shift
    "$OPENSSL" "$command" -provider envelope -provider default "$@"
}

round_trips() {
    for type in mlkem768x25519 mlkem768 mlkem1024; do
        "$envelope" keygen -t "$type" -o "$type.key" >line
        grep -q "  $type  " line
        "$envelope" encrypt --require-post-quantum -r "$type.pub" -o out -f \
            plain 2>told
        [ ! -s told ]
        [ "$(strength_of out)" = 'yes yes yes yes ' ]
        "$envelope" -d -i "$type.key" out | cmp plain -
        exits 3 "$envelope" -d -i x25519.key out
        openssl_with pkey -in "$type.key" -pubout | cmp - "$type.pub"
        # The seed alone, which the other programs read: 64 bytes and X25519's.
        "$OPENSSL" asn1parse -in "$type.key" -noout -out private.der
        [ "$(wc -c <private.der)" -lt 120 ]
    done
}
t 'keys of ML-KEM, alone and with X25519' round_trips

mixed() {
    "$envelope" -r mlkem768x25519.pub -r x25519.pub -o out -f plain 2>told
    [ "$(grep -c '^hint: 1 of 2 recipients withstand' told)" -eq 1 ]
    [ "$(wc -l <told)" -eq 1 ]
    "$envelope" inspect out | grep -qx 'post-quantum:    no'
    refused "$envelope" encrypt --require-post-quantum -r mlkem768x25519.pub \
        -r x25519.pub -o out plain
    "$envelope" -r mlkem768x25519.pub --passphrase-file pw --work-factor 14 \
        -o out plain 2>told
    [ ! -s told ]
}
t 'who mixes them with others is told, once' mixed

with_passphrase() {
    "$envelope" keygen -t mlkem768x25519 --passphrase-file pw -o locked.key
    head -n 1 locked.key | grep -q 'BEGIN ENCRYPTED PRIVATE KEY'
    "$envelope" -r locked.pub -o out -f plain
    "$envelope" -d -i locked.key --passphrase-file pw out | cmp plain -
    echo wrong >wrong
    exits 3 "$envelope" -d -i locked.key --passphrase-file wrong out
    openssl_with genpkey -algorithm MLKEM768-X25519 -aes256 \
        -pass file:pw -out stock.key
    head -n 1 stock.key | grep -q 'BEGIN ENCRYPTED PRIVATE KEY'
    openssl_with pkey -in stock.key -passin file:pw -pubout -out stock.pub
    "$envelope" -r stock.pub -o out -f plain
    "$envelope" -d -i stock.key --passphrase-file pw out | cmp plain -
}
t 'the hybrid key may have a passphrase' with_passphrase

one_of_many() {
    cat x25519.pub mlkem768x25519.pub p256.pub locked.pub >many.pub
    "$envelope" -v -r many.pub -o out -f plain 2>told
    grep -q '4 keys of many.pub' told
    cat x448.key mlkem768x25519.key rsa3072.key >many.key
    "$envelope" -d -i many.key out | cmp plain -
    head -c 900 mlkem768x25519.pub >cut.pub
    exits 1 "$envelope" -r cut.pub -o cut plain
    sed '5s/..../AAAA/' many.pub >bad.pub
    "$envelope" -r bad.pub -o cut plain || [ ! -e cut ]
}
t 'one of several keys in a file' one_of_many

xwing() {
    # The seed of the draft's first example, and another one.
    {
        echo '-----BEGIN PRIVATE KEY-----'
        echo 'MDQCAQAwDQYLKwYBBAGD5i2ByHoEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f'
        echo '-----END PRIVATE KEY-----'
    } >xwing.key
    openssl_with pkey -in xwing.key -pubout -out xwing.pub
    "$envelope" fingerprint xwing.key xwing.pub | cut -d ' ' -f 1 | uniq -c \
        | grep -q '^ *2 '
    "$envelope" -r xwing.pub -o out -f plain
    "$envelope" -d -i xwing.key out | cmp plain -
}
t "X-Wing's private keys" xwing

with_certificate() {
    "$OPENSSL" req -x509 -newkey ed25519 -nodes -keyout ca.key -out ca.crt \
        -subj /CN=ca -days 30
    openssl_with x509 -new -force_pubkey mlkem768x25519.pub -subj /CN=ops \
        -CA ca.crt -CAkey ca.key -days 30 -out ops.crt
    "$envelope" -r ops.crt -o out -f plain
    "$envelope" -d -i mlkem768x25519.key -i ops.crt out | cmp plain -
    "$envelope" fingerprint ops.crt | grep -q mlkem768x25519
}
t 'a certificate with a hybrid key' with_certificate

other_faces() {
    export ENVELOPE_RECIPIENTS=mlkem768x25519.pub
    openssl_with enc -envelope -K 0 -in plain -out out
    export ENVELOPE_IDENTITIES=mlkem768x25519.key
    openssl_with enc -d -envelope -K 0 -in out | cmp plain -
    unset ENVELOPE_RECIPIENTS
    "$envelope" rewrap -r x25519.pub out
    "$envelope" -d -i x25519.key out | cmp plain -
    "$envelope" rewrap -i x25519.key -r mlkem768.pub out
    "$envelope" -d -i mlkem768.key out | cmp plain -
    "$envelope" rewrap -i mlkem768.key --add -r mlkem768.pub out >line
    grep -q kept line
}
t 'openssl enc and rewrap' other_faces

exits_one_of() { # COMMAND... - 3 or 5, and nothing comes out
    status=0
    "$@" >made 2>err || status=$?
    [ "$status" -eq 3 ] || [ "$status" -eq 5 ]
    [ ! -s made ]
}

damaged() {
    "$envelope" -r mlkem768x25519.pub -o out -f plain
    for at in 130 300 900 1150 1240 1290 1310; do
        cp out bad
        printf '\377' | dd of=bad bs=1 seek=$at conv=notrunc 2>.log
        cmp -s out bad || exits_one_of "$envelope" -d -i mlkem768x25519.key bad
    done
}
t 'a ciphertext that was altered opens nothing' damaged

signs() {
    "$envelope" keygen -t mldsa65 -o sign.key >line
    grep -q '  mldsa65  ' line
    "$envelope" -r mlkem768x25519.pub -s sign.key -o out -f plain
    "$envelope" -d -i mlkem768x25519.key --signed-by sign.pub out | cmp plain -
    "$envelope" inspect out | grep -q '^signer:  *ML-DSA-65; signature: unch'
    openssl_with pkey -in sign.key -pubout | cmp - sign.pub
    # The seed alone, as RFC 9881 prefers it: 32 bytes
    "$OPENSSL" asn1parse -in sign.key -noout -out private.der
    [ "$(wc -c <private.der)" -lt 60 ]
    "$envelope" keygen -t mldsa65 -o other.key >line
    exits 4 "$envelope" -d -i mlkem768x25519.key --signed-by other.pub out >got
    [ ! -s got ]
    exits 1 "$envelope" -r sign.pub -o none plain
    grep -q 'a key of type ML-DSA-65 can only sign' err
}
t 'ML-DSA-65 signs' signs
