#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# openssl enc with the cipher ENVELOPE: keys, passphrases, every kind of
# recipient, openssl.cnf, pipes; and each mistake and each kind of damage ends
# with its own reason.

. "${srcdir:-.}/test/support/tap.sh"

plan 141
: "${CC:=cc}"
provider

chunk=16384
kinds='rsa2048 rsa4096 p256 p384 p521 x25519 x448'

k=$("$OPENSSL" rand -hex 32)
other_k=$("$OPENSSL" rand -hex 32)
echo 'correct horse battery staple' >pw
echo 'another passphrase' >other.pw
head -c 100000 /dev/urandom >plain

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

# --- keys and passphrases -------------------------------------------------

# shellcheck disable=SC2086
with_pass() {
    $enc -pass file:pw -pbkdf2 -in plain -out pass.env
    $enc -d -pass file:pw -pbkdf2 -in pass.env -out out
    cmp plain out
}

# shellcheck disable=SC2086
wrong_pass() {
    fails WRONG_KEY $enc -d -pass file:other.pw -pbkdf2 -in pass.env -out out
    nothing out
}

with_key() {
    seal plain key.env
    open key.env out
    cmp plain out
}

# shellcheck disable=SC2086
wrong_key() {
    fails WRONG_KEY $enc -d -K "$other_k" -in key.env -out out
    nothing out
}

# shellcheck disable=SC2086
short_key() { # DIGITS
    digits=$(echo "$k" | cut -c "1-$1")
    fails SHORT_KEY $enc -K "$digits" -in plain -out out
    nothing out
    fails SHORT_KEY $enc -d -K "$digits" -in key.env -out out
    nothing out
}

two_streams_differ() {
    seal plain one
    seal plain two
    [ "$(size_of one)" -eq "$(size_of two)" ]
    for offset in 32 "$(header_length one)"; do
        ! cmp -s -i "$offset" one two || false
    done
}

t 'a passphrase seals and opens' with_pass
t 'another passphrase does not open' wrong_pass
t 'a key seals and opens' with_key
t 'another key does not open' wrong_key
t 'a -K of 128 bits is refused' short_key 32
t 'a -K of 8 bits is refused' short_key 2
t 'one text never gives one stream twice' two_streams_differ

# --- recipients -----------------------------------------------------------

make_keys() {
    new_each_kind
    new_ec escrow P-384
    new_cert escrow
    new_rsa stranger 2048
}

to_key_and_cert() { # KIND
    seal_to "$1.pem:escrow.crt" plain "$1.env"
    open_with "$1.key" "$1.env" out
    cmp plain out
    open_with escrow.key "$1.env" out
    cmp plain out
}

to_key_alone() { # KIND
    seal_to "$1.pem" plain alone
    open_with "$1.key" alone out
    cmp plain out
    fails NO_MATCH open_with escrow.key alone out
    nothing out
}

to_cert() { # KIND [ARGUMENT-OF-REQ...]
    kind=$1
    shift
    new_cert "$kind" "$@"
    seal_to "$kind.crt" plain cert.env
    open_with "$kind.key" cert.env out
    cmp plain out
    cat "$kind.crt" "$kind.key" >both.pem
    open_with both.pem cert.env out
    cmp plain out
}

no_match() {
    fails NO_MATCH open_with stranger.key rsa2048.env out
    nothing out
    grep -qF 'it has 2 recipients' err
}

not_the_private_key() {
    fails UNREADABLE_KEY open_with rsa2048.pem rsa2048.env out
    nothing out
}

several_identities() {
    open_with stranger.key:x448.key:p256.key p256.env out
    cmp plain out
    open_with "$(printf 'stranger.key\np256.key')" p256.env out
    cmp plain out
    cat stranger.key x448.key p256.key >bunch.key
    open_with bunch.key p256.env out
    cmp plain out
}

several_recipients() {
    cat rsa2048.pem p256.pem >bunch.pem
    seal_to "$(printf 'bunch.pem\nx25519.pem:escrow.crt')" plain many.env
    for name in rsa2048 p256 x25519 escrow; do
        open_with "$name.key" many.env out
        cmp plain out
    done
}

