#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# envelope encrypt --label-sha256: the label is the file's, and nothing is kept where
# it cannot be.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 6
. "$srcdir/test/tools/command_support.sh"
need sha256sum
set_up make_all

sum() {
    sha256sum | cut -d ' ' -f 1
}

# has VALUE - the envelope e has the label
has() {
    exits 0 "$envelope" verify --no-key --require-label "sum=$1" e >said
}

encrypt() {
    timeout 60 "$envelope" encrypt -r ops.pem --label-sha256 sum -f -o e "$@"
}

value() {
    : >empty
    head -c 300001 plain >odd
    for file in plain empty odd; do
        exits 0 encrypt --label host=db1 $file
        has "$(sum <$file)"
        exits 0 "$envelope" verify --no-key --require-label host=db1 e >said
        "$envelope" decrypt -i ops.key e | cmp - $file
    done
    exits 0 encrypt plain
    exits 4 "$envelope" verify --no-key --require-label "sum=$(sum <odd)" e >said
}

# A descriptor of a file is one, from where it stands.
descriptor() {
    exits 0 encrypt <plain
    has "$(sum <plain)"
    { dd bs=1 count=10 of=/dev/null 2>/dev/null && exits 0 encrypt; } <plain
    "$envelope" decrypt -i ops.key e >got
    tail -c +11 plain | cmp - got
    has "$(sum <got)"
}

cannot_be_read_twice() {
    rm -f e
    cat plain | exits 2 encrypt
    says_that 'wants a file: it is read twice'
    exits 2 encrypt -- cat plain
    says_that 'wants a file: it is read twice'
    exits 2 encrypt /dev/null
    mkfifo pipe
    cat plain >pipe &
    exits 2 encrypt pipe
    wait $! || :
    rm pipe
    [ ! -e e ]
}

# What is no label is refused as such.
no_key() {
    for key in '' a=b =; do
        exits 2 "$envelope" encrypt -r ops.pem --label-sha256 "$key" -o e plain
        says_that 'label-sha256 wants the key of a label'
    done
    exits 2 "$envelope" encrypt -r ops.pem --label-sha256 "$(printf 'a\nb')" -o e \
        plain
    exits 2 "$envelope" encrypt -r ops.pem --label sum=1 --label-sha256 sum -o e \
        plain
    [ ! -e e ]
    exits 2 "$envelope" decrypt -i ops.key --label-sha256 sum sealed
}

# It is encrypted by the time that there is something to read.
changes() {
    head -c 20000000 /dev/zero >growing
    mkfifo out
    "$envelope" encrypt -r ops.pem --label-sha256 sum -f -o out growing 2>err &
    pid=$!
    {
        head -c 1 >/dev/null
        "$@"
        cat >/dev/null
    } <out
    status=0
    wait $pid || status=$?
    [ $status -eq 1 ]
    says_that '^envelope: growing: .*it changed while it was read'
    rm growing out
}

t "the label is the file's SHA-256" value
t "standard input that is a file" descriptor
t "what cannot be read twice" cannot_be_read_twice
t "a key that is none" no_key
t "a file that grows meanwhile" changes sh -c 'echo more >>growing'
t "a file that is written again" changes sh -c \
    'printf x | dd of=growing bs=1 seek=19999999 conv=notrunc'
