#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every example of README.md and of the pages in doc/ is run as it is printed,
# in the order of its page, with an installed copy of the project; or it is
# named here, with the reason why it is not run.  What the text around an
# example takes for granted (a key, a server, another host) is made here.
#
# A page is cut into blocks, and a block into commands, by printed_blocks.py.  All of
# a page share their variables and the options of the shell, as they would in
# the terminal of a reader.
#
#   page FILE            begin with it, in a new directory
#   runs TEXT [STEP...]  the next block begins so: run its commands, each of
#                        which must end with 0; with STEPs of pty.py, on a
#                        terminal
#   one TEXT [STEP...]   the same with the next command alone
#   ends STATUS TEXT     the same, with this status
#   starts TEXT          the same, and go on while it runs
#   becomes FILE TEXT    the next block is what stands in a file
#   leaves TEXT REASON   the next block is not run, because ...
#   page_ends            no block is left

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 33
: "${MAKE:=make}" "${CC:=cc}"
not_sanitized 'it is about what is printed'
need "$MAKE" bash bsdtar bsdcpio bsdcat cut find gpg jq pkg-config \
    pkcs11-tool socat softhsm2-util ssh-keygen swtpm tar tpm2_createprimary \
    xxd zstd
. "$srcdir/test/kms/kms_services.sh"
need aws
. "$srcdir/test/interop/mariadb_server.sh"
softhsm=/usr/lib/softhsm/libsofthsm2.so
[ -f "$softhsm" ] || skip_rest "$softhsm is not installed"
stock=$("$OPENSSL" version -m | sed -n 's/^MODULESDIR: "\(.*\)"$/\1/p')
[ -f "$stock/tpm2.so" ] || skip_rest 'tpm2-openssl is not installed'

swtpm=
stop_everything() {
    stop_all
    stop_server
    [ -z "$swtpm" ] || kill "$swtpm" 2>/dev/null
}
# shellcheck disable=SC2034 # of tap.sh
cleanup=stop_everything

# --- the machine of the reader ---------------------------------------------

root=$tests_dir/root
dest=$tests_dir/dest
pages=$srcdir
pin=271828
port=$("$PYTHON" -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

make_value() { # NAME - what a variable of the Makefile stands for
    printf 'include Makefile\nenvl-print:\n\t@echo "$(%s)"\n' "$1" \
        | "$MAKE" -s -C "$top_builddir" --no-print-directory -f - envl-print \
        | tail -n 1
}
unset MAKEFLAGS MFLAGS MAKEOVERRIDES GNUMAKEFLAGS MAKELEVEL DESTDIR
bindir=$dest$(make_value bindir) launcherdir=$dest$(make_value launcherdir)
libdir=$dest$(make_value libdir) preloaddir=$dest$(make_value preloaddir)
modulesdir=$dest$(make_value modulesdir)

stand_in() { # NAME - its script is standard input
    { echo '#!/bin/sh' && cat; } >"stand-ins/$1"
    chmod +x "stand-ins/$1"
}

# What is not here is somebody's host, cloud, or server.
machine() {
    "$MAKE" -C "$top_builddir" install DESTDIR="$dest"
    for module in "$stock"/*.so; do
        [ "${module##*/}" = envelope.so ] || ln -s "$module" "$modulesdir"
    done

    mkdir -p stand-ins cloud store "$root/etc/backup" "$root/home/me" \
        "$root/root" "$root/run/secrets" "$root/srv/backup" \
        "$root/usr/local/bin" "$root/usr/local/libexec" "$root/usr/local/etc"
    ln -s "$bindir/bsdtar-envelope" "$root/usr/local/bin"
    mkdir "$root/usr/local/libexec/envelope"
    ln -s "$launcherdir" "$root/usr/local/libexec/envelope/bin"
    echo mine >"$root/home/me/file"
    echo served >"$root/srv/file"
    "$bindir/envelope" keygen -o "$root/etc/backup/ops.key"
    cp "$root/etc/backup/ops.key" "$root/root/ops.key"
    cp "$root/etc/backup/ops.pub" "$root/etc/backup/ops.pem"

    stand_in ssh <<S
cd "$tests_dir/\$1" && shift && exec sh -c "\$*"
S
    stand_in aws <<S
case \$1.\$2 in
(s3.cp) case \$3 in
    (-) exec cat >"$tests_dir/cloud/\${4##*/}" ;;
    (*) exec cat "$tests_dir/cloud/\${3##*/}" ;;
    esac ;;
esac
exec env -u OPENSSL_MODULES CRYPTOGRAPHY_OPENSSL_NO_LEGACY=1 \\
    "$(command -v aws)" --endpoint-url "$AWS_ENDPOINT_URL_KMS" "\$@"
S
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
    stand_in kms-helper.py <<S
exec env -u OPENSSL_MODULES CRYPTOGRAPHY_OPENSSL_NO_LEGACY=1 \\
    "$PYTHON" "$srcdir/examples/kms-helper.py" "\$@"
S
    mv stand-ins/kms-helper.py "$root/usr/local/libexec"

    cat >home/.my.cnf <<CNF
[client]
socket = $tests_dir/db.sock
user = $db_user
[mariabackup]
datadir = $tests_dir/db.data
CNF
}

