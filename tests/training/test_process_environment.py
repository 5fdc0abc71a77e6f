import pytest

from bpcompare.errors import InputError
from bpcompare.training.process_environment import place

WHOLE = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}


def test_without_torchrun_a_process_is_alone_and_with_it_it_has_its_place():
    assert place({}) == (0, 1)
    assert place({"RANK": "0", "WORLD_SIZE": "1"}) == (0, 1)
    assert place(WHOLE) == (1, 2)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("RANK", [None, "", "x", "-1", "2", "1.0", "9" * 5000]),
        ("WORLD_SIZE", [None, "", "x", "0", "-2", "1", "2.5", "9" * 5000]),
        ("MASTER_ADDR", [None, ""]),
        ("MASTER_PORT", [None, "", "http", "0", "65536", "-1"]),
    ],
)
def test_a_variable_that_is_missing_or_out_of_range_is_named_with_its_remedy(name, values):
    for value in values:
        environment = {key: text for key, text in {**WHOLE, name: value}.items() if text is not None}
        with pytest.raises(InputError, match="torchrun") as told:
            place(environment)
        # A world of one has no rank 1; of a value without its partner either name is the one to mend.
        assert name in str(told.value)
