"""Three small tables to try things on, each a CSV file that ships with the package.

    cars     50 cars of the 1920s: ``speed`` (mph) and the distance ``dist`` (ft) that they took to stop
    longley  16 years of the US economy, 1947 to 1962: ``deflator``, ``gnp``, ``unemployed``, ``armed_forces``,
             ``population``, ``year``, and ``employed``; six columns that say nearly the same
    norris   36 calibrations of an ozone monitor: ``x`` the standard's reading, ``y`` the instrument's

``python -m bpcompare --csv cars --x speed --y dist`` and ``bpcompare.read_csv("cars", "speed", "dist")`` take them by
name; a file of that name in the folder comes first.

Source: cars – M. Ezekiel (1930), Methods of Correlation Analysis, as in R's datasets. longley – J. W. Longley (1967),
Journal of the American Statistical Association 62, 819–841; norris – J. Norris, NIST; both as in NIST's Statistical
Reference Datasets, whose certified values the tests compare with.
"""

from pathlib import Path

from bpcompare.errors import TableError
from bpcompare.language import N_, _, listed

NAMES = ("cars", "longley", "norris")


def path(name: str) -> Path:
    """Where the CSV file of a table is.

    Raises:
        TableError: There is no such table.

    Example:
        >>> path("cars").read_text().splitlines()[:2]
        ['speed,dist', '4,2']
    """
    if name not in NAMES:
        raise TableError(_("there is no sample table {name!r}; choose from {known}", name=name, known=listed(NAMES)))
    return Path(__file__).parent / f"{name}.csv"


def find(name: str | Path) -> Path:
    """The file of that path, or else the sample table of that name.

    Raises:
        TableError: There is neither.

    Example:
        >>> find("longley").name
        'longley.csv'
    """
    file = Path(name)
    try:
        if file.exists() and not (file.is_dir() and str(name) in NAMES):
            return file
    except (OSError, ValueError):  # a name of 5,000 characters, or with a null in it
        return file
    if str(name) in NAMES:
        return path(str(name))
    if file.stem.lower() in NAMES:
        message = N_("{file} cannot be read: there is no such file; the sample table is called {name}, without .csv")
        raise TableError(_(message, file=file, name=file.stem))
    message = N_("{file} cannot be read: there is no such file; check the path, or take a sample table: {known}")
    raise TableError(_(message, file=file, known=listed(NAMES)))
