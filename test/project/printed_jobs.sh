#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# envelope-jobs(7): its examples are run, or the test of test/jobs is named that does
# the same with the real servers.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 1
. "$srcdir/test/project/printed_support.sh"

# done_by TEST BLOCK... - the next blocks of the page begin so
done_by() {
    [ -e "$srcdir/$1" ]
    done_in=$1
    shift
    for block; do
        leaves "$block" "$done_in does it"
    done
}

# Logical volumes are files here, and so is the tape.
stand_ins() {
    cp "$srcdir/jobs"/envelope-* "$root/usr/local/libexec/envelope"
    stand_in lvcreate <<S
exec cp "$root/vg/vm" "$root/vg/snap"
S
    stand_in lvremove <<S
exec rm "$root/vg/snap"
S
    stand_in mt </dev/null
    stand_in pg_dumpall <<S
echo dumped
S
}

trees() {
    runs 'envelope encrypt -r ops.pub -o srv.tar.env'
    runs 'envelope encrypt -r ops.pub -o live.tar.env'
    runs 'mkdir srv home'
    diff -r "$root/srv" "srv/$root/srv"
    diff -r "$root/home" "home/$root/home"
}

images() {
    truncate -s 1M "$root/vg/vm"
    echo image >>"$root/vg/vm"
    runs lvcreate
    runs 'envelope decrypt -i ops.key --sparse -o vm.img'
    runs 'envelope encrypt -r ops.pub -o vm.tar.env'
    runs 'mkdir images'
    for file in vm.img images/vm.img vm2.img; do
        cmp "$root/vg/vm" "$file"
    done
}

