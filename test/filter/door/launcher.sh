#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The launcher hands what was typed to the next program of its name, with the
# module preloaded, and where the module cannot work, nothing is written.

. "${srcdir:-.}/test/support/tap.sh"

plan 13
. "$srcdir/test/filter/door/archives.sh"
: "${CC:=gcc}"

set_up make_archives

# --- the launcher ---------------------------------------------------------

# In place of the system's program, one that shows what it was given.
mkdir fake
"$CC" -o fake/bsdtar "$srcdir/test/filter/door/shows.c" -Wl,--no-as-needed -larchive
for name in bsdcpio bsdcat; do
    ln -s bsdtar fake/$name
done
fake_path=$tests_dir/bin:$tests_dir/fake:$stock_path

# rewrites WANT ARGUMENT...
rewrites() {
    want=$1
    shift
    env PATH="$fake_path" "$tests_dir/bin/bsdtar" "$@" >out
    cat out
    [ "$(cat out)" = "$want" ]
}

# the same as it was
keeps() {
    rewrites "$(printf '<%s>' "$@")" "$@"
}

takes_filter() {
    o='<--options><envelope:filter>'
    rewrites "<-cf><x>$o<d>" -cf x --add-filter envelope d
    rewrites "<-cf><x>$o<d>" --add-filter=envelope -cf x d
    rewrites "<-c><-f><x>$o<d>" -c --add-filter envelope -f x d
    rewrites "<cf><x>$o<d>" cf x --add-filter=envelope d
    rewrites "<-c>$o" -c --add-filter envelope
    rewrites "<-c>$o<--><-f>" -c --add-filter envelope -- -f
    rewrites "<-c>$o<d>" -cW add-filter=envelope d
    rewrites "<-c>$o<d>" -c -W add-filter envelope d
    rewrites "<-cf><x>$o<d>" -cf x -Wadd-filter=envelope d
}

joins_options() {
    rewrites '<-cf><x><--options><a=1,b=2><d>' \
        --options a=1 -cf x --options=b=2 d
    rewrites '<cbf><5><x><--options><a=1,envelope:filter,b=2><d>' \
        cbf 5 x --opt a=1 --add-filter envelope -W options=b=2 d
    rewrites '<-c><--options><a=1><d>' -c --op=a=1 d
    rewrites '<-c><-W><file=x><--options><a=1><d>' \
        -c -W file=x -W options a=1 d
}

keeps_the_rest() {
    keeps -cf --add-filter d
    keeps -f --options=a -c d
    keeps -c --file --add-filter d
    keeps -c --fil --add-filter d
    keeps -W file --add-filter -c d
    for option in -C -b -T -I -X -s -cvf -W --directory --exclude --uid \
        --strip-components --use-compress-program --passphrase --newer-than; do
        keeps -c $option --add-filter x
    done
    keeps cfbX --add-filter --options --add-filter d
    keeps -cf x -- --add-filter envelope
    keeps -cf x d -- -C --add-filte envelope
    keeps -c --add-filter other d
    keeps -c --add-filter=other d
    keeps -c --add-filter
    keeps -c --options
    keeps -c -W
    keeps -c -f
    keeps - -c
    keeps ''
    keeps x '' ' a b ' '*'
    keeps --unknown --add=envelope
}

variables() {
    env PATH="$fake_path" "$tests_dir/bin/bsdtar" env >out
    [ "$(sed -n 's/^LD_PRELOAD=//p' out)" = "$asan" ]
    ! grep -q '^TAR_READER_OPTIONS' out || false
    # Another module stays.
    env PATH="$fake_path" LD_PRELOAD=libc.so.6 "$tests_dir/bin/bsdtar" env >out
    grep -q '^LD_PRELOAD=.*libc.so.6' out
    ! grep -q '^LD_PRELOAD=.*envelope' out || false
}

# A launcher, its links and its copies never run one another.
several_launchers() {
    mkdir more others linked
    cp "$ENVELOPE_LAUNCHER" more/bsdtar
    cp "$ENVELOPE_LAUNCHER" others/bsdtar
    cp "$ENVELOPE_LAUNCHER" others/bsdtar-envelope
    ln others/bsdtar linked/bsdtar
    ln -s ../more/bsdtar linked/bsdtar-envelope
    both=$tests_dir/more:$tests_dir/others own=$tests_dir/launchers
    linked=$tests_dir/linked
    for path in "$both" "$both:$both" "$own:$both:$own" "$linked:$both" \
        "$own"; do
        for launcher in launchers/bsdtar more/bsdtar others/bsdtar \
            others/bsdtar-envelope linked/bsdtar linked/bsdtar-envelope; do
            timeout 10 env PATH="$path:$tests_dir/fake:$stock_path" \
                ENVELOPE_PRELOAD=/nowhere $launcher hello >out
            [ "$(cat out)" = '<hello>' ]
        done
    done
    # Without a PATH, and with nothing else in it
    ENVELOPE_PRELOAD=/nowhere
    timeout 10 env PATH="$both" more/bsdtar --version | grep -q libarchive
    timeout 10 env -u PATH more/bsdtar --version | grep -q libarchive
}

# What is asked for reaches the system's program past another launcher.
past_a_launcher() {
    ln -s bsdtar more/bsdcpio
    echo dir/clear | env PATH="$tests_dir/more:$stock_path" \
        ${asan:+LD_PRELOAD="$asan"} "$tests_dir/launchers/bsdcpio" -o \
        --add-filter envelope --options envelope:recipient=ops.pem >made
    sealed made
}

