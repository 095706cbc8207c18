#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# More than 4 GiB through a pipe and in a file: no counter of 32 bits overflows,
# and memory stays flat.  It takes long: only with ENVELOPE_SLOW=1.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 3

length=${ENVELOPE_LARGE_LENGTH:-4294967301} # 4 GiB + 5

if [ -z "${ENVELOPE_SLOW-}" ]; then
    # The one skip that ENVELOPE_NO_SKIP allows
    result 0 'a stream of 4 GiB and 5 bytes' 'SKIP set ENVELOPE_SLOW=1'
    result 0 'its size' 'SKIP set ENVELOPE_SLOW=1'
    result 0 'a file of that size' 'SKIP set ENVELOPE_SLOW=1'
    exit 0
fi
provider

k=$("$OPENSSL" rand -hex 32)

# stage NAME COMMAND... - one part of the pipe; its status goes to ./NAME
stage() {
    stage_name=$1
    shift
    stage_status=0
    "$@" || stage_status=$?
    echo $stage_status >"$stage_name"
}

zeros() {
    head -c "$length" /dev/zero
}

# A leak of a byte in a chunk would not show; a stream that is kept would.
# shellcheck disable=SC2086 # $enc is words
there_and_back() {
    # Sanitizers want terabytes of it.
    [ -n "${ENVELOPE_SANITIZED-}" ] || ulimit -v 1000000 # KiB
    zeros | stage sealed $enc -K "$k" \
        | stage opened $enc -d -K "$k" | { zeros | cmp - /dev/fd/3; } 3<&0
    [ "$(cat sealed)" -eq 0 ]
    [ "$(cat opened)" -eq 0 ]
}

# shellcheck disable=SC2086
right_size() {
    echo tiny | $enc -K "$k" -out tiny.env
    zeros | stage sealed $enc -K "$k" | wc -c >size
    [ "$(cat sealed)" -eq 0 ]
    want=$(($(header_length tiny.env) + 56 + length
        + 16 * (length / 16384 + 1)))
    [ "$(cat size)" -eq $want ]
}

# The end is of this file, and of none of its length modulo 4 GiB.
file() {
    new_key ops -algorithm X25519
    truncate -s $((length - 7)) large
    printf 'the end' >>large
    "$envelope" encrypt -r ops.pem --carrier tar <large >large.tar
    "$envelope" inspect --json large.tar \
        | grep -q "\"plaintext_size\": *$length,"
    [ "$("$envelope" decrypt -i ops.key --range $((length - 7)):10 large.tar)" \
        = 'the end' ]
    "$envelope" decrypt -i ops.key --sparse --no-fsync -o got large.tar
    cmp large got
    rm large large.tar got
}

t 'a stream of 4 GiB and 5 bytes' there_and_back
t 'its size' right_size
t 'a file of that size' file
