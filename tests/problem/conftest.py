import pytest


@pytest.fixture(scope="session")
def path(tmp_path_factory):
    """The file of a drawn table, which the next one overwrites: a folder for each would take longer than to read it."""
    return tmp_path_factory.mktemp("tables") / "table.csv"
