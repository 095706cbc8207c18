#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The pages of bsdtar, of the libraries and of the format: every example is run, or
# is named here with the reason why not.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 5
: "${CC:=cc}"
. "$srcdir/test/project/printed_support.sh"
need "$CC" bsdtar bsdcpio bsdcat mbstream pkg-config ssh-keygen zstd
mkdir home
HOME=$tests_dir/home
export HOME

# One that is extracted is what was archived.
extracts() { # TEXT [DIRECTORY]
    rm -rf was
    mv dir was
    one "$1"
    diff -r was dir
}

bsdtars() {
    page doc/bsdtar-envelope.1
    new_ec ops P-256
    certificate escrow
    mkdir dir
    head -c 300000 /dev/urandom >dir/file
    echo 'correct horse' >pw
    one 'bsdtar-envelope --add-filter envelope'
    one 'bsdtar-envelope --options envelope:identity=ops.key -tvf'
    extracts 'bsdtar-envelope --options envelope:identity=ops.key -xf'
    one 'PATH='
    one 'bsdtar --add-filter envelope'
    bsdtar-envelope --options envelope:identity=ops.key -xOf typed.tar dir/file \
        | cmp - dir/file
    one 'set -o pipefail'
    one 'export ENVELOPE_RECIPIENTS'
    one 'bsdtar-envelope --add-filter envelope --zstd'
    one 'bsdtar-envelope --add-filter envelope --format=zip'
    one 'export ENVELOPE_IDENTITIES'
    extracts 'bsdtar-envelope -xf backup.tar.zst'
    cp backup.tar.zst "$tests_dir/store"
    extracts 'ssh store cat'
    one 'bsdtar-envelope --add-filter envelope --options envelope:passphrase-file=pw'
    extracts 'bsdtar-envelope --options envelope:passphrase-file=pw'
    one 'find dir'
    ENVELOPE_IDENTITIES=ops.key bsdtar-envelope -tf backup.cpio | grep -qx dir/file
    bsdtar-envelope --add-filter envelope \
        --options envelope:recipient=ops.pem -cf backup.tar dir
    one 'bsdcat-envelope'
    # A line of crontab(5): after the five fields, in one line
    becomes crontab '30 2 * * *'
    sed 's/^30 2 [*] [*] [*] //' crontab | tr -d '\n' >command
    bash command
    bsdtar-envelope --options "envelope:identity=$root/etc/backup/ops.key" \
        -xOf "$root/srv/backup/etc.tgz" "${root#/}/etc/backup/ops.pub" \
        | cmp - "$root/etc/backup/ops.pub"
    one "bsdtar --use-compress-program 'envelope -r"
    extracts "bsdtar --use-compress-program 'envelope -d"
    one "tar -I 'envelope -r"
    extracts "tar -I 'envelope -i"
    page_ends
}

evp() {
    page doc/EVP_CIPHER-ENVELOPE.7
    new_ec ops P-256
    ssh-keygen -q -t ecdsa -b 256 -N 'old words' -f COPY
    runs 'ssh-keygen -p -m PKCS8 -f COPY' 'expect:old passphrase' echo:off \
        'send:old words\n' 'expect:new passphrase' echo:off \
        'send:words\n' 'expect:same passphrase' echo:off 'send:words\n'
    echo words >pw
    echo data | envelope -r COPY.pub -o data.env
    [ "$(envelope -d -i COPY --passphrase-file pw data.env)" = data ]
    for language in '$key' 'cipher = ' 'const key' '$pipe'; do
        leaves "$language" 'languages.sh runs whole programs'
    done
    becomes filter.c '#include'
    # shellcheck disable=SC2046 # words
    "$CC" -Wall -Wextra -Werror -o filter filter.c \
        $(pkg-config --cflags envelope libcrypto) -lcrypto
    head -c 300000 /dev/urandom >plain
    ./filter <plain >plain.env
    envelope -d -i ops.key plain.env | cmp - plain
    page_ends
}

archive() {
    page doc/envelope_archive.3
    new_ec ops P-256
    certificate escrow
    leaves 'struct envelope_option {' 'a declaration'
    becomes motd.c '#include'
    runs 'cc motd.c'
    LD_LIBRARY_PATH=$libdir ./a.out
    bsdtar-envelope --options envelope:identity=ops.key -xOf a.tar.zst motd >out
    [ "$(cat out)" = hello ]
    page_ends
}

format_5() {
    page doc/envelope.5
    leaves '"envelope v1 signature"' 'a formula'
    leaves 'context = prelude' 'a formula'
    page_ends
}

format_md() {
    page doc/format.md
    leaves 'stream  = header' 'a formula'
    leaves 'ContentInfo' 'ASN.1'
    leaves '30 15' 'bytes'
    leaves '30 10' 'bytes'
    leaves 'kemct  ' 'a formula'
    leaves '2.25.' 'an object identifier'
    leaves 'KEKSource ::=' 'ASN.1'
    leaves 'context = prelude' 'a formula'
    leaves 'field()' 'test/interop/stranger.sh runs it'
    leaves 'import sys' 'test/interop/stranger.sh runs it'
    leaves 'openssl cms' 'test/interop/stranger.sh runs it'
    leaves 'set -- ' 'test/interop/stranger.sh runs it'
    leaves 'from cryptography' 'test/interop/stranger.sh runs it'
    leaves 'import hashlib' 'test/interop/stranger.sh runs it'
    keys ops
    envelope -r ops.pub --carrier tar -o backup.tar "$tests_dir/backup.xb"
    envelope -r ops.pub -o backup.xb "$tests_dir/backup.xb"
    export ENVELOPE_IDENTITIES=ops.key
    one 'set -o pipefail'
    one 'tar -xOf'
    cmp data "$tests_dir/backup.xb"
    rm data
    one 'mkdir dir'
    one 'cat dir'
    cmp data "$tests_dir/backup.xb"
    leaves 'M = ' 'a formula'
    leaves 'Signatures ' 'ASN.1'
    leaves '30 LL 06' 'bytes'
    leaves 'field()' 'test/interop/signatures.sh runs it'
    page_ends
}

# A backup as servers make them
make_backup() {
    head -c 12000000 /dev/urandom >table
    mbstream -c table >backup.xb
}

set_up machine
set_up make_backup
PATH=$bindir:$tests_dir/stand-ins:$PATH

t 'bsdtar-envelope(1)' bsdtars
t 'EVP_CIPHER-ENVELOPE(7)' evp
t 'envelope_archive(3)' archive
t 'envelope(5)' format_5
t 'format.md' format_md
