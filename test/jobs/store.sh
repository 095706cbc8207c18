# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# A store, ./store, that envelope-receive serves, and its sender.  Sourced after
# program.sh and the plan, not run.
#
#   make_keys            ops.key and ops.pub; ./data, to be sent
#   sends STATUS NAME ARGUMENT...    envelope-send, with its messages in ./err; where
#                        it fails, nothing has that name
#   is_there NAME FILE   what opens is FILE, and its receipt is that of NAME
#   is_absent NAME
#   nothing_left         no transfer is left in the store
#   by_ssh_stand_in      ./ssh is the sender's ssh: it starts $forced as sshd does, with
#                        the PATH $store_path
#   make_stand_in
#   new_ssh NAME         another one: standard input is what it does with $command
#   asks STATUS COMMAND  of the store, with standard input; ./out and ./err
#   comes COMMAND...     wait until it ends with 0, for a minute or two at most

need base64 link openssl sha256sum
PATH=${envelope%/*}:$srcdir/jobs:$PATH

make_keys() {
    mkdir -p store/.incoming
    envelope keygen -o ops.key
    seq 200000 >data
}

is_absent() {
    for absent in "store/$1" "store/$1.json" "store/$1.json.sig"; do
        [ ! -e "$absent" ]
    done
}

sends() {
    sends_want=$1 sends_name=$2 sends_status=0
    shift 2
    envelope-send store "$sends_name" "$@" 2>err || sends_status=$?
    cat err >&2
    [ "$sends_status" -eq "$sends_want" ]
    if [ "$sends_want" -ne 0 ]; then
        tail -n 1 err | grep -q '^envelope-send: '
        is_absent "$sends_name"
    fi
}

is_there() {
    envelope decrypt -i ops.key "store/$1" | cmp - "$2"
    envelope verify --no-key --receipt "store/$1.json" "store/$1" >verified
    ! grep 'header rewrapped' verified || false
}

nothing_left() {
    [ -z "$(ls -A store/.incoming)" ]
}

comes() {
    tries=0
    until "$@" 2>/dev/null; do
        tries=$((tries + 1))
        [ $tries -lt 3000 ]
        sleep 0.02
    done
}

by_ssh_stand_in() {
    ENVELOPE_SSH=$tests_dir/ssh
    receive="envelope-receive $tests_dir/store"
    forced="$receive -r $tests_dir/ops.pub"
    store_path=$PATH
    export ENVELOPE_SSH forced store_path
}

new_ssh() {
    {
        echo '#!/bin/sh'
        echo "PATH=\$store_path command=\$2"
        cat
    } >"$1"
    chmod +x "$1"
}

make_stand_in() {
    new_ssh ssh <<'S'
SSH_ORIGINAL_COMMAND=$command exec sh -c "$forced"
S
}

asks() {
    asks_status=0
    # shellcheck disable=SC2029 # expanded here
    ./ssh store "$2" >out 2>err || asks_status=$?
    cat err >&2
    [ "$asks_status" -eq "$1" ]
}
