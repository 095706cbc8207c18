#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The installed helper that speaks KMIP: with the server of PyKMIP, which has a client
# of its own to make keys with.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 16
. "$srcdir/test/kms/kms_services.sh"
need pykmip-server bsdtar socat
python -c 'import kmip' 2>/dev/null || skip_rest "$PYTHON has no kmip"
kms_module
provider

ENVELOPE_KMS_CONFIG=$tests_dir/kms.conf
export ENVELOPE_KMS_CONFIG
mkdir policy
cp "$srcdir/kms/helpers/envelope-kms-kmip" helper

# --- a server -------------------------------------------------------------

# certificate NAME USAGE [EXTENSION] - NAME.pem has its key, too
certificate() {
    new_rsa "$1" 2048
    printf 'extendedKeyUsage=%s\n%s\n' "$2" "${3-}" >extensions
    "$OPENSSL" req -new -key "$1.key" -subj "/CN=$1" \
        | "$OPENSSL" x509 -req -CA ca.crt -CAkey ca.key -days 3 \
            -extfile extensions -out "$1.crt"
    mkdir "$1"
    cp ca.crt "$1/ca.pem"
    cp "$1.crt" "$1/cert.pem"
    cp "$1.key" "$1/key.pem"
    cat "$1.crt" "$1.key" >"$1.pem"
}

certificates() {
    new_rsa ca 2048
    "$OPENSSL" req -x509 -new -key ca.key -subj /CN=ca -days 3 -out ca.crt
    new_rsa stranger 2048
    new_cert stranger
    certificate server serverAuth subjectAltName=IP:127.0.0.1
    certificate backup clientAuth
    certificate guest clientAuth
    cp -r backup misled
    cp stranger.crt misled/ca.pem
}
set_up certificates

free_port() {
    "$PYTHON" -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}
kmip=$(free_port)
# That of Debian 13 takes the one for the other: there is one file for both.
cat >server.conf <<CONF
[server]
hostname=127.0.0.1
port=$kmip
certificate_path=$tests_dir/server.pem
key_path=$tests_dir/server.pem
ca_path=$tests_dir/ca.crt
auth_suite=TLS1.2
policy_path=$tests_dir/policy
enable_tls_client_auth=True
database_path=$tests_dir/database
CONF
env -u OPENSSL_MODULES CRYPTOGRAPHY_OPENSSL_NO_LEGACY=1 PYTHONWARNINGS=ignore \
    pykmip-server -f "$tests_dir/server.conf" -l "$tests_dir/server.log" \
    </dev/null >server.said 2>&1 &
pids="$pids $!"

listens() { # PORT
    "$PYTHON" -c 'import socket, sys
socket.create_connection(("127.0.0.1", int(sys.argv[1])))' "$1"
}

# Two keys of the user "backup", made with PyKMIP's own client
make_keys() {
    waits listens "$kmip"
    PYTHONWARNINGS=ignore python - "$kmip" >names <<'PYTHON'
import sys
from kmip.core import enums
from kmip.pie.client import ProxyKmipClient
mask = enums.CryptographicUsageMask
with ProxyKmipClient("127.0.0.1", int(sys.argv[1]), cert="backup.crt",
                     key="backup.key", ca="ca.crt",
                     ssl_version="PROTOCOL_TLSv1_2") as client:
    for _ in range(2):
        name = client.create(
            enums.CryptographicAlgorithm.AES, 256,
            cryptographic_usage_mask=[mask.ENCRYPT, mask.DECRYPT])
        client.activate(name)
        print(name)
PYTHON
    [ "$(wc -l <names)" -eq 2 ]
}
set_up make_keys
name=$(head -n 1 names)
uri=execkms://kmip/$name next=execkms://kmip/$(tail -n 1 names)

# configure [USER [PORT [HOST]]]
configure() {
    cat >kms.conf <<CONF
[kmip]
exec = $tests_dir/helper
args = --host ${3-127.0.0.1} --port ${2-$kmip} --files $tests_dir/${1-backup}
timeout = 40
CONF
}
configure
TMPDIR=$tests_dir/tmp # no longer the server's
export TMPDIR
mkdir tmp

# --- it works -------------------------------------------------------------

make_all() {
    new_ec ops P-256
    head -c 100000 /dev/urandom >plain
    "$envelope" encrypt -r "$uri" <plain >sealed
    "$envelope" encrypt -r "$uri" -r ops.pem --label db=orders --label 'a=ü' \
        <plain >labelled
    grep -q 'Processing operation: Encrypt' server.log
}

