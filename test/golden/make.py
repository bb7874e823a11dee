"""Golden numbers for test/golden/*.test.ts: RouteLLM's formulas, written again in Python from their description.

Run once, by hand; the tests only read the JSON beside this file. All inputs are synthetic.

    python3 -m venv /tmp/venv
    /tmp/venv/bin/pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 pandas==3.1.1
    /tmp/venv/bin/python test/golden/make.py
"""

import json
import math
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

HERE = Path(__file__).parent
LN10 = math.log(10)


def plain(value):
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(item) for item in value]
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, (float, np.floating)):
        value = float(value)
        return value if math.isfinite(value) else None
    return value


def write(name, cases):
    lines = ",\n".join("  " + json.dumps(plain(case), separators=(",", ":"), allow_nan=False) for case in cases)
    (HERE / f"{name}.json").write_text(f"[\n{lines}\n]\n")


# mf ------------------------------------------------------------------------------------------------------------------


def mf_win_rate(P, W, w, e, strong, weak):
    """matrix_factorization/model.py: the model embeddings are L2-normalised, the projected prompt is not; no biases."""
    pair = P[[strong, weak]]
    pair = pair / np.maximum(np.linalg.norm(pair, axis=1, keepdims=True), 1e-12)
    logits = (pair * (W @ e)) @ w
    return 1 / (1 + np.exp(-(logits[0] - logits[1])))


def make_mf():
    rng = np.random.default_rng(11)
    cases = []
    for models, hidden, dim, scale in [(5, 4, 6, 1.0), (3, 8, 16, 0.3), (6, 16, 8, 2.0)]:
        P = rng.normal(size=(models, hidden)).round(5)
        W = (scale * rng.normal(size=(hidden, dim))).round(5)
        w = rng.normal(size=hidden).round(5)
        queries = []
        for _ in range(4):
            e = rng.normal(size=dim)
            e = (e / np.linalg.norm(e)).round(6)
            strong, weak = rng.choice(models, size=2, replace=False)
            queries.append({"e": e, "strong": strong, "weak": weak, "winRate": mf_win_rate(P, W, w, e, strong, weak)})
        cases.append({"hidden": hidden, "dim": dim, "P": P.ravel(), "W": W.ravel(), "w": w, "queries": queries})
    write("mf", cases)


def mf_routellm_numbers(count, seed):
    """Numbers that the test makes again: a linear congruential generator (Numerical Recipes), -1..1, as float32."""
    state, numbers = seed, np.empty(count, dtype=np.float32)
    for i in range(count):
        state = (1664525 * state + 1013904223) % 2**32
        numbers[i] = state / 2**31 - 1
    return numbers


def make_mf_routellm():
    """A checkpoint of the shapes that RouteLLM publishes; its weights and the embeddings are made by seed here and in the test."""
    P = mf_routellm_numbers(64 * 128, 1).reshape(64, 128).astype(np.float64)
    W = mf_routellm_numbers(128 * 1536, 2).reshape(128, 1536).astype(np.float64)
    w = mf_routellm_numbers(128, 3).astype(np.float64)
    cases = []
    for seed, (strong, weak) in enumerate([(24, 36), (24, 36), (24, 36), (21, 63), (36, 24), (0, 18)], start=10):
        e = mf_routellm_numbers(1536, seed).astype(np.float64)
        e /= np.linalg.norm(e)
        cases.append({"seed": seed, "strong": strong, "weak": weak, "winRate": mf_win_rate(P, W, w, e, strong, weak)})
    write("mf_routellm", cases)


# Bradley-Terry -------------------------------------------------------------------------------------------------------


def bradley_terry(a, b, winner, players, weights=None, overwrite=False):
    """compute_elo_mle_with_tie: every battle twice; of a tie the first copy is won by a, the second by b.

    overwrite=True keeps RouteLLM's same-tier bug: with a == b the second assignment replaces the first and leaves a lone -ln 10.
    """
    n = len(a)
    X = np.zeros((2 * n, players))
    for copy in (0, n):
        for i in range(n):
            if overwrite:
                X[copy + i, a[i]] = LN10
                X[copy + i, b[i]] = -LN10
            else:
                X[copy + i, a[i]] += LN10
                X[copy + i, b[i]] -= LN10
    y = np.concatenate([np.isin(winner, ["model_a", "tie"]), winner == "model_a"]).astype(float)
    sample_weight = None if weights is None else np.concatenate([weights, weights])
    # RouteLLM stops lbfgs at its default tolerance; newton-cg is run to the optimum, which is what 1e-6 needs.
    model = LogisticRegression(fit_intercept=False, C=np.inf, solver="newton-cg", tol=1e-13, max_iter=10_000)
    with warnings.catch_warnings():
        # Line searches that cannot improve on rounding; the gradient is checked instead.
        warnings.simplefilter("ignore")
        model.fit(X, y, sample_weight=sample_weight)
    coefficients = model.coef_[0]
    s = np.ones(2 * n) if sample_weight is None else sample_weight
    gradient = X.T @ (s * (1 / (1 + np.exp(-X @ coefficients)) - y)) / s.sum()
    assert np.abs(gradient).max() < 1e-9, gradient
    return 400 * coefficients + 1000


