# SPDX-License-Identifier: Apache-2.0
# Other people's programs, and a second implementation of the format

interop_scripts = \
	%D%/interop.sh \
	%D%/languages.sh \
	%D%/mariadb.sh \
	%D%/object_store.sh \
	%D%/one_table.sh \
	%D%/producers.sh \
	%D%/producers_postgresql.sh \
	%D%/signatures.sh \
	%D%/stranger.sh \
	%D%/xbstream.sh \
	%D%/vectors.sh \
	%D%/vectors_0_9_0.sh

EXTRA_DIST += \
	%D%/carrier.py \
	%D%/envelope.py \
	%D%/hostile.py \
	%D%/mariadb_server.sh \
	%D%/planted.py \
	%D%/postgresql_server.sh \
	%D%/swift_server.sh \
	test/vectors
