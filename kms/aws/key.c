/* SPDX-License-Identifier: Apache-2.0 */
/* The syntax of AWS's names, and which of them mean one key. */
#include "kms/aws/key.h"

#include <string.h>

#include "kms/aws/endpoint.h"
#include "kms/core/span.h"

#define HEX KMS_DIGITS "abcdefABCDEF"

#define ACCOUNT_LEN (KMS_AWS_ACCOUNT_SIZE - 1)
#define ID_LEN_MAX 128
#define ALIAS_LEN_MAX 256 /* with "alias/" */

static const char alias_begin[] = "alias/";
static const char key_begin[] = "key/";
static const char multi_region_begin[] = "mrk-";

/* Parts */

static bool
begins_with(const char *text, const char *begin)
{
    return strncmp(text, begin, strlen(begin)) == 0;
}

/* From min to max characters of these, and no others. */
static bool
consists_of(const char *text, const char *characters, size_t min, size_t max)
{
    size_t len = strspn(text, characters);

    return text[len] == '\0' && len >= min && len <= max;
}

/* Pass over "-word" as often as it comes; how often it did. */
static size_t
skip_words(const char **text)
{
    size_t count = 0, len;

    while (**text == '-' && (len = strspn(*text + 1, KMS_LOWER)) > 0) {
        *text += 1 + len;
        count++;
    }
    return count;
}

/* us-east-1, us-gov-west-1, eusc-de-east-1 */
bool
kms_aws_is_region(const char *text)
{
    const char *p = text + strspn(text, KMS_LOWER);

    if (strlen(text) >= KMS_AWS_REGION_SIZE || p - text < 2 || p - text > 4)
        return false;
    return skip_words(&p) > 0 && *p == '-'
           && consists_of(p + 1, KMS_DIGITS, 1, KMS_AWS_REGION_SIZE);
}

/* aws, aws-us-gov */
static bool
is_partition(const char *text)
{
    const char *p = text + 3;

    if (strlen(text) >= KMS_AWS_PARTITION_SIZE || !begins_with(text, "aws"))
        return false;
    (void)skip_words(&p); /* there may be none */
    return *p == '\0';
}

static bool
is_account(const char *text)
{
    return consists_of(text, KMS_DIGITS, ACCOUNT_LEN, ACCOUNT_LEN);
}

static bool
is_alias(const char *text)
{
    return begins_with(text, alias_begin)
           && consists_of(text + strlen(alias_begin), KMS_ALNUM "/_-", 1,
                          ALIAS_LEN_MAX - strlen(alias_begin));
}

/* Of any key, as services name them. */
static bool
is_id(const char *text)
{
    return consists_of(text, KMS_ALNUM "-", 1, ID_LEN_MAX);
}

static bool
is_multi_region(const char *id)
{
    return begins_with(id, multi_region_begin);
}

/* 1234abcd-12ab-34cd-56ef-1234567890ab */
static bool
is_uuid(const char *text)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    size_t i;

    if (strlen(text) != strlen(form))
        return false;
    for (i = 0; form[i] != '\0'; i++) {
        if (form[i] == '-' ? text[i] != '-' : strchr(HEX, text[i]) == NULL)
            return false;
    }
    return true;
}

/* Stricter than is_id(): people forget the "alias/". */
static bool
is_own_id(const char *text)
{
    return is_uuid(text)
           || (is_multi_region(text)
               && consists_of(text + strlen(multi_region_begin), KMS_ALNUM, 1,
                              ID_LEN_MAX - strlen(multi_region_begin)));
}

/* ARNs */

/* Copy what stands before the next colon and pass over both. */
static bool
take_part(const char **text, char *part, size_t size)
{
    size_t len = strcspn(*text, ":");

    if ((*text)[len] != ':' || len >= size)
        return false;
    memcpy(part, *text, len);
    part[len] = '\0';
    *text += len + 1;
    return true;
}

