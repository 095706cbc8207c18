/* SPDX-License-Identifier: Apache-2.0 */
/* Only lines of the host are looked into: what other lines hold is not told. */
#include "lib/keys/known_hosts.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "lib/base/file.h"
#include "lib/keys/openssh.h"
#include "lib/keys/ssh_lines.h"

#define FILE_LEN_MAX 4194304
#define HOST_LEN_MAX 255
#define SHA1_LEN 20
#define SHA1_BASE64_LEN 28

static const char scheme[] = "known_hosts:";
static const char default_file[] = "/etc/ssh/ssh_known_hosts";
static const char hashed[] = "|1|";

struct hosts {
    const struct envl_libctx *ctx;
    char host[HOST_LEN_MAX + 1]; /* in lower case */
    const char *file;            /* borrowed from the URI */
    struct envl_octets content;
};

/* One line of the file. */
struct entry {
    struct envl_span marker; /* with its @; or empty */
    struct envl_span names;
    struct envl_span key; /* type, base64, comment */
};

bool
envl_known_hosts_is(const char *entry)
{
    return strncmp(entry, scheme, strlen(scheme)) == 0;
}

static struct entry
split(struct envl_span line)
{
    struct entry entry = { .marker = { line.data, 0 } };

    if (line.len > 0 && line.data[0] == '@')
        entry.marker = envl_ssh_next_word(&line);
    entry.names = envl_ssh_next_word(&line);
    entry.key = line;
    return entry;
}

/* Does a host match a pattern with * and ? ?  Each star goes back at most once
 * for each byte of the host. */
static bool
matches(struct envl_span pattern, const char *host)
{
    size_t at = 0, star = pattern.len, kept = 0, i = 0;

    while (host[i] != '\0') {
        if (at < pattern.len && pattern.data[at] == '*') {
            star = at++;
            kept = i;
        } else if (at < pattern.len
                   && (pattern.data[at] == '?'
                       || tolower(pattern.data[at]) == host[i])) {
            at++;
            i++;
        } else if (star < pattern.len) {
            at = star + 1;
            i = ++kept;
        } else {
            return false;
        }
    }
    while (at < pattern.len && pattern.data[at] == '*')
        at++;
    return at == pattern.len;
}

/* |1|SALT|HASH: the hash is HMAC-SHA1 of the host with the salt. */
static bool
matches_hashed(const struct hosts *hosts, struct envl_span name)
{
    const size_t begin_len = strlen(hashed);
    unsigned char salt[SHA1_BASE64_LEN], mac[SHA1_LEN];
    char text[SHA1_BASE64_LEN + 1];
    size_t len;

    if (name.len != begin_len + 2 * SHA1_BASE64_LEN + 1
        || name.data[begin_len + SHA1_BASE64_LEN] != '|'
        || EVP_DecodeBlock(salt, name.data + begin_len, SHA1_BASE64_LEN)
               < SHA1_LEN
        || EVP_Q_mac(hosts->ctx->libctx, "HMAC", hosts->ctx->propq, "SHA1",
                     NULL, salt, SHA1_LEN, (const unsigned char *)hosts->host,
                     strlen(hosts->host), mac, sizeof(mac), &len)
               == NULL)
        return false;
    (void)EVP_EncodeBlock((unsigned char *)text, mac, SHA1_LEN);
    return memcmp(text, name.data + begin_len + SHA1_BASE64_LEN + 1,
                  SHA1_BASE64_LEN)
           == 0;
}

/* Is the line for the host?  One pattern with a ! before it says no. */
static bool
is_for(const struct hosts *hosts, struct envl_span names)
{
    bool is = false;

    if (envl_span_begins(names, hashed))
        return matches_hashed(hosts, names);
    while (names.len > 0) {
        const unsigned char *comma = memchr(names.data, ',', names.len);
        struct envl_span one = names;
        bool is_not;

        if (comma != NULL)
            one.len = (size_t)(comma - names.data);
        names.data += one.len + (comma != NULL);
        names.len -= one.len + (comma != NULL);
        is_not = one.len > 0 && one.data[0] == '!';
        one.data += is_not;
        one.len -= is_not;
        if (matches(one, hosts->host)) {
            if (is_not)
                return false;
            is = true;
        }
    }
    return is;
}

