#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Verifies or restores a large envelope in N parts, by a job array of Slurm:
#
#     slurm.sh verify KEY N DIRECTORY FILE
#     slurm.sh restore KEY N DIRECTORY FILE OUTPUT
#
# All names are on a file system that all nodes have.  DIRECTORY must not be there:
# the jobs write to it what they prove and what goes wrong.  sbatch takes its options
# from the environment, such as SBATCH_PARTITION and SBATCH_TIMELIMIT; N is below the
# cluster's MaxArraySize, mostly 1001.  The exit status is 0 only if the whole is good.
#
# Where this script is ended, the array goes on.  When all its jobs are done:
#
#     collect.sh FILE N 0 DIRECTORY/*.line
set -eu

usage() {
    echo "usage: slurm.sh verify KEY N DIRECTORY FILE" >&2
    echo "       slurm.sh restore KEY N DIRECTORY FILE OUTPUT" >&2
    exit 2
}

# Slurm runs a copy of this script on a node: one job of the array.
if [ "${1-}" = job ]; then
    part=$SLURM_ARRAY_TASK_ID/$3
    if [ $# -eq 4 ]; then
        exec envelope verify -i "$2" --part "$part" --json -- "$4"
    fi
    exec sh "$6" "$2" "$part" "$4" "$5"
fi

case ${1-}.$# in
verify.5 | restore.6) ;;
*) usage ;;
esac
here=$(cd -- "$(dirname -- "$0")" && pwd)
key=$(realpath -- "$2") n=$3 directory=$4 file=$(realpath -- "$5") output=
if [ "$1" = restore ]; then
    output=$(realpath -- "$6")
    if [ -e "$output" ]; then
        echo "slurm.sh: $output is there already" >&2
        exit 2
    fi
    (set -C && : >"$output.part")
fi
mkdir -- "$directory"

# A job that Slurm starts again, because its node has failed, adds to its files.
engine=0
(cd -- "$directory" \
    && sbatch --wait --array="1-$n" --open-mode=append --output=%a.line \
        --error=%a.err "$here/slurm.sh" job "$key" "$n" "$file" \
        ${output:+"$output.part" "$here/restore-part.sh"}) || engine=$?

(cd -- "$directory" && grep . ./*.err >&2) || :
sh "$here/collect.sh" "$file" "$n" "$engine" "$directory"/*.line
[ -z "$output" ] || mv -- "$output.part" "$output"
