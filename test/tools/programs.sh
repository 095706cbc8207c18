#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Only what is complete is sealed, and nobody takes a part for the whole: programs
# that make the data or take it.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 26
. "$srcdir/test/tools/command_support.sh"
set_up make_all

encrypts() { # PROGRAM [ARGUMENT...]
    timeout 60 "$envelope" encrypt -r ../ops.pem -o out -- "$@"
}

decrypts() { # FILE PROGRAM [ARGUMENT...]
    from=$1
    shift
    timeout 60 "$envelope" decrypt -i ops.key "$from" -- "$@"
}

failed() { # DETAIL
    says_first "$(reason PROGRAM): $1"
}

appears() { # FILE
    n=0
    until test -s "$1"; do
        n=$((n + 1))
        test $n -lt 500
        sleep 0.02
    done
}

# --- a program that makes the data ----------------------------------------

complete() {
    cd here
    exits 0 encrypts cat ../plain
    only out
    exits 0 "$envelope" decrypt -i ../ops.key -o - out >../got
    cmp ../plain ../got
    exits 0 timeout 60 "$envelope" -j1 -r ../ops.pem -f -o out -- cat ../plain
    exits 0 timeout 60 "$envelope" encrypt -r ../ops.pem -- true >../empty.env
    exits 0 "$envelope" decrypt -i ../ops.key ../empty.env >../got
    test ! -s ../got
    rm out
}

fails() {
    cd here
    exits 7 encrypts sh -c 'cat ../plain; exit 3'
    failed 'sh ended with status 3'
    only
    exits 7 encrypts sh -c 'exit 1'
    failed 'sh ended with status 1'
    only
}

dies() {
    cd here
    exits 7 encrypts sh -c 'cat ../plain; kill -KILL $$'
    failed 'sh was ended by signal 9 (Killed)'
    only
}

old_file_stays() {
    cd here
    echo old >out
    exits 7 timeout 60 "$envelope" encrypt -r ../ops.pem -f -o out -- false
    only out
    test "$(cat out)" = old
    rm out
}

# It may end at any byte, and close its output before it ends.
closes_first() {
    cd here
    exits 7 encrypts sh -c 'exec >&-; sleep 0.3; exit 4'
    failed 'sh ended with status 4'
    only
}

lacks_its_end() {
    exits 7 "$envelope" encrypt -r ops.pem -- sh -c 'cat plain; exit 1' >part
    test -s part
    rm -f got
    for how in 'decrypt -o got' verify; do
        # shellcheck disable=SC2086 # words
        exits 5 "$envelope" $how -i ops.key part
    done
    test ! -e got
    exits 7 "$envelope" encrypt -r ops.pem --carrier tar \
        -- sh -c 'cat plain; exit 1' >part
    exits 5 "$envelope" verify -i ops.key part
}

is_not_there() {
    cd here
    exits 7 encrypts ./nosuch
    failed './nosuch cannot be run: No such file or directory'
    exits 7 encrypts ../plain
    failed '../plain cannot be run: Permission denied'
    only
}

# What is wrong with keys or the output is known before.
is_not_run() {
    exits 1 "$envelope" encrypt -r ops.key -o out -- touch ran
    exits 1 "$envelope" encrypt -r ops.pem -o no/out -- touch ran
    exits 2 "$envelope" encrypt -r ops.pem -o plain -- touch ran
    exits 3 "$envelope" decrypt -i other.key sealed -- touch ran
    head -c 100 sealed >short
    exits 5 "$envelope" decrypt -i ops.key short -- touch ran
    test ! -e ran
}

words_are_left_alone() {
    # shellcheck disable=SC2016 # not to be expanded
    printf '%s\n' 'a b' '*' '' '--help' '-o' '$HOME' '--' >want
    # shellcheck disable=SC2016 # not to be expanded
    exits 0 "$envelope" encrypt -r ops.pem -o words -- printf '%s\n' 'a b' '*' \
        '' --help -o '$HOME' --
    exits 0 "$envelope" decrypt -i ops.key words >got
    cmp want got
    rm words
}

# At many moments, also before it has written anything.
killed_at_any_moment() {
    cd here
    for n in 0 1 2 3 5 8 13 21 34 55 89 144; do
        exits 7 encrypts sh -c 'dd if=/dev/zero bs=65536 count='$n' 2>/dev/null
            kill -KILL $$'
        only
    done
}

# It may take its time to end: wait for it, not for the end of its output.
waits_for_it() {
    cd here
    exits 0 encrypts sh -c 'echo data; exec >&-; sleep 0.5; echo x >../ended'
    test -s ../ended
    rm out ../ended
}

