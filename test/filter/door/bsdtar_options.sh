#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each wrong option of the launcher and the module stops before anything is
# written, whether it stands on the command line or in a variable of the
# environment.

. "${srcdir:-.}/test/support/tap.sh"

plan 19
. "$srcdir/test/filter/door/archives.sh"

set_up make_keys

# --- settings in variables ------------------------------------------------

# Without the launcher
module_only() {
    stock env LD_PRELOAD="$ENVELOPE_PRELOAD${asan:+:$asan}" "$@"
}

# A variable gives keys and settings; what it says encrypts nothing by itself.
settings() {
    settings=ENVELOPE_ARCHIVE_OPTIONS=envelope:recipient=ops.pem
    settings=$settings,envelope:carrier=raw
    stock bsdtar -cf want dir
    env $settings bsdtar -cf made dir
    cmp want made
    env $settings bsdtar --add-filter envelope -cf made dir
    head -c 100 made | grep -qaF ENV
    ! grep -qaF "$marker" made || false
    unpacks made
    find dir | stock bsdcpio -o >want
    find dir | env $settings bsdcpio -o >made
    cmp want made
    find dir | env $settings bsdcpio -o --add-filter envelope >made
    head -c 100 made | grep -qaF ENV
}

# What is meant for writers only is not passed over.
writer_variable() {
    rm -f none
    export TAR_WRITER_OPTIONS=envelope:recipient=ops.pem
    for command in env module_only; do
        complains 'use --add-filter envelope' $command bsdtar -cf none dir
        [ ! -e none ]
        # The same words on the command line
        $command bsdtar --options "$TAR_WRITER_OPTIONS" -cf made dir
        sealed made
    done
    bsdtar --add-filter envelope -cf made dir
    sealed made
    bsdtar -tf plain.tar >out
    grep -qx dir/clear out
}

# Without the launcher, which a short PATH is enough for, it would not work.
filter_in_variable() { # VARIABLE ELEMENT
    rm -f none
    export "$1=$2" ENVELOPE_RECIPIENTS=ops.pem
    complains 'use --add-filter envelope' bsdtar -cf none dir
    [ ! -e none ]
    complains 'use --add-filter envelope' bsdtar --add-filter envelope \
        -cf none dir
    [ ! -e none ]
    complains 'use --add-filter envelope' bsdcpio -o <list
    nothing said
    complains 'use --add-filter envelope' env ENVELOPE_PRELOAD=/nowhere \
        bsdtar -cf none dir
    [ ! -e none ]
    if [ "$1" != TAR_READER_OPTIONS ]; then
        complains 'use --add-filter envelope' module_only bsdtar -cf none dir
        [ ! -e none ]
    fi
}

t 'settings in ENVELOPE_ARCHIVE_OPTIONS' settings
t 'settings in TAR_WRITER_OPTIONS' writer_variable
for name in ENVELOPE_ARCHIVE_OPTIONS TAR_WRITER_OPTIONS TAR_READER_OPTIONS; do
    t "the filter in $name is refused" \
        filter_in_variable $name envelope:threads=1,envelope:filter
done
t 'the filter in a variable with a value is refused' \
    filter_in_variable ENVELOPE_ARCHIVE_OPTIONS envelope:filter=1

# --- wrong options --------------------------------------------------------

# wrong_option TEXT ELEMENT - whoever says it, and whatever is read or written
wrong_option() {
    rm -f none
    complains "$1" bsdtar --options "$2" -tf plain.tar
    nothing said
    complains "$1" bsdtar --options "$2" -cf none dir
    complains "$1" env TAR_READER_OPTIONS="$2" bsdtar -tf plain.tar
    nothing said
    complains "$1" env TAR_WRITER_OPTIONS="$2" bsdtar -cf none dir
    complains "$1" env ENVELOPE_ARCHIVE_OPTIONS="$2" bsdtar -tf plain.tar
    nothing said
    complains "$1" env ENVELOPE_ARCHIVE_OPTIONS="$2" bsdtar -cf none dir
    complains "$1" env ENVELOPE_ARCHIVE_OPTIONS="$2" bsdcpio -it <plain.tar
    nothing said
    complains "$1" env ENVELOPE_ARCHIVE_OPTIONS="$2" bsdcat plain.tar
    nothing said
    [ ! -e none ]
}

wrong_options() {
    wrong_option 'foo: unknown option' envelope:foo
    wrong_option 'name of an option is missing' envelope:
    wrong_option '!filter: unknown option' '!envelope:filter'
    wrong_option '!require: unknown option' 'envelope:!require'
    wrong_option 'threads=99' envelope:threads=99
    wrong_option 'carrier=zip' envelope:carrier=zip
    wrong_option 'allow-expired=yes' envelope:allow-expired=yes
    wrong_option 'require: takes no value' envelope:require=0
    wrong_option 'identity: its value is missing' envelope:identity
    wrong_option 'recipient: its value is missing' envelope:recipient=
    wrong_option 'passphrase-file' envelope:passphrase=hello
}

# The launcher's own variable is the module's; nobody else's is listened to.
launchers_variable() {
    rm -f children
    cat >compressor <<'PROGRAM'
#!/bin/sh
env >>children
exec cat
PROGRAM
    chmod +x compressor
    # shellcheck disable=SC2086
    bsdtar $for_ops --use-compress-program "$PWD/compressor" -cf made dir
    ! grep -q ENVELOPE_PRELOAD_OPTIONS children || false
    ENVELOPE_PRELOAD_OPTIONS=envelope:foo bsdtar -tf plain.tar >out
    grep -qx dir/clear out
}

t 'a wrong option, wherever it stands' wrong_options
t 'the variable of the launcher is its own' launchers_variable

# --- mistakes -------------------------------------------------------------

no_file() { # TEXT ARGUMENT...
    rm -f none
    text=$1
    shift
    complains "$text" bsdtar "$@" -cf none dir
    [ ! -e none ]
    cp plain.tar exists
    untouched exists complains "$text" bsdtar "$@" -cf exists dir
    complains "$text" bsdtar "$@" -cf - dir
    nothing said
}

after_names() {
    cp plain.tar exists
    untouched exists complains 'goes before the names of files' \
        bsdtar -cf exists dir --add-filter envelope
    untouched exists complains 'goes before the names of files' \
        bsdtar -cf exists dir --add-filter=envelope
    untouched exists complains 'goes before the names of files' \
        bsdtar -cf exists dir --options envelope:recipient=ops.pem
}

t 'no recipient: nothing is made, nothing touched' \
    no_file 'no recipient' --add-filter envelope
t 'a recipient that is missing' no_file nowhere.pem \
    --options envelope:recipient=nowhere.pem
t 'a recipient that is a private key' no_file 'private key' \
    --options envelope:recipient=ops.key
t 'an option that is unknown' no_file 'recipient, recipients, identity' \
    --options envelope:recipient=ops.pem,envelope:foo=1
t 'an option without its value' no_file 'recipient' \
    --options envelope:recipient
t 'an option that is negated' no_file '!filter: unknown option' \
    --options 'envelope:!filter'
t 'the filter with a value' no_file 'takes no value' \
    --options envelope:filter=0
t 'a carrier that is unknown' no_file carrier \
    --options envelope:recipient=ops.pem,envelope:carrier=zip
t 'a passphrase on the command line' no_file 'passphrase-file' \
    --options envelope:passphrase=hello
t 'another filter' no_file '--add-filter is not supported' --add-filter other
t 'the option after the names of files' after_names
