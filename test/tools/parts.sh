#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Several machines do a part of an envelope each: the parts are the whole, damage is
# found by exactly one of them, and nothing less than all is called whole.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 13
. "$srcdir/test/tools/command_support.sh"
set_up make_all

# proves N FILE - all parts, each verified by itself, to ./lines
proves() {
    : >lines
    for i in $(seq "$1"); do
        "$envelope" verify -i ops.key --part "$i/$1" --json "$2" >>lines
    done
}

all_equal() {
    for carrier in raw tar xbstream; do
        "$envelope" encrypt -r ops.pem --carrier $carrier --piece-size 65536 \
            -f -o e.$carrier plain
    done
    for carrier in raw tar xbstream; do
        for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
            : >got
            for i in $(seq $n); do
                "$envelope" decrypt -i ops.key --part $i/$n e.$carrier >>got
            done
            cmp plain got
        done
    done
}

whole() {
    for carrier in raw tar xbstream; do
        for n in 1 2 7 16; do
            proves $n e.$carrier
            test "$(wc -l <lines)" -eq $n
            exits 0 "$envelope" verify --parts lines >said
            grep -qx "whole: 62 chunks verified in $n parts" said
        done
    done
    # In any order, from several files or standard input, one twice
    sort -r lines >reversed
    head -n 5 reversed >one
    tail -n 12 reversed >other
    exits 0 "$envelope" verify --parts one other >said
    cat one other | exits 0 "$envelope" verify --parts >said
    # By hand, for people
    "$envelope" verify -i ops.key --part 2/4 e.raw >said
    grep -qx 'e.raw: part 2 of 4 verified, chunks 15 to before 31 of 62' said
}

not_whole() { # FILE
    status=0
    "$envelope" verify --parts "$1" >said || status=$?
    test $status -eq 5
}

one_is_missing() {
    proves 8 e.tar
    for n in 1 2 5 8; do
        sed ${n}d lines >fewer
        not_whole fewer
        grep -q '^not whole: chunks ' said
    done
    sed 3d lines >fewer
    not_whole fewer
    grep -qx 'not whole: chunks 15 to before 23 of 62 were not verified' said
    : >nothing
    not_whole nothing
    grep -qx 'not whole: there is no line of a part' said
}

# finds FILE N - how many of N parts are damaged: ./found
finds() {
    found=0
    for i in $(seq "$2"); do
        status=0
        "$envelope" verify -i ops.key --part "$i/$2" "$1" || status=$?
        test $status -eq 0 || test $status -eq 5
        test $status -eq 0 || found=$((found + 1))
    done
    echo $found >found
}

# What is damaged in the data is found by exactly one; the last chunk by all, who look
# at the end.
damaged() {
    for carrier in raw tar xbstream; do
        for at in 20000 300000 600000 900000; do
            cp e.$carrier bad
            printf '\377\377\377\377' \
                | dd of=bad bs=1 seek=$at conv=notrunc 2>/dev/null
            for n in 1 2 7 16; do
                finds bad $n
                test "$(cat found)" -eq 1
            done
        done
        head -c $(($(size_of e.$carrier) - 1)) e.$carrier >cut
        finds cut 3
        rm -f got
        test "$(cat found)" -eq 3
        exits 5 "$envelope" decrypt -i ops.key --part 2/3 -o got cut
        test ! -e got
    done
}

# A frame around the data is found by one, or by all who pass it, and never by none.
damaged_frames() {
    for carrier in tar xbstream; do
        mark=ustar before=157
        test $carrier = tar || mark=XBSTCK01 before=-10
        LC_ALL=C grep -abo $mark e.$carrier | cut -d: -f1 >marks
        test "$(wc -l <marks)" -gt 10
        for line in 4 8 12; do
            at=$(($(sed -n ${line}p marks) - before))
            cp e.$carrier bad
            flip bad $at
            finds bad 5
            test "$(cat found)" -ge 1
        done
    done
}

of_another() {
    proves 2 e.raw
    cp lines first
    proves 2 e.tar
    { head -n 1 first && tail -n 1 lines; } >mixed
    exits 1 "$envelope" verify --parts mixed
    says_that 'mixed: .*line 2 is about another envelope'
    sed '2s/"chunks":62/"chunks":63/' lines >grown
    exits 1 "$envelope" verify --parts grown
    says_that 'line 2 is about another envelope than those before it: it has grown'
}