def expected_score(strong, weak):
    weak_win_rate = 1 / (1 + 10 ** ((strong - weak) / 400))
    return 1 - weak_win_rate


def battles_of(rng, n, players, spread=200.0, ties=0.2):
    skill = np.sort(rng.normal(scale=spread, size=players))[::-1]
    a = rng.integers(players, size=n)
    b = (a + rng.integers(1, players, size=n)) % players
    p = 1 / (1 + 10 ** ((skill[b] - skill[a]) / 400))
    winner = np.where(rng.random(n) < p, "model_a", "model_b").astype(object)
    winner[rng.random(n) < ties] = "tie"
    return a, b, winner


def make_bradley_terry():
    rng = np.random.default_rng(22)
    cases = []
    for name, n, players, ties, weighted in [
        ("no ties", 80, 4, 0.0, False),
        ("ties", 120, 5, 0.3, False),
        ("ties and weights", 150, 6, 0.25, True),
        ("nearly all ties", 60, 4, 0.9, True),
    ]:
        a, b, winner = battles_of(rng, n, players, ties=ties)
        weights = (10 * 10 ** rng.uniform(-1, 1, size=n)).round(4) if weighted else None
        ratings = bradley_terry(a, b, winner, players, weights)
        win_rates = [[expected_score(r, o) for o in ratings] for r in ratings]
        cases.append(
            {"name": name, "players": players, "a": a, "b": b, "winner": winner, "weights": weights,
             "ratings": ratings, "winRates": win_rates}
        )
    write("bradley_terry", cases)


# Tiers ---------------------------------------------------------------------------------------------------------------


def tiers_of(ratings, count):
    """compute_tiers: dynamic programming on the sorted ratings, least sum of np.var over the segments. Tier 0 is the strongest."""
    order = np.argsort(-np.asarray(ratings), kind="stable")
    values = np.asarray(ratings)[order]
    n = len(values)
    best = np.full((count + 1, n + 1), np.inf)
    cut = np.zeros((count + 1, n + 1), dtype=int)
    best[0, 0] = 0
    for k in range(1, count + 1):
        for end in range(k, n + 1):
            for start in range(k - 1, end):
                cost = best[k - 1, start] + np.var(values[start:end])
                if cost < best[k, end]:
                    best[k, end], cut[k, end] = cost, start
    tier = np.zeros(n, dtype=int)
    end = n
    for k in range(count, 0, -1):
        tier[order[cut[k, end]:end]] = k - 1
        end = cut[k, end]
    return tier, best[count, n]


def make_tiers():
    rng = np.random.default_rng(33)
    cases = []
    for n, count in [(6, 3), (12, 4), (25, 10), (64, 10), (10, 10), (9, 1)]:
        ratings = (1000 + 120 * rng.normal(size=n)).round(3)
        tier, cost = tiers_of(ratings, count)
        cases.append({"ratings": ratings, "count": count, "tiers": tier, "cost": cost})
    write("tiers", cases)


# sw_ranking ----------------------------------------------------------------------------------------------------------


