# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Real PostgreSQL servers for tests of backups, one at a time.  They have no network
# and live in the test's directory.  Sourced after tap.sh and its plan, not run; it
# skips the rest where there can be none.
#
#   $as                  before a command: as the user of the server
#   make_server NAME [OPTION...]     ./NAME, with options of initdb
#   start_server NAME [OPTION...]    on ./NAME, with options of postgres; its log is
#                        ./NAME.log; not in a subshell, or stopped there, too
#   answers NAME         wait until it does
#   sql STATEMENT
#   stop_server

for bin in /usr/lib/postgresql/*/bin; do
    PATH=$bin:$PATH
done
need initdb pg_basebackup postgres psql

# The server refuses to be root.
as=
if [ "$(id -u)" -eq 0 ]; then
    id postgres >/dev/null 2>&1 || skip_rest 'there is no user postgres'
    need runuser
    as='runuser -u postgres --'
    chown postgres "$tests_dir"
    $as test -w "$tests_dir" || skip_rest "postgres cannot enter $tests_dir"
fi

server=
stop_server() {
    [ -z "$server" ] || kill -QUIT "$(head -n 1 "$data/postmaster.pid")" 2>/dev/null
    [ -z "$server" ] || wait "$server" 2>/dev/null
    server=
}
# shellcheck disable=SC2034 # of tap.sh
cleanup=stop_server

make_server() {
    data=$1
    shift
    # shellcheck disable=SC2086 # $as is words
    $as initdb -D "$tests_dir/$data" -U owner -A trust -N "$@"
}

# No runuser is left between us and the server, so that its pid is the server's.
start_server() {
    data=$1
    shift
    rm -f "$data/postmaster.pid"
    # shellcheck disable=SC2086 # words
    $as postgres -D "$tests_dir/$data" -k "$tests_dir" -c listen_addresses= \
        -c fsync=off -c shared_buffers=16MB -c max_wal_senders=4 "$@" \
        </dev/null >>"$data.log" 2>&1 &
    server=$!
}

sql() {
    psql -h "$tests_dir" -U owner -qtA -d postgres -c "$1"
}

answers() {
    tries=0
    until sql 'select 1' >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ $tries -gt 300 ] || ! kill -0 "$server"; then
            cat "$data.log"
            return 1
        fi
        sleep 0.1
    done
}