der_and_uri() {
    "$OPENSSL" pkey -pubin -in p256.pem -pubout -outform DER -out p256.der
    "$OPENSSL" pkey -in p256.key -outform DER -out p256key.der
    "$OPENSSL" x509 -in escrow.crt -outform DER -out escrow.der
    seal_to p256.der:escrow.der plain der.env
    open_with p256key.der der.env out
    cmp plain out
    open_with "file:$tests_dir/escrow.key" der.env out
    cmp plain out
    seal_to "file:$tests_dir/p256.pem" plain uri.env
    open_with p256.key uri.env out
    cmp plain out
}

traditional_ec() {
    "$OPENSSL" ecparam -name prime256v1 -genkey -out old.key
    grep -q 'BEGIN EC PARAMETERS' old.key
    "$OPENSSL" pkey -in old.key -pubout -out old.pem
    seal_to old.pem plain old.env
    open_with old.key old.env out
    cmp plain out
}

t 'keys of every kind can be made' make_keys
for kind in $kinds; do
    t "$kind and a certificate: either key opens" to_key_and_cert "$kind"
    t "$kind alone: its key opens, another does not" to_key_alone "$kind"
done
t 'a certificate with an RSA key' to_cert rsa2048
t 'a certificate with an EC key' to_cert p521
t 'a certificate without a key identifier' \
    to_cert p256 -addext subjectKeyIdentifier=none
t 'a stranger is told who can open' no_match
t 'a public key opens nothing' not_the_private_key
t 'lists of identities' several_identities
t 'lists of recipients' several_recipients
t 'DER files and file: URIs' der_and_uri
t 'an EC key after its parameters' traditional_ec

# --- identities under a passphrase ----------------------------------------

# shellcheck disable=SC2086
open_stored() { # IDENTITY PASSPHRASE-FILE
    env ENVELOPE_PASSPHRASE_FILE="$2" ENVELOPE_IDENTITIES="$1" \
        $enc -d -K 0 -in p256.env -out out
}

stored() {
    "$OPENSSL" pkey -in p256.key -aes256 -passout file:pw -out stored.key
    grep -q ENCRYPTED stored.key
    open_stored stored.key pw
    cmp plain out
    printf '%s\r\nsecond line\n' "$(cat pw)" >crlf.pw
    open_stored stored.key crlf.pw
    cmp plain out
}

stored_traditional() {
    "$OPENSSL" pkey -in p256.key -aes256 -passout file:pw -traditional \
        -out proc.key
    grep -q Proc-Type proc.key
    open_stored proc.key pw
    cmp plain out
}

stored_fails() { # REASON IDENTITY [PASSPHRASE-FILE]
    fails "$1" open_stored "$2" "${3-}"
    nothing out
}

pkcs12() { # PASSWORD-ARGUMENT PASSPHRASE-FILE
    "$OPENSSL" pkcs12 -export -inkey escrow.key -in escrow.crt \
        -passout "$1" -out escrow.p12
    open_stored escrow.p12 "$2"
    cmp plain out
}

: >empty
t 'an encrypted identity with its passphrase' stored
t 'an encrypted traditional identity with its passphrase' stored_traditional
t 'an encrypted identity, wrong passphrase' \
    stored_fails WRONG_KEY stored.key other.pw
t 'an encrypted traditional identity, wrong passphrase' \
    stored_fails WRONG_KEY proc.key other.pw
t 'an encrypted identity, no passphrase' \
    stored_fails PASSPHRASE_NEEDED stored.key
t 'an encrypted traditional identity, no passphrase' \
    stored_fails PASSPHRASE_NEEDED proc.key
t 'a passphrase file that is missing' \
    stored_fails UNREADABLE_KEY stored.key missing.pw
t 'a passphrase file that is empty' \
    stored_fails UNREADABLE_KEY stored.key empty
t 'a PKCS#12 identity without a passphrase' pkcs12 pass: ''
t 'a PKCS#12 identity with its passphrase' pkcs12 file:pw pw
t 'a PKCS#12 identity, wrong passphrase' \
    stored_fails WRONG_KEY escrow.p12 other.pw
t 'a PKCS#12 identity, no passphrase' \
    stored_fails PASSPHRASE_NEEDED escrow.p12

