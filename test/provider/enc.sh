#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# openssl enc seals and opens with a key or a passphrase, in all sizes, through
# pipes, in buffers of any size and in base64.

. "${srcdir:-.}/test/support/tap.sh"

plan 35
. "$srcdir/test/provider/enc_key.sh"
: "${CC:=cc}"

make_these() {
    make_keys
    echo hi >hi
}
set_up make_these

# --- keys and passphrases -------------------------------------------------

# shellcheck disable=SC2086
with_pass() {
    $enc -pass file:pw -pbkdf2 -in plain -out pass.env
    $enc -d -pass file:pw -pbkdf2 -in pass.env -out out
    cmp plain out
}

# shellcheck disable=SC2086
wrong_pass() {
    fails WRONG_KEY $enc -d -pass file:other.pw -pbkdf2 -in pass.env -out out
    nothing out
}

with_key() {
    seal plain key.env
    open key.env out
    cmp plain out
}

# shellcheck disable=SC2086
wrong_key() {
    fails WRONG_KEY $enc -d -K "$other_k" -in key.env -out out
    nothing out
}

# shellcheck disable=SC2086
short_key() { # DIGITS
    digits=$(echo "$k" | cut -c "1-$1")
    fails SHORT_KEY $enc -K "$digits" -in plain -out out
    nothing out
    fails SHORT_KEY $enc -d -K "$digits" -in key.env -out out
    nothing out
}

two_streams_differ() {
    seal plain one
    seal plain two
    [ "$(size_of one)" -eq "$(size_of two)" ]
    for offset in 32 "$(header_length one)"; do
        ! cmp -s -i "$offset" one two || false
    done
}

t 'a passphrase seals and opens' with_pass
t 'another passphrase does not open' wrong_pass
t 'a key seals and opens' with_key
t 'another key does not open' wrong_key
t 'a -K of 128 bits is refused' short_key 32
t 'a -K of 8 bits is refused' short_key 2
t 'one text never gives one stream twice' two_streams_differ

# --- sizes, pipes, base64 -------------------------------------------------

right_size() { # LENGTH
    head -c "$1" /dev/urandom >in
    seal in out.env
    want=$(($(header_length out.env) + 56 + $1 + 16 * ($1 / chunk + 1)))
    [ "$(size_of out.env)" -eq "$want" ]
    open out.env out
    cmp in out
    seal_to p256.pem:escrow.crt in out.env
    want=$(($(header_length out.env) + 56 + $1 + 16 * ($1 / chunk + 1)))
    [ "$(size_of out.env)" -eq "$want" ]
    open_with escrow.key out.env out
    cmp in out
}

# shellcheck disable=SC2002,SC2086 # a pipe is what is tested
pipes() {
    cat plain | $enc -K "$k" | $enc -d -K "$k" | cat >out
    cmp plain out
}

# shellcheck disable=SC2086
slow_pipe() {
    { head -c 10 plain; sleep 0.2; tail -c +11 plain; } | $enc -K "$k" \
        | { head -c 40; sleep 0.2; cat; } | $enc -d -K "$k" >out
    cmp plain out
}

buffers() { # SIZE
    head -c 20000 plain >in
    seal in buffers.env -bufsize "$1"
    open buffers.env out -bufsize "$1"
    cmp in out
}

in_base64() { # ARGUMENT...
    seal plain base64.env "$@"
    ! LC_ALL=C grep -q '[^A-Za-z0-9+/=]' base64.env || false
    open base64.env out "$@"
    cmp plain out
}

cms_base64_is_the_same() {
    "$OPENSSL" base64 -d -in base64.env -out unwrapped
    open unwrapped out
    cmp plain out
}

for size in 0 1 16 16383 16384 16385 32768 1048576; do
    t "$size bytes: the size of FORMAT 1, and back" right_size "$size"
done
t 'through pipes' pipes
t 'through pipes that give little at first' slow_pipe
for size in 1 100 4096 16400 1000000; do
    t "in buffers of $size bytes" buffers "$size"
done
t 'in base64 on one line' in_base64 -base64 -A
t 'in base64' in_base64 -base64
t 'the base64 is that of an envelope' cms_base64_is_the_same

# --- readers that go away, disks that are full ----------------------------

ends_badly() { # STATUS
    [ "$1" -ne 0 ]
    [ "$1" -ne 124 ] # timeout(1)
}

# shellcheck disable=SC2086
closed_pipe() { # ARGUMENT...
    {
        status=0
        timeout 60 $enc -K "$k" "$@" || status=$?
        echo $status >status
    } | head -c 1 >first
    [ "$(size_of first)" -eq 1 ]
    ends_badly "$(cat status)"
}

# shellcheck disable=SC2086
full_disk() { # ARGUMENT...
    $enc -K "$k" "$@" >out
    [ -s out ]
    status=0
    timeout 60 $enc -K "$k" "$@" >/dev/full || status=$?
    ends_badly $status
    status=0
    timeout 60 $enc -K "$k" "$@" -out /dev/full || status=$?
    ends_badly $status
}

make_envelopes() {
    head -c 4000000 /dev/zero >larger
    seal larger larger.env
    seal hi hi.env
}

t 'large envelopes can be made' make_envelopes
t 'sealing into a closed pipe' closed_pipe -in larger
t 'opening into a closed pipe' closed_pipe -d -in larger.env
if [ -c /dev/full ]; then
    t 'sealing onto a full disk' full_disk -in larger
    t 'sealing a little onto a full disk' full_disk -in hi
    t 'opening onto a full disk' full_disk -d -in larger.env
    t 'opening a little onto a full disk' full_disk -d -in hi.env
else
    for name in 1 2 3 4; do
        skip "full disk $name" 'there is no /dev/full'
    done
fi

# --- one buffer for all ---------------------------------------------------

# PHP's calls, in a program of its own: PHP 8.2 finds only the ciphers that
# libcrypto has by itself.
make_one_shot() {
    "$CC" -o one_shot "$srcdir/test/provider/one_shot.c" -lcrypto
    head -c 1600000 /dev/urandom >fitting
    head -c 2000000 /dev/urandom >unfitting
}

# one_shot VALGRIND-OR-ENV... - "env" runs it as it is
one_shot() {
    for file in empty hi plain fitting; do
        env ENVELOPE_RECIPIENTS=p256.pem "$@" ./one_shot encrypt $file shot.env
        env ENVELOPE_IDENTITIES=p256.key "$@" ./one_shot decrypt shot.env out
        cmp $file out
    done
    rm -f out
    fails OUTPUT_ROOM env ENVELOPE_RECIPIENTS=p256.pem \
        "$@" ./one_shot encrypt unfitting out
    nothing out
}

if [ -n "${ENVELOPE_SANITIZED-}" ]; then
    for name in 1 2 3; do
        skip_allowed "one buffer $name" 'test/provider/test_room has the same'
    done
else
    t 'a program with the calls of PHP can be made' make_one_shot
    t 'one buffer for an update and the final call' one_shot env
    if command -v valgrind >/dev/null 2>&1; then
        # GCM in assembler has it see uninitialised bytes where there are none.
        t 'the same under valgrind' \
            one_shot valgrind -q --error-exitcode=9 --undef-value-errors=no
    else
        skip 'the same under valgrind' 'valgrind is not installed'
    fi
fi
