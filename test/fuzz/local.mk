# SPDX-License-Identifier: Apache-2.0
# Fuzz targets: libFuzzer's where configured (--enable-fuzzers), and otherwise
# programs that replay the corpus

fuzz_targets = \
	%D%/fuzz_carrier \
	%D%/fuzz_diff \
	%D%/fuzz_header \
	%D%/fuzz_inside \
	%D%/fuzz_key_envelope \
	%D%/fuzz_known_hosts \
	%D%/fuzz_open \
	%D%/fuzz_openssh \
	%D%/fuzz_receipt \
	%D%/fuzz_signatures
if KMS
fuzz_targets += \
	%D%/fuzz_kms_reply \
	%D%/fuzz_kms_sign \
	%D%/fuzz_kms_text
endif
EXTRA_PROGRAMS += $(fuzz_targets)

libtest_la_SOURCES += \
	%D%/keys.h %D%/target.h \
	%D%/mend.c %D%/mend.h \
	%D%/readers.c %D%/readers.h
if FUZZERS
%C%_fuzz_diff_SOURCES = %D%/fuzz_diff.c %D%/mutate_carrier.c
else
%C%_fuzz_diff_SOURCES = %D%/fuzz_diff.c
libtest_la_SOURCES += %D%/replay.c
fuzz_scripts = %D%/replay.sh
endif
%D%/replay.log: $(fuzz_targets)

EXTRA_DIST += \
	%D%/corpus \
	%D%/make_corpus.py \
	%D%/mutate_carrier.c \
	%D%/replay.c \
	%D%/replay.sh
