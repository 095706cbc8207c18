# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What "make install" needs here, where it puts things, and what must be left
# after "make uninstall".  Sourced after tap.sh and the plan, not run.

[ -n "${top_builddir-}" ] || skip_rest 'top_builddir is not set'
: "${MAKE:=make}"
need "$MAKE"

# Not part of the make that runs the tests
unset MAKEFLAGS MFLAGS MAKEOVERRIDES GNUMAKEFLAGS MAKELEVEL DESTDIR

dest=$tests_dir/dest

# make_value NAME - what a variable of the Makefile stands for
make_value() {
    printf 'include Makefile\nenvl-print:\n\t@echo "$(%s)"\n' "$1" \
        | "$MAKE" -s -C "$top_builddir" --no-print-directory -f - envl-print \
        | tail -n 1
}

# No file, and no folder of the project
left_nothing() {
    find "$dest" ! -type d >rest
    find "$dest$prefix" -mindepth 1 -type d -name envelope >>rest
    cat rest
    nothing rest
    [ "$launcherdir" = "$bindir" ] || [ ! -d "$dest$launcherdir" ]
}
