# SPDX-License-Identifier: Apache-2.0
"""Stands in for a cluster: runs the pod of a manifest here.

    pod.py MANIFEST WHERE [CONTAINER...]

A path under a mountPath becomes one of the same name in WHERE, and a secret's key is
the file WHERE/SECRET/KEY.  The first containers run in their order, then the others;
where CONTAINERs are named, those alone.  One that fails ends it, with its status.
What the manifest names and does not have is an error, as it is in a cluster.
"""
import os
import subprocess
import sys

import yaml


def pod_of(manifest):
    spec = manifest["spec"]
    if manifest["kind"] == "CronJob":
        assert spec["concurrencyPolicy"] == "Forbid"
        spec = spec["jobTemplate"]["spec"]["template"]["spec"]
    assert not spec["automountServiceAccountToken"]
    return spec


def value_of(variable, where):
    if "value" in variable:
        assert isinstance(variable["value"], str), variable
        return variable["value"]
    ref = variable["valueFrom"]["secretKeyRef"]
    with open(os.path.join(where, ref["name"], ref["key"])) as file:
        return file.read()


def run(container, volumes, where):
    moved = {}
    for mount in container["volumeMounts"]:
        assert mount["name"] in volumes, mount
        moved[mount["mountPath"]] = where + mount["mountPath"]

    def here(text):
        for path, other in moved.items():
            if text == path:
                return other
            text = text.replace(path + "/", other + "/")
        return text

    env = dict(os.environ)
    for variable in container.get("env", []):
        env[variable["name"]] = here(value_of(variable, where))
    # The image's own program is none of ours.
    return subprocess.run([here(word) for word in container["command"]], env=env,
                          check=False).returncode


def main(path, where, *names):
    with open(path) as file:
        pod = pod_of(yaml.safe_load(file))
    volumes = {volume["name"] for volume in pod["volumes"]}
    first = pod.get("initContainers", [])
    for container in first + pod["containers"]:
        if not names or container["name"] in names:
            status = run(container, volumes, where)
            if status != 0:
                return status if status > 0 else 128 - status
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
