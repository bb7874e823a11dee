/**
 * The bootstrap interval of a share in closed form: resampling rows draws the count from Binomial(trials, successes / trials),
 * so the percentile interval is the quantiles of that distribution, without the noise of drawing.
 * @param level in (0, 1).
 * @returns shares in 0..1; NaN for no trials.
 */
export function shareInterval(successes: number, trials: number, level = 0.95): { low: number; high: number } {
  const p = successes / trials
  if (!(p > 0 && p < 1)) return { low: p, high: p }
  const odds = p / (1 - p)
  // From the mode outwards, so that nothing underflows; below 1e-18 of the mode nothing is left to add.
  const mode = Math.min(trials, Math.floor((trials + 1) * p))
  const below: number[] = []
  for (let k = mode, mass = 1; k > 0 && mass > 1e-18; k--) {
    mass *= k / ((trials - k + 1) * odds)
    below.push(mass)
  }
  const above: number[] = []
  for (let k = mode, mass = 1; k < trials && mass > 1e-18; k++) {
    mass *= ((trials - k) * odds) / (k + 1)
    above.push(mass)
  }
  const masses = [...below.reverse(), 1, ...above]
  const first = mode - below.length
  const total = masses.reduce((sum, mass) => sum + mass, 0)
  const at = (q: number) => {
    let sum = 0
    const found = masses.findIndex(mass => {
      sum += mass
      return sum >= q * total
    })
    return (first + found) / trials
  }
  return { low: at((1 - level) / 2), high: at((1 + level) / 2) }
}
