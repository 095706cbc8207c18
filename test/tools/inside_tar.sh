#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# envelope list and envelope extract on tars of all programs and formats: what comes
# out unpacks to what tar itself unpacks of the whole.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 24
. "$srcdir/test/tools/command_support.sh"
need tar
set_up make_all

# A name of this many letters
letters() {
    printf "%0$1d" 0 | tr 0 "$2"
}

tree() {
    mkdir -p tree/dir/deep tree/empty "tree/$(letters 120 d)"
    head -c 300000 /dev/urandom >tree/dir/big
    echo small >tree/dir/deep/small
    : >tree/dir/nothing
    ln tree/dir/big tree/dir/hard
    ln -s dir/big tree/sym
    ln -s "$(letters 150 s)" tree/far
    echo long >"tree/$(letters 120 d)/$(letters 180 f)"
    echo words >'tree/dir/two words'
    echo 'grün' >'tree/grün'
    # Five extents, so that a GNU header has a second block, and a hole at the end
    for at in 1 3 5 7 9; do
        echo $at | dd of=tree/sparse bs=65536 seek=$at conv=notrunc 2>/dev/null
    done
    truncate -s 2000000 tree/sparse
}
set_up tree

seal() { # FILE [ARGUMENT...] - of standard input
    sealed=$1
    shift
    "$envelope" encrypt -r ops.pem -f -o "$sealed" "$@"
}

# unpacked FILE DIRECTORY
unpacked() {
    rm -rf "$2"
    mkdir "$2"
    tar -xf "$1" -C "$2"
}

# What is listed is what tar lists.  All members are the same archive, single ones
# are what they are in the whole.
agrees() { # CARRIER
    for carrier in "$@"; do
        seal e --carrier "$carrier" --piece-size 65536 <whole
        exits 0 "$envelope" list -i ops.key e >listed
        tar --quoting-style=literal -tf whole | cmp - listed
        exits 0 "$envelope" extract -i ops.key e '*' >all
        unpacked all got
        diff -r --no-dereference want got
        [ $(($(size_of all) % 10240)) -eq 0 ]
        exits 0 "$envelope" extract -i ops.key -f -o some e 'tree/di*/deep' \
            ./tree/sparse "$long"
        unpacked some got
        (cd got && find . ! -type d | LC_ALL=C sort) >names
        [ "$(wc -l <names)" -ge 2 ]
        while read -r name; do
            cmp "want/$name" "got/$name"
        done <names
    done
}

long="tree/$(letters 119 d)?"

# whole COMMAND... - its standard output is the archive
whole() {
    "$@" >whole
    unpacked whole want
    agrees raw tar xbstream
}

gnu() { # FORMAT [ARGUMENT...]
    gnu=$1
    shift
    whole tar --format="$gnu" "$@" -cf - tree
}

# Old formats have no names of any length: those are left out, with a warning.
old() { # COMMAND...
    "$@" >whole 2>err || true
    unpacked whole want
    long='tree/dir/nothin[g]'
    agrees raw
}

t "GNU tar, gnu" gnu gnu
t "GNU tar, gnu, sparse" gnu gnu -S
t "GNU tar, oldgnu, sparse" gnu oldgnu -S
t "GNU tar, posix" gnu posix
for version in 0.0 0.1 1.0; do
    t "GNU tar, posix, sparse $version" gnu posix -S \
        --sparse-version=$version
done
t "GNU tar, posix, with a global header" gnu posix --pax-option=comment=all
t "GNU tar, ustar" old tar --format=ustar -cf - tree
t "GNU tar, v7" old tar --format=v7 -cf - tree
t "GNU tar, dumpdirs" gnu gnu --listed-incremental=state
for format in pax gnutar ustar v7tar; do
    with_tool bsdtar "bsdtar, $format" old bsdtar --format=$format -cf - tree
done

by_python() { # FORMAT
    whole "$PYTHON" -c 'import sys, tarfile
form = getattr(tarfile, sys.argv[1] + "_FORMAT")
with tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=form) as tar:
    tar.add("tree")' "$1"
}
t "Python, GNU" by_python GNU
t "Python, PAX" by_python PAX

# --- what is taken ----------------------------------------------------------

# takes NAMES PATTERN... - these members, one a line, of the archive
takes() {
    takes_names=$1
    shift
    exits 0 "$envelope" extract -i ops.key e "$@" >some
    tar -tf some | LC_ALL=C sort >have
    printf "$takes_names" | cmp - have
}

