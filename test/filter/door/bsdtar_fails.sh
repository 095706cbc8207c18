#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# An archive that is damaged, cannot be read or cannot be written ends with an
# error, and nothing wrong has come out.

. "${srcdir:-.}/test/support/tap.sh"

plan 29
need prlimit
. "$srcdir/test/filter/door/archives.sh"
: "${CC:=gcc}"

make_all() {
    make_archives
    make_large
    # shellcheck disable=SC2086
    bsdtar $for_ops -czf backup.tgz dir
}
set_up make_all

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
