# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Look-alikes of Huawei Cloud KMS, and a user of the one named huawei.  Sourced after
# kms_services.sh.
#
#   huawei_sdk           has Huawei's own client, as the directory $HUAWEI_SDK; status
#                        1, with messages in ./npm.log, if it cannot be had
#   $key, $second ...    keys of the look-alike; $uri is the first one
#   field SECTION NAME   of the credentials file
#   make_all             ops.key, a passphrase in ./pw, and ./plain as ./sealed,
#                        with labels as ./labelled

. "$srcdir/test/kms/kms_node_modules.sh"
for kms_name in $(env | sed 's/=.*//' \
    | grep -xE '(HUAWEICLOUD|HC)_[A-Z0-9_]+'); do
    unset "$kms_name"
done
look_alike huawei huawei
look_alike other huawei # nobody has any business there

huawei_sdk() {
    node_modules @huaweicloud/huaweicloud-sdk-core huawei || return 1
    HUAWEI_SDK=$node_modules
    export HUAWEI_SDK
}

id=0d0466b0-e727-4d9c-b35d-f84bb474a37f
key=cn-north-4/$id
second=cn-north-4/1d${id#0d}
off=cn-north-4/2d${id#0d}
deleted=cn-north-4/3d${id#0d}
south=cn-south-1/$id
here=http://127.0.0.1:$(port huawei)
there=http://127.0.0.1:$(port other)
service=huawei word=huaweikms
uri="huaweikms://$key?endpoint=$here"

field() { # SECTION NAME - of the credentials file
    sed -n "/^\[$1\]/,/^\$/s/^$2 = //p" huawei/credentials
}

make_all() {
    new_ec ops P-256
    echo 'correct horse' >pw
    head -c 100000 /dev/urandom >plain
    mkdir -p home/.huaweicloud
    cp huawei/credentials home/.huaweicloud/credentials
    "$envelope" encrypt -r "$uri" <plain >sealed
    "$envelope" encrypt -r "$uri" --label db=orders --label day=1 \
        <plain >labelled
}
