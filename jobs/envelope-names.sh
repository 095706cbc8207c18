# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Names of files, one a line, for envelope-rotate and envelope-inventory, which source
# this file.  What would break the line, or a terminal, is \0 and the three octal
# digits of each byte, as printf %b of the shell reads it.  So is a backslash.

# For jq: name_line of an object that envelope inspect or envelope rewrap has written.
# shellcheck disable=SC2016,SC2034 # for jq, and for those who source it
name_line='
def octal: "\\0\(. / 64 | floor)\(. / 8 % 8)\(. % 8)";

def base64_bytes:
    [explode[] | if . == 43 then 62 elif . == 47 then 63 elif . == 61 then null
        elif . < 58 then . + 4 elif . < 91 then . - 65 else . - 71 end]
    | [range(0; length; 4) as $i | .[$i:$i + 4]
        | (.[0] * 262144 + .[1] * 4096 + (.[2] // 0) * 64 + (.[3] // 0)) as $n
        | [$n / 65536, $n / 256 % 256, $n % 256][:map(numbers) | length - 1][]
        | floor];

def utf8_bytes:
    def rest(unit): 128 + (. / unit | floor) % 64;
    if . < 128 then [.]
    elif . < 2048 then [192 + (. / 64 | floor), rest(1)]
    elif . < 65536 then [224 + (. / 4096 | floor), rest(64), rest(1)]
    else [240 + (. / 262144 | floor), rest(4096), rest(64), rest(1)] end;

# Controls, the backslash, and what turns the direction of writing
def is_harmful:
    . < 32 or . == 92 or (. >= 127 and . < 160)
    or . == 8206 or . == 8207 or (. >= 8232 and . <= 8238)
    or (. >= 8294 and . <= 8297);

def name_line:
    if .file_base64 then
        [.file_base64 | base64_bytes[]
            | if is_harmful or . > 127 then octal else [.] | implode end] | add
    elif .file | test("[^ -\\[\\]-~]") then
        [.file | explode[]
            | if is_harmful then utf8_bytes[] | octal else [.] | implode end] | add
    else .file end;
'

# Such lines, as they were, each ended by a NUL byte
null_ended() {
    awk '{
        n = split($0, part, /\\0/)
        printf "%s", part[1]
        for (i = 2; i <= n; i++)
            printf "%c%s", substr(part[i], 1, 1) * 64 + substr(part[i], 2, 1) * 8 \
                + substr(part[i], 3, 1), substr(part[i], 4)
        printf "%c", 0
    }'
}

# files_below DIR [ACTION...] - what find does with all but temporary files of the
# command, which envelope(1) and envelope-rewrap(1) describe
files_below() {
    files_dir=$1
    shift
    case $files_dir in
    -* | '!' | '(' | ')' | ,) files_dir=./$files_dir ;;
    esac
    find -H "$files_dir" -type f ! -name '.*.envelope' \
        ! -name '.*.envelope-??????' ! -name '*.envelope-rewrap' "$@"
}
