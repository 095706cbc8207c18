# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Runs the examples of README.md and of the pages in doc/ as they are printed, in
# the order of their page, with an installed copy of the project.  What the text
# around an example takes for granted (a key, a server, another host) is made by
# the test of the page.  Sourced after tap.sh, program.sh and the plan, not run.
#
# A page is cut into blocks, and a block into commands, by printed_blocks.py.  All of
# a page share their variables and the options of the shell, as they would in
# the terminal of a reader.
#
#   machine              the machine of the reader
#   services             the look-alikes of key services; not in a subshell
#   page FILE            begin with it, in a new directory
#   runs TEXT [STEP...]  the next block begins so: run its commands, each of
#                        which must end with 0; with STEPs of pty.py, on a
#                        terminal
#   one TEXT [STEP...]   the same with the next command alone
#   ends STATUS TEXT     the same, with this status
#   becomes FILE TEXT    the next block is what stands in a file
#   leaves TEXT REASON   the next block is not run, because ...
#   page_ends            no block is left

not_sanitized 'it is about what is printed'
. "$srcdir/test/project/installation.sh"
need bash cut find jq tar

bindir=$dest$(make_value bindir) launcherdir=$dest$(make_value launcherdir)
libdir=$dest$(make_value libdir) preloaddir=$dest$(make_value preloaddir)
modulesdir=$dest$(make_value modulesdir)

# --- the machine of the reader ---------------------------------------------

root=$tests_dir/root
pages=$srcdir
pin=271828
softhsm=/usr/lib/softhsm/libsofthsm2.so
stock=$("$OPENSSL" version -m | sed -n 's/^MODULESDIR: "\(.*\)"$/\1/p')
ENVELOPE_KMS_MODULES=$preloaddir
ENVELOPE_PRELOAD=$preloaddir/envelope-preload.so
OPENSSL_MODULES=$modulesdir
PKG_CONFIG_PATH=$libdir/pkgconfig
PKG_CONFIG_SYSROOT_DIR=$dest
export ENVELOPE_KMS_MODULES ENVELOPE_PRELOAD OPENSSL_MODULES
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
# Where printed_blocks.py puts what is not in this directory, or on this host
PRINTED_PATHS="/etc $root/etc
/home $root/home
/root $root/root
/run/secrets $root/run/secrets
/srv $root/srv
/dev/nst0 $root/tape
/usr/local $root/usr/local"
export PRINTED_PATHS
unset TAR_READER_OPTIONS TAR_WRITER_OPTIONS ENVELOPE_ARCHIVE_OPTIONS

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
    "$(command -v aws)" --endpoint-url "\$AWS_ENDPOINT_URL_KMS" "\$@"
S
}

# Sourced before: kms_services.sh
services() {
    look_alike aws aws
    look_alike vault vault
    AWS_ENDPOINT_URL_KMS=http://127.0.0.1:$(port aws)
    AWS_SHARED_CREDENTIALS_FILE=$tests_dir/aws/credentials
    AWS_REGION=us-east-1
    AWS_DEFAULT_REGION=us-east-1
    VAULT_ADDR=http://127.0.0.1:$(port vault)
    VAULT_TOKEN=$(cat vault/token)
    ENVELOPE_KMS_CONFIG=$root/usr/local/etc/envelope/kms.conf
    PRINTED_PATHS="$PRINTED_PATHS
https://transit.example.net:8200 $VAULT_ADDR"
    export AWS_ENDPOINT_URL_KMS AWS_SHARED_CREDENTIALS_FILE AWS_REGION
    export AWS_DEFAULT_REGION VAULT_ADDR VAULT_TOKEN ENVELOPE_KMS_CONFIG
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

need_token() {
    need pkcs11-tool softhsm2-util
    [ -f "$softhsm" ] || skip_rest "$softhsm is not installed"
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

# What a backup of the server is, and what was restored of it.
opened() { # FILE... - what a backup of the server has in it
    for file in "$@"; do
        envelope -d -f -i ops.key -o opened "$file"
        [ "$(head -c 8 opened)" = XBSTCK01 ]
        grep -qaF shop/orders.ibd opened
    done
}

has_orders() { # FILE - one table of the backup and no other file
    mkdir orders
    mbstream -x -C orders <"$1"
    [ "$(cd orders/shop && echo *)" = 'orders.frm orders.ibd' ]
    [ "$(ls orders)" = shop ]
}

restored() { # the directory restored is one to start a server on
    [ -s restored/shop/orders.ibd ]
    grep -q 'completed OK!' .said
}