# --- sizes, pipes, base64 -------------------------------------------------

right_size() { # LENGTH
    head -c "$1" /dev/urandom >in
    seal in out.env
    want=$(($(header_length out.env) + 56 + $1 + 16 * ($1 / chunk + 1)))
    [ "$(size_of out.env)" -eq "$want" ]
    open out.env out
    cmp in out
    seal_to p256.pem:escrow.crt in out.env
    want=$(($(header_length out.env) + 56 + $1 + 16 * ($1 / chunk + 1)))
    [ "$(size_of out.env)" -eq "$want" ]
    open_with escrow.key out.env out
    cmp in out
}

# shellcheck disable=SC2002,SC2086 # a pipe is what is tested
pipes() {
    cat plain | $enc -K "$k" | $enc -d -K "$k" | cat >out
    cmp plain out
}

# shellcheck disable=SC2086
slow_pipe() {
    { head -c 10 plain; sleep 0.2; tail -c +11 plain; } | $enc -K "$k" \
        | { head -c 40; sleep 0.2; cat; } | $enc -d -K "$k" >out
    cmp plain out
}

buffers() { # SIZE
    head -c 20000 plain >in
    seal in buffers.env -bufsize "$1"
    open buffers.env out -bufsize "$1"
    cmp in out
}

in_base64() { # ARGUMENT...
    seal plain base64.env "$@"
    ! LC_ALL=C grep -q '[^A-Za-z0-9+/=]' base64.env || false
    open base64.env out "$@"
    cmp plain out
}

cms_base64_is_the_same() {
    "$OPENSSL" base64 -d -in base64.env -out unwrapped
    open unwrapped out
    cmp plain out
}

for size in 0 1 16 16383 16384 16385 32768 1048576; do
    t "$size bytes: the size of FORMAT 1, and back" right_size "$size"
done
t 'through pipes' pipes
t 'through pipes that give little at first' slow_pipe
for size in 1 100 4096 16400 1000000; do
    t "in buffers of $size bytes" buffers "$size"
done
t 'in base64 on one line' in_base64 -base64 -A
t 'in base64' in_base64 -base64
t 'the base64 is that of an envelope' cms_base64_is_the_same

# --- openssl.cnf ----------------------------------------------------------

# conf WITH-DEFAULT LINE... - ./openssl.cnf, LINEs in the provider's section
conf() {
    {
        echo 'openssl_conf = init'
        echo '[init]'
        echo 'providers = providers'
        echo '[providers]'
        echo 'envelope = envelope_section'
        [ "$1" = no ] || echo 'default = default_section'
        echo '[default_section]'
        echo 'activate = 1'
        echo '[envelope_section]'
        shift
        printf '%s\n' "$@"
    } >openssl.cnf
}

configured() { # ARGUMENT...
    OPENSSL_CONF=openssl.cnf "$OPENSSL" enc -envelope "$@"
}

from_conf() { # WITH-DEFAULT
    conf "$1" 'activate = 1' 'recipients = p256.pem:escrow.crt' \
        'identities = p256.key' 'threads = 2'
    configured -K 0 -in plain -out conf.env
    open_with escrow.key conf.env out
    cmp plain out
    configured -d -K 0 -in conf.env -out out
    cmp plain out
}

# shellcheck disable=SC2086
conf_with_option() {
    conf no 'recipients = p256.pem' 'identities = p256.key'
    env OPENSSL_CONF=openssl.cnf $enc -K 0 -in plain -out conf.env
    env OPENSSL_CONF=openssl.cnf $enc -d -K 0 -in conf.env -out out
    cmp plain out
}

conf_with_path() {
    conf no 'activate = 1' "module = $OPENSSL_MODULES/envelope.so" \
        'recipients = p256.pem' 'identities = p256.key'
    unset OPENSSL_MODULES
    configured -K 0 -in plain -out conf.env
    configured -d -K 0 -in conf.env -out out
    cmp plain out
}

conf_without_lists() {
    conf yes 'activate = 1'
    configured -K "$k" -in plain -out conf.env
    configured -d -K "$k" -in conf.env -out out
    cmp plain out
    configured -pass file:pw -pbkdf2 -in plain -out conf.env
    configured -d -pass file:pw -pbkdf2 -in conf.env -out out
    cmp plain out
}

