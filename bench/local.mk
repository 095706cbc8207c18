# SPDX-License-Identifier: Apache-2.0
# Programs that measure

benchmarks = \
	%D%/first_byte \
	%D%/gcm_loop \
	%D%/small \
	%D%/throughput \
	%D%/timed
bench_first_byte_SOURCES = %D%/first_byte.c
bench_first_byte_LDADD = $(CRYPTO_LIBS)
bench_gcm_loop_SOURCES = %D%/gcm_loop.c
bench_gcm_loop_LDADD = $(CRYPTO_LIBS)
bench_small_SOURCES = %D%/small.c
bench_small_LDADD = $(CRYPTO_LIBS)
bench_throughput_SOURCES = %D%/throughput.c
bench_throughput_LDADD = $(CRYPTO_LIBS)
bench_timed_SOURCES = %D%/timed.c
bench_timed_LDADD =
