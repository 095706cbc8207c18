# SPDX-License-Identifier: Apache-2.0
# Programs that show how it is used

examples = \
	%D%/archiver \
	%D%/crypt \
	%D%/embed \
	%D%/extractor \
	%D%/range
examples_archiver_SOURCES = %D%/archiver.c
examples_archiver_CFLAGS = $(AM_CFLAGS) $(ARCHIVE_CFLAGS)
examples_archiver_LDADD = libenvelope-archive.la $(ARCHIVE_LIBS)
examples_crypt_SOURCES = %D%/crypt.c
examples_crypt_LDADD = $(CRYPTO_LIBS)
examples_embed_SOURCES = %D%/embed.c
examples_embed_LDADD = libenvelope.la $(CRYPTO_LIBS)
examples_extractor_SOURCES = %D%/extractor.c
examples_extractor_CFLAGS = $(AM_CFLAGS) $(ARCHIVE_CFLAGS)
examples_extractor_LDADD = libenvelope-archive.la $(ARCHIVE_LIBS)
examples_range_SOURCES = %D%/range.c
examples_range_LDADD = $(CRYPTO_LIBS)
