#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# envelope-tar: where levels are restored to, how it is called, and what it does not take
# for a success.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 6
. "$srcdir/test/jobs/tar_support.sh"

three_levels() {
    make_tree
    level full
    echo more >tree/more
    level incremental
    rm tree/more
    level incremental
}

# Each level but the first is extracted where nobody else can come.
closed_meanwhile() {
    mkdir -p bin
    real=$(command -v tar)
    cat >bin/tar <<S
#!/bin/sh
stat -c %a back9.part >>modes
exec $real "\$@"
S
    chmod +x bin/tar
    chmod 755 tree
    PATH=$tests_dir/bin:$PATH ends 0 restore store 0001-0002 back9 -i ops.key
    rm bin/tar
    [ "$(sort -u modes)" = 700 ]
    [ "$(wc -l <modes)" -eq 3 ]
    [ ! -e back9.part ]
    rm -r back9
}

# A series that is not there, and a program that fails
nothing_for_something() {
    ends 1 restore store 0007-0003 back9 -i ops.key
    for program in od printf awk; do
        printf '#!/bin/sh\nexit 127\n' >bin/$program
        chmod +x bin/$program
    done
    LC_ALL=C ls -A store >before
    status=0
    PATH=$tests_dir/bin:$PATH "$tar" full store state tree -r ops.pub >out \
        2>err || status=$?
    [ $status -ne 0 ]
    LC_ALL=C ls -A store | cmp - before
    rm bin/od bin/printf bin/awk
    [ ! -e back9 ]
}

# An option of the caller is not in the place of ours.
elsewhere() {
    ends 0 full store state tree -r ops.pub -o elsewhere.env
    [ ! -e elsewhere.env ]
    ends 0 incremental store state tree -r ops.pub -o elsewhere.env
    [ ! -e elsewhere.env ]
}

targets() {
    mkdir there
    ends 1 restore store 0001-0000 there/ -i ops.key
    grep -q '^envelope-tar: there: is there' err
    [ -z "$(ls there)" ]
    mkdir left.part
    ends 1 restore store 0001-0000 left -i ops.key
    ends 1 restore store 0001-0000 nowhere/left -i ops.key
    for name in 1 0001 0001-00000 ../0001 '*' '' 0001-0000.tar.env; do
        ends 2 restore store "$name" back3 -i ops.key
    done
}

names() {
    for name in ' a b' -dash 'new
line'; do
        mkdir -p -- "$name/tree" "$name/state" "$name/store"
        echo in >"$name/tree/file"
        ends 0 init "$name/store"
        ends 0 full "$name/store" "$name/state" "$name/tree" -r ops.pub
        echo more >"$name/tree/-file"
        ends 0 incremental "$name/store" "$name/state" "$name/tree" -r ops.pub
        ends 0 restore "$name/store" 0001-0001 "$name/back" -i ops.key
        diff -r -- "$name/tree" "$name/back"
        ends 1 full "$name/store" "$name/state" "$name" -r ops.pub
        grep -q 'have tar leave it out, by TAR_OPTIONS' err
        TAR_OPTIONS='--exclude=./store --exclude=./state' \
            ends 0 full "$name/store" "$name/state" "$name" -r ops.pub
    done
}

called_wrongly() {
    for arguments in '' help init 'init a b' 'full a b' 'incremental a' 'restore a b'; do
        # shellcheck disable=SC2086 # words
        ends 2 $arguments
        grep -q '^envelope-tar: usage: ' err
    done
    ends 1 full store none/state tree -r ops.pub
    ends 1 full none state tree -r ops.pub
}

set_up three_levels
t "restored where nobody else can come meanwhile" closed_meanwhile
t "what is not there, and programs that fail" nothing_for_something
t "where to restore to" targets
t "names" names
t "called in a wrong way" called_wrongly
t "an option that we give ourselves" elsewhere
