#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The pages of key services: every example is run, or is named here with the reason
# why not.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 3
. "$srcdir/test/project/printed_support.sh"
need xxd
. "$srcdir/test/kms/kms_services.sh"
need aws
. "$srcdir/test/kms/kms_google_service.sh"
google=$here google_key=$key
. "$srcdir/test/kms/kms_azure_service.sh"

machine_with_helper() {
    machine
    stand_in kms-helper.py <<S
exec env -u OPENSSL_MODULES CRYPTOGRAPHY_OPENSSL_NO_LEGACY=1 \\
    "$PYTHON" "$srcdir/examples/kms-helper.py" "\$@"
S
    mv stand-ins/kms-helper.py "$root/usr/local/libexec"
}

# What all of its examples take for granted, before the first of them
users_of_kms_7() {
    AWS_CONFIG_FILE=$PWD/config
    AWS_ENDPOINT_URL_STS=$AWS_ENDPOINT_URL_KMS
    CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS=$google
    AZURE_AUTHORITY_HOST=$here
    AZURE_TENANT_ID=11111111-2222-3333-4444-555555555555
    AZURE_CLIENT_ID=restore
    AZURE_CLIENT_SECRET=$(cat "$tests_dir/azure/secret")
    export AZURE_AUTHORITY_HOST AZURE_TENANT_ID AZURE_CLIENT_ID AZURE_CLIENT_SECRET
    # shellcheck disable=SC2154 # of kms_google_service.sh
    PRINTED_PATHS="$PRINTED_PATHS
/vault/secrets $root/run/secrets
azurekeyvault://shop.vault.azure.net/keys/backup $(uri_of backup)
projects/shop/locations/eu/keyRings/backups/cryptoKeys/daily $google_key"
    export AWS_CONFIG_FILE AWS_ENDPOINT_URL_STS PRINTED_PATHS
    export CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS
    cp "$tests_dir/aws/web-token" "$root/run/secrets/aws-token"
    cp "$tests_dir/vault/token" "$root/run/secrets/token"
    cp "$tests_dir/azure/secret" "$root/run/secrets/azure"
    certificate escrow
    cp escrow.crt escrow.pem
    echo notes >notes
}

same() { # FILE... - they were decrypted, where key services are built
    for file in "$@"; do
        [ ! -e "$preloaddir/envelope-kms.so" ] || cmp notes "$file"
    done
}

# Well-formed, and what it allows is what the table of the service asks for.
allows() { # POLICY ACTION TABLE
    jq -e --arg action "$2" '[.. | strings] | index($action)' "$1"
    grep -q "\"${2#kms:}\"" "$srcdir/kms/$3"
}

aws_7() {
    leaves "arn=\$(aws kms create-key" 'the cloud itself'
    becomes backup.json '{'
    allows backup.json kms:GenerateDataKey aws/aws.c
    runs 'sed s/kms'
    allows restore.json kms:Decrypt aws/aws.c
    with_kms runs "envelope decrypt -i 'awskms:?account"
    same again
    leaves '[profile envelope]' 'test/kms/kms_aws_credentials.sh runs a program'
    leaves 'apiVersion: v1' 'test/kms/kms_aws_roles.sh does what EKS does for it'
    leaves 'aws eks' 'test/kms/kms_aws_roles.sh does what EKS does for it'
    : >"$tests_dir/aws/log"
    with_kms runs 'AWS_ROLE_ARN='
    same by-token
    becomes config '[profile restore]'
    with_kms runs 'AWS_PROFILE=restore'
    same by-role
    [ ! -e by-role ] || (cd "$tests_dir" && asked aws 1 AssumeRole \
        && asked aws 1 AssumeRoleWithWebIdentity)
    with_kms runs 'id=mrk-'
    same far
}

azure_7() {
    leaves 'az keyvault key create' 'the cloud itself'
    leaves 'az keyvault key download' 'test/kms/kms_azure.sh does the same'
    with_kms runs 'key=azurekeyvault'
    same az.txt
    AZURE_CLIENT_SECRET=none
    with_kms runs 'AZURE_CLIENT_SECRET='
    same by-secret
    leaves 'apiVersion: v1' 'test/kms/kms_azure.sh has such a file'
}

others_7() {
    leaves 'gcloud kms keyrings' 'the cloud itself'
    with_kms runs 'key=projects/shop'
    same g.txt
    leaves 'pool=projects' 'the cloud itself'
    becomes ali.json '{'
    allows ali.json kms:GenerateDataKey cloud/ali.c
    leaves 'key=cn-hangzhou' 'test/kms/kms_ali.sh does the same'
    leaves 'key=cn-north-4' 'test/kms/kms_huawei.sh does the same'
    becomes tencent.json '{'
    allows tencent.json kms:GenerateDataKey cloud/tencent.c
    leaves 'key=ap-guangzhou' 'test/kms/kms_tencent.sh does the same'
    leaves 'vault secrets' 'a server of Vault itself'
    becomes backup-host.hcl '# encrypt'
    for operation in datakey/plaintext decrypt rewrap; do
        grep -qF "path \"transit/$operation/backup\"" backup-host.hcl
        grep -qF "\"$operation\"," "$srcdir/kms/cloud/vault.c"
    done
    with_kms runs 'envelope encrypt -r vault:backup'
    same v.txt
    with_kms runs 'VAULT_TOKEN='
    same in-pod
}

