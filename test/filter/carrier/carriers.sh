# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Carriers that the program writes or test/interop/carrier.py makes and spoils,
# and how the program must end with each.  Sourced after tap.sh, program.sh and
# the plan, not run; it skips the rest where it cannot be tested.
#
#   make_all             keys ops and other; ./plain, and of it ./raw, ./a.tar,
#                        ./a.xb, ./cloud.xb; ./short; ./tree and ./tree.tar
#   make_small           ./small.tar, ./small.xbstream, ./small.cloud of ./short
#   carrier ARGUMENT...  test/interop/carrier.py

provider
need "$PYTHON" timeout

carrier() {
    "$PYTHON" "$srcdir/test/interop/carrier.py" "$@"
}

# --- how it must end ------------------------------------------------------

# Sanitizers want terabytes of it.
bounded() {
    [ -n "${ENVELOPE_SANITIZED-}" ] || ulimit -v 1500000 # KiB
    timeout 20 "$@"
}

open_it() { # CARRIER [ARGUMENT...] - to ./out
    open_in=$1
    shift
    (bounded "$envelope" -d -i ops.key "$@" <"$open_in" >out)
}

opens() { # CARRIER [PLAIN]
    exits 0 open_it "$1"
    [ ! -s err ]
    cmp "${2-plain}" out
}

status_of() { # REASON
    case $1 in
    NO_MATCH | WRONG_KEY) echo 3 ;;
    NOT_ENVELOPE | VERSION | SCHEME) echo 4 ;;
    *) echo 5 ;;
    esac
}

# refuses REASON DETAIL CARRIER [PLAIN] - the message has both, and nothing but
# verified text has come out; REASON may be a choice, A|B, and DETAIL is a
# pattern
refuses() {
    exits "$(status_of "$1")" open_it "$3"
    refuses_found=
    for refuses_reason in $(echo "$1" | tr '|' ' '); do
        ! grep -q "^envelope: standard input: $(reason "$refuses_reason")" err \
            || refuses_found=yes
    done
    [ -n "$refuses_found" ]
    grep -q -e "$2" err
    cmp -n "$(size_of out)" out "${4-plain}"
}

# good NAME KIND ARGUMENT-OF-SPLIT... - it is odd, but it opens
good() {
    good_name=$1
    shift
    t "$good_name" opens_split "$@"
}

opens_split() {
    carrier split --piece-size 65536 "$@" raw >made
    opens made
}

# bad NAME REASON DETAIL KIND ARGUMENT-OF-SPLIT...
bad() {
    bad_name=$1
    shift
    t "$bad_name" refuses_split "$@"
}

refuses_split() {
    split_reason=$1 split_detail=$2
    shift 2
    carrier split --piece-size 65536 "$@" raw >made
    refuses "$split_reason" "$split_detail" made
}

# --- what is made ---------------------------------------------------------

make_all() {
    new_ec ops P-256
    new_ec other P-256
    head -c 300000 /dev/urandom >plain
    seal_to ops.pem plain raw
    printf 'a short text\n' >short
    "$envelope" -r ops.pem --carrier tar --piece-size 65536 <plain >a.tar
    "$envelope" -r ops.pem --carrier xbstream --piece-size 65536 \
        <plain >a.xb
    "$envelope" -r ops.pem --carrier xbstream --piece-size 65536 --xbcloud \
        <plain >cloud.xb
    mkdir tree
    for n in 1 2 3; do
        head -c "${n}00000" /dev/urandom >"tree/file$n"
    done
    ln -s file1 tree/link
    tar -cf tree.tar tree
}

make_small() {
    for kind in tar xbstream; do
        "$envelope" -r ops.pem --carrier $kind <short >small.$kind
    done
    "$envelope" -r ops.pem --carrier xbstream --xbcloud <short >small.cloud
}
