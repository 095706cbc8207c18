/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a header, in the types of other rooms; they point into
 * header->bytes. */
#ifndef ENVL_HEADER_PARTS_H
#define ENVL_HEADER_PARTS_H

#include "lib/header/header.h"
#include "lib/header/labels.h"
#include "lib/payload/payload_key.h"

/* envl_header_context - the bytes that the payload's key is bound to (FORMAT 6)
 */
static inline struct envl_payload_context
envl_header_context(const struct envl_header *header)
{
    return (struct envl_payload_context){
        .prelude = header->bytes,
        .prelude_len = ENVL_PRELUDE_CONTEXT_LEN,
        .labels = header->bytes + ENVL_PRELUDE_LEN,
        .labels_len = header->prelude.labels_len,
    };
}

/* envl_header_labels_in - the labels, which a key service may see */
static inline struct envl_labels
envl_header_labels_in(const struct envl_header *header)
{
    return (struct envl_labels){ envl_header_labels(header),
                                 header->prelude.labels_len };
}

#endif
