# SPDX-License-Identifier: Apache-2.0
# The command as people run it

tools_tests = \
	%D%/test_journal \
	%D%/test_output \
	%D%/test_progress \
	%D%/test_prompt

%C%_test_journal_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=envl_to_disk

tools_scripts = \
	%D%/agree.sh \
	%D%/certificate.sh \
	%D%/command_files.sh \
	%D%/command_help.sh \
	%D%/command_keys.sh \
	%D%/command_options.sh \
	%D%/command_process.sh \
	%D%/cost.sh \
	%D%/ends.sh \
	%D%/ends_sends.sh \
	%D%/fingerprint.sh \
	%D%/header_killed.sh \
	%D%/header_refused.sh \
	%D%/header_restore.sh \
	%D%/header_save.sh \
	%D%/inside.sh \
	%D%/inside_tar.sh \
	%D%/inside_xbstream.sh \
	%D%/inspect.sh \
	%D%/keygen.sh \
	%D%/keygen_files.sh \
	%D%/label_sha256.sh \
	%D%/large.sh \
	%D%/no_key.sh \
	%D%/openssh.sh \
	%D%/parts.sh \
	%D%/programs.sh \
	%D%/range.sh \
	%D%/receipt.sh \
	%D%/receipt_signed.sh \
	%D%/rewrap_files.sh \
	%D%/rewrap_killed.sh \
	%D%/rewrap_recipients.sh \
	%D%/rewrap_refused.sh \
	%D%/rewrap_repacked.sh \
	%D%/rewrap_unread.sh \
	%D%/salvage_chunks.sh \
	%D%/salvage_ends.sh \
	%D%/salvage_files.sh \
	%D%/salvage_frames.sh \
	%D%/signatures.sh \
	%D%/terminal.sh

EXTRA_DIST += \
	%D%/command_support.sh \
	%D%/count.c \
	%D%/damage.py \
	%D%/die.c \
	%D%/fail.c \
	%D%/header_support.sh \
	%D%/holes.py \
	%D%/keygen_support.sh \
	%D%/pty.py \
	%D%/receipts.py \
	%D%/sends.py \
	%D%/rewrap_support.sh \
	%D%/salvage_support.sh \
	%D%/terminal.h
