# SPDX-License-Identifier: Apache-2.0
"""doc/RELIABILITY.md: it names every campaign, and the report writes what they found."""

import ast
import json
import pathlib
import re
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
SURVIVAL = HERE / "survival"
DOCUMENT = HERE.parent.parent / "doc" / "RELIABILITY.md"
FIGURES = re.compile(r"<!-- figures: begin -->.*<!-- figures: end -->", re.S)


def campaigns():
    """The names of all stories that ask for a campaign, and of those that several make together."""
    names = set()
    for path in sorted(SURVIVAL.glob("test_*.py")):
        text = path.read_text("utf-8")
        names.update(re.findall(r'joint_campaign\("(\w+)"\)', text))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") \
                    and "campaign" in {argument.arg for argument in node.args.args}:
                names.add(node.name.removeprefix("test_"))
    return names


def left_by(directory, campaign, passed=True, full=True, **figures):
    """What a campaign leaves at its end."""
    value = {"campaign": campaign, "seed": 42, "full_size": full, "passed": passed, "seconds": 9,
             "figures": figures}
    (directory / f"{campaign}.json").write_text(json.dumps(value))


def report(directory, document):
    """Runs the report."""
    return subprocess.run([SURVIVAL / "report", directory, document], capture_output=True,
                          text=True, check=False)


def table(document):
    """campaign -> the cells of its row."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")]
            for line in FIGURES.search(document.read_text()).group(0).splitlines()[3:-1]]
    return {cells[0].strip("`"): cells[1:] for cells in rows}


def test_the_document_names_every_campaign_and_no_other():
    text = FIGURES.sub("", DOCUMENT.read_text("utf-8"))
    named = set(re.findall(r"`([a-z0-9_]+)`", text))
    assert campaigns(), "there are no campaigns"
    missing = campaigns() - named
    assert not missing, f"doc/RELIABILITY.md does not say which promise these attack: {missing}"
    stale = {name for name in table(DOCUMENT) if name.partition("[")[0] not in campaigns()}
    assert not stale, f"doc/RELIABILITY.md has figures of campaigns that are gone: {stale}"


def test_the_report_writes_a_row_for_each_campaign_and_nothing_else(tmp_path):
    document = tmp_path / "document.md"
    document.write_text(DOCUMENT.read_text("utf-8"), "utf-8")
    left_by(tmp_path, "kills", kills=1000, alerts=100000, lost=0)
    left_by(tmp_path, "speed", full=False, alerts_a_second=12345.678)
    left_by(tmp_path, "kills_control", kills=5, control_lost=77)
    left_by(tmp_path, "broken", passed=False, cuts=300, lost=2)
    assert report(tmp_path, document).returncode == 0
    rows = table(document)
    assert rows["kills"][:4] == ["full", "kills 1,000, alerts 100,000 (9 s)", "0", "< 0.3 % a kill"]
    assert rows["kills"][4] == "42" and re.fullmatch(r"\d{4}-\d\d-\d\d", rows["kills"][5])
    assert rows["speed"][0] == "gate" and "alerts a second 12,346" in rows["speed"][1]
    assert rows["kills_control"][2] == "77, as it must" and rows["kills_control"][3] == ""
    assert "FAILED" in rows["broken"][0] and rows["broken"][2:4] == ["2", ""]
    assert FIGURES.sub("", document.read_text()) == FIGURES.sub("", DOCUMENT.read_text("utf-8"))


def test_a_campaign_that_did_not_run_keeps_its_row(tmp_path):
    document = tmp_path / "document.md"
    document.write_text("<!-- figures: begin -->\n<!-- figures: end -->\n")
    left_by(tmp_path, "one", lost=0)
    left_by(tmp_path, "two", lost=0)
    report(tmp_path, document)
    (tmp_path / "one.json").unlink()
    left_by(tmp_path, "two", lost=3)
    report(tmp_path, document)
    assert table(document)["one"][2] == "0" and table(document)["two"][2] == "3"


def test_a_document_without_the_marks_is_left_alone(tmp_path):
    document = tmp_path / "document.md"
    document.write_text("nothing to fill in\n")
    left_by(tmp_path, "one", lost=0)
    run = report(tmp_path, document)
    assert run.returncode != 0 and "figures: begin" in run.stderr
    assert document.read_text() == "nothing to fill in\n"
