#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The worked examples of doc/format.md open streams, as they stand there.
. "${srcdir:-.}/test/support/tap.sh"

plan 8
provider

# block LANGUAGE NUMBER - a code block of section 9
block() {
    sed -n '/^## 9/,/^## 10/p' "$srcdir/doc/format.md" \
        | awk -v start='```'"$1" -v wanted="$2" '
            $0 == start { number++; inside = 1; next }
            /^```$/ { inside = 0 }
            inside && number == wanted'
}

lacks_python() {
    "$PYTHON" -c 'import cryptography' \
        || echo "Python's cryptography package is not installed" >"$TEST_LACKS"
}

# The stock command does not know this project.
stranger() {
    env -u OPENSSL_MODULES -u ENVELOPE_RECIPIENTS "$@"
}

make_stream() {
    $OPENSSL genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 \
        -out ops.key
    $OPENSSL pkey -in ops.key -pubout -out ops.pem
    $OPENSSL rand 100000 >data
    ENVELOPE_RECIPIENTS=ops.pem $enc -K 0 -in data -out data.env
}

cut_out() {
    block sh 1 >cut.sh
    stranger sh -eu cut.sh
    test "$(stat -c %s dek)" -eq 32
}

open_it() {
    block python 1 >open.py
    lacks_python
    stranger "$PYTHON" open.py >data.new
    cmp data data.new
}

t "a stream for an EC key" make_stream
t "the shell part prints the data key" cut_out
t "the Python part prints the text" open_it

# cut_key - key.p7m of data.env, and no dek
cut_key() {
    block sh 1 | sed '/^openssl cms/d' >cut.sh
    stranger sh -eu cut.sh
    rm -f dek data.new
}

# text - the data key that was made is that of the stream
text() {
    stranger "$PYTHON" open.py >data.new
    cmp data data.new
}

by_kek() {
    $OPENSSL rand -hex 32 >kek.hex
    $enc -K "$(cat kek.hex)" -in data -out data.env
    cut_key
    block sh 2 >step.sh
    stranger sh -eu step.sh
    lacks_python
    text
}

by_passphrase() {
    echo 'correct horse' >pw
    "${top_builddir:?}/envelope" -r ops.pem --passphrase-file pw \
        --work-factor 14 -o data.env -f data
    cut_key
    block sh 3 >step.sh
    stranger sh -eu step.sh
    lacks_python
    text
}

by_x25519() {
    $OPENSSL genpkey -algorithm X25519 -out ops.key
    $OPENSSL pkey -in ops.key -pubout -out x25519.pem
    ENVELOPE_RECIPIENTS=ops.pem:x25519.pem $enc -K 0 -in data -out data.env
    cut_key
    block python 2 >step.py
    lacks_python
    stranger "$PYTHON" step.py
    text
}

by_hybrid() {
    "${top_builddir:?}/envelope" keygen -t mlkem768x25519 -o ops.key -f
    ENVELOPE_RECIPIENTS=ops.pem:x25519.pem:ops.pub $enc -K 0 -in data \
        -out data.env
    cut_key
    block python 3 >step.py
    lacks_python
    stranger "$PYTHON" step.py
    text
}

all_blocks() {
    [ -n "$(block sh 3)" ]
    [ -z "$(block sh 4)" ]
    [ -n "$(block python 3)" ]
    [ -z "$(block python 4)" ]
}

t "with a key-encryption key" by_kek
t "with a passphrase" by_passphrase
t "with an X25519 key" by_x25519
if $OPENSSL list -key-managers | grep -q ML-KEM-768; then
    t "with a hybrid key" by_hybrid
else
    skip_allowed "with a hybrid key" 'OpenSSL 3.5 has ML-KEM'
fi
t "there are no other blocks" all_blocks