# gets_signal SIGNAL - sent to us, it reaches the program, and nothing stays
gets_signal() {
    cd here
    # shellcheck disable=SC2016 # for that shell
    "$envelope" encrypt -r ../ops.pem -o out -- sh -c '
        trap "echo $1 >../got-signal; exit 9" $1
        echo $$ >../pid; echo data
        while :; do sleep 0.05; done' sh "$1" 2>err &
    pid=$!
    appears ../pid
    kill "-$1" $pid
    status=0
    wait $pid || status=$?
    test $status -eq "$2"
    appears ../got-signal
    only
    rm -f ../pid ../got-signal
}

signals_reach_it() {
    (gets_signal TERM 143)
    (gets_signal HUP 129)
}

# It would write for ever.
output_fails() {
    need_full=/dev/full
    test -c $need_full
    # shellcheck disable=SC2016 # for that shell
    exits 1 timeout 60 "$envelope" encrypt -r ops.pem -f -o /dev/full -- sh -c '
        echo $$ >pid; exec cat /dev/zero'
    ! kill -0 "$(cat pid)" 2>/dev/null || false
    rm pid
}

# --- a program that takes the data ----------------------------------------

takes_all() {
    for carrier in raw tar xbstream; do
        exits 0 "$envelope" encrypt -r ops.pem --carrier $carrier -f -o e.$carrier \
            plain
        exits 0 decrypts e.$carrier sh -c 'cat >got; echo whole >ended'
        cmp plain got
        test -s ended
        rm got ended
    done
    exits 0 timeout 60 "$envelope" -d -i ops.key -- cat <sealed >got
    cmp plain got
}

taker_fails() {
    exits 7 decrypts sealed sh -c 'cat >/dev/null; exit 2'
    failed 'sh ended with status 2'
    exits 7 decrypts sealed sh -c 'exit 2'
    failed 'sh ended with status 2'
    exits 7 decrypts sealed sh -c 'cat >/dev/null; kill -TERM $$'
    failed 'sh was ended by signal 15 (Terminated)'
    exits 7 decrypts sealed ./nosuch
    failed './nosuch cannot be run: No such file or directory'
}

has_enough() {
    head -c 20000000 /dev/zero | "$envelope" -r ops.pem -o long
    exits 7 decrypts long head -c 100 >got
    failed 'head ended before it had read everything'
    test "$(wc -c <got)" -eq 100
}

# It knows by itself where the data ends, and has gone before its input does.  When
# it has gone while we look, what was left a moment ago is read.
ends_by_itself() {
    for n in $(seq 40); do
        exits 0 decrypts sealed head -c 1000000 >got
        cmp plain got
    done
}

# tar stops at the end of the archive, and leaves the zeros behind it: in the pipe, or
# where there is no room in it.
tar_ends_by_itself() {
    printf 'member\n' >member
    for blocks in 1 2 20 64 2048 8192; do
        tar -b $blocks -cf member.tar member
        "$envelope" -r ops.pem -f -o member.env member.tar
        exits 0 decrypts member.env tar -xOf - >got
        cmp member got
        exits 7 decrypts member.env head -c 512 >got
        exits 7 decrypts member.env true
        flip member.env $(($(wc -c <member.env) - 1))
        exits 5 decrypts member.env tar -xOf - >got
    done
    # Zeros of a file are no end, whatever comes behind them
    head -c 3000000 /dev/zero >member
    for blocks in 1 20 2048; do
        tar -b $blocks -cf member.tar member
        "$envelope" -r ops.pem -f -o member.env member.tar
        exits 7 decrypts member.env head -c 1024 >got
        exits 7 decrypts member.env head -c 2999000 >got
        exits 0 decrypts member.env tar -xOf - >got
        cmp member got
    done
    # A tar that cannot be followed from member to member
    truncate -s 300000 hole && echo data >>hole
    tar -S -b 64 -cf member.tar hole
    "$envelope" -r ops.pem -f -o member.env member.tar
    exits 0 decrypts member.env tar -xOf - >got
    cmp hole got
    # Of other data all has to be read, zeros or not
    head -c 1000000 /dev/zero | "$envelope" -r ops.pem -f -o zeros
    exits 7 decrypts zeros head -c 999999 >got
    exits 7 decrypts zeros true
}

# Cut anywhere, or with a flipped bit: it never gets to the end of its input.
takes_no_part() {
    for carrier in raw tar xbstream; do
        size=$(wc -c <e.$carrier)
        for cut in 20000 100000 500000; do
            head -c $((size - cut)) e.$carrier >cut
            exits 5 decrypts cut sh -c 'cat >/dev/null; echo whole >ended'
            test ! -e ended
        done
    done
    cp e.raw bad
    flip bad 700000
    : >got # that one may be ended before it has begun
    exits 5 decrypts bad sh -c 'cat >got; echo whole >ended'
    test ! -e ended
    cmp -n "$(wc -c <got)" got plain
}

parts_and_salvage() {
    exits 0 "$envelope" decrypt -i ops.key --range 10:5 sealed -- cat >got
    tail -c +11 plain | head -c 5 | cmp - got
    exits 7 "$envelope" decrypt -i ops.key --range 10:5 sealed -- false
    failed 'false ended with status 1'
    exits 6 "$envelope" decrypt -i ops.key --salvage bad -- cat >got
    says_that 'now zeros'
    test "$(wc -c <got)" -eq 1000000
}

