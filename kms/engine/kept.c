/* SPDX-License-Identifier: Apache-2.0 */
/* A short table behind a lock; the world that is asked owns it. */
#include "kms/engine/kept.h"

#include <stdio.h>
#include <string.h>

#include "kms/engine/source.h"

/* The entry of a source, or NULL. */
static struct kms_kept_entry *
find(struct kms_kept *kept, const char *source)
{
    size_t i;

    for (i = 0; i < KMS_KEPT_COUNT_MAX; i++) {
        if (kept->entries[i].source.len > 0
            && strcmp(kept->entries[i].source.data, source) == 0)
            return &kept->entries[i];
    }
    return NULL;
}

static void
copy(struct kms_credentials *to, const struct kms_credentials *from)
{
    kms_text_set(&to->id, kms_text_get(&from->id));
    kms_text_set(&to->secret, kms_text_get(&from->secret));
    kms_text_set(&to->token, kms_text_get(&from->token));
    kms_text_set(&to->project, kms_text_get(&from->project));
    to->expires = from->expires;
}

static void
forget(struct kms_kept_entry *entry)
{
    kms_text_clear(&entry->source);
    kms_credentials_clear(&entry->credentials);
}

bool
kms_kept_find(struct kms_credentials *credentials,
              const struct kms_seeker *seeker, const char *source)
{
    struct kms_kept *kept = seeker->world->kept;
    const int64_t now = seeker->world->now(seeker->world->arg);
    const struct kms_kept_entry *entry;
    bool good;

    if (kept == NULL || seeker->anew)
        return false;
    (void)pthread_mutex_lock(&kept->lock);
    entry = find(kept, source);
    good = entry != NULL
           && (entry->credentials.expires == 0
               || entry->credentials.expires - now > KMS_KEPT_MARGIN_S);
    if (good)
        copy(credentials, &entry->credentials);
    (void)pthread_mutex_unlock(&kept->lock);
    return good;
}

void
kms_kept_put(const struct kms_seeker *seeker, const char *source,
             const struct kms_credentials *credentials)
{
    struct kms_kept *kept = seeker->world->kept;
    struct kms_kept_entry *entry;

    if (kept == NULL)
        return;
    (void)pthread_mutex_lock(&kept->lock);
    entry = find(kept, source);
    if (entry == NULL)
        entry = &kept->entries[kept->next++ % KMS_KEPT_COUNT_MAX];
    kms_text_set(&entry->source, source);
    copy(&entry->credentials, credentials);
    if (entry->source.failed || kms_source_failed(&entry->credentials))
        forget(entry);
    (void)pthread_mutex_unlock(&kept->lock);
}

static bool
same_text(const struct kms_text *a, const struct kms_text *b)
{
    return strcmp(kms_text_get(a), kms_text_get(b)) == 0;
}

bool
kms_credentials_same(const struct kms_credentials *a,
                     const struct kms_credentials *b)
{
    return same_text(&a->id, &b->id) && same_text(&a->secret, &b->secret)
           && same_text(&a->token, &b->token);
}

/* One for each key: several may be refused in turn.  One that is cut off is only
 * forgotten sooner. */
#define DENIED_SIZE 600

static void
name_denied(char source[DENIED_SIZE], const char *where,
            const struct kms_credentials *credentials)
{
    (void)snprintf(source, DENIED_SIZE, "denied %s %s",
                   kms_text_get(&credentials->id), where);
}

void
kms_kept_deny(const struct kms_world *world, const char *where,
              const struct kms_credentials *credentials)
{
    const struct kms_seeker seeker = { .world = world };
    struct kms_credentials denied = { 0 };
    char source[DENIED_SIZE];

    name_denied(source, where, credentials);
    copy(&denied, credentials);
    denied.expires = world->now(world->arg) + KMS_KEPT_MARGIN_S + KMS_DENIED_S;
    kms_kept_put(&seeker, source, &denied);
    kms_credentials_clear(&denied);
}

bool
kms_kept_is_denied(const struct kms_world *world, const char *where,
                   const struct kms_credentials *credentials)
{
    const struct kms_seeker seeker = { .world = world };
    struct kms_credentials denied = { 0 };
    char source[DENIED_SIZE];
    bool is;

    name_denied(source, where, credentials);
    is = kms_kept_find(&denied, &seeker, source)
         && kms_credentials_same(&denied, credentials);
    kms_credentials_clear(&denied);
    return is;
}

static struct kms_kept *at_fork;

static void
hold(void)
{
    (void)pthread_mutex_lock(&at_fork->lock);
}

static void
release(void)
{
    (void)pthread_mutex_unlock(&at_fork->lock);
}

void
kms_kept_at_fork(struct kms_kept *kept)
{
    at_fork = kept;
    (void)pthread_atfork(hold, release, release);
}

void
kms_kept_forget(struct kms_kept *kept)
{
    size_t i;

    (void)pthread_mutex_lock(&kept->lock);
    for (i = 0; i < KMS_KEPT_COUNT_MAX; i++)
        forget(&kept->entries[i]);
    (void)pthread_mutex_unlock(&kept->lock);
}
