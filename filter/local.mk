# SPDX-License-Identifier: Apache-2.0
# The face of streams and archives: reaches the cipher through EVP

# Each room knows those above it.
noinst_LTLIBRARIES += \
	libenvl-carrier.la \
	libenvl-inside.la \
	libenvl-filter-stream.la \
	libenvl-archive.la \
	libenvl-filter.la

libenvl_carrier_la_SOURCES = \
	%D%/carrier/input.h \
	%D%/carrier/kind.h \
	%D%/carrier/map.c \
	%D%/carrier/map.h \
	%D%/carrier/member.c \
	%D%/carrier/member.h \
	%D%/carrier/pax.c \
	%D%/carrier/pax.h \
	%D%/carrier/reader.c \
	%D%/carrier/reader.h \
	%D%/carrier/reader_impl.h \
	%D%/carrier/reader_tar.c \
	%D%/carrier/reader_xbstream.c \
	%D%/carrier/reassembly.c \
	%D%/carrier/reassembly.h \
	%D%/carrier/tar.c \
	%D%/carrier/tar.h \
	%D%/carrier/writer.c \
	%D%/carrier/writer.h \
	%D%/carrier/xbstream.c \
	%D%/carrier/xbstream.h
libenvl_carrier_la_CFLAGS = $(AM_CFLAGS) $(DEFLATE_CFLAGS)

libenvl_inside_la_SOURCES = \
	%D%/inside/inside.c \
	%D%/inside/inside.h \
	%D%/inside/inside_impl.h \
	%D%/inside/inside_tar.c \
	%D%/inside/inside_xbstream.c \
	%D%/inside/open_files.c \
	%D%/inside/open_files.h

libenvl_filter_stream_la_SOURCES = \
	%D%/stream/blocks.c \
	%D%/stream/blocks.h \
	%D%/stream/carrier_pass.c \
	%D%/stream/carrier_pass.h \
	%D%/stream/chunks.c \
	%D%/stream/chunks.h \
	%D%/stream/cipher.c \
	%D%/stream/cipher.h \
	%D%/stream/codec.c \
	%D%/stream/codec.h \
	%D%/stream/data_end.c \
	%D%/stream/data_end.h \
	%D%/stream/decoder.c \
	%D%/stream/decoder.h \
	%D%/stream/descriptors.c \
	%D%/stream/descriptors.h \
	%D%/stream/encoder.c \
	%D%/stream/encoder.h \
	%D%/stream/fd.c \
	%D%/stream/fd.h \
	%D%/stream/front.c \
	%D%/stream/front.h \
	%D%/stream/header_file.c \
	%D%/stream/header_file.h \
	%D%/stream/header_key.c \
	%D%/stream/header_key.h \
	%D%/stream/header_site.c \
	%D%/stream/header_site.h \
	%D%/stream/library.c \
	%D%/stream/library.h \
	%D%/stream/look.c \
	%D%/stream/look.h \
	%D%/stream/reader.c \
	%D%/stream/reader.h \
	%D%/stream/options.c \
	%D%/stream/options.h \
	%D%/stream/pieces.c \
	%D%/stream/pieces.h \
	%D%/stream/pump.c \
	%D%/stream/pump.h \
	%D%/stream/random.c \
	%D%/stream/random.h \
	%D%/stream/repack.c \
	%D%/stream/repack.h \
	%D%/stream/ring.c \
	%D%/stream/ring.h \
	%D%/stream/sealed.c \
	%D%/stream/sealed.h \
	%D%/stream/send_end.c \
	%D%/stream/send_end.h \
	%D%/stream/shape.c \
	%D%/stream/shape.h \
	%D%/stream/slot.c \
	%D%/stream/slot.h \
	%D%/stream/source.c \
	%D%/stream/source.h \
	%D%/stream/spans.c \
	%D%/stream/spans.h \
	%D%/stream/sums.c \
	%D%/stream/sums.h \
	%D%/stream/scan.c \
	%D%/stream/scan.h

libenvl_archive_la_SOURCES = \
	%D%/archive/client.c \
	%D%/archive/client.h \
	%D%/archive/common.c \
	%D%/archive/common.h \
	%D%/archive/handles.c \
	%D%/archive/handles.h \
	%D%/archive/passthrough.c \
	%D%/archive/passthrough.h \
	%D%/archive/read.c \
	%D%/archive/target.c \
	%D%/archive/target.h \
	%D%/archive/write.c
libenvl_archive_la_CFLAGS = $(AM_CFLAGS) $(ARCHIVE_CFLAGS)
libenvl_archive_la_LIBADD = libenvl-filter.la $(ARCHIVE_LIBS)

libenvl_filter_la_SOURCES =
libenvl_filter_la_LIBADD = libenvl-filter-stream.la libenvl-inside.la libenvl-carrier.la \
	$(DEFLATE_LIBS) $(CRYPTO_LIBS) $(PTHREAD_LIBS)

# bsdtar and its kin: a launcher that runs them, and what it preloads

preloaddir = $(pkglibdir)
preload_LTLIBRARIES = envelope-preload.la
envelope_preload_la_SOURCES = \
	%D%/door/preload.h \
	%D%/door/preload_handle.c \
	%D%/door/preload_names.h \
	%D%/door/preload_options.c \
	%D%/door/preload_read.c \
	%D%/door/preload_start.c \
	%D%/door/preload_write.c
envelope_preload_la_CFLAGS = $(AM_CFLAGS) $(ARCHIVE_CFLAGS)
envelope_preload_la_LIBADD = libenvl-archive.la libenvl-provider.la $(DL_LIBS) $(PTHREAD_LIBS)
envelope_preload_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -no-undefined -shared \
	-export-symbols-regex '^archive_' \
	-Wl,--no-as-needed $(ARCHIVE_LIBS) -Wl,--as-needed

bin_PROGRAMS += bsdtar-envelope
bsdtar_envelope_SOURCES = %D%/door/launch.c %D%/door/launch.h %D%/door/launch_arguments.c
bsdtar_envelope_CPPFLAGS = $(AM_CPPFLAGS) -DENVELOPE_PRELOAD_PATH='"$(preloaddir)/envelope-preload.so"'
