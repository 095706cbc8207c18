#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A host with FIPS alone gets algorithms of FIPS alone.

. "${srcdir:-.}/test/support/tap.sh"

plan 6
. "$srcdir/test/provider/faces.sh"
fips=$top_builddir/test/provider/fips/.libs/fips.so

# fips_conf LINE-OF-INIT LINE-OF-OURS PROVIDER... - in this order
fips_conf() {
    in_init=$1 in_ours=$2
    shift 2
    {
        printf 'openssl_conf = init\n[init]\n%s\nproviders = providers\n' \
            "$in_init"
        echo '[providers]'
        for name in "$@"; do
            echo "$name = ${name}_section"
        done
        printf '[fips_section]\nactivate = 1\nmodule = %s\n' "$fips"
        printf '[base_section]\nactivate = 1\n'
        printf '[envelope_section]\nactivate = 1\n%s\n' "$in_ours"
        printf '[alg]\ndefault_properties = fips=yes\n'
    } >openssl.cnf
}

# Nothing of the default provider is in the program.
fips_alone() {
    OPENSSL_CONF=openssl.cnf "$OPENSSL" list -providers >list
    grep -q '^ *fips$' list
    ! grep -q '^ *default$' list || false
    ! OPENSSL_CONF=openssl.cnf "$OPENSSL" dgst -md5 plain || false
    OPENSSL_CONF=openssl.cnf "$OPENSSL" dgst -sha256 plain
}

fips_host() { # LINE-OF-INIT LINE-OF-OURS PROVIDER...
    fips_conf "$@"
    fips_alone
    works
}

# It is the algorithms of FIPS that are used: without them nothing works.
fips_gone() {
    fips_conf 'alg_section = alg' '' base envelope
    OPENSSL_CONF=openssl.cnf
    export OPENSSL_CONF
    for one in $faces; do
        ! face "$one" 2>err || false
        nothing out
        cat err >&2
    done
    grep -qF "$(reason NO_ALGORITHM)" err
}

# -propquery -fips is what the manual says for openssl enc.
without_query() {
    fips_conf 'alg_section = alg' '' fips base envelope
    fails any env OPENSSL_CONF=openssl.cnf ENVELOPE_RECIPIENTS=ops.pem \
        "$OPENSSL" enc -envelope -K 0 -in plain -out out
}

t 'FIPS by our own setting' \
    fips_host '' 'properties = fips=yes' fips base envelope
t 'FIPS by default properties' \
    fips_host 'alg_section = alg' '' fips base envelope
t 'FIPS by default properties, envelope first' \
    fips_host 'alg_section = alg' '' envelope fips base
t 'FIPS by its providers alone, envelope first' \
    fips_host '' '' envelope base fips
t 'FIPS that is not there' fips_gone
t 'openssl enc needs a query there' without_query
