#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The same as pkcs11.sh by a provider, pkcs11-provider: an EC key that never
# leaves a PKCS#11 token opens an envelope by its URI, in openssl enc, in the
# command, in bsdtar.  SoftHSM has no OAEP with SHA-256, so no RSA key is used.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"
. "$srcdir/test/faces/hardware.sh"
. "$srcdir/test/faces/token.sh"

# Debian has it from 13 on.
modules=$("$OPENSSL" version -m | cut -d '"' -f 2)
if [ ! -f "$modules/pkcs11.so" ] && grep -qs '^VERSION_ID="12"' /etc/os-release
then
    plan 1
    skip_allowed 'a token by a provider' 'this Debian has no pkcs11-provider'
    exit 0
fi
plan 19
[ -f "$modules/pkcs11.so" ] || skip_rest 'pkcs11-provider is not installed'
need_token

# What OPENSSL_MODULES names has the module of this project.
cat >openssl.cnf <<CONF
openssl_conf = openssl_init
[openssl_init]
providers = providers
[providers]
default = default_section
pkcs11 = pkcs11_section
[default_section]
activate = 1
[pkcs11_section]
module = $modules/pkcs11.so
pkcs11-module-path = $module
pkcs11-module-quirks = no-deinit
activate = 1
CONF

# Without the engine's help
configure() {
    OPENSSL_CONF=$tests_dir/openssl.cnf OPENSSL_ENGINES=$tests_dir
    export OPENSSL_CONF OPENSSL_ENGINES
}

seals_to_token() { # URI
    "$envelope" -r "$1" <plain >public.env
    with_pin opens "$ec" public.env
}

fingerprints_agree() {
    "$envelope" fingerprint ops.pub | sed 's/ *[^ ]*$//' >want
    for type in '' ';type=public'; do
        "$envelope" fingerprint "pkcs11:token=backup;object=ops$type" \
            </dev/null | sed 's/ *[^ ]*$//' | cmp - want
    done
}

# The provider has a question of its own for standard error, where nobody has
# answered ours.
without_pin() {
    status=0
    "$envelope" -d -i "$ec" -o out ops.env </dev/null 2>err || status=$?
    cat err
    [ $status -eq 3 ]
    grep -q "^envelope: .*$(reason PASSPHRASE_NEEDED): .* asks for a PIN" err
    [ ! -e out ]
}

t 'a token is made' make_token
t 'it makes a P-256 key' \
    make_token_key ops 01 --key-type EC:prime256v1 --usage-derive
t 'it makes another one' \
    make_token_key other 02 --key-type EC:prime256v1 --usage-derive
configure
t 'openssl enc opens with the key' with_pin opens "$ec" ops.env
t 'the PIN may come from pin-source' \
    opens "$ec?pin-source=file:$tests_dir/pin.raw" ops.env
t 'a key in the token is a recipient' seals_to_token \
    'pkcs11:token=backup;object=ops'
t 'so is one that is named as public' seals_to_token \
    'pkcs11:token=backup;object=ops;type=public'
t 'another key in the token does not open' with_pin openssl_refuses NO_MATCH \
    'EC key' 'pkcs11:token=backup;object=other;type=private' ops.env
t 'the command decrypts' with_pin command_decrypts "$ec" ops.env
t 'it verifies several files' \
    with_pin command_verifies "$ec" ops.env ops.env ops.env
t 'it rewraps' with_pin command_rewraps "$ec" ops.env
t 'it shows the fingerprint without a PIN' fingerprints_agree
t 'bsdtar reads' with_pin archive_opens "$ec" ops.pub
nothing='nothing is found there: a word of it is wrong, or the PIN'
t 'a wrong PIN does not open' command_refuses \
    "$(reason UNREADABLE_KEY): $ec: $nothing" "$ec?pin-value=314159" ops.env
t 'nor does none' without_pin
t 'a key that is not there is named' with_pin command_refuses \
    "$(reason UNREADABLE_KEY): pkcs11:token=backup;object=none: $nothing" \
    'pkcs11:token=backup;object=none' ops.env
t 'no message has a PIN' hides_pins "$ec?pin-value=314159" \
    'pkcs11:token=none?pin-value=314159'
t 'a P-256 key in the token signs' \
    signs ecsign 11 --key-type EC:prime256v1 --usage-sign
t 'an RSA key in the token signs' \
    signs rsasign 12 --key-type rsa:2048 --usage-sign
