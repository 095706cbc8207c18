#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# examples/rotate-object against OpenStack Swift, a store that speaks S3: a backup
# gets other recipients, and its data stays where it is.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 6
provider
. "$srcdir/test/interop/swift_server.sh"
# The distribution's, since Swift is the distribution's, too.
aws=/usr/bin/aws
need "$PYTHON" swift-proxy-server swift-object-server swift-container-server \
    swift-account-server swift-ring-builder $aws timeout

# Part of a build directory, the command is found by its name.
mkdir bin
ln -s "$envelope" bin/envelope
PATH=$PWD/bin:$PATH

# What stands between the script and the store: a call that fails
cat >bin/some_aws <<'S'
#!/bin/sh
case " $* " in
*" $FAIL_AT "*) echo "$FAIL_AT fails" >&2 && exit 255 ;;
esac
exec $REAL_AWS "$@"
S
chmod +x bin/some_aws

s3() {
    # shellcheck disable=SC2086 # words
    timeout 60 $AWS s3api "$@"
}

rotate() {
    timeout 200 "$srcdir/examples/rotate-object" backups "$@"
}

make_files() {
    new_key old -algorithm X25519
    new_key new -algorithm X25519
    head -c 12000000 /dev/urandom >plain
    "$envelope" -r old.pem --carrier tar -o big.tar plain
    head -c 50000 plain >few
    "$envelope" -r old.pem -o few.env few
}

get() { # KEY FILE
    s3 get-object --bucket backups --key "$1" "$2" >got
}

# The payload and the frames after it are those of the old object.
in_parts() {
    s3 put-object --bucket backups --key 'db/mon day.tar' --body big.tar \
        --metadata host=db1 >put
    COPY_LEN=5242880 rotate 'db/mon day.tar' -i old.key -r new.pem >told
    grep -qx 'db/mon day.tar: rotated' told
    get 'db/mon day.tar' back
    grep -q '"host": "db1"' got
    "$envelope" -d -i new.key back | cmp plain -
    exits 3 "$envelope" -d -i old.key back >out
    tail -c +8193 big.tar >want
    tail -c +8193 back | cmp want -
    rm want
}

# Nothing is stored if there is nothing to do.
again() {
    s3 head-object --bucket backups --key 'db/mon day.tar' >before
    rotate 'db/mon day.tar' -i new.key -r new.pem >told
    grep -qx 'db/mon day.tar: unchanged' told
    s3 head-object --bucket backups --key 'db/mon day.tar' >after
    cmp before after
}

small() {
    s3 put-object --bucket backups --key few --body few.env >put
    printf '#!/bin/sh\ncat >h && envelope rewrap -i old.key -r new.pem h >&2 %s\n' \
        '&& cat h' >bin/elsewhere
    chmod +x bin/elsewhere
    REWRAP=elsewhere rotate few >told
    get few back
    "$envelope" -d -i new.key back | cmp few -
    exits 3 "$envelope" -d -i old.key back >out
}

# A copy that fails leaves the object, and no parts.
aborted() {
    REAL_AWS=$AWS
    export REAL_AWS
    FAIL_AT=upload-part-copy
    export FAIL_AT
    status=0
    AWS=some_aws rotate 'db/mon day.tar' -i new.key -r old.pem \
        >told 2>err || status=$?
    cat err
    [ $status -ne 0 ]
    get 'db/mon day.tar' back
    "$envelope" verify --header -i new.key back
    s3 list-multipart-uploads --bucket backups >uploads
    ! grep -q UploadId uploads || false
}

# The object is another one by now: its data must not get this header.
replaced() {
    cat >bin/late_aws <<'S'
#!/bin/sh
case " $* " in
*' create-multipart-upload '*)
    $REAL_AWS s3api put-object --bucket backups --key 'db/mon day.tar' \
        --body other.tar >late ;;
esac
exec $REAL_AWS "$@"
S
    chmod +x bin/late_aws
    REAL_AWS=$AWS
    export REAL_AWS
    tail -c 11000000 plain >other
    "$envelope" -r old.pem --carrier tar -o other.tar other
    status=0
    AWS=late_aws rotate 'db/mon day.tar' -i new.key -r old.pem >told 2>err \
        || status=$?
    cat err
    [ $status -ne 0 ]
    grep -q 'PreconditionFailed\|412' err
    get 'db/mon day.tar' back
    cmp back other.tar
}

# As "xbcloud put" stores it: each chunk is an object.
xbcloud() {
    "$envelope" -r old.pem --carrier xbstream --xbcloud -o few.xb few
    "$PYTHON" -c 'import struct
data = open("few.xb", "rb").read()
at, count = 0, {}
while at < len(data):
    assert data[at:at + 8] == b"XBSTCK01"
    n, = struct.unpack("<I", data[at + 10:at + 14])
    path = data[at + 14:at + 14 + n].decode()
    end = at + 14 + n
    if data[at + 9:at + 10] == b"P":
        end += 20 + struct.unpack("<Q", data[end:end + 8])[0]
    i = count[path] = count.get(path, -1) + 1
    name = "%s.%020d" % (path.replace("/", "_"), i)
    open("chunk." + name, "wb").write(data[at:end])
    at = end'
    zeros=00000000000000000000
    for name in header key.p7m payload; do
        s3 put-object --bucket backups --key "night/envelope/$name.$zeros" \
            --body "chunk.envelope_$name.$zeros" >put
    done
    rotate night/ -i old.key -r new.pem >told
    grep -qx 'night/: rotated' told
    for name in header key.p7m; do
        get "night/envelope/$name.$zeros" "chunk.envelope_$name.$zeros"
    done
    for name in header key.p7m payload; do
        cat "chunk.envelope_$name.$zeros"
        cat "chunk.envelope_$name.00000000000000000001"
    done >back
    "$envelope" -d -i new.key back | cmp few -
    exits 3 "$envelope" -d -i old.key back >out
}

cleanup=swift_stop
set_up make_files
swift_start >.start 2>&1 || {
    sed 's/^/# /' .start
    tail -n 3 swift/*.log | sed 's/^/# /'
    skip_rest 'Swift does not start here'
}
t 'in parts, and the server copies' in_parts
t 'again' again
t 'an object of less than a part' small
t 'a failure on the way' aborted
t 'another backup in its place' replaced
t 'the objects of xbcloud' xbcloud
