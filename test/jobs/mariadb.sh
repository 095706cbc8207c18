#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# envelope-mariadb backs a real server up, in full and upon that, and restores the same
# data.  Where a link is not the right one, nothing is restored, and it is named.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 23
need openssl flock mountpoint
. "$srcdir/test/interop/mariadb_server.sh"
need mariadb-dump
PATH=${envelope%/*}:$PATH
job=$srcdir/jobs/envelope-mariadb

make_keys() {
    envelope keygen -o ops.key
    envelope keygen -o other.key
    new_ec signer P-256
    mkdir store bin
    install_db a
}

# backs_up STATUS full|incremental STORE [OPTION...] - its name goes to ./name
backs_up() {
    want=$1 status=0
    shift
    "$job" "$@" -r ops.pub -- --no-defaults --user="$db_user" \
        --socket="$tests_dir/a.sock" --datadir="$tests_dir/a.data" \
        >out 2>err || status=$?
    grep -a '^envelope' err || tail -n 3 err
    [ $status -eq "$want" ]
    [ "$want" -ne 0 ] || sed 's,.*/\(.*\)\.xb\.env$,\1,' out >name
    test ! -e "$2/.envelope-mariadb"
}

# restores STATUS ARGUMENT... - from a store into ./b.data, unless it fails
restores() {
    want=$1 from=$2 status=0
    shift 2
    rm -rf b.data
    "$job" restore "$from" b.data "$@" -- --no-defaults >out 2>err || status=$?
    grep -a '^envelope' err || tail -n 3 err
    [ $status -eq "$want" ]
    test ! -e b.data.partial
    [ "$want" -eq 0 ] || test ! -e b.data
}

said() { # TEXT
    grep -qaF -e "$1" err
}

# nth N - the name of a backup, nth N FILE - its envelope there
nth() {
    echo "${2+$2/}$(sed -n "$1p" names)${2+.xb.env}"
}

dump() { # NAME - all that is not the server's own
    mariadb-dump --no-defaults --user="$db_user" --socket="$tests_dir/$1.sock" \
        --skip-dump-date --hex-blob --databases shop more
}

# Each backup has what the last one has not: ./before.1 to ./before.3 is the data.
chain() {
    answers a
    sql a "CREATE DATABASE shop; CREATE DATABASE more; USE shop;
        CREATE TABLE orders (id INT PRIMARY KEY AUTO_INCREMENT, body BLOB,
            KEY (body(16))) ENGINE=InnoDB;
        INSERT INTO orders (body) SELECT RANDOM_BYTES(2048) FROM seq_1_to_2000;
        CREATE TABLE notes (id INT PRIMARY KEY, note VARCHAR(200)
            CHARACTER SET utf8mb4) ENGINE=InnoDB;
        INSERT INTO notes VALUES (1, 'first'), (2, 'grün'), (3, '');
        CREATE TABLE aria (id INT PRIMARY KEY, n DOUBLE) ENGINE=Aria;
        INSERT INTO aria SELECT seq, SQRT(seq) FROM seq_1_to_5000;
        CREATE TABLE more.gone (n INT) ENGINE=InnoDB;
        INSERT INTO more.gone VALUES (1);"
    dump a >before.1
    backs_up 0 full store --label host=db1
    cat name >names
    sql a "USE shop;
        INSERT INTO orders (body) SELECT RANDOM_BYTES(500) FROM seq_1_to_500;
        DROP TABLE more.gone;
        ALTER TABLE shop.notes ADD COLUMN price DECIMAL(5, 2) DEFAULT 1.25;
        UPDATE shop.aria SET n = n + 1 WHERE id < 100;"
    dump a >before.2
    backs_up 0 incremental store
    cat name >>names
    sql a "CREATE TABLE more.new (n INT PRIMARY KEY) ENGINE=InnoDB;
        USE more; INSERT INTO more.new SELECT seq FROM seq_1_to_1000;
        INSERT INTO shop.notes VALUES (9, 'Straße', 2.5);
        DELETE FROM shop.orders WHERE id % 7 = 0;"
    dump a >before.3
    backs_up 0 incremental store
    cat name >>names
    LC_ALL=C sort -uc names
    [ "$(wc -l <names)" -eq 3 ]
    ! cmp -s before.1 before.2 || false
    ! cmp -s before.2 before.3 || false
    cp -R store whole
}

