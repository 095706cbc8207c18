#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What envelope encrypt and rewrap tell of certificates: who was left out, which
# one ends soon, and what is said when nobody is left.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 12

# recipients FILE NUMBER - it is for so many
recipients() {
    [ "$("$envelope" inspect "$1" | grep -c '^recipient:')" -eq "$2" ]
}

# tells LINE... - ./told has these lines and no others
tells() {
    printf '%s\n' "$@" | cmp told -
}

# issue NAME ISSUER EXTENSION - NAME.crt by the key of another certificate
issue() {
    echo "$3" >extensions
    "$OPENSSL" req -new -key "$1.key" -subj "/CN=$1" \
        | "$OPENSSL" x509 -req -CA "$2.crt" -CAkey "$2.key" -CAcreateserial \
            -days 300 -extfile extensions -out "$1.crt"
}

# aged NAME DAYS - NAME.crt, which ends so many days from now
aged() {
    # shellcheck disable=SC2046 # words
    "$OPENSSL" req -new -key "$1.key" -subj "/CN=$1" \
        | "$OPENSSL" x509 -req -signkey "$1.key" $(ends_in "$2") -out "$1.crt"
}

# ends NAME - the day on which NAME.crt ends
ends() {
    "$OPENSSL" x509 -in "$1.crt" -noout -enddate | cut -d= -f2 | awk '{
        months = "JanFebMarAprMayJunJulAugSepOctNovDec"
        printf "%d-%02d-%02d", $4, (index(months, $1) + 2) / 3, $2
    }'
}

make_all() {
    for name in root middle leaf other old older soon; do
        new_ec "$name" P-256
    done
    "$OPENSSL" req -x509 -new -key root.key -subj /CN=root -days 300 \
        -out root.crt
    issue middle root basicConstraints=critical,CA:TRUE
    issue leaf middle 'keyUsage=keyAgreement
subjectKeyIdentifier=hash' # OpenSSL 4.0 adds none by itself
    new_cert other
    aged old -1
    aged older -1
    aged soon 20
    head -c 20000 /dev/urandom >plain
    cat leaf.crt middle.crt root.crt >chain.pem
    cat leaf.crt other.crt >both.pem
    mkdir team
    cp old.crt other.crt team
    echo 'correct horse' >pw
}

chain() {
    "$envelope" encrypt -r chain.pem -o one plain 2>told
    tells "envelope: chain.pem: left out: the certificate of CN=middle has \
issued another one that is there" \
        "envelope: chain.pem: left out: the certificate of CN=root has issued \
another one that is there"
    recipients one 1
    "$envelope" -d -i leaf.key one | cmp plain -
    exits 3 "$envelope" -d -i middle.key one
    exits 3 "$envelope" -d -i root.key one
    # The usage is another matter.
    "$envelope" encrypt --allow-usage -v -r chain.pem -o one -f plain 2>told
    [ "$(grep -c 'left out' told)" -eq 2 ]
    grep -qx 'envelope: 1 key of chain.pem' told
    recipients one 1
}

unrelated() {
    "$envelope" encrypt -v -r both.pem -o two plain 2>told
    tells 'envelope: 2 keys of both.pem'
    recipients two 2
}

# Two certificates of one key have signed each other.
renewed() {
    new_cert other -set_serial 77
    cat other.crt team/other.crt >renewed.pem
    "$envelope" encrypt -v -r renewed.pem -o renewed plain 2>told
    tells 'envelope: 2 keys of renewed.pem'
    # So do strangers of one name.
    "$OPENSSL" req -x509 -new -key leaf.key -subj /CN=other -days 300 \
        -addext basicConstraints=critical,CA:FALSE | cat - other.crt >names.pem
    "$envelope" encrypt -v -r names.pem -o renewed -f plain 2>told
    tells 'envelope: 2 keys of names.pem'
}

