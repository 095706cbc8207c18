#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The same source gives the same files, whatever the folder is called that it is
# built in, and the same archive of the source.
#
# A part is built a second time, from what "make dist" would pack.  Where the
# first build has a folder of its own the second one is made in its source, and
# the other way round.

. "${srcdir:-.}/test/support/tap.sh"

plan 6
[ -n "${top_builddir-}" ] || skip_rest 'top_builddir is not set'
not_sanitized 'it is about what is installed'
: "${MAKE:=make}"
need "$MAKE" xz
tar --version 2>/dev/null | grep -q 'GNU tar' || skip_rest 'tar is not GNU tar'
grep -q '^PREFIX_MAP_CFLAGS = .' "$top_builddir/Makefile" \
    || skip_rest 'this compiler does not map the names of folders'
# As those of dpkg-buildflags do, for one folder and not for the second one.
! grep -q '^CFLAGS = .*-ffile-prefix-map' "$top_builddir/Makefile" \
    || skip_rest 'CFLAGS map the names of folders themselves'

# Not part of the make that runs the tests
unset MAKEFLAGS MFLAGS MAKEOVERRIDES GNUMAKEFLAGS MAKELEVEL DESTDIR

second=$tests_dir/another/second-source
build=$second
[ ! -e "$srcdir/config.status" ] || build=$second/a/build
parts='bsdtar-envelope envelope.la'
times='env SOURCE_DATE_EPOCH=1700000000'

# No file that is installed names where it was built.
no_folders() {
    for file in "$top_builddir"/.libs/*.so "$top_builddir/envelope" \
        "$top_builddir/bsdtar-envelope"; do
        [ -s "$file" ]
        ! grep -laF -e "$top_builddir/" -e "$srcdir/" "$file" || false
    done
}

source_is_packed() {
    mkdir another
    "$MAKE" -C "$top_builddir" distdir distdir="$second"
    [ -x "$second/configure" ]
}

configures() {
    mkdir -p "$build"
    cd "$build"
    eval "set -- $("$top_builddir/config.status" --config)"
    "$second/configure" -q "$@"
}

same_files() {
    # shellcheck disable=SC2086 # words
    "$MAKE" -s -j2 -C "$build" $parts
    cd "$build"
    # The first build is newer than any source, or it would not be tested.
    find . -name '*.o' >"$tests_dir/objects"
    [ "$(wc -l <"$tests_dir/objects")" -gt 40 ]
    while read -r object; do
        cmp "$object" "$top_builddir/$object"
    done <"$tests_dir/objects"
    cmp .libs/envelope.so "$top_builddir/.libs/envelope.so"
    cmp bsdtar-envelope "$top_builddir/bsdtar-envelope"
}

packs() {
    umask 077
    find "$second" -name '*.c' -exec chmod g+w {} +
    XZ_OPT=-0 $times "$MAKE" -s -C "$build" dist
    TZ=UTC0 tar -tvf "$build"/envelope-*.tar.xz >list
    [ "$(wc -l <list)" -gt 500 ]
}

# Nothing in it is of the user, of the day, of the folder or of the umask.
archive_is_plain() {
    awk '{ print $2, $4, $5 }' list | LC_ALL=C sort -u >got
    cat got
    [ "$(cat got)" = '0/0 2023-11-14 22:13' ]
    awk '{ print $1 }' list | LC_ALL=C sort -u >got
    cat got
    ! grep -vE '^(-rw-r--r--|-rwxr-xr-x|drwxr-xr-x)$' got || false
    # A folder comes before what is in it, and both in order.
    awk '{ print $6 }' list | sed 's,/$,,; s,/, ,g' >got
    LC_ALL=C sort <got >want
    diff want got
}

t 'no installed file names the folder it was built in' no_folders
t 'the source can be packed' source_is_packed
t 'and configured in another folder, in the same way' configures
t 'what is built there is bit for bit the same' same_files
t 'make dist with SOURCE_DATE_EPOCH' packs
t 'its archive has no owner, day, order or mode of its own' archive_is_plain
