#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs each fuzz target over its corpus: what once broke stays mended.
. "${srcdir:-.}/test/cli/tap.sh"

plan 5
for target in carrier header key_envelope open openssh; do
    t "corpus of $target" "$top_builddir/test/fuzz/replay_$target" \
        "$srcdir/test/fuzz/corpus/$target"
done
