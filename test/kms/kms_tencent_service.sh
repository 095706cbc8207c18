# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Look-alikes of Tencent Cloud KMS, which ask the signer of Tencent's own SDK
# for each request, and a user of the one named tencent.  Sourced after
# kms_services.sh.
#
#   $TENCENT_SDK         the SDK
#   $key, $second ...    keys of the look-alike; $uri is the first one
#   field PROFILE NAME   of the credentials file
#   make_all             ops.key, a passphrase in ./pw, and ./plain as ./sealed,
#                        with labels as ./labelled

. "$srcdir/test/kms/kms_node_modules.sh"
node_modules tencentcloud-sdk-nodejs-common || {
    sed 's/^/# /' npm.log
    skip_rest "npm has not got Tencent's SDK"
}
TENCENT_SDK=$node_modules
export TENCENT_SDK

look_alike tencent tencent --sdk "$TENCENT_SDK"
look_alike other tencent --sdk "$TENCENT_SDK" # nobody has any business there

key=ap-guangzhou/1b3b7c2e-58b2-11ee-9d4f-525400d31bd1
second=ap-guangzhou/2b3b7c2e-58b2-11ee-9d4f-525400d31bd1
singapore=ap-singapore/3b3b7c2e-58b2-11ee-9d4f-525400d31bd1
off=ap-guangzhou/4b3b7c2e-58b2-11ee-9d4f-525400d31bd1
here=http://127.0.0.1:$(port tencent)
there=http://127.0.0.1:$(port other)
service=tencent word=tencentkms
uri="tencentkms://$key?endpoint=$here"

field() { # PROFILE NAME - of the credentials file
    sed -n "/^\[$1\]/,/^\$/s/^$2 = //p" tencent/credentials
}

make_all() {
    new_ec ops P-256
    echo 'correct horse' >pw
    head -c 100000 /dev/urandom >plain
    mkdir -p home/.tencentcloud
    cp tencent/credentials home/.tencentcloud/credentials
    "$envelope" encrypt -r "$uri" <plain >sealed
    "$envelope" encrypt -r "$uri" --label db=orders --label day=1 \
        <plain >labelled
}