# A script by the program's name that runs the launcher again
script_runs_launcher() {
    mkdir script
    printf '#!/bin/sh\nexec "%s" "$@"\n' \
        "$tests_dir/launchers/bsdtar-envelope" >script/bsdtar
    chmod +x script/bsdtar
    for module in "$ENVELOPE_PRELOAD" /nowhere; do
        ENVELOPE_PRELOAD=$module
        complains 'for ever' timeout 60 env \
            PATH="$tests_dir/script:$stock_path" script/bsdtar --version
        nothing said
    done
    # In front of a launcher it may stand.
    env PATH="$tests_dir/script:$tests_dir/more:$stock_path" script/bsdtar \
        --version | grep -q libarchive
}

other_names() {
    rm -f none
    for name in gtar bsdtar- bsdtar-envelop bsdtar-envelope2 xbsdtar \
        envelope; do
        ln -s "$ENVELOPE_LAUNCHER" $name
        complains 'bsdtar-envelope, bsdcpio-envelope' ./$name -cf none dir
        [ ! -e none ]
    done
}

own_names() {
    bsdtar-envelope --add-filter envelope --options envelope:recipient=ops.pem \
        -czf made dir
    sealed made
    bsdcat-envelope --options envelope:identity=ops.key made >out
    stock bsdtar -tf out >members
    grep -qx dir/clear members
    ENVELOPE_IDENTITIES=ops.key bsdtar-envelope -xOf made dir/clear \
        | cmp - dir/clear
    find dir | bsdcpio-envelope -o --add-filter envelope \
        --options envelope:recipient=ops.pem >made
    sealed made
    bsdcpio-envelope -it --options envelope:identity=ops.key <made >out
    grep -qx dir/clear out
    # Old options without a dash, and the name that was typed in a message
    bsdtar-envelope cf made dir
    stock bsdtar -cf want dir
    cmp want made
    complains 'bsdtar-envelope: ' bsdtar-envelope -tf nowhere
}

t '--add-filter envelope becomes an option' takes_filter
t 'all --options become one' joins_options
t 'what only looks like --add-filter stays' keeps_the_rest
t 'children get neither the module nor the options' variables
t 'the next program in PATH, also with several launchers' several_launchers
t 'what is asked for gets past another launcher' past_a_launcher
t 'a script that runs the launcher again is told' script_runs_launcher
t 'by its own names' own_names
t 'by another name it does nothing' other_names

# --- closed, whatever is missing ------------------------------------------

without_module() {
    rm -f none
    for name in bsdtar bsdcpio bsdcat; do
        # Nothing asked for: it runs plainly.
        env ENVELOPE_PRELOAD=/nowhere "$name" --version >out
        grep -q "^$name" out
    done
    complains nowhere env ENVELOPE_PRELOAD=/nowhere \
        bsdtar --add-filter envelope -cf none dir
    [ ! -e none ]
    complains nowhere env ENVELOPE_PRELOAD=/nowhere \
        bsdcpio -o --add-filter envelope <list
    nothing said
    complains nowhere env ENVELOPE_PRELOAD=/nowhere \
        ENVELOPE_ARCHIVE_OPTIONS=envelope:recipient=ops.pem bsdcpio -o <list
    nothing said
    complains nowhere env ENVELOPE_PRELOAD=/nowhere \
        bsdcat --options envelope:identity=ops.key backup.tar
    nothing said
}

# A shared object that is none of ours, or not one at all
other_module() { # FILE
    rm -f none
    ENVELOPE_PRELOAD=$1
    complains 'does not work' \
        bsdtar --options envelope:recipient=ops.pem -cf none dir
    [ ! -e none ]
    complains 'does not work' bsdcpio -o --add-filter envelope <list
    nothing said
}

# A program that uses a libarchive with another soname
other_library() {
    mkdir newer
    echo 'int newer;' >newer.c
    "$CC" -shared -fPIC -Wl,-soname,libarchive.so.99 -o newer/libarchive.so.99 \
        newer.c
    "$CC" -o newer/bsdtar "$srcdir/test/filter/door/shows.c" -Wl,--no-as-needed \
        -Wl,-rpath,"$tests_dir/newer" newer/libarchive.so.99
    ln -s bsdtar newer/bsdcpio
    ln -s bsdtar newer/bsdcat
    PATH=$tests_dir/bin:$tests_dir/newer:$stock_path
    for name in bsdtar bsdcpio bsdcat; do
        for option in --version --options=envelope:identity=ops.key; do
            complains \
                'uses libarchive.so.99, and the preload module was built' \
                $name $option
            nothing said
        done
    done
    complains 'does not work' bsdtar --add-filter envelope -cf none dir
    [ "$(ENVELOPE_PRELOAD=/nowhere bsdtar --version)" = '<--version>' ]
}

without_launcher() {
    rm -f none
    cp plain.tar exists
    for file in none exists; do
        complains 'Unknown module name' stock bsdtar \
            --options envelope:recipient=ops.pem -cf $file dir
        complains 'not supported' stock bsdtar --add-filter envelope \
            -cf $file dir
    done
    [ ! -e none ]
    cmp plain.tar exists
    complains 'Unknown module name' stock bsdtar \
        --options envelope:identity=ops.key -tf plain.tar
}

t 'without the module: nothing is written' without_module
echo 'no shared object' >text.so
t 'with a module that is none: nothing is written' \
    other_module "$tests_dir/text.so"
t 'with another libarchive: it is refused' other_library
t 'without the launcher: nothing is written' without_launcher
