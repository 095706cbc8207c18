#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# envelope-tar: levels of GNU tar are restored in their order, each one upon the one
# that it stands upon; a level that fails, or is killed, moves nothing.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 12
. "$srcdir/test/jobs/tar_support.sh"

three_levels() {
    keep 0
    level full
    rm tree/a/b/two 'tree/-dash'
    mv tree/a tree/c
    rmdir 'tree/ space'
    echo three >tree/three
    keep 1
    level incremental
    mv tree/c/b tree/c2
    rm tree/three
    mkdir tree/three
    echo more >>tree/c/hard
    ln tree/c/hard tree/hard
    setfattr -n user.kind -v restored tree/c/one
    keep 2
    level incremental
    gives 0001-0000 0
    gives 0001-0001 1
    gives 0001-0002 2
    nothing_new 3
    [ "$(du -k back/hole | cut -f 1)" -lt 100 ]
    [ "$(size_of store/0001-0001.tar.env)" -lt 100000 ]
}

# tar by itself writes of these what it cannot restore.
moved() {
    mkdir -p m.store m.state m/a/b/c m/d m/e m/f
    for dir in a a/b a/b/c d e f; do
        echo $dir >m/$dir/file
    done
    ends 0 init m.store
    ends 0 full m.store m.state m -r ops.pub
    echo x >m/x
    mv m/d m/t && mv m/x m/d && mv m/t m/x # a directory and a file
    mv m/e m/t && mv m/f m/e && mv m/t m/f # two directories
    mv m/a/b m/t && mv m/a m/t/c && mv m/t m/a # one and what is in it
    rm m/f/file
    ends 0 incremental m.store m.state m -r ops.pub
    rm -r m/x && mkdir m/y && echo y >m/x
    ends 0 incremental m.store m.state m -r ops.pub
    look m >want
    ends 0 restore m.store 0001-0002 m.back -i ops.key
    look m.back >m.look
    diff want m.look
    # A snapshot that was cut is none.
    for size in 0 10 100; do
        truncate -s $size m.state/snapshot.*
        ends 1 incremental m.store m.state m -r ops.pub
        grep -q 'cannot be used: make a full one' err
        [ -z "$(find m.state -name 'next.*')" ]
    done
}

