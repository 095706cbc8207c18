#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Binary logs of a real MariaDB server are archived as they rotate, by what the manual
# page prints, and replayed to a point in time.  Its dumps are restored.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 10
not_sanitized 'it is about scripts'
need bash openssl flock mountpoint
. "$srcdir/test/interop/mariadb_server.sh"
need mariadb-binlog mariadb-dump
PATH=${envelope%/*}:$PATH

# connected NAME - the programs of the page talk to this server
connected() {
    for connected_name in mariadb mariadb-binlog mariadb-dump; do
        printf '#!/bin/sh\nexec %s --no-defaults --user=%s --socket=%s "$@"\n' \
            "$(command -v $connected_name)" "$db_user" "$tests_dir/$1.sock" \
            >"bin/$connected_name"
        chmod +x "bin/$connected_name"
    done
}

# printed TEXT - the one block of the manual page that has it, with the paths of here
printed() {
    awk -v text="$1" '/^\.Bd/ { block = ""; next }
        /^\.Ed/ { if (index(block, text)) { found = block; n++ } block = ""; next }
        { block = block $0 "\n" }
        END { if (n == 1) printf "%s", found }' "$srcdir/doc/envelope-jobs.7" \
        | sed "s,\\\\e\$,\\\\,; s,/usr/local/libexec/envelope,$srcdir/jobs,
            s,/srv/binlog,$tests_dir/archive,; s,--user=repl,,"
}

# run TEXT [SED-COMMAND] - it, in this directory
run() {
    printed "$1" | sed "${2-}" >script
    [ -s script ]
    PATH=$tests_dir/bin:$PATH bash script
}

dump() { # NAME
    mariadb-dump --no-defaults --user="$db_user" --socket="$tests_dir/$1.sock" \
        --skip-comments --hex-blob --databases shop
}

make_archive() {
    envelope keygen -o ops.key
    mkdir archive store spool bin
    connected a
    run 'envelope-wal init /srv/binlog'
    install_db a
}

# From the file $1 on; not through bash, so that the pid is the program's
receive() {
    printed '--stop-never' | sed "s/mariadb-bin.000001/$1/; s/^/exec /; 2s/^exec//" \
        >receive
    PATH=$tests_dir/bin:$PATH sh receive 2>receive.log &
    receiver=$!
}

# Rows for a binary log of their own, and the next one begins
add() {
    sql a "USE shop;
        INSERT INTO orders (body) SELECT RANDOM_BYTES(500) FROM seq_1_to_100;
        FLUSH BINARY LOGS"
}

# 000001 to 000007; the backups are within the second.  In the last one is what should
# not have been done, a day later.
rotate() {
    answers a
    sql a "CREATE DATABASE shop;
        CREATE TABLE shop.orders (id INT PRIMARY KEY AUTO_INCREMENT, body BLOB)
            ENGINE=InnoDB"
    receive mariadb-bin.000001
    add
    for kind in full incremental; do
        sql a "INSERT INTO shop.orders (body) VALUES ('before a backup')"
        "$srcdir/jobs/envelope-mariadb" $kind store -r ops.pub -- --no-defaults \
            --user="$db_user" --socket="$tests_dir/a.sock" \
            --datadir="$tests_dir/a.data"
    done
    dump a >early
    add
    add
    waits [ -s spool/mariadb-bin.000004 ]
    run 'ls -v spool'
    [ "$(ls spool)" = mariadb-bin.000004 ]
    add
    waits [ -s spool/mariadb-bin.000005 ]
    # It dies in the middle of one.
    kill -KILL $receiver
    wait $receiver || :
    add
    receive mariadb-bin.000005
    sql a "UPDATE shop.orders SET body = 'changed' WHERE id % 3 = 0;
        FLUSH BINARY LOGS;
        INSERT INTO shop.orders (body) VALUES ('the last good one')"
    dump a >before
    sql a 'SHOW MASTER STATUS' | cut -f 1,2 >place
    grep 'mariadb-bin.000007' place
    sql a 'SET timestamp = UNIX_TIMESTAMP() + 86400;
        DELETE FROM shop.orders WHERE id % 2 = 0; DROP TABLE shop.orders;
        FLUSH BINARY LOGS'
    waits [ -s spool/mariadb-bin.000008 ]
    run 'ls -v spool'
    run 'ls -v spool'
    kill $receiver
    wait $receiver || :
    [ "$(ls spool)" = mariadb-bin.000008 ]
}

as_on_the_server() {
    for n in 1 2 3 4 5 6 7; do
        "$srcdir/jobs/envelope-wal" restore archive mariadb-bin.00000$n one -i ops.key
        cmp one a.data/mariadb-bin.00000$n
    done
    ! grep -rqa 'last good one' archive || false
    grep -qa 'last good one' one
}

# What a crash has left: the end is missing, although a newer one is there.
cut_in_the_spool() {
    mkdir crash crash/spool
    cp -R bin crash
    for n in 5 6 7; do
        cp a.data/mariadb-bin.00000$n crash/spool/db.00000$n
    done
    truncate -s -20 crash/spool/db.000005
    flip crash/spool/db.000006 400
    (cd crash && run 'ls -v spool' "s,ops.pub,../ops.pub,") || :
    [ "$(echo crash/spool/*)" = \
        'crash/spool/db.000005 crash/spool/db.000006 crash/spool/db.000007' ]
    [ ! -e archive/db.000005.env ]
    [ ! -e archive/db.000006.env ]
}

restored() {
    "$srcdir/jobs/envelope-mariadb" restore store b.data -i ops.key -- --no-defaults
    cp -R b.data again.data
    ln -s b.data data
    [ -z "$as" ] || chown -R mysql b.data again.data
    connected b
}

# replay [SED-COMMAND] - to half a day from now; what it says goes to ./err
replay() {
    rm -rf logs
    run --start-position "s/2026-11-30 12:00:00/$(date -d '12 hours' '+%F %T')/
        ${1-}" 2>err
}

# broken STATUS TEXT COMMAND... - in the middle of the archive; nothing is replayed
broken() {
    broken_status=$1 broken_text=$2
    shift 2
    cp archive/mariadb-bin.000004.env kept.env
    "$@"
    status=0
    # shellcheck disable=SC2016 # of that script
    replay '$aexit $status' || status=$?
    mv kept.env archive/mariadb-bin.000004.env
    cat err
    [ $status -eq "$broken_status" ]
    grep -q "mariadb-bin.000004.*$broken_text" err
    dump b | diff early -
}

not_replayed() {
    answers b
    broken 201 'is missing, and later ones are there' \
        rm archive/mariadb-bin.000004.env
    broken 204 'is required' \
        cp archive/mariadb-bin.000003.env archive/mariadb-bin.000004.env
    broken 205 'damaged\|authentication' flip archive/mariadb-bin.000004.env 3000
}

to_a_point_in_time() {
    replay
    dump b | diff before -
}

to_a_place() {
    answers again
    connected again
    rm data
    ln -s again.data data
    replay "s/--stop-datetime=[^ ]* [^ ]*/--stop-position=$(cut -f 2 place)/"
    dump again | diff before -
}

