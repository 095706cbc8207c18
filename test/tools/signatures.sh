#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Who made it: what a trusted key signed is read in every way, and what it did not
# sign is not, before a key is used.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 20
. "$srcdir/test/tools/command_support.sh"

# Signers: host (Ed25519), fake (Ed25519, of somebody else)
make_more() {
    make_all
    new_key host -algorithm ED25519
    new_key fake -algorithm ED25519
    for carrier in raw tar xbstream; do
        "$envelope" -r ops.pem -s host.key --carrier $carrier \
            --piece-size 65536 --label host=db1 -o e.$carrier plain
    done
    "$envelope" -r ops.pem --carrier raw --label host=db1 -o unsigned plain
    "$envelope" -r ops.pem -s fake.key --carrier raw -o faked plain
}
set_up make_more

# spoil FILE COPY - the last byte of the value of the first signature is another
spoil() {
    cp "$1" "$2"
    flip "$2" $((32 + $(be32 "$2" 12) + $(be32 "$2" 24) - 1))
}

# each_reader STATUS FILE - all ways to read, with --signed-by host.pem
each_reader() {
    want=$1 stored=$2
    rm -f out
    exits "$want" "$envelope" decrypt -i ops.key --signed-by host.pem \
        -o out "$stored"
    [ "$want" -eq 0 ] || [ ! -e out ]
    for how in --range=0:100 --salvage --part=1/2; do
        exits "$want" "$envelope" decrypt -i ops.key --signed-by host.pem \
            "$how" "$stored" >out
        [ "$want" -eq 0 ] || nothing out
        rm -f out
    done
    "$envelope" decrypt -i ops.key --signed-by host.pem <"$stored" >out 2>err ||
        [ $? -eq "$want" ]
    [ "$want" -eq 0 ] || nothing out
    rm -f out
    for how in --quiet --header --keep-going --part=2/2; do
        exits "$want" "$envelope" verify -i ops.key --signed-by host.pem \
            "$how" "$stored" >said
    done
    exits "$want" "$envelope" inspect --signed-by host.pem "$stored" >said
    cp "$stored" copy
    exits "$want" "$envelope" rewrap -i ops.key -r other.pem \
        --signed-by host.pem copy >said
    [ "$want" -eq 0 ] || cmp "$stored" copy
}

trusted_is_read() {
    for carrier in raw tar xbstream; do
        each_reader 0 e.$carrier
    done
}

unsigned_is_not() {
    each_reader 4 unsigned
    says_that 'copy: envelope is not signed: it has no signature'
}

others_are_not() {
    each_reader 4 faked
    id=$("$envelope" fingerprint fake.pem | cut -c1-40)
    says_that "copy: envelope is signed by others: .* identifier $id, which"
}

wrong_is_not() {
    spoil e.raw spoiled
    each_reader 5 spoiled
    says_that 'copy: signature is wrong: .*with the key of host.pem is not'
}

altered_labels() {
    sed 's/host=db1/host=db2/' e.raw >altered
    each_reader 5 altered
}

# Not even a key that is not there, or one that would ask, is looked at.
before_any_key() {
    mkfifo fifo
    for identity in nowhere fifo; do
        exits 4 timeout 10 "$envelope" decrypt -i $identity \
            --signed-by fake.pem e.raw >out
        nothing out
    done
    "$envelope" -p -r ops.pem -s fake.key --carrier raw \
        --passphrase-file pw --work-factor 20 -o slow plain ||
        "$envelope" -r ops.pem -s fake.key --carrier raw \
            --passphrase-file pw --work-factor 20 -o slow plain
    exits 4 timeout 1 "$envelope" decrypt --passphrase-file pw \
        --signed-by host.pem slow >out
    nothing out
}

# The bytes of the signatures stay the same.
signed_part() {
    tail -c +$((33 + $(be32 "$1" 12))) "$1" | head -c "$(be32 "$1" 24)"
}

