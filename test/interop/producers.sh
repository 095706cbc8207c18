#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A backup of a real MariaDB server is sealed only where mariabackup has finished,
# and goes through mbstream to a server with the same data.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 7
provider
. "$srcdir/test/interop/mariadb_server.sh"

# seals SECONDS - mariabackup is killed after so long
seals() {
    status=0
    # shellcheck disable=SC2016 # for that shell
    "$envelope" encrypt -r ops.pem -f -o backup.xb -- sh -c '
        mariabackup --no-defaults --backup --stream=xbstream --parallel=2 \
            --user="$2" --socket="$PWD/a.sock" --datadir="$PWD/a.data" \
            --target-dir="$PWD/tmp" 2>>backup.log &
        backup=$!
        (exec >/dev/null && sleep "$1" && kill -KILL $backup) 2>/dev/null &
        clock=$!
        status=0
        wait $backup || status=$?
        kill $clock 2>/dev/null
        exit $status' sh "$1" "$db_user" 2>err || status=$?
    cat err
}

whole() {
    rm -f backup.log
    seals 60
    tail -n 2 backup.log
    test $status -eq 0
    grep -q 'completed OK!' backup.log
    "$envelope" verify -i ops.key backup.xb
}

killed() {
    for after in 0.01 0.02 0.05 0.1 0.15 0.2 0.3 0.4 0.5 0.6 0.8 1 1.2; do
        rm -f backup.xb
        seals $after
        if [ $status -eq 0 ]; then
            "$envelope" verify -i ops.key backup.xb
        else
            test $status -eq 7
            grep -qx "envelope: $(reason PROGRAM): sh ended with status 137" err
            test ! -e backup.xb
            test ! -e .backup.xb.envelope
            echo "$after" >>refused
        fi
    done
    test -s refused
}

taken() {
    seals 60
    test $status -eq 0
    mkdir b.data
    "$envelope" decrypt -i ops.key backup.xb -- mbstream -x -C b.data
    prepare b
}

# mbstream ends with 0 after a part that ends between two chunks.
damaged() {
    mkdir part
    head -c $(($(size_of backup.xb) - 100000)) backup.xb >cut.xb
    exits 5 "$envelope" decrypt -i ops.key cut.xb -- mbstream -x -C part
    cp backup.xb bad.xb
    flip bad.xb 9000000
    rm -r part && mkdir part
    exits 5 "$envelope" decrypt -i ops.key bad.xb -- mbstream -x -C part
}

new_key ops -algorithm X25519
t "a new server" install_db a
start_server a
t "with tables" eval 'answers a && fill a'
t "a backup that is whole" whole
t "a backup that is killed" killed
t "unpacked by mbstream" taken
t "a damaged one is not taken for whole" damaged
stop_server
start_server b
t "has the same data" eval 'answers b && same_data b && good_tables b'
stop_server
