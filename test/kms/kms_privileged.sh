#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A program that has the rights of another user asks no key service, whoever names one,
# and does everything else.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 3
not_sanitized 'the run-time of the sanitizers is not made for such programs'

# With a bit for the file's owner, who is not the one that runs it
privileged() {
    "$envelope" keygen -o ops.key
    cp "$envelope" ours
    chmod 755 . ours
    chown nobody ours
    chmod u+s ours
    echo plain >plain
    chmod 644 plain ops.pub
    "$envelope" encrypt -r ops.pub -o sealed plain
}

# The bits may count for nothing where the file lies, and only root can give a file
# away.
if [ "$(id -u)" -ne 0 ] || ! id nobody >/dev/null 2>&1; then
    for name in 1 2 3; do skip_allowed "test $name" 'this user cannot give files away'; done
    exit 0
fi
set_up privileged
# The dynamic linker lists what is loaded, but not for such a program.
if LD_TRACE_LOADED_OBJECTS=1 ./ours 2>/dev/null | grep -q '=>'; then
    for name in 1 2 3; do skip_allowed "test $name" 'set-uid counts for nothing here'; done
    exit 0
fi

refused() {
    for uri in awskms:///alias/orders?region=eu-central-1 vault:transit/keys/orders \
        execkms://own/key httpkms://own/key tencentkms://ap-guangzhou/key; do
        exits 1 ./ours encrypt -r "$uri" plain >out
        grep -q '^envelope: .*a program that has the rights of another user' err
        [ ! -s out ]
        exits 1 "$envelope" encrypt -r none.pub -r "$uri" plain >out
        ! grep -q 'rights of another user' err || false
    done
}

identities() {
    exits 3 ./ours decrypt -i awskms: sealed >out
    grep -q 'a program that has the rights of another user' err
    [ ! -s out ]
}

# root's own files are not to be read with the rights of nobody.
others() {
    ./ours encrypt -r ops.pub plain | "$envelope" decrypt -i ops.key | cmp - plain
}

t 'recipients in key services' refused
t 'identities in key services' identities
t 'keys in files' others
