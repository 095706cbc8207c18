#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# envelope-send through a real sshd to envelope-receive: connections that die on
# either side, requests of a hostile sender, directories that cannot be written to.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 10
not_sanitized 'it is about scripts'
. "$srcdir/test/jobs/store.sh"
PATH=$PATH:/usr/sbin:/sbin
need ssh ssh-keygen sftp sshd timeout "$PYTHON"

# Of root's sshd the system must have a directory, and what is not writable is for
# others: the store's user is another one, with a shell.
as='' user=$(id -un)
if [ "$(id -u)" -eq 0 ]; then
    id postgres >/dev/null 2>&1 || skip_rest 'there is no user postgres'
    need runuser
    as='runuser -u postgres --' user=postgres
    chmod 755 "$tests_dir"
    $as test -x "$tests_dir" || skip_rest "postgres cannot enter $tests_dir"
fi

server=
stop_server() {
    [ -z "$server" ] || kill "$server" 2>/dev/null
    [ -z "$server" ] || wait "$server" 2>/dev/null
}
# shellcheck disable=SC2034 # of tap.sh
cleanup=stop_server

free_port() {
    "$PYTHON" -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# The line of authorized_keys is the manual's, with the paths of here.
authorized() {
    sed -n "/^command=/{
        s,/usr/local/libexec/envelope,$tests_dir/bin,
        s,/srv/backups/db1,$tests_dir/store,
        s,/usr/local/etc/envelope,$tests_dir,
        s,ssh-ed25519 AAAA.*,$(cat sender.pub),p
    }" "$srcdir/doc/envelope-jobs.7"
}

