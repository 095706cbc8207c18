# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What the command tests share: TAP, a directory of their own, the openssl
# command with the provider, and how it must fail.  Sourced, not run.
#
#   plan COUNT           first of all
#   provider             bail out if openssl cannot load the provider
#   set_up COMMAND...    what the tests take for granted and is none itself:
#                        bail out if it fails
#   t NAME COMMAND...    one test: COMMAND, usually a function of the script,
#                        runs in a subshell under set -e
#   skip NAME REASON     one test that cannot run here
#   with_tool TOOL NAME COMMAND...  one test that needs this tool
#   need COMMAND...      skip all that follows if one is not installed
#
# The working directory is the script's own and goes away with it.  The
# variable $cleanup names a function to call before that.

: "${OPENSSL:=openssl}" "${PYTHON:=/usr/bin/python3}" "${srcdir:=.}"
srcdir=$(CDPATH='' cd -- "$srcdir" && pwd) || exit 99
if [ -n "${top_builddir-}" ]; then
    top_builddir=$(CDPATH='' cd -- "$top_builddir" && pwd) || exit 99
fi
unset OPENSSL_CONF ENVELOPE_RECIPIENTS ENVELOPE_IDENTITIES
unset ENVELOPE_PASSPHRASE_FILE
if [ -n "${ENVELOPE_MODULES-}" ]; then
    OPENSSL_MODULES=$ENVELOPE_MODULES
    ENVELOPE_KMS_MODULES=$ENVELOPE_MODULES
    export OPENSSL_MODULES ENVELOPE_KMS_MODULES
fi


tests_planned=0
tests_run=0
tests_failed=0
cleanup=:

tests_dir=$(mktemp -d "${TMPDIR:-/tmp}/envelope-cli.XXXXXX") || exit 99
cd "$tests_dir" || exit 99

# Where the project is installed, the first bsdtar may be its launcher.  The
# tests begin with the system's own.
is_launcher() {
    grep -q ENVELOPE_PRELOAD "$1"
}

link_stock() { # NAME
    stock_first=$(command -v "$1") && is_launcher "$stock_first" || return 0
    mkdir -p .stock
    stock_ifs=$IFS
    IFS=:
    for stock_dir in $PATH; do
        if [ -x "$stock_dir/$1" ] && ! is_launcher "$stock_dir/$1"; then
            ln -s "$stock_dir/$1" ".stock/$1"
            break
        fi
    done
    IFS=$stock_ifs
}

for stock_name in bsdtar bsdcat bsdcpio; do
    link_stock $stock_name
done
[ ! -d .stock ] || PATH=$tests_dir/.stock:$PATH

# An instrumented module needs its runtime in the program that loads it.  The
# stock program's own leaks are not ours.
if [ -n "${ENVELOPE_SANITIZED-}" ]; then
    mkdir .bin
    cat >.bin/openssl <<WRAPPER
#!/bin/sh
LD_PRELOAD=$(gcc -print-file-name=libasan.so) \\
    ASAN_OPTIONS=detect_leaks=0 exec "$(command -v "$OPENSSL")" "\$@"
WRAPPER
    chmod +x .bin/openssl
    OPENSSL=$tests_dir/.bin/openssl
fi

# A test that fails for want of a program has not run: what is wanted stands in
# this file.  A script stands in for Python, and says so.
TEST_LACKS=$tests_dir/.lacks
export TEST_LACKS
if ! command -v "$PYTHON" >.log; then
    cat >.no_python <<STAND_IN
#!/bin/sh
echo "$PYTHON is not installed" >"$TEST_LACKS"
exit 77
STAND_IN
    chmod +x .no_python
    PYTHON=$tests_dir/.no_python
fi

# For use in words: $enc -d -K 0
enc="$OPENSSL enc -provider envelope -envelope"

at_exit() {
    status=$?
    trap '' HUP INT TERM
    trap - EXIT
    "$cleanup"
    cd / && rm -rf "$tests_dir"
    if [ $tests_run -ne $tests_planned ]; then
        echo "# ran $tests_run of $tests_planned tests"
        exit 99
    fi
    [ "$status" -ne 0 ] || [ $tests_failed -eq 0 ] || status=1
    exit "$status"
}
trap at_exit EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# --- TAP ------------------------------------------------------------------

plan() {
    tests_planned=$1
    echo "1..$1"
}

