# SPDX-License-Identifier: Apache-2.0
"""Stands in for kubectl and a cluster: runs an indexed Job of a manifest here.

    kubectl.py STATE WHERE ARGUMENT-OF-KUBECTL...

STATE is a directory for what the API would keep.  A path under a mountPath becomes
one of the same name in WHERE.  A file STATE/dies-I has the index I killed once,
STATE/twice-I runs it twice, STATE/lost-I takes its pod away.
"""
import json
import os
import subprocess
import sys

import yaml

NAME = "envelope-verify-x7k2p"


def take(state, word):
    """Is the trouble asked for?  It comes once."""
    path = os.path.join(state, word)
    if not os.path.exists(path):
        return False
    os.unlink(path)
    return True


def run_pod(state, where, spec, index):
    """One container to its end: its exit code and termination message."""
    container, = spec["containers"]
    message = os.path.join(state, "termination-log")
    open(message, "w").close()
    moved = {"/dev/termination-log": message}
    for mount in container["volumeMounts"]:
        assert mount["name"] in [each["name"] for each in spec["volumes"]]
        moved[mount["mountPath"] + "/"] = where + mount["mountPath"] + "/"
    env = dict(os.environ, JOB_COMPLETION_INDEX=str(index))

    def here(words):
        for path, other in moved.items():
            words = words.replace(path, other)
        return words

    for variable in container["env"]:
        assert isinstance(variable["value"], str), variable
        env[variable["name"]] = here(variable["value"])
    command = [here(word) for word in container["command"]]
    if take(state, f"dies-{index}"):
        command = ["sh", "-c", "kill -KILL $$"]
    status = subprocess.run(command, env=env, check=False).returncode
    with open(message) as file:
        said = file.read()
    assert len(said) <= 4096  # the API cuts it there
    return {"index": index, "exitCode": status if status >= 0 else 128 - status,
            "message": said}


def run_index(state, where, job, index):
    """All pods of an index, and whether it was good."""
    fatal = [rule["onExitCodes"]["values"]
             for rule in job["podFailurePolicy"]["rules"]
             if rule["action"] == "FailIndex"][0]
    pods = []
    for _ in range(1 + job["backoffLimitPerIndex"]):
        pods.append(run_pod(state, where, job["template"]["spec"], index))
        if pods[-1]["exitCode"] == 0 or pods[-1]["exitCode"] in fatal:
            break
    good = pods[-1]["exitCode"] == 0
    if take(state, f"twice-{index}"):
        pods.append(run_pod(state, where, job["template"]["spec"], index))
    return ([] if take(state, f"lost-{index}") else pods), good


def create(state, where, path):
    with open(path) as file:
        manifest = yaml.safe_load(file)
    assert (manifest["apiVersion"], manifest["kind"]) == ("batch/v1", "Job")
    assert manifest["metadata"] == {"generateName": NAME[:-5]}
    job = manifest["spec"]
    assert job["completionMode"] == "Indexed"
    assert job["template"]["spec"]["restartPolicy"] == "Never"
    done = [run_index(state, where, job, index)
            for index in range(job["completions"])]
    condition = "Complete" if all(good for _, good in done) else "Failed"
    with open(os.path.join(state, "api"), "w") as file:
        json.dump({"completions": job["completions"], "asked": 0,
                   "conditions": ["SuccessCriteriaMet", condition],
                   "pods": [pod for pods, _ in done for pod in pods]}, file)
    print("job.batch/" + NAME)


def answer(api, what, path):
    """The jsonpaths that the script asks for, and no others."""
    if what == ["job.batch/" + NAME]:
        if path == "{.spec.completions}":
            return str(api["completions"])
        assert path == '{.status.conditions[?(@.status=="True")].type}', path
        api["asked"] += 1  # the first time it is still running
        return " ".join(api["conditions"]) if api["asked"] > 1 else ""
    assert what == ["pods", "--selector=batch.kubernetes.io/job-name=" + NAME]
    begin, end = "{range .items[*]}", '{"\\n"}{end}'
    assert path.startswith(begin) and path.endswith(end)
    ended = "{.status.containerStatuses[0].state.terminated."
    path = path[len(begin):-len(end)]
    lines = []
    for pod in api["pods"]:
        phase = "Succeeded" if pod["exitCode"] == 0 else "Failed"
        line = path.replace("{.metadata.name}", f"{NAME}-{pod['index']}")
        line = line.replace("{.status.phase}", phase)
        line = line.replace(ended + "exitCode}", str(pod["exitCode"]))
        lines.append(line.replace(ended + "message}", pod["message"]) + "\n")
        assert "{." not in lines[-1], path
    return "".join(lines)


def main(state, where, verb, *words):
    if verb == "create":
        option, path, *rest = words
        assert (option, rest) == ("-f", ["-o", "name"]), words
        create(state, where, path)
        return
    assert verb == "get" and words[-2] == "-o", words
    with open(os.path.join(state, "api")) as file:
        api = json.load(file)
    print(answer(api, list(words[:-2]), words[-1].split("=", 1)[1]), end="")
    with open(os.path.join(state, "api"), "w") as file:
        json.dump(api, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
