#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A private key that never leaves a TPM opens an envelope, through the
# provider tpm2 of tpm2-openssl: in openssl enc, in the command, in bsdtar; who
# seals it has the public key alone.  The TPM is swtpm, in the test's directory.
# TPM2_MODULE may name another tpm2.so.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"
. "$srcdir/test/faces/hardware.sh"

plan 38
need bsdtar swtpm tpm2_createprimary tpm2_create tpm2_load tpm2_evictcontrol \
    tpm2_readpublic tpm2_flushcontext tpm2_getcap
provider

stock=$("$OPENSSL" version -m | sed -n 's/^MODULESDIR: "\(.*\)"$/\1/p')
tpm2_module=${TPM2_MODULE:-$stock/tpm2.so}
[ -f "$tpm2_module" ] || skip_rest 'tpm2-openssl is not installed'
mkdir modules
ln -s "$tpm2_module" "${OPENSSL_MODULES:-$stock}/envelope.so" modules
OPENSSL_MODULES=$tests_dir/modules

head -c 100000 /dev/urandom >plain

# --- the TPM --------------------------------------------------------------

mkdir state
swtpm socket --tpm2 --server type=unixio,path="$tests_dir/tpm" \
    --ctrl type=unixio,path="$tests_dir/tpm.ctrl" \
    --tpmstate dir="$tests_dir/state" \
    --flags not-need-init,startup-clear </dev/null >swtpm.log 2>&1 &
swtpm=$!
stop_tpm() {
    kill $swtpm 2>/dev/null
    wait $swtpm 2>/dev/null
}
cleanup=stop_tpm
TPM2TOOLS_TCTI=swtpm:path=$tests_dir/tpm
TPM2OPENSSL_TCTI=$TPM2TOOLS_TCTI
TSS2_LOG=all+NONE
export OPENSSL_MODULES TPM2TOOLS_TCTI TPM2OPENSSL_TCTI TSS2_LOG

tpm_starts() {
    tries=0
    until tpm2_getcap properties-fixed >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ $tries -gt 100 ] || ! kill -0 $swtpm; then
            cat swtpm.log
            return 1
        fi
        sleep 0.1
    done
    tpm2_createprimary -Q -C o -G rsa2048 -c primary.ctx
    tpm2_flushcontext -t
}

# tpm_key NAME ALGORITHM HANDLE [USE] - a key at a persistent handle, and NAME.pem.
# There is no resource manager: what a command leaves must be flushed.
tpm_key() {
    tpm2_create -Q -C primary.ctx -G "$2" -u "$1.pub" -r "$1.priv" -a \
        "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|${4-decrypt}"
    tpm2_flushcontext -t
    tpm2_load -Q -C primary.ctx -u "$1.pub" -r "$1.priv" -c "$1.ctx"
    tpm2_flushcontext -t
    tpm2_evictcontrol -Q -C o -c "$1.ctx" "$3"
    tpm2_flushcontext -t
    tpm2_readpublic -Q -c "$3" -f pem -o "$1.pem"
    tpm2_flushcontext -t
}

tss2_key() { # NAME ARGUMENT-OF-GENPKEY...
    name=$1
    shift
    "$OPENSSL" genpkey -provider tpm2 "$@" -out "$name.key"
    grep -q 'BEGIN TSS2 PRIVATE KEY' "$name.key"
    "$OPENSSL" pkey -provider tpm2 -provider default -in "$name.key" \
        -pubout -out "$name.pem"
    tpm2_flushcontext -t
}

# --- sealing and opening --------------------------------------------------

# The public key is enough: there is no TPM here.
seal_without_tpm() { # PUBLIC OUT
    env TPM2OPENSSL_TCTI=none TPM2TOOLS_TCTI=none \
        ENVELOPE_RECIPIENTS="$1" "$OPENSSL" enc -provider envelope \
        -envelope -K 0 -in plain -out "$2"
}

