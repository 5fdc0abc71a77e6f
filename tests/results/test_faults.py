"""Each system call of an export fails, once or for ever: the set is the old one or the new one, and nothing is left."""

import pytest
from faults.inject import FAULT, PLACES, Dead, Faults, contents, files_of, prepared, state, temporaries

from bpcompare.errors import OutputError
from bpcompare.results.verify import verify
from bpcompare.results.write import check_folder, write_files

OLD, NEW = files_of("old"), files_of("new", ("loss", "history", "landscape"))
REMOVING = {"unlink", "rmdir"}  # where nothing can be removed, the temporary folder stays, too


def export(folder):
    check_folder(folder, NEW)
    write_files(folder, NEW)


def outcomes(kind, folder, old, error=FAULT, modes=(False, True)):
    """For each call of a kind, failing once and for ever: the state, what is left, the state after the next run."""
    with Faults() as counted:
        prepared(folder, old)
        start = counted.calls[kind]
        export(folder)
    for forever in modes:
        for first in range(counted.calls[kind] - start):
            prepared(folder, old)
            with Faults(kind, first, forever, error):
                try:
                    export(folder)
                    failed = False
                except (OutputError, KeyboardInterrupt):
                    failed = True
            left = temporaries(folder)
            empty = folder.parent.exists() and not old and not contents(folder) and not left
            found = state(folder, old, old | NEW)
            export(folder)
            mended = contents(folder) == old | NEW and not temporaries(folder)
            yield forever, first, failed, found, left, empty, mended


@pytest.mark.parametrize("old", [OLD, {}], ids=["old files", "a new folder"])
@pytest.mark.parametrize("kind", PLACES)
def test_each_call_may_fail_once_or_for_ever(kind, old, tmp_path):
    tried = 0
    for forever, first, failed, found, left, empty, mended in outcomes(kind, tmp_path / "deep" / "out", old):
        tried += 1
        case = (forever, first, failed, found, left)
        assert found == "old" if failed else found == "new", case
        assert not left or (forever and kind in REMOVING), case
        assert not empty or (forever and kind in REMOVING), case
        assert mended, case
    assert tried >= 2 or (kind, old) == ("link", {})


@pytest.mark.parametrize("old", [OLD, {}], ids=["old files", "a new folder"])
@pytest.mark.parametrize("kind", PLACES)
def test_an_interruption_in_place_of_any_call_leaves_one_set_and_the_next_run_mends_the_rest(kind, old, tmp_path):
    for case in outcomes(kind, tmp_path / "deep" / "out", old, KeyboardInterrupt(), modes=(False,)):
        found, mended = case[3], case[-1]
        assert found in ("old", "new"), case
        assert mended, case


@pytest.mark.parametrize("old", [OLD, {}], ids=["old files", "a new folder"])
def test_a_kill_at_any_call_leaves_a_state_that_is_recognised_and_the_next_run_mends(old, tmp_path):
    folder, states = tmp_path / "deep" / "out", set()
    with Faults() as counted:
        prepared(folder, old)
        start = sum(counted.calls.values())
        write_files(folder, NEW)
    for call in range(sum(counted.calls.values()) - start):
        prepared(folder, old)
        with pytest.raises(Dead), Faults(None, call, True, Dead()):  # no call works any more: nothing is cleared up
            write_files(folder, NEW)
        found = state(folder, old, old | NEW)
        states.add(found)
        assert found in ("old", "new") or verify(folder).interrupted, call
        with pytest.raises(OutputError), Faults("write", 0):  # the next run fails: what it took back is whole
            write_files(folder, NEW)
        assert state(folder, old, old | NEW) == ("new" if found == "new" else "old"), call
        write_files(folder, NEW)
        assert contents(folder) == old | NEW, call
        assert not temporaries(folder), call
    assert states == {"old", "new", "mixed" if old else "damaged"}
