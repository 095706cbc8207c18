#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# With the preload module any program that links libarchive writes and reads
# envelopes, and by a way to open an archive that is not covered, nothing.

. "${srcdir:-.}/test/support/tap.sh"

plan 33
. "$srcdir/test/filter/door/archives.sh"
: "${CC:=gcc}"

set_up make_archives

# libarchive once more, as Ubuntu links it: its own calls cannot be seen.
link_symbolic() {
    libs=$(readelf -d "$library" \
        | sed -n 's/.*(NEEDED).*\[\(.*\)\]/-l:\1/p')
    mkdir symbolic
    # shellcheck disable=SC2086
    "$CC" -shared -Wl,-soname,libarchive.so.13 -Wl,-Bsymbolic-functions \
        -o symbolic/libarchive.so.13 -Wl,--whole-archive "$static" \
        -Wl,--no-whole-archive $libs
}

symbolic() {
    export LD_LIBRARY_PATH="$symbolic"
    # shellcheck disable=SC2086
    bsdtar $for_ops -czf made dir
    sealed made
    unpacks made
    # shellcheck disable=SC2086
    bsdcpio -o $for_ops <list >made
    sealed made
    append -r backup.tar
    # shellcheck disable=SC2086
    append -r plain.tar $for_ops
    [ ! -c /dev/full ] || full_little
}

make_opens() {
    "$CC" -o opens "$srcdir/test/filter/door/opens.c" -larchive -ldl
    libs=$(readelf -d "$library" \
        | sed -n 's/.*(NEEDED).*\[\(.*\)\]/-l:\1/p')
    mkdir static
    # shellcheck disable=SC2086
    "$CC" -o static/opens "$srcdir/test/filter/door/opens.c" "$static" $libs -ldl
    for name in bsdtar bsdcpio; do
        ln static/opens static/$name
    done
}

preloaded() { # COMMAND...
    env LD_PRELOAD="$ENVELOPE_PRELOAD${asan:+:$asan}" "$@"
}

opens_write() { # WAY
    preloaded ./opens write "$1" made.tar envelope:recipient=ops.pem "$marker"
    sealed made.tar
    ENVELOPE_IDENTITIES=ops.key bsdtar -xOf made.tar >out
    [ "$(cat out)" = "$marker" ]
    rm made.tar
    preloaded env ENVELOPE_ARCHIVE_OPTIONS=envelope:recipient=ops.pem \
        LD_PRELOAD="$ENVELOPE_PRELOAD${asan:+:$asan}" \
        ./opens write "$1" made.tar envelope:filter "$marker"
    sealed made.tar
    rm made.tar
    # Not armed, it is libarchive's.
    preloaded env ENVELOPE_ARCHIVE_OPTIONS=envelope:recipient=ops.pem \
        LD_PRELOAD="$ENVELOPE_PRELOAD${asan:+:$asan}" \
        ./opens write "$1" made.tar - "$marker"
    stock bsdtar -xOf made.tar >out
    [ "$(cat out)" = "$marker" ]
    preloaded ./opens write "$1" made.tar - "$marker"
    stock bsdtar -xOf made.tar >out
    [ "$(cat out)" = "$marker" ]
}

# Where it is told depends on how far the pump has got.
opens_full() { # WAY
    complains 'opens: ' preloaded ./opens write "$1" /dev/full \
        envelope:recipient=ops.pem "$marker"
}

opens_read() { # WAY
    preloaded ./opens read "$1" one.tar envelope:identity=ops.key >out
    [ "$(cat out)" = "$marker" ]
    rm out
    complains 'envelope: ' preloaded ./opens read "$1" one.tar \
        envelope:identity=other.key
    nothing said
    preloaded ./opens read "$1" clear.tar - >out
    [ "$(cat out)" = "$marker" ]
    rm out
    for option in require identity=ops.key passphrase-file=pw; do
        complains 'not an envelope' preloaded ./opens read "$1" clear.tar \
            "envelope:$option"
        nothing said
    done
}

# Ways that the module does not see: they show an archive in the clear, but
# not where it must be an envelope.
opens_read_unseen() {
    for way in open1 volumes; do
        for archive in clear.tar one.tar; do
            for option in require identity=ops.key; do
                complains 'must be an envelope' preloaded ./opens read $way \
                    $archive "envelope:$option"
                nothing said
            done
        done
        preloaded ./opens read $way clear.tar - >out
        [ "$(cat out)" = "$marker" ]
    done
    # Through libarchive's own calls this is seen again, unless they are
    # hidden.
    for libraries in '' ${symbolic:+"$symbolic"}; do
        complains ' an envelope' preloaded env LD_LIBRARY_PATH="$libraries" \
            LD_PRELOAD="$ENVELOPE_PRELOAD${asan:+:$asan}" \
            ./opens read after clear.tar envelope:require
        nothing said
    done
}

