#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A backup of a real MariaDB server is encrypted while it is taken, on a host
# that has the public key alone, and becomes a server with the same data
# again.

. "${srcdir:-.}/test/support/tap.sh"

plan 13
provider
. "$srcdir/test/interop/mariadb_server.sh"

make_keys() {
    new_rsa ops 2048
    new_ec escrow P-384
    new_cert escrow
    mkdir private
    chmod 700 private
    mv ops.key escrow.key private
}

# shellcheck disable=SC2086 # $enc is words
backup() {
    take_backup a | env ENVELOPE_RECIPIENTS=ops.pem:escrow.crt $enc -K 0 \
        >backup.xb.env
    good_backup
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

t 'keys, the private ones elsewhere' make_keys
t 'a server can be installed' install_db a
start_server a
t 'the server starts' answers a
t 'it takes data' fill a
t 'its backup goes through openssl enc' backup
t 'no text of it is left' no_text_inside
t 'public keys do not open it' public_opens_nothing
stop_server
rm -rf a.data
t 'either key unpacks the same files' both_the_same
t 'damage ends with an error' damaged
t 'mariabackup prepares them' prepare b
start_server b
t 'a server starts on them' answers b
t 'and has the same data' same_data b
t 'and its tables are good' good_tables b
