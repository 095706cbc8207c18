#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Key services through all faces, with a module that stands in for them: what
# the command says, what inspect shows, and rewrapping with and without them.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 25
provider
need "$PYTHON" bsdtar

ENVELOPE_KMS_MODULES=$top_builddir/test/kms/.libs
export ENVELOPE_KMS_MODULES
a=execkms://fake/a b=execkms://fake/b

# json EXPRESSION - is it true of the recipients of ./out, as r?
json() {
    "$PYTHON" -c 'import json, sys
r = json.loads(open("out").read())["recipients"]
assert eval(sys.argv[1]), (sys.argv[1], r)' "$1"
}

make_all() {
    new_key ops -algorithm X25519
    new_key other -algorithm X25519
    steady_text 300000 >plain
    echo secret >pw
    "$envelope" -r $a --label host=db1 plain >one.env
    "$envelope" -r $a -r ops.pem -r $b --passphrase-file pw \
        --label host=db1 plain >many.env
}

opens() { # FILE OPTION...
    opens_file=$1
    shift
    "$envelope" -d "$@" <"$opens_file" | cmp plain -
}

shut() { # STATUS FILE OPTION...
    shut_status=$1 shut_file=$2
    shift 2
    exits "$shut_status" "$envelope" -d "$@" <"$shut_file" >out
    nothing out
}

each_of_many_opens() {
    opens many.env -i $a
    opens many.env -i $b
    opens many.env -i ops.key
    opens many.env --passphrase-file pw
    opens many.env -i other.key -i execkms://fake/x -i $b
}

verifies() {
    "$envelope" verify -i $a one.env many.env
    "$envelope" verify --header -i $b many.env
}

a_range() {
    "$envelope" decrypt -i $a --range 100000:5 one.env >out
    tail -c +100001 plain | head -c 5 | cmp - out
}

stock_openssl() {
    seal_to $a plain enc.env
    open_with $a enc.env back
    cmp plain back
    opens enc.env -i $a
    open_with $a one.env back
    cmp plain back
    fails NO_MATCH open_with $b one.env back
    fails KEY_SERVICE open_with "$a?fail=down" one.env back
}

openssl_cnf() {
    cat >cnf <<CNF
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
recipients = $a
identities = $a
CNF
    OPENSSL_CONF=cnf "$OPENSSL" enc -envelope -K 0 -in plain -out cnf.env
    OPENSSL_CONF=cnf "$OPENSSL" enc -d -envelope -K 0 -in cnf.env | cmp plain -
}

archives() {
    "$top_builddir/examples/archiver" $a made.tar.zst plain
    mkdir x
    (cd x && "$top_builddir/examples/extractor" $a ../made.tar.zst)
    cmp plain x/plain
}

inspect_shows_it() {
    # Not even the module is needed.
    ENVELOPE_KMS_MODULES=/nowhere "$envelope" inspect many.env >out
    grep -q '^recipient:  *key service execkms; .* with the labels, AES-256' out
    grep -qx '  *fake/a' out
    ENVELOPE_KMS_MODULES=/nowhere "$envelope" inspect --json many.env >out
    json 'sorted(x["key"] for x in r if x["type"] == "kms") \
        == ["fake/a", "fake/b"]'
    json 'all(x["service"] == "execkms" and x["known"] and len(x["id"]) == 40 \
        for x in r if x["type"] == "kms")'
    json 'all("key" not in x for x in r if x["type"] != "kms")'
}

the_identifier() { # FORMAT 5.1
    "$envelope" inspect --json one.env >out
    want=$(printf 'execkms:fake/a' | "$OPENSSL" dgst -sha256 \
        | sed 's/.*= *//' | cut -c 1-40)
    json "r[0]['id'] == '$want'"
}

nobody_is_named() {
    shut 3 one.env -i $b
    grep -q 'execkms fake/a' err
    shut 3 one.env -i ops.key
    grep -q 'execkms fake/a' err
}

