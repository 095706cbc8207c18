#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# README.md and the pages that take backups of a server, with hardware keys, too:
# every example is run, or is named here with the reason why not.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 10
. "$srcdir/test/project/printed_support.sh"
need bsdtar swtpm tpm2_createprimary zstd
need_token
[ -f "$stock/tpm2.so" ] || skip_rest 'tpm2-openssl is not installed'
. "$srcdir/test/kms/kms_services.sh"
need aws
. "$srcdir/test/interop/mariadb_server.sh"

swtpm=
stop_everything() {
    stop_all
    stop_server
    [ -z "$swtpm" ] || kill "$swtpm" 2>/dev/null
}
# shellcheck disable=SC2034 # of tap.sh
cleanup=stop_everything

# --- the machine of the reader ---------------------------------------------

machine_with_servers() {
    machine
    stand_in zfs <<S
case \$1 in
(send) exec cat "$tests_dir/backup.xb" ;;
(receive) exec cmp - "$tests_dir/backup.xb" ;;
esac
S
    stand_in pg_basebackup <<S
exec tar -cf - -C "$root/srv" file
S
    stand_in xtrabackup <<S
exec mariabackup "\$@"
S
    stand_in xbcloud <<S
[ \$1 = put ] && exec cat >"$tests_dir/cloud/\$2"
S
    # A kernel has a resource manager for TPMs, swtpm has none.
    for command in createprimary create load evictcontrol readpublic; do
        stand_in "tpm2_$command" <<S
"$(command -v "tpm2_$command")" -Q "\$@" &&
    exec "$(command -v tpm2_flushcontext)" -t
S
    done

    cat >home/.my.cnf <<CNF
[client]
socket = $tests_dir/db.sock
user = $db_user
[mariabackup]
datadir = $tests_dir/db.data
CNF
}

# --- what pages take for granted -------------------------------------------

tpm() {
    mkdir state
    swtpm socket --tpm2 --server type=unixio,path="$PWD/tpm" \
        --ctrl type=unixio,path="$PWD/tpm.ctrl" --tpmstate dir="$PWD/state" \
        --flags not-need-init,startup-clear </dev/null >swtpm.log 2>&1 &
    swtpm=$!
    trap 'kill $swtpm' EXIT # of this test's own shell
    export TPM2TOOLS_TCTI="swtpm:path=$PWD/tpm"
    export TPM2OPENSSL_TCTI="$TPM2TOOLS_TCTI" TSS2_LOG=all+NONE
    tries=0
    until tpm2_getcap properties-fixed >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt 100 ]
        sleep 0.1
    done
}

# --- README and the pages ---------------------------------------------------

readme() {
    page README.md
    leaves './demo' 'installs packages; it shows what the pages say'
    leaves './packages build' 'installs packages and itself, as root'
    runs 'envelope keygen -o ops.key'
    runs 'envelope encrypt -r ops.pub'
    opened backup.xb
    runs 'mkdir restored'
    restored
    runs 'set -o pipefail'
    envelope -d -i ops.key home.tar | tar -t | grep -q home/me/file
    envelope -d -i escrow.key -o plain backup.xb
    cp backup.xb damaged.xb
    flip damaged.xb 12000000
    head -c 100000 /dev/urandom >a
    one 'envelope inspect'
    one 'envelope verify'
    runs 'envelope keygen -o next.key'
    envelope -d -i next.key backup.xb | cmp - plain
    tail -c +10485761 plain | head -c 1048576 | cmp - part
    has_orders orders.xb
    runs 'envelope keygen -t ed25519'
    cmp a checked
    ends 6 'envelope decrypt -i next.key --salvage'
    [ "$(size_of rest)" -eq "$(size_of plain)" ]
    with_kms runs "envelope -r 'awskms"
    [ ! -e back ] || cmp a back
    token ops
    envelope -r 'pkcs11:token=backup;object=ops' -o token.xb plain
    rm plain
    runs "key='pkcs11:" 'expect:Passphrase for' echo:off "send:$pin\n"
    envelope -d -i next.key backup.xb | cmp - plain.xb
    mkdir dir && cp a dir
    one 'bsdtar-envelope --add-filter envelope'
    mv dir was
    one 'bsdtar-envelope --options'
    diff -r was dir
    one 'PATH='
    one 'bsdtar --add-filter envelope'
    bsdtar-envelope --options envelope:identity=ops.key -xOf typed.tar dir/a \
        | cmp - a
    one 'export ENVELOPE_RECIPIENTS'
    one 'openssl enc -provider'
    mv a a.was
    one 'openssl enc -d'
    cmp a a.was
    runs 'unset ENVELOPE_RECIPIENTS'
    openssl enc -d -provider envelope -envelope -K "$(cat kek)" -in b | cmp - a
    leaves 'bench/run' 'runs for half an hour; test/project/bench.sh has it'
    page_ends
}

