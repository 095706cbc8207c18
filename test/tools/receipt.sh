#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# envelope encrypt --receipt: every field is true, and the receipt is there only if
# the envelope is.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 15
. "$srcdir/test/tools/command_support.sh"
need "$PYTHON"
set_up make_all

receipts() {
    "$PYTHON" "$srcdir/test/tools/receipts.py" "$@"
}

id_of() {
    "$envelope" fingerprint "$1" | cut -d ' ' -f 1
}

carriers() {
    for kind in raw tar xbstream; do
        exits 0 "$envelope" encrypt -r ops.pem -r ec.pem --carrier $kind \
            --piece-size 65536 --label host=db1 --label note='Größe "1"' \
            --receipt $kind.json -o $kind plain
        receipts check $kind.json $kind plain "$(id_of ops.pem)" \
            "$(id_of ec.pem)"
    done
}

borders() {
    for size in 0 1 16383 16384 16385 49152 65535 65536; do
        head -c $size plain >part
        for kind in raw tar xbstream; do
            "$envelope" encrypt -r ops.pem --carrier $kind --piece-size 65536 \
                --any-end -f --receipt b.json -o b part
            receipts check b.json b part "$(id_of ops.pem)"
            exits 0 "$envelope" verify --no-key --receipt b.json b >said
        done
    done
}

# As inspect says it: jq works on both.
as_inspect() {
    for kind in raw tar xbstream; do
        "$envelope" inspect --json $kind >now
        "$PYTHON" -c 'import json, sys
receipt, now = (json.load(open(name)) for name in sys.argv[1:])
both = set(receipt) & set(now)
assert both == {"file", "carrier", "scheme_name", "version", "scheme",
                "file_size", "plaintext_size", "payload_size", "header_size",
                "id", "labels", "post_quantum", "recipients",
                "signers"}, both
if now["carrier"] == "raw":
    assert now["length_fits"] is None
for name in both:
    assert receipt[name] == now[name], name' $kind.json now
    done
}

threads() {
    for n in 1 2 7; do
        "$envelope" encrypt -j$n -r ops.pem --carrier tar --piece-size 65536 -f \
            --receipt t.json -o t plain
        receipts check t.json t plain "$(id_of ops.pem)"
    done
    # None can be had
    (ulimit -u 1 && exec "$envelope" encrypt -r ops.pem -f --receipt t.json -o t \
        plain)
    receipts check t.json t plain "$(id_of ops.pem)"
}

# Other keys than public ones
keys() {
    "$envelope" encrypt --passphrase-file pw --work-factor 14 -f \
        --receipt k.json -o k plain
    receipts check k.json k plain "$(json_id k)"
    "$envelope" encrypt -k kek -f --receipt k.json -o k plain
    receipts check k.json k plain "$(json_id k)"
}

json_id() {
    "$envelope" inspect --json "$1" | sed 's/.*"recipients":.*"id":"\([^"]*\)".*/\1/'
}

standard_output() {
    "$envelope" encrypt -r ops.pem --receipt o.json <plain >o
    sed 's/"file":"-"/"file":"o"/' o.json >as_file
    ! cmp -s o.json as_file || false
    receipts check as_file o plain "$(id_of ops.pem)"
    "$envelope" encrypt -r ops.pem -f -o - --receipt o.json plain | cat >o
    sed 's/"file":"-"/"file":"o"/' o.json >as_file
    receipts check as_file o plain "$(id_of ops.pem)"
    # The receipt goes there
    "$envelope" encrypt -r ops.pem -f -o o --receipt - plain >o.json
    receipts check o.json o plain "$(id_of ops.pem)"
    exits 2 "$envelope" encrypt -r ops.pem --receipt - plain >out
    says_first 'standard output cannot be the envelope and its receipt'
    nothing out
}

program() {
    cd here
    exits 0 "$envelope" encrypt -r ../ops.pem -o out --receipt r -- cat ../plain
    receipts check r out ../plain "$(id_of ../ops.pem)"
    rm out r
    exits 7 "$envelope" encrypt -r ../ops.pem -o out --receipt r -- \
        sh -c 'cat ../plain; exit 3'
    only
    exits 7 "$envelope" encrypt -r ../ops.pem --receipt r -- \
        sh -c 'cat ../plain; kill -9 $$' >../out
    only
    : | exits 7 "$envelope" encrypt -r ../ops.pem --receipt r -o out
    only
    exits 8 "$envelope" encrypt -r ../ops.pem --receipt r -o out nosuch
    only
}

# What can be known is known before the data is read.
known_before() {
    cd here
    echo old >r
    exits 2 "$envelope" encrypt -r ../ops.pem --receipt r -o out ../plain
    says_that 'r exists; --force replaces it'
    only r
    [ "$(cat r)" = old ]
    rm r
    exits 1 "$envelope" encrypt -r ../ops.pem --receipt no/r -o out ../plain
    says_that 'no/r: '
    exits 1 "$envelope" encrypt -r ../ops.pem --receipt . -o out ../plain -f
    only
    exits 2 "$envelope" encrypt -r ../ops.pem --receipt out -o out ../plain -f
    says_first 'out cannot be the envelope and its receipt'
    cp ../ops.pem key
    exits 2 "$envelope" encrypt -r key --receipt key -o out ../plain -f
    cmp key ../ops.pem
    rm key
    cp ../plain in
    exits 2 "$envelope" encrypt -r ../ops.pem --receipt in -o out in -f
    cmp in ../plain
    rm in
    mkfifo pipe
    exits 2 "$envelope" encrypt -r ../ops.pem --receipt pipe -o out ../plain
    rm pipe
    exits 2 "$envelope" decrypt -i ../ops.key --receipt r ../sealed
    exits 2 "$envelope" encrypt -d -i ../ops.key --receipt r ../sealed
    only
}

