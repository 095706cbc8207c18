#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Other tools read what the program writes, the program reads what they repack,
# and tar takes it for a compressor.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 29
. "$srcdir/test/filter/carrier/carriers.sh"

set_up make_all

# --- other tools read them ------------------------------------------------

fresh() { # DIRECTORY
    rm -rf "$1"
    mkdir "$1"
}

# quiet COMMAND... - no message; what it prints is in ./said
quiet() {
    "$@" >said 2>err || { cat said err >&2 && false; }
    cat err >&2
    [ ! -s err ]
}

members() {
    printf '%s\n' envelope/header envelope/key.p7m \
        envelope/payload.00000000 envelope/payload.00000001 \
        envelope/payload.00000002 envelope/payload.00000003 \
        envelope/payload.00000004
}

# The parts in ./x are exactly the raw stream.
same_parts() {
    find x -type f | sed 's|^x/||' | sort >names
    members | cmp - names
    (cd x && cat envelope/*) >joined
    carrier join a.tar | cmp - joined
}

lists() { # COMMAND... - the names, nothing else
    quiet "$@"
    members | cmp - said
}

gnu_tar() {
    lists tar -tf a.tar
    lists tar -itf a.tar
    fresh x
    quiet tar -xf a.tar -C x
    same_parts
    fresh x
    quiet sh -c 'cat a.tar | tar --warning=all -xf - -C x'
    same_parts
}

bsd_tar() {
    lists bsdtar -tf a.tar
    fresh x
    quiet bsdtar -xf a.tar -C x
    same_parts
    fresh x
    quiet sh -c 'cat a.tar | bsdtar -xf - -C x'
    same_parts
}

busybox_tar() {
    lists busybox tar -tf a.tar
    fresh x
    quiet busybox tar -xf a.tar -C x
    same_parts
    fresh x
    quiet sh -c 'cat a.tar | busybox tar -xf - -C x'
    same_parts
}

pax_tool() {
    lists pax -f a.tar
    fresh x
    quiet sh -c 'cd x && pax -r <../a.tar'
    same_parts
}

python_tarfile() { # MODE
    fresh x
    "$PYTHON" - "$1" <<'PYTHON' >names
import sys
import tarfile
with open("a.tar", "rb") as file, tarfile.open(
        fileobj=file, mode=sys.argv[1], errorlevel=2) as archive:
    for member in archive:
        archive.extract(member, "x")
        print(member.name)
        assert member.mode == 0o644 and member.uid == member.gid == 0
PYTHON
    members | cmp - names
    same_parts
}

seven_zip() {
    quiet 7z l -slt a.tar
    sed -n 's/^Path = \(envelope.*\)/\1/p' said >names
    members | cmp - names
    ! grep -Ei 'warning|error' said || false
    quiet 7z t a.tar
    ! grep -Ei 'warning|error' said || false
    fresh x
    quiet 7z x -ox a.tar
    ! grep -Ei 'warning|error' said || false
    same_parts
}

joined_by_tar() {
    # shellcheck disable=SC2086 # $enc is words
    tar -xOf a.tar | env ENVELOPE_IDENTITIES=ops.key $enc -d -K 0 | cmp plain -
    # shellcheck disable=SC2046,SC2086
    tar -xOf a.tar $(members) | env ENVELOPE_IDENTITIES=ops.key $enc -d -K 0 \
        | cmp plain -
}

mbstream_reads() { # [ARGUMENT...]
    for file in a.xb cloud.xb; do
        fresh x
        mbstream -x -C x "$@" <$file >said 2>&1
        cat said
        [ ! -s said ]
        (cd x/envelope && cat header key.p7m payload) >joined
        carrier join $file | cmp - joined
        open_with ops.key joined out
        cmp plain out
    done
}

with_tool tar 'GNU tar reads it' gnu_tar
with_tool bsdtar 'bsdtar reads it' bsd_tar
with_tool busybox 'busybox tar reads it' busybox_tar
with_tool pax 'pax reads it' pax_tool
t 'tarfile reads it' python_tarfile r:
t 'tarfile reads it from a pipe' python_tarfile 'r|'
with_tool 7z '7z reads it' seven_zip
with_tool tar 'what tar prints is the stream' joined_by_tar
with_tool mbstream 'mbstream reads it' mbstream_reads
with_tool mbstream 'mbstream reads it in parallel' mbstream_reads -p 4

# --- other tools repack them ----------------------------------------------

repack() { # COMMAND... - run where the members are, prints the archive
    [ -d m ] || { mkdir m && tar -xf a.tar -C m; }
    (cd m && "$@") >repacked
    opens repacked
}

repack_tarfile() {
    for format in PAX GNU USTAR; do
        repack "$PYTHON" -c "import sys, tarfile
with tarfile.open(fileobj=sys.stdout.buffer, mode='w|',
                  format=tarfile.${format}_FORMAT) as archive:
    archive.add('envelope')"
    done
}

# A directory in whichever order the file system has it: all or nothing.
repack_unsorted() {
    (cd m && tar -cf - envelope) >repacked
    if ! open_it repacked; then
        refuses CARRIER_MEMBER envelope/ repacked
    else
        cmp plain out
    fi
}

repack_7z() {
    (cd m && 7z a -ttar ../repacked.tar envelope >/dev/null)
    opens repacked.tar
}

repack_mbstream() {
    fresh x
    mbstream -x -C x <a.xb
    (cd x && mbstream -c envelope/header envelope/key.p7m envelope/payload) \
        >repacked
    opens repacked
    (cd x && mbstream -c envelope/payload envelope/key.p7m envelope/header) \
        >repacked
    opens repacked
}

appended() { # COMMAND... - appends ./short to ./appended.tar
    cp a.tar appended.tar
    "$@"
    refuses CARRIER_MEMBER short appended.tar
}

joined_carriers() {
    cat a.tar a.tar >made
    refuses CARRIER '' made
    cat a.xb a.xb >made
    refuses CARRIER_MEMBER envelope/header made
}

# Nested: an envelope of a carrier is that carrier again.
nested() {
    "$envelope" -r ops.pem <a.tar >made
    opens made a.tar
}

names='envelope/header envelope/key.p7m'
for n in 0 1 2 3 4; do
    names="$names envelope/payload.0000000$n"
done
# shellcheck disable=SC2086 # $names is words
{
    with_tool tar 'repacked by GNU tar' repack tar -cf - $names
    with_tool tar 'repacked by GNU tar, sorted, with directories' \
        repack tar --sort=name -cf - ./envelope
    with_tool tar 'repacked by GNU tar, all of the directory' \
        repack tar --sort=name -cf - .
    with_tool tar 'repacked by GNU tar, unsorted' repack_unsorted
    with_tool tar 'repacked by GNU tar with pax headers' \
        repack tar --sort=name --format=posix -cf - envelope
    with_tool bsdtar 'repacked by bsdtar' repack bsdtar -cf - $names
    with_tool bsdtar 'repacked by bsdtar with pax headers' \
        repack bsdtar --format=pax -cf - $names
    with_tool bsdtar 'repacked by bsdtar, tar to tar' \
        repack bsdtar -cf - @../a.tar
    with_tool busybox 'repacked by busybox tar' repack busybox tar -cf - $names
    with_tool pax 'repacked by pax' repack pax -w -x ustar $names
}
t 'repacked by tarfile' repack_tarfile
with_tool 7z 'repacked by 7z' repack_7z
with_tool mbstream 'repacked by mbstream' repack_mbstream
with_tool tar 'GNU tar appends' appended tar -rf appended.tar short
with_tool bsdtar 'bsdtar appends' appended bsdtar -rf appended.tar short
t 'two carriers in a row' joined_carriers
t 'an envelope of an envelope' nested

# --- as a compressor of tar -----------------------------------------------

same_tree() {
    diff -r tree x/tree
    [ "$(readlink x/tree/link)" = file1 ]
}

gnu_tar_filter() {
    env -i "$(command -v tar)" -I "$program -r $tests_dir/ops.pem" \
        -cf filtered.tar tree
    carrier join filtered.tar >joined
    fresh x
    env -i "$(command -v tar)" -I "$program -i $tests_dir/ops.key" \
        -xf filtered.tar -C x
    same_tree
    tar -tf filtered.tar | grep -qx envelope/key.p7m
    flip filtered.tar 300000
    fresh x
    status=0
    env -i "$(command -v tar)" -I "$program -i $tests_dir/ops.key" \
        -xf filtered.tar -C x || status=$?
    [ $status -ne 0 ]
}

bsdtar_filter() {
    bsdtar=$(command -v bsdtar)
    env -i "$bsdtar" --use-compress-program \
        "$program -r $tests_dir/ops.pem" -cf filtered.tar tree
    # To standard output it pads with zeros whatever the program prints.
    env -i "$bsdtar" --use-compress-program \
        "$program -r $tests_dir/ops.pem" -b 1000 -cf - tree >padded.tar
    for file in filtered.tar padded.tar; do
        carrier join $file >joined
        fresh x
        env -i "$bsdtar" --use-compress-program \
            "$program -d -i $tests_dir/ops.key" -xf $file -C x
        same_tree
    done
    flip filtered.tar 300000
    fresh x
    status=0
    env -i "$bsdtar" --use-compress-program \
        "$program -d -i $tests_dir/ops.key" -xf filtered.tar -C x || status=$?
    [ $status -ne 0 ]
}

with_tool tar 'GNU tar -I' gnu_tar_filter
with_tool bsdtar 'bsdtar --use-compress-program' bsdtar_filter
