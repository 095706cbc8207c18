#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The distribution's bsdtar, bsdcat and bsdcpio with the launcher and the
# preload module: encrypted archives as typed, everything else as before, and
# no way that ends in clear text under the archive's name.

. "${srcdir:-.}/test/support/tap.sh"

plan 159
[ -n "${top_builddir-}" ] || skip_rest 'top_builddir is not set'
need bsdtar bsdcat bsdcpio prlimit
provider

: "${CC:=gcc}"

stock_path=$PATH
stock_bsdtar=$(command -v bsdtar)
. "$srcdir/test/filter/door/launchers.sh"
PATH=$tests_dir/bin:$PATH

# The system's own, without the launcher
stock() {
    env PATH="$stock_path" "$@"
}

marker='The text that nobody else shall read.'
mkdir -p dir/sub
echo "$marker" >dir/clear
head -c 300000 /dev/urandom >dir/sub/random
: >dir/empty
ln -s clear dir/link

for_ops='--add-filter envelope --options envelope:recipient=ops.pem'

make_keys() {
    new_ec ops P-256
    new_key other -algorithm X25519
    new_rsa third 2048
    echo 'correct horse battery staple' >pw
    echo 'another passphrase' >other.pw
    stock tar -cf plain.tar dir
}

# --- what is checked ------------------------------------------------------

# sealed FILE - a tar carrier, nothing in it but the envelope, and no
# clear text anywhere
sealed() {
    [ -s "$1" ]
    ! grep -qaF "$marker" "$1" || false
    stock tar -tf "$1" >members
    head -n 2 members | tr '\n' ' ' \
        | grep -qx 'envelope/header envelope/key.p7m '
    ! grep -v '^envelope/' members || false
}

# raw_of FILE - the stream in a tar carrier, decrypted with openssl enc
raw_of() {
    stock tar -xOf "$1" >stream.env
    open_with ops.key stream.env stream.out
}

# tree DIRECTORY - a line for each file: type, mode, size, target, links, time
tree() {
    (cd "$1" && find . ! -type d -printf '%P %y %m %s %l %n %T@\n' \
        -o -printf '%P %y %m %T@\n') | sed 's/\.[0-9]*$//' | LC_ALL=C sort
}

# same_tree DIRECTORY OTHER
same_tree() {
    diff -r --no-dereference -x fifo "$1" "$2"
    tree "$1" >tree.1
    tree "$2" >tree.2
    [ -s tree.1 ]
    diff tree.1 tree.2
}

# unpacks FILE [ARGUMENT...] - bsdtar restores ./dir from it
unpacks() {
    unpacks_file=$1
    shift
    rm -rf unpacked
    mkdir unpacked
    ENVELOPE_IDENTITIES=ops.key bsdtar "$@" -xpf "$unpacks_file" -C unpacked
    same_tree dir unpacked/dir
}

# untouched FILE COMMAND... - the file is what it was, whatever happens
untouched() {
    untouched_file=$1
    cp -p "$untouched_file" before
    shift
    "$@"
    cmp before "$untouched_file"
}

# --- as typed -------------------------------------------------------------

as_typed() {
    bsdtar --add-filter envelope --options envelope:recipient=ops.pem \
        -cf backup.tar dir
    sealed backup.tar
    export ENVELOPE_IDENTITIES=ops.key
    bsdtar -tvf backup.tar >out
    stock bsdtar -tvf plain.tar >want
    cmp want out
    unpacks backup.tar
}

compressed() { # OPTION TEST
    # shellcheck disable=SC2086
    bsdtar $for_ops "$1" -cf made dir
    sealed made
    raw_of made
    stock "$2" -t <stream.out
    unpacks made
}

compressed_bundle() {
    # shellcheck disable=SC2086
    bsdtar $for_ops -czf backup.tgz dir
    sealed backup.tgz
    raw_of backup.tgz
    gzip -t <stream.out
    unpacks backup.tgz
}

by_suffix() {
    # shellcheck disable=SC2086
    bsdtar $for_ops -caf made.tar.gz dir
    sealed made.tar.gz
    raw_of made.tar.gz
    gzip -t <stream.out
    unpacks made.tar.gz
}

