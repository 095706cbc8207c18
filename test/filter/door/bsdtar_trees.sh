#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every kind of tree comes back from an encrypted archive as it was.

. "${srcdir:-.}/test/support/tap.sh"

plan 7
. "$srcdir/test/filter/door/archives.sh"

set_up make_keys

round_trip() { # TREE [ARGUMENT...]
    tree=$1
    shift
    # shellcheck disable=SC2086
    bsdtar $for_ops "$@" -cf made -C "$(dirname "$tree")" "$(basename "$tree")"
    sealed made
    rm -rf unpacked
    mkdir unpacked
    ENVELOPE_IDENTITIES=ops.key bsdtar -xpf made -C unpacked
    same_tree "$tree" "unpacked/$(basename "$tree")"
}

documents() {
    mkdir documents
    find /usr/share/doc -mindepth 1 -maxdepth 1 -type d | LC_ALL=C sort \
        | head -n 150 | while read -r name; do
        cp -a "$name" documents
    done
    [ "$(find documents | wc -l)" -gt 100 ]
    round_trip documents --zstd
}

sparse() {
    mkdir sparse
    truncate -s 200M sparse/hole
    echo end >>sparse/hole
    echo start | dd of=sparse/hole conv=notrunc 2>&1
    truncate -s 50M sparse/nothing
    round_trip sparse
    [ "$(du -k unpacked/sparse/hole | cut -f 1)" -lt 10000 ]
}

long_names() {
    part=$(printf '%0200d' 7)
    mkdir -p "long/$part/$part/$part"
    echo "$marker" >"long/$part/$part/$part/$part"
    ln -s "$part/$part/$part" "long/$part-link"
    echo x >"long/$(printf 'caf\303\251')"
    echo x >"$(printf 'long/new\nline')"
    round_trip long
}

hard_links() {
    mkdir links
    echo "$marker" >links/one
    ln links/one links/two
    ln links/one links/three
    mkfifo links/fifo
    round_trip links
    [ "$(stat -c %i unpacked/links/one)" -eq \
        "$(stat -c %i unpacked/links/three)" ]
}

attributes() {
    round_trip attributes
    getfattr -d -m user unpacked/attributes/file >found
    grep -qx 'user.colour="blue"' found
}

empty_archive() {
    # shellcheck disable=SC2086
    bsdtar $for_ops -cf made -T /dev/null
    sealed made
    ENVELOPE_IDENTITIES=ops.key bsdtar -tf made >out
    nothing out
    mkdir hollow
    round_trip hollow
    : >hollow/file
    round_trip hollow
}

large_and_skipped() {
    make_large
    round_trip large
    ENVELOPE_IDENTITIES=ops.key bsdtar -xOf made large/3 >out
    cmp large/3 out
    # shellcheck disable=SC2002
    cat made | ENVELOPE_IDENTITIES=ops.key bsdtar -tf - >out
    [ "$(wc -l <out)" -eq 4 ]
}

t 'documents' documents
t 'sparse files' sparse
t 'long names, odd names' long_names
t 'hard links, a fifo' hard_links
mkdir attributes
echo text >attributes/file
if command -v getfattr >.log \
    && setfattr -n user.colour -v blue attributes/file 2>.log; then
    t 'extended attributes' attributes
else
    skip 'extended attributes' 'they cannot be set here'
fi
t 'an empty archive, an empty directory, an empty file' empty_archive
t '80 MB, and members that are skipped' large_and_skipped
