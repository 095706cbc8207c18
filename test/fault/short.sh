#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A few calls fail under each program, the same ones each time; and jobs that
# are broken on purpose are noticed.  run.py alone takes more time.
. "${srcdir:-.}/test/support/tap.sh"

: "${CC:=gcc}"
plan 3
[ -n "${top_builddir-}" ] || skip_rest 'top_builddir is not set'
need bsdtar "$CC" tar

# With sanitizers it takes longer.
faults=200
[ -z "${ENVELOPE_SANITIZED-}" ] || faults=60

run() {
    "$PYTHON" "$srcdir/test/fault/run.py" --build "$top_builddir" "$@"
}

t 'jobs that are broken on purpose are noticed' run --self-test
t 'without threads all goes on' run --fault pthread_create:1+:EAGAIN
t 'whatever fails: nothing incomplete, nothing lost' run --faults $faults
