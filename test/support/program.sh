# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# The envelope command of this build, as $envelope, and how it must end.
# Sourced after tap.sh.

# What is in the build directory may be libtool's script, which takes its time.
program=$top_builddir/envelope
envelope=$program
if [ -x "$top_builddir/.libs/envelope" ]; then
    envelope=$top_builddir/.libs/envelope
    LD_LIBRARY_PATH=$top_builddir/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    export LD_LIBRARY_PATH
fi
if [ ! -x "$envelope" ]; then
    echo "Bail out! $envelope is not there"
    tests_planned=0
    exit 1
fi

csi=$(printf '\302\233') # U+009B, which some terminals obey

# Is the program there to take SIGUSR1?  A shell that is about to become it may
# catch that as well, and dies of it.
catches_usr1() { # PID
    grep -q '^Name:.*envelope' "/proc/$1/status" \
        && grep -q '^SigCgt:.*[2367abef]..$' "/proc/$1/status"
}

# exits STATUS COMMAND... - with this status and, unless that is 0, with clear
# messages that are in ./err: one of ours, and one hint at most
exits() {
    exits_want=$1 exits_status=0
    shift
    echo "+ $*" >&2
    set +x # it would go to ./err
    "$@" 2>err || exits_status=$?
    set -x
    cat err >&2
    [ "$exits_status" -eq "$exits_want" ]
    ! grep -vE '^(envelope|hint): ' err || false
    [ "$(grep -c '^hint: ' err)" -le 1 ]
    ! LC_ALL=C grep '[[:cntrl:]]' err || false
    ! grep -F "$csi" err || false
    [ "$exits_want" -eq 0 ] || [ -s err ]
}

# steady_text LENGTH - different blocks, without end or random numbers
steady_text() {
    "$PYTHON" -c 'import hashlib, sys
for i in range(int(sys.argv[1]) // 64 + 1):
    sys.stdout.buffer.write(hashlib.sha512(b"%d" % i).digest())' "$1" \
        | head -c "$1"
}
