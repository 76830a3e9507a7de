"""Components that die are restarted after growing pauses, and jobs run until they succeed."""

import os
from pathlib import Path

import pytest

from telemetry_project.stack import processes
from telemetry_project.stack.components import DEATHS, Component, Job, ProgramComponent
from telemetry_project.stack.console import StackError


def looked_after(component: Component) -> bool:
    component.check()
    return component.is_over


def test_a_successful_job_is_not_restarted(capfd: pytest.CaptureFixture[str]) -> None:
    job = Job("demo", "echo done", os.environ)
    job.start()
    assert processes.wait_until(lambda: looked_after(job), 10)
    assert "starting it again" not in capfd.readouterr().out


def test_a_killed_job_is_restarted(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    mark = tmp_path / "mark"
    job = Job("demo", f'test -e {mark} && exit 0; touch {mark}; kill -9 "$$"', os.environ)
    job.start()
    assert processes.wait_until(lambda: looked_after(job), 10)
    assert "demo was ended by SIGKILL; restarting it in 0.5 s" in capfd.readouterr().out


def test_a_job_that_keeps_failing_stops_nothing_else(capfd: pytest.CaptureFixture[str]) -> None:
    job = Job("demo", "exit 3", os.environ)
    job.start()
    assert processes.wait_until(lambda: looked_after(job), 30)
    assert "Everything else continues; the next start tries it again." in capfd.readouterr().out


def test_a_component_that_dies_too_often_stops_everything(capfd: pytest.CaptureFixture[str]) -> None:
    program = ProgramComponent("web", "echo why; exit 3", os.environ)
    program.start()
    with pytest.raises(StackError, match="Its last output:\nwhy"):
        processes.wait_until(lambda: looked_after(program), 30)
    said = capfd.readouterr().out
    assert [said.count(f"in {pause} s") for pause in ("0.5", "1", "2", "4")] == [1, 1, 1, 1]
    assert said.count("web started") == DEATHS
