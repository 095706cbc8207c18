# SPDX-License-Identifier: Apache-2.0
# The command

noinst_LTLIBRARIES += libenvl-tools.la
libenvl_tools_la_SOURCES = \
	%D%/arguments.c \
	%D%/arguments.h \
	%D%/commands.h \
	%D%/completion.c \
	%D%/context.c \
	%D%/context.h \
	%D%/crypt.c \
	%D%/damage_report.c \
	%D%/damage_report.h \
	%D%/entry.c \
	%D%/entry.h \
	%D%/extract.c \
	%D%/facts.c \
	%D%/facts.h \
	%D%/file_digest.c \
	%D%/file_digest.h \
	%D%/file_list.c \
	%D%/file_list.h \
	%D%/fingerprint.c \
	%D%/fingerprint.h \
	%D%/os/disk.c \
	%D%/os/disk.h \
	%D%/os/ending.c \
	%D%/os/ending.h \
	%D%/os/free_name.c \
	%D%/os/free_name.h \
	%D%/header.c \
	%D%/header_restore.c \
	%D%/header_restore.h \
	%D%/help.c \
	%D%/help.h \
	%D%/input_file.c \
	%D%/input_file.h \
	%D%/inside_file.c \
	%D%/inside_file.h \
	%D%/inspect.c \
	%D%/os/journal.c \
	%D%/os/journal.h \
	%D%/json.c \
	%D%/json.h \
	%D%/key_pair.c \
	%D%/key_pair.h \
	%D%/keygen.c \
	%D%/list.c \
	%D%/measure.c \
	%D%/measure.h \
	%D%/no_key.c \
	%D%/os/output.c \
	%D%/os/output.h \
	%D%/os/program.c \
	%D%/os/program.h \
	%D%/os/progress.c \
	%D%/os/progress.h \
	%D%/os/prompt.c \
	%D%/os/prompt.h \
	%D%/part.c \
	%D%/part.h \
	%D%/parts.c \
	%D%/parts.h \
	%D%/patterns.c \
	%D%/patterns.h \
	%D%/range.c \
	%D%/receipt.c \
	%D%/receipt.h \
	%D%/receipt_file.c \
	%D%/receipt_file.h \
	%D%/rewrap.c \
	%D%/rewrap_result.c \
	%D%/rewrap_result.h \
	%D%/salvage.c \
	%D%/os/replace.c \
	%D%/os/replace.h \
	%D%/secrets.c \
	%D%/secrets.h \
	%D%/signers.c \
	%D%/signers.h \
	%D%/os/term_safe.c \
	%D%/os/term_safe.h \
	%D%/sparse.c \
	%D%/sparse.h \
	%D%/status.c \
	%D%/status.h \
	%D%/table.c \
	%D%/table.h \
	%D%/taker.c \
	%D%/taker.h \
	%D%/target_file.c \
	%D%/target_file.h \
	%D%/os/temporary.c \
	%D%/os/temporary.h \
	%D%/verify.c

bin_PROGRAMS += envelope
envelope_SOURCES = %D%/main.c
envelope_LDADD = libenvl-tools.la libenvl-filter.la libenvl-provider.la $(CRYPTO_LIBS) $(PTHREAD_LIBS)
