#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Memory stays flat however long a stream is, and what waits for the key is
# bounded.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 9
. "$srcdir/test/filter/carrier/carriers.sh"

set_up make_all

# Almost 64 MiB of payload may wait for the key, but no more.
waiting() { # KIND ORDER
    head -c 66000000 /dev/zero >in
    seal_to ops.pem in in.raw
    carrier split "$1" --order "$2" in.raw >made
    opens made in
}

waiting_too_much() { # KIND ORDER DETAIL
    head -c 67200000 /dev/zero >in
    seal_to ops.pem in in.raw
    carrier split "$1" --order "$2" in.raw >made
    refuses CARRIER "$3" made in
    nothing out
}

t 'tar: 63 MiB wait for the key' waiting tar header,pieces,key,end
t 'xbstream: 63 MiB wait for the key' waiting xbstream \
    header,header.E,pieces,payload.E,key,key.E
t 'tar: more than 64 MiB wait for the key' waiting_too_much tar \
    header,pieces,key,end envelope/payload
t 'xbstream: more than 64 MiB wait for the key' waiting_too_much xbstream \
    header,header.E,pieces,payload.E,key,key.E envelope/payload
rm -f in in.raw made

cat >peak.py <<'PYTHON'
# Runs "head -c LENGTH /dev/zero | A | B" and prints the peak memory of A and
# of B in KiB; B must print LENGTH zeros.  What the kernel reports at the end
# begins with this program's own memory, so it is asked all the time.
import subprocess
import sys

length, split = int(sys.argv[1]), sys.argv.index("--")
pipe = subprocess.PIPE
zeros = subprocess.Popen(["head", "-c", str(length), "/dev/zero"], stdout=pipe)
one = subprocess.Popen(sys.argv[2:split], stdin=zeros.stdout, stdout=pipe)
two = subprocess.Popen(sys.argv[split + 1:], stdin=one.stdout, stdout=pipe)
zeros.stdout.close()
one.stdout.close()
count, buffer, peaks = 0, bytearray(1 << 20), {one: 0, two: 0}
while n := two.stdout.readinto(buffer):
    assert not any(buffer[:n:997])
    count += n
    for process in peaks:
        with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    peaks[process] = int(line.split()[1])
assert count == length, count
for process, peak in peaks.items():
    assert process.wait() == 0
    print(peak, end=" ")
PYTHON

peak() { # LENGTH KIND
    "$PYTHON" peak.py "$1" "$envelope" -r ops.pem --carrier "$2" \
        -- "$envelope" -d -i ops.key
}

flat() { # KIND LENGTH
    small=$(peak 67108864 "$1")
    large=$(peak "$2" "$1")
    echo "$small: $large"
    # shellcheck disable=SC2086 # two numbers each
    set -- $small $large
    [ "$3" -le $(($1 * 110 / 100)) ]
    [ "$4" -le $(($2 * 110 / 100)) ]
    [ "$3" -le 102400 ] && [ "$4" -le 102400 ]
}

length=1073741824
[ -z "${ENVELOPE_SLOW-}" ] || length=8589934592
for kind in raw tar xbstream; do
    if [ -z "${ENVELOPE_SANITIZED-}" ]; then
        t "$kind: memory stays flat" flat $kind $length
    else
        skip_allowed "$kind: memory stays flat" 'sanitizers take their own'
    fi
done

# 63 MiB that wait, and what a stream takes anyway.
waits_once() { # KIND ORDER
    waiting "$@"
    # shellcheck disable=SC2046 # two numbers
    set -- $("$PYTHON" peak.py 66000000 cat made -- "$envelope" -d -i ops.key)
    echo "$2 KiB"
    [ "$2" -le 98304 ]
    rm -f in in.raw made
}

what='what waits for the key is in memory once'
if [ -z "${ENVELOPE_SANITIZED-}" ]; then
    t "tar: $what" waits_once tar header,pieces,key,end
    t "xbstream: $what" waits_once xbstream \
        header,header.E,pieces,payload.E,key,key.E
else
    skip_allowed "tar: $what" 'sanitizers take their own'
    skip_allowed "xbstream: $what" 'sanitizers take their own'
fi
