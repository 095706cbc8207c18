/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receipts: what is accepted is one line, has sizes that an envelope can have,
 * and is accepted neither without its last byte nor with one more.
 */
#include <string.h>

#include "test/fuzz/target.h"
#include "tools/receipt.h"

static enum envelope_reason
parse(const uint8_t *data, size_t size, struct envl_receipt *receipt)
{
    struct envl_err err = { 0 };
    enum envelope_reason rc;
    char *exact =
        malloc(size > 0 ? size : 1); /* so that a byte too far shows */

    MUST(exact != NULL);
    if (size > 0)
        memcpy(exact, data, size);
    rc = envl_receipt_parse(receipt, exact, size, &err);
    MUST(rc == ENVELOPE_OK
         || (rc == ENVELOPE_R_READ && err.reason == rc
             && err.detail[0] != '\0'));
    free(exact);
    return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct envl_receipt receipt, other;
    uint8_t *longer;

    if (parse(data, size, &receipt) != ENVELOPE_OK)
        return 0;
    MUST(memchr(data, '\0', size) == NULL);
    MUST(memchr(data, '\n', size) == data + size - 1);
    MUST(receipt.payload_size > receipt.plaintext_size);
    MUST(receipt.file_size >= receipt.payload_size + receipt.header_size);
    MUST(receipt.kept_size < receipt.payload_size + receipt.header_size);
    MUST(parse(data, size - 1, &other) != ENVELOPE_OK);
    longer = malloc(size + 1);
    MUST(longer != NULL);
    memcpy(longer, data, size);
    longer[size] = '\n';
    MUST(parse(longer, size + 1, &other) != ENVELOPE_OK);
    free(longer);
    return 0;
}
