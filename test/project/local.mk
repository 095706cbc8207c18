# SPDX-License-Identifier: Apache-2.0
# The project itself: its documents, packages, rules

project_scripts = \
	%D%/bench.sh \
	%D%/examples.sh \
	%D%/examples_parts.sh \
	%D%/install.sh \
	%D%/install_directories.sh \
	%D%/lint.sh \
	%D%/packages.sh \
	%D%/printed_backups.sh \
	%D%/printed_command.sh \
	%D%/printed_jobs.sh \
	%D%/printed_kms.sh \
	%D%/printed_programs.sh \
	%D%/reproducible.sh
%D%/bench.log: $(benchmarks)
%D%/examples.log: $(examples)

EXTRA_DIST += \
	%D%/installation.sh \
	%D%/kubectl.py \
	%D%/printed_blocks.py \
	%D%/printed_support.sh
