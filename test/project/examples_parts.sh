#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The scripts of examples/parts: engines run many jobs, and nothing less than the whole
# is good.  GNU parallel is the real one; sbatch and kubectl are stand-ins.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 12
parts=$srcdir/examples/parts
need parallel realpath "$PYTHON"
HOME=$tests_dir
mkdir bin slurm
ln -s "$envelope" bin/envelope
PATH=$tests_dir/bin:$PATH
PAUSE=0
export HOME PAUSE

stand_in() { # NAME - its script is standard input
    { echo '#!/bin/sh' && cat; } >"bin/$1"
    chmod +x "bin/$1"
}

# An array, one job after the other.  A file slurm/dies-I has I killed, slurm/again-I
# has it run twice.
stand_in sbatch <<S
array= output= error= status=0
while :; do
    case \$1 in
    --array=*) array=\${1#*=} ;;
    --output=*) output=\${1#*=} ;;
    --error=*) error=\${1#*=} ;;
    --wait | --open-mode=append) ;;
    -*) exit 1 ;;
    *) break ;;
    esac
    shift
done
# It runs a copy, so that the script cannot look beside itself.
cp "\$1" "$tests_dir/slurm/script" && shift
for i in \$(seq "\${array%-*}" "\${array#*-}"); do
    export SLURM_ARRAY_TASK_ID=\$i
    said=\$(echo "\$output" | sed "s/%a/\$i/") bad=\$(echo "\$error" | sed "s/%a/\$i/")
    if [ -e "$tests_dir/slurm/dies-\$i" ]; then
        echo "*** CANCELLED ***" >>"\$bad"
        : >>"\$said"
        status=15
        continue
    fi
    "$tests_dir/slurm/script" "\$@" >>"\$said" 2>>"\$bad" || status=\$?
    [ ! -e "$tests_dir/slurm/again-\$i" ] \\
        || "$tests_dir/slurm/script" "\$@" >>"\$said" 2>>"\$bad"
done
exit \$status
S
stand_in kubectl <<S
PYTHONDONTWRITEBYTECODE=1 exec "$PYTHON" "$srcdir/test/project/kubectl.py" \\
    "$tests_dir/cluster" "$tests_dir/volumes" "\$@"
S

# Names that a shell would take apart
odd="a {1} \$(b)'s"
make_all() {
    envelope keygen -o ops.key
    steady_text 1000000 >plain
    envelope encrypt -r ops.pub -o "$odd" plain
    envelope encrypt -r ops.pub --carrier tar -o e.tar plain
    : >empty
    envelope encrypt -r ops.pub -o empty.env empty
    cp e.tar bad.tar
    flip bad.tar 600000
    mkdir -p cluster volumes/key volumes/backup
    cp ops.key volumes/key
    cp e.tar volumes/backup/backup.xb
}

# says STATUS COMMAND... - what it says is in ./said
says() {
    want=$1 status=0
    shift
    "$@" >said.all 2>&1 || status=$?
    cat said.all
    # Of GNU parallel, where there is no /sys.
    grep -v '^lscpu: ' said.all >said || :
    test $status -eq "$want"
}

refused_parts() { # N
    grep -q ': not whole: chunks ' said
    grep -q ": 1 of $1 jobs have not said that they were done\$" said
    grep -q ': a job has failed$' said
}

parallel_verifies() {
    says 0 "$parts/parallel.sh" verify ops.key 5 "$odd" e.tar
    grep -qxF "$odd: whole: 62 chunks verified in 5 parts" said
    grep -qxF "e.tar: whole: 62 chunks verified in 5 parts" said
    test "$(wc -l <said)" -eq 2
    # More parts than chunks
    says 0 "$parts/parallel.sh" verify ops.key 70 e.tar
}

parallel_finds_damage() {
    says 5 "$parts/parallel.sh" verify ops.key 4 "$odd" bad.tar e.tar
    refused_parts 4
    grep -q '^envelope: bad.tar: chunk failed authentication: chunk 36 ' said
    test "$(grep -c ': whole: ' said)" -eq 2
}

