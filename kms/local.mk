# SPDX-License-Identifier: Apache-2.0
# Key services: a module of its own, which alone knows the network

if KMS
noinst_LTLIBRARIES += libenvl-kms.la
libenvl_kms_la_SOURCES = \
	%D%/aws/aws.c \
	%D%/aws/chain.c \
	%D%/aws/credentials.c \
	%D%/aws/endpoint.c \
	%D%/aws/endpoint.h \
	%D%/aws/key.c \
	%D%/aws/key.h \
	%D%/aws/metadata.c \
	%D%/aws/profile.c \
	%D%/aws/section.c \
	%D%/aws/section.h \
	%D%/aws/sources.h \
	%D%/aws/sts.c \
	%D%/aws/target.c \
	%D%/aws/target.h \
	%D%/cloud/ali.c \
	%D%/cloud/ali_credentials.c \
	%D%/cloud/ali_profile.c \
	%D%/cloud/ali_sources.h \
	%D%/cloud/ali_sts.c \
	%D%/cloud/azure.c \
	%D%/cloud/azure.h \
	%D%/cloud/azure_credentials.c \
	%D%/cloud/azure_credentials.h \
	%D%/cloud/azure_versions.c \
	%D%/cloud/google.c \
	%D%/cloud/google_credentials.c \
	%D%/cloud/google_credentials.h \
	%D%/cloud/google_federation.c \
	%D%/cloud/google_jwt.c \
	%D%/cloud/google_sources.h \
	%D%/cloud/google_token.c \
	%D%/cloud/huawei.c \
	%D%/cloud/huawei.h \
	%D%/cloud/huawei_credentials.c \
	%D%/cloud/tencent.c \
	%D%/cloud/tencent_credentials.c \
	%D%/cloud/vault.c \
	%D%/cloud/vault_server.c \
	%D%/cloud/vault_server.h \
	%D%/core/clock.c \
	%D%/core/clock.h \
	%D%/core/crc32c.c \
	%D%/core/crc32c.h \
	%D%/core/ini.c \
	%D%/core/ini.h \
	%D%/core/json.c \
	%D%/core/json.h \
	%D%/core/process.c \
	%D%/core/process.h \
	%D%/core/sigpipe.c \
	%D%/core/sigpipe.h \
	%D%/core/span.c \
	%D%/core/span.h \
	%D%/core/text.c \
	%D%/core/text.h \
	%D%/core/time.c \
	%D%/core/time.h \
	%D%/core/uri.c \
	%D%/core/uri.h \
	%D%/core/xml.c \
	%D%/core/xml.h \
	%D%/dispatch.c \
	%D%/dispatch.h \
	%D%/engine/api.h \
	%D%/engine/call.c \
	%D%/engine/call.h \
	%D%/engine/credentials.h \
	%D%/engine/kept.c \
	%D%/engine/kept.h \
	%D%/engine/reply.c \
	%D%/engine/reply.h \
	%D%/engine/request.c \
	%D%/engine/request.h \
	%D%/engine/source.c \
	%D%/engine/source.h \
	%D%/engine/source_service.c \
	%D%/engine/target.c \
	%D%/engine/target.h \
	%D%/http/authorities.c \
	%D%/http/authorities.h \
	%D%/http/canonical.c \
	%D%/http/canonical.h \
	%D%/http/endpoint.c \
	%D%/http/exchange.c \
	%D%/http/exchange.h \
	%D%/http/handles.c \
	%D%/http/handles.h \
	%D%/http/http.c \
	%D%/http/http.h \
	%D%/http/sign.c \
	%D%/http/sign.h \
	%D%/http/transport.c \
	%D%/http/transport.h \
	%D%/http/world.c \
	%D%/http/world.h \
	%D%/site/exec.c \
	%D%/site/section.c \
	%D%/site/section.h \
	%D%/site/signer.c \
	%D%/site/signer.h \
	%D%/site/site.c \
	%D%/site/site.h
libenvl_kms_la_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS)
libenvl_kms_la_LIBADD = libenvl-base.la $(CURL_LIBS) $(JANSSON_LIBS) $(CRYPTO_LIBS) $(PTHREAD_LIBS)

kmsdir = $(pkglibdir)
kms_LTLIBRARIES = envelope-kms.la
envelope_kms_la_SOURCES = %D%/module.c
envelope_kms_la_LIBADD = libenvl-kms.la
envelope_kms_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -no-undefined -shared \
	-export-symbols-regex '^envl_kms_module$$'

# Programs that kms.conf may name: envelope-kms-helper(7)
helpersdir = $(libexecdir)/envelope
dist_helpers_SCRIPTS = \
	%D%/helpers/envelope-kms-aws-cli \
	%D%/helpers/envelope-kms-kmip
endif
# End of key services
