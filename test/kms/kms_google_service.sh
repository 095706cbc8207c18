# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# A look-alike of Google Cloud KMS and of all that hands out tokens.  Sourced after
# kms_services.sh.
#
#   $here         its URL; it runs in ./google
#   $key          a key of it
#   google_sdk    has Google's own client, as the directory $GOOGLE_SDK; status 1, with
#                 messages in ./npm.log, if it cannot be had
#   cloud_file NAME   ./NAME.json from the look-alike's file of that name, with Google's
#                 own hosts in place of the look-alike's

. "$srcdir/test/kms/kms_node_modules.sh"
for kms_name in $(env | sed 's/=.*//' \
    | grep -xE '(GOOGLE|GCE|CLOUDSDK|ENVELOPE_GOOGLE)_[A-Z0-9_]+'); do
    unset "$kms_name"
done
look_alike google google
here=http://127.0.0.1:$(port google)
key=projects/p/locations/global/keyRings/r/cryptoKeys/backup
ENVELOPE_GOOGLE_OAUTH_ENDPOINT=$here
GCE_METADATA_HOST=${here#http://}
export ENVELOPE_GOOGLE_OAUTH_ENDPOINT GCE_METADATA_HOST

google_sdk() {
    node_modules @google-cloud/kms google || return 1
    GOOGLE_SDK=$node_modules
    export GOOGLE_SDK
}

cloud_file() {
    sed -e "s|$here/v1/token|https://sts.googleapis.com/v1/token|" \
        -e "s|$here/v1/projects|https://iamcredentials.googleapis.com/v1/projects|" \
        "google/$1.json" >"$1.json"
    chmod 600 "$1.json"
}

# A user of the look-alike, after kms_module: $uri is a key, $there a look-alike that
# nobody may ask.
google_user() {
    look_alike other google
    there=http://127.0.0.1:$(port other)
    # shellcheck disable=SC2034 # of kms_services.sh
    service=google word=gcpkms
    uri=gcpkms://$key
    CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS=$here
    GOOGLE_APPLICATION_CREDENTIALS=$tests_dir/google/service.json
    export CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS GOOGLE_APPLICATION_CREDENTIALS
}

make_all() {
    new_ec ops P-256
    echo 'correct horse' >pw
    head -c 100000 /dev/urandom >plain
    "$envelope" encrypt -r "$uri" <plain >sealed
    "$envelope" encrypt -r "$uri" --label db=orders --label day=1 \
        <plain >labelled
}