# What is ours ends with us, and its input would look whole.
no_end_by_signal() {
    mkfifo fifo
    # shellcheck disable=SC2016 # for that shell
    "$envelope" decrypt -i ops.key fifo -- sh -c '
        echo $$ >pid
        trap : TERM
        cat >/dev/null; cat >/dev/null
        echo whole >ended' 2>err &
    pid=$!
    exec 9>fifo
    head -c 700000 sealed >&9
    appears pid
    sleep 0.2
    kill -TERM $pid
    status=0
    wait $pid || status=$?
    exec 9>&-
    test $status -eq 143
    ! kill -0 "$(cat pid)" 2>/dev/null || false
    test ! -e ended
    rm fifo pid
}

# It has ended its output, and would take its time.
output_fails_at_the_end() {
    # shellcheck disable=SC2016 # for that shell
    exits 1 timeout 60 "$envelope" encrypt -r ops.pem -f -o /dev/full -- sh -c '
        echo $$ >pid; head -c 3000000 /dev/zero; exec >&-; exec sleep 30'
    ! kill -0 "$(cat pid)" 2>/dev/null || false
    rm pid
}

# Less than a pipe holds, and nobody reads it.
reads_nothing() {
    for n in 1 2 3 4; do
        exits 7 decrypts sealed true
        failed 'true ended before it had read everything'
        exits 7 decrypts sealed sh -c 'sleep 0.1; exit 0'
    done
}

# --- words ----------------------------------------------------------------

words() {
    exits 2 "$envelope" encrypt -r ops.pem plain -- cat plain
    says_that 'plain and the program cat cannot both give the data'
    exits 2 "$envelope" decrypt -i ops.key -o got sealed -- cat
    says_that '-o got and the program cat cannot both take the data'
    exits 2 "$envelope" encrypt -r ops.pem --
    says_that 'goes before a program to run'
    cp sealed here/F && : >here/--salvage
    (cd here && exits 2 "$envelope" decrypt -i ../ops.key --salvage F -- cat)
    rm here/F here/--salvage
    exits 2 "$envelope" encrypt -r ops.pem one two
    says_that 'two is too much'
    exits 0 "$envelope" encrypt -r ops.pem -o ./-- plain
    exits 0 "$envelope" decrypt -i ops.key -f -o got ./--
    cmp plain got
    exits 0 "$envelope" -r ops.pem plain -f -o --
    cmp plain got
    rm -- --
}

# --- what it gets from us -------------------------------------------------

# AddressSanitizer takes core dumps away, too.
own_limits() {
    (ulimit -Sc "$(ulimit -Hc)" && ulimit -c >want
        exits 0 env ASAN_OPTIONS="${ASAN_OPTIONS-}:disable_coredump=0" \
            "$envelope" decrypt -i ops.key sealed \
            -- sh -c 'cat >/dev/null; ulimit -c' >got)
    cmp want got
}

no_descriptors() {
    "$envelope" encrypt --passphrase-file pw --work-factor 14 -o locked plain
    exits 0 timeout 60 "$envelope" decrypt --passphrase-fd 7 locked \
        -- sh -c 'cat >/dev/null; ls /proc/self/fd' 7<pw >got
    exits 0 timeout 60 "$envelope" decrypt --passphrase-file /dev/fd/7 locked \
        -- sh -c 'cat >/dev/null; ls /proc/self/fd' 7<pw >also
    cmp got also
    sh -c 'cat >/dev/null; ls /proc/self/fd' </dev/null >want
    cmp want got
}

t "what a program writes is encrypted" complete
t "a program that fails" fails
t "a program that is killed" dies
t "an old file stays" old_file_stays
t "a program that closes its output, then fails" closes_first
t "on standard output the end is missing" lacks_its_end
t "a program that cannot be run" is_not_there
t "bad keys are told before the program is run" is_not_run
t "the words of the program are left alone" words_are_left_alone
t "a program that is killed at any moment" killed_at_any_moment
t "a program that ends late" waits_for_it
t "signals reach the program" signals_reach_it
t "the output fails, and the program is ended" output_fails
t "the output fails while the program ends" output_fails_at_the_end
t "a program takes the data" takes_all
t "the program that takes the data fails" taker_fails
t "the program that takes the data has enough" has_enough
t "a program that knows where the data ends" ends_by_itself
t "tar does not read the zeros after the end" tar_ends_by_itself
t "no program takes a part for the whole" takes_no_part
t "nor where a signal ends us" no_end_by_signal
t "a program that reads nothing" reads_nothing
t "a range and a salvage for a program" parts_and_salvage
t "words that do not go together" words
t "the program has its own limits" own_limits
t "the program gets no descriptor of ours" no_descriptors
