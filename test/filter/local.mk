# SPDX-License-Identifier: Apache-2.0
# Carriers, the pump, archives and the door

filter_tests = \
	%D%/archive/test_damage \
	%D%/archive/test_look \
	%D%/archive/test_memory \
	%D%/archive/test_read \
	%D%/archive/test_seek \
	%D%/archive/test_write \
	%D%/archive/test_write_fails \
	%D%/carrier/test_carrier \
	%D%/carrier/test_carrier_refused \
	%D%/carrier/test_map \
	%D%/inside/test_inside \
	%D%/stream/test_fd \
	%D%/stream/test_pump \
	%D%/stream/test_pump_fails \
	%D%/stream/test_pump_memory \
	%D%/stream/test_pump_process \
	%D%/stream/test_repack \
	%D%/stream/test_session

if HAVE_CMOCKA
libtest_la_SOURCES += \
	%D%/carrier/carrier.c \
	%D%/stream/peer.c \
	%D%/stream/pump.c
endif
%C%_stream_test_repack_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=envl_outlet_put
%C%_stream_test_session_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=envelope_provider_init \
	-Wl,--wrap=envl_payload_batch

# Archives as a program meets them: the installed headers and the library
archive_libs = libenvelope-archive.la $(ARCHIVE_LIBS) $(CMOCKA_LIBS) $(CRYPTO_LIBS) \
	$(DL_LIBS) $(PTHREAD_LIBS)
archive_support = %D%/archive/support.c %D%/archive/support.h
%C%_archive_test_damage_SOURCES = %D%/archive/test_damage.c $(archive_support)
%C%_archive_test_damage_LDADD = $(archive_libs)
%C%_archive_test_look_SOURCES = %D%/archive/test_look.c $(archive_support)
%C%_archive_test_look_LDADD = $(archive_libs)
%C%_archive_test_memory_SOURCES = %D%/archive/test_memory.c $(archive_support)
%C%_archive_test_memory_LDADD = libtest.la $(archive_libs)
%C%_archive_test_read_SOURCES = %D%/archive/test_read.c $(archive_support)
%C%_archive_test_read_LDADD = $(archive_libs)
%C%_archive_test_seek_SOURCES = %D%/archive/test_seek.c $(archive_support)
%C%_archive_test_seek_LDADD = $(archive_libs)
%C%_archive_test_write_SOURCES = %D%/archive/test_write.c $(archive_support)
%C%_archive_test_write_LDADD = $(archive_libs)
%C%_archive_test_write_fails_SOURCES = %D%/archive/test_write_fails.c $(archive_support)
%C%_archive_test_write_fails_LDADD = $(archive_libs)

filter_scripts = \
	%D%/archive/records.sh \
	%D%/carrier/carrier.sh \
	%D%/carrier/carrier_descriptors.sh \
	%D%/carrier/carrier_memory.sh \
	%D%/carrier/carrier_refused.sh \
	%D%/carrier/carrier_tools.sh \
	%D%/door/bsdcpio.sh \
	%D%/door/bsdtar.sh \
	%D%/door/bsdtar_append.sh \
	%D%/door/bsdtar_fails.sh \
	%D%/door/bsdtar_options.sh \
	%D%/door/bsdtar_plain.sh \
	%D%/door/bsdtar_trees.sh \
	%D%/door/launcher.sh \
	%D%/door/preload.sh

EXTRA_DIST += \
	%D%/archive/tape.c \
	%D%/archive/tape.py \
	%D%/carrier/carrier.h \
	%D%/carrier/carriers.sh \
	%D%/door/archives.sh \
	%D%/door/launchers.sh \
	%D%/door/opens.c \
	%D%/door/shows.c \
	%D%/stream/peer.h \
	%D%/stream/pump.h
