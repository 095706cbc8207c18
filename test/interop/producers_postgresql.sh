#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A pg_basebackup of a real PostgreSQL that is killed, or whose server is, at any
# moment: what is sealed is the whole, with a program after -- and in a plain pipe.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 8
need tar timeout
. "$srcdir/test/interop/postgresql_server.sh"
need pgbench

fill() {
    answers
    pgbench -h "$tests_dir" -U owner -i -s 2 -q postgres
    sql checkpoint
}

backup="pg_basebackup -h $tests_dir -U owner -c fast -X fetch -F t -D -"

# By tar, not by what we think of its end.  The manifest is the last member.
is_whole() {
    "$envelope" verify -i ops.key base.tar
    "$envelope" decrypt -i ops.key base.tar >plain.tar
    tar -tf plain.tar >members
    [ "$(tail -n 1 members)" = backup_manifest ]
    grep -qx global/pg_control members
}

# What was killed is not sealed, unless it was done before.
judge() {
    cat err
    if [ $status -eq 0 ]; then
        is_whole
        echo x >>whole
    else
        [ $status -eq 7 ]
        [ ! -e base.tar ]
        [ ! -e .base.tar.envelope ]
        echo x >>refused
    fi
}

takes() {
    date +%s%N >began
    status=0
    # shellcheck disable=SC2086
    "$envelope" encrypt -r ops.pub -o base.tar -- $backup 2>err || status=$?
    date +%s%N >ended
    [ $status -eq 0 ]
    is_whole
}

# waits PART - so many tenths of the time that a backup takes
waits() {
    sleep "$(echo "$(cat began) $(cat ended) $1" \
        | awk '{ printf "%.3f", ($2 - $1) * $3 / 10e9 }')"
}

# The program writes its pid, and becomes pg_basebackup.
program_killed() { # SIGNAL
    rm -f refused whole
    for part in 0 1 2 3 4 5 6 7 8 9; do
        rm -f base.tar pid
        # shellcheck disable=SC2016 # for that shell
        timeout 60 "$envelope" encrypt -r ops.pub -o base.tar -- \
            sh -c 'echo $$ >pid; exec $1' sh "$backup" 2>err &
        ours=$!
        waits $part
        [ ! -s pid ] || kill "-$1" "$(cat pid)" 2>/dev/null || :
        status=0
        wait $ours || status=$?
        judge
    done
    test -s refused
}

pipe_killed() { # SIGNAL
    rm -f refused whole
    mkfifo pipe
    for part in 0 1 2 3 4 5 6 7 8 9; do
        rm -f base.tar
        $backup >pipe 2>backup.err &
        theirs=$!
        timeout 60 "$envelope" encrypt -r ops.pub -o base.tar <pipe 2>err &
        ours=$!
        waits $part
        kill "-$1" $theirs 2>/dev/null || :
        status=0
        wait $ours || status=$?
        wait $theirs || :
        judge
    done
    rm pipe
    test -s refused
}

# All of its processes end at once.
server_killed() {
    rm -f base.tar
    timeout 60 "$envelope" encrypt -r ops.pub -o base.tar -- $backup 2>err &
    ours=$!
    waits 5
    kill -QUIT "$(head -n 1 data/postmaster.pid)"
    status=0
    wait $ours || status=$?
    judge
}

"$envelope" keygen -o ops.key >/dev/null 2>&1
t "a new server" make_server data
start_server data
t "with data" fill
t "a backup that is whole" takes
t "a program that is killed" program_killed KILL
t "a program that is ended" program_killed TERM
t "a pipe's program that is killed" pipe_killed KILL
t "a pipe's program that is ended" pipe_killed TERM
t "a server that ends" server_killed
