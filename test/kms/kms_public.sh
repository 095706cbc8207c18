#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A key service that keeps RSA keys, with a module that stands in for it: its public
# half makes an ordinary recipient, and the service is asked only to open that.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 6
provider
ENVELOPE_KMS_MODULES=$top_builddir/test/kms/.libs
export ENVELOPE_KMS_MODULES
held=azurekeyvault://fake$tests_dir/held.key

make_all() {
    new_rsa held 2048
    new_rsa older 2048
    new_key ops -algorithm X25519
    new_key other -algorithm X25519
    new_rsa rsa 2048
    steady_text 300000 >plain
    "$envelope" -r "$held" -r ops.pem --label host=db1 plain >held.env
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

# An ordinary recipient is written, which names no service.
public_half() {
    opens held.env -i "$held"
    opens held.env -i held.key
    "$envelope" -r held.pem plain >held.local
    opens held.local -i "$held"
    opens held.local -i other.key -i execkms://fake/a -i "$held"
    ENVELOPE_KMS_MODULES=/nowhere "$envelope" inspect --json held.env >out
    grep -qF '"type":"rsa"' out
    "$envelope" fingerprint "$held" >out
    "$envelope" fingerprint held.pem >id
    [ "$(cut -c 1-40 out)" = "$(cut -c 1-40 id)" ]
    exits 1 "$envelope" fingerprint "$held?fail=down"
    ! grep -F '"service"' out || false
    seal_to "$held" plain out.env
    open_with "$held" out.env out
    cmp plain out
    exits 1 "$envelope" -r "$held" --require-post-quantum -o new plain
    [ ! -e new ]
    new_rsa weak 1024
    exits 1 "$envelope" -r "azurekeyvault://fake$tests_dir/weak.key" -o new plain
    grep -q 1024 err
}

versions() {
    cat older.key held.key >versions
    "$envelope" -r "azurekeyvault://fake$tests_dir/versions" plain >file
    opens file -i older.key
    opens held.env -i "azurekeyvault://fake$tests_dir/versions"
    shut 3 held.env -i "azurekeyvault://fake$tests_dir/older.key"
    grep -q 'it has 2 recipients' err
}

# Who is asked: nobody where there is no RSA key, or another identity opens it.
not_asked() {
    opens held.env -i "$held?fail=down" -i ops.key
    "$envelope" -r ops.pem plain >file
    shut 3 file -i "$held?fail=down"
    grep -q 'it has 1 recipient' err
    shut 1 held.env -i "$held?fail=down"
    grep -q 'fake: it is down' err
    shut 3 held.env -i "$held?fail=refused"
    shut 5 held.local -i "$held?fail=other"
    exits 1 "$envelope" -r "$held?fail=down" -o new plain
    [ ! -e new ]
}

# A certificate may give its key another name.
by_certificate() {
    new_cert held -addext subjectKeyIdentifier=0011223344
    "$envelope" -r held.crt plain >file
    shut 3 file -i "$held"
    cat held.crt other.key >both.pem
    opens file -i both.pem -i "$held"
}

rewrap_held() {
    cp held.env file
    "$envelope" rewrap -i "$held" -r other.pem file
    opens file -i other.key
    opens file -i ops.key
    shut 3 file -i "$held"
    "$envelope" rewrap -i "$held" -r other.pem file >told
    "$envelope" rewrap --add -i ops.key -r "$held" file
    opens file -i "$held"
    "$envelope" rewrap -i "$held" -r "$held" file
    opens file -i held.key
    opens file -i other.key
    "$envelope" rewrap -i "$held" -r "azurekeyvault://fake$tests_dir/older.key" file
    opens file -i older.key
    shut 3 file -i held.key
    "$envelope" rewrap -i other.key --remove "$("$envelope" fingerprint \
        "azurekeyvault://fake$tests_dir/older.key" | cut -c 1-40)" file
    shut 3 file -i older.key
    cp held.env file
    # Whose an RSA recipient is that no key at hand has the name of.
    for rewrap_with in "-i $held -i azurekeyvault://fake$tests_dir/older.key" \
        "-i ops.key -i $held" "-i $held -i azurekeyvault://fake$tests_dir/weak.key"; do
        "$envelope" -r "$held" -r other.pem -r rsa.pem -r ops.pem plain >many
        cp many file
        # shellcheck disable=SC2086 # several words
        exits 2 "$envelope" rewrap $rewrap_with -r other.pem file
        grep -q 'RSA recipients may be' err
        cmp many file
    done
    # Named twice it is one identity all the same.
    "$envelope" rewrap -i "$held" -i "$held" -r other.pem file
    opens file -i rsa.key
    shut 3 file -i "$held"
    cp many file
    "$envelope" rewrap -i ops.key -i "$held" -r other.pem --replace-all file
    shut 3 file -i "$held"
    cp held.env file
    exits 2 "$envelope" rewrap --by-service -i "$held" -r "$held" file
    exits 3 "$envelope" rewrap --by-service -i "$held" file
    cmp held.env file
}

t 'keys and envelopes can be made' make_all
t 'the public half of a service is a recipient' public_half
t 'it opens with the version that it was made for' versions
t 'it is asked only if it may open it' not_asked
t 'a certificate tells another name of its key' by_certificate
t 'rewrap moves from and to such a key' rewrap_held
