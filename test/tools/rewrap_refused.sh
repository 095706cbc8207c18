#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What envelope rewrap refuses or has no room for, and that the file stays as it
# was.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 15
. "$srcdir/test/tools/rewrap_support.sh"
set_up make_files
set_up new_rsa big 4096

wrong_key() { # KIND
    cp "a.$1" f
    cp f before
    untouched 3 NO_MATCH -i new.key -r new.pem
    untouched 3 NO_MATCH -i new.key --add -r new.pem
    untouched 3 NO_MATCH -i new.key --remove "$(hex_id old)"
    untouched 3 NO_MATCH -i new.key -o never -r new.pem
    nothing never
}

# A key envelope that does not belong to the payload
another_payload() { # KIND
    cp "a.$1" f
    [ "$1" != raw ] || flip f $(($(header_length f) + 30))
    [ "$1" != tar ] || {
        carrier join f >joined
        flip joined $(($(header_length joined) + 3))
        carrier split tar --piece-size 65536 joined >f
    }
    [ "$1" != xbstream ] || {
        carrier join f >joined
        flip joined 33 # a label
        carrier split xbstream --piece-size 65536 joined >f
    }
    cp f before
    untouched 5 COMMITMENT -i old.key -r new.pem
    untouched 5 COMMITMENT -i old.key --add -r new.pem
    untouched 5 COMMITMENT -i old.key --remove "$(hex_id old)"
    untouched 5 COMMITMENT -i old.key -r new.pem -o never
    nothing never
}

too_big() { # KIND
    cp "tight.$1" f
    cp f before
    untouched 1 HEADER_TOO_LARGE -i old.key -r big.pem
    missing=$(sed -n 's/.*needs \([0-9]*\) bytes more.*/\1/p' err)
    [ "$missing" -gt 100 ]
    says_that '-o NEWFILE'
    # With so much room it fits, and with a byte less it does not.
    for room in "$missing" $((missing - 1)); do
        rm -f roomy
        rewrap -i old.key -r old.pem --reserve "$room" -o roomy f
        opens roomy old
        status=0
        rewrap -i old.key -r big.pem roomy || status=$?
        [ $status -eq $((room < missing)) ]
    done
    rm -f made
    rewrap -i old.key -r big.pem -o made f >told
    tells 'f: rewrapped for 1 recipient'
    cmp f before
    opens made big
    shut made old
    canonical made "$1"
    payload f >want
    payload made | cmp want -
    # It has room for more.
    rewrap -i big.key --add -r new.pem made
    opens made big new
    # There is a new file, and it stays.
    cp made before
    exits 2 rewrap -i old.key -r new.pem -o made f
    cmp made before
}

bad_recipients() {
    cp a.raw f
    cp f before
    for bad in nowhere.pem old.key plain; do
        exits 1 rewrap -i old.key -r $bad f >told
        nothing told
        cmp f before
    done
    exits 3 rewrap -i nowhere.key -r new.pem f >told
    nothing told
    cmp f before
}

not_regular() {
    mkfifo fifo
    exits 1 timeout 5 "$envelope" rewrap -i old.key -r new.pem fifo
    exits 1 rewrap -i old.key -r new.pem /dev/null
    exits 1 rewrap -i old.key -r new.pem -
    exits 8 rewrap -i old.key -r new.pem missing
    exits 1 timeout 5 "$envelope" rewrap --recover fifo
    : >empty
    exits 5 rewrap -i old.key -r new.pem empty
    for size in 10 100 500 1000; do
        head -c $size a.raw >short
        cp short before
        exits 5 rewrap -i old.key -r new.pem short
        cmp short before
    done
}

locked() {
    cp a.raw f
    exits 1 "$PYTHON" -c 'import fcntl, subprocess, sys
with open("f") as f:
    fcntl.flock(f, fcntl.LOCK_EX)
    sys.exit(subprocess.call(sys.argv[1:]))' \
        "$envelope" rewrap -i old.key -r new.pem f
    says_that locked
    cmp f a.raw
}

# What a user may read and not write is not called unreadable, and the other
# way round.
not_writable() {
    cp a.raw f
    chmod 755 .
    chmod 644 old.key
    [ "$(id -u)" -ne 0 ] \
        || set -- setpriv --reuid=65534 --regid=65534 --clear-groups
    chmod 444 f
    for how in '-i old.key -r new.pem' --recover; do
        # shellcheck disable=SC2086 # words
        exits 1 "$@" "$envelope" rewrap $how f >told
        nothing told
        says_that "^envelope: f: $(reason WRITE): Permission denied\$"
    done
    chmod 0 f
    exits 1 "$@" "$envelope" rewrap -i old.key -r new.pem f
    says_that "^envelope: f: $(reason READ): Permission denied\$"
    chmod 600 f old.key
    cmp f a.raw
}

full() {
    cp a.raw f
    # shellcheck disable=SC2016 # for that shell
    exits 1 sh -c 'trap "" XFSZ; ulimit -f 1
        exec "$0" rewrap -i old.key -r new.pem f' "$envelope"
    says_that 'File too large'
    cmp f a.raw
    [ ! -e f.envelope-rewrap ]
    exits 1 rewrap -i old.key -r new.pem -f -o /dev/full f
    cmp f a.raw
}

usage() {
    cp a.raw f
    while read -r arguments; do
        # shellcheck disable=SC2086 # words
        exits 2 rewrap $arguments >told
        nothing told
        cmp f a.raw
    done <<LIST
-i old.key -r new.pem
-i old.key f
-i old.key --add f
-i old.key --add --remove $(hex_id old) f
-i old.key -r new.pem --remove 0123456 f
-i old.key --remove 0123 f
-i old.key --remove xyz f
-i old.key -r new.pem -o made f f
-i old.key -r new.pem --reserve 100 f
--recover -r new.pem f
--recover --remove 0123456789 f
--recover -o made f
--recover --add f
--recover --by-service f
--recover --replace-all f
--recover
LIST
}

for kind in raw tar xbstream; do
    t "$kind: a key that does not open it" wrong_key $kind
    t "$kind: a key envelope of another payload" another_payload $kind
    t "$kind: it does not fit" too_big $kind
done
t 'recipients and identities that are none' bad_recipients
t 'what is no file, or only the beginning of one' not_regular
t 'a file that is locked' locked
if [ "$(id -u)" -ne 0 ] || setpriv --clear-groups true; then
    t 'a file that may be read and not written' not_writable
else
    skip 'a file that may be read and not written' 'setpriv is not installed'
fi
t 'a full disk' full
t 'arguments that are wrong' usage