conf_passphrase_file() {
    conf yes 'activate = 1' 'identities = stored.key' 'passphrase-file = pw'
    configured -d -K 0 -in p256.env -out out
    cmp plain out
}

environment_wins() {
    conf no 'activate = 1' 'recipients = escrow.crt' \
        'identities = escrow.key'
    ENVELOPE_RECIPIENTS=x448.pem
    export ENVELOPE_RECIPIENTS
    configured -K 0 -in plain -out conf.env
    fails NO_MATCH configured -d -K 0 -in conf.env -out out
    nothing out
    ENVELOPE_IDENTITIES=x448.key
    export ENVELOPE_IDENTITIES
    configured -d -K 0 -in conf.env -out out
    cmp plain out
}

conf_and_key() {
    conf no 'activate = 1' 'recipients = escrow.crt'
    fails AMBIGUOUS_KEY configured -K "$k" -in plain -out out
    nothing out
}

conf_threads() { # VALUE
    conf no 'activate = 1' "threads = $1"
    fails CONFIGURATION configured -K "$k" -in plain -out out
    nothing out
}

t 'openssl.cnf with the default provider' from_conf yes
t 'openssl.cnf without the default provider' from_conf no
t 'openssl.cnf where -provider activates' conf_with_option
t 'openssl.cnf that says where the module is' conf_with_path
t 'openssl.cnf without lists' conf_without_lists
t 'openssl.cnf with a passphrase file' conf_passphrase_file
t 'the environment goes before openssl.cnf' environment_wins
t 'recipients in openssl.cnf and a key are refused' conf_and_key
t 'threads that are no number are refused' conf_threads many
t 'too many threads are refused' conf_threads 65

# --- mistakes -------------------------------------------------------------

# shellcheck disable=SC2086
no_recipient() {
    fails NO_RECIPIENT $enc -K 0 -in plain -out out
    nothing out
    fails NO_RECIPIENT env ENVELOPE_RECIPIENTS= $enc -K 0 -in plain -out out
    nothing out
}

# shellcheck disable=SC2086
no_identity() {
    fails NO_IDENTITY $enc -d -K 0 -in p256.env -out out
    nothing out
}

refused_recipient() { # REASON LIST [TEXT]
    fails "$1" seal_to "$2" plain out
    nothing out
    [ -z "${3-}" ] || grep -qF "$3" err
    # A good recipient beside it changes nothing.
    fails "$1" seal_to "p256.pem:$2" plain out
    nothing out
}

refused_identity() { # REASON LIST
    fails "$1" open_with "$2" p256.env out
    nothing out
}

# shellcheck disable=SC2086
key_and_recipients() {
    fails AMBIGUOUS_KEY \
        env ENVELOPE_RECIPIENTS=p256.pem $enc -K "$k" -in plain -out out
    nothing out
}

# shellcheck disable=SC2086
pass_and_recipients() {
    fails AMBIGUOUS_KEY env ENVELOPE_RECIPIENTS=p256.pem \
        $enc -pass file:pw -pbkdf2 -nosalt -in plain -out out
    nothing out
}

make_bad_keys() {
    new_rsa rsa1024 1024
    new_cert rsa1024
    new_key ed25519 -algorithm ED25519
    new_ec secp256k1 secp256k1
    "$OPENSSL" req -new -key p256.key -subj /CN=late -out late.csr
    # shellcheck disable=SC2046 # words
    "$OPENSSL" x509 -req -in late.csr -signkey p256.key $(ends_in -1) \
        -out late.crt
    head -c 1000 /dev/urandom >garbage
    # The second block: one letter wrong, cut, of an unknown kind
    sed '2s/^..../!!!!/' x25519.pem >bad.pem
    cat rsa2048.pem bad.pem >second-wrong.pem
    { cat rsa2048.pem; sed '$d' x25519.pem; } >second-cut.pem
    { cat rsa2048.pem; sed 's/PUBLIC KEY/CANDY/' x25519.pem; } \
        >second-other.pem
    head -c 1100000 /dev/zero >huge
}