nothing_is_readable() {
    ! grep -rqaF -e more.gone -e a.data -e xtrabackup_info store || false
    envelope verify -i ops.key store/*.env
    ! envelope decrypt -i other.key "$(nth 1 store)" >/dev/null || false
    (cd store && find . -type f ! -name '*.env' ! -name '*.lock' | wc -l) >count
    [ "$(cat count)" -eq 6 ]
    (cd "store/$(nth 1).lsn" && echo *) >count
    grep -qx 'chain [a-z]*_checkpoints' count
}

stand_in() { # NAME LINE... - a program of this name
    stand_in=bin/$1
    shift
    printf '%s\n' '#!/bin/sh' "$@" >"$stand_in"
    chmod +x "$stand_in"
}

unchanged() {
    (cd store && find . | LC_ALL=C sort) >now
    (cd whole && find . | LC_ALL=C sort) | diff - now
}

# What it has sent is all there, but it says that it has failed.
fails() {
    stand_in dies 'mariabackup "$@"' 'kill -KILL $$'
    export ENVELOPE_MARIADB_BACKUP="$tests_dir/bin/dies"
    backs_up 7 incremental store
    backs_up 7 full store
    said 'dies was ended by signal 9'
    ENVELOPE_MARIADB_BACKUP=false backs_up 7 incremental store
    # It ends well, and has not said where the next one begins.
    # shellcheck disable=SC2016 # of that script
    stand_in says_nothing 'mariabackup "$@" && rm "${*##*--extra-lsndir=}"/*'
    export ENVELOPE_MARIADB_BACKUP="$tests_dir/bin/says_nothing"
    backs_up 1 full store
    said 'has left no checkpoints'
    unset ENVELOPE_MARIADB_BACKUP
    backs_up 1 full store -r none.pub
    backs_up 2 full store extra.xb
    unchanged
}

no_room() {
    (ulimit -f 300 && trap '' XFSZ && backs_up 1 full store)
    (ulimit -f 300 && trap '' XFSZ && backs_up 1 incremental store)
    unchanged
}

# What a killed one has left is in nobody's way, but only when its children have
# ended, too: they still write there.
killed() {
    mkfifo go
    stand_in waits "touch $tests_dir/begun" "exec 3<$tests_dir/go"
    ENVELOPE_MARIADB_BACKUP=bin/waits "$job" incremental store -r ops.pub -- \
        >out 2>err &
    pid=$!
    tries=0
    until [ -e begun ] || [ $tries -gt 300 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    kill -KILL $pid
    wait $pid || :
    status=0
    "$job" full store -r ops.pub -- 2>err || status=$?
    : >go
    [ $status -eq 1 ]
    said 'store: another backup is being made there'
    flock -w 60 store/.envelope-mariadb.lock true
    test -e store/.envelope-mariadb
    backs_up 1 full store -r none.pub
    unchanged
}

# The envelope was there, its checkpoints were not yet: two stand upon the second.
killed_in_the_end() {
    cp -R whole late
    rm -r "late/$(nth 3).lsn"
    backs_up 0 incremental late
    envelope verify --header -i ops.key --require-label "mariadb-base=$(nth 2)" \
        "late/$(cat name).xb.env"
}

clock_set_back() {
    cp -R whole back
    stand_in date 'echo 19991231T235959Z'
    PATH=$tests_dir/bin:$PATH
    backs_up 0 incremental back
    [ "$(cat name)" = "$(nth 3)_0001" ]
    said "$(nth 3) is there, so this one is called"
    backs_up 0 incremental back
    [ "$(cat name)" = "$(nth 3)_0002" ]
    envelope verify --header -i ops.key --require-label "mariadb-base=$(nth 3)_0001" \
        "back/$(cat name).xb.env"
    for suffix in .xb.env .lsn; do
        mv "back/$(nth 3)_0002$suffix" "back/$(nth 3)_0099$suffix"
    done
    backs_up 4 incremental back
    said 'is not the backup'
    touch "back/$(nth 3)_9999.xb.env"
    backs_up 1 full back
    said 'the last name of its time'
    rm bin/date
}

# An older state of the server, or another server
other_server() {
    cp -R whole ahead
    sed -i 's/^to_lsn = .*/to_lsn = 99999999999/' "ahead/$(nth 3).lsn"/*_checkpoints
    backs_up 1 incremental ahead
    said 'the last backup at 99999999999: make a full one'
    (cd ahead && echo *.env) >now
    (cd whole && echo *.env) | cmp - now
}

