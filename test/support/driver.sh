#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs one test program by automake's driver for TAP, and says in one line how it
# ended and how long it took.
#     driver.sh TAP-DRIVER --test-name NAME ... --trs-file FILE ... -- PROGRAM...
name='' trs=''
start=$(date +%s)
previous=''
for word in "$@"; do
    case $previous in
    --test-name) name=$word ;;
    --trs-file) trs=$word ;;
    esac
    [ "$word" != -- ] || break
    previous=$word
done
status=0
sh "$@" || status=$?

count() {
    grep -c "^:test-result: $1" "$trs" 2>/dev/null || :
}
printf 'suite %-34s %4d passed, %d failed, %d skipped, %d s\n' "$name" \
    "$(count PASS)" "$(($(count FAIL) + $(count XPASS) + $(count ERROR)))" \
    "$(count SKIP)" "$(($(date +%s) - start))"
exit $status