# It is still being written when the first jobs read it.
written_meanwhile() {
    head -c 500000 e.raw >growing
    : >lines
    for i in 1 2; do
        exits 5 "$envelope" verify -i ops.key --part $i/4 --json growing >>lines
    done
    cp e.raw growing
    for i in 3 4; do
        "$envelope" verify -i ops.key --part $i/4 --json growing >>lines
    done
    not_whole lines
    grep -qx 'not whole: chunks 0 to before 31 of 62 were not verified' said
}

# Of 3 and of 2 parts: it is the chunks that count.
other_cuts() {
    proves 3 e.raw
    cp lines three
    proves 2 e.raw
    { head -n 1 lines && tail -n 2 three; } >mixed
    exits 0 "$envelope" verify --parts mixed
    { head -n 1 three && tail -n 1 lines; } >mixed
    not_whole mixed
    grep -qx 'not whole: chunks 20 to before 31 of 62 were not verified' said
}

# The salt and the commitment stay.
rewrapped() {
    proves 2 e.raw
    head -n 1 lines >first
    cp e.raw changed
    "$envelope" rewrap -i ops.key -r ec.pem --add changed
    "$envelope" verify -i ec.key --part 2/2 --json changed >second
    exits 0 "$envelope" verify --parts first second
}

small_ones() {
    for size in 0 1 16383 16384 16385 32768; do
        head -c $size plain >small
        "$envelope" encrypt -r ops.pem -f -o s.env small
        for n in 1 2 3 5; do
            : >got
            for i in $(seq $n); do
                "$envelope" decrypt -i ops.key --part $i/$n s.env >>got
            done
            cmp small got
            proves $n s.env
            exits 0 "$envelope" verify --parts lines
        done
    done
}

bad_lines() {
    proves 2 e.raw
    for change in '1s/^{/ {/' '1s/"id":"./"id":"X/' '1s/"count":/"count":9/' \
        '1s/"chunks":62/"chunks":-1/' '2s/}$//' '1s/"first":0/"first":63/' \
        '1s/"part".*//' '1s/.*//' \
        '1s/"chunks":62/"chunks":99999999999999999999999/'; do
        sed "$change" lines >bad
        ! cmp -s lines bad || false
        exits 1 "$envelope" verify --parts bad
        says_that 'bad: '
    done
    exits 1 "$envelope" verify --parts nosuch
}

words() {
    for part in 0/3 4/3 a/b 1/0 1/65537 1/3x 1 /3 1/ -1/3 18446744073709551617/3; do
        exits 2 "$envelope" verify -i ops.key --part=$part e.raw
        says_that "option --part=$part: must be I/N"
    done
    exits 2 "$envelope" decrypt -i ops.key --part 1/2 --range 0:1 e.raw
    exits 2 "$envelope" verify -i ops.key --part 1/2 --keep-going e.raw
    exits 2 "$envelope" verify -i ops.key --json e.raw
    exits 1 sh -c '"$0" verify -i ops.key --part 1/2 <e.raw | cat >/dev/null
        cat e.raw | "$0" verify -i ops.key --part 1/2' "$envelope"
}

# Two at once, and a program that takes a part
side_by_side() {
    seq 6 | xargs -P 2 -I@ "$envelope" verify -i ops.key --part @/6 --json \
        e.xbstream | "$envelope" verify --parts >said
    grep -qx 'whole: 62 chunks verified in 6 parts' said
    exits 0 "$envelope" decrypt -i ops.key --part 2/2 e.tar -- cat >got
    tail -c "$(wc -c <got)" plain | cmp - got
    exits 0 "$envelope" decrypt -i ops.key --part 1/2 -f -o got e.tar
    cmp -n "$(wc -c <got)" plain got
}

t "the parts are the whole" all_equal
t "all parts prove the whole" whole
t "a part is missing" one_is_missing
t "damage is found by one part" damaged
t "damage around the data is found" damaged_frames
t "parts of another envelope" of_another
t "a file that is still written" written_meanwhile
t "parts of other numbers" other_cuts
t "parts of before and after a rewrap" rewrapped
t "more parts than chunks" small_ones
t "lines that are none" bad_lines
t "words" words
t "side by side" side_by_side
