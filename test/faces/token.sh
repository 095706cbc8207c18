# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# A PKCS#11 token of SoftHSM in the test's directory, with its PIN in ./pin, and
# what its keys must do in openssl enc.  Sourced after hardware.sh.
# SOFTHSM2_MODULE may name another libsofthsm2.so.

for module in "${SOFTHSM2_MODULE-}" /usr/lib/softhsm/libsofthsm2.so \
    /usr/lib64/softhsm/libsofthsm2.so /usr/lib64/pkcs11/libsofthsm2.so; do
    [ ! -f "$module" ] || break
done
SOFTHSM2_CONF=$tests_dir/softhsm2.conf PKCS11_MODULE_PATH=$module
export SOFTHSM2_CONF PKCS11_MODULE_PATH

head -c 100000 /dev/urandom >plain
echo 271828 >pin
echo 314159 >other.pin
printf 271828 >pin.raw
ec='pkcs11:token=backup;object=ops;type=private'

need_token() {
    need bsdtar softhsm2-util pkcs11-tool timeout
    provider
    [ -f "$module" ] || skip_rest 'libsofthsm2.so is not installed'
}

token() { # ARGUMENT-OF-PKCS11-TOOL...
    pkcs11-tool --module "$module" --token-label backup --login --pin 271828 "$@"
}

make_token() {
    mkdir tokens
    printf 'directories.tokendir = %s\nobjectstore.backend = file\n' \
        "$tests_dir/tokens" >softhsm2.conf
    softhsm2-util --init-token --free --label backup --so-pin 161803 \
        --pin 271828
}

# make_token_key LABEL ID ARGUMENT-OF-PKCS11-TOOL... - and its public key
make_token_key() {
    label=$1 id=$2
    shift 2
    token --keypairgen --label "$label" --id "$id" "$@"
    token --read-object --type pubkey --label "$label" -o "$label.pub"
    seal_to "$label.pub" plain "$label.env"
}

with_pin() { # COMMAND...
    ENVELOPE_PASSPHRASE_FILE=pin "$@"
}

opens() { # IDENTITY IN
    open_with "$1" "$2" out
    cmp plain out
}

openssl_refuses() { # REASON TEXT IDENTITY IN
    fails "$1" open_with "$3" "$4" out
    grep -q "$2" err
    ! grep -E '^[0-9A-F]*:error:.*(271828|314159)' err || false
    nothing out
}

hides_pins() { # URI... - none of which opens ops.env
    for uri in "$@"; do
        status=0
        "$envelope" -d -v -i "$uri" -o out ops.env 2>err || status=$?
        cat err
        [ $status -eq 3 ]
        [ -s err ]
        ! grep 314159 err || false
    done
    [ ! -e out ]
}

# signs LABEL ID ARGUMENT-OF-PKCS11-TOOL... - a key of its own that signs, whose
# PIN is in a file that its URI names
signs() {
    make_token_key "$@"
    command_signs "pkcs11:token=backup;object=$1;type=private?pin-source=file:$tests_dir/pin.raw" \
        "$1.pub"
}
