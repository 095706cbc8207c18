#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The manifests of jobs/kubernetes: a database is dumped and restored, and a pod's first
# container puts a base backup there.  pod.py stands in for the cluster; the rest is real.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 6
not_sanitized 'it is about scripts'
need tar "$PYTHON"
"$PYTHON" -c 'import yaml' 2>/dev/null || skip_rest 'python3-yaml is not installed'
PATH=$tests_dir/bin:${envelope%/*}:$PATH
mkdir bin volumes

# pod STATUS MANIFEST [CONTAINER...]
pod() {
    pod_want=$1 pod_status=0 pod_manifest=$2
    shift 2
    sed "s,/usr/libexec/envelope,$srcdir/jobs," \
        "$srcdir/jobs/kubernetes/$pod_manifest" >manifest.yaml
    PYTHONDONTWRITEBYTECODE=1 timeout 60 "$PYTHON" "$srcdir/test/jobs/pod.py" \
        manifest.yaml "$tests_dir/volumes" "$@" 2>err || pod_status=$?
    cat err >&2
    [ "$pod_status" -eq "$pod_want" ]
}

volumes() {
    "$envelope" keygen -o ops.key
    mkdir -p volumes/backup volumes/recipients volumes/backup-login volumes/data \
        volumes/key
    cp ops.pub volumes/recipients
    cp ops.key volumes/key
    printf %s secret >volumes/backup-login/password
}
set_up volumes

# The database's own program, which says with what it was called
dump() {
    cat >bin/pg_dump <<'S'
#!/bin/sh
[ "$PGPASSWORD" = secret ] || exit 1
echo "$PGUSER@$PGHOST $*"
exit "${DUMP_STATUS-0}"
S
    chmod +x bin/pg_dump
    pod 0 backup.yaml
    "$envelope" decrypt -i ops.key volumes/backup/orders-*.env >got
    echo 'backup@orders-db --format=custom --no-password orders' | cmp - got
    ! grep secret volumes/backup/* || false
    rm volumes/backup/*
}

dump_fails() {
    DUMP_STATUS=3 pod 7 backup.yaml
    [ -z "$(ls -A volumes/backup)" ]
    rm volumes/recipients/ops.pub
    pod 1 backup.yaml
    [ -z "$(ls -A volumes/backup)" ]
    cp ops.pub volumes/recipients
}

base_backup() {
    mkdir base
    echo 17 >base/PG_VERSION
    head -c 300000 /dev/urandom >base/data
    tar -C base -cf - . | "$envelope" encrypt -r ops.pub -o volumes/backup/base.tar.env
    pod 0 restore.yaml restore
    diff -r base volumes/data/base
    # It is started again, when the server has written
    echo more >>volumes/data/base/data
    cp volumes/data/base/data want
    pod 0 restore.yaml restore
    cmp want volumes/data/base/data
    rm -r volumes/data/base
}

# What a pod that was killed has left is no base backup.
half() {
    mkdir volumes/data/base.part
    echo half >volumes/data/base.part/other
    pod 0 restore.yaml restore
    diff -r base volumes/data/base
    rm -r volumes/data/base
}

refused() {
    flip volumes/backup/base.tar.env 200000
    pod 5 restore.yaml restore
    [ ! -e volumes/data/base ]
    flip volumes/backup/base.tar.env 200000
    "$envelope" keygen -f -o volumes/key/ops.key
    pod 3 restore.yaml restore
    [ ! -e volumes/data/base ]
    rm volumes/backup/base.tar.env
    pod 8 restore.yaml restore
    [ ! -e volumes/data/base ]
}

# The server sees no key, and what makes backups none that opens them.
keys() {
    "$PYTHON" - "$srcdir/jobs/kubernetes" <<'S'
import sys, yaml
restore = yaml.safe_load(open(sys.argv[1] + "/restore.yaml"))["spec"]
for container in restore["containers"]:
    assert "key" not in [m["name"] for m in container["volumeMounts"]], container
backup = yaml.safe_load(open(sys.argv[1] + "/backup.yaml"))["spec"]
pod = backup["jobTemplate"]["spec"]["template"]["spec"]
assert [v["name"] for v in pod["volumes"]] == ["backup", "recipients"]
for container in pod["containers"] + restore["initContainers"]:
    security = container["securityContext"]
    assert security["readOnlyRootFilesystem"] and not \
        security["allowPrivilegeEscalation"]
    assert security["capabilities"] == {"drop": ["ALL"]}
S
}

t 'a dump every night' dump
t 'a dump that fails' dump_fails
t 'a base backup is restored, once' base_backup
t 'after a pod that was killed' half
t 'what cannot be restored' refused
t 'who sees which key' keys
