#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# envelope-backup: a run, its receipt and what Prometheus reads of it; and the units of
# systemd that start it.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 11
not_sanitized 'it is about scripts'
need ps timeout
PATH=${envelope%/*}:$PATH
backup=$srcdir/jobs/envelope-backup
ENVELOPE_METRICS=$tests_dir/metrics
export ENVELOPE_METRICS

make_all() {
    "$envelope" keygen -o ops.key
    mkdir metrics store
    head -c 300000 /dev/urandom >plain
}
set_up make_all

# ends STATUS ARGUMENT... - envelope-backup, with what it says in ./err
ends() {
    ends_want=$1
    shift
    ended "$ends_want" timeout 60 "$backup" "$@"
}

# shows METRIC - its value; the client's own parser reads the file
shows() {
    "$PYTHON" -c '
import sys
from prometheus_client.parser import text_string_to_metric_families
for family in text_string_to_metric_families(open(sys.argv[1]).read()):
    assert family.type == "gauge" and family.documentation, family
    for sample in family.samples:
        assert sample.labels == {"backup": "orders"}, sample
        if sample.name == "envelope_backup_" + sys.argv[2]:
            print(int(sample.value))
' metrics/envelope_backup_orders.prom "$1"
}

newest() {
    for newest_file in store/orders-*.env; do :; done
    [ -e "$newest_file" ]
    echo "$newest_file"
}

good() {
    before=$(date +%s)
    ends 0 store orders -r ops.pub -- cat plain
    [ ! -s err ]
    made=$(newest)
    "$envelope" decrypt -i ops.key --require-label job=orders "$made" | cmp - plain
    "$envelope" verify --no-key --receipt "${made%.env}.json" "$made"
    [ "$(shows last_run_status)" -eq 0 ]
    [ "$(shows last_success_data_bytes)" -eq 300000 ]
    [ "$(shows last_success_file_bytes)" -eq "$(size_of "$made")" ]
    [ "$(shows last_success_time_seconds)" -ge "$before" ]
    [ "$(shows last_success_time_seconds)" -le "$(date +%s)" ]
    [ "$(shows last_run_time_seconds)" -eq "$(shows last_success_time_seconds)" ]
    [ "$(shows last_success_duration_seconds)" -ge 0 ]
    [ "$(ls -A store | wc -l)" -eq 2 ]
    [ "$(ls -A metrics | wc -l)" -eq 1 ]
}

# Labels may have the words of the receipt's members.
words() {
    mkdir other
    ends 0 other orders -r ops.pub --label 'note=","plaintext_size":7,"file_size":8,' \
        -- cat plain
    [ "$(shows last_success_data_bytes)" -eq 300000 ]
    [ "$(shows last_success_file_bytes)" -eq "$(size_of other/orders-*.env)" ]
}

# What was said of the last success stays.
failures() {
    was=$(shows last_success_time_seconds)
    LC_ALL=C ls -A store >before
    ends 7 store orders -r ops.pub -- sh -c 'cat plain; exit 3'
    [ "$(shows last_run_status)" -eq 7 ]
    ends 7 store orders -r ops.pub -- sh -c 'cat plain; kill -9 $$'
    ends 7 store orders -r ops.pub -- no-such-program
    ends 1 store orders -r none.pub -- cat plain
    [ "$(shows last_run_status)" -eq 1 ]
    ends 1 store orders -- cat plain
    ends 1 none orders -r ops.pub -- cat plain
    [ "$(shows last_success_time_seconds)" -eq "$was" ]
    [ "$(shows last_success_data_bytes)" -eq 300000 ]
    LC_ALL=C ls -A store | cmp - before
}

# Who can make files in the directory of the metrics does not choose where they go.
hostile_metrics() {
    mkdir hostile
    echo secret >victim
    chmod 600 victim
    for name in $(seq 300); do
        ln -s ../victim "metrics/.envelope_backup_orders.$(($$ + name))"
    done
    rm -f metrics/envelope_backup_orders.prom
    mkfifo metrics/envelope_backup_orders.prom
    ends 7 hostile orders -r ops.pub -- false
    [ "$(cat victim)" = secret ]
    [ "$(stat -c %a victim)" = 600 ]
    [ -f metrics/envelope_backup_orders.prom ]
    rm metrics/.envelope* metrics/*
    ln -s ../victim metrics/envelope_backup_orders.prom
    ends 0 hostile orders -r ops.pub -- cat plain
    [ "$(cat victim)" = secret ]
    rm metrics/*
}

# An option of the caller is not in the place of ours.
elsewhere() {
    mkdir place
    ends 0 place orders -r ops.pub -o elsewhere --receipt there --label x=y -- cat plain
    [ ! -e elsewhere ]
    [ ! -e there ]
    "$envelope" decrypt -i ops.key --require-label x=y place/orders-*.env | cmp - plain
}

called_wrongly() {
    LC_ALL=C ls -A store metrics >before
    for name in '' . .hidden -r a/b 'a b' 'a"b' "a
b" ../x; do
        ends 2 store "$name" -r ops.pub -- cat plain
    done
    ends 2 store orders -r ops.pub
    ends 2 store orders
    ends 2
    LC_ALL=C ls -A store metrics | cmp - before
}

# gone PID - it has ended, and may still wait for its parent to look
gone() {
    tries=0
    while ps -o stat= -p "$1" | grep -q '^[^Z]'; do
        tries=$((tries + 1))
        [ $tries -lt 100 ]
        sleep 0.1
    done
}

# It alone gets the signal, as the first process of a container does.
stopped() {
    rm -f metrics/*
    mkfifo never
    for signal in TERM HUP; do
        LC_ALL=C ls -A store >before
        "$backup" store orders -r ops.pub -- sh -c 'echo $$ >pid; exec cat never' &
        job=$!
        exec 9>never
        kill -s $signal $job
        status=0
        wait $job || status=$?
        exec 9>&-
        [ $status -ne 0 ]
        gone "$(cat pid)"
        LC_ALL=C ls -A store | cmp - before
        [ "$(shows last_run_status)" -eq $status ]
        [ -z "$(shows last_success_time_seconds)" ]
    done
}

# The backup is there, and somebody has to know that nobody watches it.
no_metrics() {
    mkdir unwatched
    ENVELOPE_METRICS=$tests_dir/none ends 1 unwatched orders -r ops.pub -- cat plain
    grep -q 'none: cannot write what Prometheus reads$' err
    "$envelope" decrypt -i ops.key unwatched/orders-*.env | cmp - plain
    rm unwatched/*
    ENVELOPE_METRICS=$tests_dir/none ends 7 unwatched orders -r ops.pub -- false
    (
        unset ENVELOPE_METRICS
        ends 0 unwatched orders -r ops.pub -- cat plain
    )
}

if "$PYTHON" -c 'import prometheus_client' 2>/dev/null; then
    t 'a run' good
    t 'labels that look like a receipt' words
    t 'runs that fail' failures
    t 'a signal' stopped
    t 'no place for the metrics' no_metrics
else
    for name in 1 2 3 4 5; do
        skip "metrics $name" 'python3-prometheus-client is not installed'
    done
fi
t 'called wrongly' called_wrongly
t 'a directory that others write to' hostile_metrics
t 'options that we give ourselves' elsewhere

# --- systemd ------------------------------------------------------------------

# The units, with the paths of here
units() {
    mkdir units
    for unit in "$srcdir"/jobs/systemd/*; do
        sed "s,/usr/local/libexec/envelope,$srcdir/jobs,
            s,/usr/local/etc/envelope,$tests_dir/etc,g
            /^Documentation=/d" "$unit" >"units/${unit##*/}"
    done
}

