#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# envelope-receive by itself, as a hostile sender calls it: requests, receipts,
# transfers that are not his; and what stays in the store when something went wrong.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 5
not_sanitized 'it is about scripts'
. "$srcdir/test/jobs/store.sh"

by_ssh_stand_in

make_store() {
    make_keys
    make_stand_in
    envelope keygen -o other.key
}

long=$(printf '%0200d' 0)
newline='
'
# shellcheck disable=SC2016 # nothing is to be expanded
not_allowed() {
    : >before
    find . ! -name err ! -name out | sort >before
    for command in '' ' ' put 'put ' 'put  x' 'put x ' 'put x y' ' put x' 'PUT x' \
        'put ../x' 'put /x' 'put .x' 'put -x' 'put --help' 'put .incoming/x' 'put *' \
        'put x; touch y' 'put $(touch y)' 'put `touch y`' 'put x&touch y' 'put x\y' \
        'put x.json' 'put x.json.sig' "put x${newline}y" "put x$newline" \
        "${newline}put x" "put é" "put 0$long" 'put-plain' 'put-plain ../x' \
        'publish' 'publish x' 'publish a/b c' 'publish ../aaaaaaa c' \
        'publish aaaaaaaaaa c d' 'publish aaaaaaaaa c' 'publish .......... c' \
        'publish aaaaaaaaaa ../c' 'publish ?????????? c' 'publish  c' \
        'abandon aaaaaaaaaa' 'abandon . x' 'get x' 'ls' 'cat a' 'sh -c ls' \
        '/usr/lib/openssh/sftp-server' 'cleanup' 'put_plain x' 'remove_old x'; do
        asks 2 "$command" <data
        grep -q '^envelope-receive: refused' err
    done
    asks 2 "put $(head -c 100000 /dev/zero | tr '\0' a)" <data
    find . ! -name err ! -name out | sort | diff before -
    asks 0 "put $long" <data
    asks 0 "abandon $(cat out) $long" <data
    nothing_left
}

# sent NAME - a transfer as the sender leaves it before it is published
sent() {
    envelope encrypt -r ops.pub --receipt receipt -o sealed -f data
    asks 0 "put $1" <sealed
    id=$(cat out)
    { cat receipt && echo; } >proof
}

refused() { # COMMAND - and after that the transfer is no more
    asks 1 "$1"
    is_absent c
    nothing_left
}

bad_receipts() {
    envelope encrypt -r ops.pub --receipt other -o sealed2 data
    { cat other && echo; } >other-proof
    sent c && refused "publish $id c" <other-proof
    for length in 0 1 500 "$(($(size_of receipt) - 1))" "$(size_of receipt)"; do
        head -c "$length" proof >part
        sent c && refused "publish $id c" <part
    done
    { cat receipt && echo 'no base64!'; } >part
    sent c && refused "publish $id c" <part
    sent c && head -c 20000000 /dev/zero | refused "publish $id c"
    grep -q 'the receipt is too long' err
    sent c && { cat proof proof; } | refused "publish $id c"
    # What it has of its sum is another sum.
    asks 0 'put-plain c' <data
    id=$(cat out)
    echo "$(openssl dgst -sha256 -r <data | cut -c 1-63)0  -" >part
    refused "publish $id c" <part
}

not_this_transfer() {
    sent c
    for command in 'publish aaaaaaaaaa c' "publish $id d" "abandon $id d"; do
        asks 1 "$command" <proof
        grep -q 'nothing of this name has arrived' err
    done
    asks 0 "publish $id c" <proof
    is_there c data
    asks 1 "publish $id c" <proof
    rm store/c store/c.json
    sent c
    asks 0 "abandon $id c"
    asks 1 "publish $id c" <proof
    is_absent c
    nothing_left
}

# The disk has changed it meanwhile: the data, its header, or its length.
stored_is_damaged() {
    for offset in 30 200 500000; do
        sent c
        flip "store/.incoming/$id/data" $offset
        refused "publish $id c" <proof
    done
    sent c
    echo more >>"store/.incoming/$id/data"
    refused "publish $id c" <proof
    sent c
    envelope rewrap -i ops.key -r other.pub "store/.incoming/$id/data"
    refused "publish $id c" <proof
    grep -q 'its header is not that of its receipt' err
}

left_overs() {
    for name in old fresh future; do
        sent $name
        echo "$id" >$name.id
        cp proof $name.proof
    done
    find "store/.incoming/$(cat old.id)" -exec touch -d '2 days ago' '{}' +
    find "store/.incoming/$(cat fresh.id)" -exec touch -d '2 days ago' '{}' +
    touch "store/.incoming/$(cat fresh.id)/data"
    # The clock was set back.
    find "store/.incoming/$(cat future.id)" -exec touch -d '2 days' '{}' +
    sends 0 next -r ops.pub -- cat data
    asks 1 "publish $(cat old.id) old" <old.proof
    for name in fresh future; do
        asks 0 "publish $(cat $name.id) $name" <$name.proof
    done
    nothing_left
}

set_up make_store
t "what nobody may ask for" not_allowed
t "receipts of other files, cut, or too long" bad_receipts
t "another transfer" not_this_transfer
t "what is damaged in the store" stored_is_damaged
t "what was left over" left_overs
