#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What "make install" puts where, what the installed libraries export and need,
# that a program builds with them, and that "make uninstall" leaves nothing.
. "${srcdir:-.}/test/support/tap.sh"

plan 26
. "$srcdir/test/project/installation.sh"
: "${PKG_CONFIG:=pkg-config}"
need "$PKG_CONFIG" nm readelf

prefix=$(make_value prefix)
modulesdir=$(make_value modulesdir)
libdir=$(make_value libdir)
bindir=$(make_value bindir)
launcherdir=$(make_value launcherdir)
jobsdir=$(make_value jobsdir) unitsdir=$(make_value unitsdir)
preloaddir=$(make_value preloaddir)
includedir=$(make_value includedir)
mandir=$(make_value mandir)
datadir=$(make_value datadir)
docdir=$(make_value docdir)
CC=$(make_value CC)
san=$(make_value SAN_CFLAGS)

# Files below a directory of the installation, sorted
files() {
    (cd "$dest$1" && find . ! -type d | sed 's,^\./,,' | LC_ALL=C sort)
}

installs() {
    "$MAKE" -C "$top_builddir" install DESTDIR="$dest"
    [ -d "$dest" ]
}

only_module() {
    [ "$(files "$modulesdir")" = envelope.so ]
}

only_headers() {
    (cd "$srcdir/include" && find . -name '*.h' | sed 's,^\./,,' \
        | LC_ALL=C sort) >want
    files "$includedir" >got
    diff want got
    while read -r header; do
        cmp "$srcdir/include/$header" "$dest$includedir/$header"
    done <want
}

# The launcher in bindir by its own names, and by the system's elsewhere
launchers() {
    for name in bsdtar bsdcat bsdcpio; do
        [ -x "$dest$bindir/$name-envelope" ]
        [ -x "$dest$launcherdir/$name" ]
        [ "$launcherdir" = "$bindir" ] || [ ! -e "$dest$bindir/$name" ]
    done
    case $launcherdir in
    "$(make_value libexecdir)"/envelope/bin) ;;
    *) grep -q with-launcherdir "$top_builddir/config.log" ;;
    esac
}

# With both in PATH each of them runs the system's program.
launchers_work() {
    ENVELOPE_PRELOAD=$dest$preloaddir/envelope-preload.so
    PATH=$dest$launcherdir:$dest$bindir:$PATH
    export ENVELOPE_PRELOAD
    echo text >text
    "$dest$bindir/envelope" keygen -o k.key
    for name in bsdtar bsdtar-envelope "$dest$launcherdir/bsdtar"; do
        "$name" --add-filter envelope --options envelope:recipient=k.pub \
            -cf a.tar text
        bsdcat-envelope --options envelope:identity=k.key a.tar | tar -xO \
            | cmp - text
        bsdtar-envelope --options envelope:identity=k.key -xOf a.tar \
            | cmp - text
    done
}

# They are not made while building, which may be for another machine.
completions() {
    for shell in bash:bash-completion/completions/envelope \
        zsh:zsh/site-functions/_envelope \
        fish:fish/vendor_completions.d/envelope.fish; do
        "$top_builddir/envelope" completion ${shell%%:*} >want
        diff want "$dest$datadir/${shell#*:}" \
            || { echo 'run "make completions"' && false; }
    done
}

library() {
    for file in libenvelope.so libenvelope.so.0 libenvelope-archive.so \
        libenvelope-archive.so.0; do
        [ -L "$dest$libdir/$file" ]
        [ -f "$dest$libdir/$file" ]
    done
    [ -f "$dest$libdir/pkgconfig/envelope.pc" ]
    [ -f "$dest$libdir/pkgconfig/envelope-archive.pc" ]
}

nothing_else() {
    files "" | sed 's,^,/,' | while read -r file; do
        case $file in
        "$modulesdir"/envelope.so | "$includedir"/envelope/*.h) ;;
        "$libdir"/libenvelope.so* | "$libdir"/libenvelope.la) ;;
        "$libdir"/libenvelope-archive.so* | "$libdir"/libenvelope-archive.la) ;;
        "$libdir"/pkgconfig/envelope.pc) ;;
        "$libdir"/pkgconfig/envelope-archive.pc) ;;
        "$bindir"/envelope | "$preloaddir"/envelope-preload.so) ;;
        "$bindir"/bsdtar-envelope | "$bindir"/bsdcat-envelope) ;;
        "$bindir"/bsdcpio-envelope) ;;
        "$preloaddir"/envelope-kms.so) ;;
        "$launcherdir"/bsdtar | "$launcherdir"/bsdcat) ;;
        "$launcherdir"/bsdcpio) ;;
        "$jobsdir"/envelope-* | "$unitsdir"/envelope-*@.*) ;;
        "$datadir"/envelope/kubernetes/*.yaml) ;;
        "$datadir"/bash-completion/completions/envelope) ;;
        "$datadir"/zsh/site-functions/_envelope) ;;
        "$datadir"/fish/vendor_completions.d/envelope.fish) ;;
        "$docdir"/LICENSE | "$docdir"/NEWS | "$docdir"/NOTICE) ;;
        "$docdir"/*.md) ;;
        "$mandir"/man[1-8]/*.[1-8] | "$mandir"/man[1-8]/*.[1-8]ssl) ;;
        *) echo "$file" ;;
        esac
    done >others
    cat others
    nothing others
}

uninstalls() {
    "$MAKE" -C "$top_builddir" uninstall DESTDIR="$dest"
    left_nothing
}

# --- what the libraries export and need -----------------------------------

exports() { # FILE
    nm -D --defined-only "$dest$1" | awk '{ print $NF }' | sed 's/@.*//' \
        | LC_ALL=C sort
}

