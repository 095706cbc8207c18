#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# An openssl.cnf that is missing or cannot be read is never passed over, and
# neither is what it includes.

. "${srcdir:-.}/test/support/tap.sh"

plan 8
. "$srcdir/test/provider/faces.sh"

mkdir dir

# Root may read everywhere, unless the right to is given up.
unprivileged=
[ "$(id -u)" -ne 0 ] \
    || unprivileged='setpriv --bounding-set -dac_override,-dac_read_search'

missing_file() {
    conf_name=$PWD/nowhere.cnf
    refused nowhere.cnf command archive
    OPENSSL_CONF=$conf_name
    export OPENSSL_CONF
    ENVELOPE_RECIPIENTS=ops.pem
    export ENVELOPE_RECIPIENTS
    fails CONFIGURATION "$OPENSSL" enc -provider envelope -envelope -K 0 \
        -in plain -out out
    nothing out
}

unreadable_file() {
    conf_name=$PWD/dir
    refused 'directory' command archive
    as=$unprivileged
    good >openssl.cnf
    chmod 0 openssl.cnf
    conf_name=$PWD/openssl.cnf
    refused openssl.cnf command archive
    chmod 600 openssl.cnf
}

# libcrypto's word for none
empty_name() {
    OPENSSL_CONF=
    export OPENSSL_CONF
    face command
    back command
    face archive
    back archive
    OPENSSL_CONF=/dev/null
    face command
    back command
}

no_name() {
    unset OPENSSL_CONF
    face command
    back command
    face archive
    back archive
}

included() {
    good | sed -n '/^\[envelope_section/,$p' >included.cnf
    {
        good | sed '/^\[envelope_section/,$d'
        echo ".include $PWD/included.cnf"
    } >openssl.cnf
    works
    sed 's/^threads/tread/' included.cnf >bad && mv bad included.cnf
    refused 'tread'
    rm included.cnf
    refused "$PWD/included.cnf" command archive
}

# including LINE... - above our section, which goes on in what is included
including() {
    { good && printf '%s\n' "$@"; } >openssl.cnf
}

included_well() {
    mkdir some some/sub.d none.d
    echo 'properties = provider=default' >some/ours.cnf
    echo 'propertys =' >some/not.txt
    for include in ".include $PWD/some/ours.cnf" \
        ".include = $PWD/some/ours.cnf" ".include $PWD/some" \
        ".include $PWD/none.d" .include\ some/ours.cnf; do
        including "$include"
        works
    done
    including '.pragma = abspath:true' ".pragma = includedir:$PWD/some" \
        '.include ours.cnf'
    works
    including ".include some" ".include $PWD/none.d" '.include some'
    (OPENSSL_CONF_INCLUDE=$PWD && export OPENSSL_CONF_INCLUDE && works)
    rm -r some none.d
}

# What is lost may be what matters most, whatever else is there.
included_nowhere() {
    for include in ".include $PWD/nowhere.cnf" ".include = nowhere.cnf" \
        '.include nowhere.d/'; do
        including "$include"
        refused nowhere
    done
    echo '.include nowhere.cnf' >more.cnf
    including '.include more.cnf'
    refused nowhere.cnf
    echo '.include nowhere.cnf' >openssl.cnf
    refused nowhere.cnf command archive
    with_provider nowhere.cnf '1i .include nowhere.cnf'
    mkdir more.d
    echo '.include none.d' >more.d/more.cnf
    mkdir none.d
    including '.include more.d'
    refused none.d
    rm -r more.cnf more.d none.d
}

# libcrypto leaves this file out, or that of a directory, or the directory.
included_unreadable() {
    as=$unprivileged
    lost='openssl.cnf: what it includes cannot be read'
    mkdir closed.d
    echo 'properties = fips=yes' >closed.d/ours.cnf
    chmod 0 closed.d/ours.cnf
    including ".include $PWD/closed.d/ours.cnf"
    refused closed.d/ours.cnf command archive
    refused "$lost" enc
    including ".include $PWD/closed.d"
    refused closed.d/ours.cnf command archive
    refused "$lost" enc
    chmod 600 closed.d/ours.cnf
    chmod 0 closed.d
    refused "$lost"
    mkdir open.d
    including ".include $PWD/closed.d" ".include $PWD/open.d"
    refused "$lost"
    chmod 700 closed.d
    rm -r closed.d open.d
}

t 'a file that is not there' missing_file
if $unprivileged true; then
    t 'a file that cannot be read' unreadable_file
    t 'what is included cannot be read' included_unreadable
else
    skip 'a file that cannot be read' 'setpriv is not installed'
    skip 'what is included cannot be read' 'setpriv is not installed'
fi
t 'no file by an empty name' empty_name
t 'no name, and the file of the system' no_name
t 'files that are included' included
t 'what is included, in all the ways there are' included_well
t 'what is included is not there' included_nowhere
