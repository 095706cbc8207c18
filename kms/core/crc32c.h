/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C (Castagnoli; RFC 3720, 12.1 and B.4), as Google's services use it. */
#ifndef KMS_CORE_CRC32C_H
#define KMS_CORE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* kms_crc32c - of len bytes: 0xe3069283 for "123456789", 0 for none */
uint32_t kms_crc32c(const void *data, size_t len);

#endif
