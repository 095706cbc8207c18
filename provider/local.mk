# SPDX-License-Identifier: Apache-2.0
# The EVP face

noinst_LTLIBRARIES += libenvl-provider.la
libenvl_provider_la_SOURCES = \
	%D%/cipher.c \
	%D%/cipher_params.c \
	%D%/config.c \
	%D%/hybrid.h \
	%D%/hybrid_codec.c \
	%D%/hybrid_der.c \
	%D%/hybrid_der.h \
	%D%/hybrid_kem.c \
	%D%/hybrid_key.c \
	%D%/hybrid_keymgmt.c \
	%D%/provider.c \
	%D%/provider.h \
	%D%/raise.c
libenvl_provider_la_LIBADD = libenvl.la