well_formed() {
    units
    systemd-analyze verify --man=no units/envelope-*@.* 2>said || {
        cat said
        return 1
    }
    cat said
    # Others of the machine's units may be told of; ours not.
    ! grep envelope said || false
}

hardened() {
    for unit in units/envelope-*@.service; do
        systemd-analyze security --no-pager --offline=true --threshold=20 "$unit"
    done
}

# What the service starts, without systemd: its line, with its specifiers
started() {
    mkdir -p etc/jobs etc/recipients credentials state/orders/metrics
    cp ops.pub etc/recipients
    echo 'password of the database' >credentials/login
    cat >etc/jobs/orders <<'S'
#!/bin/sh
cat "$CREDENTIALS_DIRECTORY/login" plain
S
    chmod +x etc/jobs/orders
    line=$(sed -n 's/^ExecStart=//p' units/envelope-backup@.service \
        | sed "s/%i/orders/g; s,/var/lib/envelope,$tests_dir/state,")
    # shellcheck disable=SC2086 # systemd splits it there, too
    CREDENTIALS_DIRECTORY=$tests_dir/credentials $line
    { cat credentials/login plain; } >want
    "$envelope" decrypt -i ops.key state/orders/orders-*.env | cmp - want
}

if command -v systemd-analyze >/dev/null; then
    t 'the units are well-formed' well_formed
    t 'the services are hardened' hardened
else
    units
    skip 'the units are well-formed' 'systemd is not installed'
    skip 'the services are hardened' 'systemd is not installed'
fi
t 'what the service starts' started
