#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The packages agree with the project: every file that "make install" puts
# somewhere is in exactly one of Debian's and in exactly one of the spec's, and
# versions, symbols, examples and the copyright are the same everywhere.

. "${srcdir:-.}/test/support/tap.sh"

plan 12
[ -n "${top_builddir-}" ] || skip_rest 'top_builddir is not set'
: "${MAKE:=make}"
need "$MAKE" nm readelf

# Not part of the make that runs the tests
unset MAKEFLAGS MFLAGS MAKEOVERRIDES GNUMAKEFLAGS MAKELEVEL DESTDIR

debian=$srcdir/debian
spec=$srcdir/packaging/envelope.spec
dest=$tests_dir/dest
libdir=usr/lib/arch

# value NAME - what a variable of the Makefile stands for, if that is plain text
value() {
    sed -n "s/^$1 = //p" "$top_builddir/Makefile"
}

# --- the installation -----------------------------------------------------

# options FILE COMMAND - what the packages give configure besides directories
options() {
    sed -n "s/^[[:space:]]*$2 *//p" "$1" | sed 's/^-- //'
}

# None that changes what is installed, except where key services cannot be.
same_options() {
    [ "$(options "$debian/rules" dh_auto_configure)" = --disable-hardening ]
    [ "$(options "$spec" %configure)" \
        = '--disable-hardening %{!?with_kms:--without-kms}' ]
}

# Into the directories that dpkg-buildpackage and rpmbuild say
installs() {
    share=/usr/share
    "$MAKE" -s -C "$top_builddir" install DESTDIR="$dest" prefix=/usr \
        exec_prefix=/usr bindir=/usr/bin libexecdir=/usr/libexec \
        includedir=/usr/include libdir=/$libdir sysconfdir=/etc \
        datarootdir=$share datadir=$share mandir=$share/man \
        docdir=$share/doc/envelope pkgconfigdir=/$libdir/pkgconfig \
        modulesdir=/$libdir/ossl-modules \
        launcherdir=/usr/libexec/envelope/bin
    (cd "$dest" && find . ! -type d) | sed 's,^\./,,' | LC_ALL=C sort >installed
    [ -s installed ]
}

nothing_in_etc() {
    grep -q '^usr/' installed
    ! grep -v '^usr/' installed || false
}

# --- lists of files -------------------------------------------------------

# listed <PATTERNS - the files of the installation that the patterns name; a
# pattern that names none is an error
listed() (
    cd "$dest" || exit
    while read -r pattern rest; do
        [ -n "$pattern" ] || continue
        case $pattern in
        */envelope-kms.so | */envelope-kms-\*) [ -z "$(value KMS_TRUE)" ] || continue ;;
        esac
        for path in $pattern; do
            find "$path" ! -type d
        done
    done
)

# Files in no list have a < before them, files in two of them a >.
each_once() { # FILE-OF-PATTERNS
    listed <"$1" >named
    LC_ALL=C sort named >sorted
    diff installed sorted
}

in_debian() {
    cat "$debian"/*.install "$debian/not-installed" >patterns
    each_once patterns
}

# files_of_spec - the lines of all %files, without files of the source
files_of_spec() {
    awk '/^%(package|description|prep|build|install|check|changelog)/ { on = 0 }
        /^%files/ { on = 1; next }
        on && !/^(%if|%else|%endif|%dir|%license|%doc|#|$)/' "$spec"
}

in_spec() {
    files_of_spec | sed "s,^%exclude ,,
        s,^%{_bindir},usr/bin,
        s,^%{_datadir},usr/share,
        s,^%{_docdir},usr/share/doc,
        s,^%{_includedir},usr/include,
        s,^%{_libdir},$libdir,
        s,^%{_libexecdir},usr/libexec,
        s,^%{_mandir},usr/share/man,
        s,^%{_unitdir},usr/lib/systemd/system," >patterns
    ! grep '%' patterns || false
    each_once patterns
}

# --- what else has to agree -----------------------------------------------

# Every package has a list of files, and every list a package.
debian_packages() {
    sed -n 's/^Package: //p' "$debian/control" | LC_ALL=C sort >want
    (cd "$debian" && ls -- *.install) | sed 's/\.install$//' \
        | LC_ALL=C sort >got
    diff want got
}

spec_packages() {
    sed -n 's/^%package //p' "$spec" >want
    sed -n 's/^%files \(.*\)/\1/p' "$spec" >got
    [ -s want ]
    diff want got
    grep -qx '%files' "$spec"
}

# The files of the source that are packaged, such as examples
sources() {
    cat "$debian"/*.examples >names
    sed -nE 's/^%(license|doc) //p' "$spec" | tr ' ' '\n' >>names
    while read -r name; do
        [ -f "$srcdir/$name" ]
    done <names
}

# Each library has the SONAME of its package, and exports what is in the list.
symbols() {
    for name in libenvelope libenvelope-archive; do
        library=$dest/$libdir/$name.so
        list=$debian/${name}0.symbols
        readelf -d "$library" >dynamic
        grep -qF "[$name.so.0]" dynamic
        grep -qx "$name.so.0 ${name}0 #MINVER#" "$list"
        nm -D --defined-only "$library" | awk '{ print $NF }' \
            | sed 's/@.*//' | LC_ALL=C sort >got
        sed -n 's/^ \(.*\)@Base .*/\1/p' "$list" | LC_ALL=C sort >want
        [ -s want ]
        diff want got
    done
}

versions() {
    want=$(value PACKAGE_VERSION)
    [ -n "$want" ]
    [ "$(sed -n '1s/^envelope (\(.*\)-[^-]*) .*/\1/p' "$debian/changelog")" \
        = "$want" ]
    [ "$(sed -n 's/^Version: *//p' "$spec")" = "$want" ]
}

# listed_by FILE PROVIDER... - with this configuration openssl has them
listed_by() {
    env OPENSSL_CONF="$1" "$OPENSSL" list -providers >out
    cat out
    shift
    for name in "$@"; do
        grep -qx "  $name" out
    done
}

# A program loses nothing by the example: it activates the default provider, and
# does not leave that to the other one.
example() {
    listed_by "$srcdir/examples/openssl.cnf" default envelope
    sed 's/^envelope = /base = /' "$srcdir/examples/openssl.cnf" >base.cnf
    listed_by "$tests_dir/base.cnf" default base
}

copyright() {
    holder=$(sed -n 's/^Copyright //p' "$srcdir/NOTICE")
    [ -n "$holder" ]
    sed -n '/^Files: \*$/{n;p;}' "$debian/copyright" >line
    [ "$(cat line)" = "Copyright: $holder" ]
}

provider
t 'the packages configure alike' same_options
t 'installs into their directories' installs
t 'nothing goes to /etc' nothing_in_etc
t 'every file is in one package of Debian' in_debian
t 'every file is in one package of the spec' in_spec
t 'Debian: every package has files' debian_packages
t 'spec: every package has files' spec_packages
t 'files of the source that are packaged are there' sources
t 'symbols and SONAMEs are those of the libraries' symbols
t 'versions are the same' versions
t 'the example of a configuration leaves the default provider' example
t 'one copyright' copyright
