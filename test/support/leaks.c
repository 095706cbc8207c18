/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For builds with AddressSanitizer: leaks are looked for as the program ends.
 * LeakSanitizer stops all threads for that and now and then crashes itself, once
 * in some thousand runs ("LeakSanitizer has encountered a fatal error").  Then
 * the program ends as it would have: nothing is known of leaks, and a leak that
 * there is shows in the next run.
 */
#define _GNU_SOURCE /* on_exit */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>

#define STATUS_LEAKS 1 /* as it is without this */

static int status;

static void
end_as_it_would(void)
{
    _exit(status);
}

static void
look_for_leaks(int ended_with, void *unused)
{
    (void)unused;
    status = ended_with;
    (void)fflush(NULL);
    __sanitizer_set_death_callback(end_as_it_would);
    if (__lsan_do_recoverable_leak_check() != 0)
        status = STATUS_LEAKS;
    _exit(status); /* it would look once more */
}

/* Before main(): what the program itself does at its end comes first. */
__attribute__((constructor)) static void
begin(void)
{
    (void)on_exit(look_for_leaks, NULL);
}
