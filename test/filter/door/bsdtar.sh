#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The distribution's bsdtar with the launcher and the module writes and reads
# encrypted archives as typed, with each format, compression, key and carrier.

. "${srcdir:-.}/test/support/tap.sh"

plan 23
. "$srcdir/test/filter/door/archives.sh"

make_all() {
    make_keys
    new_rsa third 2048
}

as_typed() {
    bsdtar --add-filter envelope --options envelope:recipient=ops.pem \
        -cf backup.tar dir
    sealed backup.tar
    export ENVELOPE_IDENTITIES=ops.key
    bsdtar -tvf backup.tar >out
    stock bsdtar -tvf plain.tar >want
    cmp want out
    unpacks backup.tar
}

compressed() { # OPTION TEST
    # shellcheck disable=SC2086
    bsdtar $for_ops "$1" -cf made dir
    sealed made
    raw_of made
    stock "$2" -t <stream.out
    unpacks made
}

compressed_bundle() {
    # shellcheck disable=SC2086
    bsdtar $for_ops -czf backup.tgz dir
    sealed backup.tgz
    raw_of backup.tgz
    gzip -t <stream.out
    unpacks backup.tgz
}

by_suffix() {
    # shellcheck disable=SC2086
    bsdtar $for_ops -caf made.tar.gz dir
    sealed made.tar.gz
    raw_of made.tar.gz
    gzip -t <stream.out
    unpacks made.tar.gz
}

format() { # FORMAT
    # shellcheck disable=SC2086
    bsdtar $for_ops --format "$1" -cf made dir
    sealed made
    ENVELOPE_IDENTITIES=ops.key bsdtar -tf made | LC_ALL=C sort >out
    stock bsdtar --format "$1" -cf stock.made dir
    stock bsdtar -tf stock.made | LC_ALL=C sort >want
    cmp want out
    rm -rf unpacked
    mkdir unpacked
    ENVELOPE_IDENTITIES=ops.key bsdtar -xf made -C unpacked
    diff -r dir unpacked/dir
    [ "$(readlink unpacked/dir/link)" = clear ]
}

to_stdout() {
    # shellcheck disable=SC2086
    bsdtar $for_ops -cf - dir >made
    sealed made
    unpacks made
    # shellcheck disable=SC2086
    bsdtar $for_ops -cf - dir | cat >made
    unpacks made
}

from_stdin() {
    rm -rf unpacked
    mkdir unpacked
    export ENVELOPE_IDENTITIES=ops.key
    bsdtar -xf - -C unpacked <backup.tar
    same_tree dir unpacked/dir
    rm -rf unpacked/dir
    # shellcheck disable=SC2002 # a pipe is what is meant
    cat backup.tar | bsdtar -xf - -C unpacked
    same_tree dir unpacked/dir
}

pipe_to_pipe() {
    rm -rf unpacked
    mkdir unpacked
    export ENVELOPE_IDENTITIES=ops.key
    # shellcheck disable=SC2086
    bsdtar $for_ops -czf - dir | bsdtar -xf - -C unpacked
    same_tree dir unpacked/dir
}

several_recipients() {
    bsdtar --add-filter envelope --options \
        envelope:recipient=ops.pem,envelope:recipient=other.pem \
        --options envelope:recipients=third.pem -cf many.tar dir
    sealed many.tar
    for name in ops other third; do
        ENVELOPE_IDENTITIES=$name.key bsdtar -xOf many.tar dir/clear >out
        cmp dir/clear out
    done
}

with_passphrase() {
    bsdtar --add-filter envelope --options envelope:passphrase-file=pw \
        -cf pass.tar dir
    sealed pass.tar
    bsdtar --options envelope:passphrase-file=pw -xOf pass.tar dir/clear >out
    cmp dir/clear out
    rm out
    complains 'envelope: ' bsdtar --options envelope:passphrase-file=other.pw \
        -tf pass.tar
}

identity_option() {
    bsdtar --options envelope:identity=ops.key -xOf backup.tar dir/clear >out
    cmp dir/clear out
    bsdtar --options envelope:identity=other.key,envelope:identity=ops.key \
        -tf backup.tar >out
    grep -qx dir/clear out
}

# With no module where libcrypto looks: the provider is built in.
identity_conf() {
    OPENSSL_MODULES=$PWD/nowhere
    export OPENSSL_MODULES
    cat >openssl.cnf <<'CNF'
openssl_conf = init
[init]
providers = providers
[providers]
envelope = envelope
[envelope]
activate = 1
recipients = ops.pem
identities = ops.key
CNF
    OPENSSL_CONF=openssl.cnf bsdtar --add-filter envelope -cf made dir
    sealed made
    OPENSSL_CONF=openssl.cnf bsdtar -xOf made dir/clear >out
    cmp dir/clear out
}

recipients_variable() {
    ENVELOPE_RECIPIENTS=ops.pem bsdtar --add-filter=envelope -cf made dir
    sealed made
    unpacks made
}

carrier() { # CARRIER BEGINS-WITH
    # shellcheck disable=SC2086
    bsdtar $for_ops --options "envelope:carrier=$1,envelope:threads=1" \
        -cf made dir
    head -c 100 made | grep -qaF "$2"
    ! grep -qaF "$marker" made || false
    unpacks made
}

t 'keys can be made' make_all
t '--add-filter envelope -cf, -tvf, -xf' as_typed
t '-czf is compressed, then encrypted' compressed_bundle
while read -r option tool; do
    if command -v "$tool" >.log; then
        t "$option is compressed, then encrypted" compressed "$option" "$tool"
    else
        skip "$option is compressed, then encrypted" "$tool is not installed"
    fi
done <<TOOLS
-J xz
--zstd zstd
TOOLS
t '-a takes the compression from the suffix' by_suffix
for name in cpio newc pax ustar zip 7zip; do
    t "--format $name, and back" format $name
done
t '-cf - into a file and into a pipe' to_stdout
t '-xf - from a file and from a pipe' from_stdin
t '-czf - | -xf -' pipe_to_pipe
t 'several recipients, in several --options' several_recipients
t 'a passphrase from a file' with_passphrase
t 'an identity from --options' identity_option
t 'recipients and identities from openssl.cnf' identity_conf
t 'recipients from the environment' recipients_variable
t 'carrier tar' carrier tar envelope/header
t 'carrier xbstream' carrier xbstream XBSTCK01
t 'carrier raw' carrier raw ENV