envelope_1() {
    page doc/envelope.1
    keys ops
    : >"$root/tape"
    runs 'set -o pipefail'
    cmp "${root#/}/home/me/file" "$root/home/me/file"
    [ $(($(size_of "$root/tape") % 262144)) -eq 0 ]
    rm ops.*
    runs 'set -o pipefail'
    runs 'envelope keygen -o ops.key'
    export PGDATA="$PWD/pgdata"
    mkdir pgdata
    runs 'envelope -r ops.pub -o backup.xb'
    cp "$tests_dir/cloud/backup" xbcloud.xb
    opened backup.xb xbcloud.xb
    one 'mkdir restored'
    one 'envelope -d -i ops.key backup.xb -- mbstream'
    restored
    one 'envelope -d -i ops.key base.tar'
    one 'envelope -d -i ops.key dump'
    cmp pgdata/file "$root/srv/file"
    runs 'zfs send'
    diff -r "$root/home" "./$root/home"
    runs 'mariabackup --backup --stream=xbstream | envelope -r ops.pub |'
    cp "$tests_dir/cloud/backup.xb" cloud.xb
    opened cloud.xb
    mv cloud.xb xbcloud.xb "$tests_dir/cloud"
    envelope -d -i ops.key -o plain backup.xb
    runs 'envelope inspect'
    tail -c +10485761 plain | head -c 1048576 | cmp - part
    has_orders orders.xb
    leaves 'OPENSSL_CONF=/etc' 'hardware() runs the same'
    page_ends
}

decrypt() {
    page doc/envelope-decrypt.1
    keys ops
    head -c 12000000 /dev/urandom >disk.img
    envelope -r ops.pub -o disk.img.env disk.img
    envelope -r ops.pub -o backup.xb "$tests_dir/backup.xb"
    tar -cf plain.tar disk.img
    envelope -r ops.pub -o damaged.tar plain.tar
    flip damaged.tar 6000000
    one 'mkdir restored'
    one 'envelope decrypt -i ops.key backup.xb'
    [ -s restored/shop/orders.ibd ]
    one 'envelope decrypt -i ops.key --range'
    tail -c +10485761 disk.img | head -c 1048576 | cmp - part
    ends 6 'envelope decrypt -i ops.key --salvage'
    [ "$(size_of backup.tar)" -eq "$(size_of plain.tar)" ]
    becomes postgresql.conf 'restore_command = '
    mkdir "$root/srv/wal"
    envelope -r "$root/etc/backup/ops.pub" -o "$root/srv/wal/1.env" disk.img
    envelope -r ops.pub -o "$root/srv/wal/2.env" disk.img
    restores 0 1
    cmp restored.1 disk.img
    restores 255 2
    restores 1 3
    rm -r "$root/srv/wal"
    restores 255 3
    [ ! -e restored.2 ]
    [ ! -e restored.3 ]
    page_ends
}

# As PostgreSQL calls the command of its setting
restores() { # STATUS SEGMENT
    restore=$(sed "s/^[^']*'\(.*\)'\$/\1/; s/%p/restored.$2/; s/%f/$2/" \
        postgresql.conf)
    status=0
    sh -c "$restore" || status=$?
    [ $status -eq "$1" ]
}

list_and_extract() {
    page doc/envelope-list.1
    keys ops
    envelope -r ops.pub -o backup.xb "$tests_dir/backup.xb"
    runs 'envelope list -i ops.key' >out
    [ "$(grep -c 'shop/orders\.ibd' out)" -eq 2 ]
    page_ends
    page doc/envelope-extract.1
    keys ops
    envelope -r ops.pub -o backup.xb "$tests_dir/backup.xb"
    mkdir -p home/anna home/other
    echo notes >home/anna/notes
    tar -cf - home | envelope -r ops.pub -o home.tar
    rm -r home
    runs 'set -o pipefail'
    has_orders orders.xb
    diff -r out orders
    [ "$(cat home/anna/notes)" = notes ]
    [ ! -e home/other ]
    page_ends
}

encrypt() {
    page doc/envelope-encrypt.1
    keys ops
    certificate escrow
    runs 'envelope encrypt -r ops.pub'
    opened backup.xb
    envelope inspect backup.xb | grep -q 'host=db1'
    rm backup.xb
    runs 'envelope encrypt -r ops.pub --receipt'
    opened nightly.xb
    envelope verify --no-key --receipt nightly.json nightly.xb
    runs 'set -o pipefail'
    opened backup.xb
    page_ends
}

