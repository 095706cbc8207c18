# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Look-alikes of Alibaba Cloud KMS and of its Security Token Service, and a user of the
# one named ali.  Sourced after kms_services.sh.
#
#   $key, $second, $off  keys of the look-alike; $uri is the first one
#   ali_sdk              has Alibaba's own client, as the directory $ALI_SDK; status 1,
#                        with messages in ./npm.log, if it cannot be had
#   field PROFILE NAME   of the file of profiles
#   make_all             ops.key, a passphrase in ./pw, and ./plain as ./sealed, with
#                        labels as ./labelled

. "$srcdir/test/kms/kms_node_modules.sh"

look_alike ali ali
look_alike other ali # nobody has any business there

key=cn-hangzhou/key-hzz62f1cb66fa42qo1234
second=cn-hangzhou/1234abcd-12ab-34cd-56ef-1234567890ab
off=cn-hangzhou/key-hzz62f1cb66fa42off000
alias=cn-hangzhou/alias/backup
here=http://127.0.0.1:$(port ali)
there=http://127.0.0.1:$(port other)
service=ali word=alikms
uri="alikms://$key?endpoint=$here"
ALIBABA_CLOUD_ECS_METADATA_DISABLED=true
export ALIBABA_CLOUD_ECS_METADATA_DISABLED

ali_sdk() {
    node_modules @alicloud/openapi-core ali || return 1
    ALI_SDK=$node_modules
    export ALI_SDK
}

field() { # PROFILE NAME
    sed -n "/^\[ini-$1\]/,/^\[/s/^$2 = //p" ali/credentials
}

make_all() {
    new_ec ops P-256
    echo 'correct horse' >pw
    head -c 100000 /dev/urandom >plain
    mkdir -p home/.aliyun home/.alibabacloud
    cp ali/config.json home/.aliyun
    cp ali/credentials home/.alibabacloud
    "$envelope" encrypt -r "$uri" <plain >sealed
    "$envelope" encrypt -r "$uri" --label db=orders --label day=1 \
        <plain >labelled
}
