#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The worked example of doc/format.md opens a stream, as it stands there.
. "${srcdir:-.}/test/cli/tap.sh"

plan 3
provider

# The code block of a language in section 9.
block() {
    sed -n '/^## 9/,$p' "$srcdir/doc/format.md" |
        sed -n '/^```'"$1"'$/,/^```$/p' | sed '/^```/d'
}

make_stream() {
    $OPENSSL genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 \
        -out ops.key
    $OPENSSL pkey -in ops.key -pubout -out ops.pem
    $OPENSSL rand 100000 >data
    ENVELOPE_RECIPIENTS=ops.pem $enc -K 0 -in data -out data.env
}

cut_out() {
    block sh >cut.sh
    sh -eu cut.sh
    test "$(stat -c %s dek)" -eq 32
}

open_it() {
    block python >open.py
    "$PYTHON" -c 'import cryptography' \
        || echo "Python's cryptography package is not installed" >"$TEST_LACKS"
    env -u OPENSSL_MODULES "$PYTHON" open.py >data.new
    cmp data data.new
}

t "a stream for an EC key" make_stream
t "the shell part prints the data key" cut_out
t "the Python part prints the text" open_it
