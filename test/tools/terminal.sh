#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The envelope command at a terminal: passphrases, progress, and what a
# terminal must not get.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 13
provider

# at_terminal STATUS STEP... -- COMMAND... - what the terminal showed is in ./out
at_terminal() {
    want=$1 status=0
    shift
    "$PYTHON" "$srcdir/test/tools/pty.py" --timeout 30 "$@" >out || status=$?
    cat -v out
    [ "$status" -eq "$want" ]
}

make_all() {
    new_key ops -algorithm X25519
    head -c 300000 /dev/urandom >plain
    "$envelope" -r ops.pem -o sealed plain
    echo secret >pw
    "$OPENSSL" pkey -in ops.key -aes256 -passout file:pw -out locked.key
}

encrypts() {
    at_terminal 0 'expect:Passphrase for the envelope' echo:off 'send:swordfish\n' \
        'expect:again' 'send:swordfish\n' \
        -- "$envelope" -p --work-factor 14 -o pass plain
    ! grep swordfish out || false
    echo swordfish >typed
    "$envelope" -d --passphrase-file typed pass | cmp - plain
}

# Only there: in a pipe the environment may say for whom.
shows_usage() {
    at_terminal 2 -- "$envelope"
    grep -q '^usage: envelope COMMAND' out
    exits 1 "$envelope" </dev/null
    grep -qF "$(reason NO_RECIPIENT)" err
    ENVELOPE_RECIPIENTS=ops.pem "$envelope" <plain >by_environment
    "$envelope" -d -i ops.key by_environment | cmp - plain
}

differ() {
    at_terminal 1 expect:Passphrase echo:off 'send:one\n' expect:again \
        'send:two\n' -- "$envelope" -p -o none plain
    grep -q "^envelope: $(reason PASSPHRASE_NEEDED)" out
    [ ! -e none ]
}

decrypts() {
    rm -f got
    at_terminal 0 expect:Passphrase echo:off 'send:swordfish\n' \
        -- "$envelope" -d -p -o got pass
    cmp got plain
    ! grep again out || false
    at_terminal 3 expect:Passphrase echo:off 'send:wrong\n' \
        -- "$envelope" -d -p -f -o got pass
    grep -q "$(reason WRONG_KEY)" out
    cmp got plain
}

# Standard input may be the data.
asks_beside_data() {
    at_terminal 0 expect:Passphrase echo:off 'send:swordfish\n' \
        -- sh -c '"$0" -d -p <pass >got' "$envelope"
    cmp got plain
}

stored_key() {
    at_terminal 0 expect:locked.key echo:off 'send:secret\n' \
        -- sh -c '"$0" -d -i locked.key sealed >got' "$envelope"
    cmp got plain
    at_terminal 3 expect:locked.key echo:off 'send:guess\n' \
        -- sh -c '"$0" -d -i locked.key sealed >got' "$envelope"
    nothing got
}

makes_locked_key() {
    at_terminal 0 expect:Passphrase echo:off 'send:a b c\n' expect:again \
        'send:a b c\n' -- "$envelope" keygen -p -o new.key
    "$OPENSSL" pkey -in new.key -passin 'pass:a b c' -noout
}

interrupted() {
    at_terminal 130 expect:Passphrase echo:off 'send:\x03' \
        -- "$envelope" -d -p -o none pass
    [ ! -e none ]
}

not_to_a_terminal() {
    at_terminal 2 -- "$envelope" -r ops.pem plain
    grep -q 'terminal' out
    [ "$(size_of out)" -lt 1000 ]
    # Nor is an envelope typed.
    at_terminal 2 -- "$envelope" -d -i ops.key
    grep -q 'terminal' out
}

keygen_not_to_a_terminal() {
    at_terminal 2 -- "$envelope" keygen
    ! grep -q 'PRIVATE KEY' out || false
}

progress() {
    at_terminal 0 -- "$envelope" -r ops.pem -f -o made --progress plain
    grep -q '293 KiB\|300.000\|KiB' out
    at_terminal 0 -- "$envelope" -r ops.pem -f -o made --progress=none plain
    nothing out
    "$envelope" -r ops.pem -f -o made --progress=json plain 2>lines
    tail -n 1 lines | "$PYTHON" -c 'import json, sys
last = json.load(sys.stdin)
assert last["done"] and last["bytes"] == last["total"] == 300000, last'
}

one_line_by_signal() {
    mkfifo wait
    "$envelope" -r ops.pem <wait >made 2>lines &
    pid=$!
    exec 9>wait
    n=0
    until catches_usr1 $pid; do
        n=$((n + 1))
        [ $n -lt 200 ]
        sleep 0.05
    done
    # Before it reads there is nothing to tell, and it says nothing.
    asked=0
    until [ -s lines ]; do
        asked=$((asked + 1))
        [ $asked -lt 200 ]
        kill -USR1 $pid
        sleep 0.1
    done
    echo data >&9
    exec 9>&-
    wait $pid
    [ "$(wc -l <lines)" -ge 1 ]
    [ "$(wc -l <lines)" -le $asked ]
}

t "keys and envelopes" make_all
t "a passphrase is asked for twice, without echo" encrypts
t "two that differ" differ
t "a passphrase to decrypt" decrypts
t "the terminal is asked, not standard input" asks_beside_data
t "a key that is stored encrypted" stored_key
t "a key to be stored encrypted" makes_locked_key
t "^C at the question" interrupted
t "no word at all" shows_usage
t "no binary data to a terminal, and none from it" not_to_a_terminal
t "no private key to a terminal" keygen_not_to_a_terminal
t "progress" progress
t "one line at SIGUSR1" one_line_by_signal
