"""Submissions that attack the grader, each built on a notebook without answers: whatever they earn is undeserved."""

import copy
import json
import os
import socket
import threading
import time
from pathlib import Path

import nbformat
import psutil
import pytest

from autograder.grading import grade
from autograder.sandbox.host import Limits, Sandbox
from stabilitylab import workspace
from tests.classroom.handing_in import NAME, cell, hand_in, notebook

pytestmark = pytest.mark.slow
ATTACKS = {path.stem: path for path in sorted((Path(__file__).parent / "submissions").glob("*.py"))}
ODD_NAMES = ("=cmd", "-rf", "<script>", "two words", "quote'", "semi;colon", "ev\u202eil", "x" * 150 + "$")


def attack(path, places):
    """A blank notebook with the attack in it, as JSON."""
    source = path.read_text(encoding="utf-8")
    for name, value in places.items():
        source = source.replace(name, value)
    source = source.replace("LONE_SURROGATE", "\ud800").replace("NULL_CHARACTER", "\0").replace("BLANK_LINES", " \n" * 20_000)
    first, *others = source.split("\n# %% ")
    made = json.loads(nbformat.writes(notebook("exercises")))
    cell(made, "clip_grad_norm_code")["source"] = first
    for part in others:
        grade_id, _, code = part.partition("\n")
        cell(made, grade_id)["source"] = code
    return json.dumps(made)


def odd_files(folder, secret):
    """Submissions whose file is the attack: student -> what was done."""

    def place(student):
        path = folder / student / NAME / f"{NAME}.ipynb"
        path.parent.mkdir(parents=True)
        return path

    blank = json.loads(nbformat.writes(notebook("exercises")))
    place("link_to_a_file").symlink_to(secret)
    place("link_to_a_classmate").symlink_to(folder / "honest" / NAME / f"{NAME}.ipynb")
    place("link_to_nothing").symlink_to("nowhere")
    (folder / "link_to_a_folder").mkdir()
    (folder / "link_to_a_folder" / NAME).symlink_to(folder / "honest" / NAME)
    place("folder_for_a_file").mkdir()
    os.mkfifo(place("pipe"))
    place("nested_json").write_text('{"cells": ' + "[" * 100_000)
    place("endless_cells").write_text(json.dumps({"cells": [{"cell_type": "code", "source": "1"}] * 5000}))
    place("much_text").write_text(json.dumps({"cells": [{"cell_type": "code", "source": "x = 1\n" * 200_000}]}))
    with open(place("large_file"), "wb") as file:
        file.truncate(1 << 30)
    place("no_text").write_bytes(bytes(range(256)) * 100)
    place("cells_of_no_shape").write_text(json.dumps({"cells": [1, None, "x"]}))
    place("cells_of_odd_shape").write_text(
        json.dumps({"cells": [{"cell_type": ["code"], "source": {}}, {"cell_type": "code", "metadata": [1], "source": [1]}]})
    )
    more = copy.deepcopy(blank)
    for one in more["cells"]:
        if "points" in one["metadata"].get("nbgrader", {}):
            one["metadata"]["nbgrader"].update(points=1000, locked=False, solution=True, grade=True)
            if one["cell_type"] == "code":
                one["source"] = "8.0"
                one["outputs"] = [
                    {"output_type": "execute_result", "data": {"text/plain": "8.0"}, "execution_count": 1, "metadata": {}}
                ]
    place("more_points").write_text(json.dumps(more))
    twice = copy.deepcopy(blank)
    twice["cells"] += copy.deepcopy(twice["cells"])
    for one in twice["cells"][5:9]:
        one["metadata"]["nbgrader"] = {}
    place("every_cell_twice").write_text(json.dumps(twice))


