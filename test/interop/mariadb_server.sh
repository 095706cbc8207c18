# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Real MariaDB servers for tests of backups.  They have no network and live in
# the test's directory.  Sourced after tap.sh and its plan, not run; it skips
# the rest where there can be none.
#
#   install_db NAME      ./NAME.data
#   start_server NAME [OPTION...]    on ./NAME.data, at ./NAME.sock, with options
#                        of mariadbd; not in a subshell
#   answers NAME         wait until it does
#   stop_server
#   fill NAME            put tables in, and ./before, what they contain
#   take_backup NAME     an xbstream to standard output
#   good_backup          it went well: ./status and ./backup.log say so
#   prepare NAME         make ./NAME.data, unpacked, fit for a server
#   same_data NAME       it contains what is in ./before
#   good_tables NAME     its tables are sound

PATH=$PATH:/usr/sbin:/sbin
need mariadbd mariadb mariadb-admin mariadb-install-db mariabackup mbstream
need timeout

# The server refuses to be root.
as=
db_user=$(id -un)
if [ "$(id -u)" -eq 0 ]; then
    id mysql >/dev/null 2>&1 || skip_rest 'there is no user mysql'
    need runuser
    as='runuser -u mysql --'
    db_user=root
    chown mysql "$tests_dir"
    # mysql must be able to get here.
    $as test -w "$tests_dir" || skip_rest "mysql cannot enter $tests_dir"
fi

server=
stop_server() {
    [ -n "$server" ] || return 0
    kill "$server" 2>/dev/null
    # It is a child of this shell: wait() tells when it is gone.
    wait "$server" 2>/dev/null
    server=
}
# shellcheck disable=SC2034 # of tap.sh
cleanup=stop_server

sql() { # NAME STATEMENTS
    mariadb --no-defaults --batch --skip-column-names \
        --default-character-set=utf8mb4 --user="$db_user" \
        --socket="$1.sock" --execute="$2"
}

# With --force the server's installation looks up no host name: a machine may
# have no /etc/hosts.
install_db() {
    mkdir "$1.data" tmp
    [ -z "$as" ] || chown mysql "$1.data" tmp
    # shellcheck disable=SC2086 # $as is words
    $as mariadb-install-db --no-defaults --force \
        --datadir="$tests_dir/$1.data" \
        --auth-root-authentication-method=socket --skip-test-db
}

# Its pid goes to $server.  Not through runuser, which would be the child to
# wait for: the server changes its user by itself.
start_server() {
    server_name=$1
    shift
    # shellcheck disable=SC2046 # two words or none
    mariadbd --no-defaults $(if [ -n "$as" ]; then echo --user=mysql; fi) \
        --datadir="$tests_dir/$server_name.data" \
        --socket="$tests_dir/$server_name.sock" \
        --pid-file="$tests_dir/$server_name.pid" --tmpdir="$tests_dir/tmp" \
        --skip-networking --skip-log-bin --innodb-buffer-pool-size=64M \
        --innodb-log-file-size=16M --innodb-flush-log-at-trx-commit=0 \
        "$@" </dev/null >"$server_name.log" 2>&1 &
    server=$!
}

answers() {
    tries=0
    until mariadb-admin --no-defaults --socket="$tests_dir/$1.sock" ping \
        >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ $tries -gt 300 ] || ! kill -0 "$server"; then
            cat "$1.log"
            return 1
        fi
        sleep 0.1
    done
}

checksums() {
    sql "$1" 'CHECKSUM TABLE shop.orders, shop.notes, shop.aria EXTENDED;
        SELECT COUNT(*), SUM(LENGTH(body)), SUM(CRC32(body)) FROM shop.orders;
        SELECT * FROM shop.notes ORDER BY id;'
}

fill() {
    sql "$1" "
        CREATE DATABASE shop;
        USE shop;
        CREATE TABLE shop.orders (id INT PRIMARY KEY AUTO_INCREMENT,
            body BLOB, KEY (body(16))) ENGINE=InnoDB;
        INSERT INTO shop.orders (body)
            SELECT CONCAT(RANDOM_BYTES(1024), RANDOM_BYTES(1024))
            FROM seq_1_to_12000;
        CREATE TABLE shop.notes (id INT PRIMARY KEY, note VARCHAR(200)
            CHARACTER SET utf8mb4) ENGINE=InnoDB;
        INSERT INTO shop.notes VALUES (1, 'first'), (2, 'grün'), (3, '');
        CREATE TABLE shop.aria (id INT PRIMARY KEY, n DOUBLE) ENGINE=Aria;
        INSERT INTO shop.aria SELECT seq, SQRT(seq) FROM seq_1_to_5000;"
    checksums "$1" >before
    [ "$(wc -l <before)" -eq 7 ]
    ! grep -q NULL before || false
}

# Its status goes to ./status, what it says to ./backup.log; $parallel threads.
take_backup() {
    status=0
    mariabackup --no-defaults --backup --stream=xbstream "--parallel=${parallel:-2}" \
        --user="$db_user" --socket="$tests_dir/$1.sock" \
        --datadir="$tests_dir/$1.data" --target-dir="$tests_dir/tmp" \
        2>backup.log || status=$?
    echo $status >status
}

good_backup() {
    tail -n 3 backup.log
    [ "$(cat status)" -eq 0 ]
    grep -q 'completed OK!' backup.log
}

prepare() {
    status=0
    mariabackup --no-defaults --prepare --target-dir="$tests_dir/$1.data" \
        >prepare.log 2>&1 || status=$?
    tail -n 5 prepare.log
    [ $status -eq 0 ]
    grep -q 'completed OK!' prepare.log
    [ -z "$as" ] || chown -R mysql "$1.data"
}

same_data() {
    checksums "$1" >after
    diff before after
}

good_tables() {
    sql "$1" 'CHECK TABLE shop.orders, shop.notes, shop.aria EXTENDED' \
        >checked
    cat checked
    [ "$(grep -c 'status.OK$' checked)" -eq 3 ]
}
