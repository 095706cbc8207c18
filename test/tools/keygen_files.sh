#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What envelope keygen calls its files and who may read them, that it replaces none
# unasked, and that it leaves both or none.
. "${srcdir:-.}/test/support/tap.sh"
[ -n "${top_builddir-}" ] || skip_rest 'top_builddir is not set'
. "$srcdir/test/support/program.sh"

plan 18
. "$srcdir/test/tools/keygen_support.sh"

# mode_of FILE
mode_of() {
    # shellcheck disable=SC2012 # of a name that is our own
    ls -ld "$1" | cut -c 1-10
}

# --- names and permissions ------------------------------------------------

modes() { # UMASK MODE-OF-PUBLIC-KEY
    mkdir "modes$1"
    (umask "$1" && exec "$envelope" keygen -o "modes$1/a.key")
    [ "$(mode_of "modes$1/a.key")" = -rw------- ]
    [ "$(mode_of "modes$1/a.pub")" = "$2" ]
    only "modes$1" a.key a.pub
}

names() {
    mkdir names
    for name in a.key b.pem c d.key.pem .key; do
        "$envelope" keygen -o "names/$name"
    done
    only names .key .key.pub a.key a.pub b.pem b.pub c c.pub d.key.pem \
        d.key.pub
    (cd names && "$envelope" keygen -o ./-e.key)
    [ -s names/-e.pub ]
}

pub_is_no_private_key() {
    exits 2 "$envelope" keygen -o empty/ops.pub
    exits 2 "$envelope" keygen --force -o empty/ops.pub
    only empty
}

# --- files that are there -------------------------------------------------

# No file is made beside one that exists.
kept() { # NAME
    mkdir "keep-$1"
    echo precious >"keep-$1/$1"
    exits 2 "$envelope" keygen -o keep-"$1"/ops.key
    grep -qF -e --force err
    only "keep-$1" "$1"
    [ "$(cat "keep-$1/$1")" = precious ]
}

kept_link() {
    mkdir link
    ln -s nowhere link/ops.key
    exits 2 "$envelope" keygen -o link/ops.key
    only link ops.key
    [ ! -e link/nowhere ]
}

forced() {
    mkdir force
    "$envelope" keygen -o force/ops.key
    cp force/ops.key old.key
    cp force/ops.pub old.pub
    chmod 644 force/ops.key
    "$envelope" keygen --force -t p256 -o force/ops.key
    only force ops.key ops.pub
    ! cmp -s force/ops.key old.key || false
    "$OPENSSL" pkey -in force/ops.key -pubout | cmp - force/ops.pub
    [ "$(mode_of force/ops.key)" = -rw------- ]
    rm force/ops.key
    "$envelope" keygen --force -o force/ops.key
    only force ops.key ops.pub
    "$OPENSSL" pkey -in force/ops.key -pubout | cmp - force/ops.pub
}

forced_onto_others() {
    mkdir -p others/dir.key
    mkfifo others/fifo.pub
    ln -s /dev/null others/null.key
    for name in dir fifo null; do
        exits 2 "$envelope" keygen --force -o "others/$name.key"
        grep -qF 'not a regular file' err
    done
    only others dir.key fifo.pub null.key
}

# --- what fails -----------------------------------------------------------

# Old files must be as they were, and nothing must be left of the new ones.
fails_over_old() { # COMMAND...
    mkdir -p over
    [ -e over/ops.key ] || "$envelope" keygen -o over/ops.key
    cp over/ops.key over/ops.pub .
    "$@"
    cmp ops.key over/ops.key
    cmp ops.pub over/ops.pub
    only over ops.key ops.pub
}

# SIGXFSZ, if it is ignored, makes a write beyond the limit fail.
limited() { # NAME
    (
        trap '' XFSZ
        ulimit -f 0
        exec "$envelope" keygen --force -o "$1" 2>&1
    ) | cat >err
    grep '^envelope: cannot write: ' err
}

no_room() {
    limited empty/ops.key
    only empty
    fails_over_old limited over/ops.key
}

# The temporary file's name for the public key is too long.
public_key_fails() {
    long=empty/$(head -c 252 /dev/zero | tr '\0' n)
    exits 1 "$envelope" keygen -o "$long"
    only empty
}

no_directory() {
    exits 1 "$envelope" keygen -o nowhere/ops.key
    grep -qF 'nowhere/ops.key' err
    [ ! -e nowhere ]
}

# Root may write everywhere, unless the right to is given up.
read_only() {
    mkdir -m 500 read-only
    set -- "$envelope" keygen -o read-only/ops.key
    [ "$(id -u)" -ne 0 ] || set -- setpriv --bounding-set -dac_override "$@"
    exits 1 "$@"
    grep -qF 'read-only/ops.key: Permission denied' err
    only read-only
}

# A page for the private key, and none for the public one
# shellcheck disable=SC2016 # the inner shell expands
full_disk() { # COMMAND-THAT-MAY-MOUNT...
    status=0
    "$@" sh -c 'mount -t tmpfs -o size=4k tmpfs empty && cd empty || exit 9
        status=0
        "$1" keygen -t rsa4096 -o ops.key 2>../err || status=$?
        ls -A >../left
        exit $status' sh "$envelope" || status=$?
    cat err
    [ $status -eq 1 ]
    grep -qF 'ops.pub: No space left on device' err
    nothing left
}

# The names are those of tools/os/temporary.h.
killed_before() {
    echo secret >.later.key.envelope
    echo half >.later.pub.envelope
    exits 0 "$envelope" keygen -o later.key
    grep -qx 'envelope: .later.key.envelope: removed, an earlier run has left it' err
    grep -qx 'envelope: .later.pub.envelope: removed, an earlier run has left it' err
    [ "$(find . -name '*later*' | LC_ALL=C sort | tr '\n' ' ')" \
        = './later.key ./later.pub ' ]
    exits 0 "$envelope" keygen -f -o later.key
    nothing err
}

running() {
    echo half >.now.key.envelope
    flock .now.key.envelope "$envelope" keygen -o now.key >out 2>err
    nothing err
    [ "$(cat .now.key.envelope)" = half ]
    [ "$(find . -name '*now*' | wc -l)" -eq 3 ]
}

t 'permissions with umask 022' modes 022 -rw-r--r--
t 'permissions with umask 000' modes 000 -rw-r--r--
t 'permissions with umask 077' modes 077 -rw-------
t 'permissions with umask 777' modes 777 ----------
t 'names of public keys' names
t 'a private key is not called .pub' pub_is_no_private_key
t 'a private key is not overwritten' kept ops.key
t 'a public key is not overwritten' kept ops.pub
t 'nor is a link to nowhere' kept_link
t '--force replaces both' forced
t '--force replaces files only' forced_onto_others
t 'no room: nothing is left, what is old stays' no_room
t 'the public key fails: no private key is left' public_key_fails
t 'a directory that is not there' no_directory
t 'what a killed run has left goes' killed_before
t 'but not what a running one has' running
if [ "$(id -u)" -ne 0 ] || setpriv --bounding-set -dac_override true; then
    t 'a directory that cannot be written' read_only
else
    skip 'a directory that cannot be written' 'setpriv is not installed'
fi
if unshare -m mount -t tmpfs tmpfs empty 2>.log; then
    t 'a full disk' full_disk unshare -m
elif unshare -rm mount -t tmpfs tmpfs empty 2>.log; then
    t 'a full disk' full_disk unshare -rm
else
    skip 'a full disk' 'nothing can be mounted here'
fi
