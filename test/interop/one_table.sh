#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One table comes back out of the backup of a real MariaDB server: envelope extract
# takes what belongs to it out of what mariabackup has sent with four threads, and
# the server imports it again.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 10
provider
. "$srcdir/test/interop/mariadb_server.sh"

make_keys() {
    new_ec ops P-256
}

backup() {
    parallel=4 take_backup a >plain.xb
    good_backup
    for kind in raw tar xbstream; do
        "$envelope" encrypt -r ops.pem --carrier $kind -o b.$kind plain.xb
    done
    mkdir whole
    mbstream -x -C whole <plain.xb
}

# Files of the server are sent in turn: it is no test if they are not.
in_turn() {
    "$PYTHON" -c 'import struct, sys
data, at, paths = open("plain.xb", "rb").read(), 0, []
while at < len(data):
    kind, n = data[at + 9:at + 10], struct.unpack_from("<I", data, at + 10)[0]
    path, at = data[at + 14:at + 14 + n], at + 14 + n
    if not paths or paths[-1] != path:
        paths.append(path)
    if kind == b"P":
        at += 20 + struct.unpack_from("<Q", data, at)[0]
sys.exit(len(paths) == len(set(paths)))'
}

listed() {
    for kind in raw tar xbstream; do
        exits 0 "$envelope" list -i ops.key b.$kind >names
        sed 's,^\./,,' names | LC_ALL=C sort >have
        (cd whole && find . -type f | sed 's,^\./,,' | LC_ALL=C sort) \
            | cmp - have
    done
}

# All chunks of all files, one after the other, are the backup.
all_of_it() {
    exits 0 "$envelope" extract -i ops.key b.raw '*' | cmp - plain.xb
}

one_table() {
    for kind in raw tar xbstream; do
        rm -rf one
        mkdir one
        exits 0 "$envelope" extract -i ops.key b.$kind 'shop/orders.*' >one.xb
        mbstream -x -C one <one.xb
        (cd one && find . -type f | LC_ALL=C sort | tr '\n' ' ') >have
        [ "$(cat have)" = './shop/orders.frm ./shop/orders.ibd ' ]
        cmp one/shop/orders.ibd whole/shop/orders.ibd
    done
}

# A few hundred KiB beside a small table, of 30 MB and more
cost() {
    exits 0 "$envelope" extract -v -i ops.key b.raw 'shop/notes.*' >one.xb
    n=$(sed -n 's/.* members, \([0-9]*\) of .*/\1/p' err)
    [ "$n" -lt $(($(size_of b.raw) / 5)) ]
}

# With the log and the data dictionary, mariabackup makes it fit to be imported.
import() {
    mkdir part.data
    # From MariaDB 11 on there are undo tablespaces.
    set -- 'ib*' 'aria_log*' backup-my.cnf '*backup_*'
    ! "$envelope" list -i ops.key b.xbstream | grep 'undo0' || set -- "$@" 'undo0*'
    "$envelope" extract -i ops.key b.xbstream 'shop/orders.*' "$@" \
        | mbstream -x -C part.data
    [ ! -e part.data/shop/notes.ibd ]
    status=0
    mariabackup --no-defaults --prepare --export \
        --target-dir="$tests_dir/part.data" >prepare.log 2>&1 || status=$?
    tail -n 5 prepare.log
    [ $status -eq 0 ]
    sql a 'DROP TABLE shop.orders;
        CREATE TABLE shop.orders (id INT PRIMARY KEY AUTO_INCREMENT,
            body BLOB, KEY (body(16))) ENGINE=InnoDB;
        ALTER TABLE shop.orders DISCARD TABLESPACE;'
    cp part.data/shop/orders.ibd part.data/shop/orders.cfg a.data/shop
    [ -z "$as" ] || chown mysql a.data/shop/orders.*
    sql a 'ALTER TABLE shop.orders IMPORT TABLESPACE;'
}

t 'a key' make_keys
t 'a server can be installed' install_db a
start_server a
t 'the server starts, and takes data' eval 'answers a && fill a'
t 'its backup, by four threads' backup
t 'files come in turn' in_turn
t 'all files are listed' listed
t 'all files are the backup' all_of_it
t 'one table is what it is in the backup' one_table
t 'little is read for it' cost
import_and_compare() {
    import
    same_data a
    good_tables a
}
t 'the server imports it again' import_and_compare
stop_server