result() { # STATUS NAME [DIRECTIVE]
    tests_run=$((tests_run + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $tests_run - $2${3:+ # $3}"
        return
    fi
    tests_failed=$((tests_failed + 1))
    echo "not ok $tests_run - $2"
}

t() {
    t_name=$1
    shift
    # What the last test left
    rm -f "$tests_dir/out" "$tests_dir/err" "$TEST_LACKS"
    # No "if" around it: that would switch off set -e inside.
    (
        set -ex
        "$@"
    ) </dev/null >"$tests_dir/.log" 2>&1
    t_status=$?
    if [ $t_status -ne 0 ] && [ -s "$TEST_LACKS" ]; then
        skip "$t_name" "$(head -n 1 "$TEST_LACKS")"
        return
    fi
    result $t_status "$t_name"
    [ $t_status -eq 0 ] || tail -n 60 "$tests_dir/.log" \
        | LC_ALL=C tr -c '[:print:]\n' '?' | sed 's/^/# /'
}

skip() {
    if [ -n "${ENVELOPE_NO_SKIP-}" ]; then
        result 1 "$1"
        echo "# cannot run: $2"
    else
        result 0 "$1" "SKIP $2"
    fi
}

with_tool() {
    with_tool=$1
    shift
    if command -v "$with_tool" >/dev/null; then
        t "$@"
    else
        skip "$1" "$with_tool is not installed"
    fi
}

skip_allowed() { # NAME REASON - ENVELOPE_NO_SKIP allows it
    result 0 "$1" "SKIP $2"
}

not_sanitized() { # REASON: skip all where the build is instrumented, and end
    [ -n "${ENVELOPE_SANITIZED-}" ] || return 0
    while [ $tests_run -lt $tests_planned ]; do
        skip_allowed "test $((tests_run + 1))" "$1"
    done
    exit 0
}

skip_rest() { # REASON: skip what has not run yet, and end
    while [ $tests_run -lt $tests_planned ]; do
        skip "test $((tests_run + 1))" "$1"
    done
    exit 0
}

need() {
    for command in "$@"; do
        [ "$command" != "$tests_dir/.no_python" ] \
            || skip_rest 'Python is not installed'
        command -v "$command" >/dev/null 2>&1 \
            || skip_rest "$command is not installed"
    done
}

provider() {
    "$OPENSSL" list -providers -provider envelope >.log 2>&1 && return
    echo "Bail out! openssl cannot load envelope.so from" \
        "${OPENSSL_MODULES:-its own directory}"
    sed 's/^/# /' .log
    tests_planned=$tests_run
    exit 1
}

# In a subshell under set -e, as tests are
set_up() {
    (
        set -ex
        "$@"
    ) </dev/null >.log 2>&1
    set_up_status=$?
    [ $set_up_status -ne 0 ] || return 0
    echo "Bail out! $* ends with $set_up_status"
    tail -n 60 .log | LC_ALL=C tr -c '[:print:]\n' '?' | sed 's/^/# /'
    tests_planned=$tests_run
    exit 1
}

# --- how things must end --------------------------------------------------

# The text of a reason, by its name without ENVELOPE_R_.
reason() {
    sed -n 's/^ *X(ENVELOPE_R_'"$1"', [0-9]*, "\([^"]*\)").*/\1/p' \
        "$srcdir/include/envelope/reasons.h" | grep .
}

# fails REASON COMMAND... - it ends with status 1, not by a signal and not
# after long, and the provider gives this reason; its messages are in ./err.
# The name any stands for a failure that is not the provider's.
fails() {
    fails_reason=$1
    shift
    fails_status=0
    "$@" 2>err || fails_status=$?
    cat err >&2
    [ "$fails_status" -eq 1 ]
    [ "$fails_reason" = any ] || says "$(reason "$fails_reason")"
}

# says TEXT - one of the provider's records in ./err has it as its reason
says() {
    [ -n "$1" ]
    grep '^[0-9A-F]*:error:[0-9A-F]*:envelope:' err | grep -qF ":$1:"
}

# nothing FILE... - the file is not there, or empty
nothing() {
    for file in "$@"; do
        [ ! -s "$file" ]
    done
}

# --- keys, ciphers, bytes -------------------------------------------------

# new_key NAME ARGUMENTS-OF-GENPKEY... - NAME.key, and NAME.pem, its public key
new_key() {
    new_name=$1
    shift
    "$OPENSSL" genpkey -quiet "$@" -out "$new_name.key" \
        && "$OPENSSL" pkey -in "$new_name.key" -pubout -out "$new_name.pem"
}

new_rsa() { # NAME BITS
    new_key "$1" -algorithm RSA -pkeyopt "rsa_keygen_bits:$2"
}

new_ec() { # NAME CURVE
    new_key "$1" -algorithm EC -pkeyopt "group:$2"
}

# A key of each kind that openssl enc is tested with, by its own name.
new_each_kind() {
    new_rsa rsa2048 2048
    new_rsa rsa4096 4096
    new_ec p256 P-256
    new_ec p384 P-384
    new_ec p521 P-521
    new_key x25519 -algorithm X25519
    new_key x448 -algorithm X448
}

# new_cert NAME [ARGUMENT-OF-REQ...] - NAME.crt around the key NAME.key; it is
# no CA's, and does not end soon
new_cert() {
    new_name=$1
    shift
    "$OPENSSL" req -x509 -new -key "$new_name.key" -subj "/CN=$new_name" \
        -days 300 -addext basicConstraints=critical,CA:FALSE "$@" \
        -out "$new_name.crt"
}

# ends_in DAYS - options of openssl x509 for a certificate that ends so many days
# from now.  From 3.4 on it must not begin after it has ended.
ends_in() {
    if [ "$1" -ge 0 ] || ! "$OPENSSL" x509 -help 2>&1 | grep -q -e -not_before
    then
        echo "-days $1"
    else
        echo "-not_before 20200101000000Z" \
            "-not_after $(date -u -d "$1 days" +%Y%m%d%H%M%SZ)"
    fi
}

# seal_to RECIPIENTS IN OUT [ARGUMENT-OF-ENC...]
seal_to() {
    seal_list=$1 seal_in=$2 seal_out=$3
    shift 3
    # shellcheck disable=SC2086 # $enc is words
    env ENVELOPE_RECIPIENTS="$seal_list" \
        $enc -K 0 -in "$seal_in" -out "$seal_out" "$@"
}

# open_with IDENTITIES IN OUT [ARGUMENT-OF-ENC...]
open_with() {
    open_list=$1 open_in=$2 open_out=$3
    shift 3
    # shellcheck disable=SC2086
    env ENVELOPE_IDENTITIES="$open_list" \
        $enc -d -K 0 -in "$open_in" -out "$open_out" "$@"
}

size_of() {
    wc -c <"$1" | tr -d ' '
}

# be32 FILE OFFSET - the big-endian number there, with zeros for what is not
be32() {
    # shellcheck disable=SC2046
    set -- $(od -An -v -tu1 -j "$2" -N 4 "$1" 2>/dev/null) 0 0 0 0
    echo $((($1 << 24) + ($2 << 16) + ($3 << 8) + $4))
}

# The header length of an envelope (FORMAT 2)
header_length() {
    be32 "$1" 20
}

# set_byte FILE OFFSET VALUE
set_byte() {
    # shellcheck disable=SC2059 # the format is the byte
    printf "\\$(printf %03o "$3")" \
        | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

# waits COMMAND... - until it is so, for 30 seconds at most
waits() {
    waits_tries=0
    until "$@"; do
        waits_tries=$((waits_tries + 1))
        [ $waits_tries -lt 600 ] || return 1
        sleep 0.05
    done
}

# ended STATUS COMMAND... - with this status, and what it says in ./err
ended() {
    ended_want=$1 ended_status=0
    shift
    "$@" 2>err || ended_status=$?
    cat err >&2
    [ "$ended_status" -eq "$ended_want" ]
}

# into_closed COMMAND... - its standard output is a pipe whose reader has gone
# before it begins; the status is its own
into_closed() {
    rm -f "$tests_dir/.closed"
    {
        until [ -e "$tests_dir/.closed" ]; do sleep 0.01; done
        closed_status=0
        "$@" || closed_status=$?
        echo $closed_status >"$tests_dir/.status"
    } | {
        exec <&-
        : >"$tests_dir/.closed"
    }
    return "$(cat "$tests_dir/.status")"
}

# flip FILE OFFSET [BITS] - turn bits over, the lowest one if not told
flip() {
    flip_byte=$(od -An -v -tu1 -j "$2" -N 1 "$1")
    set_byte "$1" "$2" $((flip_byte ^ ${3:-1}))
}
