#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What is loaded beside the provider: OpenSSL's default one where the program has
# no other, and nothing where it has chosen one.
. "${srcdir:-.}/test/support/tap.sh"

plan 3
provider

# loaded NAMES ARGUMENT... - these are the providers then
loaded() {
    loaded=$1
    shift
    "$OPENSSL" list -providers "$@" >list
    # shellcheck disable=SC2046 # words
    [ "$(echo $(sed -n 's/^  \([a-z]*\)$/\1/p' list))" = "$loaded" ]
}

t 'alone, it brings the default one' loaded 'default envelope' \
    -provider envelope
t 'after another it brings none' loaded 'base envelope' \
    -provider base -provider envelope
t 'after the default one it brings none' loaded 'default envelope' \
    -provider default -provider envelope
