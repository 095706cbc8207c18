#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A real PostgreSQL archives with envelope-wal and recovers to a point in time; with
# a segment that is damaged, unreadable or missing it stops, and its log says why.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 15
need openssl tar timeout
. "$srcdir/test/interop/postgresql_server.sh"
need pg_archivecleanup pg_dump pg_dumpall pg_receivewal

# The server's user may not come to where this was built.
mkdir bin
cp "$envelope" "$srcdir/jobs/envelope-wal" bin
PATH=$tests_dir/bin:$PATH
[ -z "$as" ] || $as envelope --version >/dev/null 2>&1 \
    || skip_rest 'the user of the server cannot run envelope'

# printed SETTING ARCHIVE - as the manual page has it, with the paths of here
printed() {
    sed -n "s/^$1 = '\\(.*\\)'\$/\\1/p" "$srcdir/doc/envelope-jobs.7" \
        | sed "s,/usr/local/libexec/envelope,$tests_dir/bin,
            s,/srv/wal,$tests_dir/$2,; s,/usr/local/etc/envelope,$tests_dir,"
}
archive_command=$(printed archive_command archive)

start_archiving() {
    start_server data -c archive_mode=on -c "archive_command=$archive_command"
}

make_archive() {
    envelope keygen -o ops.key
    envelope keygen -o other.key
    mkdir archive
    envelope-wal init archive
    [ -z "$as" ] || chown -R postgres archive ops.key other.key
    make_server data --wal-segsize=1
}

# Rows for a segment of its own
add() {
    sql "insert into t select i, md5(i::text) from generate_series(1, 3000) i"
    sql 'select pg_switch_wal()'
}

archived() { # NAME
    waits [ -e "archive/$1.env" ]
}

now() {
    sql "select pg_walfile_name(pg_current_wal_lsn())"
}

# Without what is another one each time
dump() {
    pg_dump -h "$tests_dir" -U owner postgres | grep -v '^\\\(un\)\?restrict '
}

fill() {
    answers
    sql 'create table t (n int, s text)'
    add
    timeout 120 envelope encrypt -r ops.pub -o base.env -- \
        pg_basebackup -h "$tests_dir" -U owner -c fast -X none -F t -D -
    for i in 1 2 3 4 5 6; do
        now >>segments
        add
    done
    dump >before
    sql "select pg_create_restore_point('good')"
    add
    sql 'drop table t'
    now >last
    sql 'select pg_switch_wal()'
    archived "$(cat last)"
    # None was given up on.
    [ "$(sql 'select failed_count from pg_stat_archiver')" -eq 0 ]
}