bool
kms_aws_arn_parse(struct kms_aws_arn *arn, const char *text)
{
    char word[sizeof("arn")], service[sizeof("kms")];

    if (!take_part(&text, word, sizeof(word)) || strcmp(word, "arn") != 0
        || !take_part(&text, arn->partition, sizeof(arn->partition))
        || !take_part(&text, service, sizeof(service))
        || strcmp(service, "kms") != 0
        || !take_part(&text, arn->region, sizeof(arn->region))
        || !take_part(&text, arn->account, sizeof(arn->account)))
        return false;
    arn->is_alias = begins_with(text, alias_begin);
    if (!arn->is_alias && !begins_with(text, key_begin))
        return false;
    arn->id = arn->is_alias ? text : text + strlen(key_begin);
    return is_partition(arn->partition) && kms_aws_is_region(arn->region)
           && is_account(arn->account)
           && (arn->is_alias ? is_alias(arn->id) : is_id(arn->id));
}

bool
kms_aws_arn_parse_key(struct kms_aws_arn *arn, const char *text)
{
    return kms_aws_arn_parse(arn, text) && !arn->is_alias;
}

/* The same partition and account. */
static bool
same_owner(const struct kms_aws_arn *a, const struct kms_aws_arn *b)
{
    return strcmp(a->partition, b->partition) == 0
           && strcmp(a->account, b->account) == 0;
}

bool
kms_aws_arn_is_multi_region(const struct kms_aws_arn *arn)
{
    return !arn->is_alias && is_multi_region(arn->id);
}

bool
kms_aws_arn_same(const struct kms_aws_arn *a, const struct kms_aws_arn *b)
{
    return same_owner(a, b) && a->is_alias == b->is_alias
           && strcmp(a->id, b->id) == 0
           && (strcmp(a->region, b->region) == 0
               || kms_aws_arn_is_multi_region(a));
}

/* URIs */

static enum envelope_reason
refuse(struct envl_err *err, const char *what, const char *value,
       const char *advice)
{
    return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY, "awskms: %s \"%.200s\" %s",
                     what, value, advice);
}

/* Each parameter by itself. */
static enum envelope_reason
check_parameters(const struct kms_uri *uri, struct envl_err *err)
{
    static const struct {
        const char *name;
        bool (*is_good)(const char *text);
        const char *advice;
    } rules[] = {
        { "account", is_account, "is not a number of 12 digits" },
        { "partition", is_partition, "is none, such as aws-cn" },
        { "region", kms_aws_is_region, "is none, such as us-east-1" },
    };
    const char *value;
    size_t i, n;

    for (n = 0; n < uri->query_count; n++) {
        value = uri->query[n].value;
        for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
            if (strcmp(rules[i].name, uri->query[n].name) == 0
                && !rules[i].is_good(value))
                return refuse(err, rules[i].name, value, rules[i].advice);
        }
    }
    return ENVELOPE_OK;
}

/* A key by name is in one region.  An ARN names its owner. */
static enum envelope_reason
check_named(const struct kms_aws_key *key, struct envl_err *err)
{
    const struct kms_uri *uri = key->uri;
    const char *region =
        key->kind == KMS_AWS_ARN ? key->arn.region : kms_uri_get(uri, "region");
    size_t i;

    if (kms_uri_get(uri, "partition") != NULL)
        return refuse(err, "with a key, as in", kms_text_get(&key->name),
                      "there can be no partition=");
    if (kms_uri_get(uri, "account") != NULL && key->kind == KMS_AWS_ARN)
        return refuse(err, "with an ARN, as in", kms_text_get(&key->name),
                      "there can be no account=: it has one");
    for (i = 0; i < uri->query_count; i++) {
        if (strcmp(uri->query[i].name, "region") == 0
            && strcmp(uri->query[i].value, region) != 0)
            return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                             "awskms: region=%s: the key is in %s",
                             uri->query[i].value, region);
    }
    return ENVELOPE_OK;
}

static enum envelope_reason
check_discovery(const struct kms_uri *uri, enum envl_kms_use use,
                struct envl_err *err)
{
    if (use == ENVL_KMS_RECIPIENT)
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "awskms: a recipient has to name its key: "
                         "awskms:///ARN, or awskms:///alias/NAME");
    if (kms_uri_get(uri, "account") == NULL)
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "awskms: neither a key is named (awskms:///ARN), nor "
                         "an account whose keys may be asked for "
                         "(awskms:?account=)");
    return ENVELOPE_OK;
}

