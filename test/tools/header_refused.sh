#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# When envelope header restore changes nothing.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 11
. "$srcdir/test/tools/rewrap_support.sh"
. "$srcdir/test/tools/header_support.sh"
set_up make_files

# f in this carrier, rewrapped for new.key, and H, which old.key opens
rewrapped() { # KIND
    cp "a.$1" f
    header save f >H
    rewrap -i old.key -r new.pem f
}

another_backup() {
    for kind in raw tar xbstream; do
        header save tight.$kind >H
        for n in 0 30 3000; do
            cp a.$kind f
            [ $n -eq 0 ] || spoil f $n
            refused 5 COMMITMENT -i old.key
            refused 5 COMMITMENT --no-key
        done
    done
    # The header of one, and the 56 bytes of the other
    header save a.raw >H
    header save tight.raw >other
    tail -c 56 other >start
    head -c "$(header_length H)" H >mixed
    cat start >>mixed
    cp mixed H
    cp tight.raw f
    refused 5 COMMITMENT -i old.key
}

wrong_key() {
    for kind in raw tar xbstream; do
        rewrapped $kind
        refused 3 NO_MATCH -i new.key
        says_that '^envelope: H: '
        refused 3 NO_IDENTITY
        says_that '^hint: name a private key with -i, or --no-key'
        cp f before
        restores f --no-key
        cmp f a.$kind
        rm f.envelope-*
        cp before f
        refused 4 OTHER_LABELS -i old.key --require-label who=dev
    done
    rm -f f.envelope-*
    echo words >pw
    "$envelope" --passphrase-file pw -o p plain
    header save p >H
    cp p f
    spoil f 100
    echo others >bad
    refused 3 WRONG_KEY --passphrase-file bad
    restores f --passphrase-file pw
    cmp f p
}

# Any bit of H
flipped() {
    header save a.raw >good
    length=$(header_length good)
    rm -f f.envelope-*
    cp a.raw f
    rewrap -i old.key -r new.pem f
    cp f before
    at=0 claims=0
    while [ "$at" -lt $((length + 56)) ]; do
        cp good H
        flip H "$at" $((1 << at % 8))
        status=0
        header restore -i old.key H f >told 2>err || status=$?
        case $status in
        3 | 4 | 5) ;;
        0) # an identifier is a claim: it opens all the same
            opens f old
            rm f.envelope-header
            cp before f
            claims=$((claims + 1))
            ;;
        *) echo "$at: $status" && cat err && false ;;
        esac
        cmp f before
        only_f
        # Without a key the form is looked at, and the 56 bytes.
        [ "$at" -ge 32 ] && [ "$at" -lt "$length" ] || {
            status=0
            header restore --no-key H f >told 2>err || status=$?
            [ $status -ge 4 ]
            cmp f before
        }
        at=$((at + 13))
    done
    [ $claims -le 2 ]
}

cut() {
    header save a.tar >good
    cp a.raw f
    for n in 0 1 31 32 100 $(($(size_of good) - 57)) \
        $(($(size_of good) - 1)); do
        head -c "$n" good >H
        cp f before
        exits 5 header restore -i old.key H f
        says_that '^envelope: H: '
        cmp f before
    done
    cp plain H
    refused 4 NOT_ENVELOPE -i old.key
    exits 8 header restore -i old.key nowhere f
    says_that '^envelope: nowhere: '
    header save a.raw >H
    exits 8 header restore -i old.key H nowhere
    says_that '^envelope: nowhere: '
}

no_file() {
    header save a.raw >H
    mkfifo pipe
    for name in . pipe /dev/null; do
        exits 1 timeout 20 "$envelope" header restore -i old.key H $name
        says_that "^envelope: $name: "
    done
    exits 1 header restore -i old.key H - <a.raw
    for n in 0 1 100 1000; do
        head -c $n a.raw >f
        [ $n -eq 0 ] || spoil f 1
        cp f before
        exits 5 header restore -i old.key H f
        cmp f before
        only_f
    done
}

