# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Keys for openssl enc, and how to encrypt and decrypt with them.  Sourced after
# tap.sh and the plan, not run.
#
#   $k, $other_k         key-encryption keys for -K
#   ./pw, ./other.pw     passphrases
#   ./plain, ./empty     to be encrypted, 100,000 bytes and none
#   make_keys            keys p256 and x448, and escrow with a certificate
#   make_stored          stored.key is p256.key under the passphrase in ./pw

provider

chunk=16384

k=$("$OPENSSL" rand -hex 32)
other_k=$("$OPENSSL" rand -hex 32)
echo 'correct horse battery staple' >pw
echo 'another passphrase' >other.pw
head -c 100000 /dev/urandom >plain
: >empty

# seal IN OUT, open IN OUT [ARGUMENT...] - with the key-encryption key $k
# shellcheck disable=SC2086 # $enc is words
seal() {
    seal_in=$1 seal_out=$2
    shift 2
    $enc -K "$k" -in "$seal_in" -out "$seal_out" "$@"
}
# shellcheck disable=SC2086
open() {
    open_in=$1 open_out=$2
    shift 2
    $enc -d -K "$k" -in "$open_in" -out "$open_out" "$@"
}

make_keys() {
    new_ec p256 P-256
    new_key x448 -algorithm X448
    new_ec escrow P-384
    new_cert escrow
}

make_stored() {
    "$OPENSSL" pkey -in p256.key -aes256 -passout file:pw -out stored.key
}
