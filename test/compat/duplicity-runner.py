"""Runs duplicity again and again: its modules are loaded once, and each run is a fork of this process.

Reads a JSON object a line from standard input: {"arguments": [...], "environment": {...}}; answers with one a line:
{"status": n, "output": "...", "errors": "..."}. What runs is the installed program, unchanged.
"""
import json
import os
import runpy
import sys
import tempfile
import time

PROGRAM = "/usr/bin/duplicity"

# Under another name than __main__ the program loads what it needs and does nothing.
runpy.run_path(PROGRAM, run_name="loaded")


def in_child(request, output, errors):
    os.setsid()
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (output.fileno(), 1), (errors.fileno(), 2)):
        os.dup2(source, target)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")
    sys.argv = [PROGRAM] + [os.fsdecode(os.fsencode(one)) for one in request["arguments"]]
    status = 0
    try:
        runpy.run_path(PROGRAM, run_name="__main__")
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        import traceback

        traceback.print_exc()
        status = 30
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


for line in sys.stdin:
    request = json.loads(line)
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        child = os.fork()
        if child == 0:
            in_child(request, output, errors)
        _, ended = os.waitpid(child, 0)
        answer = {"status": os.waitstatus_to_exitcode(ended)}
        for name, file in (("output", output), ("errors", errors)):
            file.seek(0)
            answer[name] = file.read().decode("utf-8", "replace")
    print(json.dumps(answer), flush=True)
