# SPDX-License-Identifier: Apache-2.0
# The rooms of lib/, each through its headers

lib_tests = \
	%D%/base/test_der \
	%D%/base/test_err \
	%D%/base/test_utf8 \
	%D%/cms/test_cms_stock \
	%D%/cms/test_forms \
	%D%/cms/test_key_envelope_edit \
	%D%/cms/test_key_envelope_memory \
	%D%/cms/test_key_envelope_reencrypt \
	%D%/header/test_header \
	%D%/header/test_labels \
	%D%/header/test_signatures \
	%D%/keys/test_certificate \
	%D%/keys/test_identity \
	%D%/keys/test_kek_file \
	%D%/keys/test_kek_source \
	%D%/keys/test_key_check \
	%D%/keys/test_key_directory \
	%D%/keys/test_key_text \
	%D%/keys/test_openssh \
	%D%/payload/test_chunk \
	%D%/payload/test_fork_guard \
	%D%/payload/test_payload \
	%D%/payload/test_output_queue \
	%D%/payload/test_workers \
	%D%/sign/test_signing \
	%D%/stream/test_defaults

%C%_keys_test_key_check_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=EVP_PKEY_public_check
%C%_keys_test_identity_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=OSSL_STORE_open_ex

lib_scripts = %D%/payload/wycheproof.py
EXTRA_PROGRAMS += %D%/payload/wycheproof
%D%/payload/wycheproof.log: %D%/payload/wycheproof

EXTRA_DIST += \
	%D%/cms/message.h \
	%D%/cms/party.h \
	%D%/keys/openssh_keys.h
