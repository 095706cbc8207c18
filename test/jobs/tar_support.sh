# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What the tests of envelope-tar share.  Sourced after tap.sh, program.sh and the plan,
# not run.

not_sanitized 'it is about scripts'
need flock getfattr ps setfattr setsid tar
PATH=${envelope%/*}:$PATH
tar=$srcdir/jobs/envelope-tar

# ends STATUS ARGUMENT... - envelope-tar, with what it says in ./err
ends() {
    ends_want=$1
    shift
    ended "$ends_want" "$tar" "$@"
}

level() { # full|incremental [STATUS]
    ends "${2:-0}" "$1" store state tree -r ops.pub
}

# All that a tree is: names, kinds, modes, links, times, and what files have in them
look() { # TREE
    (
        cd "$1" || exit
        find . -printf '%P|%m|%U|%G|%y|%n|%T@|%l\0' | sort -z | tr '\0' '\n'
        find . -type f -print0 | sort -z | xargs -0 sha256sum
        find . -print0 | sort -z | xargs -0 getfattr -h -d -m user. -e hex --
    )
}

keep() { # NAME - what the tree is now
    look tree >"$1.look"
}

gives() { # LEVEL NAME - it is what was kept by this name
    rm -rf back
    ends 0 restore store "$1" back -i ops.key
    look back >back.look
    diff "$2.look" back.look
    test ! -e back.part
}

# Nothing of a level that failed is left, and the next one begins where it did.
nothing_new() { # COUNT
    [ "$(find store -name '*.tar.env' | wc -l)" -eq "$1" ]
    [ -z "$(find state store -name 'next.*' -o -name '.*.envelope*')" ]
    [ "$(find state -name 'snapshot.*' | wc -l)" -eq 1 ]
}

make_tree() {
    envelope keygen -o ops.key
    envelope keygen -o other.key
    mkdir -p store state tree/a/b 'tree/ space' "tree/new
line"
    echo one >tree/a/one
    echo two >tree/a/b/two
    ln tree/a/one tree/a/hard
    ln -s ../nowhere tree/link
    setfattr -n user.kind -v backup tree/a/one
    truncate -s 3M tree/hole
    echo end >>tree/hole
    echo dash >tree/-dash
    chmod 640 tree/-dash
    mkfifo tree/fifo
    long=$(printf %0200d 7)
    mkdir -p "tree/$long/$long"
    echo long >"tree/$long/$long/$long"
    ends 1 full store state tree -r ops.pub
    ends 0 init store
    ends 0 init store
}
