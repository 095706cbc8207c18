#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# envelope-wal by itself: what its statuses say to PostgreSQL, which takes 1 to 125
# of a restore for the end of the archive; and binary logs of MariaDB.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 15
need openssl
PATH=${envelope%/*}:$PATH
wal=$srcdir/jobs/envelope-wal
number=0000000100000000000000

segment() { # LETTER
    head -c 1048576 /dev/zero | tr '\0' "$1"
}

make_archive() {
    "$envelope" keygen -o ops.key
    "$envelope" keygen -o other.key
    mkdir pg_wal archive
    "$wal" init archive
    for n in A B C D; do
        segment $n >pg_wal/${number}0$n
        "$wal" archive archive pg_wal/${number}0$n -r ops.pub
    done
}

# ends STATUS ARGUMENT... - envelope-wal, with what it says in ./err
ends() {
    ends_want=$1
    shift
    ended "$ends_want" "$wal" "$@"
}

restores() { # STATUS NAME [OPTION...]
    restores_status=$1 restores_name=$2
    shift 2
    rm -f restored
    ends "$restores_status" restore archive "$restores_name" restored \
        -i ops.key "$@"
    [ "$restores_status" -eq 0 ] || [ ! -e restored ]
}

given_back() {
    restores 0 ${number}0B
    cmp restored pg_wal/${number}0B
}

# Its file may be there, since the server died before it knew.
again() {
    for n in A B; do
        ends 0 archive archive pg_wal/${number}0$n -r ops.pub
    done
    cp archive/${number}0B.env before
    ends 0 archive archive pg_wal/${number}0B
    cmp before archive/${number}0B.env
}

another_of_that_name() {
    mkdir twin
    segment X >twin/${number}0B
    cp archive/${number}0B.env before
    ends 1 archive archive twin/${number}0B -r ops.pub
    grep -q "is there, and is not twin/" err
    cmp before archive/${number}0B.env
    echo garbage >archive/${number}0E.env
    segment E >twin/${number}0E
    ends 1 archive archive twin/${number}0E -r ops.pub
    rm archive/${number}0E.env
}

# What stands in the archive is complete, or it is not taken for the segment.
cut_in_the_archive() {
    cp archive/${number}0B.env whole.env
    for size in 1000000 700000 100000 66000 2000; do
        head -c $size whole.env >archive/${number}0B.env
        ! "$wal" archive archive pg_wal/${number}0B -r ops.pub 2>err || false
        cat err
        [ "$(size_of archive/${number}0B.env)" -eq $size ]
    done
    mv whole.env archive/${number}0B.env
    ends 0 archive archive pg_wal/${number}0B -r ops.pub
}

# Without it there is no knowing whether it is the end.
no_awk() {
    mkdir bin
    printf '#!/bin/sh\nexit 127\n' >bin/awk
    chmod +x bin/awk
    PATH=$tests_dir/bin:$PATH restores 201 ${number}0E
    grep -q 'awk has failed' err
}

elsewhere() {
    segment G >twin/${number}0C
    rm -f archive/${number}0C.env
    ends 0 archive archive twin/${number}0C -r ops.pub -o elsewhere.env
    [ -e archive/${number}0C.env ]
    [ ! -e elsewhere.env ]
    restores 0 ${number}0C -o elsewhere
    [ ! -e elsewhere ]
    rm restored archive/${number}0C.env
}

cannot_be_archived() {
    ends 8 archive archive pg_wal/${number}0F -r ops.pub
    ends 8 archive archive twin/${number}0F -r none.pub
    segment F >twin/${number}0F
    ends 1 archive archive twin/${number}0F -r none.pub
    ends 1 archive archive twin/${number}0F
    test ! -e archive/${number}0F.env
    for name in postgresql.conf ${number}0 ${number}0G "${number}0A
" 00000001.backup ${number}0A.00000028.history; do
        segment A >"pg_wal/$name"
        ends 2 archive archive "pg_wal/$name" -r ops.pub
        ends 202 restore archive "$name" restored -i ops.key
    done
    ends 202 restore archive ../archive/${number}0A restored -i ops.key
}

the_end() {
    restores 1 ${number}0E
    test ! -s err
    restores 1 00000002.history
    restores 1 00000002000000000000000B
}

# A segment that is not there, while later ones are, is not the end.
a_gap() {
    rm archive/${number}0C.env
    restores 201 ${number}0C
    grep -q "is missing, and later ones are there" err
    rm archive/${number}0D.env
    restores 1 ${number}0C
    # The first of a timeline is not a gap: older ones are of the one before.
    segment Z >pg_wal/00000002000000000000000F
    "$wal" archive archive pg_wal/00000002000000000000000F -r ops.pub
    restores 1 00000002000000000000000D
}

no_archive() {
    mkdir empty
    for dir in empty none pg_wal; do
        ends 201 restore $dir ${number}0A restored -i ops.key
        grep -q "there is no envelope-wal.archive in it" err
        ends 1 archive $dir pg_wal/${number}0A -r ops.pub
        test ! -e $dir/${number}0A.env
    done
    ends 1 init none
    ends 0 init empty
    ends 0 init empty
    ends 1 restore empty ${number}0A restored -i ops.key
}

cannot_be_restored() {
    ends 203 restore archive ${number}0A restored -i other.key
    test ! -e restored
    ends 203 restore archive ${number}0A restored -i none.key
    ends 202 restore archive ${number}0A restored --none
    ends 201 restore archive ${number}0A none/restored -i ops.key
    cp archive/${number}0A.env archive/${number}0B.env
    restores 204 ${number}0B
    flip archive/${number}0A.env 500000
    restores 205 ${number}0A
    head -c 300000 archive/${number}0A.env >archive/${number}0B.env
    mv archive/${number}0B.env archive/${number}0A.env
    restores 205 ${number}0A
    : >archive/${number}0A.env
    restores 205 ${number}0A
    rm archive/${number}0A.env
    ln -s nowhere archive/${number}0A.env
    restores 201 ${number}0A
    rm archive/${number}0A.env
    mkdir archive/${number}0A.env
    restores 201 ${number}0A
    ! ends 0 archive archive pg_wal/${number}0A -r ops.pub || false
}

other_files() {
    for name in 00000002.history ${number}0A.00000028.backup ${number}0B.partial; do
        echo "$name" >"pg_wal/$name"
        ends 0 archive archive "pg_wal/$name" -r ops.pub
        restores 0 "$name"
        cmp restored "pg_wal/$name"
    done
}

no_room() {
    segment N >pg_wal/${number}10
    (ulimit -f 100 && trap '' XFSZ \
        && ends 1 archive archive pg_wal/${number}10 -r ops.pub)
    test ! -e archive/${number}10.env
    ends 0 archive archive pg_wal/${number}10 -r ops.pub
    restores 0 ${number}10
    (ulimit -f 100 && trap '' XFSZ && restores 201 ${number}10)
}

# Their numbers grow out of six digits, and there is no timeline that begins.
binary_logs() {
    mkdir logs
    "$wal" init logs
    for name in db-1.x.000008 db-1.x.000009 db-1.x.000011 db-1.x.000100 \
        db-1.x.999999 db-1.x.1000000 db-1.y.000500; do
        echo "$name" >"pg_wal/$name"
        ends 0 archive logs "pg_wal/$name" -r ops.pub
        ends 0 archive logs "pg_wal/$name" -r ops.pub
        ends 0 restore logs "$name" restored -i ops.key
        cmp restored "pg_wal/$name"
    done
    for name in db-1.x.000007 db-1.x.000010 db-1.x.000099 db-1.x.000101 \
        db-1.x.999998 db-1.y.000499; do
        ends 201 restore logs "$name" restored -i ops.key
        grep -q "$name.env: is missing, and later ones are there" err
    done
    for name in db-1.x.1000001 db-1.y.000501 db-1.z.000001 db-1.000001; do
        ends 1 restore logs "$name" restored -i ops.key
        test ! -s err
    done
    for name in -db.000001 .db.000001 .000001 db.00001 db.index db.000001.old \
        db.00000000001 "d b.000001" "db.000001
" "
db.000001"; do
        echo "$name" >"pg_wal/$name"
        ends 2 archive logs "pg_wal/$name" -r ops.pub
        ends 202 restore logs "$name" restored -i ops.key
    done
    cp logs/db-1.x.000008.env logs/db-1.x.000009.env
    ends 204 restore logs db-1.x.000009 restored -i ops.key
}

called_wrongly() {
    ends 2 archive archive
    ends 202 restore archive ${number}0A
    for arguments in '' help 'init' 'init a b'; do
        # shellcheck disable=SC2086 # words
        ends 2 $arguments
        grep -q '^envelope-wal: usage: ' err
    done
}

set_up make_archive
t "what was archived is given back" given_back
t "the same again is archived" again
t "another one of that name is not" another_of_that_name
t "one that was cut in the archive" cut_in_the_archive
t "what cannot be archived" cannot_be_archived
t "the end of the archive" the_end
t "a program that is missing" no_awk
t "a segment that is missing in the middle" a_gap
t "an option that we give ourselves" elsewhere
t "no archive at all" no_archive
t "what cannot be restored" cannot_be_restored
t "histories, and parts of segments" other_files
t "a disk that is full" no_room
t "binary logs" binary_logs
t "called in a wrong way" called_wrongly
