#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Signatures for key services, against those of other people's code: 1,000
# requests that chance makes, the same ones each time.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/kms/kms_node_modules.sh"

plan 8
unset OPENSSL_MODULES # Python wants the stock ones

need "$PYTHON"
sign_line=$top_builddir/test/kms/sign_line

differential() { # OTHER
    "$PYTHON" "$srcdir/test/kms/differential.py" "$sign_line" "$1" 1000
}

# differential_in_node OTHER PACKAGE NAME
differential_in_node() {
    if node_modules "$2"; then
        export ENVELOPE_NODE_MODULES="$node_modules"
        t "$3" differential "$1"
    else
        skip "$3" "there is no $2 of npm"
    fi
}

# --- AWS4 -----------------------------------------------------------------

botocore='AWS4 is what botocore makes'
if "$PYTHON" -c 'import botocore' 2>/dev/null; then
    t "$botocore" differential botocore
else
    skip "$botocore" "$PYTHON has no botocore package"
fi

differential_in_node aws4 aws4 'AWS4 is what aws4 of npm makes'

# --- the others -----------------------------------------------------------

t 'TC3 is what its documentation says' differential words
differential_in_node tencent tencentcloud-sdk-nodejs-common \
    "TC3 is what Tencent's own SDK makes"
t "ACS3 is what Alibaba's documentation says" differential acs3
t "SDK-HMAC-SHA256 is what Huawei's documentation says" differential sdk
t 'the plain HMAC is what it is said to be' differential hmac

# --- the comparison itself ------------------------------------------------

# A signer that does not know the secret is found out.
finds_a_difference() {
    cat >wrong <<WRONG
#!/bin/sh
awk 'BEGIN { FS = OFS = "\t" } NR == 77 { \$7 = \$7 "x" } { print }' \\
    | "$sign_line"
WRONG
    chmod +x wrong
    status=0
    "$PYTHON" "$srcdir/test/kms/differential.py" ./wrong hmac >said || status=$?
    [ "$status" -eq 1 ]
    grep '^ours: ' said
}

t 'one wrong signature is seen' finds_a_difference
