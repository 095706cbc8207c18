# SPDX-License-Identifier: Apache-2.0
# bsdtar, bsdcat and bsdcpio with the filter in $tests_dir/bin, also by the
# launcher's own names.  Sourced after tap.sh and the plan, not run.

: "${ENVELOPE_LAUNCHER:=$top_builddir/bsdtar-envelope}"
launchers='bsdtar bsdcpio bsdcat'
launchers="$launchers bsdtar-envelope bsdcpio-envelope bsdcat-envelope"
: "${ENVELOPE_PRELOAD:=$top_builddir/.libs/envelope-preload.so}"
export ENVELOPE_PRELOAD
unset TAR_READER_OPTIONS TAR_WRITER_OPTIONS ENVELOPE_ARCHIVE_OPTIONS

mkdir launchers bin
for name in $launchers; do
    ln -s "$ENVELOPE_LAUNCHER" "launchers/$name"
    ln -s "$ENVELOPE_LAUNCHER" "bin/$name"
done

# An instrumented module needs its runtime in every program that loads it.
# bsdcpio leaks what it reads the disk with; the shell is no better.
asan=
if [ -n "${ENVELOPE_SANITIZED-}" ]; then
    asan=$(gcc -print-file-name=libasan.so)
    printf 'leak:%s\n' archive_read_disk archive_entry_new /bin/sh dash \
        >lsan.supp
    ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=1:verify_asan_link_order=0
    LSAN_OPTIONS=suppressions=$tests_dir/lsan.supp:print_suppressions=0
    export ASAN_OPTIONS LSAN_OPTIONS
    for name in $launchers; do
        rm "bin/$name"
        cat >"bin/$name" <<WRAPPER
#!/bin/sh
PATH=\${PATH#$tests_dir/bin:}
LD_PRELOAD=$asan\${LD_PRELOAD:+:\$LD_PRELOAD} \\
    exec $tests_dir/launchers/$name "\$@"
WRAPPER
        chmod +x "bin/$name"
    done
fi

# complains TEXT COMMAND... - it ends with status 1 and says this on stderr
complains() {
    complains_text=$1 status=0
    shift
    "$@" >said 2>err || status=$?
    cat err >&2
    [ $status -eq 1 ]
    grep -qF -- "$complains_text" err
}