authority() {
    exits 1 "$envelope" encrypt -r root.crt -o ca plain
    grep -q 'root.crt: the certificate of CN=root is a CA' err
    grep -q allow-usage err
    [ ! -e ca ]
    exits 0 "$envelope" encrypt --allow-usage -r root.crt -o ca plain
    "$envelope" -d -i root.key ca | cmp plain -
}

skipped() {
    exits 1 "$envelope" encrypt -R team -o some plain
    grep -q 'team/old.crt: the certificate of CN=old has expired' err
    grep -q skip-expired err
    [ ! -e some ]
    "$envelope" encrypt --skip-expired -R team -o some plain 2>told
    tells 'envelope: team/old.crt: left out: the certificate of CN=old has expired'
    recipients some 1
    "$envelope" -d -i other.key some | cmp plain -
    "$envelope" encrypt -v --skip-expired -R team -o some -f plain 2>told
    tells 'envelope: 0 keys of team/old.crt' 'envelope: 1 key of team/other.crt' \
        'envelope: team/old.crt: left out: the certificate of CN=old has expired'
}

nobody() {
    exits 1 "$envelope" encrypt --skip-expired -r old.crt -r older.crt \
        -o none plain
    grep -q 'older.crt: the certificate of CN=older has expired; with what is' err
    [ ! -e none ]
    exits 2 "$envelope" encrypt --skip-expired --allow-expired -r other.crt \
        -o none plain
    [ ! -e none ]
    "$envelope" encrypt --skip-expired -r old.crt --passphrase-file pw \
        --work-factor 14 -o none plain 2>told
    [ "$(grep -c 'left out' told)" -eq 1 ]
    recipients none 1
}

hint() {
    "$envelope" encrypt -r soon.crt -r other.crt -o late plain 2>told
    tells "hint: soon.crt: the certificate ends on $(ends soon)"
    aged soon 29
    "$envelope" encrypt -r soon.crt -o late -f plain 2>told
    tells "hint: soon.crt: the certificate ends on $(ends soon)"
    aged soon 31
    "$envelope" encrypt -r soon.crt -o late -f plain 2>told
    nothing told
    aged old 5
    aged soon 20
    "$envelope" encrypt -r soon.crt -r old.crt -r soon.crt -o late -f plain 2>told
    tells "hint: old.crt: the certificate ends on $(ends old)"
    aged old -1
    "$envelope" encrypt --allow-expired -r old.crt -o late -f plain 2>told
    nothing told
    exits 2 "$envelope" encrypt -r soon.crt -o late plain
    ! grep -q ends err || false
}

rewrapped() {
    "$envelope" encrypt -r leaf.pem --reserve 4000 -o f plain
    cp f g
    "$envelope" rewrap -i leaf.key --add -r chain.pem f >out 2>told
    [ "$(grep -c 'left out' told)" -eq 2 ]
    recipients f 2
    exits 1 "$envelope" rewrap -i leaf.key -R team f
    grep -q 'team/old.crt' err
    exits 1 "$envelope" rewrap -i leaf.key -r root.crt f
    grep -q "is a CA's" err
    exits 1 "$envelope" rewrap -i leaf.key --skip-expired -r old.crt f
    grep -q 'no recipient' err
    "$envelope" rewrap -v -i leaf.key --replace-all --skip-expired -R team f >out 2>told
    tells 'envelope: 0 keys of team/old.crt' 'envelope: 1 key of team/other.crt' \
        'envelope: team/old.crt: left out: the certificate of CN=old has expired'
    recipients f 1
    "$envelope" rewrap -i other.key --allow-usage -r root.crt f
    "$envelope" -d -i root.key f | cmp plain -
    cp g f
    "$envelope" rewrap -i leaf.key -r soon.crt f g >out 2>told
    tells "hint: soon.crt: the certificate ends on $(ends soon)"
    # One hint: that of the failure.
    "$envelope" -r team/other.crt plain >foreign
    exits 3 "$envelope" rewrap -i leaf.key -r soon.crt foreign
    ! grep -q ends err || false
}