read_only() {
    rewrapped raw
    cp f before
    chmod 444 f
    set -- "$envelope" header restore -i old.key H f
    [ "$(id -u)" -ne 0 ] || set -- setpriv --bounding-set -dac_override "$@"
    exits 1 "$@"
    says_that "^envelope: f: $(reason WRITE): Permission denied"
    chmod 644 f
    cmp f before
    only_f
}

# The directory: what was replaced cannot be kept, and the journal not written.
read_only_directory() {
    rm -rf dir
    mkdir dir
    rewrapped raw
    mv f dir
    cp dir/f before
    chmod 555 dir
    set -- "$envelope" header restore -i old.key H dir/f
    [ "$(id -u)" -ne 0 ] || set -- setpriv --bounding-set -dac_override "$@"
    exits 1 "$@"
    says_that 'Permission denied'
    chmod 755 dir
    cmp dir/f before
    [ "$(ls -A dir)" = f ]
}

full_disk() { # COMMAND-THAT-MAY-MOUNT...
    mkdir -p disk
    rewrapped tar
    "$@" sh -ec 'mount -t tmpfs -o size=400k tmpfs disk
        cp f disk/f
        head -c 400000 /dev/zero >disk/fill || true
        status=0
        "$1" header restore -i old.key H disk/f >told 2>err || status=$?
        cat err
        [ $status -eq 1 ]
        grep -q "No space left on device" err
        cmp disk/f f
        [ "$(ls -A disk | tr "\n" " ")" = "f fill " ]
        # room for what is kept, and none for the journal
        truncate -s -8192 disk/fill
        status=0
        "$1" header restore -i old.key H disk/f >told 2>err || status=$?
        cat err
        cmp disk/f f || { [ $status -eq 0 ] && cmp disk/f a.tar; }
        [ ! -e disk/f.envelope-rewrap ]' sh "$envelope"
}

locked() {
    rewrapped raw
    cp f before
    exits 1 flock f "$envelope" header restore -i old.key H f
    says_that 'another process has locked it'
    cmp f before
}

# An interrupted rewrap is finished first; a journal that is none is in the way.
journals() {
    rewrapped raw
    echo 'a note' >f.envelope-rewrap
    cp f before
    exits 1 header restore -i old.key H f
    says_that 'it is something else, and in the way'
    cmp f before
    : >f.envelope-rewrap
    restores f
    cmp f a.raw
    rm f.envelope-header
}

all_is_lost() {
    for kind in raw tar xbstream; do
        cp a.$kind f
        header save f >H
        spoil f "$(size_of f)"
        refused 5 COMMITMENT -i old.key
        head -c "$(size_of a.$kind)" /dev/zero >f
        cp f before
        exits 5 header restore -i old.key H f
        cmp f before
        only_f
    done
}

t 'a header of another backup' another_backup
t 'a key that opens it not' wrong_key
t 'any bit of it flipped' flipped
t 'it is cut, or is none, or is not there' cut
t 'what is no file' no_file
if [ "$(id -u)" -ne 0 ] || setpriv --bounding-set -dac_override true; then
    t 'a file that can only be read' read_only
    t 'a directory that can only be read' read_only_directory
else
    skip 'a file that can only be read' 'setpriv is not installed'
    skip 'a directory that can only be read' 'setpriv is not installed'
fi
if unshare -m mount -t tmpfs tmpfs /mnt 2>.log; then
    t 'a full disk' full_disk unshare -m
elif unshare -rm mount -t tmpfs tmpfs /mnt 2>.log; then
    t 'a full disk' full_disk unshare -rm
else
    skip 'a full disk' 'nothing can be mounted here'
fi
with_tool flock 'a file that is locked' locked
t 'what an earlier run left' journals
t 'nothing is left of it' all_is_lost
