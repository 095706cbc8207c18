# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# An object store that speaks S3: OpenStack Swift with its s3api, one device, one
# replica, on loopback.  Sourced after tap.sh, not run.
#
#   swift_start    start it in ./swift; $AWS talks to it; the bucket is "backups"
#   swift_stop     end it

swift_user=test:tester swift_key=testing

free_port() {
    "$PYTHON" -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

swift_conf() { # SERVER PORT - the sections that all servers have
    cat <<CONF
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $2
workers = 0
user = $(id -un)
swift_dir = $swift
devices = $swift/devices
mount_check = false
fallocate_reserve = 0
log_name = $1
log_address = /dev/null
log_level = ERROR
CONF
}

swift_ring() { # SERVER PORT
    for command in 'create 1 1 1' "add r1z1-127.0.0.1:$2/d 1" rebalance; do
        # shellcheck disable=SC2086 # words
        env -u OPENSSL_MODULES swift-ring-builder "$swift/$1.builder" $command
    done
}

swift_run() { # SERVER
    # The module of ours is not for the OpenSSL that Python has.
    env -u OPENSSL_MODULES "swift-$1-server" "$swift/$1.conf" -v \
        >"$swift/$1.log" 2>&1 &
    swift_pids="$swift_pids $!" swift_ports="$swift_ports $swift_port"
}

swift_storage() { # SERVER
    swift_port=$(free_port)
    swift_ring "$1" "$swift_port"
    {
        swift_conf "$1" "$swift_port"
        printf '[pipeline:main]\npipeline = %s-server\n' "$1"
        printf '[app:%s-server]\nuse = egg:swift#%s\n' "$1" "$1"
    } >"$swift/$1.conf"
    swift_run "$1"
}

swift_filter() { # NAME [LINE...]
    printf '[filter:%s]\nuse = egg:swift#%s\n' "$1" "$1"
    shift
    [ $# -eq 0 ] || printf '%s\n' "$@"
}

swift_proxy() {
    swift_port=$(free_port)
    {
        swift_conf proxy "$swift_port"
        printf '[pipeline:main]\npipeline = catch_errors gatekeeper cache '
        printf 'listing_formats bulk s3api tempauth copy slo dlo proxy-server\n'
        printf '[app:proxy-server]\nuse = egg:swift#proxy\n'
        printf 'allow_account_management = true\naccount_autocreate = true\n'
        swift_filter catch_errors
        swift_filter gatekeeper
        # It must be there, and need not answer.
        printf '[filter:cache]\nuse = egg:swift#memcache\n'
        printf 'memcache_servers = 127.0.0.1:1\n'
        swift_filter listing_formats
        swift_filter bulk
        swift_filter s3api 'location = us-east-1' 'check_bucket_owner = false' \
            'allow_multipart_uploads = true'
        swift_filter tempauth \
            "user_test_tester = $swift_key .admin .reseller_admin"
        swift_filter copy
        swift_filter slo
        swift_filter dlo
    } >"$swift/proxy.conf"
    swift_run proxy
}

swift_start() {
    swift=$PWD/swift swift_pids='' swift_ports=''
    mkdir -p "$swift/devices/d"
    printf '[swift-hash]\nswift_hash_path_suffix = envelope\n' \
        >"$swift/swift.conf"
    for server in account container object; do
        swift_storage $server
    done >"$swift/rings.log"
    swift_proxy
    export AWS_ACCESS_KEY_ID=$swift_user AWS_SECRET_ACCESS_KEY=$swift_key
    export AWS_DEFAULT_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true
    export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
    AWS="env -u OPENSSL_MODULES CRYPTOGRAPHY_OPENSSL_NO_LEGACY=1 $aws \
--endpoint-url http://127.0.0.1:$swift_port"
    export AWS
    swift_wait
}

# Until all of them answer, or one has died
swift_wait() {
    # shellcheck disable=SC2086 # $AWS is words
    "$PYTHON" -c 'import os, socket, sys, time
end = time.monotonic() + 60
ports = [int(port) for port in sys.argv[1].split()]
while ports and time.monotonic() < end:
    for pid in sys.argv[2].split():
        os.kill(int(pid), 0)
    try:
        socket.create_connection(("127.0.0.1", ports[0]), 1).close()
        ports.pop(0)
    except OSError:
        time.sleep(0.2)
sys.exit(bool(ports))' "$swift_ports" "$swift_pids" \
        && timeout 60 $AWS s3api create-bucket --bucket backups >"$swift/aws.log"
}

swift_stop() {
    # shellcheck disable=SC2086 # numbers
    [ -z "${swift_pids-}" ] || kill $swift_pids 2>/dev/null || true
    wait
}
