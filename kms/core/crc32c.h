/* SPDX-License-Identifier: Apache-2.0 */
/* The checksum that Google Cloud KMS wants beside what is sent and received. */
#ifndef KMS_CORE_CRC32C_H
#define KMS_CORE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/*
 * kms_crc32c - CRC-32C (Castagnoli) of len bytes; 0 for none
 *
 * It finds what got damaged on the way.  It proves nothing about who sent it.
 *
 * Source: RFC 3720, 12.1 and B.4.
 */
uint32_t kms_crc32c(const void *data, size_t len);

#endif
