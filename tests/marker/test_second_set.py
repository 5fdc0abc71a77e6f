import re

import pytest
from marker.layers.layer import as_function, some
from marker.layers.second_set import CASES

from bpcompare.marker.gradcheck import gradcheck

# What the diagnosis must say, judged by the code of the mistake alone.
MUST_SAY = {
    "mlp_sigma_prime_of_z": r"z\(1 − z\)",
    "mlp_x_for_a_in_w2_shape_pre": r"z1 stands for a1",
    "mlp_forgot_the_delta_activation": r"s\(1 − s\) is left out",
    "mlp_bracket": r"bracket is moved.*\by\b",
    "mlp_updated_w2": r"w2, already updated",
    "product_bracket": r"bracket is moved.*\by\b",
    "abs_loss_derivative": r"derivative of \|x\|",
    "mean_x_times_mean_r": r"mean is taken before the product",
    "inorm_mean_over_last_only": r"added up over axis -1",
    "inorm_no_stats": r"every mean is held constant",
    "causal_mask_forgotten_in_backward": r"masked_fill",
    "dv_without_transpose": r"transposed",
    "dk_from_q_swap": r"gradient of (q|k)",
    "gru_gate_sign": r"s\(s − 1\)",
    "gru_only_h_term": r"1 - u.*not followed|held constant",
    "gru_u_for_1mu": r"stands for",
    "focal_modulator_const": r"1 - p.*(not followed|held constant)",
    "focal_no_two": r"exponent is not multiplied",
    "vae_lv_exp": r"exp",
    "vae_half": r"2 times",
    "rep_half": r"0\.5 \* lv",
    "rep_e_forgot": r"other factor is left out",
    "prelu_da_all": r"where",
    "rope_same_rotation": r"s is negative",
    "lse_no_norm": r"log|total|1/x",
    "nce_temp": r"not divided",
    "nce_norm_const": r"normalize.*held constant",
    "avgpool2d_half": r"2 times",
    "conv2d_dx_no_flip": r"flipped",
    "cumprod_own": r"own share",
    "wn_proj_missing": r"norm.*held constant",
    "ls_hard_target": r"mean.*held constant",
    "ls_not_divided_by_classes": r"not divided|sum for a mean",
    "trace_one_term": r"held constant|not followed",
}
UNNAMED = {"solve_not_transposed"}


def test_every_case_is_judged():
    assert set(CASES) == set(MUST_SAY) | UNNAMED


@pytest.mark.parametrize("name", some(CASES))
def test_the_mistakes_of_the_second_set_are_named(name):
    forward, inputs, backward = CASES[name]
    marking = gradcheck(as_function(forward, backward), inputs, reference=forward, raise_exception=False, dtypes=())
    assert not marking.right
    if name in UNNAMED:
        assert set(marking.mistakes) < set(marking.wrong)
        return
    assert set(marking.mistakes) == set(marking.wrong)
    for mistake in marking.mistakes.values():
        assert re.search(MUST_SAY[name], mistake.says)