other_faces() {
    open_with "$uri" labelled out
    cmp plain out
    seal_to "$uri" plain a
    opens a "$uri"
    by_bsdtar
}

rewraps() {
    cp labelled f
    "$envelope" rewrap --by-service -i "$uri" -r "$next" f
    same_payload labelled f
    opens f "$next"
    exits 3 "$envelope" decrypt -i "$uri" -o got f
}

# closed FILE URI PATTERN
closed() {
    exits 3 "$envelope" decrypt -i "$2" -o got "$1"
    [ ! -e got ]
    grep -q -e "$3" err
}

other_labels() {
    header alter labelled a --labels
    closed a "$uri" 'InvalidCiphertext: .* for other labels'
}

another_key() {
    header alter sealed a --key "kmip/$(tail -n 1 names)"
    closed a "$next" 'execkms://kmip: GeneralFailure'
}

# Each part of what the header has: form, length, nonce, tag, key, labels
altered() {
    header cut sealed blob
    for at in 0 1 2 18 34 66 97; do
        cp blob altered
        flip altered $at
        header alter sealed a --blob altered
        closed a "$uri" 'execkms://kmip: '
    done
    head -c 97 blob >altered
    header alter sealed a --blob altered
    closed a "$uri" 'InvalidCiphertext'
}

t 'keys and envelopes can be made' make_all
t 'it gives the key back' opens sealed "$uri"
t 'with labels' opens labelled "$uri"
t 'openssl enc and bsdtar' other_faces
t 'it encrypts a key anew' rewraps
t 'other labels' other_labels
t 'another key' another_key
t 'an encrypted key that was altered' altered

# --- it refuses -----------------------------------------------------------

no_key() {
    exits 1 "$envelope" encrypt -r execkms://kmip/none -o new plain
    grep -q 'ItemNotFound: Could not locate object: none' err
    [ ! -e new ]
}

another_user() {
    configure guest
    closed sealed "$uri" 'execkms://kmip: \(PermissionDenied\|ItemNotFound\)'
}

# Neither a certificate of somebody else nor one for another name will do.
bad_certificates() {
    configure backup "$kmip" localhost
    closed sealed "$uri" "TLS: .*not valid for 'localhost'"
    configure misled
    closed sealed "$uri" 'TLS: .*CERTIFICATE_VERIFY_FAILED'
    configure none
    closed sealed "$uri" 'Files: ca.pem, cert.pem, key.pem in .*/none: .*No such file'
}

nobody_there() {
    configure backup 1
    exits 1 "$envelope" decrypt -i "$uri" -o got sealed
    [ ! -e got ]
    grep -q 'Unreachable: .*refused' err
}

bad_arguments() {
    printf '[kmip]\nexec = %s\nargs = --host h\n' "$tests_dir/helper" >kms.conf
    closed sealed "$uri" 'BadArguments: .*required: --files'
}

# A server with the same certificate that answers with what ./now does
echo 'head -c 8 >/dev/null; . ./now; exec cat >/dev/null' >serve
mute=$(free_port)
socat "OPENSSL-LISTEN:$mute,bind=127.0.0.1,fork,cert=server.pem,cafile=ca.crt" \
    'EXEC:sh serve' >socat.said 2>&1 &
pids="$pids $!"

senseless() { # COMMAND
    waits listens "$mute"
    configure backup "$mute"
    printf '%s\n' "$1" >now
    closed sealed "$uri" BadReply
}

# No TTLV, more than is taken, nothing in it, an item longer than all, no result
all_senseless() {
    senseless yes
    senseless 'printf "B\0{\1\177\0\0\0"'
    senseless 'printf "B\0{\1\0\0\0\0"'
    senseless 'printf "B\0{\1\0\0\0\10B\0\17\1\0\0\1\0"'
    senseless 'printf "B\0{\1\0\0\0\10B\0\17\1\0\0\0\0"'
}

no_answer() {
    configure backup "$mute"
    sed -i 's/^timeout.*/timeout = 1/' kms.conf
    : >now
    exits 1 "$envelope" decrypt -i "$uri" -o got sealed
    [ ! -e got ]
    grep -q 'took longer than' err
}

left_nothing_on_disk() {
    for dir in tmp home; do
        [ -z "$(ls -A $dir)" ]
    done
}

t 'there is no such key' no_key
t 'the key of somebody else' another_user
t 'certificates that do not hold' bad_certificates
t 'nobody is there' nobody_there
t 'arguments are missing' bad_arguments
t 'replies that are none' all_senseless
t 'a server that does not answer' no_answer
t 'no file is left' left_nothing_on_disk
