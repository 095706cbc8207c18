#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Stands for all programs that need cmocka, where that is not installed.
. "${srcdir:-.}/test/support/tap.sh"

plan 1
skip 'unit tests, and those of the interface and of archives' \
    'cmocka is not installed'