def make_sw_ranking():
    rng = np.random.default_rng(44)
    cases = []
    for name, n, models, count, dim, shift in [
        ("near and far battles", 120, 8, 4, 5, 0.3),
        ("similarities of both signs", 160, 12, 5, 6, 0.0),
        ("more tiers than needed", 100, 5, 5, 4, 0.2),
    ]:
        a, b, winner = battles_of(rng, n, models)
        embeddings = (rng.normal(size=(n, dim)) + shift).round(4)
        tier, _ = tiers_of(bradley_terry(a, b, winner, models), count)
        apart = tier[a] != tier[b]
        strong, weak = int(np.argmin(tier)), int(np.argmax(tier))
        queries = []
        for number in range(4):
            e = (rng.normal(size=dim) + shift).round(4)
            cosine = embeddings @ e / (np.linalg.norm(embeddings, axis=1) * np.linalg.norm(e))
            weights = 10 * 10 ** (cosine / cosine.max())
            assert cosine.max() > 0
            dropped = bradley_terry(tier[a][apart], tier[b][apart], winner[apart], count, weights[apart])
            kept = bradley_terry(tier[a], tier[b], winner, count, weights, overwrite=True)
            queries.append(
                {"e": e, "winRate": expected_score(dropped[tier[strong]], dropped[tier[weak]]),
                 "routellm": expected_score(kept[tier[strong]], kept[tier[weak]])}
            )
        even = bradley_terry(tier[a][apart], tier[b][apart], winner[apart], count)
        cases.append(
            {"name": name, "models": models, "count": count, "dim": dim, "a": a, "b": b, "winner": winner,
             "embeddings": embeddings.ravel(), "tiers": tier, "strong": strong, "weak": weak, "sameTier": int((~apart).sum()),
             "queries": queries, "unweighted": expected_score(even[tier[strong]], even[tier[weak]])}
        )
    write("sw_ranking", cases)


# bert, causal_llm ----------------------------------------------------------------------------------------------------


def softmax(logits):
    powers = np.exp(logits - np.max(logits))
    return powers / powers.sum()


def make_labels():
    rng = np.random.default_rng(55)
    cases = []
    for logits in [[0.2, -0.1, 0.7], [0, 0, 0], [-40, 3, 30], *(3 * rng.normal(size=(5, 3))).round(4).tolist()]:
        p = softmax(np.array(logits, dtype=float))
        cases.append({"router": "bert", "logits": logits, "routellm": 1 - (p[1] + p[2]), "winRate": p[0] + p[1] / 2})
    for logits in [[10.3125, 10.9375, 11.4375, 14.4375, 15.0], [1, 1, 1, 1, 1], *(3 * rng.normal(size=(5, 5))).round(4).tolist()]:
        p = softmax(np.array(logits, dtype=float))
        cases.append({"router": "causal_llm", "logits": logits, "routellm": 1 - p[3:].sum()})
    write("labels", cases)


# Calibration ---------------------------------------------------------------------------------------------------------


def make_calibration():
    rng = np.random.default_rng(66)
    cases = []
    for name, rates in [
        ("smooth", rng.beta(4, 9, size=137).round(6)),
        ("narrow, as sw_ranking", (0.21 + 0.02 * rng.random(100)).round(7)),
        ("ties", rng.integers(0, 6, size=60) / 5),
        ("one row", np.array([0.4])),
        ("two rows", np.array([0.75, 0.25])),
    ]:
        series = pd.Series(rates)
        shares = [0, 0.1, 0.25, 0.3, 0.5, 0.7, 0.9, 1]
        thresholds = [series.quantile(q=1 - share) for share in shares]
        realised = [float((series >= threshold).mean()) for threshold in thresholds]
        cases.append({"name": name, "winRates": rates, "shares": shares, "thresholds": thresholds, "realised": realised})
    write("calibration", cases)


# Curve, APGR, CPT ----------------------------------------------------------------------------------------------------


def points_at(edges, rates, strong, weak):
    """benchmarks.py: every edge with >=, the last, the greatest win rate, with >. Sorted by strong share."""
    points = []
    for i, edge in enumerate(edges):
        selection = rates > edge if i == len(edges) - 1 else rates >= edge
        points.append((selection.mean(), np.where(selection, strong, weak).mean()))
    return pd.DataFrame(points, columns=["share", "quality"]).sort_values(["share", "quality"], kind="stable")