rewrap_keeps() {
    signed_part e.raw >before
    [ -s before ]
    cp e.raw moved
    "$envelope" rewrap -i ops.key -r other.pem --signed-by host.pem moved
    signed_part moved | cmp before
    "$envelope" rewrap -i other.key -r ops.pem -r ec.pem -o again moved
    signed_part again | cmp before
    "$envelope" decrypt -i ec.key --signed-by host.pem again | cmp plain -
    "$envelope" rewrap -i ops.key --add -r other.pem -o larger e.tar
    "$envelope" decrypt -i other.key --signed-by host.pem larger | cmp plain -
}

repacked() {
    mkdir unpacked
    tar -xf e.tar -C unpacked
    (cd unpacked && tar -cf ../repacked.tar envelope/header envelope/key.p7m \
        envelope/payload.*)
    "$envelope" decrypt -i ops.key --signed-by host.pem repacked.tar |
        cmp plain -
    size=$(stat -c %s unpacked/envelope/header)
    [ "$size" -eq $((32 + $(be32 unpacked/envelope/header 12) + \
        $(be32 unpacked/envelope/header 24))) ]
}

many() {
    set --
    for i in 1 2 3 4 5 6 7 8 9; do
        new_key signer$i -algorithm ED25519
        [ $i -eq 9 ] || set -- "$@" -s signer$i.key
    done
    "$envelope" -r ops.pem "$@" -s signer1.key -o eight plain
    "$envelope" inspect eight >said
    [ "$(grep -c '^signer:  *Ed25519; signature: unchecked$' said)" -eq 8 ]
    "$envelope" decrypt -i ops.key --signed-by host.pem \
        --signed-by signer8.pem eight | cmp plain -
    exits 1 "$envelope" -r ops.pem "$@" -s signer9.key -o nine plain
    says_that 'signer9.key: there are at most 8 keys that sign'
    [ ! -e nine ]
}

cannot_sign() {
    exits 1 "$envelope" -r ops.pem -s other.key -o none plain
    says_that 'other.key: type X25519; Ed25519, .* keys can sign'
    exits 1 "$envelope" -r ops.pem -s host.pem -o none plain
    says_that 'host.pem holds no private key'
    exits 1 "$envelope" -r ops.pem -s nowhere -o none plain
    exits 3 "$envelope" decrypt -i ops.key --signed-by other.pem e.raw >out
    says_that 'other.pem: type X25519'
    exits 3 "$envelope" decrypt -i ops.key --signed-by host.key e.raw >out
    says_that 'private key in place of a public one: host.key: to trust a'
    [ ! -e none ]
    nothing out
}

# The passphrase of a recipient does not open the key that signs.
stored() {
    "$OPENSSL" pkey -in host.key -aes256 -passout file:pw -out stored.key
    exits 1 "$envelope" -r ops.pem --passphrase-file pw --work-factor 14 \
        -s stored.key -o none plain
    says_that 'stored.key is stored encrypted, and no passphrase was given'
    [ ! -e none ]
}

# What signs must not be what is encrypted, nor what is written.
in_use() {
    exits 2 "$envelope" -r ops.pem -s host.key -o none host.key
    cp host.key mine.key
    exits 2 "$envelope" -r ops.pem -s mine.key -f -o mine.key plain
    cmp host.key mine.key
    exits 2 "$envelope" decrypt -i ops.key --signed-by host.pem -f \
        -o host.pem e.raw
    [ ! -e none ]
}

# Of a chain the leaf is trusted, and nobody else.
certificates() {
    new_ec leaf P-256
    new_ec ca P-384
    "$OPENSSL" req -x509 -new -key ca.key -subj /CN=ca -days 1 -out ca.crt
    "$OPENSSL" req -new -key leaf.key -subj /CN=leaf -out leaf.csr
    "$OPENSSL" x509 -req -in leaf.csr -CA ca.crt -CAkey ca.key -days 1 \
        -CAcreateserial -out leaf.crt
    cat leaf.crt ca.crt >chain.crt
    "$envelope" -r ops.pem -s leaf.key -o by-leaf plain
    "$envelope" -r ops.pem -s ca.key -o by-ca plain
    "$envelope" decrypt -i ops.key --signed-by chain.crt by-leaf | cmp plain -
    "$envelope" decrypt -i ops.key --signed-by ca.crt by-ca | cmp plain -
    exits 4 "$envelope" decrypt -i ops.key --signed-by chain.crt by-ca >out
    exits 4 "$envelope" decrypt -i ops.key --signed-by ca.crt by-leaf >out
    nothing out
}

