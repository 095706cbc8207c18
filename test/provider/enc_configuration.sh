#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# openssl enc takes its keys from openssl.cnf, and ends with an error where the
# algorithms that openssl.cnf asks for are not there.

. "${srcdir:-.}/test/support/tap.sh"

plan 13
. "$srcdir/test/provider/enc_key.sh"

make_these() {
    make_keys
    make_stored
    seal_to p256.pem:escrow.crt plain p256.env
}
set_up make_these

# --- openssl.cnf ----------------------------------------------------------

# conf WITH-DEFAULT LINE... - ./openssl.cnf, LINEs in the provider's section
conf() {
    {
        echo 'openssl_conf = init'
        echo '[init]'
        echo 'providers = providers'
        echo '[providers]'
        echo 'envelope = envelope_section'
        [ "$1" = no ] || echo 'default = default_section'
        echo '[default_section]'
        echo 'activate = 1'
        echo '[envelope_section]'
        shift
        printf '%s\n' "$@"
    } >openssl.cnf
}

configured() { # ARGUMENT...
    OPENSSL_CONF=openssl.cnf "$OPENSSL" enc -envelope "$@"
}

from_conf() { # WITH-DEFAULT
    conf "$1" 'activate = 1' 'recipients = p256.pem:escrow.crt' \
        'identities = p256.key' 'threads = 2'
    configured -K 0 -in plain -out conf.env
    open_with escrow.key conf.env out
    cmp plain out
    configured -d -K 0 -in conf.env -out out
    cmp plain out
}

# shellcheck disable=SC2086
conf_with_option() {
    conf no 'recipients = p256.pem' 'identities = p256.key'
    env OPENSSL_CONF=openssl.cnf $enc -K 0 -in plain -out conf.env
    env OPENSSL_CONF=openssl.cnf $enc -d -K 0 -in conf.env -out out
    cmp plain out
}

conf_with_path() {
    conf no 'activate = 1' "module = $OPENSSL_MODULES/envelope.so" \
        'recipients = p256.pem' 'identities = p256.key'
    unset OPENSSL_MODULES
    configured -K 0 -in plain -out conf.env
    configured -d -K 0 -in conf.env -out out
    cmp plain out
}

conf_without_lists() {
    conf yes 'activate = 1'
    configured -K "$k" -in plain -out conf.env
    configured -d -K "$k" -in conf.env -out out
    cmp plain out
    configured -pass file:pw -pbkdf2 -in plain -out conf.env
    configured -d -pass file:pw -pbkdf2 -in conf.env -out out
    cmp plain out
}

conf_passphrase_file() {
    conf yes 'activate = 1' 'identities = stored.key' 'passphrase-file = pw'
    configured -d -K 0 -in p256.env -out out
    cmp plain out
}

environment_wins() {
    conf no 'activate = 1' 'recipients = escrow.crt' \
        'identities = escrow.key'
    ENVELOPE_RECIPIENTS=x448.pem
    export ENVELOPE_RECIPIENTS
    configured -K 0 -in plain -out conf.env
    fails NO_MATCH configured -d -K 0 -in conf.env -out out
    nothing out
    ENVELOPE_IDENTITIES=x448.key
    export ENVELOPE_IDENTITIES
    configured -d -K 0 -in conf.env -out out
    cmp plain out
}

conf_and_key() {
    conf no 'activate = 1' 'recipients = escrow.crt'
    fails AMBIGUOUS_KEY configured -K "$k" -in plain -out out
    nothing out
}

conf_threads() { # VALUE
    conf no 'activate = 1' "threads = $1"
    fails CONFIGURATION configured -K "$k" -in plain -out out
    nothing out
}

t 'openssl.cnf with the default provider' from_conf yes
t 'openssl.cnf without the default provider' from_conf no
t 'openssl.cnf where -provider activates' conf_with_option
t 'openssl.cnf that says where the module is' conf_with_path
t 'openssl.cnf without lists' conf_without_lists
t 'openssl.cnf with a passphrase file' conf_passphrase_file
t 'the environment goes before openssl.cnf' environment_wins
t 'recipients in openssl.cnf and a key are refused' conf_and_key
t 'threads that are no number are refused' conf_threads many
t 'too many threads are refused' conf_threads 65

# --- algorithms -----------------------------------------------------------

no_algorithm() { # REASON PROPERTIES
    cat >nowhere.cnf <<CNF
openssl_conf = init
[init]
providers = providers
[providers]
envelope = envelope
[envelope]
activate = 1
properties = $2
CNF
    fails "$1" env OPENSSL_CONF=nowhere.cnf "$OPENSSL" enc -envelope \
        -K "$("$OPENSSL" rand -hex 32)" -in plain -out out
    grep -qF "properties $2;" err ||
        grep -qF "nowhere.cnf: section [envelope]: properties = $2: " err
}

t 'no provider with the name asked for' no_algorithm NO_ALGORITHM \
    provider=nowhere
t 'no provider with the properties asked for' no_algorithm NO_ALGORITHM \
    fips=yes
t 'properties that cannot be read are not ignored' no_algorithm CONFIGURATION \
    'fips=,=yes'
