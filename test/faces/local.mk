# SPDX-License-Identifier: Apache-2.0
# The same through every program and library: openssl enc, the command, bsdtar, EVP

faces_scripts = \
	%D%/faces.py \
	%D%/pkcs11.sh \
	%D%/pkcs11_provider.sh \
	%D%/post_quantum.sh \
	%D%/tpm.sh

EXTRA_PROGRAMS += %D%/faces
%C%_faces_SOURCES = %D%/faces.c
%C%_faces_LDADD = libenvelope-archive.la $(ARCHIVE_LIBS) $(CRYPTO_LIBS)
%D%/faces.log: %D%/faces

EXTRA_DIST += \
	%D%/faces_keys.py \
	%D%/faces_run.py \
	%D%/hardware.sh \
	%D%/token.sh
