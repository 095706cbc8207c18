# SPDX-License-Identifier: Apache-2.0
# Key services: a module of its own, which alone knows the network

if KMS
noinst_LTLIBRARIES += libenvl-kms.la
libenvl_kms_la_SOURCES = \
	%D%/authorities.c \
	%D%/authorities.h \
	%D%/aws.c \
	%D%/aws_credentials.c \
	%D%/aws_error.c \
	%D%/aws_error.h \
	%D%/aws_key.c \
	%D%/aws_key.h \
	%D%/aws_metadata.c \
	%D%/aws_profile.c \
	%D%/aws_section.c \
	%D%/aws_section.h \
	%D%/aws_sources.h \
	%D%/aws_target.c \
	%D%/aws_target.h \
	%D%/canonical.c \
	%D%/canonical.h \
	%D%/clock.c \
	%D%/clock.h \
	%D%/config.c \
	%D%/config.h \
	%D%/credentials.h \
	%D%/dispatch.c \
	%D%/dispatch.h \
	%D%/endpoint.c \
	%D%/exchange.c \
	%D%/exchange.h \
	%D%/exec.c \
	%D%/generic.c \
	%D%/generic.h \
	%D%/generic_request.c \
	%D%/http.c \
	%D%/http.h \
	%D%/ini.c \
	%D%/ini.h \
	%D%/json.c \
	%D%/json.h \
	%D%/process.c \
	%D%/process.h \
	%D%/section.c \
	%D%/section.h \
	%D%/service.c \
	%D%/service.h \
	%D%/sign.c \
	%D%/sign.h \
	%D%/signer.c \
	%D%/signer.h \
	%D%/sigpipe.c \
	%D%/sigpipe.h \
	%D%/span.c \
	%D%/span.h \
	%D%/tencent.c \
	%D%/tencent_credentials.c \
	%D%/text.c \
	%D%/text.h \
	%D%/text_blob.c \
	%D%/text_blob.h \
	%D%/transport.c \
	%D%/transport.h \
	%D%/uri.c \
	%D%/uri.h \
	%D%/vault.c \
	%D%/vault_server.c \
	%D%/vault_server.h \
	%D%/world.c \
	%D%/world.h
libenvl_kms_la_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS)
libenvl_kms_la_LIBADD = libenvl-base.la $(CURL_LIBS) $(JANSSON_LIBS) $(CRYPTO_LIBS) $(PTHREAD_LIBS)

kmsdir = $(pkglibdir)
kms_LTLIBRARIES = envelope-kms.la
envelope_kms_la_SOURCES = %D%/module.c
envelope_kms_la_LIBADD = libenvl-kms.la
envelope_kms_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -no-undefined -shared \
	-export-symbols-regex '^envl_kms_module$$'
endif
# End of key services