module_exports() {
    [ "$(exports "$modulesdir/envelope.so")" = OSSL_provider_init ]
}

library_exports() {
    exports "$libdir/libenvelope.so" >exported
    cat exported
    grep -qx envelope_provider_init exported
    ! grep -v '^envelope_' exported || false
}

archive_library_exports() {
    exports "$libdir/libenvelope-archive.so" >exported
    cat exported
    [ "$(wc -l <exported)" -gt 10 ]
    ! grep -v '^envelope_archive_' exported || false
}

# Nothing but libcrypto and the C library, no paths, no text relocations, no
# executable stack.
linkage() { # FILE
    readelf -d -W "$dest$1" >dynamic
    readelf -l -W "$dest$1" >segments
    cat dynamic
    grep -q 'NEEDED.*libcrypto' dynamic
    ! grep -E 'RPATH|RUNPATH|TEXTREL' dynamic || false
    [ -n "$san" ] || ! grep NEEDED dynamic \
        | grep -v -E '\[(libcrypto|libc|libpthread|ld-linux[^]]*)\.' || false
    ! grep 'GNU_STACK.*RWE' segments || false
}

# Symbols bound at the start, and a table of them that cannot be written then;
# functions that look after the stack and after lengths, where gcc or clang was
# told to optimize and somebody else does not look after that.
hardened() {
    for file in "$modulesdir/envelope.so" "$libdir/libenvelope.so" \
        "$libdir/libenvelope-archive.so" "$preloaddir/envelope-preload.so" \
        "$bindir/envelope" "$bindir/bsdtar-envelope" \
        "$preloaddir/envelope-kms.so"; do
        [ -e "$dest$file" ] || continue # not everything is built everywhere
        readelf -d -W "$dest$file" | grep -q 'FLAGS_1.* NOW'
        readelf -l -W "$dest$file" | grep -q GNU_RELRO
        nm -D "$dest$file" | grep -q '__stack_chk_fail'
    done
    case $(make_value HARDENING_CFLAGS) in
    *_FORTIFY_SOURCE*) nm -D "$dest$bindir/envelope" | grep -q '_chk@' ;;
    esac
}

kms_exports() {
    [ "$(exports "$preloaddir/envelope-kms.so")" = envl_kms_module ]
}

# kms.conf may name them.
helpers() {
    for name in envelope-kms-aws-cli envelope-kms-kmip; do
        [ -x "$dest$jobsdir/$name" ]
        cmp "$srcdir/kms/helpers/$name" "$dest$jobsdir/$name"
        ended 0 "$dest$jobsdir/$name" --help
    done
}

# The network and JSON are the module's alone, which no other file needs.
network_in_one_place() {
    for file in "$modulesdir/envelope.so" "$libdir/libenvelope.so" \
        "$libdir/libenvelope-archive.so" "$preloaddir/envelope-preload.so" \
        "$bindir/envelope" "$bindir/bsdtar-envelope" \
        "$preloaddir/envelope-kms.so"; do
        readelf -d -W "$dest$file" >dynamic
        grep -q NEEDED dynamic
        ! grep NEEDED dynamic | grep kms || false
        needs=$(grep -cE 'NEEDED.*\[lib(curl|jansson)' dynamic || :)
        case $file in
        */envelope-kms.so) [ "$needs" -eq 2 ] ;;
        *) [ "$needs" -eq 0 ] ;;
        esac
    done
}

no_build_paths() {
    ! grep -rF -e "$top_builddir" -e "$dest" "$dest$includedir" \
        "$dest$libdir/pkgconfig" "$dest$libdir/libenvelope.la" || false
}

# --- programs that use them -----------------------------------------------

pc() { # ARGUMENT...
    env PKG_CONFIG_PATH="$dest$libdir/pkgconfig" \
        "$PKG_CONFIG" "$@" envelope
}

pc_answers() {
    pc --exists --print-errors
    pc --cflags
    pc --libs
    pc --libs | grep -qe -lenvelope
    [ "$(pc --modversion)" = "$(make_value PACKAGE_VERSION)" ]
}