dumped() {
    connected again
    run 'mariadb-dump --single-transaction --all-databases'
    sql again 'DROP DATABASE shop'
    run 'all.sql.env -- mariadb'
    dump again | diff before -
}

# Nothing of a dump that did not come to its end
dump_killed() {
    mv all.sql.env good.env
    mv bin/mariadb-dump bin/dump
    printf '#!/bin/sh\n"%s/bin/dump" "$@" | head -c 200000\nkill -KILL $$\n' \
        "$tests_dir" >bin/mariadb-dump
    chmod +x bin/mariadb-dump
    status=0
    run 'mariadb-dump --single-transaction --all-databases' || status=$?
    [ $status -eq 7 ]
    [ ! -e all.sql.env ]
    connected again
}

# The client is stopped, and never sees the end of its input.
dump_damaged() {
    printf '#!/bin/sh\ncat >got\n: >ended\n' >bin/mariadb
    envelope decrypt -i ops.key -o plain.sql good.env
    cp good.env all.sql.env
    run 'all.sql.env -- mariadb'
    cmp got plain.sql
    rm ended
    flip all.sql.env $(($(size_of all.sql.env) / 2))
    status=0
    run 'all.sql.env -- mariadb' || status=$?
    [ $status -eq 5 ]
    [ ! -e ended ]
    cmp -n "$(size_of got)" got plain.sql
    [ "$(size_of got)" -lt "$(size_of plain.sql)" ]
}

set_up make_archive
start_server a --log-bin=mariadb-bin --innodb-autoinc-lock-mode=0
t "binary logs are archived as they rotate" rotate
t "they are those of the server, and cannot be read" as_on_the_server
t "one that was cut stays in the spool" cut_in_the_spool
stop_server
t "a backup is restored" restored
start_server b --innodb-autoinc-lock-mode=0
t "nothing is replayed where one is missing or wrong" not_replayed
t "a replay to a point in time" to_a_point_in_time
stop_server
start_server again --innodb-autoinc-lock-mode=0
t "a replay to a place in the log" to_a_place
t "a dump is restored" dumped
t "a dump that was killed" dump_killed
t "a dump that is damaged" dump_damaged
stop_server
