#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# bench/run works from end to end; how fast anything is, no test asks.
. "${srcdir:-.}/test/support/tap.sh"

plan 5

need "$PYTHON"
if [ -n "${ENVELOPE_SANITIZED-}" ]; then
    for name in runs chart groups paths peers; do
        skip_allowed "$name" 'an instrumented build is not measured'
    done
    exit 0
fi

results="$tests_dir/results"

runs() {
    "$PYTHON" "$srcdir/bench/run" --build "$top_builddir" --size 8 --turns 1 \
        --quick --dir "$tests_dir" --out "$results" 2>&1
}

chart_is_well_formed() {
    "$PYTHON" -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' \
        "$results/speed.svg"
}

# Every group but the database, which a quick run leaves out.
all_groups() {
    "$PYTHON" - "$results/speed.json" <<'CHECK'
import json, sys
groups = json.load(open(sys.argv[1]))["groups"]
assert {"null", "file", "pipe", "memory", "parts", "small", "member"} <= set(
    groups), groups
CHECK
}

# They are published: nothing in them says where they were made.
no_paths() {
    ! grep -rF "$tests_dir" "$results" || false
    ! grep -rF "$(cd "$top_builddir" && pwd)" "$results" || false
}

# The row of README, which no other size changes
peers() {
    "$srcdir/bench/peers" --build "$top_builddir" --size 4 >table
    cat table
    row=$(sed -n 's/^| envelope | [0-9.]* | [0-9]* MiB //p' table)
    [ -n "$row" ]
    grep -qxF "| envelope | 0.9.0 | 10 MiB $row" "$srcdir/README.md"
    grep -q '^| openssl cms | .* | \*\*altered data\*\* | a whole file |$' table
}

t "a quick run" runs
t "its chart is well-formed" chart_is_well_formed
t "all groups are in its results" all_groups
t "no directory of this machine is" no_paths
t "what the others do" peers
