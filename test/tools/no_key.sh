#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# envelope verify --no-key: what a machine without a key can find, and what it never
# says.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 14
. "$srcdir/test/tools/command_support.sh"
need "$PYTHON"

make_envelopes() {
    make_all
    head -c 200000 plain >text
    for kind in raw tar xbstream; do
        "$envelope" encrypt -r ops.pem --carrier $kind --piece-size 65536 \
            --label host=db1 --receipt $kind.json -o $kind text
    done
}
set_up make_envelopes

receipts() {
    "$PYTHON" "$srcdir/test/tools/receipts.py" "$@"
}

carrier() {
    "$PYTHON" "$srcdir/test/interop/carrier.py" "$@"
}

no_key() {
    "$envelope" verify --no-key "$@"
}

with_receipt() {
    for kind in raw tar xbstream; do
        exits 0 no_key --receipt $kind.json $kind >said
        echo "$kind: data as in the receipt, 200000 bytes" | cmp - said
        exits 0 no_key --receipt $kind.json <$kind >said
        grep -qx 'standard input: data as in the receipt, 200000 bytes' said
        cat $kind | exits 0 no_key --receipt $kind.json - >said
        exits 0 no_key --receipt - $kind <$kind.json >said
        exits 0 no_key --receipt $kind.json -q $kind >said
        nothing said
    done
}

# Nothing says that the data is good.
without_receipt() {
    exits 0 no_key raw tar xbstream >said
    [ "$(wc -l <said)" -eq 3 ]
    [ "$(grep -c ': data not verified, there is no receipt; ' said)" -eq 3 ]
    ! grep -qE 'intact|: verified' said || false
    grep -q '^raw: .* for 200000 bytes, if it was not cut short$' said
    grep -q '^tar: .* for 200000 bytes$' said
    cat tar | exits 0 no_key >said
    # A byte of data is not looked at
    cp raw other
    flip other $(($(size_of raw) - 5000))
    exits 0 no_key other >said
    grep -q '^other: data not verified' said
    exits 5 no_key --receipt raw.json other
}

json() {
    exits 0 no_key --json --receipt raw.json raw >one
    exits 0 no_key --json tar >>one
    exits 5 no_key --json --receipt tar.json raw >>one
    exits 4 no_key --json text >>one
    exits 8 no_key --json nosuch >>one
    "$PYTHON" -c 'import json
a, b, c, d, e = map(json.loads, open("one"))
id = json.load(open("raw.json"))["id"]
assert a == {"file": "raw", "status": "ok", "carrier": "raw", "id": id,
             "payload_size": 200264, "plaintext_size": 200000,
             "data": "as in the receipt", "header": "as in the receipt",
             "signers": []}, a
assert b["data"] == b["header"] == "not verified" and b["status"] == "ok"
assert c["status"] == "damaged" and c["data"] == "not as in the receipt"
assert c["error"].startswith("not what the receipt says: it is of another")
assert d["status"] == "not-envelope" and d["data"] == "not verified"
assert e["status"] == "failed" and e["file"] == "nosuch"'
}

flipped() {
    for kind in raw tar xbstream; do
        receipts flips $kind.json $kind "$envelope" verify --no-key
    done
}

cut_and_longer() {
    for kind in raw tar xbstream; do
        receipts cuts $kind.json $kind "$envelope" verify --no-key
    done
}

# Only the header is another one.
rewrapped() {
    for kind in raw tar xbstream; do
        cp $kind now
        for how in --add --replace-all; do
            "$envelope" rewrap -i ops.key -r ops.pem -r ec.pem $how now
            exits 0 no_key --receipt $kind.json now >said
            grep -qx 'now: data as in the receipt, 200000 bytes; header rewrapped or replaced' \
                said
        done
        "$envelope" rewrap -i ec.key --remove "$("$envelope" fingerprint ops.pem \
            | cut -d ' ' -f 1)" -f -o new now
        exits 0 no_key --receipt $kind.json new >said
        grep -q '; header rewrapped or replaced$' said
        exits 0 no_key --json --receipt $kind.json now >said
        grep -q '"header":"rewrapped or replaced"' said
    done
}

