#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Where the end of an envelope is cut off, damaged or followed by something else,
# envelope verify says so, and --salvage writes what is before it.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 10
. "$srcdir/test/tools/salvage_support.sh"
set_up make_all

# cut_at FILE BYTE - what there is comes out, as far as it is whole chunks
cut_at() {
    head -c "$2" "$1" >bad
    exits 5 "$envelope" verify -i ops.key bad >said
    exits 5 "$envelope" verify -i ops.key --keep-going bad >said
    grep -q 'the end is missing or damaged' said
    salvage 6 bad --salvage=skip
    grep -q 'the end is missing or damaged' err
    cmp -n "$(size_of out)" plain out
    [ $(($(size_of out) % 16384)) -eq 0 ]
    skipped=$(size_of out)
    salvage 6 bad
    cmp -n "$skipped" plain out
    tail -c +$((skipped + 1)) out | tr -d '\000' | cmp - /dev/null
    [ "$(size_of out)" -lt $((skipped + 16384)) ]
}

cut_anywhere() { # KIND
    for chunk in 1 2 17 30; do
        begin=$("$PYTHON" "$damage_py" "good.$1" cut:$chunk)
        for more in 0 1 15 16 17 3000; do
            cut_at "good.$1" $((begin + more))
            [ "$skipped" -eq $((chunk * 16384)) ]
        done
    done
}

# Nothing after the commitment, or not even that.
cut_early() { # KIND
    begin=$("$PYTHON" "$damage_py" "good.$1" cut:0)
    rm -f made
    for less in 0 1 60; do
        head -c $((begin - less)) "good.$1" >bad
        exits 5 "$envelope" decrypt -i ops.key --salvage -o made bad
        [ ! -e made ]
    done
}

# The end of the archive, and not of the stream, is cut off.
no_end_mark() { # KIND
    head -c $(($("$PYTHON" "$damage_py" "good.$1" end) + 10)) "good.$1" >bad
    exits 5 "$envelope" verify -i ops.key bad
    grep -qF "$(reason CARRIER_TRUNCATED)" err
    salvage 0 bad
    cmp plain out
    grep -q 'the end is intact; the archive around it is damaged or cut' err
}

appended() { # LENGTH-OF-TEXT LENGTH-OF-MORE
    head -c "$1" plain >in
    "$envelope" encrypt -r ops.pem --carrier raw <in >bad
    head -c "$2" good.tar >>bad
    exits 5 "$envelope" verify -i ops.key bad
    grep -qF "$(reason TRAILING_DATA)" err
    salvage 0 bad
    cmp in out
    grep -q "the end is intact; $2 bytes of something else follow it" err
    # The same after a damaged chunk, which the cipher looks into first.
    [ "$1" -ge 65536 ] || return 0
    "$PYTHON" "$damage_py" bad chunk:1
    salvage 6 bad --salvage=skip
    { head -c 16384 in && tail -c +32769 in; } | cmp - out
    grep -q "the end is intact; $2 bytes of something else follow it" err
}

appended_all() {
    for length in 0 1 16383 16384 65536 100000; do
        for more in 1 16 20000 50000; do
            appended $length $more
        done
    done
}

# Where the carrier has an end of its own, it is known.
cut_or_damaged() {
    damage tar chunk:30
    exits 5 "$envelope" verify -i ops.key bad
    grep -q "$(reason LAST_CHUNK): .*the archive around it is not cut" err
    damage raw chunk:30
    exits 5 "$envelope" verify -i ops.key bad
    grep -q "$(reason LAST_CHUNK): " err
    ! grep -q 'not cut' err || false
    for kind in raw tar xbstream; do
        head -c 400000 good.$kind >bad
        exits 5 "$envelope" verify -i ops.key bad
        ! grep -q 'not cut' err || false
    done
}

for kind in raw tar xbstream; do
    t "$kind: cut anywhere" cut_anywhere $kind
    t "$kind: cut before there is anything" cut_early $kind
done
t 'tar: without its end' no_end_mark tar
t 'xbstream: without its end' no_end_mark xbstream
t 'data after the end' appended_all
t 'cut short, or damaged at the end' cut_or_damaged
