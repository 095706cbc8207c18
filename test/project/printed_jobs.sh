#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# envelope-jobs(7): for each of its examples, the test of test/jobs that does the same
# with the real servers.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 1
. "$srcdir/test/project/printed_support.sh"

# done_by TEST BLOCK... - the next blocks of the page begin so
done_by() {
    [ -e "$srcdir/$1" ]
    done_in=$1
    shift
    for block; do
        leaves "$block" "$done_in does it"
    done
}

jobs() {
    page doc/envelope-jobs.7
    done_by test/jobs/postgresql.sh \
        '/usr/local/libexec/envelope/envelope-wal init' archive_mode \
        restore_command 'envelope encrypt' 'mkdir -m 700' 'for file in'
    done_by test/jobs/backup.sh /usr/local/libexec/envelope/envelope-backup \
        '#!/bin/sh' 'useradd --system'
    done_by test/jobs/kubernetes.sh 'podman build'
        restore_command 'envelope encrypt' 'mkdir -m 700' 'for file in' \
        'envelope encrypt' 'envelope decrypt'
    done_by test/jobs/mariadb.sh \
        '/usr/local/libexec/envelope/envelope-mariadb full' \
        '/usr/local/libexec/envelope/envelope-mariadb restore'
    done_by test/interop/one_table.sh 'mkdir part'
    done_by test/jobs/mariadb_logs.sh \
        '/usr/local/libexec/envelope/envelope-wal init' \
        'mariadb-binlog --read-from-remote-server' 'ls -v spool' \
        'set -o pipefail' 'envelope encrypt' 'envelope decrypt'
    page_ends
}

set_up machine
t 'envelope-jobs(7)' jobs