/* Others write awskms://alias/NAME, where "alias" is what a host would be: no key
 * is at such a host. */
static enum envelope_reason
set_name(struct kms_aws_key *key, struct envl_err *err)
{
    const struct kms_uri *uri = key->uri;
    const bool is_short = strcmp(uri->authority, "alias") == 0;

    if (*uri->authority != '\0' && !is_short)
        return refuse(err, "the host", uri->authority,
                      "cannot stand there: write awskms:///KEY, and endpoint= "
                      "for a service of your own");
    kms_text_addf(&key->name, "%s%s", is_short ? alias_begin : "", uri->path);
    return key->name.failed ? envl_fail_memory(err) : ENVELOPE_OK;
}

enum envelope_reason
kms_aws_key_read(struct kms_aws_key *key, const struct kms_uri *uri,
                 enum envl_kms_use use, struct envl_err *err)
{
    const char *name;
    enum envelope_reason rc;

    *key = (struct kms_aws_key){ .uri = uri };
    rc = set_name(key, err);
    if (rc == ENVELOPE_OK)
        rc = check_parameters(uri, err);
    if (rc != ENVELOPE_OK)
        return rc;
    name = kms_text_get(&key->name);
    if (*name == '\0') {
        key->kind = KMS_AWS_DISCOVERY;
        return check_discovery(uri, use, err);
    }
    if (kms_aws_arn_parse(&key->arn, name))
        key->kind = KMS_AWS_ARN;
    else if (is_alias(name))
        key->kind = KMS_AWS_ALIAS;
    else if (is_own_id(name))
        key->kind = KMS_AWS_ID;
    else
        return refuse(err, "the key", name,
                      "is neither an ARN (arn:aws:kms:REGION:ACCOUNT:key/ID) "
                      "nor alias/NAME nor a key's id");
    return check_named(key, err);
}

void
kms_aws_key_clear(struct kms_aws_key *key)
{
    kms_text_clear(&key->name);
}

const char *
kms_aws_key_partition(const struct kms_aws_key *key)
{
    const char *said = kms_uri_get(key->uri, "partition");

    if (key->kind == KMS_AWS_ARN)
        return key->arn.partition;
    if (key->kind == KMS_AWS_DISCOVERY)
        return said != NULL ? said : "aws";
    return NULL;
}

static bool
is_discovered(const struct kms_aws_key *key, const char *region,
              const struct kms_aws_arn *arn)
{
    bool here = kms_uri_get(key->uri, "region") != NULL
                    ? kms_uri_has(key->uri, "region", arn->region)
                    : strcmp(region, arn->region) == 0;

    return here && kms_uri_has(key->uri, "account", arn->account)
           && strcmp(arn->partition, kms_aws_key_partition(key)) == 0;
}

/* An alias, and a key's id, is that of whoever's credentials are used.  Whoever can
 * answer for credentials could have the data encrypted under a key of his own: unless
 * the account is named.  A multi-Region key has its id in all regions of a
 * partition. */
static bool
is_ours(const struct kms_aws_key *key, const char *region,
        const struct kms_aws_arn *arn)
{
    const bool here =
        strcmp(region, arn->region) == 0
        || (key->kind == KMS_AWS_ID && kms_aws_arn_is_multi_region(arn)
            && strcmp(kms_aws_partition(region), arn->partition) == 0);

    return here
           && (kms_uri_get(key->uri, "account") == NULL
               || kms_uri_has(key->uri, "account", arn->account));
}

bool
kms_aws_key_matches(const struct kms_aws_key *key, const char *region,
                    const struct kms_aws_arn *arn)
{
    const struct kms_aws_arn *own = &key->arn;

    switch (key->kind) {
    case KMS_AWS_ARN:
        if (own->is_alias)
            return same_owner(own, arn)
                   && strcmp(own->region, arn->region) == 0;
        return kms_aws_arn_same(own, arn);
    case KMS_AWS_ALIAS:
        return is_ours(key, region, arn);
    case KMS_AWS_ID:
        return is_ours(key, region, arn)
               && strcmp(kms_text_get(&key->name), arn->id) == 0;
    case KMS_AWS_DISCOVERY:
        return is_discovered(key, region, arn);
    }
    return false;
}
