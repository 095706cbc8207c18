#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Judges what the jobs of one envelope have printed:
#
#     collect.sh FILE N STATUS LINES...
#
# N jobs were asked for, and STATUS is what their engine ended with.  LINES are files
# with the lines of `envelope verify --part --json`.  The exit status is 0 only if
# the lines are the whole, every job has one, and the engine saw none fail.
set -eu
if [ $# -lt 4 ]; then
    echo "usage: collect.sh FILE N STATUS LINES..." >&2
    exit 2
fi
file=$1 n=$2 engine=$3
shift 3

status=0
verdict=$(envelope verify --parts "$@") || status=$?
[ -z "$verdict" ] || printf '%s\n' "$verdict" | while IFS= read -r words; do
    printf '%s: %s\n' "$file" "$words"
done

# A part may have no chunk: the others are the whole without its line.
lines=$(cat "$@" | wc -l)
parts=$(cat "$@" | sort -u | wc -l)
if [ "$parts" -lt "$n" ]; then
    echo "$file: $((n - parts)) of $n jobs have not said that they were done" >&2
    [ $status -ne 0 ] || status=1
fi
# Whoever had to run twice may have a bad disk, network or memory.
[ "$lines" -eq "$parts" ] \
    || echo "$file: $((lines - parts)) jobs were done more than once" >&2
if [ "$engine" -ne 0 ]; then
    echo "$file: a job has failed" >&2
    [ $status -ne 0 ] || status=1
fi
exit $status
