#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs each fuzz target over its corpus: what once broke stays mended.
. "${srcdir:-.}/test/support/tap.sh"

plan 13
for target in carrier diff header inside key_envelope kms_reply kms_sign \
    kms_text known_hosts open openssh receipt signatures; do
    if [ -x "$top_builddir/test/fuzz/fuzz_$target" ]; then
        t "corpus of $target" "$top_builddir/test/fuzz/fuzz_$target" \
            "$srcdir/test/fuzz/corpus/$target"
    else
        skip "corpus of $target" "it is not built"
    fi
done