volumes() {
    runs 'set -o pipefail'
    [ "$(ls home.volumes)" = 'home.env.0000-of-1
receipt.json' ]
    runs 'mkdir restored'
    diff -r "$root/home" "restored/$root/home"
}

tapes() {
    runs 'set -o pipefail'
    [ "$(envelope decrypt -i ops.key "$root/tape")" = dumped ]
}

# What needs no server is run as it is printed.
files() {
    PRINTED_PATHS="$PRINTED_PATHS
/var $root/var
/dev/vg $root/vg"
    mkdir -p "$root/var/lib" "$root/srv/tar" "$root/vg"
    keys ops
    runs 'mkdir -m 700 /var/lib/envelope-tar'
    runs '/usr/local/libexec/envelope/envelope-tar full'
    runs '/usr/local/libexec/envelope/envelope-tar restore'
    diff -r "$root/home" home.restored
    trees
    images
    volumes
    tapes
    for block in 'envelope encrypt -r ops.pub --label snapshot=mon' \
        'envelope decrypt -i ops.key --require-label snapshot=mon'; do
        leaves "$block" 'ZFS is no part of Debian'
    done
    done_by test/jobs/btrfs.sh 'btrfs subvolume snapshot'
    stores
}

stores() {
    if ! command -v rclone >/dev/null; then
        done_by test/jobs/rclone.sh 'rclone copy' 'set -o pipefail'
        return
    fi
    : >rclone.conf
    export RCLONE_CONFIG="$PWD/rclone.conf" RCLONE_CONFIG_STORE_TYPE=alias \
        RCLONE_CONFIG_STORE_REMOTE="$PWD/objects"
    mkdir objects
    runs 'rclone copy'
    runs 'set -o pipefail'
    rclone cat "store:$(basename home-*.json .json)" \
        | envelope verify -i ops.key
}

# The two type their passphrases, the one who has the outer key first.
both() { # FUNCTION TEXT
    "$1" "$2" 'expect:Passphrase for bob.key' echo:off 'send:words of bob\n' \
        'expect:Passphrase for alice.key' echo:off 'send:words of alice\n'
}

makes_key() { # NAME
    one "envelope keygen -p -o $1.key" 'expect:Passphrase' echo:off \
        "send:words of $1\n" expect:again echo:off "send:words of $1\n"
}

# opens_nothing COMMAND... - it fails and gives nothing
opens_nothing() {
    ! setsid -w "$@" >opened || false
    nothing opened
}

custodians() {
    rm ops.key ops.pub
    keys alice2 bob2 carol dora next
    makes_key alice
    makes_key bob
    runs 'envelope encrypt -r bob.pub'
    id=$(envelope fingerprint ops.pub | cut -d ' ' -f 1)
    both one 'envelope decrypt -i bob.key' >shown
    one 'envelope fingerprint ops.pub'
    grep "$id" shown
    envelope decrypt -i bob2.key ops.key.sealed -- envelope decrypt -i alice2.key \
        -- envelope fingerprint /dev/stdin | grep "^$id"
    # Neither opens it alone, and no step has left the key.
    echo words of alice >words.alice
    echo words of bob >words.bob
    opens_nothing envelope decrypt -i alice.key --passphrase-file words.alice \
        -i alice2.key ops.key.sealed
    envelope decrypt -i bob.key --passphrase-file words.bob -o within ops.key.sealed
    opens_nothing envelope decrypt -i bob.key --passphrase-file words.bob \
        -i bob2.key within
    echo data | envelope -r ops.pub -o base.tar.env
    cp base.tar.env "$root/srv/backup/one.env"
    both runs 'envelope decrypt -i bob.key'
    [ "$(cat base.tar)" = data ]
    both runs 'envelope decrypt -i bob.key'
    [ "$(envelope decrypt -i next.key "$root/srv/backup/one.env")" = data ]
    grep -q '^rotated' list
    one_leaves
    ! grep -l -- '-BEGIN PRIVATE KEY' ./* | grep -v '2\.key\|carol\|dora\|next' \
        || false
}

one_leaves() {
    # The deputy's way, as the text has it
    cp ops.key.sealed by_deputy
    envelope rewrap -i bob2.key --add -r carol.pub \
        --remove "$(envelope fingerprint bob.pub | cut -d ' ' -f 1)" by_deputy
    opens_nothing envelope decrypt -i bob.key --passphrase-file words.bob by_deputy
    for name in bob2 carol; do
        envelope verify -i $name.key by_deputy
    done
    runs 'envelope rewrap -i bob.key' 'expect:Passphrase for bob.key' echo:off \
        'send:words of bob\n'
    opens_nothing envelope decrypt -i bob.key --passphrase-file words.bob \
        ops.key.sealed
    one 'envelope decrypt -i carol.key -o inner'
    one 'envelope rewrap -i alice.key' 'expect:Passphrase for alice.key' echo:off \
        'send:words of alice\n'
    one 'envelope encrypt -r carol.pub'
    one 'envelope decrypt -i carol.key ops.key.next' >shown
    grep "$id" shown
    one mv
    one rm
    envelope decrypt -i carol.key -o within -f ops.key.sealed
    opens_nothing envelope decrypt -i alice.key --passphrase-file words.alice within
    envelope decrypt -i bob2.key ops.key.sealed -- envelope decrypt -i alice2.key \
        -- envelope fingerprint /dev/stdin | grep "^$id"
}

jobs() {
    page doc/envelope-jobs.7
    done_by test/jobs/postgresql.sh \
        'install -d' archive_mode restore_command 'pg_archivecleanup -x' \
        'envelope encrypt' 'mkdir -m 700' 'pg_receivewal -D' '{' \
        'envelope encrypt' 'envelope decrypt'
    done_by test/jobs/mariadb.sh \
        '/usr/local/libexec/envelope/envelope-mariadb full' \
        '/usr/local/libexec/envelope/envelope-mariadb restore' 'chain='
    done_by test/interop/one_table.sh 'mkdir part'
    done_by test/jobs/mariadb_logs.sh \
        '/usr/local/libexec/envelope/envelope-wal init' \
        'mariadb-binlog --read-from-remote-server' 'ls -v spool' \
        'set -o pipefail' 'envelope encrypt' 'envelope decrypt'
    files
    done_by test/jobs/receive_ssh.sh 'install -d' 'command="' \
        '/usr/local/libexec/envelope/envelope-send' \
        '/usr/local/libexec/envelope/envelope-send' 'mkdir restored'
    done_by test/jobs/backup.sh /usr/local/libexec/envelope/envelope-backup \
        '#!/bin/sh' '#!/bin/sh' 'useradd --system' '[Service]'
    done_by test/jobs/kubernetes.sh 'podman build' 'kubectl create secret'
    done_by test/jobs/rotate.sh 'envelope keygen' awk
    done_by test/jobs/inventory.sh \
        '/usr/local/libexec/envelope/envelope-inventory' 'set -o pipefail'
    done_by test/jobs/restore_test.sh PATH=
    leaves 'systemctl enable' 'systemd does not run where this does'
    done_by test/jobs/restore_test.sh MAX_AGE=
    custodians
    page_ends
}

PATH=$bindir:$tests_dir/stand-ins:$PATH
set_up machine
set_up stand_ins
t 'envelope-jobs(7)' jobs
