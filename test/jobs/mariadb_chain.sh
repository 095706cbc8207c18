# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# A real MariaDB server, and envelope-mariadb with a chain of three of its backups.
# Sourced after tap.sh, program.sh and the plan, not run.
#
#   set_up make_keys; start_chain    not in a subshell
#   chain                the server, ./store and its copy ./whole; names has theirs

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
    [ "$want" -ne 0 ] || sed -n 's,.*/\(.*\)\.xb\.env$,\1,p' out >name
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

stand_in() { # NAME LINE... - a program of this name
    stand_in=bin/$1
    shift
    printf '%s\n' '#!/bin/sh' "$@" >"$stand_in"
    chmod +x "$stand_in"
}

# Of this mode, the next number of a row is the same after a restart.
start_chain() {
    start_server a --innodb-autoinc-lock-mode=0
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
