#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A backup of a real MariaDB server is encrypted while it is taken, on a host
# that has the public key alone, and becomes a server with the same data
# again.  The servers have no network and live in the test's directory.

. "${srcdir:-.}/test/cli/tap.sh"

plan 13
PATH=$PATH:/usr/sbin:/sbin
need mariadbd mariadb mariadb-admin mariadb-install-db mariabackup mbstream
need timeout
provider

# The server refuses to be root.
as=
if [ "$(id -u)" -eq 0 ]; then
    id mysql >/dev/null 2>&1 || skip_rest 'there is no user mysql'
    need runuser
    as='runuser -u mysql --'
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
cleanup=stop_server

sql() { # SOCKET STATEMENTS
    mariadb --no-defaults --batch --skip-column-names \
        --default-character-set=utf8mb4 \
        --user="$(if [ -n "$as" ]; then echo root; else id -un; fi)" \
        --socket="$1" --execute="$2"
}

# start_server NAME - on ./NAME.data, at ./NAME.sock; its pid in $server.  Not
# in a subshell, and not through runuser, which would be the child to wait for:
# the server changes its user by itself.
start_server() {
    # shellcheck disable=SC2046 # two words or none
    mariadbd --no-defaults $(if [ -n "$as" ]; then echo --user=mysql; fi) \
        --datadir="$tests_dir/$1.data" --socket="$tests_dir/$1.sock" \
        --pid-file="$tests_dir/$1.pid" --tmpdir="$tests_dir/tmp" \
        --skip-networking --skip-log-bin --innodb-buffer-pool-size=64M \
        --innodb-log-file-size=16M --innodb-flush-log-at-trx-commit=0 \
        </dev/null >"$1.log" 2>&1 &
    server=$!
}

answers() { # NAME
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

checksums() { # SOCKET
    sql "$1" 'CHECKSUM TABLE shop.orders, shop.notes, shop.aria EXTENDED;
        SELECT COUNT(*), SUM(LENGTH(body)), SUM(CRC32(body)) FROM shop.orders;
        SELECT * FROM shop.notes ORDER BY id;'
}

make_keys() {
    new_rsa ops 2048
    new_ec escrow P-384
    new_cert escrow
    mkdir private
    chmod 700 private
    mv ops.key escrow.key private
}

install_db() {
    mkdir a.data tmp
    [ -z "$as" ] || chown mysql a.data tmp
    # shellcheck disable=SC2086 # $as is words
    $as mariadb-install-db --no-defaults --datadir="$tests_dir/a.data" \
        --auth-root-authentication-method=socket --skip-test-db
}

fill() {
    sql a.sock "
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
    checksums a.sock >before
    [ "$(wc -l <before)" -eq 7 ]
    ! grep -q NULL before || false
}

# shellcheck disable=SC2086
backup() {
    {
        status=0
        mariabackup --no-defaults --backup --stream=xbstream --parallel=2 \
            --user="$(if [ -n "$as" ]; then echo root; else id -un; fi)" \
            --socket="$tests_dir/a.sock" --datadir="$tests_dir/a.data" \
            --target-dir="$tests_dir/tmp" 2>backup.log || status=$?
        echo $status >status
    } | env ENVELOPE_RECIPIENTS=ops.pem:escrow.crt $enc -K 0 >backup.xb.env
    tail -n 3 backup.log
    [ "$(cat status)" -eq 0 ]
    grep -q 'completed OK!' backup.log
    [ "$(size_of backup.xb.env)" -gt 25000000 ]
}

no_text_inside() {
    ! grep -qaF -e XBSTCK01 -e ibdata1 backup.xb.env || false
}

# The keys that are on the backup host open nothing.
public_opens_nothing() {
    fails UNREADABLE_KEY open_with ops.pem:escrow.crt backup.xb.env out
    nothing out
}

# shellcheck disable=SC2086
unpack() { # DIRECTORY IDENTITY
    mkdir "$1"
    {
        status=0
        env ENVELOPE_IDENTITIES="$2" $enc -d -K 0 -in backup.xb.env \
            || status=$?
        echo $status >status
    } | mbstream -x -C "$1"
    [ "$(cat status)" -eq 0 ]
}

both_the_same() {
    unpack b.data private/ops.key
    unpack c.data private/escrow.key
    diff -r b.data c.data
    [ -f b.data/xtrabackup_info ] || [ -f b.data/mariadb_backup_info ]
    rm -r c.data
}

# A flipped bit near the end must not pass as a good backup.
# shellcheck disable=SC2086
damaged() {
    cp backup.xb.env damaged.env
    flip damaged.env $(($(size_of damaged.env) - 100000))
    status=0
    env ENVELOPE_IDENTITIES=private/ops.key \
        $enc -d -K 0 -in damaged.env -out damaged.xb 2>err || status=$?
    [ $status -eq 1 ]
    says "$(reason CHUNK)"
    rm damaged.xb damaged.env
}

prepare() {
    status=0
    mariabackup --no-defaults --prepare --target-dir="$tests_dir/b.data" \
        >prepare.log 2>&1 || status=$?
    tail -n 5 prepare.log
    [ $status -eq 0 ]
    grep -q 'completed OK!' prepare.log
    [ -z "$as" ] || chown -R mysql b.data
}

same_data() {
    checksums b.sock >after
    diff before after
}

good_tables() {
    sql b.sock 'CHECK TABLE shop.orders, shop.notes, shop.aria EXTENDED' \
        >checked
    cat checked
    [ "$(grep -c 'status.OK$' checked)" -eq 3 ]
}

t 'keys, the private ones elsewhere' make_keys
t 'a server can be installed' install_db
start_server a
t 'the server starts' answers a
t 'it takes data' fill
t 'its backup goes through openssl enc' backup
t 'no text of it is left' no_text_inside
t 'public keys do not open it' public_opens_nothing
stop_server
rm -rf a.data
t 'either key unpacks the same files' both_the_same
t 'damage ends with an error' damaged
t 'mariabackup prepares them' prepare
start_server b
t 'a server starts on them' answers b
t 'and has the same data' same_data
t 'and its tables are good' good_tables