format() { # FORMAT
    # shellcheck disable=SC2086
    bsdtar $for_ops --format "$1" -cf made dir
    sealed made
    ENVELOPE_IDENTITIES=ops.key bsdtar -tf made | LC_ALL=C sort >out
    stock bsdtar --format "$1" -cf stock.made dir
    stock bsdtar -tf stock.made | LC_ALL=C sort >want
    cmp want out
    rm -rf unpacked
    mkdir unpacked
    ENVELOPE_IDENTITIES=ops.key bsdtar -xf made -C unpacked
    diff -r dir unpacked/dir
    [ "$(readlink unpacked/dir/link)" = clear ]
}

to_stdout() {
    # shellcheck disable=SC2086
    bsdtar $for_ops -cf - dir >made
    sealed made
    unpacks made
    # shellcheck disable=SC2086
    bsdtar $for_ops -cf - dir | cat >made
    unpacks made
}

from_stdin() {
    rm -rf unpacked
    mkdir unpacked
    export ENVELOPE_IDENTITIES=ops.key
    bsdtar -xf - -C unpacked <backup.tar
    same_tree dir unpacked/dir
    rm -rf unpacked/dir
    # shellcheck disable=SC2002 # a pipe is what is meant
    cat backup.tar | bsdtar -xf - -C unpacked
    same_tree dir unpacked/dir
}

pipe_to_pipe() {
    rm -rf unpacked
    mkdir unpacked
    export ENVELOPE_IDENTITIES=ops.key
    # shellcheck disable=SC2086
    bsdtar $for_ops -czf - dir | bsdtar -xf - -C unpacked
    same_tree dir unpacked/dir
}

several_recipients() {
    bsdtar --add-filter envelope --options \
        envelope:recipient=ops.pem,envelope:recipient=other.pem \
        --options envelope:recipients=third.pem -cf many.tar dir
    sealed many.tar
    for name in ops other third; do
        ENVELOPE_IDENTITIES=$name.key bsdtar -xOf many.tar dir/clear >out
        cmp dir/clear out
    done
}

with_passphrase() {
    bsdtar --add-filter envelope --options envelope:passphrase-file=pw \
        -cf pass.tar dir
    sealed pass.tar
    bsdtar --options envelope:passphrase-file=pw -xOf pass.tar dir/clear >out
    cmp dir/clear out
    rm out
    complains 'envelope: ' bsdtar --options envelope:passphrase-file=other.pw \
        -tf pass.tar
}

identity_option() {
    bsdtar --options envelope:identity=ops.key -xOf backup.tar dir/clear >out
    cmp dir/clear out
    bsdtar --options envelope:identity=other.key,envelope:identity=ops.key \
        -tf backup.tar >out
    grep -qx dir/clear out
}

# With no module where libcrypto looks: the provider is built in.
identity_conf() {
    OPENSSL_MODULES=$PWD/nowhere
    export OPENSSL_MODULES
    cat >openssl.cnf <<'CNF'
openssl_conf = init
[init]
providers = providers
[providers]
envelope = envelope
[envelope]
activate = 1
recipients = ops.pem
identities = ops.key
CNF
    OPENSSL_CONF=openssl.cnf bsdtar --add-filter envelope -cf made dir
    sealed made
    OPENSSL_CONF=openssl.cnf bsdtar -xOf made dir/clear >out
    cmp dir/clear out
}

recipients_variable() {
    ENVELOPE_RECIPIENTS=ops.pem bsdtar --add-filter=envelope -cf made dir
    sealed made
    unpacks made
}

carrier() { # CARRIER BEGINS-WITH
    # shellcheck disable=SC2086
    bsdtar $for_ops --options "envelope:carrier=$1,envelope:threads=1" \
        -cf made dir
    head -c 100 made | grep -qaF "$2"
    ! grep -qaF "$marker" made || false
    unpacks made
}

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

t 'keys can be made' make_keys
t '--add-filter envelope -cf, -tvf, -xf' as_typed
t '-czf is compressed, then encrypted' compressed_bundle
while read -r option tool; do
    if command -v "$tool" >.log; then
        t "$option is compressed, then encrypted" compressed "$option" "$tool"
    else
        skip "$option is compressed, then encrypted" "$tool is not installed"
    fi
done <<TOOLS
-J xz
--zstd zstd
TOOLS
t '-a takes the compression from the suffix' by_suffix
for name in cpio newc pax ustar zip 7zip; do
    t "--format $name, and back" format $name