static bool
is_comment(struct envl_span line)
{
    return line.len == 0 || line.data[0] == '#';
}

/* Is the key of an entry revoked, for this host, by any line of the file? */
static bool
is_revoked(const struct hosts *hosts, struct envl_span key)
{
    struct envl_ssh_lines lines = { .left = { hosts->content.data,
                                              hosts->content.len } };
    struct envl_span line, blob, rest = key;
    struct entry entry;

    (void)envl_ssh_next_word(&rest); /* the type, which the blob has, too */
    blob = envl_ssh_next_word(&rest);
    while (envl_ssh_next_line(&lines, &line)) {
        if (is_comment(line))
            continue;
        entry = split(line);
        if (!envl_span_is(entry.marker, "@revoked")
            || !is_for(hosts, entry.names))
            continue;
        (void)envl_ssh_next_word(&entry.key);
        if (envl_span_same(envl_ssh_next_word(&entry.key), blob))
            return true;
    }
    return false;
}

static enum envelope_reason
read_keys(const struct envl_key_reader *reader, const struct hosts *hosts,
          struct envl_err *err)
{
    struct envl_ssh_lines lines = { .left = { hosts->content.data,
                                              hosts->content.len } };
    size_t keys = 0, revoked = 0, authorities = 0;
    enum envelope_reason rc = ENVELOPE_OK;
    char name[ENVL_DETAIL_MAX];
    const struct envl_key_item origin = { .name = name };
    struct envl_span line;
    struct entry entry;

    while (rc == ENVELOPE_OK && envl_ssh_next_line(&lines, &line)) {
        if (is_comment(line))
            continue;
        entry = split(line);
        if (!is_for(hosts, entry.names))
            continue;
        if (entry.marker.len > 0) {
            authorities += envl_span_is(entry.marker, "@cert-authority");
        } else if (is_revoked(hosts, entry.key)) {
            revoked++;
        } else {
            (void)snprintf(name, sizeof(name), "%s, line %zu", hosts->file,
                           lines.number);
            rc = envl_openssh_read_public(reader, &origin, entry.key, err);
            keys++;
        }
    }
    if (rc != ENVELOPE_OK || keys > 0)
        return rc;
    return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                     revoked > 0 ? "%s: the keys of host %s are revoked"
                     : authorities > 0
                         ? "%s: only a certificate authority answers for host "
                           "%s: give the key itself"
                         : "%s has no key of host %s",
                     hosts->file, hosts->host);
}

/* Split the URI, and take the host in lower case. */
static enum envelope_reason
parse(struct hosts *hosts, const char *uri, struct envl_err *err)
{
    const char *host = uri + strlen(scheme), *at = strchr(host, '@');
    size_t i, len = at != NULL ? (size_t)(at - host) : strlen(host);

    hosts->file = at != NULL ? at + 1 : default_file;
    if (len == 0 || len > HOST_LEN_MAX || *hosts->file == '\0'
        || strcspn(host, "*?!,| \t") < len)
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "%s: must be known_hosts:HOST, or "
                         "known_hosts:HOST@FILE, and HOST one host",
                         uri);
    for (i = 0; i < len; i++)
        hosts->host[i] = (char)tolower((unsigned char)host[i]);
    return ENVELOPE_OK;
}

enum envelope_reason
envl_known_hosts_read(const struct envl_key_reader *reader, const char *uri,
                      struct envl_err *err)
{
    struct hosts hosts = { .ctx = reader->ctx };
    enum envelope_reason rc = parse(&hosts, uri, err);

    if (rc == ENVELOPE_OK)
        rc = envl_file_read(&hosts.content, hosts.file, FILE_LEN_MAX,
                            reader->in_use, err);
    if (rc == ENVELOPE_OK)
        rc = read_keys(reader, &hosts, err);
    envl_octets_clear(&hosts.content);
    return rc;
}
