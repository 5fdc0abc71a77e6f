"""A factor on one path alone is solved for, and named where it gives the answer in every problem."""

import pytest
import torch
from marker.graph_changes.one_step import drawn, search_of

from bpcompare.marker.hypotheses.graph_changes import one_path
from bpcompare.marker.hypotheses.graph_changes.size_factor import SizeFactor


def forward(x, w):
    return x * w + torch.sin(x)


def rows(*lengths):
    return lambda k: (drawn(20 + k, lengths[k], low=0.2), drawn(40 + k, lengths[k], low=0.2))


def scaled(factor, share):
    """The right gradient with the path through sin multiplied by one number, and all of it by another."""
    return lambda g, right, x, w: factor(len(x)) * (g * w + share(len(x)) * g * torch.cos(x))


def named(wrong, draw=None, count=3, function=forward):
    """The factor of the whole and of one path, and the cost, of what is found for the path through sin."""
    search = search_of(function, draw or rows(4, 5, 7, 9, 11, 13), wrong, count)
    one_path.name(search)
    return {(str(found.changes[0].says), found.factor, found.share, round(found.cost, 9)) for found in search.found[0]}


def three(path, factor, share, cost):
    """What is said of it: as a path with two ends, as a value that is passed, and as a use that is not the other."""
    other = "x * w" if path == SIN else SIN
    told = {
        f"the path from x0 into {path} is not followed": 1.6,
        f"{path} is held constant: the path through it is missing": 1.6,
        f"of the 2 uses of x0 only the one in {other} counts": 1.8,
    }
    return {(says, factor, share, round(base + cost, 9)) for says, base in told.items()}


SIN = "torch.sin(x)"
N = ("x.shape[0]", 1.0)
CASES = {
    "a number": (lambda n: 1, lambda n: 3, SizeFactor(), SizeFactor(3.0), 0.8),
    "its sign": (lambda n: 1, lambda n: -1, SizeFactor(), SizeFactor(-1.0), 0.8),
    "a number that is none of the small ones": (lambda n: 1, lambda n: 1.7, SizeFactor(), SizeFactor(1.7), 2.5),
    "a size": (lambda n: 1, lambda n: n, SizeFactor(), SizeFactor(1.0, (N,)), 0.7),
    "a number besides": (lambda n: -2, lambda n: 3, SizeFactor(-2.0), SizeFactor(3.0), 1.6),
    "sizes in both": (lambda n: n, lambda n: 3 / n, SizeFactor(1.0, (N,)), SizeFactor(3.0, ((N[0], -1.0),)), 2.2),
}


@pytest.mark.parametrize("name", CASES)
def test_the_factor_on_a_path_and_the_one_besides_are_solved_for(name):
    factor, share, whole, part, cost = CASES[name]
    found = {(says, rounded(a), rounded(b), cost) for says, a, b, cost in named(scaled(factor, share))}
    assert three(SIN, whole, part, cost) <= found


def rounded(factor):
    return SizeFactor(round(factor.constant, 6), factor.powers)


def test_the_other_path_is_told_as_well_where_it_gives_the_same_numbers():
    found = named(scaled(lambda n: 1, lambda n: 2))
    one, other = SizeFactor(2.0), SizeFactor(0.5)
    assert found == three(SIN, SizeFactor(), one, 0.8) | three("x * w", one, other, 1.6)


def test_a_number_from_elsewhere_needs_more_problems_than_there_are_numbers_to_solve_for():
    strange = scaled(lambda n: 1, lambda n: 1.7)
    assert [bool(named(strange, count=count)) for count in (2, 3)] == [False, True]
    with_size = scaled(lambda n: 1, lambda n: 1.7 * n)
    assert [bool(named(with_size, count=count)) for count in (3, 4)] == [False, True]
    in_both = scaled(lambda n: n, lambda n: 1.7 * n)
    assert [bool(named(in_both, count=count)) for count in (4, 5)] == [False, True]
    small = scaled(lambda n: n, lambda n: 3)
    assert [bool(named(small, count=count)) for count in (1, 2)] == [False, True]


def test_what_is_right_or_wrong_by_one_factor_alone_is_no_factor_on_a_path():
    assert named(scaled(lambda n: 1, lambda n: 1)) == set()
    assert named(scaled(lambda n: 3, lambda n: 1)) == set()
    assert named(scaled(lambda n: 1, lambda n: 0)) == set()  # the path is missing: a change of one place
    assert named(lambda g, right, x, w: right * w.cos()) == set()


@pytest.mark.parametrize(("amount", "named_still"), [(1e-10, True), (1e-7, False)])
def test_an_answer_that_is_off_by_more_than_rounding_is_not_named(amount, named_still):
    def wrong(g, right, x, w):
        found = g * w + 3 * g * torch.cos(x)
        return found + amount * torch.sign(x - x.mean()) * found.abs().max()

    assert bool(named(wrong)) is named_still


@pytest.mark.parametrize(("tolerances", "named_still"), [(9.5, True), (10.5, False)])
def test_an_answer_may_miss_by_ten_tolerances_of_the_largest_number_of_its_parts(tolerances, named_still):
    def wrong(g, right, x, w):
        rest, path = g * w, g * torch.cos(x)
        apart = torch.linalg.svd(torch.stack([rest, path]), full_matrices=True)[2][-1]  # at right angles to both
        largest = max(rest.abs().max(), path.abs().max())
        return rest + 3 * path + tolerances * 1e-9 * largest * apart / apart.abs().max()

    assert any("sin(x) is held" in says for says, *_ in named(wrong)) is named_still


def test_a_problem_with_too_few_numbers_to_solve_for_two_must_agree_all_the_same():
    right = scaled(lambda n: 1, lambda n: 3)
    short = rows(5, 7, 2)
    assert named(right, draw=short)
    assert named(right, draw=rows(5, 7, 1))
    assert not named(right, draw=rows(5, 2, 1))  # one problem alone

    for off, near_enough in ((3.0, False), (1.05e-6, False), (0.95e-6, True)):

        def otherwise(g, true, x, w, off=off):
            return right(g, true, x, w) * (1 + off * (len(x) == 2))

        assert bool(named(otherwise, draw=short)) is near_enough


def test_a_problem_where_the_two_parts_are_parallel_tells_nothing_and_must_agree():
    def parallel(k):
        x, w = rows(4, 5, 7, 9)(k)
        return (x, torch.cos(x)) if k == 0 else (x, w)

    assert named(scaled(lambda n: 1, lambda n: 3), draw=parallel, count=4)


def test_a_path_that_is_not_in_every_problem_explains_nothing():
    def sometimes(x, w):
        return x * w + (torch.sin(x) if len(x) > 4 else x * 0.5)

    def wrong(g, right, x, w):
        return g * w + 3 * (right - g * w)

    sines = [says for says, *_ in named(wrong, function=sometimes) if "sin(x) is held" in says]
    assert sines == []


def test_what_is_explained_already_is_tried_no_more_but_other_paths_are():
    search = search_of(forward, rows(4, 5, 7), scaled(lambda n: 1, lambda n: 3))
    one_path.name(search)
    (first, *_) = search.found[0]
    again = search_of(forward, rows(4, 5, 7), scaled(lambda n: 1, lambda n: 3))
    again.found[0].append(type(first)(first.changes, first.factor, first.cost))
    one_path.name(again)
    assert len(again.found[0]) == 1