done
t '-cf - into a file and into a pipe' to_stdout
t '-xf - from a file and from a pipe' from_stdin
t '-czf - | -xf -' pipe_to_pipe
t 'several recipients, in several --options' several_recipients
t 'a passphrase from a file' with_passphrase
t 'an identity from --options' identity_option
t 'recipients and identities from openssl.cnf' identity_conf
t 'recipients from the environment' recipients_variable
t 'carrier tar' carrier tar envelope/header
t 'carrier xbstream' carrier xbstream XBSTCK01
t 'carrier raw' carrier raw ENV
t 'settings in ENVELOPE_ARCHIVE_OPTIONS' settings
t 'settings in TAR_WRITER_OPTIONS' writer_variable
echo dir/clear >list
for name in ENVELOPE_ARCHIVE_OPTIONS TAR_WRITER_OPTIONS TAR_READER_OPTIONS; do
    t "the filter in $name is refused" \
        filter_in_variable $name envelope:threads=1,envelope:filter
done
t 'the filter in a variable with a value is refused' \
    filter_in_variable ENVELOPE_ARCHIVE_OPTIONS envelope:filter=1

# --- @archive, bsdcpio, bsdcat --------------------------------------------

at_envelope() {
    export ENVELOPE_IDENTITIES=ops.key
    # shellcheck disable=SC2086
    bsdtar $for_ops -cf made @backup.tar
    sealed made
    unpacks made
    bsdtar -cf made @backup.tar
    stock bsdtar -tf made >out
    grep -qx dir/clear out
}

at_plain() {
    # shellcheck disable=SC2086
    bsdtar $for_ops -cf made @plain.tar
    sealed made
    unpacks made
}

at_envelope_option() {
    # shellcheck disable=SC2086
    bsdtar $for_ops --options envelope:identity=ops.key -cf made @backup.tar
    sealed made
    unpacks made
}

# shellcheck disable=SC2086 # no argument is none
cpio_out() { # ARGUMENT
    find dir | bsdcpio -o $1 --add-filter envelope \
        --options envelope:recipient=ops.pem >made.cpio
    sealed made.cpio
    find dir | bsdcpio -o $1 --add-filter=envelope \
        --options=envelope:recipient=ops.pem -O other.cpio
    sealed other.cpio
    rm -rf unpacked
    mkdir unpacked
    (cd unpacked && bsdcpio -idm --options envelope:identity=../ops.key \
        <../made.cpio)
    same_tree dir unpacked/dir
    ENVELOPE_IDENTITIES=ops.key bsdcpio -it -F other.cpio >out
    grep -qx dir/clear out
}

cpio_options() {
    find dir | bsdcpio -o \
        --options envelope:filter,envelope:recipient=ops.pem >made.cpio
    sealed made.cpio
    find dir | bsdcpio -o --options envelope:recipient=ops.pem >made.cpio
    sealed made.cpio
}

cpio_plain() {
    find dir | bsdcpio -o >plain.cpio
    find dir | stock bsdcpio -o >want
    cmp want plain.cpio
    bsdcpio -it <plain.cpio >out
    grep -qx dir/clear out
}

cpio_refuses() {
    complains 'no recipient' bsdcpio -o --add-filter envelope \
        --options envelope:threads=1 <list
    nothing said
    complains 'foo: unknown option' bsdcpio -o --options envelope:foo=1 <list
    nothing said
    complains 'envelope:... only' bsdcpio -o --options zip:compression=store \
        <list
    nothing said
    complains 'passphrase-file' bsdcpio -o --add-filter envelope \
        --options envelope:passphrase=hello <list
    nothing said
}

cat_files() {
    # shellcheck disable=SC2086
    bsdtar $for_ops --options envelope:carrier=raw -cf made dir
    gzip -c dir/clear >clear.gz
    export ENVELOPE_IDENTITIES=ops.key
    bsdcat backup.tgz >out
    stock bsdtar -tf out >members
    grep -qx dir/clear members
    bsdcat made >out
    raw_of backup.tar
    cmp stream.out out
    bsdcat clear.gz made clear.gz >all
    cat dir/clear out dir/clear | cmp - all
    bsdcat <clear.gz | cmp - dir/clear
}

