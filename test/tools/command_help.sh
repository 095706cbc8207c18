#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What --help, the manual pages and the completions of shells tell of the command
# is what it has.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 8

commands='encrypt decrypt inspect verify rewrap header keygen fingerprint
    completion'
: >ops.key # files to complete
: >ops.pem

version() {
    "$envelope" --version >out
    grep -Eqx 'envelope [0-9.]+' out
}

helps() {
    "$envelope" --help >all
    for command in $commands; do
        grep -q "^  $command " all
        "$envelope" "$command" --help >out
        grep -q "^usage: envelope $command " out
        # What a completion prints must not need quoting.
        ! grep -E "['\`\"\\\\]" out || false
        "$envelope" "$command" -h | cmp - out
    done
}

# -v is with the options of every command.
options_of() { # COMMAND
    "$envelope" "$1" --help | sed -n 's/^  ....--\([a-z0-9-]*\).*/\1/p'
}

manuals_tell() {
    for command in encrypt decrypt inspect verify rewrap header keygen \
        fingerprint; do
        page=$srcdir/doc/envelope-$command.1
        options_of "$command" >list
        [ -s list ]
        while read -r option; do
            [ "$option" = verbose ] || grep -q "Fl -$option\b" "$page"
        done <list
        # and nothing that is not there
        sed -n 's/^\.It.* Fl -\([a-z0-9-]*\).*/\1/p' "$page" |
            while read -r option; do
                grep -qx -- "$option" list
            done
    done
}

# --- completions ----------------------------------------------------------

bash_completes() { # WORD... - what the last of them can be
    bash -c '. ./envelope.bash
        COMP_WORDS=(envelope "$@") COMP_CWORD=$#
        _envelope
        printf "%s\n" "${COMPREPLY[@]}"' bash "$@"
}

in_bash() {
    "$envelope" completion bash >envelope.bash
    bash -n envelope.bash
    bash_completes enc | grep -qx encrypt
    bash_completes '' | wc -l | grep -qx 11
    bash_completes decrypt --sal | grep -qx -- --salvage
    bash_completes encrypt --sal | grep -qx ''
    bash_completes encrypt --carrier x | grep -qx xbstream
    bash_completes encrypt -r ops.p | grep -qx ops.pem
    bash_completes completion f | grep -qx fish
    bash_completes header r | grep -qx restore
    bash_completes header save o | grep -qx ops.pem
    # bash makes three words of --option=value.
    bash_completes encrypt --carrier = x | grep -qx xbstream
    bash_completes verify --progress = '' | grep -qx json
    bash_completes verify --progress = | grep -qx json
    bash_completes verify --progress j | grep -qx ''
    # Without a command it encrypts, or decrypts.
    bash_completes --carr | grep -qx -- --carrier
    bash_completes -d --sal | grep -qx -- --salvage
    bash_completes -d -i ops.k | grep -qx ops.key
}

in_zsh() {
    "$envelope" completion zsh >_envelope
    zsh -n _envelope
    grep -q "'\*--carrier=\[.*\]:KIND:(auto raw tar xbstream)'" _envelope
    sed -n '/^    -\*)/,$p' _envelope | grep -q -- '--salvage'
}

in_fish() {
    "$envelope" completion fish >envelope.fish
    fish -n envelope.fish
    fish -c 'source envelope.fish; complete -C "envelope dec"' |
        grep -q '^decrypt'
    fish -c 'source envelope.fish; complete -C "envelope decrypt --sal"' |
        grep -q -- '^--salvage'
    fish -c 'source envelope.fish; complete -C "envelope encrypt --carrier x"' |
        grep -q '^xbstream'
    fish -c 'source envelope.fish; complete -C "envelope -d --sal"' |
        grep -q -- '^--salvage'
}

other_shell() {
    exits 2 "$envelope" completion csh
    exits 2 "$envelope" completion
}

# The whole table is offered everywhere.
complete_lists() {
    for command in $commands; do
        options_of "$command"
    done | sort -u >options
    test "$(wc -l <options)" -gt 20
    for shell in bash zsh fish; do
        "$envelope" completion $shell >script
        while read -r option; do
            grep -qE -- "(--| -l )$option\\b" script
        done <options
    done
}

optional() { # SHELL NAME FUNCTION
    if command -v "$1" >/dev/null; then
        t "$2" "$3"
    else
        skip "$2" "$1 is not installed"
    fi
}

t "--version" version
t "--help" helps
t "the manual pages have the options that there are" manuals_tell
optional bash "completions for bash" in_bash
optional zsh "completions for zsh" in_zsh
optional fish "completions for fish" in_fish
t "completions for another shell" other_shell
t "completions know every option" complete_lists