# A carrier is no part of the stream.
repacked() {
    for from in raw tar xbstream; do
        carrier join $from >joined
        exits 0 no_key --receipt $from.json joined >said
        grep -qx 'joined: data as in the receipt, 200000 bytes' said
        for to in tar xbstream; do
            carrier split $to --piece-size 131072 joined >packed
            exits 0 no_key --receipt $from.json packed >said
            grep -qx 'packed: data as in the receipt, 200000 bytes' said
        done
    done
    mkdir x
    tar -xf tar -C x
    (cd x && tar --sort=name --format=pax -cf - ./envelope) >packed
    exits 0 no_key --receipt tar.json packed >said
    exits 0 no_key packed >said
}

other_receipt() {
    "$envelope" encrypt -r ops.pem --receipt another.json -o another text
    exits 5 no_key --receipt another.json raw
    says_first "raw: $(reason RECEIPT): it is of another envelope, or the first bytes of the data are damaged"
    # Another label in the same place is other data
    sed 's/host=db1/host=db2/' raw >label
    exits 5 no_key --receipt raw.json label
    says_first "label: $(reason RECEIPT): the labels are others"
}

bad_receipts() {
    receipts bad raw.json raw "$envelope" verify --no-key
    exits 1 no_key --receipt nosuch raw
    exits 1 no_key --receipt . raw
    exits 1 no_key --receipt /dev/zero raw
    says_that 'it has more than 8388608 bytes$'
    mkfifo pipe
    exits 1 no_key --receipt pipe raw
    rm pipe
    sed 's/"receipt_version":1/"receipt_version":2/' raw.json >later
    exits 1 no_key --receipt later raw
    says_that 'it is a receipt of version 2, .* a later release may read it$'
}

# A flipped bit of a receipt is found, or it changes nothing that is compared.
flipped_receipt() {
    size=$(size_of raw.json)
    for at in $(seq 0 13 $((size - 1))); do
        cp raw.json flipped
        flip flipped "$at" 4
        status=0
        no_key --receipt flipped raw >said 2>err || status=$?
        case $status in
        0) grep -q '^raw: data as in the receipt' said ;;
        1) says_that '^envelope: flipped: .*it is no receipt' ;;
        *) [ $status -eq 5 ] ;;
        esac
    done
}

hostile() {
    : >empty
    exits 5 no_key empty
    printf x >one
    exits 4 no_key one
    exits 4 no_key text
    head -c "$(header_length raw)" raw >cut
    exits 5 no_key cut
    head -c $(($(header_length raw) + 56)) raw >cut
    exits 5 no_key cut
    # The key envelope is no CMS message
    cp raw broken
    flip broken $((32 + 9 + 1)) 255
    exits 5 no_key broken
    says_that "$(reason KEY_ENVELOPE)"
    for vector in "$srcdir"/test/fuzz/corpus/open/*; do
        status=0
        timeout 60 "$envelope" verify --no-key "$vector" >said 2>err || status=$?
        case $status in
        0 | 4 | 5) ;;
        *) false ;;
        esac
    done
}

labels() {
    exits 0 no_key --require-label host=db1 raw >said
    exits 4 no_key --require-label host=db2 raw
}

many() {
    exits 5 no_key raw empty tar nosuch >said
    [ "$(wc -l <said)" -eq 2 ]
    printf 'raw\ntar\n' | exits 0 no_key --files-from - >said
    mkfifo fifo
    exits 1 no_key fifo
    exits 1 no_key --progress=json .
}

words() {
    exits 2 no_key --receipt raw.json raw tar
    says_first 'a receipt is of one envelope, and here are 2 files: verify one after the other'
    exits 2 no_key --receipt - <raw
    exits 2 "$envelope" verify -i ops.key --receipt raw.json raw
    says_first '--receipt goes with --no-key here: with a key no receipt is needed'
    for option in '-i ops.key' '--passphrase-file pw' '-k kek' '-p'; do
        # shellcheck disable=SC2086
        exits 2 no_key $option raw
        says_that '^envelope: --no-key and --[a-z-]* do not go together$'
    done
    for option in '--part 1/2' --parts --keep-going --header; do
        # shellcheck disable=SC2086
        exits 2 no_key $option raw
    done
    exits 1 no_key raw >/dev/full
}

t "with a receipt" with_receipt
t "without a receipt" without_receipt
t "for programs" json
t "each flipped bit is found" flipped
t "each lost or added byte is found" cut_and_longer
t "after a rewrap" rewrapped
t "in another archive" repacked
t "a receipt of another envelope" other_receipt
t "what is no receipt" bad_receipts
t "a flipped bit in a receipt" flipped_receipt
t "what is no envelope" hostile
t "required labels" labels
t "many files" many
t "words" words