cat_option() {
    bsdcat --options envelope:identity=ops.key backup.tgz >out
    stock bsdtar -tf out >members
    grep -qx dir/clear members
    complains 'envelope' bsdcat --options envelope:identity=other.key backup.tgz
    nothing said
}

t '@archive that is an envelope' at_envelope
t '@archive that is none' at_plain
t '@archive with the identity from --options' at_envelope_option
t 'bsdcpio -o and -i' cpio_out ''
t 'bsdcpio -oz and -i' cpio_out -z
t 'bsdcpio --options envelope:filter' cpio_options
t 'bsdcpio without an envelope is the system'"'"'s' cpio_plain
t 'bsdcpio refuses what is wrong, and writes nothing' cpio_refuses
t 'bsdcat of envelopes, and of others' cat_files
t 'bsdcat with --options' cat_option

# --- what is not an envelope ----------------------------------------------

as_before() { # FILE [ARGUMENT...] - lists and extracts as the system's own
    file=$1
    shift
    stock bsdtar "$@" -tvf "$file" >want
    bsdtar "$@" -tvf "$file" >out
    cmp want out
    # shellcheck disable=SC2002
    if cat "$file" | "$stock_bsdtar" "$@" -tvf - >want 2>&1; then
        # shellcheck disable=SC2002
        cat "$file" | bsdtar "$@" -tvf - >out 2>&1
        cmp want out
    fi
    rm -rf unpacked
    mkdir unpacked
    bsdtar "$@" -xpf "$file" -C unpacked
    diff -r dir unpacked/dir
    [ "$(readlink unpacked/dir/link)" = clear ]
}

writes_as_before() {
    bsdtar -cf made dir
    stock bsdtar -cf want dir
    cmp want made
    bsdtar -czf - --options gzip:compression-level=1 dir >made
    bsdtar --options mtree:md5 --format mtree -cf made dir
    stock bsdtar --options mtree:md5 --format mtree -cf want dir
    cmp want made
    bsdtar -rf plain2.tar dir/clear
    stock bsdtar -rf plain3.tar dir/clear
    cmp plain2.tar plain3.tar
}

make_others() {
    stock bsdtar -czf plain.tgz dir
    stock bsdtar --format zip -cf plain.zip dir
    stock bsdtar --format 7zip -cf plain.7z dir
    stock bsdtar --format iso9660 -cf plain.iso dir
    cp plain.tar plain2.tar
    cp plain.tar plain3.tar
    head -c 100000 /dev/urandom >noise
    : >nothing
    head -c 5 backup.tar >short
}

same_complaint() { # FILE
    status=0 want=0
    "$stock_bsdtar" -tf "$1" >want.out 2>want.err || want=$?
    bsdtar -tf "$1" >out 2>err || status=$?
    [ $status -eq $want ]
    cmp want.out out
    cmp want.err err
}

seeks() {
    stock bsdtar -tf plain.7z >want
    bsdtar -tf - <plain.7z >out
    cmp want out
    complains "Unrecognized archive" bsdtar -tf noise
}

t 'other archives can be made' make_others
for name in tar tgz zip 7z; do
    t "a $name reads as before" as_before plain.$name
done
t 'stdin that can seek reads as before' seeks
for name in noise nothing short nowhere; do
    t "the same complaint as before ($name)" same_complaint $name
done
t 'archives without the filter are the same bytes as before' writes_as_before

# --- what must be an envelope ----------------------------------------------

# insists COMMAND... - on a file, on standard input, on a pipe, with each
# program; nothing comes out
insists() {
    for archive in plain.tar nothing zeros; do
        rm -rf unpacked
        mkdir unpacked
        complains 'not an envelope' "$@" bsdtar $options -xf $archive -C unpacked
        complains 'not an envelope' "$@" bsdtar $options -xf - -C unpacked \
            <$archive
        # shellcheck disable=SC2002 # a pipe is what is meant
        cat $archive | complains 'not an envelope' "$@" bsdtar $options -xf - \
            -C unpacked
        [ -z "$(ls unpacked)" ]
        complains 'not an envelope' "$@" bsdtar $options -tf $archive
        nothing said
        complains 'not an envelope' "$@" bsdcat $options $archive
        nothing said
        complains 'not an envelope' "$@" bsdcpio $options -it <$archive
        nothing said
    done
    # What is one is read.
    "$@" env ENVELOPE_IDENTITIES=ops.key bsdtar $options -xOf "$good" \
        dir/clear | cmp - dir/clear
}

