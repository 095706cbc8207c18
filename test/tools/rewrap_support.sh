# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Keys, envelopes in each carrier, and how what "envelope rewrap" leaves is
# judged.  Sourced after tap.sh, program.sh and the plan, not run.

provider
need "$PYTHON" timeout

# What kills a program at a call: test/tools/die.c
make_die() {
    "$CC" -I"$srcdir" -shared -fPIC -o die.so "$srcdir/test/tools/die.c" -ldl
}

# NAME.key and NAME.pem of old, new and third; a.KIND and tight.KIND, which has
# no room, for old
make_files() {
    new_ec old P-256
    new_ec new P-256
    new_key third -algorithm X25519
    head -c 300000 /dev/urandom >plain
    for kind in raw tar xbstream; do
        "$envelope" -r old.pem --carrier $kind --piece-size 65536 \
            --reserve 600 --label who=ops <plain >a.$kind
        "$envelope" -r old.pem --carrier $kind --piece-size 65536 \
            --reserve 0 <plain >tight.$kind
    done
}

carrier() {
    "$PYTHON" "$srcdir/test/interop/carrier.py" "$@"
}

rewrap() {
    "$envelope" rewrap "$@"
}

hex_id() { # KEY - by which an envelope knows it
    "$OPENSSL" pkey -in "$1.key" -pubout -outform DER | "$OPENSSL" dgst -sha256 \
        | sed 's/.*= *//' | cut -c 1-40
}

# --- how it is judged -----------------------------------------------------

# opens FILE KEY... - all of these open it
opens() {
    opens_file=$1
    shift
    for opens_key in "$@"; do
        "$envelope" -d -i "$opens_key.key" <"$opens_file" | cmp plain -
    done
}

shut() { # FILE KEY... - none of these
    shut_file=$1
    shift
    for shut_key in "$@"; do
        exits 3 "$envelope" -d -i "$shut_key.key" <"$shut_file" >out
        nothing out
    done
}

# The bytes after the header, as a stream, and where they begin.
payload() {
    carrier join "$1" >joined
    tail -c +$(($(header_length joined) + 1)) joined
}

# in_place FILE BEFORE - the payload and all frames but the header's are as
# they were, and nothing is left beside it
in_place() {
    payload "$2" >want
    payload "$1" | cmp want -
    same_rest "$1" "$2"
}

# Frames and all, after what any of the headers here takes up
same_rest() { # FILE BEFORE
    [ "$(size_of "$1")" -eq "$(size_of "$2")" ]
    tail -c +8193 "$2" >want
    tail -c +8193 "$1" | cmp want -
    [ ! -e "$1.envelope-rewrap" ]
}

canonical() { # FILE KIND
    [ "$2" = raw ] || carrier canonical "$2" --piece-size 65536 "$1"
}

# The lines about files, without those about recipients
tells() { # LINE...
    grep -v '^  ' told >lines
    printf '%s\n' "$@" | cmp - lines
}

says_that() { # PATTERN
    grep -q -e "$1" err
}

# untouched STATUS REASON KIND ARGUMENT... - it fails, and f is as it was
untouched() {
    untouched_status=$1 untouched_reason=$2
    shift 2
    exits "$untouched_status" rewrap "$@" f >told
    nothing told
    grep -q "^envelope: f: $(reason "$untouched_reason")" err
    cmp f before
    [ ! -e f.envelope-rewrap ]
}
