#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Restores one of N parts of an envelope to its place in a file that all parts share,
# and prints the line for `envelope verify --parts`:
#
#     restore-part.sh KEY I/N FILE OUTPUT
#
# OUTPUT must be there.  It may be used when the lines of all parts are the whole,
# and not before: parallel.sh and slurm.sh take care of that.
set -eu
if [ $# -ne 4 ]; then
    echo "usage: restore-part.sh KEY I/N FILE OUTPUT" >&2
    exit 2
fi
key=$1 part=$2 file=$3 output=$4

# Both commands read one open file, whatever comes under its name meanwhile.
exec 3<"$file"
line=$(envelope verify -i "$key" --part "$part" --json /dev/fd/3)
first=${line#*\"first\":}
first=${first%%,*}

# The first chunk's place in the data: a chunk has 16384 bytes.
envelope decrypt -i "$key" --part "$part" /dev/fd/3 -- dd of="$output" bs=1M \
    seek=$((first * 16384)) oflag=seek_bytes conv=notrunc,nocreat,fsync status=none

# It is said when the data is on the disk.
printf '%s\n' "$line"
