#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A private key that never leaves a PKCS#11 token opens an envelope by its URI,
# in openssl enc, in the command, in bsdtar.  The token is SoftHSM's, in the
# test's directory; OpenSSL 3 reaches it by the engine of libp11.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"
. "$srcdir/test/faces/hardware.sh"
. "$srcdir/test/faces/token.sh"

plan 36
"$OPENSSL" engine pkcs11 >/dev/null 2>&1 \
    || skip_rest 'libp11 is not installed for this libcrypto'
need_token
# libp11 keeps its tables of methods for ever, and builds some at the very end.
if [ -n "${ENVELOPE_SANITIZED-}" ]; then
    printf 'leak:%s\n' ENGINE_by_id OPENSSL_cleanup >lsan.supp
    ASAN_OPTIONS=${ASAN_OPTIONS-}:fast_unwind_on_malloc=0
    LSAN_OPTIONS=suppressions=$tests_dir/lsan.supp:print_suppressions=0
    export ASAN_OPTIONS LSAN_OPTIONS
fi

rsa='pkcs11:token=backup;object=old;type=private'

# --- keys -----------------------------------------------------------------

# Keys that were made elsewhere; the one with a certificate has its name.
import_keys() {
    new_ec p384 P-384
    new_cert p384
    "$OPENSSL" pkey -in p384.key -outform DER -out p384.der
    token --write-object p384.der --type privkey --label p384 --id 03 \
        --usage-derive
    "$OPENSSL" pkey -pubin -in p384.pem -outform DER -out p384.der
    token --write-object p384.der --type pubkey --label p384 --id 03
    new_rsa imported 2048
    softhsm2-util --import imported.key --token backup --label imported \
        --id 04 --pin 271828
    seal_to p384.crt plain p384.env
    seal_to imported.pem plain imported.env
}

# --- openssl enc ----------------------------------------------------------

# Neither takes the token, or its PIN.
seals_to_token() { # LABEL IDENTITY MORE-OF-THE-URI
    seal_to "pkcs11:token=backup;object=$1$3" plain public.env
    with_pin opens "$2" public.env
}

# --- the command ----------------------------------------------------------

typed() {
    "$PYTHON" "$srcdir/test/tools/pty.py" --timeout 30 \
        "expect:Passphrase for $ec:" echo:off 'send:271828\n' \
        -- "$envelope" -d -i "$ec" -o got ops.env
    cmp got plain
}

fingerprints_agree() {
    "$envelope" fingerprint ops.pub old.pub | sed 's/ *[^ ]*$//' >want
    "$envelope" fingerprint 'pkcs11:token=backup;object=ops' \
        'pkcs11:token=backup;object=old' | sed 's/ *[^ ]*$//' \
        | cmp - want
}

# Where an application would ask again, a token would lock itself.
one_attempt() {
    ENVELOPE_PASSPHRASE_FILE=other.pin
    export ENVELOPE_PASSPHRASE_FILE
    exits 3 timeout 60 "$envelope" verify -i "$ec" ops.env ops.env ops.env
    [ "$(grep -c '^envelope: .*PIN incorrect$' err)" -eq 1 ]
    grep -q '^hint: no file after it was looked at' err
}

# libp11 itself has a line about it.
without_module() {
    status=0
    env PKCS11_MODULE_PATH=/nowhere.so "$envelope" -d -i "$ec" -o out ops.env \
        2>err || status=$?
    cat err
    [ $status -eq 3 ]
    grep -q '^envelope: .*Unable to load PKCS#11 module$' err
    [ ! -e out ]
}

without_engine() {
    OPENSSL_ENGINES=$tests_dir
    export OPENSSL_ENGINES
    command_refuses "no provider opens it, and there is no engine \"pkcs11\"" \
        "$ec" ops.env
    command_refuses 'there is no engine "none"' org.openssl.engine:none:x \
        ops.env
}