# open_tpm IDENTITIES IN [PROVIDER...]
open_tpm() {
    open_list=$1 open_in=$2
    shift 2
    [ $# -gt 0 ] || set -- tpm2 default envelope
    options=
    for p in "$@"; do
        options="$options -provider $p"
    done
    # shellcheck disable=SC2086 # words
    env ENVELOPE_IDENTITIES="$open_list" timeout 60 "$OPENSSL" enc \
        $options -envelope -d -K 0 -in "$open_in" -out out
}

opens() { # IDENTITIES IN [PROVIDER...]
    open_tpm "$@"
    cmp plain out
}

opens_from_conf() {
    cat >openssl.cnf <<CONF
openssl_conf = init
[init]
providers = providers
[providers]
tpm2 = tpm2_section
default = default_section
envelope = envelope_section
[tpm2_section]
activate = 1
[default_section]
activate = 1
[envelope_section]
activate = 1
identities = handle:0x81000001
CONF
    OPENSSL_CONF=openssl.cnf timeout 60 "$OPENSSL" enc -envelope -d -K 0 \
        -in ec.env -out out
    cmp plain out
}

beside_a_file() {
    new_ec escrow P-384
    seal_without_tpm escrow.pem escrow.env
    opens "$(printf 'handle:0x81000001\nescrow.key')" escrow.env
}

refuses() { # REASON IDENTITIES IN
    fails "$1" open_tpm "$2" "$3"
    nothing out
}

# OAEP came with tpm2-openssl 1.3.0.  Without it the key must not open.  What
# such a version makes of the padding is chance: mostly it fails, and sometimes
# it returns bytes, which then are not the data key's.
has_oaep() {
    "$OPENSSL" pkeyutl -encrypt -pubin -inkey rsa.pem -in little \
        -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 \
        -out oaep
    "$OPENSSL" pkeyutl -provider tpm2 -provider default -decrypt \
        -inkey handle:0x81000002 -in oaep \
        -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256
}

opens_if_oaep() { # IDENTITY IN
    head -c 32 plain >little
    if has_oaep; then
        opens "$1" "$2"
    else
        echo 'this tpm2-openssl has no OAEP'
        refuses any "$1" "$2"
        says "$(reason NO_MATCH)" || says "$(reason KEY_ENVELOPE)"
    fi
}

# A handle may stand for the public key, too.
seals_to_handle() { # HANDLE
    env ENVELOPE_RECIPIENTS="handle:$1" "$OPENSSL" enc -provider tpm2 \
        -provider default -provider envelope -envelope -K 0 \
        -in plain -out handle.env
}

t 'a TPM starts' tpm_starts
t 'it makes a P-256 key' tpm_key ec ecc256 0x81000001
t 'the public key seals without a TPM' seal_without_tpm ec.pem ec.env
ec=handle:0x81000001
t 'the key in the TPM opens' opens $ec ec.env tpm2 default envelope
t 'default may be first' opens $ec ec.env default tpm2 envelope
t 'envelope may be first' opens $ec ec.env envelope tpm2 default
t 'a provider default is not needed' opens $ec ec.env tpm2 envelope
t 'openssl.cnf may name the handle' opens_from_conf
t 'a key in a file works beside it' beside_a_file
t 'the TPM makes a P-256 key in a TSS2 file' \
    tss2_key tss2ec -algorithm EC -pkeyopt group:P-256
t 'its public key seals without a TPM' seal_without_tpm tss2ec.pem tss2.env
t 'the TSS2 file opens' opens tss2ec.key tss2.env
t 'another key in the TPM does not' refuses NO_MATCH $ec tss2.env
t 'a TSS2 file is no recipient' \
    fails PRIVATE_KEY env ENVELOPE_RECIPIENTS=tss2ec.key "$OPENSSL" enc \
    -provider tpm2 -provider default -provider envelope -envelope -K 0 \
    -in plain -out out
t 'an empty handle cannot be read' \
    refuses UNREADABLE_KEY handle:0x81000009 ec.env
t 'the handle of an EC key is a recipient' seals_to_handle 0x81000001
t 'the TPM makes an RSA key' tpm_key rsa rsa2048 0x81000002
t 'its public key seals without a TPM' seal_without_tpm rsa.pem rsa.env
t 'the RSA key opens, where tpm2-openssl can' \
    opens_if_oaep handle:0x81000002 rsa.env
t 'the handle of an RSA key is a recipient' seals_to_handle 0x81000002

# --- the programs that have the filter ------------------------------------

# As the manual shows it: all that they need is in openssl.cnf.
configured() { # COMMAND...
    OPENSSL_CONF=$tests_dir/tpm.cnf "$@"
}

configure_tpm() {
    cat >tpm.cnf <<CONF
openssl_conf = openssl_init

[openssl_init]
providers = providers

[providers]
default = default_section
tpm2 = tpm2_section

[default_section]
activate = 1

[tpm2_section]
activate = 1
CONF
    configured "$OPENSSL" list -providers | grep -q '^ *tpm2$'
}

# A key that asks for a passphrase: its handle with "?pass".
tpm_key_with_pin() {
    printf swordfish >pin
    tpm2_create -Q -C primary.ctx -G ecc256 -p file:pin -u pin.pub \
        -r pin.priv -a \
        'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|decrypt|noda'
    tpm2_flushcontext -t
    tpm2_load -Q -C primary.ctx -u pin.pub -r pin.priv -c pin.ctx
    tpm2_flushcontext -t
    tpm2_evictcontrol -Q -C o -c pin.ctx 0x81000003
    tpm2_flushcontext -t
    tpm2_readpublic -Q -c 0x81000003 -f pem -o pin.pem
    tpm2_flushcontext -t
    seal_without_tpm pin.pem pin.env
    echo haddock >other.pin
}

opens_with_pin() {
    ENVELOPE_PASSPHRASE_FILE=pin
    export ENVELOPE_PASSPHRASE_FILE
    configured command_decrypts "$1" pin.env
    configured command_verifies "$1" pin.env pin.env
}

opens_with_pin_typed() {
    configured "$PYTHON" "$srcdir/test/tools/pty.py" --timeout 30 \
        'expect:Passphrase for handle:0x81000003:' echo:off 'send:swordfish\n' \
        -- "$envelope" -d -i "$1" -o got pin.env
    cmp got plain
}

refuses_pins() {
    ENVELOPE_PASSPHRASE_FILE=other.pin
    export ENVELOPE_PASSPHRASE_FILE
    configured command_refuses "$(reason NO_MATCH)" "$1" pin.env
    unset ENVELOPE_PASSPHRASE_FILE
    configured command_refuses "$(reason PASSPHRASE_NEEDED)" "$1" pin.env
    ! grep -E 'swordfish|haddock' err || false
}

fingerprints_agree() {
    "$envelope" fingerprint ec.pem >want
    configured "$envelope" fingerprint $ec | sed 's/handle.*/ec.pem/' \
        | cmp - want
}

t 'openssl.cnf activates the provider' configure_tpm
t 'the command decrypts with the key in the TPM' \
    configured command_decrypts $ec ec.env
t 'it verifies several files' configured command_verifies $ec ec.env ec.env
t 'it rewraps with the key in the TPM' configured command_rewraps $ec ec.env
t 'it shows the fingerprint' fingerprints_agree
t 'it takes the TSS2 file' configured command_decrypts tss2ec.key tss2.env
t 'another key in the TPM does not open' \
    configured command_refuses "$(reason NO_MATCH)" $ec tss2.env
t 'neither does an empty handle' configured command_refuses \
    "$(reason UNREADABLE_KEY): handle:0x81000009" handle:0x81000009 ec.env
t 'without the provider it says so' command_refuses \
    'no provider that is loaded opens it' $ec ec.env
t 'bsdtar reads with the key in the TPM' configured archive_opens $ec ec.pem
t 'the TPM makes a key with a PIN' tpm_key_with_pin
t 'the passphrase opens it' opens_with_pin 'handle:0x81000003?pass'
t 'the terminal is asked for it' opens_with_pin_typed 'handle:0x81000003?pass'
t 'a wrong one, or none, does not' refuses_pins 'handle:0x81000003?pass'

# --- signing --------------------------------------------------------------

# signs_with NAME ALGORITHM HANDLE - a key of its own, that only signs
signs_with() {
    tpm_key "$1" "$2" "$3" sign
    configured command_signs "handle:$3" "$1.pem"
}

refuses_to_sign() {
    new_key reader -algorithm X25519
    configured exits 1 "$envelope" -r reader.pem -s $ec -o none plain
    grep -q "^envelope: .*handle:0x81000001: it does not sign" err
    [ ! -e none ]
}

t 'a P-256 key in the TPM signs' signs_with ecsign ecc256 0x81000004
t 'an RSA key in the TPM signs' signs_with rsasign rsa2048 0x81000005
t 'a TSS2 file signs' configured command_signs tss2ec.key tss2ec.pem
t 'a key that only decrypts does not sign' refuses_to_sign