kms_7() {
    page doc/envelope-kms.7
    users_of_kms_7
    leaves 'awskms:///KEY' 'the forms of URIs'
    with_kms runs 'envelope encrypt -o notes.env'
    if [ -e notes.env ]; then
        same restored
        envelope inspect notes.env | grep -q host=db1
        env -u OPENSSL_MODULES CRYPTOGRAPHY_OPENSSL_NO_LEGACY=1 \
            "$PYTHON" "$srcdir/test/kms/header.py" cut notes.env blob
        envelope -r awskms:///alias/backup -r vault:backup -o one.xb notes
    fi
    aws_7
    azure_7
    others_7
    with_kms runs 'envelope rewrap -i awskms'
    if [ -e notes.env ]; then
        envelope -d -i awskms:///alias/second notes.env | cmp - notes
        envelope -d -i awskms:///alias/second one.xb | cmp - notes
        envelope -d -i vault:backup one.xb | cmp - notes
    fi
    with_kms runs 'set -o pipefail'
    [ ! -e kek.hex ] || [ "$(size_of kek.hex)" -eq 65 ]
    page_ends
}

kms_conf() {
    page doc/envelope-kms.conf.5
    keys ops
    echo backup >backup
    echo notes >notes
    echo '# services' >kms.conf
    runs 'install -d'
    runs 'install -m'
    leaves 'X-Envelope-Timestamp' 'headers of a request'
    # What is typed, and what comes
    becomes session '$ set -o pipefail'
    sed -n 's/^\$ //p; /^    /p' session >typed
    sed -n '/^SHA2/,$p' session | tr -d '\n' >want
    bash typed | tr -d '\n' | cmp - want
    becomes corp '[corp]'
    leaves 'POST /v1' 'a request'
    leaves '{"keyId":"backup"' 'a reply'
    becomes signed '[signed]'
    becomes transit '[transit]'
    becomes helper '[local]'
    cat corp signed transit helper >"$ENVELOPE_KMS_CONFIG"
    cp "$tests_dir/vault/token" "$root/run/secrets/transit-token"
    mkdir -p "$root/usr/local/etc/envelope/keys"
    (umask 077 && head -c 32 /dev/urandom \
        >"$root/usr/local/etc/envelope/keys/daily")
    if [ -e "$preloaddir/envelope-kms.so" ]; then
        envelope -r httpkms://transit/backup -o data.env backup
        envelope -d -i httpkms://transit/backup data.env | cmp - backup
        # Only the host is another one.
        mkfifo stop
        printed serve . <stop &
        exec 3>stop
        until [ -s port ]; do sleep 0.05; done
        echo token >"$root/run/secrets/kms-token"
        sed -i -e '/^ca-file = /d' \
            -e "s,https://kms.example.net/v1,http://127.0.0.1:$(cat port)/v1," \
            "$ENVELOPE_KMS_CONFIG"
        envelope -r httpkms://corp --label host=db1 -o data backup
        # What the page shows
        jq -e '.[0] == "/v1/keys/backup/datakey"
            and .[1].Authorization == "Bearer token"
            and .[2] == {"bits": 256, "keyId": "backup",
                "context": {"host": "db1"}}' request
        CORP_KMS_SECRET=s3cret envelope -r httpkms://signed/backup -o signed.env \
            backup
        jq -e '.[1].Authorization | startswith(
            "HMAC-SHA256 Credential=backup-host, Signature=")' request
    fi
    with_kms one 'envelope -r httpkms://corp'
    mv backup was
    with_kms one 'envelope -d -i httpkms://corp'
    [ ! -e backup ] || cmp backup was
    with_kms one 'envelope -r execkms://local/daily'
    page_ends
}

kms_helper() {
    page doc/envelope-kms-helper.7
    mkdir -p "$root/usr/local/etc/envelope/keys"
    (umask 077 && head -c 32 /dev/urandom \
        >"$root/usr/local/etc/envelope/keys/backup")
    becomes aws.conf '[aws]'
    leaves '[kmip]' 'test/kms/kms_helper_kmip.sh has such a server'
    becomes "$ENVELOPE_KMS_CONFIG" '[local]'
    leaves '{"version":1' 'requests and replies'
    runs 'echo '\''{"version":1' >reply
    jq -e '.key == "backup" and .plaintext and .ciphertext' reply
    if [ -e "$preloaddir/envelope-kms.so" ]; then
        echo data | envelope -r execkms://local/backup -o data.env
        [ "$(envelope -d -i execkms://local/backup data.env)" = data ]
        # Of the look-alike's users it has no "backup".
        cp "$dest$(make_value jobsdir)/envelope-kms-aws-cli" \
            "$root/usr/local/libexec/envelope"
        sed 's/--profile backup/--profile default/' aws.conf \
            >"$ENVELOPE_KMS_CONFIG"
        echo data | envelope -r execkms://aws/alias/backup -o aws.env
        [ "$(envelope -d -i execkms://aws/alias/backup aws.env)" = data ]
    fi
    page_ends
}

services
set_up machine_with_helper
PATH=$bindir:$tests_dir/stand-ins:$PATH

t 'envelope-kms(7)' kms_7
t 'envelope-kms.conf(5)' kms_conf
t 'envelope-kms-helper(7)' kms_helper