patterns() {
    mkdir -p p/a/b p/ab
    echo 1 >p/a/b/c.d
    echo 2 >p/ab/x
    echo 3 >'p/[x]'
    tar -cf - ./p | seal e
    takes './p/a/\n./p/a/b/\n./p/a/b/c.d\n' p/a
    takes './p/a/\n./p/a/b/\n./p/a/b/c.d\n' ./p/a/
    takes './p/a/b/c.d\n' '*.d'
    takes './p/a/b/c.d\n./p/ab/x\n' 'p/?*/[cx]*'
    takes './p/[x]\n' 'p/\[x]'
    takes './p/\n./p/[x]\n./p/a/\n./p/a/b/\n./p/a/b/c.d\n./p/ab/\n./p/ab/x\n' .
    takes './p/ab/x\n' p/ab/x p/ab/x './p/ab/*'
    exits 0 "$envelope" list -i ops.key e 'p/*b/*' >listed
    printf './p/a/b/c.d\n./p/ab/x\n' >want_p
    LC_ALL=C sort listed | cmp want_p -
    exits 0 "$envelope" list -i ops.key <e >listed
    [ "$(wc -l <listed)" -eq 7 ]
    exits 0 "$envelope" extract -i ops.key - p/ab/x <e >some
    [ "$(tar -xOf some)" = 2 ]
}
t "patterns" patterns

hard_links() {
    tar -cf whole tree/dir/big tree/dir/hard
    seal e <whole
    exits 0 "$envelope" extract -i ops.key e 'tree/dir/har?' >some
    says_that 'e: tree/dir/hard: a hard link to tree/dir/big, which no pattern matches'
    tar -tvf some | grep '^h.* tree/dir/hard link to tree/dir/big$'
    exits 0 "$envelope" extract -i ops.key e tree/dir >some
    [ ! -s err ]
    cmp whole some
}
t "hard links" hard_links

# The header for all, those of one member, its data, nothing else
byte_for_byte() {
    tar --format=posix --pax-option=comment=all -cf whole tree/dir/deep/small \
        "tree/$(letters 120 d)" tree/sym
    seal e <whole
    "$envelope" list -i ops.key --json e >listed
    jq -r 'select(.type == "symlink") | "\(.offset) \(.length)"' listed >place
    read -r at length <place
    exits 0 "$envelope" extract -i ops.key e tree/sym >some
    { head -c 1024 whole && tail -c +$((at + 1)) whole | head -c "$length"; } \
        >want_bytes
    head -c $((1024 + length)) some | cmp - want_bytes
    tail -c +$((1025 + length)) some | tr -d '\000' | cmp - /dev/null
    exits 0 "$envelope" decrypt -i ops.key --range "$at:$length" e >range
    tail -c +1025 want_bytes | cmp - range
}
with_tool jq "members are copied byte for byte" byte_for_byte

# --- hostile ones -----------------------------------------------------------

# Names that would do something to a terminal; not UTF-8 either
odd_names() {
    "$PYTHON" -c 'import io, sys, tarfile
with tarfile.open(fileobj=sys.stdout.buffer, mode="w|",
                  format=tarfile.PAX_FORMAT) as tar:
    for name in ("a\x1b[2Jb", "new\nline", "\u202eright", "bytes\udcff"):
        info = tarfile.TarInfo(name)
        info.type, info.linkname = tarfile.SYMTYPE, "to\x1b"
        tar.addfile(info)' >whole
    seal e <whole
    exits 0 "$envelope" list -i ops.key e >listed
    printf 'a?[2Jb\nnew?line\n?right\nbytes?\n' | cmp - listed
    exits 0 "$envelope" list -i ops.key --json e >listed
    ! LC_ALL=C grep -q '[[:cntrl:]]' listed || false
    grep -q '"path":"new\\u000aline"' listed
    grep -q '"path_base64":"Ynl0ZXP/"' listed
    exits 0 "$envelope" extract -i ops.key e 'new*' >some
    [ "$(tar --quoting-style=escape -tf some)" = 'new\nline' ]
}
t "names for a terminal" odd_names

# A cut anywhere is told before there is a member.
cut_inside() {
    tar -cf whole tree/dir
    size=$(size_of whole)
    for n in 512 1024 1536 5000 10240 100000 $((size - 10240)); do
        head -c $n whole | seal e --any-end
        exits 5 "$envelope" list -i ops.key e >listed
        says_that 'malformed archive inside: the tar lacks its end'
        exits 5 "$envelope" extract -i ops.key e '*' >some
        nothing listed some
    done
}
t "a tar that was cut before it was encrypted" cut_inside

# What follows a member that is wrong does not count, what came before it does.
wrong_inside() {
    tar --format=ustar -cf whole tree/dir/deep/small tree/dir/big
    flip whole 1030
    seal e --any-end <whole
    exits 5 "$envelope" list -i ops.key e >listed
    says_that 'malformed archive inside: the tar header at byte 1024 is damaged'
    [ "$(cat listed)" = tree/dir/deep/small ]
    exits 5 "$envelope" extract -i ops.key -o made e '*'
    [ ! -e made ]
}
t "a wrong header" wrong_inside

# Many small members: neither memory nor time grow with more than their number.
many() {
    "$PYTHON" -c 'import sys, tarfile
block = tarfile.TarInfo("member").tobuf()
for i in range(4000):
    sys.stdout.buffer.write(block * 100)
sys.stdout.buffer.write(bytes(1024))' | seal e
    (ulimit -v 400000 && timeout 60 "$envelope" list -i ops.key e) | wc -l \
        >lines
    [ "$(cat lines)" -eq 400000 ]
}
if [ -n "${ENVELOPE_SANITIZED-}" ]; then
    skip_allowed "many members" "memory is limited"
else
    t "many members" many
fi
