#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# envelope-mariadb restores a whole chain or nothing: where a link is not the right one
# it is named, and what is there already stays.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 10
not_sanitized 'it is about scripts'
. "$srcdir/test/jobs/mariadb_chain.sh"

# broken STATUS TEXT COMMAND... - after this in ./bad it is not restored
broken() {
    broken_status=$1 broken_text=$2
    shift 2
    rm -rf bad
    cp -R whole bad
    "$@"
    restores "$broken_status" bad -i ops.key
    said "$broken_text"
}

a_missing_one() {
    for n in 1 2; do
        broken 1 "$(nth $n bad): is missing, and $(nth $((n + 1))) stands upon it" \
            rm "$(nth $n bad)"
    done
    # The newest one is known by its checkpoints.
    broken 1 "$(nth 3 bad): is missing" rm "$(nth 3 bad)"
    restores 0 bad "$(nth 2)" -i ops.key
    mkdir nothing
    restores 1 nothing -i ops.key
    said 'nothing: has no backup'
}

a_swapped_one() {
    for n in 1 2; do
        broken 4 "$(nth $n bad): is not $(nth $n)" \
            cp "$(nth 3 bad)" "$(nth $n bad)"
    done
}

forge() { # N CHAIN NAME BASE - by somebody who has the public key
    envelope encrypt -f -r ops.pub --label "mariadb-chain=$2" \
        --label "mariadb-backup=$3" --label "mariadb-base=$4" \
        -o "$(nth "$1" bad)" before.1
}

# Of the same name, but of another chain, or without an end
a_foreign_one() {
    broken 4 "$(nth 1 bad): is not $(nth 1), upon which $(nth 2) stands" \
        forge 1 0123456789abcdef "$(nth 1)" none
    for base in "$(nth 3)" "$(nth 2)" ../../x 'a" b'; do
        broken 4 "$(nth 2 bad): its label mariadb-base is not an older backup" \
            forge 2 "$(cat "whole/$(nth 1).lsn/chain")" "$(nth 2)" "$base"
    done
    broken 4 "$(nth 2 bad)" cp before.1 "$(nth 2 bad)"
}

# After the first, or all of them, were looked at, another one takes the place.
swapped_meanwhile() {
    for n in 1 3; do
        # shellcheck disable=SC2016 # of that script
        stand_in envelope "$envelope \"\$@\" || exit" \
            'case "$*" in' \
            "'verify '*/$(nth $n).xb.env) cp $(nth 3 whole) $(nth 2 bad) ;;" \
            'esac'
        PATH=$tests_dir/bin:$PATH broken 4 'is required' true
    done
    said "$(nth 2 bad): could not be unpacked"
    rm bin/envelope
}

damage() { # OFFSET N
    flip "$(nth "$2" bad)" "$1"
}

a_damaged_one() {
    broken 5 "$(nth 1 bad)" damage 2000000 1
    said 'b.data: not restored; b.data.partial is removed'
    broken 5 "$(nth 3 bad): could not be unpacked" damage 100000 3
    broken 5 "$(nth 2 bad)" truncate -s 100000 "$(nth 2 bad)"
}

not_opened() {
    restores 3 whole -i other.key
    said "$(nth 1 whole): is needed for $(nth 3)"
    restores 3 whole -i none.key
    restores 4 whole -i ops.key --signed-by signer.pem
    restores 4 whole "$(nth 1)" -i ops.key --require-label host=db2
    restores 2 whole -i ops.key --salvage
    restores 2 whole -i ops.key -o out.env
    restores 2 whole ../x -i ops.key
    restores 1 whole 20260101T000000Z -i ops.key
    said 'whole/20260101T000000Z.xb.env: is missing'
}

# What is there stays.
not_there() {
    mkdir full place b.data.partial
    echo mine >full/file
    ln -s nowhere link
    for target in 1full 1full/file 1link 1b.data 1place/none/x 2. 2.. 2/ 2place/..
    do
        status=0
        "$job" restore whole "${target#?}" -i ops.key 2>err || status=$?
        [ "$status" = "${target%"${target#?}"}" ]
        said "${target#?}"
    done
    rmdir b.data.partial
    [ "$(cat full/file)" = mine ]
    [ ! -e b.data ]
    [ ! -e full.partial ]
}

# An empty directory is taken, and MySQL's names of the programs are.
any_names() {
    odd=$(printf -- '-a b\nc')
    mkdir -- "$odd"
    cp -R whole "./$odd/whole"
    mkdir "./$odd/b"
    ln -s "$(command -v mbstream)" bin/xbstream
    # shellcheck disable=SC2016
    stand_in xtrabackup "{ echo \"\$*\" | tr '\\n' ' ' && echo; } >>prepared" \
        'for word; do' \
        '    shift' \
        '    [ "$word" = --apply-log-only ] || set -- "$@" "$word"' \
        'done' \
        'exec mariabackup "$@"'
    PATH=$tests_dir/bin:$PATH ENVELOPE_MARIADB_BACKUP=xtrabackup \
        "$job" restore "$odd/whole" "$odd/b/" -i ops.key -- --no-defaults
    [ -s "./$odd/b/more/new.ibd" ]
    [ ! -e "./$odd/b.partial" ]
    [ "$(grep -c -e --prepare prepared)" -eq 3 ]
    # The last one rolls back what was not committed.
    [ "$(grep -n -e --apply-log-only prepared | cut -d: -f1 | tr '\n' ' ')" = '1 2 ' ]
    [ "$(grep -c -e --incremental-dir= prepared)" -eq 2 ]
}

# begins - a restore that waits in its first preparation for ./go
begins() {
    rm -rf begun go b.data
    mkfifo go
    stand_in waits "touch $tests_dir/begun" "exec 3<$tests_dir/go" 'exit 1'
    ENVELOPE_MARIADB_BACKUP=bin/waits "$job" restore whole b.data -i ops.key \
        >out 2>err &
    pid=$!
    waits [ -e begun ]
    [ -s b.data.partial/data/ibdata1 ]
    [ "$(stat -c %a b.data.partial)" = 700 ]
    [ ! -e b.data ]
}

killed() {
    begins
    kill -TERM $pid
    : >go
    status=0
    wait $pid || status=$?
    [ $status -eq 143 ]
    said 'b.data: not restored; b.data.partial is removed'
    [ ! -e b.data.partial ]
    begins
    kill -KILL $pid
    wait $pid || :
    : >go
    "$job" restore whole b.data -i ops.key 2>err || status=$?
    [ $status -eq 1 ]
    said 'b.data.partial: is there; if a restore was killed, remove it'
    rm -r b.data.partial
}

no_room() {
    (ulimit -f 100 && trap '' XFSZ && restores 7 whole -i ops.key)
    for n in 1 2 3; do
        stand_in prepares "[ \$(($n - 1)) -eq \$(wc -l <count) ] && exit 1" \
            'echo >>count' 'exec mariabackup "$@"'
        : >count
        ENVELOPE_MARIADB_BACKUP=bin/prepares restores 7 whole -i ops.key
        said "$(nth $n): bin/prepares could not prepare it"
    done
}

set_up make_keys
start_chain
set_up chain
stop_server
t "a link that is missing" a_missing_one
t "a link in place of another" a_swapped_one
t "a link that is swapped while it is restored" swapped_meanwhile
t "a link of another chain" a_foreign_one
t "a link that is damaged" a_damaged_one
t "a restore that was killed" killed
t "a disk that is full, and preparations that fail" no_room
t "a key or a label that is not right" not_opened
t "a place that is not free" not_there
t "names that are odd, and those of MySQL's programs" any_names