nothing_is_readable() {
    ! grep -rqa 'CREATE TABLE\|c4ca4238a0b923820dcc509a6f75849b' archive || false
    for file in archive/*.env; do
        envelope verify -i ops.key "$file" 2>/dev/null
    done
    ! envelope decrypt -i other.key "archive/$(cat last).env" >/dev/null || false
}

# unpack NAME - the backup, ready to be recovered
unpack() {
    rm -rf "$1" "$1.log"
    mkdir "$1"
    envelope decrypt -i ops.key base.env -- tar -xf - -C "$1"
    touch "$1/recovery.signal"
    chmod 700 "$1"
    [ -z "$as" ] || chown -R postgres "$1"
}

recover() { # ARCHIVE [OPTION...]
    recover_archive=$1
    shift
    unpack again
    start_server again -c "restore_command=$(printed restore_command "$recover_archive")" "$@"
}

has_recovered() {
    [ "$(sql 'select pg_is_in_recovery()')" = f ]
}

is_primary() {
    answers "$data"
    waits has_recovered
}

to_a_point_in_time() {
    recover archive -c recovery_target_name=good \
        -c recovery_target_action=promote
    is_primary
    dump >after
    stop_server
    diff before after
}

to_the_end() {
    recover archive
    is_primary
    [ "$(sql "select to_regclass('t') is null")" = t ]
    stop_server
}

# stops ARCHIVE TEXT - the server ends by itself, and its log has this
stops() {
    recover "$1"
    tries=0
    while kill -0 "$server" 2>/dev/null && [ $tries -lt 300 ]; do
        tries=$((tries + 1))
        sleep 0.1
    done
    status=0
    wait "$server" || status=$?
    cat again.log
    [ $status -ne 0 ]
    server=
    grep -q "$2" again.log
    grep -q 'FATAL:  could not restore file' again.log
    test ! -e again/pg_wal/00000002.history
    ! grep -q 'archive recovery complete' again.log || false
}

# broken COMMAND... - another archive, and in the middle of it this happened
broken() {
    rm -rf bad
    cp -pR archive bad
    "$@" "bad/$(sed -n 4p segments).env"
}

damage() {
    flip "$1" 200000
}

a_damaged_one() {
    broken damage
    stops bad "$(sed -n 4p segments).env: .*failed authentication"
}

an_unreadable_one() {
    broken chmod 000
    stops bad "$(sed -n 4p segments).env: .*Permission denied"
}

a_missing_one() {
    broken rm
    stops bad "$(sed -n 4p segments).env: is missing, and later"
}

one_in_place_of_another() {
    broken cp -p "archive/$(sed -n 3p segments).env"
    stops bad "$(sed -n 4p segments) is required"
}

no_archive() {
    mkdir none
    stops none 'there is no envelope-wal.archive in it'
    broken rm
    chmod 300 bad
    stops bad 'bad: cannot be listed'
}

# A promoted server archives its timeline; another one follows it.
the_next_timeline() {
    recover archive -c recovery_target_name=good \
        -c recovery_target_action=promote -c archive_mode=on \
        -c "archive_command=$archive_command"
    is_primary
    sql "insert into t values (0, 'after')"
    now >segment
    sql 'select pg_switch_wal()'
    archived "$(cat segment)"
    archived 00000002.history
    dump >before
    stop_server
    recover archive
    is_primary
    dump >after
    stop_server
    diff before after
}

cleaned_up() {
    cp -pR archive old
    keep=$(sed -n 4p segments)
    cleanup_command=$(printed archive_cleanup_command old)
    ${cleanup_command%%%r} "$keep"
    test -e "old/$keep.env"
    test ! -e "old/$(sed -n 3p segments).env"
    test -e old/envelope-wal.archive
}

switch() { # - a segment is complete, and its name is the last line of ./segments
    sql 'insert into u select 1'
    now >>segments
    sql 'select pg_switch_wal()'
}

in_spool() { # NAME
    waits [ -e "spool/$1" ]
}

# The loop of the manual: all that is complete, but for the newest
archive_spool() {
    sed -n '/^{$/,/^done$/p' "$srcdir/doc/envelope-jobs.7" \
        | sed "s,\\\\e,\\\\,g; s,/usr/local/libexec/envelope,$tests_dir/bin,
            s,/srv/wal,received," >loop
    [ "$(wc -l <loop)" -eq 8 ]
    sh loop
}

of_pg_receivewal() {
    mkdir spool received
    envelope-wal init received
    start_server data
    answers
    sql 'create table u (n int, s text)'
    timeout -s INT 60 pg_receivewal -h "$tests_dir" -U owner -D spool \
        --no-loop 2>received.log &
    receiver=$!
    waits sh -c 'ls spool/*.partial' 2>/dev/null
    rm segments
    switch
    switch
    sql 'insert into u select 2'
    in_spool "$(tail -n 1 segments)"
    printf '1\t0/1\tno recovery target\n' >spool/00000002.history
    cp "spool/$(head -n 1 segments)" kept
    archive_spool
    archive_spool
    test ! -e "spool/$(head -n 1 segments)"
    test -e "spool/$(tail -n 1 segments)"
    test ! -e "received/$(tail -n 1 segments).env"
    # It goes on, and has the next one, too
    switch
    in_spool "$(tail -n 1 segments)"
    archive_spool
    stop_server
    wait $receiver || :
    envelope-wal restore received "$(sed -n 2p segments)" restored -i ops.key
    envelope-wal restore received "$(head -n 1 segments)" restored -i ops.key
    cmp kept restored
    envelope-wal restore received 00000002.history restored -i ops.key
    cmp spool/00000002.history restored
    # Of an empty one
    rm spool/*
    archive_spool
}

dump_all() {
    pg_dumpall | grep -v '^\\\(un\)\?restrict '
}

dumped() {
    answers
    sql "create role reader; comment on role reader is 'reads';
        grant select on u to reader"
    sql 'create database shop'
    psql -qX -d shop -c "create table t as select i, md5(i::text)
        from generate_series(1, 5000) i"
    dump_all >before
    envelope encrypt -r ops.pub -o all.sql.env -- pg_dumpall
    status=0
    envelope encrypt -r ops.pub -o none.env -- pg_dumpall --no-such-option \
        || status=$?
    [ $status -eq 7 ]
    [ ! -e none.env ]
}

dump_restored() {
    answers
    envelope decrypt -i ops.key all.sql.env -- psql -X -q -d postgres 2>err
    cat err
    [ "$(grep -c ERROR err)" -eq 1 ]
    grep -q 'role "owner" already exists' err
    dump_all | diff before -
}

# The last table is not there, and psql does not say that all is well.
dump_damaged() {
    psql -qX -d postgres -c 'drop database shop'
    flip all.sql.env $(($(size_of all.sql.env) - 20000))
    status=0
    envelope decrypt -i ops.key all.sql.env -- psql -X -q -d postgres || status=$?
    [ $status -eq 5 ]
    ! dump_all | diff -q before - || false
}

set_up make_archive
start_archiving
t "a server archives while it works" fill
stop_server
t "nothing of it can be read without the key" nothing_is_readable
t "recovery to a point in time" to_a_point_in_time
t "recovery to the end of the archive" to_the_end
t "a segment that is damaged" a_damaged_one
t "a segment that cannot be read" an_unreadable_one
t "a segment that is missing" a_missing_one
t "a segment in place of another" one_in_place_of_another
t "an archive that is not mounted" no_archive
t "the next timeline" the_next_timeline
t "pg_archivecleanup" cleaned_up
t "pg_receivewal" of_pg_receivewal
PGHOST=$tests_dir PGUSER=owner
export PGHOST PGUSER
start_server data
t "pg_dumpall" dumped
stop_server
set_up make_server second
start_server second
t "its dump is restored" dump_restored
t "a dump that is damaged" dump_damaged
stop_server
