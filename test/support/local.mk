# SPDX-License-Identifier: Apache-2.0
# What tests of all rooms have in common

if HAVE_CMOCKA
libtest_la_SOURCES += %D%/bytes.c
endif
libtest_la_SOURCES += \
	%D%/der.c \
	%D%/memory.c \
	%D%/process.c

EXTRA_DIST += \
	%D%/bytes.h \
	%D%/certificate.h \
	%D%/cmocka.h \
	%D%/cmocka.sh \
	%D%/der.h \
	%D%/driver.sh \
	%D%/memory.h \
	%D%/no_cmocka.sh \
	%D%/process.h \
	%D%/program.sh \
	%D%/real.h \
	%D%/python.sh \
	%D%/support.h \
	%D%/tap.sh
