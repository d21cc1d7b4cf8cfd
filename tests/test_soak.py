"""The scripts of the long proof judge as they say: what does not hold is told, and is their exit status."""

from __future__ import annotations

import subprocess

import strict_run
from soak import everything, series
from strict_run import Outcome, Run


def test_a_run_passes_if_every_cell_did_on_the_server_that_was_meant_and_on_no_other():
    def wrong(log, status=0, used=("redis-7.0",)):
        return len(strict_run.judged(log, status, 291, set(used), "redis-7.0").wrong)

    assert wrong("....\n291 passed in 38.04s\n") == 0
    assert wrong("1 failed, 290 passed in 38.04s", status=1) == 1
    assert wrong("290 passed in 38.04s") == 1  # a cell was left out
    assert wrong("290 passed, 1 skipped in 38.04s") == 1
    assert wrong("Segmentation fault", status=-11) == 1
    assert wrong("291 passed in 38.04s", used=["redis-7.0", "valkey-9.1"]) == 1
    assert wrong("291 passed in 38.04s", used=[]) == 1


def test_what_a_run_leaves_is_found_and_ended(tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    assert strict_run.left_over(tmp_path) == []
    monkeypatch.setattr(strict_run, "becomes_true", lambda condition: condition())  # what is left, stays
    environ = strict_run.surroundings(tmp_path, "a-server")
    (tmp_path / "tmp" / "forgotten").touch()
    with subprocess.Popen(["sleep", "60"], env=environ) as sleeper:
        assert strict_run.left_over(tmp_path) == [
            "1 processes were left: sleep",
            "temporary files were left: forgotten",
        ]
        assert sleeper.wait(10) != 0


def test_fifty_runs_go_round_the_servers_and_the_busy_ones_come_last():
    runs = series.planned(["a", "b"], foreign=True, times=50, busy=25)
    assert [run.busy for run in runs] == [False] * 25 + [True] * 25
    assert [run.where for run in runs[:5]] == ["a", "b", "a by REDIS_URL", "b by REDIS_URL", "a"]
    assert series.planned(["a", "b"], foreign=False, times=0, busy=0) == [Run("a"), Run("b")]


def test_one_run_that_fails_is_told_its_log_is_kept_and_the_others_are_made(tmp_path, monkeypatch, capsys):
    def make(run, log):
        log.touch()
        return Outcome("290 passed", ["a cell is missing"] if run.server == "b" else [])

    monkeypatch.setattr(series, "make", make)
    assert series.make_all([Run("a"), Run("b"), Run("c", busy=True)], tmp_path) == 1
    assert "FAILED: a cell is missing; see" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["series-002.log"]
    assert series.make_all([Run("a"), Run("c", busy=True)], tmp_path) == 0
    assert "2 of 2 runs passed in 0 minutes, 1 of them on busy cores" in capsys.readouterr().out


def test_all_parts_run_whatever_becomes_of_one_and_the_report_has_every_word(tmp_path, monkeypatch, capsys):
    bad, good, report = tmp_path / "bad.py", tmp_path / "good.py", tmp_path / "kept" / "report.txt"
    bad.write_text("import sys; sys.exit('3 disagreements')")
    good.write_text("print('1,000,000 requests, 0 disagreements')")
    monkeypatch.setattr(everything, "PARTS", {"bad": [str(bad)], "good": [str(good)]})
    assert everything.main(["--report", str(report)]) == 1
    said = capsys.readouterr().out
    assert "3 disagreements" in said and "1,000,000 requests, 0 disagreements" in said
    assert "bad        FAILED, status 1\ngood       holds\n1 of 2 parts hold, after " in said
    assert report.read_text() == said
    assert everything.main(["good", "--report", str(report)]) == 0


def test_every_script_of_the_long_proof_is_a_part_of_it():
    parts = {words[0] for words in everything.PARTS.values()}
    scripts = [p for p in (everything.TESTS / "soak").glob("*.py") if "__main__" in p.read_text()]
    assert {f"soak/{p.name}" for p in scripts} - parts == {"soak/everything.py"}
    assert all((everything.TESTS / part).exists() for part in parts)