nothing_to_stand_upon() {
    mkdir empty
    backs_up 1 incremental empty
    said 'make a full one first'
    backs_up 1 full none
    rm -rf bad
    cp -R whole bad
    rm "$(nth 1 bad)"
    backs_up 1 incremental bad
    said "$(nth 1 bad): is missing, and $(nth 2) stands upon it"
    cp -R whole/. bad
    cp "$(nth 2 whole)" "$(nth 3 bad)"
    backs_up 4 incremental bad
    said "$(nth 3 bad): is not the backup $(nth 3)"
    cp -R whole/. bad
    truncate -s 1000000 "$(nth 1 bad)"
    backs_up 5 incremental bad
    said "$(nth 1 bad)"
}

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
        broken 4 "$(nth $n bad): is not the backup $(nth $n)" \
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
    broken 4 "$(nth 1 bad): is not the backup $(nth 1), upon which $(nth 2) stands" \
        forge 1 0123456789abcdef "$(nth 1)" none
    for base in "$(nth 3)" "$(nth 2)" ../../x 'a" b'; do
        broken 4 "$(nth 2 bad): its label mariadb-base is not an older backup" \
            forge 2 "$(cat "whole/$(nth 1).lsn/chain")" "$(nth 2)" "$base"
    done
    broken 4 "$(nth 2 bad)" cp before.1 "$(nth 2 bad)"
}

damage() { # OFFSET N
    flip "$(nth "$2" bad)" "$1"
}

a_damaged_one() {
    broken 5 "$(nth 1 bad)" damage 2000000 1
    said 'b.data: not restored; b.data.partial is removed'
    broken 5 "$(nth 3 bad): is needed for $(nth 3)" damage 100000 3
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

called_wrongly() {
    for arguments in '' help full 'full store' 'full store -r ops.pub' \
        'incremental store -r ops.pub' restore 'restore store'; do
        status=0
        # shellcheck disable=SC2086 # words
        "$job" $arguments 2>err || status=$?
        [ $status -eq 2 ]
        said 'usage: envelope-mariadb full'
    done
}

# restored N TITLE [NAME] - and a server has the data of ./before.N
restored() {
    n=$1 title=$2
    shift 2
    t "$title" restores 0 whole "$@" -i ops.key
    [ -z "$as" ] || chown -R mysql b.data
    start_server b
    t "a server on it has the same data" same "$n"
    stop_server
}

same() {
    answers b
    dump b | diff "before.$1" -
}

set_up make_keys
# Of this mode, the next number is the same after a restart.
start_server a --innodb-autoinc-lock-mode=0
t "a full backup, and two upon it" chain
t "nothing can be read without the key" nothing_is_readable
t "a backup that fails changes nothing" fails
t "a disk that is full" no_room
t "one that was killed, and two at once" killed
t "one that was killed in the end" killed_in_the_end
t "a clock that was set back" clock_set_back
t "a server that is not the one of the chain" other_server
t "nothing to stand upon" nothing_to_stand_upon
stop_server
restored 3 "the newest is restored"
restored 2 "the one before, by its name" "$(nth 2)"
restored 1 "the full one" "$(nth 1)"
t "a link that is missing" a_missing_one
t "a link in place of another" a_swapped_one
t "a link of another chain" a_foreign_one
t "a link that is damaged" a_damaged_one
t "a key or a label that is not right" not_opened
t "a place that is not free" not_there
t "names that are odd, and those of MySQL's programs" any_names
t "called in a wrong way" called_wrongly