t 'no recipient' no_recipient
t 'no identity' no_identity
t 'a key and recipients together are refused' key_and_recipients
t 'a passphrase and recipients together are refused' pass_and_recipients
t 'bad keys can be made' make_bad_keys
t 'a missing recipient file' \
    refused_recipient UNREADABLE_KEY missing.pem missing.pem
t 'a recipient file of garbage' \
    refused_recipient UNREADABLE_KEY garbage garbage
t 'an empty recipient file' refused_recipient UNREADABLE_KEY empty empty
t 'a directory as recipient' refused_recipient UNREADABLE_KEY .
t 'a huge recipient file' refused_recipient UNREADABLE_KEY huge
t 'an RSA key of 1024 bits' \
    refused_recipient WEAK_KEY rsa1024.pem '1024 bits'
t 'a certificate with an RSA key of 1024 bits' \
    refused_recipient WEAK_KEY rsa1024.crt
t 'an Ed25519 key' refused_recipient UNSUPPORTED_KEY ed25519.pem ED25519
t 'an EC key on secp256k1' \
    refused_recipient UNSUPPORTED_KEY secp256k1.pem secp256k1
t 'a private key as recipient' \
    refused_recipient PRIVATE_KEY p384.key pubout
t 'an encrypted private key as recipient' \
    refused_recipient PRIVATE_KEY stored.key pubout
t 'an expired certificate' \
    refused_recipient CERTIFICATE_TIME late.crt 'has expired'
for file in second-wrong.pem second-cut.pem second-other.pem; do
    t "a damaged second PEM block in a file ($file)" \
        refused_recipient UNREADABLE_KEY "$file"
done
t 'a missing identity file' refused_identity UNREADABLE_KEY missing.key
t 'an identity file of garbage' refused_identity UNREADABLE_KEY garbage
t 'an empty identity file' refused_identity UNREADABLE_KEY empty

# --- too many recipients --------------------------------------------------

# openssl enc has room for 32 bytes beside each 4,096 that it gives, and for
# 2,040 at the end: there the header must have left.
make_large() {
    # From OpenSSL 4.0 on its updates are twice as long, for the same room.
    head -c 64000000 /dev/zero >large
    head -c 4000000 large >larger
}

many_and_little() {
    list=rsa4096.pem:rsa4096.pem:rsa4096.pem:rsa4096.pem
    list=$list:$list
    for in in empty pw plain; do
        fails OUTPUT_ROOM seal_to "$list" $in out
        grep -qF 'use fewer recipients' err
    done
    seal_to "$list" larger out.env
    open_with rsa4096.key out.env out
    cmp larger out
}

more_than_1024() {
    awk '{ text = text $0 "\n" }
        END { for (i = 0; i < 1024; i++) printf "%s", text }' x25519.pem \
        >1024.pem
    seal_to 1024.pem large out.env
    open_with x25519.key out.env out
    cmp large out
    fails TOO_MANY_RECIPIENTS seal_to 1024.pem:p256.pem large out
    nothing out
}

t 'large inputs can be made' make_large
t 'many recipients need some input after them' many_and_little
t '1,024 recipients, and not one more' more_than_1024

# --- damage ---------------------------------------------------------------

# Only what the chunks before number $1 hold has left for sure; of chunk $1,
# at most its text (openssl enc hands chunks out as they come).
left_at_most() { # CHUNK
    sure=$(($1 * chunk))
    got=$(size_of out)
    [ "$got" -ge $((sure - 8192)) ] # what enc had not written yet
    [ "$got" -le $((sure + chunk)) ]
    [ $sure -eq 0 ] || cmp -n "$((got < sure ? got : sure))" plain out
}

flipped_header() { # REASON OFFSET [BITS]
    cp key.env damaged
    flip damaged "$2" "${3-1}"
    fails "$1" open damaged out
    nothing out
}

# Sizes of the key's envelope (FORMAT 1 and 2)
h=$(header_length key.env)
e=$(be32 key.env 16)

flipped_chunk() { # REASON CHUNK OFFSET-IN-CHUNK
    cp key.env damaged
    flip damaged $((h + 56 + $2 * (chunk + 16) + $3))
    fails "$1" open damaged out
    left_at_most "$2"
}

