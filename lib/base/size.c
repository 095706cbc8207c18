/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/size.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool
envl_size_read(uint64_t *size, const char **p)
{
    static const char units[] = "KMGT";
    const char *unit;
    unsigned shift = 0;
    char *end;

    if (**p < '0' || **p > '9')
        return false;
    errno = 0;
    *size = strtoull(*p, &end, 10);
    if (*end != '\0' && (unit = strchr(units, *end)) != NULL) {
        shift = 10 * (unsigned)(unit - units + 1);
        end++;
    }
    *p = end;
    if (errno != 0 || *size > (UINT64_MAX >> 1) >> shift)
        return false;
    *size <<= shift;
    return true;
}
