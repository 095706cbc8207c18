#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# An archive that is no envelope reads as before, unless the user named a key
# for it or asked for an envelope.

. "${srcdir:-.}/test/support/tap.sh"

plan 17
. "$srcdir/test/filter/door/archives.sh"

make_all() {
    make_archives
    bsdtar --add-filter envelope --options envelope:passphrase-file=pw \
        -cf pass.tar dir
}
set_up make_all

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
    bsdtar --add-filter=envelope -cf labelled.tar --options \
        envelope:recipient=ops.pem,envelope:label=site=here dir
    good=labelled.tar
    options='--options envelope:require-label=site=here' insists env \
        ENVELOPE_IDENTITIES=ops.key
    good=backup.tar
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

t 'who names a key reads an envelope' insists_for_keys
t 'envelope:require reads an envelope' insists_if_required
t 'keys of variables insist on nothing' insists_on_nothing
t 'files of patterns and names are no archives' patterns

# --- programs that read through another -----------------------------------

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

t '--use-compress-program with a command that decrypts' program_decrypts
t '--use-compress-program after decrypting' program_after_decrypting
