"""What a type checker reads of the public names; `__init__.py` loads them when they are first used."""

from bpcompare import datasets as datasets
from bpcompare.comparison.linear import Comparison as Comparison
from bpcompare.comparison.linear import compare as compare
from bpcompare.comparison.network import NetworkComparison as NetworkComparison
from bpcompare.comparison.network import compare_network as compare_network
from bpcompare.errors import BpcompareError as BpcompareError
from bpcompare.graph.derivation import Derivation as Derivation
from bpcompare.graph.derivation import derive as derive
from bpcompare.language import set_language as set_language
from bpcompare.lessons.collapse import collapse as collapse
from bpcompare.lessons.equations import equations as equations
from bpcompare.lessons.published.reproduce import reproduce as reproduce
from bpcompare.marker.check import check_file as check_file
from bpcompare.marker.check import check_function as check_function
from bpcompare.marker.check_gradients import check_gradients as check_gradients
from bpcompare.marker.gradcheck import gradcheck as gradcheck
from bpcompare.problem.csv_reader import read_csv as read_csv
from bpcompare.problem.from_data import from_data as from_data
from bpcompare.problem.line import line as line
from bpcompare.problem.networks import network as network
from bpcompare.problem.networks import quadratic as quadratic
from bpcompare.problem.networks import with_network as with_network
from bpcompare.problem.problem import Problem as Problem
from bpcompare.results.verify import verify as verify
from bpcompare.sweeps.sweep import sweep as sweep
from bpcompare.theory.least_squares import least_squares as least_squares
from bpcompare.training.methods import Method as Method
from bpcompare.training.run import Run as Run
from bpcompare.training.settings import TrainingSettings as TrainingSettings
from bpcompare.training.train import train as train
from bpcompare.training.updates import Adam as Adam
from bpcompare.training.updates import GradientDescent as GradientDescent

__all__ = [
    "Adam",
    "BpcompareError",
    "Comparison",
    "Derivation",
    "GradientDescent",
    "Method",
    "NetworkComparison",
    "Problem",
    "Run",
    "TrainingSettings",
    "check_file",
    "check_function",
    "check_gradients",
    "collapse",
    "compare",
    "compare_network",
    "datasets",
    "derive",
    "equations",
    "from_data",
    "gradcheck",
    "least_squares",
    "line",
    "network",
    "quadratic",
    "read_csv",
    "reproduce",
    "set_language",
    "sweep",
    "train",
    "verify",
    "with_network",
]

__version__: str