# One job is killed: in the second, its try that follows is good.
killed_job() {
    mkdir killer
    cat >killer/envelope <<K
#!/bin/sh
case "\$*" in
*--part\ 2/*) [ -e spared ] || { [ ! -e once ] || : >spared; kill -KILL \$\$; } ;;
esac
exec "$envelope" "\$@"
K
    chmod +x killer/envelope
    PATH=$tests_dir/killer:$PATH
    says 5 "$parts/parallel.sh" verify ops.key 4 e.tar
    refused_parts 4
    : >once
    export PARALLEL='--retries 2'
    says 0 "$parts/parallel.sh" verify ops.key 4 e.tar
}

parallel_restores() {
    for n in 1 3 16 70; do
        rm -f "$odd.out"
        says 0 "$parts/parallel.sh" restore ops.key $n "$odd" "$odd.out"
        cmp plain "$odd.out"
        test ! -e "$odd.out.part"
    done
    says 0 "$parts/parallel.sh" restore ops.key 2 empty.env none
    test -e none && test ! -s none
}

# Nothing has the name of what is restored, and nothing is replaced.
parallel_restores_no_part() {
    says 5 "$parts/parallel.sh" restore ops.key 4 bad.tar got
    refused_parts 4
    test ! -e got
    says 2 "$parts/parallel.sh" restore ops.key 4 e.tar got
    test ! -e got && rm got.part
    echo mine >got
    says 2 "$parts/parallel.sh" restore ops.key 4 e.tar got
    test "$(cat got)" = mine
    rm got
}

part_fails() {
    says 7 "$parts/restore-part.sh" ops.key 1/2 e.tar nosuch
    ! grep -q '"id"' said || false
    test ! -e nosuch
    if [ -c /dev/full ]; then
        says 7 "$parts/restore-part.sh" ops.key 1/2 e.tar /dev/full
        ! grep -q '"id"' said || false
    fi
    says 2 "$parts/restore-part.sh" ops.key 1/2 e.tar
}

slurm_verifies() {
    says 0 "$parts/slurm.sh" verify ops.key 5 run "$odd"
    grep -q ': whole: 62 chunks verified in 5 parts$' said
    # Its lines stay, and no second run adds to them.
    cat run/*.line | envelope verify --parts
    says 1 "$parts/slurm.sh" verify ops.key 5 run "$odd"
    rm -r run
    says 5 "$parts/slurm.sh" verify ops.key 4 run bad.tar
    refused_parts 4
    grep -q ': chunk failed authentication: chunk 36 ' said
    rm -r run
}

slurm_loses_a_job() {
    : >slurm/dies-3
    says 5 "$parts/slurm.sh" verify ops.key 4 run e.tar
    rm -r run slurm/dies-3
    refused_parts 4
    grep -q 'CANCELLED' said
    : >slurm/again-2
    says 0 "$parts/slurm.sh" verify ops.key 4 run e.tar
    grep -q ': 1 jobs were done more than once$' said
    rm -r run slurm/again-2
}

slurm_restores() {
    says 0 "$parts/slurm.sh" restore ops.key 3 run e.tar got
    cmp plain got
    says 2 "$parts/slurm.sh" restore ops.key 3 run2 e.tar got
    rm -r run got
    says 5 "$parts/slurm.sh" restore ops.key 3 run bad.tar got
    test ! -e got
}

kubernetes_verifies() {
    says 0 "$parts/kubernetes.sh" "$parts/kubernetes.yaml"
    grep -q ': whole: 62 chunks verified in 16 parts$' said
    says 0 "$parts/kubernetes.sh" job.batch/envelope-verify-x7k2p
    : >cluster/dies-4
    : >cluster/twice-7
    says 0 "$parts/kubernetes.sh" "$parts/kubernetes.yaml"
    grep -q ': 1 jobs were done more than once$' said
    grep -qx 'envelope-verify-x7k2p-4: Failed 137' said
}

kubernetes_refuses() {
    : >cluster/lost-2
    says 5 "$parts/kubernetes.sh" "$parts/kubernetes.yaml"
    grep -q ': not whole: chunks 7 to before 11 of 62 were not verified$' said
    # PARTS was not changed together with completions.
    sed 's/completions: 16/completions: 15/' "$parts/kubernetes.yaml" >fewer.yaml
    says 5 "$parts/kubernetes.sh" fewer.yaml
    cp bad.tar volumes/backup/backup.xb
    says 5 "$parts/kubernetes.sh" "$parts/kubernetes.yaml"
    refused_parts 16
    test "$(grep -c ': Failed 5$' said)" -eq 1
    rm volumes/backup/backup.xb
    says 5 "$parts/kubernetes.sh" "$parts/kubernetes.yaml"
    grep -q 'not whole: there is no line of a part' said
}

# A part without chunks is missed, too, and lines of two envelopes are none.
collects() {
    : >lines
    for i in 1 2 3 4; do
        envelope verify -i ops.key --part $i/4 --json empty.env >>lines
    done
    says 0 "$parts/collect.sh" name 4 0 lines
    says 1 "$parts/collect.sh" name 4 7 lines
    tail -n 3 lines >fewer
    says 1 "$parts/collect.sh" name 4 0 fewer
    envelope verify -i ops.key --part 4/4 --json e.tar >>fewer
    says 1 "$parts/collect.sh" name 4 0 fewer
    says 1 "$parts/collect.sh" name 4 0 nosuch
    says 2 "$parts/collect.sh" name 4 0
}

set_up make_all
t "GNU parallel verifies" parallel_verifies
t "damage is found by one job" parallel_finds_damage
t "a job that is killed" killed_job
t "GNU parallel restores" parallel_restores
t "no part gets the name of the whole" parallel_restores_no_part
t "a part that cannot be written" part_fails
t "lines are collected" collects
t "a Slurm array verifies" slurm_verifies
t "a Slurm array loses a job, or repeats one" slurm_loses_a_job
t "a Slurm array restores" slurm_restores
t "a Job of Kubernetes verifies" kubernetes_verifies
t "a Job of Kubernetes is refused" kubernetes_refuses