insists_for_keys() {
    head -c 100000 /dev/zero >zeros
    good=backup.tar
    options='--options envelope:identity=ops.key' insists env
    options='--options envelope:identities=ops.key' insists env
    good=pass.tar
    options='--options envelope:passphrase-file=pw' insists env
}

insists_if_required() {
    good=backup.tar
    options='--options envelope:require' insists env ENVELOPE_IDENTITIES=ops.key
    options='' insists env ENVELOPE_ARCHIVE_OPTIONS=envelope:require
    options='' insists env \
        ENVELOPE_ARCHIVE_OPTIONS=envelope:identity=ops.key,envelope:require=1
    for archive in plain.tar nothing zeros; do
        complains 'not an envelope' env TAR_READER_OPTIONS=envelope:require \
            bsdtar -tf $archive
        nothing said
    done
}

# Keys of the environment are for what may come.
insists_on_nothing() {
    for variable in ENVELOPE_IDENTITIES=ops.key \
        ENVELOPE_ARCHIVE_OPTIONS=envelope:identity=ops.key \
        ENVELOPE_ARCHIVE_OPTIONS=envelope:passphrase-file=pw \
        TAR_READER_OPTIONS=envelope:identity=ops.key; do
        env "$variable" bsdtar -tf plain.tar >out
        grep -qx dir/clear out
        env "$variable" bsdtar -tf nothing >out
        nothing out
    done
    for variable in ENVELOPE_ARCHIVE_OPTIONS TAR_READER_OPTIONS; do
        env "$variable=envelope:identity=ops.key" \
            bsdtar -xOf backup.tar dir/clear | cmp - dir/clear
    done
}

# One text is for what is written and for what is read besides.
insists_at() {
    rm -f none
    bsdtar --add-filter envelope --options envelope:passphrase-file=pw \
        -cf made @plain.tar
    sealed made
    bsdtar --options envelope:passphrase-file=pw -xOf made dir/clear \
        | cmp - dir/clear
    complains 'not an envelope' bsdtar --add-filter envelope --options \
        envelope:recipient=ops.pem,envelope:identity=ops.key \
        -cf none @plain.tar
    complains 'not an envelope' bsdtar \
        --options envelope:passphrase-file=pw -cf none @plain.tar
    complains 'not an envelope' bsdtar --add-filter envelope --options \
        envelope:passphrase-file=pw,envelope:require -cf none @plain.tar
}

# libarchive reads these as archives of its own.
patterns() {
    echo dir/sub >patterns
    echo dir/clear >names
    for option in --options=envelope:identity=ops.key \
        --options=envelope:require; do
        ENVELOPE_IDENTITIES=ops.key bsdtar $option -X patterns -tf backup.tar \
            >out
        grep -qx dir/clear out
        ! grep -q dir/sub out || false
        ENVELOPE_IDENTITIES=ops.key bsdtar $option -T names -tf backup.tar >out
        [ "$(cat out)" = dir/clear ]
    done
}

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

# A command to read through may decrypt by itself, and gets the archive as it
# is, whatever keys the environment has.
program_decrypts() {
    bsdtar --use-compress-program \
        "$top_builddir/envelope -r $tests_dir/ops.pem" -cf made dir
    sealed made
    for variable in ENVELOPE_IDENTITIES= ENVELOPE_IDENTITIES=ops.key \
        TAR_READER_OPTIONS=envelope:identity=ops.key; do
        rm -rf unpacked
        mkdir unpacked
        env "$variable" bsdtar --use-compress-program \
            "$top_builddir/envelope -d -i $tests_dir/ops.key" -xpf made \
            -C unpacked
        same_tree dir unpacked/dir
        env "$variable" bsdtar --use-compress-program \
            "$top_builddir/envelope -d -i $tests_dir/ops.key" -xOf - dir/clear \
            <made | cmp - dir/clear
    done
    flip made 300000
    if bsdtar --use-compress-program \
        "$top_builddir/envelope -d -i $tests_dir/ops.key" -xOf made >out; then
        return 1
    fi
}

