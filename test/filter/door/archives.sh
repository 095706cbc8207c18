# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Keys, the tree ./dir, archives of it, and what an encrypted archive must be,
# for the tests of the launcher and the module.  Sourced after tap.sh and the
# plan, not run; it skips the rest where it cannot be tested.
#
#   stock COMMAND...     the system's own, without the launcher
#   make_keys            ops.key, other.key, a passphrase in ./pw, another in
#                        ./other.pw, ./plain.tar, the list of names ./list
#   make_archives        these, and ./backup.tar for the key ops
#   make_large           a tree of 80 MB
#
# The launcher's programs are the first in PATH.

[ -n "${top_builddir-}" ] || skip_rest 'top_builddir is not set'
need bsdtar bsdcat bsdcpio
provider

stock_path=$PATH
stock_bsdtar=$(command -v bsdtar)
. "$srcdir/test/filter/door/launchers.sh"
PATH=$tests_dir/bin:$PATH

stock() {
    env PATH="$stock_path" "$@"
}

marker='The text that nobody else shall read.'
mkdir -p dir/sub
echo "$marker" >dir/clear
head -c 300000 /dev/urandom >dir/sub/random
: >dir/empty
ln -s clear dir/link

for_ops='--add-filter envelope --options envelope:recipient=ops.pem'

make_keys() {
    new_ec ops P-256
    new_key other -algorithm X25519
    echo 'correct horse battery staple' >pw
    echo 'another passphrase' >other.pw
    echo dir/clear >list
    stock tar -cf plain.tar dir
}

make_archives() {
    make_keys
    # shellcheck disable=SC2086
    bsdtar $for_ops -cf backup.tar dir
}

make_large() {
    mkdir large
    head -c 40000000 /dev/urandom >large/1
    head -c 40000000 /dev/zero >large/2
    echo "$marker" >large/3
}

# --- what is checked ------------------------------------------------------

# sealed FILE - a tar carrier, nothing in it but the envelope, and no
# clear text anywhere
sealed() {
    [ -s "$1" ]
    ! grep -qaF "$marker" "$1" || false
    stock tar -tf "$1" >members
    head -n 2 members | tr '\n' ' ' \
        | grep -qx 'envelope/header envelope/key.p7m '
    ! grep -v '^envelope/' members || false
}

# raw_of FILE - the stream in a tar carrier, decrypted with openssl enc
raw_of() {
    stock tar -xOf "$1" >stream.env
    open_with ops.key stream.env stream.out
}

# tree DIRECTORY - a line for each file: type, mode, size, target, links, time
tree() {
    (cd "$1" && find . ! -type d -printf '%P %y %m %s %l %n %T@\n' \
        -o -printf '%P %y %m %T@\n') | sed 's/\.[0-9]*$//' | LC_ALL=C sort
}

# same_tree DIRECTORY OTHER
same_tree() {
    diff -r --no-dereference -x fifo "$1" "$2"
    tree "$1" >tree.1
    tree "$2" >tree.2
    [ -s tree.1 ]
    diff tree.1 tree.2
}

# unpacks FILE [ARGUMENT...] - bsdtar restores ./dir from it
unpacks() {
    unpacks_file=$1
    shift
    rm -rf unpacked
    mkdir unpacked
    ENVELOPE_IDENTITIES=ops.key bsdtar "$@" -xpf "$unpacks_file" -C unpacked
    same_tree dir unpacked/dir
}

# untouched FILE COMMAND... - the file is what it was, whatever happens
untouched() {
    untouched_file=$1
    cp -p "$untouched_file" before
    shift
    "$@"
    cmp before "$untouched_file"
}

append() { # MODE FILE ARGUMENT... - is refused
    mode=$1 file=$2
    shift 2
    cp "$file" appended
    untouched appended \
        complains 'cannot append' bsdtar "$@" "$mode" -f appended dir/clear
}

# full_little - a full disk is told, where the last write is the first
full_little() {
    # shellcheck disable=SC2086
    complains 'envelope: ' bsdtar $for_ops -cf /dev/full dir/empty
    # shellcheck disable=SC2086
    echo dir/empty | bsdcpio -o $for_ops >/dev/full 2>err && return 1
    grep -qF 'envelope: ' err
}
