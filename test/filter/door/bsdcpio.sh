#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The distribution's bsdcpio and bsdcat with the launcher and the module write
# and read encrypted archives, and all others as before.

. "${srcdir:-.}/test/support/tap.sh"

plan 7
. "$srcdir/test/filter/door/archives.sh"

make_all() {
    make_archives
    # shellcheck disable=SC2086
    bsdtar $for_ops -czf backup.tgz dir
}
set_up make_all

# shellcheck disable=SC2086 # no argument is none
cpio_out() { # ARGUMENT
    find dir | bsdcpio -o $1 --add-filter envelope \
        --options envelope:recipient=ops.pem >made.cpio
    sealed made.cpio
    find dir | bsdcpio -o $1 --add-filter=envelope \
        --options=envelope:recipient=ops.pem -O other.cpio
    sealed other.cpio
    rm -rf unpacked
    mkdir unpacked
    (cd unpacked && bsdcpio -idm --options envelope:identity=../ops.key \
        <../made.cpio)
    same_tree dir unpacked/dir
    ENVELOPE_IDENTITIES=ops.key bsdcpio -it -F other.cpio >out
    grep -qx dir/clear out
}

cpio_options() {
    find dir | bsdcpio -o \
        --options envelope:filter,envelope:recipient=ops.pem >made.cpio
    sealed made.cpio
    find dir | bsdcpio -o --options envelope:recipient=ops.pem >made.cpio
    sealed made.cpio
}

cpio_plain() {
    find dir | bsdcpio -o >plain.cpio
    find dir | stock bsdcpio -o >want
    cmp want plain.cpio
    bsdcpio -it <plain.cpio >out
    grep -qx dir/clear out
}

cpio_refuses() {
    complains 'no recipient' bsdcpio -o --add-filter envelope \
        --options envelope:threads=1 <list
    nothing said
    complains 'foo: unknown option' bsdcpio -o --options envelope:foo=1 <list
    nothing said
    complains 'envelope:... only' bsdcpio -o --options zip:compression=store \
        <list
    nothing said
    complains 'passphrase-file' bsdcpio -o --add-filter envelope \
        --options envelope:passphrase=hello <list
    nothing said
}

cat_files() {
    # shellcheck disable=SC2086
    bsdtar $for_ops --options envelope:carrier=raw -cf made dir
    gzip -c dir/clear >clear.gz
    export ENVELOPE_IDENTITIES=ops.key
    bsdcat backup.tgz >out
    stock bsdtar -tf out >members
    grep -qx dir/clear members
    bsdcat made >out
    raw_of backup.tar
    cmp stream.out out
    bsdcat clear.gz made clear.gz >all
    cat dir/clear out dir/clear | cmp - all
    bsdcat <clear.gz | cmp - dir/clear
}

cat_option() {
    bsdcat --options envelope:identity=ops.key backup.tgz >out
    stock bsdtar -tf out >members
    grep -qx dir/clear members
    complains 'envelope' bsdcat --options envelope:identity=other.key backup.tgz
    nothing said
}

t 'bsdcpio -o and -i' cpio_out ''
t 'bsdcpio -oz and -i' cpio_out -z
t 'bsdcpio --options envelope:filter' cpio_options
t 'bsdcpio without an envelope is the system'"'"'s' cpio_plain
t 'bsdcpio refuses what is wrong, and writes nothing' cpio_refuses
t 'bsdcat of envelopes, and of others' cat_files
t 'bsdcat with --options' cat_option