cut_header() { # REASON LENGTH
    head -c "$2" key.env >damaged
    fails "$1" open damaged out
    nothing out
}

cut_chunk() { # REASON CHUNK LENGTH-IN-CHUNK
    head -c $((h + 56 + $2 * (chunk + 16) + $3)) key.env >damaged
    fails "$1" open damaged out
    left_at_most "$2"
}

appended() { # BYTES
    { cat key.env; head -c "$1" /dev/zero; } >damaged
    fails TRAILING_DATA open damaged out
    grep -qF 'the stream of 100000 bytes of text is whole' err
    [ "$(size_of out)" -le $((100000 + chunk)) ]
    cmp -n 100000 plain out
}

swapped() {
    first=$((h + 56)) second=$((h + 56 + chunk + 16))
    {
        head -c $first key.env
        tail -c +$((second + 1)) key.env | head -c $((chunk + 16))
        tail -c +$((first + 1)) key.env | head -c $((chunk + 16))
        tail -c +$((second + chunk + 17)) key.env
    } >damaged
    [ "$(size_of damaged)" -eq "$(size_of key.env)" ]
    fails CHUNK open damaged out
    left_at_most 0
}

not_envelope() { # FILE
    fails NOT_ENVELOPE open "$1" out
    nothing out
    fails NOT_ENVELOPE open_with p256.key "$1" out
    nothing out
}

salted() {
    "$OPENSSL" enc -aes-256-cbc -pbkdf2 -pass file:pw -in plain -out salted
    not_envelope salted
    # With -pass, enc takes the salt away before the cipher sees the rest.
    # shellcheck disable=SC2086
    fails NOT_ENVELOPE $enc -d -pass file:pw -pbkdf2 -in salted -out out
    nothing out
}

t 'a flipped bit: magic' flipped_header NOT_ENVELOPE 3
t 'a flipped bit: version' flipped_header VERSION 8 2
t 'a flipped bit: scheme' flipped_header SCHEME 9 2
t 'a flipped bit: reserved byte' flipped_header HEADER_FIELD 31
t 'a flipped bit: labels length' flipped_header HEADER_TOO_LARGE 12 128
t 'a flipped bit: frame of the key envelope' flipped_header KEY_ENVELOPE 32
t 'a flipped bit: tag of the key envelope' \
    flipped_header KEY_ENVELOPE $((32 + e - 1))
t 'a flipped bit: salt' flipped_header COMMITMENT "$h"
t 'a flipped bit: commitment' flipped_header COMMITMENT $((h + 55))
t 'a flipped bit: first chunk' flipped_chunk CHUNK 0 100
t 'a flipped bit: tag of the first chunk' flipped_chunk CHUNK 0 16390
t 'a flipped bit: a chunk within' flipped_chunk CHUNK 3 16000
t 'a flipped bit: last chunk' flipped_chunk LAST_CHUNK 6 0
t 'two chunks swapped' swapped
t 'cut: nothing is left' cut_header HEADER_TRUNCATED 0
t 'cut: in the magic' cut_header HEADER_TRUNCATED 5
t 'cut: in the prelude' cut_header HEADER_TRUNCATED 31
t 'cut: in the key envelope' cut_header HEADER_TRUNCATED $((h - 1))
t 'cut: before the payload' cut_header TRUNCATED "$h"
t 'cut: in the commitment' cut_header TRUNCATED $((h + 50))
t 'cut: before the first chunk' cut_chunk TRUNCATED 0 0
t 'cut: after a whole chunk' cut_chunk TRUNCATED 2 0
t 'cut: within a tag' cut_chunk TRUNCATED 2 15
t 'cut: within a chunk' cut_chunk LAST_CHUNK 2 5000
t 'cut: one byte' cut_chunk LAST_CHUNK 6 $((100000 - 6 * chunk + 15))
t 'a byte appended' appended 1
t 'more than a chunk appended' appended 20000
echo 'This is no envelope, it is text for people to read.' >text
t 'text is not an envelope' not_envelope text
echo hi >hi
t 'little text is not an envelope' not_envelope hi
t 'a file of openssl enc with another cipher is not an envelope' salted
t 'an envelope in base64 is not an envelope' not_envelope base64.env

