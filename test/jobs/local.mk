# SPDX-License-Identifier: Apache-2.0
# The scripts of jobs/, with the programs that call them

jobs_scripts = \
	%D%/backup.sh \
	%D%/btrfs.sh \
	%D%/files.sh \
	%D%/inventory.sh \
	%D%/kubernetes.sh \
	%D%/mariadb.sh \
	%D%/mariadb_links.sh \
	%D%/mariadb_logs.sh \
	%D%/postgresql.sh \
	%D%/rclone.sh \
	%D%/receive.sh \
	%D%/receive_requests.sh \
	%D%/receive_ssh.sh \
	%D%/restore_test.sh \
	%D%/rotate.sh \
	%D%/tar.sh \
	%D%/tar_restore.sh \
	%D%/wal.sh

EXTRA_DIST += \
	%D%/mariadb_chain.sh \
	%D%/pod.py \
	%D%/store.sh \
	%D%/tar_support.sh
