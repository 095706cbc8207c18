/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka, with what must be included before it, in the words of version 2. */
#ifndef ENVL_TEST_CMOCKA_H
#define ENVL_TEST_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#ifdef assert_int_in_range /* the old word is deprecated there */
#undef assert_in_range
#define assert_in_range(value, least, most) \
    assert_int_in_range((intmax_t)(value), (intmax_t)(least), (intmax_t)(most))
#endif

#endif