it_fails() {
    shut 1 one.env -i "$a?fail=down"
    grep -q 'key service failed' err
    shut 3 one.env -i "$a?fail=refused"
    shut 3 one.env -i "$a?fail=credentials"
    shut 5 one.env -i "$a?fail=other"
    for how in down refused credentials name blob; do
        exits 1 "$envelope" -r "$a?fail=$how" -o new plain
        [ ! -e new ]
    done
}

a_bad_uri() {
    shut 3 one.env -i execkms://real/a
    exits 1 "$envelope" -r execkms://real/a -o new plain
    [ ! -e new ]
    # It is not a file either.
    exits 1 "$envelope" -r vault:x -o new plain
    grep -q 'not a fake' err
}

no_module() {
    ENVELOPE_KMS_MODULES=/nowhere
    shut 1 one.env -i $a
    grep -q 'key services are not installed: /nowhere/envelope-kms.so' err
    grep -q '^hint: .*ENVELOPE_KMS_MODULES' err
    exits 1 "$envelope" -r $a -o new plain
    exits 1 "$envelope" rewrap -i $a -r ops.pem one.env
    opens many.env -i ops.key
    # One that is there and cannot be loaded is not missing.
    mkdir -p modules
    echo 'no module' >modules/envelope-kms.so
    ENVELOPE_KMS_MODULES=$PWD/modules
    shut 1 one.env -i $a
    grep -q "envelope-kms.so: file too short\|invalid ELF header" err
    ! grep -q 'not installed' err || false
    # Empty is the same as none: the place where it is installed, if it is.  That
    # one knows nothing of this key.
    ENVELOPE_KMS_MODULES=
    status=0
    "$envelope" -d -i $a one.env >out 2>err || status=$?
    [ $status -eq 1 ] || [ $status -eq 3 ]
    nothing out
    ! grep -q ' /envelope-kms.so' err || false
}

fingerprint_says_why() {
    exits 1 "$envelope" fingerprint $a
    grep -q 'only the service knows' err
}

# --- rewrap ---------------------------------------------------------------

payload() {
    tail -c +$(($(header_length "$1") + 1)) "$1"
}

to_another_service() {
    cp one.env file
    "$envelope" rewrap -i $a -r $b file
    opens file -i $b
    shut 3 file -i $a
    payload one.env >want
    payload file | cmp want -
}

from_and_to_a_key() {
    cp one.env file
    "$envelope" rewrap -i $a -r ops.pem file
    opens file -i ops.key
    shut 3 file -i $a
    "$envelope" rewrap -i ops.key -r $b file
    opens file -i $b
}