openssh() {
    need ssh-keygen
    for type in ed25519 ecdsa rsa; do
        ssh-keygen -q -t $type -N '' -C '' -f ssh_$type
        "$envelope" -r ops.pem -s ssh_$type -f -o by-ssh plain
        "$envelope" decrypt -i ops.key --signed-by ssh_$type.pub by-ssh |
            cmp plain -
    done
    exits 3 "$envelope" decrypt -i ssh_ed25519 by-ssh >out
    says_that 'ssh_ed25519, line 1: a key of type ED25519 can only sign'
    ssh-keygen -q -t ed25519 -N secret -C '' -f locked
    exits 1 "$envelope" -r ops.pem -s locked -o none plain
    says_that 'locked, line 1: an OpenSSH private key under a passphrase'
}

known_hosts() {
    need ssh-keygen
    ssh-keygen -q -t ed25519 -N '' -C '' -f db1
    ssh-keygen -q -t ed25519 -N '' -C '' -f db2
    {
        echo '# who is who'
        echo "db1.example.org,10.0.0.1 $(cat db1.pub)"
        echo "[db1.example.org]:2222 $(cat db2.pub)"
        echo "*.east.org,!bad.east.org $(cat db1.pub)"
        echo "@cert-authority *.west.org $(cat db1.pub)"
        echo "broken.org ssh-ed25519 AAAA"
    } >known
    cp known hashed
    sed -i /broken/d hashed
    ssh-keygen -q -H -f hashed 2>err
    "$envelope" -r ops.pem -s db1 -o by-db1 plain
    while read -r status host file; do
        exits "$status" "$envelope" decrypt -i ops.key \
            --signed-by "known_hosts:$host@$file" by-db1 >out
        [ "$status" -ne 0 ] || cmp plain out
        [ "$status" -eq 0 ] || nothing out
    done <<LIST
0 db1.example.org known
0 DB1.Example.org known
0 10.0.0.1 known
4 [db1.example.org]:2222 known
0 a.east.org known
3 bad.east.org known
3 east.org known
3 x.west.org known
3 broken.org known
3 db1 known
3 * known
3 db1.example.org,10.0.0.1 known
3 db1.example.org nowhere
0 db1.example.org hashed
4 [db1.example.org]:2222 hashed
3 db1.example.or hashed
LIST
}

revoked() {
    need ssh-keygen
    for line in "@revoked db1.example.org $(cat db1.pub)" \
        "@revoked * $(cut -d' ' -f1,2 db1.pub)"; do
        { cat known && echo "$line"; } >after
        exits 3 "$envelope" decrypt -i ops.key \
            --signed-by known_hosts:db1.example.org@after by-db1 >out
        says_that 'after: the keys of host db1.example.org are revoked'
        nothing out
    done
    { cat known && echo "@revoked db1.example.org $(cat db2.pub)"; } >after
    "$envelope" decrypt -i ops.key \
        --signed-by known_hosts:db1.example.org@after by-db1 | cmp plain -
}

# An option counts, else the environment, else openssl.cnf.
said_elsewhere() {
    cat >host.cnf <<LIST
openssl_conf = init
[init]
providers = providers
[providers]
default = default_section
envelope = envelope_section
[default_section]
activate = 1
[envelope_section]
activate = 1
signed-by = $PWD/fake.pem
signers = $PWD/fake.key
LIST
    OPENSSL_CONF=host.cnf exits 4 "$envelope" decrypt -i ops.key e.raw >out
    nothing out
    OPENSSL_CONF=host.cnf ENVELOPE_SIGNED_BY=host.pem \
        "$envelope" decrypt -i ops.key e.raw | cmp plain -
    OPENSSL_CONF=host.cnf "$envelope" decrypt -i ops.key \
        --signed-by host.pem e.raw | cmp plain -
    OPENSSL_CONF=host.cnf "$envelope" -r ops.pem -f -o made plain
    "$envelope" decrypt -i ops.key --signed-by fake.pem made | cmp plain -
    OPENSSL_CONF=host.cnf ENVELOPE_SIGNERS=host.key \
        "$envelope" -r ops.pem -f -o made plain
    "$envelope" decrypt -i ops.key --signed-by host.pem made | cmp plain -
    ENVELOPE_SIGNED_BY=nowhere exits 3 "$envelope" decrypt -i ops.key \
        e.raw >out
    nothing out
}

