# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# A user of the transit engine of Vault and OpenBao, whose service is the
# look-alike vault.  Sourced after kms_services.sh, when the look-alike runs.
#
#   $uri                 a key
#   make_all             ops.key, a passphrase in ./pw, and ./plain as ./sealed

look_alike other vault # nobody has any business there
kms_module
provider

VAULT_ADDR=http://127.0.0.1:$(port vault)
VAULT_TOKEN=$(cat vault/token)
export VAULT_ADDR VAULT_TOKEN
there=http://127.0.0.1:$(port other)
# shellcheck disable=SC2034 # of kms_services.sh
service=vault word=vault
uri=vault:///transit/keys/backup

make_all() {
    new_ec ops P-256
    echo 'correct horse' >pw
    head -c 100000 /dev/urandom >plain
    "$envelope" encrypt -r "$uri" <plain >sealed
}