t 'a token is made' make_token
t 'it makes a P-256 key' \
    make_token_key ops 01 --key-type EC:prime256v1 --usage-derive
t 'it makes an RSA key' make_token_key old 02 --key-type rsa:2048 --usage-decrypt
t 'it takes keys that are there' import_keys
t 'openssl enc opens with the EC key' with_pin opens "$ec" ops.env
t 'openssl enc opens with the RSA key' with_pin opens "$rsa" old.env
t 'and with an imported EC key, by its certificate' \
    with_pin opens 'pkcs11:token=backup;id=%03' p384.env
t 'and with an imported RSA key' \
    with_pin opens 'pkcs11:token=backup;object=imported' imported.env
t 'the PIN may come from pin-source' \
    opens "$ec?pin-source=file:$tests_dir/pin.raw" ops.env
t 'the engine may be named' \
    with_pin opens "org.openssl.engine:pkcs11:$rsa" old.env
t 'a key in a file works beside it' \
    with_pin opens "$(printf '%s\nimported.key' "$ec")" imported.env
t 'an EC key in the token is a recipient' seals_to_token ops "$ec" ''
t 'an RSA key in the token is a recipient' seals_to_token old "$rsa" ''
t 'so is one that is named as public' seals_to_token ops "$ec" ';type=public'
t 'another key in the token does not open' \
    with_pin openssl_refuses NO_MATCH 'EC key' "$rsa" ops.env
t 'a wrong PIN does not' openssl_refuses UNREADABLE_KEY 'PIN incorrect' \
    "$ec?pin-value=314159" ops.env
t 'it does not without a PIN' \
    openssl_refuses PASSPHRASE_NEEDED 'asks for a PIN' "$ec" ops.env
t 'the command decrypts with the EC key' with_pin command_decrypts "$ec" ops.env
t 'the command decrypts with the RSA key' \
    with_pin command_decrypts "$rsa" old.env
t 'it verifies several files' \
    with_pin command_verifies "$ec" ops.env ops.env ops.env
t 'it rewraps with the EC key' with_pin command_rewraps "$ec" ops.env
t 'it rewraps with the RSA key' with_pin command_rewraps "$rsa" old.env
t 'the terminal is asked for the PIN' typed
t 'it shows the fingerprint without a PIN' fingerprints_agree
t 'bsdtar reads with the EC key' with_pin archive_opens "$ec" ops.pub
t 'another key in the token does not open there' \
    with_pin command_refuses "$(reason NO_MATCH)" "$rsa" ops.env
t 'a wrong PIN is tried once' one_attempt
t 'it does not open without a PIN' \
    command_refuses "$(reason PASSPHRASE_NEEDED): .* asks for a PIN" "$ec" ops.env
t 'a key that is not there is named' with_pin command_refuses \
    "$(reason UNREADABLE_KEY): pkcs11:token=backup;object=none: object not found" \
    'pkcs11:token=backup;object=none' ops.env
t 'so is a token' with_pin command_refuses \
    "$(reason UNREADABLE_KEY): pkcs11:token=none;object=ops: object not found" \
    'pkcs11:token=none;object=ops' ops.env
t 'a URI that is none is refused' with_pin command_refuses \
    "$(reason UNREADABLE_KEY): pkcs11:x=y: invalid id" 'pkcs11:x=y' ops.env
t 'no message has a PIN' hides_pins "$ec?pin-value=314159" \
    "$ec;pin-value=314159" "org.openssl.engine:pkcs11:$ec?pin-value=314159" \
    'pkcs11:token=none?pin-value=314159' 'pkcs11:x=y?pin-value=314159' \
    'other://x?pin-value=314159'
t 'a module that is not there is told of' without_module
t 'so is the engine' without_engine
t 'a P-256 key in the token signs' \
    signs ecsign 11 --key-type EC:prime256v1 --usage-sign
t 'an RSA key in the token signs' \
    signs rsasign 12 --key-type rsa:2048 --usage-sign