def apgr_of(points, strong_quality, weak_quality):
    """evaluate.py: areas under the router, under weak alone and under strong alone, over the same shares."""
    share = points["share"].to_numpy()
    area, weak_area, strong_area = (
        np.trapezoid(quality, share)
        for quality in (points["quality"].to_numpy(), np.full(len(share), weak_quality), np.full(len(share), strong_quality))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return (area - weak_area) / (strong_area - weak_area)


def first_crossing(points, target):
    """What CPT means: walk along the curve and stop where it first reaches the target."""
    previous = None
    for share, quality in points.itertuples(index=False):
        if quality >= target - 1e-12:
            if previous is None or quality <= target:
                return share
            return previous[0] + (share - previous[0]) * (target - previous[1]) / (quality - previous[1])
        previous = (share, quality)
    return None


def curve_case(name, rates, strong, weak):
    strong_quality, weak_quality = strong.mean(), weak.mean()
    try:
        edges = pd.qcut(rates, 10, retbins=True)[1]
        routellm = points_at(edges, rates, strong, weak)
        crash = None
    except ValueError as error:
        routellm, crash = None, str(error).split(":")[0]
    # The same without the two accidents of qcut: deciles at k/10 as written, and each threshold once.
    deciles = sorted({float(np.quantile(rates, q)) for q in [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]})
    points = points_at([*deciles, rates.max()], rates, strong, weak)
    targets = [share * (strong_quality - weak_quality) + weak_quality for share in (0.2, 0.5, 0.8)]
    case = {
        "name": name, "winRates": rates, "strong": strong, "weak": weak, "crash": crash,
        "points": points.to_numpy(), "apgr": apgr_of(points, strong_quality, weak_quality),
        "cpt": [first_crossing(points, target) for target in targets],
        "isIncreasing": bool((np.diff(points["quality"]) > 0).all()),
    }
    if routellm is not None:
        case["routellm"] = {
            "points": routellm.to_numpy(), "apgr": apgr_of(routellm, strong_quality, weak_quality),
            "cpt": np.interp(targets, routellm["quality"], routellm["share"]),
        }
    return case


def make_curve():
    rng = np.random.default_rng(77)

    def outcomes(n, graded=False):
        hard = rng.random(n)
        if graded:
            strong = (rng.integers(0, 3, size=n) + 8 - 2 * (hard > 0.8)) / 10
            weak = np.clip(rng.integers(0, 4, size=n) + 7 - np.floor(6 * hard), 1, 10) / 10
        else:
            strong = (rng.random(n) < 0.95 - 0.1 * hard).astype(float)
            weak = (rng.random(n) < 0.95 - 0.6 * hard).astype(float)
        return hard, strong, weak

    cases = []
    hard, strong, weak = outcomes(200)
    smooth = (0.7 * hard + 0.3 * rng.random(200)).round(6)
    cases.append(curve_case("continuous win rates", smooth, strong, weak))
    eights = np.argsort(np.argsort(smooth)) // 8 / 25
    cases.append(curve_case("ties at bin edges", eights, strong, weak))
    cases.append(curve_case("ties that make qcut crash", (smooth * 5).round() / 5, strong, weak))
    cases.append(curve_case("ties at the top that make qcut crash", np.minimum(smooth, 0.6), strong, weak))
    cases.append(curve_case("all win rates equal", np.full(200, 0.5), strong, weak))
    cases.append(curve_case("router as good as the outcomes", (0.5 + (strong - weak) / 4 + hard / 100).round(6), strong, weak))
    cases.append(curve_case("router that is wrong on purpose", (0.5 - (strong - weak) / 4 + hard / 100).round(6), strong, weak))
    cases.append(curve_case("strong no better than weak", smooth, weak, strong))
    hard, strong, weak = outcomes(154, graded=True)
    cases.append(curve_case("graded scores", (0.3 + 0.1 * hard).round(7), strong, weak))
    hard = rng.random(64)
    strong, weak = (0.9 - 0.1 * hard).round(4), (0.8 - 0.4 * hard * rng.random(64)).round(4)
    cases.append(curve_case("quality that only grows", (0.4 * hard + 0.1 * rng.random(64)).round(6), strong, weak))
    hard, strong, weak = outcomes(90)
    cases.append(curve_case("a router that knows nothing", rng.random(90).round(6), strong, weak))
    # Sends first what strong gains on, then what it loses on, then again what it gains on: up, down, up.
    row = np.arange(100)
    strong = np.where(row < 40, row % 10 < 7, np.where(row < 60, row % 10 >= 7, row % 8 < 6)).astype(float)
    cases.append(curve_case("quality that goes up, down and up", 0.9 - row / 128, strong, 1 - strong))
    hard, strong, weak = outcomes(21)
    cases.append(curve_case("deciles that fall on rows", (0.9 * hard + 0.05).round(6), strong, weak))
    # Half the gap is reached at the second row and kept to the fourth; all numbers are exact in binary.
    gain = np.array([1, 1, 0, 0, 1, 0, 1, 0], dtype=float)
    cases.append(curve_case("fewer rows than deciles, standing still at a target", 0.9 - np.arange(8) / 16, np.ones(8), 1 - gain))
    write("curve", cases)


for make in (make_mf, make_mf_routellm, make_bradley_terry, make_tiers, make_sw_ranking, make_labels, make_calibration, make_curve):
    make()