add_and_remove() {
    cp one.env file
    "$envelope" rewrap -i $a --add -r ops.pem -r $b file
    opens file -i $a
    opens file -i $b
    opens file -i ops.key
    "$envelope" inspect --json file >out
    id=$("$PYTHON" -c 'import json
print([x["id"] for x in json.load(open("out"))["recipients"]
       if x.get("key") == "fake/a"][0])')
    "$envelope" rewrap -i ops.key --remove "$id" file
    shut 3 file -i $a
    opens file -i $b
}

# Who is to be added may fail, too: then it is not the key that is missing.
a_new_one_fails() {
    cp one.env file
    for how in down refused credentials name blob; do
        exits 1 "$envelope" rewrap -i $a -r "$b?fail=$how" file
        exits 1 "$envelope" rewrap -i $a --add -r "$b?fail=$how" file
    done
    exits 3 "$envelope" rewrap -i "$a?fail=refused" -r $b file
    exits 3 "$envelope" rewrap -i "$a?fail=refused" --add -r $b file
    cmp one.env file
}

by_service() {
    cp many.env file
    "$envelope" rewrap --by-service -i $a -r execkms://fake/next file >told
    grep -qx 'file: rewrapped for 4 recipients' told
    shut 3 file -i $a
    opens file -i execkms://fake/next
    opens file -i $b
    opens file -i ops.key
    opens file --passphrase-file pw
    payload many.env >want
    payload file | cmp want -
    "$envelope" inspect --json file >out
    want=$(printf 'execkms:fake/next' | "$OPENSSL" dgst -sha256 \
        | sed 's/.*= *//' | cut -c 1-40)
    json "'$want' in [x['id'] for x in r]"
}

by_service_for_the_same_key() {
    cp one.env file
    "$envelope" rewrap --by-service -i $a file
    opens file -i $a
    "$envelope" rewrap --by-service -i $a -o new one.env
    opens new -i $a
    "$envelope" -r $a --carrier tar plain >tarred
    "$envelope" rewrap --by-service -i $a -r $b tarred
    opens tarred -i $b
}

by_service_refuses() {
    cp one.env file
    exits 3 "$envelope" rewrap --by-service -i $b file
    exits 1 "$envelope" rewrap --by-service -i "$a?fail=down" file
    exits 3 "$envelope" rewrap --by-service -i "$a?fail=refused" file
    exits 2 "$envelope" rewrap --by-service -i ops.key file
    exits 2 "$envelope" rewrap --by-service -i $a -r ops.pem file
    exits 2 "$envelope" rewrap --by-service -i $a -r $a -r $b file
    exits 2 "$envelope" rewrap --by-service -i $a --add -r $b file
    exits 2 "$envelope" rewrap --by-service -i $a --remove 00112233 file
    exits 2 "$envelope" rewrap --by-service -i $a --replace-all -r $b file
    cmp one.env file
}

ten_at_most() {
    set --
    for i in 1 2 3 4 5 6 7 8 9 10 11; do
        set -- "$@" -r $a
    done
    "$envelope" "$@" plain >eleven
    opens eleven -i $a
    cp eleven file
    exits 1 "$envelope" rewrap --by-service -i $a file
    cmp eleven file
}

# An instrumented library needs more to be preloaded: launchers.sh does that.
bsdtar_door() {
    [ -z "${ENVELOPE_SANITIZED-}" ] || return 0
    ENVELOPE_PRELOAD=$top_builddir/.libs/envelope-preload.so
    export ENVELOPE_PRELOAD
    "$top_builddir/bsdtar-envelope" --add-filter envelope \
        --options "envelope:recipient=$a" -cf made.tar plain
    mkdir y
    "$top_builddir/bsdtar-envelope" --options "envelope:identity=$a" \
        -xf made.tar -C y
    cmp plain y/plain
}

# A URI may have names in its query that are nobody's business.
no_query() {
    exits 3 "$envelope" -d -i 'execkms://real/a?secret=xyzzy' <one.env >out
    ! grep xyzzy err || false
}

t 'a service is a recipient, alone and among others' make_all
t 'it opens' opens one.env -i $a
t 'each recipient of many opens' each_of_many_opens
t 'verify takes it' verifies
t 'a range can be read' a_range
t 'openssl enc takes the same URIs' stock_openssl
t 'openssl.cnf may name them' openssl_cnf
t 'archive programs take them' archives
t 'inspect shows service and key' inspect_shows_it
t 'the identifier is the one of the format' the_identifier
t 'without a match the keys are named' nobody_is_named
t 'failures end as they should' it_fails
t 'a bad URI is refused' a_bad_uri
t 'without the module it says so' no_module
t 'fingerprint says why it cannot' fingerprint_says_why
t 'rewrap moves to another service' to_another_service
t 'rewrap moves between keys and services' from_and_to_a_key
t 'recipients are added and removed' add_and_remove
t 'a new recipient that fails is no missing key' a_new_one_fails
t 'a service encrypts its key anew' by_service
t 'it does so for the same key, a new file, a carrier' \
    by_service_for_the_same_key
t 'what it cannot do is refused' by_service_refuses
t 'a header costs ten questions' ten_at_most
t 'bsdtar takes the URIs' bsdtar_door
t 'messages show no query' no_query