# --- readers that go away, disks that are full ----------------------------

ends_badly() { # STATUS
    [ "$1" -ne 0 ]
    [ "$1" -ne 124 ] # timeout(1)
}

# shellcheck disable=SC2086
closed_pipe() { # ARGUMENT...
    {
        status=0
        timeout 60 $enc -K "$k" "$@" || status=$?
        echo $status >status
    } | head -c 1 >first
    [ "$(size_of first)" -eq 1 ]
    ends_badly "$(cat status)"
}

# shellcheck disable=SC2086
full_disk() { # ARGUMENT...
    $enc -K "$k" "$@" >out
    [ -s out ]
    status=0
    timeout 60 $enc -K "$k" "$@" >/dev/full || status=$?
    ends_badly $status
    status=0
    timeout 60 $enc -K "$k" "$@" -out /dev/full || status=$?
    ends_badly $status
}

make_envelopes() {
    seal larger larger.env
    seal hi hi.env
}

t 'large envelopes can be made' make_envelopes
t 'sealing into a closed pipe' closed_pipe -in larger
t 'opening into a closed pipe' closed_pipe -d -in larger.env
if [ -c /dev/full ]; then
    t 'sealing onto a full disk' full_disk -in larger
    t 'sealing a little onto a full disk' full_disk -in hi
    t 'opening onto a full disk' full_disk -d -in larger.env
    t 'opening a little onto a full disk' full_disk -d -in hi.env
else
    for name in 1 2 3 4; do
        skip "full disk $name" 'there is no /dev/full'
    done
fi

# --- one buffer for all ---------------------------------------------------

# PHP's calls, in a program of its own: PHP 8.2 finds only the ciphers that
# libcrypto has by itself.
make_one_shot() {
    "$CC" -o one_shot "$srcdir/test/provider/one_shot.c" -lcrypto
    head -c 1600000 /dev/urandom >fitting
    head -c 2000000 /dev/urandom >unfitting
}

# one_shot VALGRIND-OR-ENV... - "env" runs it as it is
one_shot() {
    for file in empty hi plain fitting; do
        env ENVELOPE_RECIPIENTS=p256.pem "$@" ./one_shot encrypt $file shot.env
        env ENVELOPE_IDENTITIES=p256.key "$@" ./one_shot decrypt shot.env out
        cmp $file out
    done
    rm -f out
    fails OUTPUT_ROOM env ENVELOPE_RECIPIENTS=p256.pem \
        "$@" ./one_shot encrypt unfitting out
    nothing out
}

if [ -n "${ENVELOPE_SANITIZED-}" ]; then
    for name in 1 2 3; do
        skip_allowed "one buffer $name" 'test/provider/test_room has the same'
    done
else
    t 'a program with the calls of PHP can be made' make_one_shot
    t 'one buffer for an update and the final call' one_shot env
    if command -v valgrind >/dev/null 2>&1; then
        # GCM in assembler has it see uninitialised bytes where there are none.
        t 'the same under valgrind' \
            one_shot valgrind -q --error-exitcode=9 --undef-value-errors=no
    else
        skip 'the same under valgrind' 'valgrind is not installed'
    fi
fi

# --- algorithms -----------------------------------------------------------

no_algorithm() { # REASON PROPERTIES
    cat >nowhere.cnf <<CNF
openssl_conf = init
[init]
providers = providers
[providers]
envelope = envelope
[envelope]
activate = 1
properties = $2
CNF
    fails "$1" env OPENSSL_CONF=nowhere.cnf "$OPENSSL" enc -envelope \
        -K "$("$OPENSSL" rand -hex 32)" -in plain -out out
    grep -qF "properties $2;" err ||
        grep -qF "nowhere.cnf: section [envelope]: properties = $2: " err
}

t 'no provider with the name asked for' no_algorithm NO_ALGORITHM \
    provider=nowhere
t 'no provider with the properties asked for' no_algorithm NO_ALGORITHM \
    fips=yes
t 'properties that cannot be read are not ignored' no_algorithm CONFIGURATION \
    'fips=,=yes'
