# SPDX-License-Identifier: Apache-2.0
# lib/ is the format, in rooms.  Each is a library of its own; test/project/lint.sh
# lists which of the others it may use.

noinst_LTLIBRARIES += \
	libenvl-base.la \
	libenvl-header.la \
	libenvl-payload.la \
	libenvl-keys.la \
	libenvl-cms.la \
	libenvl-sign.la \
	libenvl-stream.la \
	libenvl.la

libenvl_base_la_SOURCES = \
	%D%/base/aead.h \
	%D%/base/algorithms.c \
	%D%/base/algorithms.h \
	%D%/base/der.c \
	%D%/base/der.h \
	%D%/base/err.c \
	%D%/base/err.h \
	%D%/base/file.c \
	%D%/base/file.h \
	%D%/base/libctx.c \
	%D%/base/libctx.h \
	%D%/base/octets.c \
	%D%/base/octets.h \
	%D%/base/param.h \
	%D%/base/size.c \
	%D%/base/size.h \
	%D%/base/utf8.c \
	%D%/base/utf8.h \
	%D%/base/waiting.c \
	%D%/base/waiting.h \
	%D%/base/wire.h

libenvl_header_la_SOURCES = \
	%D%/header/header.c \
	%D%/header/header.h \
	%D%/header/labels.c \
	%D%/header/labels.h \
	%D%/header/signatures.c \
	%D%/header/signatures.h

libenvl_payload_la_SOURCES = \
	%D%/payload/chunk.c \
	%D%/payload/chunk.h \
	%D%/payload/chunk_mb.c \
	%D%/payload/chunk_mb.h \
	%D%/payload/fork_guard.c \
	%D%/payload/fork_guard.h \
	%D%/payload/payload.c \
	%D%/payload/payload.h \
	%D%/payload/payload_impl.h \
	%D%/payload/payload_key.c \
	%D%/payload/payload_key.h \
	%D%/payload/payload_batches.c \
	%D%/payload/output_queue.c \
	%D%/payload/output_queue.h \
	%D%/payload/workers.c \
	%D%/payload/workers.h

libenvl_keys_la_SOURCES = \
	%D%/keys/certificate.c \
	%D%/keys/certificate.h \
	%D%/keys/engine_key.c \
	%D%/keys/engine_key.h \
	%D%/keys/identity.c \
	%D%/keys/identity.h \
	%D%/keys/kek_derive.c \
	%D%/keys/kek_file.c \
	%D%/keys/kek_file.h \
	%D%/keys/kek_source.c \
	%D%/keys/kek_source.h \
	%D%/keys/key_check.c \
	%D%/keys/key_check.h \
	%D%/keys/key_directory.c \
	%D%/keys/key_directory.h \
	%D%/keys/key_kind.c \
	%D%/keys/key_kind.h \
	%D%/keys/key_newer.c \
	%D%/keys/key_newer.h \
	%D%/keys/key_protection.c \
	%D%/keys/key_protection.h \
	%D%/keys/key_settings.c \
	%D%/keys/key_settings.h \
	%D%/keys/key_text.c \
	%D%/keys/key_text.h \
	%D%/keys/key_use.c \
	%D%/keys/key_use.h \
	%D%/keys/keyring.c \
	%D%/keys/keyring.h \
	%D%/keys/keys.c \
	%D%/keys/keys.h \
	%D%/keys/kms.c \
	%D%/keys/kms.h \
	%D%/keys/kms_interface.h \
	%D%/keys/kms_schemes.h \
	%D%/keys/known_hosts.c \
	%D%/keys/known_hosts.h \
	%D%/keys/openssh.c \
	%D%/keys/openssh.h \
	%D%/keys/openssh_key.c \
	%D%/keys/openssh_key.h \
	%D%/keys/passphrase.c \
	%D%/keys/passphrase.h \
	%D%/keys/recipient.c \
	%D%/keys/recipient.h \
	%D%/keys/recipient_notes.c \
	%D%/keys/recipient_notes.h \
	%D%/keys/ssh_lines.c \
	%D%/keys/ssh_lines.h
libenvl_keys_la_CPPFLAGS = $(AM_CPPFLAGS) -DENVELOPE_KMS_DIR='"$(pkglibdir)"'

libenvl_cms_la_SOURCES = \
	%D%/cms/edit.c \
	%D%/cms/edit.h \
	%D%/cms/edit_add.c \
	%D%/cms/edit_plan.c \
	%D%/cms/edit_plan.h \
	%D%/cms/edit_reencrypt.c \
	%D%/cms/entry.c \
	%D%/cms/entry.h \
	%D%/cms/form.h \
	%D%/cms/kari.c \
	%D%/cms/kekri.c \
	%D%/cms/kekri.h \
	%D%/cms/kemri.c \
	%D%/cms/key_envelope.c \
	%D%/cms/key_envelope.h \
	%D%/cms/key_wrap.c \
	%D%/cms/key_wrap.h \
	%D%/cms/ktri.c \
	%D%/cms/message.c \
	%D%/cms/message.h \
	%D%/cms/reader.c \
	%D%/cms/reader.h \
	%D%/cms/reader_fail.c

libenvl_sign_la_SOURCES = \
	%D%/sign/algorithm.c \
	%D%/sign/algorithm.h \
	%D%/sign/signature_keys.c \
	%D%/sign/signature_keys.h \
	%D%/sign/signing.c \
	%D%/sign/signing.h

libenvl_stream_la_SOURCES = \
	%D%/stream/conf.c \
	%D%/stream/conf.h \
	%D%/stream/conf_check.c \
	%D%/stream/conf_impl.h \
	%D%/stream/defaults.c \
	%D%/stream/defaults.h \
	%D%/stream/header_parts.h \
	%D%/stream/decryptor.c \
	%D%/stream/decryptor.h \
	%D%/stream/rewrap.c \
	%D%/stream/rewrap.h \
	%D%/stream/encryptor.c \
	%D%/stream/encryptor.h \
	%D%/stream/settings.c \
	%D%/stream/settings.h \
	%D%/stream/signed.c \
	%D%/stream/signed.h \
	%D%/stream/stream.c \
	%D%/stream/stream.h

libenvl_la_SOURCES =
libenvl_la_LIBADD = libenvl-stream.la libenvl-cms.la libenvl-sign.la \
	libenvl-keys.la libenvl-payload.la libenvl-header.la libenvl-base.la \
	$(CRYPTO_LIBS) $(IPSEC_MB_LIBS) $(DL_LIBS) $(PTHREAD_LIBS)
