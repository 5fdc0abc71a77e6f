"""The finder of English finds sentences and lets code, names and formulas pass."""

import pytest
from english import english, numbers, of_graph, of_page


@pytest.mark.parametrize(
    "text",
    [
        "the gradient is wrong",
        "学习率 0.1: it diverges at once",
        "bpcompare: there is no command 'x'; 请从 compare 中选择",
        "| 方法 | learned in user units | 真值 |",
        "--lr R   learning rate of manual",
        "    wrong loss curve",
        "w = 3  # the start of it",
        "not converged",
        "the loss",
    ],
)
def test_english_is_found(text):
    assert english(text)


@pytest.mark.parametrize(
    "text",
    [
        "手工推导的梯度与 autograd 逐位相同。",
        "python -m bpcompare sweep --lr 1e-3:10:log:40 --seeds 10   哪些学习率可行？",
        "for epoch in range(50):",
        "    loss.backward(); loss.backward()  # 或者 retain_graph=True",
        "def gradients(x, y, w, b):",
        "∂L/∂w = 2·(w·x − y)·x",
        "找不到列 'the speed of it'；可选：speed、dist",
        "manual ~ autograd ~ adam",
        "nn.Linear(1, 1)，torch.optim.Adam",
        "文件 outputs/history.csv 与 outputs/comparison.json",
        "[--lang {en,zh}] [--epochs N]",
        "weight  bias  loss  epoch",
    ],
)
def test_code_names_and_formulas_pass(text):
    assert english(text) == []


def test_a_page_is_read_without_its_code_but_with_what_is_read_aloud():
    page = '<p title="the title of it">一</p><code>this is code</code><script>var the = "one of them";</script>'
    assert english(of_page(page)) == ["the title of it"]


def test_a_graph_is_read_by_its_labels():
    assert english(of_graph('digraph the { label="this is x"; a [label="w\\n3"]; }')) == ["this is"]


def test_numbers_are_found_with_their_signs():
    assert numbers("w = −0.5, 1,000 × 3e-4") == ["1,000", "3e-4", "−0.5"]
