#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# "make install" and "make uninstall" into other directories, of which configure
# refuses some, and where other programs are.
. "${srcdir:-.}/test/support/tap.sh"

plan 6
. "$srcdir/test/project/installation.sh"

# everywhere JOBS PREFIX LAUNCHERDIR - from nothing, and back to it
everywhere() {
    jobs=$1 dest=$tests_dir/everywhere prefix=$2 bindir=$2/bin launcherdir=$3
    rm -rf "$dest"
    set -- "prefix=$2" "launcherdir=$3" DESTDIR="$dest"
    "$MAKE" -j"$jobs" -C "$top_builddir" install "$@"
    for name in bsdtar bsdcat bsdcpio; do
        cmp "$top_builddir/bsdtar-envelope" "$dest$bindir/$name-envelope"
        is_launcher "$dest$launcherdir/$name"
    done
    "$MAKE" -j"$jobs" -C "$top_builddir" uninstall "$@"
    left_nothing
}

# A program that is there is never replaced, nor removed.
other_program() {
    dest=$tests_dir/taken
    mkdir -p "$dest/opt/taken"
    echo theirs >"$dest/opt/taken/bsdcpio"
    set -- launcherdir=/opt/taken DESTDIR="$dest"
    ! "$MAKE" -C "$top_builddir" install "$@" 2>err || false
    grep -q 'bsdcpio is another program' err
    "$MAKE" -C "$top_builddir" uninstall "$@"
    [ "$(cat "$dest/opt/taken/bsdcpio")" = theirs ]
    # Nor is a link to one, of any of the names, also where it leads nowhere.
    for name in bsdtar bsdcat bsdcpio; do
        ln -sf ../theirs "$dest/opt/taken/$name"
    done
    for there in no yes; do
        [ $there = no ] || cp /bin/true "$dest/opt/theirs"
        ! "$MAKE" -C "$top_builddir" install "$@" 2>err || false
        grep -q 'bsdtar is another program' err
        "$MAKE" -C "$top_builddir" uninstall "$@"
        for name in bsdtar bsdcat bsdcpio; do
            [ "$(readlink "$dest/opt/taken/$name")" = ../theirs ]
        done
    done
}

# configure_refuses WHAT OPTION... - it stops, and says which one
configure_refuses() {
    what=$1
    shift
    ! (mkdir -p refused && cd refused && "$srcdir/configure" -q "$@" 2>../err) ||
        return 1
    grep -q -- "$what" err
}

bad_directories() {
    configure_refuses with-modulesdir: --with-modulesdir
    configure_refuses with-modulesdir: --without-modulesdir
    configure_refuses with-modulesdir: --with-modulesdir=modules
    configure_refuses with-launcherdir: --with-launcherdir=bin
    configure_refuses 'with a space' --prefix='/opt/my own'
    configure_refuses 'with a space' --with-modulesdir='/opt/my own'
    mkdir -p 'a b'
    ! (cd 'a b' && "$srcdir/configure" -q 2>../err) || return 1
    grep -q 'with a space' err
}

for jobs in 1 8; do
    t "--prefix=/usr, make -j$jobs" \
        everywhere $jobs /usr /usr/libexec/envelope/bin
done
t '--with-launcherdir=DIR' everywhere 1 /opt/other /opt/other/door
t '--with-launcherdir=BINDIR' everywhere 8 /opt/other /opt/other/bin
t 'another program in DIR is left alone' other_program
if [ -x "$srcdir/configure" ] && [ ! -e "$srcdir/config.status" ]; then
    t 'directories that make cannot use are refused' bad_directories
else
    skip_allowed 'directories that make cannot use are refused' \
        'the source directory is configured'
fi
