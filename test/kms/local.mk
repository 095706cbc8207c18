# SPDX-License-Identifier: Apache-2.0
# Key services: a module that stands in for the real one, and the real one against
# look-alikes

check_LTLIBRARIES += %D%/envelope-kms.la
%C%_envelope_kms_la_SOURCES = %D%/fake_module.c lib/keys/kms_interface.h
%C%_envelope_kms_la_LIBADD = libenvl-base.la $(CRYPTO_LIBS)
%C%_envelope_kms_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -no-undefined \
	-rpath /nowhere -export-symbols-regex '^(envl_kms_module|fake_kms_.*)$$'

kms_scripts = %D%/kms.sh %D%/kms_public.sh
%D%/kms.log: examples/archiver examples/extractor

service_scripts = \
	%D%/kms_ali.sh \
	%D%/kms_ali_faults.sh \
	%D%/kms_aws.sh \
	%D%/kms_aws_credentials.sh \
	%D%/kms_aws_faults.sh \
	%D%/kms_aws_roles.sh \
	%D%/kms_aws_sdk.sh \
	%D%/kms_azure.sh \
	%D%/kms_azure_faults.sh \
	%D%/kms_google.sh \
	%D%/kms_google_credentials.sh \
	%D%/kms_google_faults.sh \
	%D%/kms_helper_aws.sh \
	%D%/kms_helper_kmip.sh \
	%D%/kms_huawei.sh \
	%D%/kms_huawei_faults.sh \
	%D%/kms_privileged.sh \
	%D%/kms_sign.sh \
	%D%/kms_site.sh \
	%D%/kms_tencent.sh \
	%D%/kms_tencent_faults.sh \
	%D%/kms_vault.sh \
	%D%/kms_vault_faults.sh
EXTRA_DIST += $(service_scripts)

if KMS
kms_tests = \
	%D%/test_kms_ali \
	%D%/test_kms_ali_credentials \
	%D%/test_kms_ali_replies \
	%D%/test_kms_aws \
	%D%/test_kms_aws_credentials \
	%D%/test_kms_aws_key \
	%D%/test_kms_aws_roles \
	%D%/test_kms_azure \
	%D%/test_kms_azure_credentials \
	%D%/test_kms_azure_versions \
	%D%/test_kms_canonical \
	%D%/test_kms_crc32c \
	%D%/test_kms_endpoint \
	%D%/test_kms_engine \
	%D%/test_kms_exchange \
	%D%/test_kms_exec \
	%D%/test_kms_google_credentials \
	%D%/test_kms_google_federation \
	%D%/test_kms_http \
	%D%/test_kms_huawei \
	%D%/test_kms_huawei_credentials \
	%D%/test_kms_ini \
	%D%/test_kms_json \
	%D%/test_kms_kept \
	%D%/test_kms_process \
	%D%/test_kms_sign \
	%D%/test_kms_sign_aws4 \
	%D%/test_kms_site \
	%D%/test_kms_source \
	%D%/test_kms_tencent \
	%D%/test_kms_tencent_credentials \
	%D%/test_kms_tencent_replies \
	%D%/test_kms_text \
	%D%/test_kms_time \
	%D%/test_kms_transport \
	%D%/test_kms_uri \
	%D%/test_kms_vault \
	%D%/test_kms_vault_replies \
	%D%/test_kms_vault_server \
	%D%/test_kms_world

kms_scripts += $(service_scripts)
if HAVE_CMOCKA
libtest_la_SOURCES += %D%/world.c
endif
test_rooms += libenvl-kms.la $(JANSSON_LIBS)
%C%_test_kms_world_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=kms_clock_ticks

EXTRA_PROGRAMS += \
	%D%/aws_hosts \
	%D%/google_token \
	%D%/sign_line
%D%/kms_aws_sdk.log: %D%/aws_hosts
%D%/kms_google_credentials.log: %D%/google_token
%D%/kms_sign.log: %D%/sign_line
endif

EXTRA_DIST += \
	%D%/acs3.py \
	%D%/ali/client.mjs \
	%D%/ali/judge.mjs \
	%D%/ali/package-lock.json \
	%D%/ali/package.json \
	%D%/ali_lookalike.py \
	%D%/aws/ask.mjs \
	%D%/aws/hosts.mjs \
	%D%/aws/package-lock.json \
	%D%/aws/package.json \
	%D%/aws_lookalike.py \
	%D%/azure/client.mjs \
	%D%/azure/judge.mjs \
	%D%/azure/package-lock.json \
	%D%/azure/package.json \
	%D%/azure_lookalike.py \
	%D%/differential.mjs \
	%D%/differential.py \
	%D%/google/client.mjs \
	%D%/google/judge.mjs \
	%D%/google/package-lock.json \
	%D%/google/package.json \
	%D%/google_lookalike.py \
	%D%/header.py \
	%D%/huawei/client.mjs \
	%D%/huawei/judge.mjs \
	%D%/huawei/package-lock.json \
	%D%/huawei/package.json \
	%D%/huawei/sdk.mjs \
	%D%/huawei_lookalike.py \
	%D%/kms_ali.h \
	%D%/kms_ali_service.sh \
	%D%/kms_aws_service.sh \
	%D%/kms_azure.h \
	%D%/kms_azure_service.sh \
	%D%/kms_google.h \
	%D%/kms_google_service.sh \
	%D%/kms_every_fault.sh \
	%D%/kms_huawei_service.sh \
	%D%/kms_node_modules.sh \
	%D%/kms_scene.h \
	%D%/kms_services.sh \
	%D%/kms_sign.h \
	%D%/kms_tencent.h \
	%D%/kms_tencent_service.sh \
	%D%/kms_trial.h \
	%D%/kms_vault.h \
	%D%/kms_vault_service.sh \
	%D%/lookalike.py \
	%D%/package-lock.json \
	%D%/package.json \
	%D%/prove.py \
	%D%/rude_server.py \
	%D%/sts.py \
	%D%/tc3.py \
	%D%/tencent_lookalike.py \
	%D%/tencent_sdk.mjs \
	%D%/vault_lookalike.py \
	%D%/world.h
