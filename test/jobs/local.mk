# SPDX-License-Identifier: Apache-2.0
# The scripts of jobs/, with the programs that call them

jobs_scripts = \
	%D%/postgresql.sh \
	%D%/wal.sh