# What the store runs is in ./bin: the user may not come to where this was built.
# It leaves marks of how far it is; verify waits where a test wants that.
make_store() {
    make_keys
    mkdir bin marks
    cp "$envelope" bin/envelope.real
    cp "$srcdir/jobs/envelope-receive" bin/receive
    cat >bin/envelope <<S
#!/bin/sh
if [ "\$1" = verify ]; then
    : >marks/verifying
    while [ -e hold ]; do sleep 0.02; done
fi
exec $tests_dir/bin/envelope.real "\$@"
S
    cat >bin/envelope-receive <<S
#!/bin/sh
cd $tests_dir
pid=\$PPID
while [ -e "/proc/\$pid/status" ] && ! grep -q '^Name:.*sshd' /proc/\$pid/status; do
    pid=\$(sed -n 's/^PPid:[^0-9]*//p' /proc/\$pid/status)
done
echo \$\$ >marks/receive
echo \$pid >marks/sshd
exec $tests_dir/bin/receive "\$@"
S
    cat >ssh <<S
#!/bin/sh
echo \$\$ >marks/ssh
exec ssh -F $tests_dir/ssh_config "\$@"
S
    chmod 755 bin/* ssh
    ssh-keygen -q -t ed25519 -N '' -f host_key
    ssh-keygen -q -t ed25519 -N '' -f sender
    ssh-keygen -q -t ed25519 -N '' -f stranger
    authorized >authorized_keys
    grep -q "^command=\"$tests_dir/bin/.*,restrict ssh-ed25519 AAAA" authorized_keys
    [ -z "$as" ] || chown -R postgres store marks host_key
}

# Somebody may have taken the port meanwhile: then with another one.
start_server() {
    port=$(free_port)
    cat >sshd_config <<S
Port $port
ListenAddress 127.0.0.1
HostKey $tests_dir/host_key
AuthorizedKeysFile $tests_dir/authorized_keys
PidFile none
StrictModes no
UsePAM no
SetEnv PATH=$tests_dir/bin:/usr/bin:/bin LD_LIBRARY_PATH=${LD_LIBRARY_PATH-}
Subsystem sftp internal-sftp
S
    cat >ssh_config <<S
Host store
    HostName 127.0.0.1
    Port $port
    User $user
    IdentityFile $tests_dir/sender
    IdentitiesOnly yes
    BatchMode yes
    GlobalKnownHostsFile /dev/null
    UserKnownHostsFile $tests_dir/known_hosts
    StrictHostKeyChecking yes
    LogLevel ERROR
    KexAlgorithms curve25519-sha256
S
    echo "[127.0.0.1]:$port $(cut -d ' ' -f 1,2 host_key.pub)" >known_hosts
    # shellcheck disable=SC2086 # $as is words
    $as "$(command -v sshd)" -D -e -f "$tests_dir/sshd_config" </dev/null \
        >sshd.log 2>&1 &
    server=$!
    until grep -q 'Server listening' sshd.log; do
        kill -0 $server 2>/dev/null || return 1
        sleep 0.05
    done
}

ENVELOPE_SSH=$tests_dir/ssh
export ENVELOPE_SSH

both_ways() {
    sends 0 a.env -r ops.pub --label host=db1 -- cat data
    is_there a.env data
    sends 0 b.env --plain -- cat data
    is_there b.env data
    status=0
    envelope-send store a.env -r ops.pub -- cat data || status=$?
    [ $status -eq 3 ]
    is_there a.env data
    nothing_left
}

a_large_one() {
    head -c 20000000 /dev/urandom >large
    for how in '-r ops.pub' --plain; do
        # shellcheck disable=SC2086 # words
        sends 0 large $how -- cat large
        is_there large large
        rm store/large store/large.json
    done
}

program_fails() {
    for how in '-r ops.pub' --plain; do
        # shellcheck disable=SC2016,SC2086 # the program's own; words
        sends 7 c $how -- sh -c 'head -c 500000 data; kill -9 $$'
    done
    nothing_left
}

calls() { # STATUS ARGUMENT... - of ssh
    calls_status=0 calls_want=$1
    shift
    timeout 60 ./ssh "$@" </dev/null >out 2>err || calls_status=$?
    cat out err
    [ "$calls_status" -eq "$calls_want" ]
}

nothing_else() {
    find store | sort >before
    for command in 'put ../c' 'put c; touch d' 'publish a/b c' 'cat a.env' ls \
        'rm a.env'; do
        calls 2 store "$command"
        grep -q 'envelope-receive: refused' err
    done
    # A shell of his own, a terminal, files, other hosts
    calls 2 store
    calls 255 -tt store
    calls 2 -s store sftp
    calls 255 -W 127.0.0.1:1 store
    find store | sort | diff before -
}

is_gone() { # PID
    ! kill -0 "$1"
}

# dies STATUS WHO BYTES OPTION... - while the program has written so much, and has not
# ended
dies() {
    want=$1 who=$2 bytes=$3
    shift 3
    rm -f go written marks/*
    envelope-send store c "$@" -- sh -c "head -c $bytes data; : >written
        while [ -e data ] && [ ! -e go ]; do sleep 0.02; done" 2>err &
    echo $! >marks/sender
    comes [ -e written ]
    comes [ -s "marks/$who" ]
    comes [ -s marks/sshd ]
    kill -9 "$(cat "marks/$who")"
    [ "$who" != sender ] || ssh=$(cat marks/ssh)
    : >go
    status=0
    wait "$(cat marks/sender)" || status=$?
    cat err
    [ $status -eq "$want" ]
    # What it has started goes on, and gives no name.
    [ "$who" != sender ] || comes is_gone "$ssh"
    is_absent c
}

killed() { # WHO STATUS
    for bytes in 0 500000 1288895; do
        dies "$2" "$1" "$bytes" -r ops.pub
        dies "$2" "$1" "$bytes" --plain
    done
}

# held OPTION... - until verify is about to read what has arrived
held() {
    rm -f marks/*
    : >hold
    envelope-send store c "$@" -- cat data 2>err &
    sender=$!
    comes [ -e marks/verifying ]
}

ended() { # STATUS
    status=0
    wait "$sender" || status=$?
    cat err
    [ $status -eq "$1" ]
}

# The store goes on without the sender, who must not say that nothing was stored.
killed_at_the_end() {
    for how in '-r ops.pub' --plain; do
        for who in ssh sshd; do
            # shellcheck disable=SC2086 # words
            held $how
            kill -9 "$(cat "marks/$who")"
            ended 6
            rm hold
            comes [ -e store/c ]
            is_there c data
            rm store/c store/c.json
        done
        # shellcheck disable=SC2086
        held $how
        kill -9 "$(cat marks/receive)"
        rm hold
        ended 6
        is_absent c
        # shellcheck disable=SC2086
        held $how
        kill "$(cat marks/receive)"
        rm hold
        ended 5
        is_absent c
    done
}

not_writable() {
    for dir in store/.incoming store; do
        chmod 500 $dir
        sends 5 c -r ops.pub -- cat data
        sends 5 c --plain -- cat data
        chmod 700 $dir
    done
}

no_connection() {
    mv sender known
    cp stranger sender
    sends 4 c -r ops.pub -- cat data
    sends 4 c --plain -- cat data
    mv known sender
    sends 0 known -r ops.pub -- cat data
    mv known_hosts hosts
    sends 4 c -r ops.pub -- cat data
    mv hosts known_hosts
    ENVELOPE_SSH='' sends 4 c -r ops.pub -- cat data
}

set_up make_store
start_server || start_server || start_server || {
    sed 's/^/# /' sshd.log
    skip_rest 'sshd does not start'
}
t "encrypted here, and encrypted there" both_ways
t "20 MB" a_large_one
t "a program that fails" program_fails
t "nothing else can be asked for" nothing_else
t "the sender's ssh is killed" killed ssh 4
t "the store's sshd is killed" killed sshd 4
t "the sender is killed" killed sender 137
t "killed when all but the name is there" killed_at_the_end
t "directories that cannot be written to" not_writable
t "no connection" no_connection
