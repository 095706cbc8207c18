#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Verifies or restores large envelopes in N parts, by jobs of GNU parallel:
#
#     parallel.sh verify KEY N FILE...
#     parallel.sh restore KEY N FILE OUTPUT
#
# GNU parallel takes its options from $PARALLEL: PARALLEL='--jobs 4', or
# PARALLEL='--sshloginfile hosts' where all hosts have the same files under the
# same absolute names.  The exit status is 0 only if the whole is good.
set -eu
here=$(cd -- "$(dirname -- "$0")" && pwd)

usage() {
    echo "usage: parallel.sh verify KEY N FILE..." >&2
    echo "       parallel.sh restore KEY N FILE OUTPUT" >&2
    exit 2
}

# Arguments after ::: are quoted for the shells of all hosts.
verify() { # FILE
    jobs=0
    # shellcheck disable=SC2046 # numbers
    parallel envelope verify -i '{1}' --part '{2}/{3}' --json -- '{4}' \
        ::: "$key" ::: $(seq "$n") ::: "$n" ::: "$1" >"$lines" || jobs=$?
    sh "$here/collect.sh" "$1" "$n" $jobs "$lines"
}

# OUTPUT has its name when it is the whole.
restore() { # FILE OUTPUT
    if [ -e "$2" ]; then
        echo "parallel.sh: $2 is there already" >&2
        return 2
    fi
    (set -C && : >"$2.part")
    jobs=0
    # shellcheck disable=SC2046
    parallel sh '{1}' '{2}' '{3}/{4}' '{5}' '{6}' \
        ::: "$here/restore-part.sh" ::: "$key" ::: $(seq "$n") ::: "$n" \
        ::: "$1" ::: "$2.part" >"$lines" || jobs=$?
    sh "$here/collect.sh" "$1" "$n" $jobs "$lines"
    mv -- "$2.part" "$2"
}

[ $# -ge 4 ] || usage
command=$1 key=$2 n=$3
shift 3
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

case $command in
verify)
    status=0
    for file; do
        found=0
        verify "$file" || found=$?
        [ $found -le $status ] || status=$found
    done
    exit $status
    ;;
restore)
    [ $# -eq 2 ] || usage
    restore "$1" "$2"
    ;;
*) usage ;;
esac
