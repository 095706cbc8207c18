#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# How the command behaves as a process: when a pipe closes, at each signal, and
# towards those who would look into its memory.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 9
. "$srcdir/test/tools/command_support.sh"
set_up make_all

# --- pipes and signals ----------------------------------------------------

closed_pipe() {
    exits 0 env --default-signal sh -c '
        { "$0" -r ops.pem </dev/zero; echo $? >status; } |
        head -c 1000 >/dev/null' "$envelope"
    test "$(cat status)" -eq 141
    test ! -s err
    exits 0 env --ignore-signal=PIPE sh -c '
        { "$0" -r ops.pem </dev/zero; echo $? >status; } |
        head -c 1000 >/dev/null' "$envelope"
    test "$(cat status)" -eq 1
    says_first "standard output: $(reason WRITE): Broken pipe"
}

# GNU tar has enough after one member, or the end mark, and closes the pipe.
tar_has_enough() {
    printf 'first\n' >member
    head -c 20000000 /dev/zero >large
    tar -cf large.tar member large
    "$envelope" -r ops.pem -o large.env large.tar
    for threads in 1 2; do
        exits 0 env --default-signal tar -I \
            "$envelope -j $threads -i ops.key" --occurrence=1 -xOf large.env \
            member >out
        cmp out member
    done
    rm large large.tar large.env
}

# Before there is any progress to tell: it waits for its input to be opened.
sigusr1_never_ends() {
    mkfifo fifo
    for job in '-r ops.pem fifo' '-d -i ops.key fifo' \
        '-d -i ops.key --range 0: fifo' '-d -i ops.key --salvage fifo'; do
        # shellcheck disable=SC2086 # words
        "$envelope" $job >/dev/null 2>err &
        pid=$!
        n=0
        until catches_usr1 $pid; do
            n=$((n + 1))
            test $n -lt 100
            sleep 0.05
        done
        kill -USR1 $pid
        kill -USR1 $pid
        timeout 10 sh -c 'cat sealed >fifo' || true
        status=0
        wait $pid || status=$?
        cat err
        test $status -lt 2 # the last two want a file that can seek
    done
    rm fifo
}

by_signal() { # SIGNAL - to a writer that waits for its input
    cd here
    rm -f ./*
    mkfifo fifo
    env --default-signal "$envelope" -r ../ops.pem -o a <fifo &
    pid=$!
    exec 9>fifo
    n=0
    while [ "$(find . -name '.a*' | wc -l)" -eq 0 ] && [ $n -lt 200 ]; do
        sleep 0.05
        n=$((n + 1))
    done
    rm fifo
    test "$(find . -name '.a*' | wc -l)" -eq 1
    kill "-$1" $pid
    status=0
    wait $pid || status=$?
    exec 9>&-
    test $status -gt 128
    only
}

# SIGKILL leaves it; the next run for the same file removes it, and says so.
killed_before() {
    mkfifo fifo
    "$envelope" -r ops.pem -o killed <fifo &
    pid=$!
    exec 9>fifo
    n=0
    until [ -s .killed.envelope ] || [ $n -ge 200 ]; do
        head -c 300000 plain >&9 || true
        sleep 0.05
        n=$((n + 1))
    done
    kill -9 $pid
    wait $pid || true
    exec 9>&-
    rm fifo
    test -s .killed.envelope
    exits 0 "$envelope" -r ops.pem -o killed plain
    says_first '.killed.envelope: removed, an earlier run has left it'
    test "$(find . -name '*killed*' | wc -l)" -eq 1
    "$envelope" -d -i ops.key killed | cmp - plain
    exits 0 "$envelope" -r ops.pem -f -o killed plain
    test ! -s err
}

# --- what the system knows of it ------------------------------------------

# Not libgcc_s either, which pthread_cancel() would load as it ends.
needs_little() {
    command=$(command -v "$envelope")
    readelf -d "$command" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' >needed
    grep -q '^libcrypto\.' needed
    grep -vE '^(libcrypto|libdeflate|libIPSec_MB|libc|ld-[^.]*)\.so' needed \
        && false
    readelf -W --dyn-syms "$command" >symbols
    grep -q ' pthread_create' symbols
    grep ' pthread_cancel' symbols && false
    rm needed symbols
}

no_core_dump() {
    mkfifo wait
    "$envelope" -r ops.pem <wait >/dev/null &
    pid=$!
    exec 9>wait
    n=0
    until grep -Eq '^Max core file size +0 ' /proc/$pid/limits; do
        n=$((n + 1))
        test $n -lt 200
        sleep 0.05
    done
    # All of it is locked for those whom the limit allows that.
    # shellcheck disable=SC3045 # dash has it
    if [ -z "${ENVELOPE_SANITIZED-}" ] && (ulimit -l unlimited) 2>/dev/null
    then
        until grep -Eq '^VmLck: +[1-9][0-9]{3,} kB' /proc/$pid/status; do
            n=$((n + 1))
            test $n -lt 400
            sleep 0.05
        done
    fi
    echo data >&9
    exec 9>&-
    wait $pid
}

# What may not be dumped belongs to root in /proc, whoever runs it.
not_dumpable() {
    somebody=
    [ "$(id -u)" -ne 0 ] \
        || somebody='setpriv --reuid=65534 --regid=65534 --clear-groups'
    mkfifo held
    # shellcheck disable=SC2086 # words
    $somebody "$envelope" inspect - <held >out 2>err &
    pid=$!
    exec 9>held
    n=0
    until [ "$(stat -c %u /proc/$pid/environ)" -eq 0 ] \
        && [ "$(sed -n 's/^Uid:\t\([0-9]*\).*/\1/p' /proc/$pid/status)" -ne 0 ]
    do
        n=$((n + 1))
        test $n -lt 200
        sleep 0.05
    done
    # Its own descriptors are its own all the same.
    # shellcheck disable=SC2086 # words
    $somebody "$envelope" inspect /dev/stdin <sealed >out
    exec 9>&-
    wait $pid || true
    rm held
}

t "a closed pipe" closed_pipe
t "an archiver that has enough" tar_has_enough
t "SIGUSR1 never ends it" sigusr1_never_ends
t "SIGTERM leaves no file" by_signal TERM
t "SIGHUP leaves no file" by_signal HUP
t "what SIGKILL leaves goes" killed_before
if [ -n "${ENVELOPE_SANITIZED-}" ]; then
    skip_allowed "it needs libcrypto, libdeflate and the C library" \
        'sanitizers are libraries, too'
elif command -v readelf >.log; then
    t "it needs libcrypto, libdeflate and the C library" needs_little
else
    skip "it needs libcrypto, libdeflate and the C library" \
        'readelf is not installed'
fi
t "no core dumps" no_core_dump
t "no debugger of another process" not_dumpable
