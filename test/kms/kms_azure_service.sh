# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# A look-alike of Azure Key Vault and of all that hands out tokens.  Sourced after
# kms_services.sh.
#
#   $here            its URL; it runs in ./azure
#   $key             a key of it, without the scheme
#   azure_sdk        has Microsoft's own clients, as the directory $AZURE_SDK, and a
#                    look-alike for them in ./tls, with TLS and the same keys; status
#                    1, with messages in ./npm.log, if they cannot be had
#   uri_of NAME      the URI of a key of that name, or of NAME/VERSION
#   version_of NAME [N]   of the N-th version of a key, else of the first
#   rotated N        the key backup has so many versions
#   to_azure N       so many requests, with those for tokens

. "$srcdir/test/kms/kms_node_modules.sh"
for kms_name in $(env | sed 's/=.*//' \
    | grep -xE '(AZURE|IDENTITY|MSI)_[A-Z0-9_]+'); do
    unset "$kms_name"
done
look_alike azure azure
here=http://127.0.0.1:$(port azure)
key=unit.vault.azure.net/keys/backup

azure_sdk() {
    node_modules @azure/keyvault-keys azure || return 1
    new_ec server P-256
    new_cert server -addext subjectAltName=IP:127.0.0.1
    mkdir tls
    cp azure/*.pem tls
    look_alike tls azure --tls server.crt server.key
    AZURE_SDK=$node_modules NODE_EXTRA_CA_CERTS=$tests_dir/server.crt
    export AZURE_SDK NODE_EXTRA_CA_CERTS
}

uri_of() {
    echo "azurekeyvault://${key%/*}/$1?endpoint=$here"
}

version_of() {
    printf '%s %s' "$1" "${2-1}" | sha256sum | cut -c1-32
}

rotated() {
    echo "backup $1" >azure/versions
}

to_azure() {
    cat azure/log
    [ "$(wc -l <azure/log)" -eq "$1" ]
}

# A user of the look-alike, after kms_module: $uri is a key, $there a look-alike that
# nobody may ask.
azure_user() {
    look_alike other azure
    # shellcheck disable=SC2034 # of kms_services.sh
    there=http://127.0.0.1:$(port other) service=azure word=azurekeyvault
    uri=$(uri_of backup)
    AZURE_AUTHORITY_HOST=$here/
    AZURE_TENANT_ID=11111111-2222-3333-4444-555555555555
    AZURE_CLIENT_ID=restore
    AZURE_CLIENT_SECRET=$(cat azure/secret)
    export AZURE_AUTHORITY_HOST AZURE_TENANT_ID AZURE_CLIENT_ID \
        AZURE_CLIENT_SECRET
}

make_all() {
    new_ec ops P-256
    echo 'correct horse' >pw
    head -c 100000 /dev/urandom >plain
    "$envelope" encrypt -r "$uri" <plain >sealed
}