# Who names a key, or insists on an envelope, has it decrypted first.
program_after_decrypting() {
    # shellcheck disable=SC2086
    bsdtar $for_ops --use-compress-program gzip -cf made dir
    sealed made
    raw_of made
    gzip -t <stream.out
    unpacks made --options envelope:identity=ops.key \
        --use-compress-program 'gzip -d'
    unpacks made --options envelope:require --use-compress-program 'gzip -d'
    gzip -c plain.tar >plain.tgz
    complains 'not an envelope' bsdtar --options envelope:identity=ops.key \
        --use-compress-program 'gzip -d' -tf plain.tgz
    nothing said
    bsdtar --use-compress-program 'gzip -d' -tf plain.tgz >out
    grep -qx dir/clear out
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

t 'who names a key reads an envelope' insists_for_keys
t 'envelope:require reads an envelope' insists_if_required
t 'keys of variables insist on nothing' insists_on_nothing
t '@archive beside a passphrase, an identity' insists_at
t 'files of patterns and names are no archives' patterns
t 'a wrong option, wherever it stands' wrong_options
t '--use-compress-program with a command that decrypts' program_decrypts
t '--use-compress-program after decrypting' program_after_decrypting
t 'the variable of the launcher is its own' launchers_variable

# --- looks that fail ------------------------------------------------------

# failing CALL N ERROR FILE COMMAND...
failing() {
    failing_call=$1 failing_at=$2 failing_error=$3 failing_file=$4
    shift 4
    env LD_PRELOAD="$tests_dir/fail.so" FAIL_CALL="$failing_call" \
        FAIL_AT="$failing_at" FAIL_ERROR="$failing_error" \
        FAIL_FILE="$failing_file" "$@"
}

make_fail() {
    "$CC" -I"$srcdir" -shared -fPIC -o fail.so "$srcdir/test/tools/fail.c" -ldl
}

# A look that fails once: nothing is read, the carrier neither.
look_fails() { # CALL N ERROR TEXT
    export ENVELOPE_IDENTITIES=ops.key
    for archive in backup.tar plain.tar; do
        rm -rf unpacked
        mkdir unpacked
        complains "$4" failing "$1" "$2" "$3" $archive \
            bsdtar -xf $archive -C unpacked
        if [ "$1" != open ]; then
            complains "$4" failing "$1" "$2" "$3" $archive \
                bsdtar -xf - -C unpacked <$archive
            complains "$4" failing "$1" "$2" "$3" $archive \
                bsdcpio -it <$archive
            nothing said
        fi
        [ -z "$(ls unpacked)" ]
        complains "$4" failing "$1" "$2" "$3" $archive bsdcat $archive
        nothing said
    done
}

# Where it is not known what is there, nothing is written after it.
append_look_fails() { # CALL N ERROR
    export ENVELOPE_IDENTITIES=ops.key
    cp backup.tar appended
    untouched appended complains 'envelope: ' failing "$1" "$2" "$3" appended \
        bsdtar -rf appended dir/clear
}

t 'what fails once can be made' make_fail
t 'open fails once: EMFILE' look_fails open 1 24 'Failed to open'
t 'the first fstat fails once' look_fails fstat 1 5 "Can't stat"
t 'the second fstat fails once' look_fails fstat 2 5 'Input/output error'
for name in 1 2 3; do
    t "lseek number $name fails once" look_fails lseek $name 5 \
        'Input/output error'
done
t 'the first read fails once: EIO' look_fails read 1 5 'Input/output error'
t 'the first read fails once: ENOMEM' look_fails read 1 12 \
    'Cannot allocate memory'
t 'the first read fails once: ESTALE' look_fails read 1 116 \
    'Stale file handle'
for name in fstat lseek read; do
    t "-r where $name fails once" append_look_fails $name 1 5
done

# --- trees ----------------------------------------------------------------

round_trip() { # TREE [ARGUMENT...]
    tree=$1
    shift
    # shellcheck disable=SC2086
    bsdtar $for_ops "$@" -cf made -C "$(dirname "$tree")" "$(basename "$tree")"
    sealed made
    rm -rf unpacked
    mkdir unpacked
    ENVELOPE_IDENTITIES=ops.key bsdtar -xpf made -C unpacked
    same_tree "$tree" "unpacked/$(basename "$tree")"
}

documents() {
    mkdir documents
    find /usr/share/doc -mindepth 1 -maxdepth 1 -type d | LC_ALL=C sort \
        | head -n 150 | while read -r name; do
        cp -a "$name" documents
    done
    [ "$(find documents | wc -l)" -gt 100 ]
    round_trip documents --zstd
}

sparse() {
    mkdir sparse
    truncate -s 200M sparse/hole
    echo end >>sparse/hole
    echo start | dd of=sparse/hole conv=notrunc 2>&1
    truncate -s 50M sparse/nothing
    round_trip sparse
    [ "$(du -k unpacked/sparse/hole | cut -f 1)" -lt 10000 ]
}

long_names() {
    part=$(printf '%0200d' 7)
    mkdir -p "long/$part/$part/$part"
    echo "$marker" >"long/$part/$part/$part/$part"
    ln -s "$part/$part/$part" "long/$part-link"
    echo x >"long/$(printf 'caf\303\251')"
    echo x >"$(printf 'long/new\nline')"
    round_trip long
}

hard_links() {
    mkdir links
    echo "$marker" >links/one
    ln links/one links/two
    ln links/one links/three
    mkfifo links/fifo
    round_trip links
    [ "$(stat -c %i unpacked/links/one)" -eq \
        "$(stat -c %i unpacked/links/three)" ]
}

attributes() {
    round_trip attributes
    getfattr -d -m user unpacked/attributes/file >found
    grep -qx 'user.colour="blue"' found
}

empty_archive() {
    # shellcheck disable=SC2086
    bsdtar $for_ops -cf made -T /dev/null
    sealed made
    ENVELOPE_IDENTITIES=ops.key bsdtar -tf made >out
    nothing out
    mkdir hollow
    round_trip hollow
    : >hollow/file
    round_trip hollow
}

large_and_skipped() {
    mkdir large
    head -c 40000000 /dev/urandom >large/1
    head -c 40000000 /dev/zero >large/2
    echo "$marker" >large/3
    round_trip large
    ENVELOPE_IDENTITIES=ops.key bsdtar -xOf made large/3 >out
    cmp large/3 out
    # shellcheck disable=SC2002
    cat made | ENVELOPE_IDENTITIES=ops.key bsdtar -tf - >out
    [ "$(wc -l <out)" -eq 4 ]
}

t 'documents' documents
t 'sparse files' sparse
t 'long names, odd names' long_names
t 'hard links, a fifo' hard_links
mkdir attributes
echo text >attributes/file
if command -v getfattr >.log \
    && setfattr -n user.colour -v blue attributes/file 2>.log; then
    t 'extended attributes' attributes
else
    skip 'extended attributes' 'they cannot be set here'
fi
t 'an empty archive, an empty directory, an empty file' empty_archive
t '80 MB, and members that are skipped' large_and_skipped

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

append() { # MODE FILE ARGUMENT...
    mode=$1 file=$2
    shift 2
    cp "$file" appended
    untouched appended \
        complains 'cannot append' bsdtar "$@" "$mode" -f appended dir/clear
}

append_with_identity() { # MODE
    ENVELOPE_IDENTITIES=ops.key append "$1" backup.tar
    append "$1" backup.tar --options envelope:identity=ops.key
}

append_to_new() { # what bsdtar creates by itself stays empty
    # shellcheck disable=SC2086
    complains 'cannot append' bsdtar $for_ops -rf new.tar dir
    nothing new.tar
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
for name in -r -u; do
    t "$name on an envelope is refused" append $name backup.tar
    t "$name on an envelope with its key is refused" \
        append_with_identity $name
    # shellcheck disable=SC2086
    t "$name with the filter is refused" append $name plain.tar $for_ops
done
t '-r with the filter makes no archive' append_to_new

# --- damage ---------------------------------------------------------------

wrong_key() {
    export ENVELOPE_IDENTITIES=other.key
    complains 'envelope: ' bsdtar -tf backup.tar
    nothing said
    complains 'envelope: ' bsdcat backup.tgz
    nothing said
    unset ENVELOPE_IDENTITIES
    complains 'envelope: ' bsdtar -xf backup.tar
    complains 'identit' bsdtar -tf backup.tar
}

damaged() { # OFFSET
    cp backup.tar damaged.tar
    flip damaged.tar "$1"
    rejects damaged.tar
}

rejects() { # FILE
    export ENVELOPE_IDENTITIES=ops.key
    rm -rf unpacked
    mkdir unpacked
    complains 'envelope: ' bsdtar -xf "$1" -C unpacked
    complains 'envelope: ' bsdtar -xf - -C unpacked <"$1"
    # What came out before that is as it was.
    [ ! -s unpacked/dir/clear ] || cmp dir/clear unpacked/dir/clear
}

cut() { # BYTES-LEFT
    head -c "$1" backup.tar >damaged.tar
    rejects damaged.tar
}

cut_at_piece() {
    # Three pieces; the last one taken away, with the tar's end put after it
    mkdir pieces
    head -c 200000 /dev/urandom >pieces/file
    # shellcheck disable=SC2086
    bsdtar $for_ops --options envelope:piece-size=65536 -cf made pieces
    stock tar -tf made | grep -c payload | grep -qx 4
    cp made damaged.tar
    stock tar --delete -f damaged.tar envelope/payload.00000003
    export ENVELOPE_IDENTITIES=ops.key
    complains 'envelope: ' bsdtar -tf damaged.tar
}

appended_member() {
    cp backup.tar damaged.tar
    stock tar -rf damaged.tar dir/clear
    export ENVELOPE_IDENTITIES=ops.key
    complains 'envelope: ' bsdtar -tf damaged.tar
}

size=$(size_of backup.tar)
t 'a wrong key, no key' wrong_key
t 'a flipped bit: first data' damaged 8000
t 'a flipped bit: in the middle' damaged $((size / 2))
t 'a flipped bit: the end of the stream' damaged $((size - 12000))
t 'cut: in the middle' cut $((size / 2))
t 'cut: in the header' cut 700
t 'cut: the end of the tar' cut $((size - 20000))
t 'cut: a piece' cut_at_piece
t 'a member of somebody else after the last' appended_member

# --- writers that cannot go on --------------------------------------------

full() { # ARGUMENT...
    # shellcheck disable=SC2086
    complains 'envelope: ' timeout 60 bsdtar $for_ops "$@" -cf /dev/full dir
    # shellcheck disable=SC2086
    timeout 60 bsdtar $for_ops "$@" -cf - dir >/dev/full 2>err && return 1
    grep -qF 'envelope: ' err
}

full_little() {
    # shellcheck disable=SC2086
    complains 'envelope: ' bsdtar $for_ops -cf /dev/full dir/empty
    # shellcheck disable=SC2086
    echo dir/empty | bsdcpio -o $for_ops >/dev/full 2>err && return 1
    grep -qF 'envelope: ' err
}

limited() { # BLOCKS-OF-512 TREE
    rm -f limited.tar
    status=0
    (
        trap '' XFSZ
        # Shells do not agree on the unit of ulimit -f.
        # shellcheck disable=SC2086
        exec prlimit --fsize=$(($1 * 512)) bsdtar $for_ops -cf limited.tar "$2"
    ) 2>err || status=$?
    cat err >&2
    [ $status -eq 1 ]
    grep -qF 'envelope: ' err
}

closed_pipe() { # TREE
    {
        status=0
        # shellcheck disable=SC2086
        timeout 60 bsdtar $for_ops -cf - "$1" || status=$?
        echo $status >status
    } | head -c 1 >first
    status=$(cat status)
    [ "$status" -ne 0 ]
    [ "$status" -ne 124 ]
}

slow_pipe() {
    # shellcheck disable=SC2086
    bsdtar $for_ops -cf - large | { sleep 1; cat; } >made
    ENVELOPE_IDENTITIES=ops.key bsdtar -tf made >out
    [ "$(wc -l <out)" -eq 4 ]
}

if [ -c /dev/full ]; then
    t 'a full disk' full
    t 'a full disk under compressed data' full -z
    t 'a full disk, where the last write is the first' full_little
else
    for name in 1 2 3; do
        skip "a full disk $name" 'there is no /dev/full'
    done
fi
t 'a limit in the middle of a large archive' limited 20000 large
t 'a limit that only the last write meets' limited 19 dir/clear
t 'a pipe closed on a large archive' closed_pipe large
t 'a slow pipe' slow_pipe

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

t 'without the module: nothing is written' without_module
echo 'no shared object' >text.so
t 'with a module that is none: nothing is written' \
    other_module "$tests_dir/text.so"
t 'with another libarchive: it is refused' other_library
t 'without the launcher: nothing is written' without_launcher

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