# --- running what is printed -----------------------------------------------

printed() {
    PYTHONDONTWRITEBYTECODE=1 "$PYTHON" "$srcdir/test/project/printed_blocks.py" "$@"
}

page() {
    cd "$(mktemp -d "$tests_dir/${1##*/}.XXXXXX")"
    page_name=$1
    mkdir .blocks # a page may have none
    printed cut "$pages/$1" .blocks
}

next_is() { # TEXT
    next=$(find .blocks -type f | LC_ALL=C sort | head -n 1)
    if [ -z "$next" ]; then
        echo "$page_name: nothing is left that begins with $1"
        return 1
    fi
    case $(cat "$next") in
    "$1"*) ;;
    *)
        echo "$page_name: where there should be $1, there is"
        cat "$next"
        return 1
        ;;
    esac
}

in_bash() { # [STEP...]
    set -- "$@" -- bash .script
    if [ "$1" = -- ]; then
        shift
    else
        set -- "$PYTHON" "$srcdir/test/tools/pty.py" --timeout 60 "$@"
    fi
    status=0
    "$@" 2>.said || status=$?
    tail -n 20 .said >&2
    return $status
}

runs() {
    next_is "$1"
    shift
    printed script 0 "${next%/*}"/* >.script
    in_bash "$@"
    rm -r "${next%/*}"
}

one() {
    next_is "$1"
    shift
    printed script 0 "$next" >.script
    in_bash "$@"
    rm "$next"
}

ends() {
    next_is "$2"
    printed script "$1" "$next" >.script
    in_bash
    rm "$next"
}

starts() {
    next_is "$1"
    printed script 0 "$next" >.script.started
    bash .script.started &
    started=$!
    rm "$next"
}

becomes() {
    next_is "$2"
    printed show "${next%/*}"/* >"$1"
    rm -r "${next%/*}"
}

# shellcheck disable=SC2034 # the reason is for who reads this
leaves() {
    next_is "$1"
    reason_not_run=$2
    [ -n "$reason_not_run" ]
    rm -r "${next%/*}"
}

# What needs the module for key services, where it was not built
with_kms() { # VERB TEXT [ARGUMENT...]
    if [ -e "$preloaddir/envelope-kms.so" ]; then
        "$@"
    else
        leaves "$2" 'key services are not built'
    fi
}

page_ends() {
    find .blocks -type f -exec cat '{}' + >.rest
    cat .rest
    nothing .rest
}

# --- what pages take for granted -------------------------------------------

keys() { # NAME... - NAME.key and NAME.pub
    for name in "$@"; do
        envelope keygen -o "$name.key"
    done
}

certificate() { # NAME - NAME.key and NAME.crt
    new_ec "$1" P-384
    new_cert "$1"
}

# A token of its own, with a key unless the page makes it.
token() { # [LABEL]
    mkdir tokens
    printf 'directories.tokendir = %s\nobjectstore.backend = file\n' \
        "$PWD/tokens" >softhsm2.conf
    export SOFTHSM2_CONF="$PWD/softhsm2.conf" PKCS11_MODULE_PATH="$softhsm"
    softhsm2-util --init-token --free --label backup --so-pin 161803 \
        --pin $pin
    [ $# -eq 0 ] || pkcs11-tool --module "$softhsm" --token-label backup \
        --login --pin $pin --keypairgen --key-type EC:prime256v1 \
        --usage-derive --label "$1" --id 01
}

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

listens() { # PORT
    tries=0
    until grep -q ":$(printf %04X "$1") [0:]* 0A " /proc/net/tcp \
        /proc/net/tcp6; do
        tries=$((tries + 1))
        [ $tries -lt 100 ]
        sleep 0.1
    done
}

opened() { # FILE... - what a backup of the server has in it
    for file in "$@"; do
        envelope -d -f -i ops.key -o opened "$file"
        [ "$(head -c 8 opened)" = XBSTCK01 ]
        grep -qaF shop/orders.ibd opened
    done
}

restored() { # the directory restored is one to start a server on
    [ -s restored/shop/orders.ibd ]
    grep -q 'completed OK!' .said
}

# --- README and the pages ---------------------------------------------------

readme() {
    page README.md
    leaves './demo' 'installs packages; it shows what the pages say'
    leaves './packages build' 'installs packages and itself, as root'
    runs 'envelope keygen -o ops.key'
    runs 'set -o pipefail'
    opened backup.xb
    runs 'mkdir restored'
    restored
    envelope -d -i escrow.key -o plain backup.xb
    cp backup.xb damaged.xb
    flip damaged.xb 12000000
    one 'envelope inspect'
    one 'envelope verify'
    runs 'envelope keygen -o next.key'
    envelope -d -i next.key backup.xb | cmp - plain
    tail -c +10485761 plain | head -c 1048576 | cmp - part
    ends 6 'envelope decrypt -i next.key --salvage'
    [ "$(size_of rest)" -eq "$(size_of plain)" ]
    head -c 100000 /dev/urandom >a
    with_kms runs 'envelope -r awskms'
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
    runs 'mariabackup --backup'
    cp "$tests_dir/cloud/backup" xbcloud.xb
    opened backup.xb xbcloud.xb
    one 'mkdir restored'
    one 'envelope -d -i ops.key backup.xb'
    restored
    one 'envelope -d -i ops.key base.tar'
    one 'envelope -d -i ops.key dump'
    cmp pgdata/file "$root/srv/file"
    runs 'zfs send'
    diff -r "$root/home" "./$root/home"
    runs 'tar -cf - /srv'
    cp "$tests_dir/cloud/backup.xb" cloud.xb
    opened cloud.xb
    envelope -d -i ops.key "$tests_dir/store/srv.tar" | tar -xOf - \
        | cmp - "$root/srv/file"
    mv backup.xb cloud.xb xbcloud.xb "$tests_dir/cloud"
    starts 'socat -u TCP-LISTEN'
    listens "$port"
    one 'mariabackup --backup'
    wait "$started"
    opened backup.xb
    envelope -d -i ops.key -o plain backup.xb
    runs 'envelope inspect'
    tail -c +10485761 plain | head -c 1048576 | cmp - part
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
    one 'set -o pipefail'
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
    [ ! -e restored.2 ] && [ ! -e restored.3 ]
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

encrypt() {
    page doc/envelope-encrypt.1
    keys ops
    certificate escrow
    runs 'set -o pipefail'
    opened backup.xb
    envelope inspect backup.xb | grep -q 'host=db1'
    page_ends
}

fingerprint() {
    page doc/envelope-fingerprint.1
    keys ops
    certificate escrow
    token ops
    leaves 'ID  TYPE  NAME' 'the form of a line'
    one 'envelope fingerprint /etc/backup'
    one 'envelope fingerprint ops.key escrow.crt'
    one "envelope fingerprint 'pkcs11:"
    runs 'set -o pipefail' >id
    [ "$(cat id)" = "$(envelope fingerprint ops.pub | cut -d ' ' -f 1)" ]
    page_ends
}

inspect() {
    page doc/envelope-inspect.1
    keys old ops
    echo data >data
    envelope -r ops.pub -o backup.xb data
    envelope -r old.pub -r ops.pub -o older.xb data
    runs 'set -o pipefail'
    runs 'id=$(envelope' >out
    [ "$(cat out)" = ./older.xb ]
    page_ends
}

keygen() {
    page doc/envelope-keygen.1
    GNUPGHOME=$PWD/gnupg
    export GNUPGHOME
    mkdir -m 700 gnupg
    gpg --batch --quiet --passphrase '' --quick-generate-key ops
    leaves 'ID  TYPE  PUBLIC-FILE' 'the form of a line'
    one 'envelope keygen -o ops.key'
    one 'envelope keygen -t p384 -p' 'expect:assphrase' echo:off \
        'send:secret\n' 'expect:assphrase' echo:off 'send:secret\n'
    runs 'set -o pipefail'
    gpg --batch --quiet -d new.key.gpg >new.key
    echo data | envelope -r new.pub -r escrow.pub -r ops.pub -o data.env
    echo secret >pw
    for key in new.key escrow.key ops.key; do
        [ "$(envelope -d -i $key --passphrase-file pw data.env)" = data ]
    done
    gpgconf --kill all
    page_ends
}

rewrap() {
    page doc/envelope-rewrap.1
    keys ops next
    certificate auditor
    mkdir keys archive
    cp auditor.crt keys
    for file in FILE backup.xb other.xb archive/old.xb; do
        echo "$file" | envelope -r ops.pub -o "$file"
    done
    echo old words >pw
    echo notes | envelope --passphrase-file pw -o notes.env
    runs 'envelope rewrap --recover FILE'
    one 'set -o pipefail'
    one 'envelope rewrap -i ops.key'
    one 'find archive'
    for file in backup.xb other.xb archive/old.xb; do
        [ "$(envelope -d -i next.key "$file")" = "$file" ]
        exits 3 envelope -d -i ops.key "$file"
    done
    one 'envelope rewrap -i next.key --add'
    [ "$(envelope -d -i auditor.key backup.xb)" = backup.xb ]
    runs 'id=$(envelope fingerprint'
    exits 3 envelope -d -i auditor.key backup.xb
    runs 'envelope rewrap -i next.key --add -R keys/'
    [ "$(envelope -d -i auditor.key roomy.xb)" = backup.xb ]
    runs 'envelope rewrap --identity-passphrase' \
        'expect:Passphrase for the new' echo:off 'send:new words\n' \
        'expect:again:' echo:off 'send:new words\n' \
        'expect:as it is:' echo:off 'send:old words\n'
    echo new words >pw
    [ "$(envelope -d --passphrase-file pw notes.env)" = notes ]
    page_ends
}

verify() {
    page doc/envelope-verify.1
    keys ops
    head -c 1000000 /dev/urandom >data
    envelope -r ops.pub -o backup.xb data
    tar -cf - data | envelope -r ops.pub -o damaged.tar
    flip damaged.tar 600000
    cp backup.xb "$tests_dir/cloud"
    leaves 'backup.xb: verified' 'what it prints'
    one 'envelope verify -i ops.key ./*.xb'
    one 'envelope verify -i ops.key --header'
    ends 5 'envelope verify -i ops.key --keep-going'
    runs 'set -o pipefail'
    page_ends
}

# One that is extracted is what was archived.
extracts() { # TEXT [DIRECTORY]
    rm -rf was
    mv dir was
    one "$1"
    diff -r was dir
}

bsdtars() {
    page doc/bsdtar-envelope.1
    new_ec ops P-256
    certificate escrow
    mkdir dir
    head -c 300000 /dev/urandom >dir/file
    echo 'correct horse' >pw
    one 'bsdtar-envelope --add-filter envelope'
    one 'bsdtar-envelope --options envelope:identity=ops.key -tvf'
    extracts 'bsdtar-envelope --options envelope:identity=ops.key -xf'
    one 'PATH='
    one 'bsdtar --add-filter envelope'
    bsdtar-envelope --options envelope:identity=ops.key -xOf typed.tar dir/file \
        | cmp - dir/file
    one 'set -o pipefail'
    one 'export ENVELOPE_RECIPIENTS'
    one 'bsdtar-envelope --add-filter envelope --zstd'
    one 'bsdtar-envelope --add-filter envelope --format=zip'
    one 'bsdtar-envelope --add-filter envelope -czf'
    one 'export ENVELOPE_IDENTITIES'
    extracts 'bsdtar-envelope -xf backup.tar.zst'
    extracts 'ssh store cat'
    one 'bsdtar-envelope --add-filter envelope --options envelope:passphrase-file=pw'
    extracts 'bsdtar-envelope --options envelope:passphrase-file=pw'
    one 'find dir'
    ENVELOPE_IDENTITIES=ops.key bsdtar-envelope -tf backup.cpio | grep -qx dir/file
    bsdtar-envelope --add-filter envelope \
        --options envelope:recipient=ops.pem -cf backup.tar dir
    one 'bsdcat-envelope'
    # A line of crontab(5): after the five fields, in one line
    becomes crontab '30 2 * * *'
    sed 's/^30 2 [*] [*] [*] //' crontab | tr -d '\n' >command
    bash command
    bsdtar-envelope --options "envelope:identity=$root/etc/backup/ops.key" \
        -xOf "$root/srv/backup/etc.tgz" "${root#/}/etc/backup/ops.pub" \
        | cmp - "$root/etc/backup/ops.pub"
    one "bsdtar --use-compress-program 'envelope -r"
    extracts "bsdtar --use-compress-program 'envelope -d"
    one "tar -I 'envelope -r"
    extracts "tar -I 'envelope -i"
    page_ends
}

evp() {
    page doc/EVP_CIPHER-ENVELOPE.7
    new_ec ops P-256
    ssh-keygen -q -t ecdsa -b 256 -N 'old words' -f COPY
    runs 'ssh-keygen -p -m PKCS8 -f COPY' 'expect:old passphrase' echo:off \
        'send:old words\n' 'expect:new passphrase' echo:off \
        'send:words\n' 'expect:same passphrase' echo:off 'send:words\n'
    echo words >pw
    echo data | envelope -r COPY.pub -o data.env
    [ "$(envelope -d -i COPY --passphrase-file pw data.env)" = data ]
    for language in '$key' 'cipher = ' 'const key' '$pipe'; do
        leaves "$language" 'languages.sh runs whole programs'
    done
    becomes filter.c '#include'
    # shellcheck disable=SC2046 # words
    "$CC" -Wall -Wextra -Werror -o filter filter.c \
        $(pkg-config --cflags envelope libcrypto) -lcrypto
    head -c 300000 /dev/urandom >plain
    ./filter <plain >plain.env
    envelope -d -i ops.key plain.env | cmp - plain
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

archive() {
    page doc/envelope_archive.3
    new_ec ops P-256
    certificate escrow
    leaves 'struct envelope_option {' 'a declaration'
    becomes motd.c '#include'
    runs 'cc motd.c'
    LD_LIBRARY_PATH=$libdir ./a.out
    bsdtar-envelope --options envelope:identity=ops.key -xOf a.tar.zst motd >out
    [ "$(cat out)" = hello ]
    page_ends
}

format_5() {
    page doc/envelope.5
    leaves 'context = prelude' 'a formula'
    page_ends
}

format_md() {
    page doc/format.md
    leaves 'stream  = header' 'a formula'
    leaves 'ContentInfo' 'ASN.1'
    leaves '30 15' 'bytes'
    leaves '30 10' 'bytes'
    leaves 'kemct  ' 'a formula'
    leaves '2.25.' 'an object identifier'
    leaves 'KEKSource ::=' 'ASN.1'
    leaves 'context = prelude' 'a formula'
    leaves 'field()' 'test/interop/stranger.sh runs it'
    leaves 'import sys' 'test/interop/stranger.sh runs it'
    leaves 'openssl cms' 'test/interop/stranger.sh runs it'
    leaves 'set -- ' 'test/interop/stranger.sh runs it'
    leaves 'from cryptography' 'test/interop/stranger.sh runs it'
    leaves 'import hashlib' 'test/interop/stranger.sh runs it'
    keys ops
    envelope -r ops.pub --carrier tar -o backup.tar "$tests_dir/backup.xb"
    envelope -r ops.pub -o backup.xb "$tests_dir/backup.xb"
    export ENVELOPE_IDENTITIES=ops.key
    one 'set -o pipefail'
    one 'tar -xOf'
    cmp data "$tests_dir/backup.xb"
    rm data
    one 'mkdir dir'
    one 'cat dir'
    cmp data "$tests_dir/backup.xb"
    page_ends
}

security() {
    page SECURITY.md
    page_ends
}

contributing() {
    page CONTRIBUTING.md
    leaves './packages test' 'installs packages and builds'
    leaves 'make check TESTS=' 'is what runs this test'
    leaves '/usr/bin/python3 test/vectors/generate.py' 'a name of a vector'
    leaves '    version=' 'releases'
    leaves '    SOURCE_DATE_EPOCH' 'releases'
    leaves '    gpg --armor' 'releases'
    leaves 'gpg --verify' 'there is no such signature'
    page_ends
}

architecture() {
    page doc/architecture.md
    page_ends
}

compatibility() {
    page doc/compatibility.md
    page_ends
}

faq() {
    page doc/faq.md
    keys ops
    certificate escrow
    head -c 100000 /dev/urandom >a
    echo words >pw
    openssl pkey -in ops.key -aes256 -passout file:pw -out locked.key
    leaves 'envelope: FILE: WHAT' 'the form of a message'
    runs 'envelope -r ops.pub -o b'
    runs 'openssl pkey'
    cmp again.pub ops.pub
    runs 'envelope keygen -t rsa3072'
    runs 'envelope keygen -o new.key'
    runs 'envelope fingerprint'
    runs 'openssl x509'
    leaves 'envelope keygen -t mlkem768x25519' 'not with OpenSSL 3.0'
    runs 'envelope -r ops.pub --label'
    runs 'openssl rand'
    runs 'envelope -d -i locked.key'
    cmp opened a
    runs 'envelope -d -i ops.key'
    cmp opened a
    runs 'envelope inspect'
    cp b damaged
    flip damaged 50000
    ends 5 'envelope verify'
    ends 6 'envelope decrypt -i ops.key --salvage'
    [ "$(size_of rest)" -eq "$(size_of a)" ]
    runs 'envelope rewrap -i ops.key --add'
    envelope -d -i escrow.key roomy | cmp - a
    envelope -r ops.pub --carrier tar -o backup.tar a
    runs 'set -o pipefail'
    cmp data a
    runs 'envelope -r ops.pub -f'
    runs 'envelope encrypt'
    runs 'envelope rewrap --recover'
    runs 'envelope verify -i ops.key --header'
    runs 'openssl version'
    page_ends
}

kms_7() {
    page doc/envelope-kms.7
    certificate escrow
    cp escrow.crt escrow.pem
    echo notes >notes
    leaves 'awskms:///KEY' 'the forms of URIs'
    with_kms runs 'envelope encrypt -r awskms'
    if [ -e notes.env ]; then
        cmp notes restored
        envelope inspect notes.env | grep -q host=db1
        env -u OPENSSL_MODULES CRYPTOGRAPHY_OPENSSL_NO_LEGACY=1 \
            "$PYTHON" "$srcdir/test/kms/header.py" cut notes.env blob
        envelope -r awskms:///alias/backup -r vault:backup -o one.xb notes
    fi
    with_kms runs "envelope decrypt -i 'awskms:?account"
    leaves 'credential_process' 'a line of ~/.aws/config, with a name'
    with_kms runs 'envelope rewrap -i awskms'
    if [ -e notes.env ]; then
        cmp notes again
        envelope -d -i awskms:///alias/second notes.env | cmp - notes
        envelope -d -i awskms:///alias/second one.xb | cmp - notes
        envelope -d -i vault:backup one.xb | cmp - notes
    fi
    with_kms runs 'set -o pipefail'
    [ ! -e kek.hex ] || [ "$(size_of kek.hex)" -eq 65 ]
    page_ends
}

kms_conf() {
    page doc/envelope-kms.conf.5
    keys ops
    echo backup >backup
    echo notes >notes
    echo '# services' >kms.conf
    runs 'install -d'
    runs 'install -m'
    leaves 'X-Envelope-Timestamp' 'headers of a request'
    # What is typed, and what comes
    becomes session '$ set -o pipefail'
    sed -n 's/^\$ //p; /^    /p' session >typed
    sed -n '/^SHA2/,$p' session | tr -d '\n' >want
    bash typed | tr -d '\n' | cmp - want
    becomes corp '[corp]'
    leaves 'POST /v1' 'a request'
    leaves '{"keyId":"backup"' 'a reply'
    becomes signed '[signed]'
    becomes transit '[transit]'
    becomes helper '[local]'
    cat corp signed transit helper >"$ENVELOPE_KMS_CONFIG"
    cp "$tests_dir/vault/token" "$root/run/secrets/transit-token"
    mkdir -p "$root/usr/local/etc/envelope/keys"
    (umask 077 && head -c 32 /dev/urandom \
        >"$root/usr/local/etc/envelope/keys/daily")
    if [ -e "$preloaddir/envelope-kms.so" ]; then
        envelope -r httpkms://transit/backup -o data.env backup
        envelope -d -i httpkms://transit/backup data.env | cmp - backup
        # Only the host is another one.
        mkfifo stop
        printed serve . <stop &
        exec 3>stop
        until [ -s port ]; do sleep 0.05; done
        echo token >"$root/run/secrets/kms-token"
        sed -i -e '/^ca-file = /d' \
            -e "s,https://kms.example.net/v1,http://127.0.0.1:$(cat port)/v1," \
            "$ENVELOPE_KMS_CONFIG"
        envelope -r httpkms://corp --label host=db1 -o data backup
        # What the page shows
        jq -e '.[0] == "/v1/keys/backup/datakey"
            and .[1].Authorization == "Bearer token"
            and .[2] == {"bits": 256, "keyId": "backup",
                "context": {"host": "db1"}}' request
        CORP_KMS_SECRET=s3cret envelope -r httpkms://signed/backup -o signed.env \
            backup
        jq -e '.[1].Authorization | startswith(
            "HMAC-SHA256 Credential=backup-host, Signature=")' request
    fi
    with_kms one 'envelope -r httpkms://corp'
    mv backup was
    with_kms one 'envelope -d -i httpkms://corp'
    [ ! -e backup ] || cmp backup was
    with_kms one 'envelope -r execkms://local/daily'
    page_ends
}

kms_helper() {
    page doc/envelope-kms-helper.7
    mkdir -p "$root/usr/local/etc/envelope/keys"
    (umask 077 && head -c 32 /dev/urandom \
        >"$root/usr/local/etc/envelope/keys/backup")
    becomes "$ENVELOPE_KMS_CONFIG" '[local]'
    leaves '{"version":1' 'requests and replies'
    runs 'echo '\''{"version":1' >reply
    jq -e '.key == "backup" and .plaintext and .ciphertext' reply
    leaves '#!/bin/sh' 'test/kms/kms_site.sh runs it'
    if [ -e "$preloaddir/envelope-kms.so" ]; then
        echo data | envelope -r execkms://local/backup -o data.env
        [ "$(envelope -d -i execkms://local/backup data.env)" = data ]
    fi
    page_ends
}

# --- what is installed, and the test itself ---------------------------------

# Every page has been looked at above.
all_pages() {
    (cd "$srcdir" && ls ./*.md doc/* | sed 's,^\./,,') | LC_ALL=C sort >have
    sed -n 's/^    page \([^"]*\)$/\1/p' "$srcdir/test/project/printed.sh" \
        | LC_ALL=C sort >want
    diff want have
}

# Installed pages name the directories of the installation.
installed_paths() {
    for target in install-man install-data-hook; do
        "$MAKE" -C "$top_builddir" $target DESTDIR="$tests_dir/other" \
            sysconfdir=/etc/other bindir=/opt/own launcherdir=/opt/other
    done
    cd "$tests_dir/other$(make_value mandir)"
    for page in man5/envelope-kms.conf.5 man7/envelope-kms.7 \
        man7/envelope-kms-helper.7; do
        grep -q /etc/other/envelope $page
    done
    grep -q '[*] /opt/own/bsdtar-envelope --add-filter' man1/bsdtar-envelope.1
    grep -q '^PATH=/opt/other:' man1/bsdtar-envelope.1
    ! grep -rE '/usr/local/(etc|bin|libexec/envelope)' . || false
}

# A page that was changed so is refused.
refuses() { # EXPRESSION-OF-SED
    rm -rf changed
    mkdir -p changed/doc
    sed "$1" "$srcdir/doc/envelope-inspect.1" >changed/doc/envelope-inspect.1
    ! cmp "$srcdir/doc/envelope-inspect.1" changed/doc/envelope-inspect.1 \
        || false
    pages=$tests_dir/changed
    # No "if" around it: that would switch off set -e inside.
    status=0
    (
        set -e
        inspect
    ) &
    wait $! || status=$?
    [ $status -ne 0 ]
}

refuses_pipe() {
    echo 'true | true' >pipe
    printed script 0 pipe >made
    ! bash made || false
    echo 'echo "a|b"' >pipe
    printed script 0 pipe >made
    bash made
    echo 'false | true' >pipe
    { echo 'set -o pipefail' && printed script 0 pipe; } >made
    ! bash made || false
}

look_alike aws aws
look_alike vault vault
AWS_ENDPOINT_URL_KMS=http://127.0.0.1:$(port aws)
AWS_SHARED_CREDENTIALS_FILE=$tests_dir/aws/credentials
AWS_REGION=us-east-1
AWS_DEFAULT_REGION=us-east-1
VAULT_ADDR=http://127.0.0.1:$(port vault)
VAULT_TOKEN=$(cat vault/token)
ENVELOPE_KMS_CONFIG=$root/usr/local/etc/envelope/kms.conf
ENVELOPE_KMS_MODULES=$preloaddir
ENVELOPE_PRELOAD=$preloaddir/envelope-preload.so
OPENSSL_MODULES=$modulesdir
PKG_CONFIG_PATH=$libdir/pkgconfig
PKG_CONFIG_SYSROOT_DIR=$dest
export AWS_ENDPOINT_URL_KMS AWS_SHARED_CREDENTIALS_FILE AWS_REGION
export AWS_DEFAULT_REGION VAULT_ADDR VAULT_TOKEN ENVELOPE_KMS_CONFIG
export ENVELOPE_KMS_MODULES ENVELOPE_PRELOAD OPENSSL_MODULES
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
# Where printed_blocks.py puts what is not in this directory, or on this host
PRINTED_PATHS="/etc $root/etc
/home $root/home
/root $root/root
/run/secrets $root/run/secrets
/srv $root/srv
/dev/nst0 $root/tape
/usr/local $root/usr/local
TCP:store:9000 TCP:127.0.0.1:$port
TCP-LISTEN:9000 TCP-LISTEN:$port
https://transit.example.net:8200 $VAULT_ADDR"
export PRINTED_PATHS
unset TAR_READER_OPTIONS TAR_WRITER_OPTIONS ENVELOPE_ARCHIVE_OPTIONS

t 'the project is installed' machine
PATH=$bindir:$tests_dir/stand-ins:$PATH
t 'a server can be installed' install_db db
start_server db
t 'the server starts' answers db
t 'it takes data' fill db
mariabackup --backup --stream=xbstream --target-dir="$tests_dir/tmp" \
    >backup.xb 2>backup.log

t README.md readme
t SECURITY.md security
t CONTRIBUTING.md contributing
t 'envelope(1)' envelope_1
t 'envelope-decrypt(1)' decrypt
t 'envelope-encrypt(1)' encrypt
t 'envelope-fingerprint(1)' fingerprint
t 'envelope-inspect(1)' inspect
t 'envelope-keygen(1)' keygen
t 'envelope-rewrap(1)' rewrap
t 'envelope-verify(1)' verify
t 'bsdtar-envelope(1)' bsdtars
t 'EVP_CIPHER-ENVELOPE(7)' evp
t 'OSSL_PROVIDER-envelope(7)' provider_page
t 'envelope_archive(3)' archive
t 'envelope(5)' format_5
t 'format.md' format_md
t 'compatibility.md' compatibility
t 'architecture.md' architecture
t 'faq.md' faq
t 'envelope-kms(7)' kms_7
t 'envelope-kms.conf(5)' kms_conf
t 'envelope-kms-helper(7)' kms_helper
stop_server

t 'no page is left out' all_pages
t 'installed pages name the directories of the installation' installed_paths
t 'a wrong option on a page is found' refuses 's/ --json/ --jsn/'
t 'a command that nobody has named is found' refuses 's/^id=/true\n&/'
t 'one that no page has any more is found' \
    refuses '/^id=/,/^\.Ed/{/^\.Ed/!d}'
t 'a pipe without pipefail is found' refuses_pipe