# words_of NAME - the libraries that a pkg-config file names
words_of() {
    file=$dest$libdir/pkgconfig/$1.pc
    required=$(sed -n 's/^Requires[a-z.]*://p' "$file" | tr ',' '\n' \
        | awk 'NF { print $1 }')
    for name in $required; do
        "$PKG_CONFIG" --libs-only-l "$name"
    done
    sed -n 's/^Libs[a-z.]*://p' "$file"
}

# What a pkg-config file names is what the library needs, no more and no less.
pc_is_right() { # NAME
    readelf -d -W "$dest$libdir/lib$1.so" \
        | sed -n 's/.*NEEDED.*\[lib\([^.]*\)[.].*/\1/p' \
        | grep -vxE 'c|pthread|dl|asan|ubsan' | LC_ALL=C sort >want
    words_of "$1" | tr ' ' '\n' | sed -n 's/^-l//p' \
        | grep -vxE "$1|pthread|dl" | LC_ALL=C sort -u >got
    diff want got
}

# The paths in envelope.pc are those of the installation without DESTDIR.
flags() { # --cflags or --libs
    pc --define-variable=includedir="$dest$includedir" \
        --define-variable=libdir="$dest$libdir" "$1"
}

# shellcheck disable=SC2046,SC2086 # words
program() {
    cat >program.c <<'C'
#include <envelope/envelope.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <stdio.h>

int
main(void)
{
    OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();
    OSSL_PROVIDER *prov = NULL;
    EVP_CIPHER *cipher = NULL;

    if (OSSL_PROVIDER_add_builtin(ctx, ENVELOPE_PROVIDER_NAME,
                                  envelope_provider_init))
        prov = OSSL_PROVIDER_load(ctx, ENVELOPE_PROVIDER_NAME);
    if (prov != NULL)
        cipher = EVP_CIPHER_fetch(ctx, ENVELOPE_CIPHER_NAME, NULL);
    if (cipher != NULL)
        printf("%d\n", EVP_CIPHER_get_key_length(cipher));
    EVP_CIPHER_free(cipher);
    OSSL_PROVIDER_unload(prov);
    OSSL_LIB_CTX_free(ctx);
    return cipher == NULL;
}
C
    $CC $san -Wall -Werror $(flags --cflags) program.c -o program \
        $(flags --libs)
    [ "$(LD_LIBRARY_PATH=$dest$libdir ./program)" = 32 ]
}

# shellcheck disable=SC2046,SC2086
each_header_alone() {
    for header in "$dest$includedir"/envelope/*.h; do
        echo "#include <envelope/${header##*/}>" >alone.c
        $CC -Wall -Wextra -Werror -fsyntax-only $(flags --cflags) alone.c
        if command -v c++ >/dev/null 2>&1; then
            c++ -Wall -Wextra -Werror -fsyntax-only $(flags --cflags) \
                -x c++ alone.c
        fi
    done
}

# shellcheck disable=SC2086
module_works() {
    OPENSSL_MODULES=$dest$modulesdir
    export OPENSSL_MODULES
    k=$("$OPENSSL" rand -hex 32)
    head -c 50000 /dev/urandom >plain
    $enc -K "$k" -in plain -out out.env
    $enc -d -K "$k" -in out.env -out out
    cmp plain out
}

t 'make install with DESTDIR' installs
t 'the modules directory gets envelope.so alone' only_module
t 'all headers, as they are in the source' only_headers
t 'the library and its pkg-config file' library
t 'nothing else but documents' nothing_else
t 'no program by a name of the system, but in a folder of its own' launchers
if [ -n "$san" ]; then
    skip_allowed 'the launchers work' 'bsdtar.sh knows what that takes'
elif command -v bsdtar >.log; then
    t 'the launchers work' launchers_work
else
    skip 'the launchers work' 'bsdtar is not installed'
fi
t 'completions are what the command prints' completions
t 'the module exports OSSL_provider_init alone' module_exports
t 'the library exports envelope_* alone' library_exports
t 'the archive library exports envelope_archive_* alone' \
    archive_library_exports
if [ -n "$(make_value HARDENING_LDFLAGS)" ]; then
    t 'what makes an exploit harder' hardened
else
    skip 'what makes an exploit harder' 'built with --disable-hardening'
fi
t 'what the module needs' linkage "$modulesdir/envelope.so"
t 'what the library needs' linkage "$libdir/libenvelope.so"
if [ -e "$top_builddir/.libs/envelope-kms.so" ]; then
    t 'the key services export their one entry' kms_exports
    t 'they alone know the network' network_in_one_place
    t 'two helpers come with them' helpers
else
    skip 'the key services export their one entry' 'they are not built'
    skip 'they alone know the network' 'they are not built'
    skip 'two helpers come with them' 'they are not built'
fi
t 'no installed text names the build or DESTDIR' no_build_paths
t 'pkg-config knows envelope' pc_answers
for name in envelope envelope-archive; do
    t "$name.pc names what the library needs" pc_is_right $name
done
t 'a program with the provider built in' program
t 'each header compiles alone' each_header_alone
t 'the installed module works' module_works
t 'make install again' installs
t 'make uninstall leaves nothing' uninstalls