in_the_clear() {
    ! grep -aq 'hole\|three' store/*.env || false
    [ "$(find state -type f -perm /077)" = '' ]
    ends 3 restore store 0001-0000 back2 -i other.key
    test ! -e back2
    rm -r back2.part
}

# at COMMAND... - how tar runs a command in the middle of the work.  tar 1.35 crashes
# over what a shell would expand, so that the command is in a file.
at() {
    printf '#!/bin/sh\n%s\n' "$*" >"$tests_dir/action"
    chmod +x "$tests_dir/action"
    echo "--checkpoint=20 --checkpoint-action=exec=$tests_dir/action"
}

# Whatever is between it and its tar
# shellcheck disable=SC2016 # for that shell
kill_tar='pid=$PPID
until [ "$(cat /proc/$pid/comm)" = tar ]; do pid=$(ps -o ppid= -p $pid | tr -d " "); done
kill -KILL $pid'

tar_fails() {
    head -c 2000000 /dev/zero | tr '\0' L >tree/large
    keep 3
    for what in --files-from=none --add-file=none "$(at "$kill_tar")"; do
        TAR_OPTIONS=$what level incremental 7
        grep -q 'the next level stands upon 0001-0002' err
        nothing_new 3
        TAR_OPTIONS=$what level full 7
        nothing_new 3
    done
    ends 1 incremental store state tree -r none.pub
    ends 1 incremental store state none -r ops.pub
    nothing_new 3
    level incremental
    gives 0001-0003 3
}

# The real tar, and a file that grows while it is read
changes() {
    (
        TAR_OPTIONS=$(at "echo more >>$tests_dir/tree/large")
        export TAR_OPTIONS
        level incremental 0
        echo new >>tree/large
        level incremental 9
    )
    grep -q 'file changed as we read it' err
    grep -q '0001-0005: is kept, but files changed' err
    nothing_new 6
    keep 6
    level incremental
    gives 0001-0006 6
    rm tree/large
}

# dies PROGRAM COMMANDS - all are killed when this program would be called
dies() {
    mkdir -p bin
    printf '#!/bin/sh\n%s\nkill -KILL 0\n' "$2" >"bin/$1"
    chmod +x "bin/$1"
    status=0
    PATH=$tests_dir/bin:$PATH setsid -w "$tar" incremental store state tree \
        -r ops.pub || status=$?
    rm -r bin
    [ $status -eq 137 ]
}


killed() {
    real=$(command -v tar)
    echo 7 >tree/seven
    keep 7
    dies awk ''
    dies tar 'head -c 500000 /dev/zero'
    dies tar "$real \"\$@\" | head -c 10240"
    dies sync '' # tar has ended, and the level has no name yet
    [ "$(find state -name 'next.*')" ]
    level incremental
    nothing_new 8
    gives 0001-0007 7
    # It has its name, and nobody has taken note of that.
    echo 8 >tree/eight
    keep 8
    dies mv ''
    [ "$(find state -name 'next.*')" ]
    rm tree/seven
    keep 9
    level incremental
    nothing_new 10
    gives 0001-0008 8
    gives 0001-0009 9
}

no_room() {
    head -c 300000 /dev/zero | tr '\0' r >tree/room
    keep 10
    (ulimit -f 100 && trap '' XFSZ && ends 1 incremental store state tree -r ops.pub)
    nothing_new 10
    level incremental
    gives 0001-0010 10
}

two_at_once() {
    flock state/lock "$tar" incremental store state tree -r ops.pub 2>err \
        || status=$?
    [ "$status" -eq 1 ]
    grep -q 'another envelope-tar is at work' err
    nothing_new 11
}

# What changed while the clock was behind would be missed.
clock_set_back() {
    touch -d '1 hour' state/snapshot.*
    level incremental 1
    grep -q 'the clock is behind the last level: make a full one' err
    nothing_new 11
    touch state/snapshot.*
}

# A state that knows less than the store, or more, or something else
other_states() {
    cp -r state old
    level incremental
    mkdir none
    ends 1 incremental store none tree -r ops.pub
    grep -q 'knows of no level: make a full one' err
    ends 1 incremental store old tree -r ops.pub
    grep -q '0001-0011.tar.env: is there, and old does not know of it' err
    mv store/0001-0011.tar.env lost
    level incremental 1
    grep -q '0001-0011.tar.env: is missing, and 0001-0011 stands upon it' err
    # Another one of that number is not the one that it was.
    ends 0 incremental store old tree -r ops.pub
    level incremental 1
    grep -q 'is not the one that state knows of: make a full one' err
    ends 1 incremental store nowhere tree -r ops.pub
    keep 11
    level full
    gives 0002-0000 11
    gives 0001-0011 11
    nothing_new 13
}

# refuses STATUS TEXT LEVEL - and nothing appears
refuses() {
    ends "$1" restore bad "$3" back3 -i ops.key
    grep -q "$2" err
    test ! -e back3
    rm -rf back3.part
}

# bad COMMAND... - in another store, which somebody has had his hands in
bad() {
    rm -rf bad
    cp -r store bad
    (cd bad && "$@")
}

in_other_hands() {
    l=0001-00
    bad rm ${l}04.tar.env
    refuses 1 "0004.tar.env: is missing, and ${l}06 stands upon it" ${l}06
    bad rm ${l}00.tar.env
    refuses 1 '0000.tar.env: is missing' ${l}06
    refuses 1 'is missing, and 0001-0099 stands upon it' 0001-0099
    bad mv ${l}04.tar.env ${l}05.tar.env
    refuses 1 'is missing' ${l}06
    bad cp ${l}04.tar.env ${l}05.tar.env
    refuses 4 '0005.tar.env: is not the level that' ${l}06
    bad cp 0002-0000.tar.env ${l}00.tar.env
    refuses 4 '0000.tar.env: is not the level that' ${l}06
    # The one that was lost is of that number, and nothing stands upon it.
    bad cp ../lost ${l}11.tar.env
    gives 0001-0011 11
    bad flip ${l}04.tar.env 9000
    refuses 5 '0004.tar.env: ' ${l}06
    bad truncate -s 10000 ${l}04.tar.env
    refuses 5 '0004.tar.env: ' ${l}06
    bad rm envelope-tar.store
    refuses 1 'mount it, or' ${l}06
    # A label in the clear that was changed is found by the key.
    bad cp ${l}03.tar.env ${l}04.tar.env
    LC_ALL=C sed -i "s/tar-level=0001-0003/tar-level=0001-0004/" bad/${l}04.tar.env
    refuses 4 '0004.tar.env: ' ${l}06
}

signed() {
    envelope keygen -t ed25519 -o host.key
    ends 0 full store state tree -r ops.pub -s host.key --label host=db1
    ends 0 restore store 0003-0000 signed -i ops.key --signed-by host.pub \
        --require-label host=db1
    ends 4 restore store 0002-0000 back3 -i ops.key --signed-by host.pub
    test ! -e back3
    rm -r back3.part
}

set_up make_tree
t "levels are restored in their order" three_levels
t "directories and files that have changed names" moved
t "nothing of it can be read without the key" in_the_clear
t "tar fails, or is killed" tar_fails
t "a file that changes while it is read" changes
t "killed at any moment" killed
t "a disk that is full" no_room
t "two at once" two_at_once
t "a clock that was set back" clock_set_back
t "a state of another day" other_states
t "a store in other hands" in_other_hands
t "signed levels" signed
