#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the indexed Job of a manifest such as kubernetes.yaml, and judges what its pods
# have printed:
#
#     kubernetes.sh MANIFEST
#     kubernetes.sh job.batch/NAME
#
# The second form waits for a Job that is there already, such as one whose script
# was ended.  kubectl takes cluster and namespace from its configuration.  Pods must not
# be removed before.  The exit status is 0 only if the whole is good.
set -eu
if [ $# -ne 1 ]; then
    echo "usage: kubernetes.sh MANIFEST | job.batch/NAME" >&2
    exit 2
fi
here=$(cd -- "$(dirname -- "$0")" && pwd)
case $1 in
job.batch/*) job=$1 ;;
*) job=$(kubectl create -f "$1" -o name) ;;
esac
echo "$job" >&2
n=$(kubectl get "$job" -o jsonpath='{.spec.completions}')

# Its activeDeadlineSeconds end it at last; only a cluster that is silent does not.
silent=0 engine=
until [ -n "$engine" ]; do
    if ended=$(kubectl get "$job" \
        -o jsonpath='{.status.conditions[?(@.status=="True")].type}'); then
        silent=0
    else
        silent=$((silent + 1))
        if [ $silent -ge 60 ]; then
            echo "kubernetes.sh: no answer about $job" >&2
            exit 1
        fi
    fi
    case " $ended " in
    *' Complete '*) engine=0 ;;
    *' Failed '*) engine=1 ;;
    *) sleep "${PAUSE:-5}" ;;
    esac
done

pods() { # JSONPATH-OF-A-POD
    kubectl get pods --selector="batch.kubernetes.io/job-name=${job#*/}" \
        -o jsonpath="{range .items[*]}$1{\"\\n\"}{end}"
}

lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
pods '{.status.containerStatuses[0].state.terminated.message}' \
    | sed '/^$/d' >"$lines"
pods '{.metadata.name}: {.status.phase} {.status.containerStatuses[0].state.terminated.exitCode}' \
    | grep -v ': Succeeded' >&2 || :
sh "$here/collect.sh" "$job" "$n" $engine "$lines"