# A name that somebody else has made up.
strange() {
    # shellcheck disable=SC2046 # words
    "$OPENSSL" req -new -key old.key -utf8 \
        -subj "$(printf '/CN=o\033[2Jld/O=\303\244\n%s' x)" \
        | "$OPENSSL" x509 -req -signkey old.key $(ends_in -1) \
            -out strange.crt
    exits 1 "$envelope" encrypt -r strange.crt -o none -f plain
    exits 0 "$envelope" encrypt --skip-expired -r strange.crt -r other.crt \
        -o none -f plain
    grep -q 'strange.crt: left out: the certificate of ' err
    # shellcheck disable=SC2046 # words
    "$OPENSSL" req -new -key old.key \
        -subj "/$(printf 'O=%060d/OU=%060d/CN=%060d' 1 2 3)" \
        | "$OPENSSL" x509 -req -signkey old.key $(ends_in -1) \
            -out strange.crt
    exits 1 "$envelope" encrypt -r strange.crt -o none -f plain
    grep -q 'has expired' err
}

# A smart card may be there for one that only signs, too.
pair() {
    echo keyUsage=digitalSignature >extensions
    "$OPENSSL" req -new -key other.key -subj /CN=signs \
        | "$OPENSSL" x509 -req -signkey other.key -days 300 \
            -extfile extensions -out signs.crt
    exits 1 "$envelope" encrypt -r signs.crt -o signed plain
    grep -q 'CN=signs has a keyUsage without keyAgreement' err
    "$envelope" encrypt -r signs.crt --allow-usage -o signed plain
    "$envelope" -d -i other.key signed | cmp plain -
}

# configured SETTING... - $OPENSSL_CONF has these for the provider
configured() {
    {
        printf '%s\n' 'openssl_conf = init' '[init]' 'providers = list' \
            '[list]' 'default = default_section' 'envelope = ours' \
            '[default_section]' 'activate = 1' '[ours]' 'activate = 1'
        printf '%s\n' "$@"
    } >openssl.cnf
    OPENSSL_CONF=openssl.cnf
    export OPENSSL_CONF
}

# leaves_out COMMAND... - it writes ./set for other.crt of the team alone
leaves_out() {
    rm -f set
    "$@" 2>told
    recipients set 1
    "$envelope" -d -i other.key set | cmp plain -
}

# What openssl.cnf says of them holds for every program.
settings() {
    seal="$OPENSSL enc -envelope -K 0 -in plain -out set"
    configured 'allow-usage = 1' 'recipients = root.crt'
    $seal
    "$envelope" -d -i root.key set | cmp plain -
    "$envelope" encrypt -r root.crt -o set -f plain
    "$envelope" rewrap -i root.key -r middle.crt set
    configured 'recipients = root.crt' 'allow-usage = 0'
    fails CERTIFICATE_USAGE $seal
    exits 1 "$envelope" encrypt -o set -f plain
    exits 0 "$envelope" encrypt --allow-usage -o set -f plain

    configured 'skip-expired = 1' 'recipients = team'
    leaves_out $seal
    leaves_out "$envelope" encrypt -o set plain
    tells 'envelope: team/old.crt: left out: the certificate of CN=old has expired'
    cp set f
    leaves_out sh -c "'$envelope' rewrap -i other.key -R team -o set f"
    "$envelope" encrypt --allow-expired -R team -o set -f plain
    recipients set 2
    configured 'allow-expired = 1' 'recipients = team'
    $seal
    recipients set 2
    leaves_out "$envelope" encrypt --skip-expired -o set plain
}

t 'keys and certificates can be made' make_all
t 'of a chain the leaf is taken, and the others are named' chain
t 'certificates that have nothing to do with each other' unrelated
t 'a renewed certificate, and one of the same name' renewed
t 'the certificate of a CA' authority
t 'one that has expired can be left out, and is named' skipped
t 'but not all that there are' nobody
t 'one that ends soon is worth one hint' hint
t 'rewrap says the same' rewrapped
t 'names that could harm a terminal, and long ones' strange
t 'a certificate that only signs' pair
t 'what openssl.cnf says of certificates' settings