inspected() {
    spoil e.raw spoiled
    "$envelope" inspect --json e.raw >json
    id=$("$envelope" fingerprint host.pem | cut -c1-40)
    one="\"signers\":\[{\"algorithm\":\"Ed25519\",\"id\":\"$id\",\"signature\":"
    grep -q "$one\"unchecked\"}\]" json
    "$envelope" inspect --json --signed-by host.pem e.raw >json
    grep -q "$one\"good\"}\]" json
    exits 5 "$envelope" inspect --json --signed-by host.pem spoiled >json
    grep -q "$one\"wrong\"}\]" json
    grep -q '"status":"damaged","reason":56,"error":' json
    exits 4 "$envelope" inspect --json --signed-by fake.pem e.raw >json
    grep -q "$one\"untrusted\"}\]" json
    grep -q '"status":"failed","reason":55,"error":' json
    "$envelope" inspect --json unsigned >json
    grep -q '"signers":\[\]' json
    exits 5 "$envelope" inspect --signed-by host.pem spoiled >said
    grep -q '^signer:  *Ed25519; signature: wrong$' said
}

made_by_keygen() {
    for type in ed25519 ed448 p256 rsa3072; do
        "$envelope" keygen -t $type -f -o made.key >said
        "$envelope" -r ops.pem -s made.key -f -o made plain
        "$envelope" decrypt -i ops.key --signed-by made.pub made | cmp plain -
    done
    exits 1 "$envelope" -r made.pub -s made.key -s nowhere -f -o none plain
    "$envelope" keygen -t ed25519 -f -o made.key >said
    exits 1 "$envelope" -r made.pub -o none plain
    says_that 'made.pub: a key of type ED25519 can only sign'
}

# A signature that is cut off leaves an envelope that is not signed.
taken_off() {
    size=$(be32 e.raw 24) labels=$(be32 e.raw 12)
    {
        head -c 20 e.raw
        printf '%08x00000000' $(($(be32 e.raw 20) - size)) | unhex
        head -c 32 e.raw | tail -c 4
        tail -c +33 e.raw | head -c "$labels"
        tail -c +$((33 + labels + size)) e.raw
    } >bare
    "$envelope" decrypt -i ops.key bare | cmp plain -
    exits 4 "$envelope" decrypt -i ops.key --signed-by host.pem bare >out
    nothing out
}

unhex() {
    "$PYTHON" -c 'import sys
sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read()))'
}

t 'what a trusted key signed, in every carrier, by every reader' trusted_is_read
t 'what nobody signed' unsigned_is_not
t 'what others signed' others_are_not
t 'a signature that is wrong' wrong_is_not
t 'labels that were altered' altered_labels
t 'no key is used before the signature was checked' before_any_key
t 'a rewrap keeps the signatures' rewrap_keeps
t 'a carrier that tar packed again' repacked
t 'eight signers, one of them twice, and no ninth' many
t 'keys that cannot sign' cannot_sign
t 'a key under a passphrase' stored
t 'a key that is the input or the output' in_use
t 'certificates, and a chain' certificates
t "OpenSSH's keys" openssh
t "a host's keys in known_hosts" known_hosts
t 'revoked keys' revoked
t 'what the environment and openssl.cnf say' said_elsewhere
t 'inspect shows who claims to have signed' inspected
t 'keys that keygen made' made_by_keygen
t 'a signature that was taken off' taken_off
