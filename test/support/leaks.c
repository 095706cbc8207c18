/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For builds with AddressSanitizer: leaks are looked for as the program ends.
 * LeakSanitizer stops all threads for that and now and then crashes itself, once
 * in some thousand runs ("LeakSanitizer has encountered a fatal error").  Then
 * the program ends as it would have, and says no more than it would have: nothing
 * is known of leaks, and a leak that there is shows in the next run.
 */
#define _GNU_SOURCE /* memfd_create, on_exit */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
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

/* What was found, to standard error. */
static void
show(int report)
{
    char text[4096];
    ssize_t len;

    if (lseek(report, 0, SEEK_SET) != 0)
        return;
    while ((len = read(report, text, sizeof(text))) > 0)
        if (write(STDERR_FILENO, text, (size_t)len) != len)
            return;
}

static void
look_for_leaks(int ended_with, void *unused)
{
    int report = memfd_create("leaks", 0);

    (void)unused;
    status = ended_with;
    (void)fflush(NULL);
    if (report >= 0)
        /* The interface passes a descriptor as a pointer. */
        __sanitizer_set_report_fd((void *)(intptr_t)report);
    __sanitizer_set_death_callback(end_as_it_would);
    if (__lsan_do_recoverable_leak_check() != 0) {
        show(report);
        status = STATUS_LEAKS;
    }
    _exit(status); /* it would look once more */
}

/* Before main(): what the program itself does at its end comes first. */
__attribute__((constructor)) static void
begin(void)
{
    (void)on_exit(look_for_leaks, NULL);
}
