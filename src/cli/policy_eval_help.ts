/** What `eval --help` says of policies. */
export const POLICY_HELP = `
With --policy, whole policies (llmroute list policies) are asked about every prompt that has scores of all models, one by one in
the order of the file, beside every single model, random and oracle: quality, dollars per 1,000 prompts, RouterArena's score
S = 1.1 A C / (0.1 A + C) with C = (log2 200 - log2 c) / (log2 200 - log2 0.0044), held within 0 to 1, where c is dollars per
1,000; the difference from the best single model, and from the straight line between the best single models at the same cost,
each with its paired bootstrap interval. Of several policies an option is written POLICY.NAME=VALUE.
best_value and threshold are also run over 41 values of lambda and 21 of the threshold. AIQ (RouterBench) is the area under the
non-decreasing convex hull of these points between the costs of the cheapest and the dearest single model, divided by their
distance; left of a hull the line goes to cost and quality 0, right of it it stays level. A policy is said to be above the straight
line between the best single models where two intervals lie above 0: that of the difference of the AIQs, and that of the difference
where the points are joined as they come, since a hull picks the luckiest.
Strategies that policies ask (--strategies, else the configured, else blend for threshold and knn for others) are trained and
tested by folds (--cv, default 5), so that no prompt is seen in training; with --checkpoint, or a configured one and no --cv, they
take its weights as they are, and prompts that these have seen are left out. Costs are predicted with the prices of llmroute.yaml,
else with prices that the costs in the file imply. The pool's state is simulated: a prompt every 100 ms, latencies from 500 ms
(cheapest) to 2 s (dearest), no errors. Fields of a request are category and id; its key is the id.
With --json it prints { "version", "file", "rows", "tested", "seen", "skipped", "seed", "resamples", "models", "pair", "best",
"costRange": { "low", "high" }, "line": { "aiq": FIGURE, "points": [{ "model", "quality", "costPer1000" }] }, "policies":
[{ "policy", "strategy", "id", "quality": FIGURE, "costPer1000": FIGURE, "routerArena": FIGURE, "minusBest": FIGURE, "minusLine":
FIGURE, "shares": { MODEL: share }, "refused", "sweep": { "option", "aiq": FIGURE, "minusLine": FIGURE, "unchosenMinusLine":
FIGURE, "isAboveLine": true, false or null, "points": [{ "value", "quality", "costPer1000", "isOnHull" }] } or null }],
"singles": [as policies], "random", "oracle", "methods", "notes" }, where FIGURE is { "value", "low", "high" }; of several files
{ "version", "files": [the above] }. "costRange", "line" and figures of costs are null where costs are not known.`