# The envelope is there, and what is said of it is true.
full_disk() {
    cd here
    exits 1 "$envelope" encrypt -r ../ops.pem -f --receipt /dev/full -o out ../plain
    says_that '^envelope: /dev/full: .*No space left'
    hints 'the envelope itself is complete; only its receipt is missing'
    only out
    "$envelope" decrypt -i ../ops.key out | cmp - ../plain
    rm out
    # Nothing is there of one that failed
    exits 1 "$envelope" encrypt -r ../ops.pem -f -o /dev/full --receipt r ../plain
    only
}

# By another name; the receipt is known to be the envelope when that is there.
same_file() {
    cd here
    for force in '' -f; do
        exits 1 "$envelope" encrypt -r ../ops.pem $force -o out --receipt ./out \
            ../plain
        says_that '^envelope: ./out: '
        hints 'the envelope itself is complete'
        "$envelope" decrypt -i ../ops.key out | cmp - ../plain
        rm out
    done
    exits 1 "$envelope" encrypt -r ../ops.pem -f --receipt out ../plain >out
    "$envelope" decrypt -i ../ops.key out | cmp - ../plain
    only out
    rm out
}

# Somebody else makes the file meanwhile.
meanwhile() {
    cd here
    exits 1 "$envelope" encrypt -r ../ops.pem -o out --receipt r -- \
        sh -c 'cat ../plain; echo theirs >r'
    hints 'the envelope itself is complete'
    [ "$(cat r)" = theirs ]
    "$envelope" decrypt -i ../ops.key out | cmp - ../plain
    rm out r
    # With --force it is replaced
    exits 0 "$envelope" encrypt -r ../ops.pem -f -o out --receipt r -- \
        sh -c 'cat ../plain; echo theirs >r'
    receipts check r out ../plain "$(id_of ../ops.pem)"
    only out r
    rm out r
}

killed() {
    cd here
    for signal in TERM INT KILL; do
        mkfifo ../in
        timeout -s $signal 1 "$envelope" encrypt -r ../ops.pem -o out --receipt r \
            <../in & # INT is ignored there, but for timeout's child
        { cat ../plain && sleep 2; } >../in || :
        wait $! || :
        rm ../in
        [ ! -e r ]
        [ ! -e out ]
        rm -f .out.envelope
        only
    done
}

closed_pipe() {
    cd here
    ! into_closed "$envelope" encrypt -r ../ops.pem --receipt r ../plain || false
    only
    # Of the receipt, where SIGPIPE is ignored and where not
    for ignored in no yes; do
        status=0
        (
            [ $ignored = no ] || trap '' PIPE
            into_closed "$envelope" encrypt -r ../ops.pem -o out --receipt - \
                ../plain 2>../err
        ) || status=$?
        [ $status -eq 1 ]
        grep -q '^envelope: standard output: .*Broken pipe' ../err
        grep -q '^hint: the envelope itself is complete' ../err
        "$envelope" decrypt -i ../ops.key out | cmp - ../plain
        rm out
    done
}

# A name that is no UTF-8, or would harm a terminal
names() {
    cd here
    name=$(printf 'a\377\033[1m')
    "$envelope" encrypt -r ../ops.pem -o "$name" --receipt r ../plain
    "$PYTHON" -c 'import base64, json
name = base64.b64decode(json.load(open("r"))["file_base64"])
assert name == b"a\xff\x1b[1m"'
    ! LC_ALL=C grep -q "$(printf '\033')" r || false
    exits 0 "$envelope" verify --no-key --receipt r "$name" >../said
    rm "$name" r
}

# Each character of the labels becomes an escape.
large() {
    for i in $(seq 250); do
        printf -- '--label k%d=%s\n' "$i" "$(printf '\342\200\250%.0s' \
            $(seq 80))"
    done >labels
    # shellcheck disable=SC2046 # one option each
    exits 0 "$envelope" encrypt -r ops.pem $(cat labels) --receipt l.json -f -o l \
        plain
    "$PYTHON" -c 'import json
labels = json.load(open("l.json"))["labels"]
assert len(labels) == 250 and set(labels.values()) == {"\u2028" * 80}'
    exits 0 "$envelope" verify --no-key --receipt l.json l >said
}

t "every field, in each carrier" carriers
t "sizes at the borders of chunks and pieces" borders
t "the same words as inspect" as_inspect
t "threads" threads
t "a passphrase, a key-encryption key" keys
t "standard output" standard_output
t "a program that makes the data" program
t "what can be known before" known_before
t "a full disk" full_disk
t "a receipt that is the envelope" same_file
t "a file that appears meanwhile" meanwhile
t "killed" killed
t "closed pipes" closed_pipe
t "names" names
t "many labels" large