def listen(canary, heard):
    """Everything that can be reached from this machine: TCP, UDP, a Unix socket, one without a name; returns the port."""
    tcp = socket.create_server(("127.0.0.1", 0))
    port = tcp.getsockname()[1]
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", port))
    sockets = [tcp, udp]
    for address in (str(canary / "socket"), f"\0hostile-{port}"):
        unix = socket.socket(socket.AF_UNIX)
        unix.bind(address)
        unix.listen()
        sockets.append(unix)

    def hear(heard_from):
        if heard_from.type == socket.SOCK_STREAM:
            heard_from.accept()
        else:
            heard_from.recv(10)
        heard.append(heard_from)

    for one in sockets:
        threading.Thread(target=hear, args=(one,), daemon=True).start()
    return port


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory):
    """One class of attackers and two honest students, graded in a sandbox with short deadlines."""
    folder, workdir, canary = (tmp_path_factory.mktemp(name) for name in ("class", "workdir", "canary"))
    (canary / "secret").write_text("onlytheteacherknows")
    heard, warnings = [], []
    port = listen(canary, heard)
    before = set(canary.iterdir())
    for student in ("honest", "zealous"):  # the first and the last to be judged of those who deserve something
        hand_in(folder, student, notebook("solutions"))
    for student, source in ATTACKS.items():
        hand_in(folder, student, attack(source, {"CANARY": str(canary), "WORKDIR": str(workdir), "PORT": str(port)}))
    odd_files(folder, canary / "secret")
    for name in ODD_NAMES:
        (folder / name).mkdir()
    (folder / "link").symlink_to(folder / "honest")
    started = time.time()
    with Sandbox(Limits(load=8, ask=4, total=30)) as sandbox:
        assert sandbox.kind == "forked", sandbox.warning
        report = grade(NAME, folder, workdir=workdir, jobs=2, warn=warnings.append, start=lambda: sandbox)
    left = []
    for process in psutil.process_iter(["cmdline", "create_time"]):
        command = " ".join(process.info["cmdline"] or ())
        if process.info["create_time"] > started and ("4242" in command or "autograder." in command) and sandbox_of_ours(command):
            left.append(command)
    return report["students"], {
        "heard": heard,
        "left": left,
        "written": set(canary.iterdir()) - before,
        "workdir": workdir,
        "warnings": warnings,
    }


def sandbox_of_ours(command):
    return str(workspace.ROOT) in command or "4242" in command


def test_there_are_enough_attacks():
    assert len(ATTACKS) >= 40


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_earns_nothing(aftermath, name):
    student = aftermath[0][name]
    assert student["status"] == "graded"
    assert {grade_id: q["score"] for grade_id, q in student["questions"].items() if q["score"]} == {}


def test_what_was_done_to_a_file_earns_nothing_and_stops_nobody(aftermath):
    students = aftermath[0]
    odd = set(students) - set(ATTACKS) - {"honest", "zealous"}
    assert len(odd) >= 20
    for name in odd:
        assert students[name]["score"] == 0, name
    for name in (
        "link_to_a_file",
        "link_to_a_classmate",
        "link_to_a_folder",
        "folder_for_a_file",
        "pipe",
        "nested_json",
        "endless_cells",
    ):
        assert students[name]["status"] == "unreadable", name
    assert students["more_points"]["max"] == 26  # all points there are: 23 by machine and 3 by hand


def test_names_that_could_do_harm_are_refused_and_named(aftermath):
    for name in (*ODD_NAMES, "link"):
        assert aftermath[0][name]["status"] == "refused"
        assert any(repr(name) in warning for warning in aftermath[1]["warnings"])


def test_honest_students_lose_nothing(aftermath):
    for name in ("honest", "zealous"):
        assert aftermath[0][name]["score"] == aftermath[0][name]["max"] == 23


def test_nothing_got_out_and_nothing_is_left(aftermath):
    found = aftermath[1]
    assert found["heard"] == [] and found["written"] == set() and found["left"] == []
    assert not any(found["workdir"].rglob("*hostile_was_here")) and not (found["workdir"] / "at_exit").exists()


def test_no_learners_text_runs_on_a_feedback_page_or_stands_in_a_report(aftermath, browser):
    students, found = aftermath
    assert (
        "SCRIPTMARK" not in json.dumps(students)
        and "onlytheteacher" not in json.dumps(students)
        and "foundanote" not in json.dumps(students)
    )
    page = browser.new_page()
    for name in ("markup_everywhere", "forged_errors", "odd_text"):
        page.goto((found["workdir"] / "feedback" / name / NAME / f"{NAME}.html").as_uri())
        page.wait_for_load_state()
        for link in page.get_by_text("click", exact=True).all():
            link.click(timeout=2000)
        assert page.title() != "SCRIPTMARK", name
    page.close()
