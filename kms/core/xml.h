/* SPDX-License-Identifier: Apache-2.0 */
/* The little that is read of XML: the text of an element, by its name. */
#ifndef KMS_CORE_XML_H
#define KMS_CORE_XML_H

#include <stdbool.h>

#include "kms/core/text.h"

/*
 * kms_xml_text - the text of the one element of this name, wherever it is
 *
 * An element that comes twice, or has others or attributes in it, is refused; so is
 * a document with comments, CDATA or a DTD in it, or entities in the text but the
 * five that XML has.  Whether the rest is well formed is not looked at.
 *
 * Returns: true; false with an empty text if there is none or it is refused.  Where
 *          memory runs out, the text has failed.
 */
bool kms_xml_text(struct kms_text *text, const struct kms_text *document,
                  const char *name);

#endif
