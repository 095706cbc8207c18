#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Envelopes in a store that rclone writes to, over WebDAV on loopback.  What came
# through a broken pipe, or was cut, is refused by every reader, and with the lines of
# envelope-jobs(7) it never gets the name of a backup.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 8
not_sanitized 'it is about scripts'
provider
need bash rclone split tar
PATH=${envelope%/*}:$PATH

HOME=$tests_dir
RCLONE_CONFIG=$tests_dir/rclone.conf
RCLONE_CONFIG_STORE_TYPE=webdav
RCLONE_CONFIG_STORE_VENDOR=other
RCLONE_RETRIES=1 RCLONE_LOW_LEVEL_RETRIES=1 RCLONE_CONTIMEOUT=10s
export HOME RCLONE_CONFIG RCLONE_CONFIG_STORE_TYPE RCLONE_CONFIG_STORE_VENDOR
export RCLONE_RETRIES RCLONE_LOW_LEVEL_RETRIES RCLONE_CONTIMEOUT
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy

server=
stop_server() {
    [ -n "$server" ] || return 0
    kill -KILL "$server" 2>/dev/null
    wait "$server" 2>/dev/null
    server=
}
# shellcheck disable=SC2034 # of tap.sh
cleanup=stop_server

# Its port goes to the remote store:, whose files are in ./served.
start_server() {
    rclone serve webdav --addr 127.0.0.1:0 served >serve.log 2>&1 &
    server=$!
    waits grep -q 'http://127' serve.log || skip_rest 'rclone does not serve WebDAV'
    RCLONE_CONFIG_STORE_URL=$(sed -n 's,.*\(http://127[^ ]*\).*,\1,p' serve.log)
    export RCLONE_CONFIG_STORE_URL
}

make_data() {
    : >rclone.conf
    mkdir -p served folder tree
    envelope keygen -o ops.key
    steady_text 3000000 >tree/data
    for name in a.env 'b c.env' -d.env; do
        echo "$name" >text
        envelope encrypt -r ops.pub --receipt "./$name.json" -o "folder/$name" text
    done
}

folder() {
    rclone copy folder store:nightly
    rclone check --download folder store:nightly
    rclone copy store:nightly back
    for name in a.env 'b c.env' -d.env; do
        echo "$name" >text
        envelope verify --no-key --receipt "./$name.json" "back/$name"
        rclone cat "store:nightly/$name" | envelope decrypt -i ops.key | cmp text -
    done
}

# puts NAME COMMAND... - what it writes, as the page does it
puts() {
    bash -c 'set -o pipefail
        name=$1
        shift
        envelope encrypt -r ops.pub --receipt "$name.json" -- "$@" |
            rclone rcat "store:$name.part" &&
            rclone cat "store:$name.part" |
            envelope verify --no-key --receipt "$name.json" &&
            rclone moveto "store:$name.part" "store:$name"' bash "$@"
}

from_a_pipe() {
    rm -rf tree.env.json few.env.json whole
    puts tree.env tar -cf - tree
    test ! -e served/tree.env.part
    mkdir whole
    rclone cat store:tree.env | envelope decrypt -i ops.key -- tar -xf - -C whole
    diff -r tree whole/tree
    # Of few bytes, which rclone sends in another way
    puts few.env echo few
    [ "$(rclone cat store:few.env | envelope decrypt -i ops.key)" = few ]
}

# refused FILE RECEIPT - by everyone who reads it
refused() {
    exits 5 envelope verify -i ops.key "$1"
    exits 5 envelope decrypt -i ops.key -o back.data "$1"
    test ! -e back.data
    status=0
    envelope verify --no-key --receipt "$2" "$1" || status=$?
    [ $status -eq 5 ]
}

# rclone takes the end of a pipe for the end of the data: so not under that name.
broken_pipe() {
    status=0
    bash -c 'set -o pipefail
        envelope encrypt -r ops.pub -- sh -c "cat tree/data; exit 3" |
            rclone rcat store:half.env' || status=$?
    [ "$status" -eq 7 ]
    test -s served/half.env
    refused served/half.env tree.env.json
    cp served/tree.env before
    cp tree.env.json old.json
    rm tree.env.json
    status=0
    puts tree.env sh -c 'cat tree/data; kill -KILL $$' || status=$?
    [ $status -eq 7 ]
    cmp before served/tree.env
    test ! -e tree.env.json
    refused served/tree.env.part old.json
    # The next run is as ever.
    puts tree.env cat tree/data
    rclone cat store:tree.env | envelope decrypt -i ops.key | cmp tree/data -
}

# begins FILE - some of it has come to the server
begins() {
    waits test -s "$1"
}

# killed FILE COMMAND... - rclone, in the middle of what it sends
killed() {
    killed_file=$1
    shift
    "$@" --bwlimit 1M &
    pid=$!
    begins "$killed_file"
    kill -KILL $pid
    status=0
    wait $pid || status=$?
    [ $status -eq 137 ]
}

cut_transfer() {
    # At that rate it takes 20 seconds, and is killed before.
    truncate -s 20M large
    envelope encrypt -r ops.pub --receipt large.json -o folder/large.env large
    killed served/cut/large.env rclone copy folder store:cut
    [ "$(size_of served/cut/large.env)" -lt "$(size_of folder/large.env)" ]
    refused served/cut/large.env large.json
    # It is sent again, and is whole.
    rclone copy folder store:cut
    envelope verify --no-key --receipt large.json served/cut/large.env
    cmp folder/large.env served/cut/large.env
}

lost_server() {
    rm -rf served/lost
    rclone copy --bwlimit 1M folder store:lost 2>lost.log &
    pid=$!
    begins served/lost/large.env
    kill -KILL "$1"
    status=0
    wait $pid || status=$?
    [ $status -ne 0 ]
    status=0
    puts lost.env cat tree/data || status=$?
    [ $status -ne 0 ]
    test ! -e served/lost.env
}

# Each volume is an object, and none of them is on this disk.
volumes() {
    bash -c 'set -o pipefail
        envelope encrypt -r ops.pub --receipt volumes.json -- cat tree/data |
            split -d -a 4 -b 1M --filter="rclone rcat store:volumes/\$FILE" - env.'
    [ "$(ls served/volumes)" = 'env.0000
env.0001
env.0002' ]
    cat served/volumes/env.* | envelope verify --no-key --receipt volumes.json
    status=0
    bash -c 'set -o pipefail
        envelope encrypt -r ops.pub -- cat tree/data |
            split -d -a 4 -b 1M --filter="cat >/dev/null; exit 3" - env.' || status=$?
    [ $status -ne 0 ]
}

# A store that is not there
no_store() {
    status=0
    puts again.env cat tree/data || status=$?
    [ $status -ne 0 ]
    # The receipt is that of what was sent; there is no object of it.
    test ! -e served/again.env
}

set_up make_data
start_server
t "a folder of envelopes" folder
t "from a pipe" from_a_pipe
t "a pipe that breaks" broken_pipe
t "a transfer that is cut" cut_transfer
t "volumes" volumes
t "a server that is gone in the middle" lost_server "$server"
t "a server that is not there" no_store
stop_server
start_server
t "and is there again" from_a_pipe
