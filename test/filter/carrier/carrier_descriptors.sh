#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The program waits for descriptors that do not block, and tells of those that
# are full, closed or cannot be read.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 9
. "$srcdir/test/filter/carrier/carriers.sh"

make_these() {
    make_all
    make_small
}
set_up make_these

cat >drip.py <<'PYTHON'
# Runs a command on descriptors that do not block: small pipes, fed from a file
# in odd portions and emptied into another with pauses.
import fcntl
import os
import subprocess
import sys
import threading
import time

source, target, command = sys.argv[1], sys.argv[2], sys.argv[3:]


def pipe():
    ends = os.pipe()
    for end in ends:
        fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, 4096)
    return ends


in_read, in_write = pipe()
out_read, out_write = pipe()
for end in (in_read, out_write):
    os.set_blocking(end, False)
process = subprocess.Popen(command, stdin=in_read, stdout=out_write)
os.close(in_read)
os.close(out_write)


def feed():
    with open(source, "rb") as file:
        data, at, step = file.read(), 0, 1
        while at < len(data):
            at += os.write(in_write, data[at:at + step])
            step = step * 7 % 4093 + 1
            if step % 16 == 0:
                time.sleep(0.002)
    os.close(in_write)


threading.Thread(target=feed).start()
with open(target, "wb") as file:
    step = 1
    while data := os.read(out_read, step):
        file.write(data)
        step = step * 5 % 5003 + 1
        if step % 16 == 0:
            time.sleep(0.002)
sys.exit(process.wait())
PYTHON

dripping() { # KIND
    "$PYTHON" drip.py plain made timeout 20 "$envelope" -r ops.pem \
        --carrier "$1" --piece-size 65536
    opens made
    "$PYTHON" drip.py made out timeout 20 "$envelope" -d -i ops.key
    cmp plain out
}

# A limit on what a file may have makes writes short, and then fail.
too_large() {
    # shellcheck disable=SC2016 # for that shell
    exits 1 sh -c 'trap "" XFSZ; ulimit -f 100
        exec "$0" -r ops.pem --carrier "$1" <plain >made' "$envelope" "$1"
    grep -qF "envelope: standard output: $(reason WRITE)" err
    grep -qF 'File too large' err
}

full() {
    for kind in raw tar xbstream; do
        exits 1 "$envelope" -r ops.pem --carrier $kind <plain >/dev/full
        grep -qF "envelope: standard output: $(reason WRITE)" err
        grep -qF 'No space left' err
        exits 1 "$envelope" -r ops.pem --carrier $kind </dev/null >/dev/full
    done
    for file in a.tar a.xb raw small.tar small.xbstream; do
        exits 1 "$envelope" -d -i ops.key <$file >/dev/full
        grep -qF "envelope: standard output: $(reason WRITE)" err
        grep -qF 'No space left' err
    done
}

# run_closed STATUS-OF-PIPE-SIGNAL COMMAND... - its reader goes away
run_closed() {
    trap_pipe=$1
    shift
    { (
        [ "$trap_pipe" = default ] || trap '' PIPE
        status=0
        timeout 20 "$@" 2>err || status=$?
        echo $status >status
    ) } | true
    cat err status
}

closed_pipe() {
    head -c 20000000 /dev/zero >in
    "$envelope" -r ops.pem --carrier tar <in >in.tar
    run_closed ignored "$envelope" -r ops.pem <in
    [ "$(cat status)" -eq 1 ]
    grep -qF "envelope: standard output: $(reason WRITE)" err
    grep -qF 'Broken pipe' err
    run_closed ignored "$envelope" -d -i ops.key <in.tar
    [ "$(cat status)" -eq 1 ]
    grep -qF "envelope: standard output: $(reason WRITE)" err
    grep -qF 'Broken pipe' err
    # Where the signal is not ignored it ends the program, which says nothing.
    for job in '-r ops.pem <in' '-j 1 -r ops.pem <in' '-d -i ops.key <in.tar' \
        '-d -i ops.key --range 0: in.tar' '-d -i ops.key --salvage in.tar'; do
        run_closed default env --default-signal sh -c "exec \"\$0\" $job" \
            "$envelope"
        [ "$(cat status)" -eq 141 ]
        nothing err
    done
    rm in in.tar
}

unreadable() {
    exits 1 "$envelope" -r ops.pem <. >made
    grep -qF "envelope: standard input: $(reason READ)" err
    grep -qF 'Is a directory' err
    exits 1 "$envelope" -d -i ops.key <. >out
    grep -qF "envelope: standard input: $(reason READ)" err
    nothing out
    exits 1 "$envelope" -r ops.pem <&- >made
    grep -qF "envelope: standard input: $(reason READ)" err
    exits 1 "$envelope" -r ops.pem <plain >&-
    grep -qF "envelope: standard output: $(reason WRITE)" err
}

for kind in raw tar xbstream; do
    t "$kind: descriptors that do not block" dripping $kind
done
for kind in raw tar xbstream; do
    t "$kind: a limit on the size of files" too_large $kind
done
t 'a full disk' full
t 'a closed pipe' closed_pipe
t 'an input that cannot be read' unreadable