provider_page() {
    page doc/OSSL_PROVIDER-envelope.7
    certificate escrow
    cp escrow.crt "$root/etc/backup"
    head -c 100000 /dev/urandom >plain
    cp plain a
    becomes openssl.cnf 'openssl_conf = openssl_init'
    OPENSSL_CONF=openssl.cnf openssl enc -envelope -K 0 -in a -out b
    envelope -d -i escrow.key b | cmp - plain
    rm b
    hardware
    ssl
    one 'set -o pipefail'
    one 'export ENVELOPE_RECIPIENTS'
    one 'mariabackup --backup'
    opened backup.xb.env
    runs 'export ENVELOPE_IDENTITIES'
    restored
    page_ends
}

# Continues OSSL_PROVIDER-envelope(7): HARDWARE KEYS and FIPS
hardware() {
    keys next
    tpm
    runs 'tpm2_createprimary'
    runs 'openssl genpkey -provider tpm2'
    envelope -r ops.pub -o b a
    rm a
    runs 'ENVELOPE_IDENTITIES=handle:0x81000001'
    cmp a plain
    becomes "$root/etc/backup/tpm.cnf" 'openssl_conf = openssl_init'
    envelope -r ops.pub -o backup.tar.env a
    envelope -r tss2.pub -o other.tar.env a
    envelope -r ops.pub -o one.xb a
    bsdtar-envelope --add-filter envelope --options envelope:recipient=ops.pub \
        -cf archive.tar plain
    mv plain was
    runs 'export OPENSSL_CONF=/etc/backup/tpm.cnf'
    for file in backup.tar other.tar plain; do
        cmp $file was
    done
    envelope -d -i next.key one.xb | cmp - was
    # The configuration of the TPM is for its own examples.
    sed -i '/ OPENSSL_CONF=/d' .state

    token
    runs 'module=/usr/lib/softhsm' 'expect:PIN:' echo:off "send:$pin\n"
    echo $pin >pin
    envelope -r ops.pub -f -o b a
    rm a
    bsdtar-envelope --add-filter envelope --options envelope:recipient=ops.pub \
        -cf b.tar plain
    rm plain
    runs "key='pkcs11:" 'expect:Passphrase for' echo:off "send:$pin\n"
    cmp a was
    cmp plain was
    envelope -d -i next.key b | cmp - was
    runs "envelope -r 'pkcs11:"
    envelope -d -i 'pkcs11:token=backup;object=ops;type=private' \
        --passphrase-file pin c | cmp - was
    leaves 'openssl genpkey -provider envelope' \
        'OpenSSL 3.5 has ML-KEM; test/faces/post_quantum.sh does the same'
    cat >>.state <<STATE
export OPENSSL_CONF=$PWD/openssl.cnf
STATE
    runs 'openssl enc -propquery -fips'
    envelope -d -i escrow.key b | cmp - was
    sed -i '/ OPENSSL_CONF=/d' .state
}

# Continues OSSL_PROVIDER-envelope(7): The openssl command
ssl() {
    runs 'openssl genpkey -algorithm X25519'
    one 'ENVELOPE_RECIPIENTS'
    rm a
    one 'ENVELOPE_IDENTITIES'
    cmp a was
    one 'openssl rand'
    one 'openssl enc -provider'
    rm a
    one 'openssl enc -d'
    cmp a was
    echo 'correct horse' >pw
    one 'openssl enc -provider envelope -envelope -pass'
    rm a
    one 'openssl enc -d'
    cmp a was
    openssl pkey -in ops.key -aes256 -passout file:pw -out encrypted
    cp ops.key plain.key
    mv encrypted ops.key
    rm b
    envelope -r ops.pem -o b a
    rm a
    runs 'ENVELOPE_IDENTITIES=ops.key ENVELOPE_PASSPHRASE_FILE=pw'
    cmp a was
    mv plain.key ops.key
}

services
t 'the project is installed' machine_with_servers
PATH=$bindir:$tests_dir/stand-ins:$PATH
t 'a server can be installed' install_db db
start_server db
t 'the server starts' answers db
t 'it takes data' fill db
mariabackup --backup --stream=xbstream --target-dir="$tests_dir/tmp" \
    >backup.xb 2>backup.log

t README.md readme
t 'envelope(1)' envelope_1
t 'envelope-decrypt(1)' decrypt
t 'envelope-list(1), envelope-extract(1)' list_and_extract
t 'envelope-encrypt(1)' encrypt
t 'OSSL_PROVIDER-envelope(7)' provider_page
