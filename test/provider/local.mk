# SPDX-License-Identifier: Apache-2.0
# EVP through the built module, and openssl with it: what a program sees

provider_tests = \
	%D%/test_contract \
	%D%/test_damage \
	%D%/test_hybrid \
	%D%/test_keys_kept \
	%D%/test_kms \
	%D%/test_memory \
	%D%/test_recipients \
	%D%/test_room \
	%D%/test_salvage \
	%D%/test_signed \
	%D%/test_stream \
	%D%/test_vectors

if HAVE_CMOCKA
libtest_la_SOURCES += %D%/support.c
endif
provider_scripts = \
	%D%/beside.sh \
	%D%/configuration.sh \
	%D%/configuration_files.sh \
	%D%/configuration_fips.sh \
	%D%/enc.sh \
	%D%/enc_configuration.sh \
	%D%/enc_damage.sh \
	%D%/enc_recipients.sh

# A provider that stands in for OpenSSL's FIPS module
check_LTLIBRARIES = %D%/fips/fips.la
%C%_fips_fips_la_SOURCES = %D%/fips/fips.c
%C%_fips_fips_la_LIBADD = $(CRYPTO_LIBS)
%C%_fips_fips_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -no-undefined \
	-rpath /nowhere -export-symbols-regex '^OSSL_provider_init$$'

EXTRA_DIST += \
	%D%/enc_key.sh \
	%D%/faces.sh \
	%D%/hybrid.txt \
	%D%/one_shot.c \
	%D%/support.h