opens_rdwr() {
    cp one.tar made.tar
    untouched made.tar complains 'cannot append' preloaded ./opens read rdwr \
        made.tar envelope:identity=ops.key
    cp clear.tar made.tar
    untouched made.tar complains 'cannot append' preloaded ./opens write rdwr \
        made.tar envelope:recipient=ops.pem "$marker"
    preloaded ./opens read rdwr clear.tar - >out
    [ "$(cat out)" = "$marker" ]
}

opens_careless() {
    for options in envelope:foo=1 envelope:recipient=ops.pem,envelope:foo=1 \
        envelope:passphrase=hello; do
        rm -f made.tar
        complains 'refused before' preloaded ./opens write careless made.tar \
            "$options" "$marker"
        [ ! -e made.tar ]
        complains 'refused before' preloaded ./opens read careless clear.tar \
            "$options"
        nothing said
    done
}

no_clear_text() { # FILE
    [ ! -e "$1" ] || ! grep -qaF "$marker" "$1" || false
}

opens_uncovered() {
    rm -f made.tar
    for way in none empty; do
        complains 'to be encrypted' preloaded ./opens write $way made.tar \
            envelope:recipient=ops.pem "$marker"
        no_clear_text made.tar
    done
    # Through libarchive's own calls this is seen again ...
    preloaded ./opens write after made.tar envelope:recipient=ops.pem \
        "$marker"
    sealed made.tar
    # ... unless they are hidden.
    rm made.tar
    [ -n "$symbolic" ] || return 0
    complains 'to be encrypted' preloaded \
        env LD_LIBRARY_PATH="$symbolic" \
        LD_PRELOAD="$ENVELOPE_PRELOAD${asan:+:$asan}" \
        ./opens write after made.tar envelope:recipient=ops.pem "$marker"
    no_clear_text made.tar
}

static_program() {
    rm -f made
    complains 'Unknown module name' preloaded static/opens write filename \
        made envelope:recipient=ops.pem "$marker"
    [ ! -e made ]
    PATH=$tests_dir/bin:$tests_dir/static:$stock_path
    complains 'does not work' "$tests_dir/bin/bsdcpio" \
        --add-filter envelope write filename made - "$marker"
    [ ! -e made ]
    complains 'does not work' env \
        ENVELOPE_ARCHIVE_OPTIONS=envelope:recipient=ops.pem \
        "$tests_dir/bin/bsdtar" write filename made - "$marker"
    [ ! -e made ]
}

wrong_default() {
    rm -f made
    complains 'foo: unknown option' preloaded env \
        ENVELOPE_ARCHIVE_OPTIONS=envelope:foo=1 \
        LD_PRELOAD="$ENVELOPE_PRELOAD${asan:+:$asan}" \
        ./opens write filename made - "$marker"
    [ ! -e made ]
}

library=$(ldd "$stock_bsdtar" | \
    sed -n 's/.*libarchive.*=> \(.*\) (.*/\1/p')
static=$("$CC" -print-file-name=libarchive.a 2>.log)
if [ -f "$static" ] && command -v readelf >.log; then
    if link_symbolic >.log 2>&1; then
        symbolic="$tests_dir/symbolic"
        t 'a libarchive linked with -Bsymbolic-functions' symbolic
    else # Debian's of libarchive 3.8.10 is not for a shared object
        symbolic=
        skip_allowed 'a libarchive linked with -Bsymbolic-functions' \
            'libarchive.a cannot be linked into a shared object'
    fi
    t 'a program can be linked, also statically' make_opens
    stock ./opens write filename clear.tar - "$marker"
    preloaded ./opens write filename one.tar envelope:recipient=ops.pem \
        "$marker"
    for name in filename filename_w file fd FILE memory open open2; do
        t "any program writes an envelope: $name" opens_write $name
    done
    for name in filename filename_w file fd FILE open open2; do
        t "any program is told of the last write: $name" opens_full $name
    done
    for name in filename filename_w filenames file fd FILE memory memory2 \
        open open2; do
        t "any program reads an envelope: $name" opens_read $name
    done
    t 'any program reads an envelope only: ways not covered' opens_read_unseen
    t 'a descriptor for reading and writing is refused' opens_rdwr
    t 'a program that ignores errors writes and reads nothing' opens_careless
    t 'a way to open that is not covered: nothing is written' opens_uncovered
    t 'a program with libarchive inside: nothing is written' static_program
    t 'a wrong option in the environment stops the program' wrong_default
else
    skip_rest 'libarchive.a or readelf is not installed'
fi
