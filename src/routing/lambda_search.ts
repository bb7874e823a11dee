/** λ where it starts, in quality per US dollar: a thousandth of the quality scale for a thousand dollars a request. */
const FIRST = 1e-6
const LARGEST = 1e12
const STEPS = 60

/**
 * The least λ, 0 or more and rounded up to six digits, at which requests cost no more than `most`: cost falls with λ.
 * @param costAt what requests cost under a λ; in the unit of `most`.
 * @returns undefined where no λ keeps to it.
 */
export async function leastLambda(
  costAt: (lambda: number) => Promise<number>,
  most: number,
): Promise<number | undefined> {
  const isWithin = async (lambda: number) => (await costAt(lambda)) <= most * (1 + 1e-12)
  if (await isWithin(0)) return 0
  let high = FIRST
  while (!(await isWithin(high))) {
    if (high >= LARGEST) return undefined
    high *= 10
  }
  let low = high === FIRST ? FIRST / 10 : high / 10
  for (let step = 0; step < STEPS && high / low > 1 + 1e-7; step++) {
    const middle = Math.sqrt(low * high)
    if (await isWithin(middle)) high = middle
    else low = middle
  }
  return roundedUp(high)
}

function roundedUp(value: number): number {
  const unit = 10 ** (Math.floor(Math.log10(value)) - 5)
  return Number((Math.ceil(value / unit) * unit).toPrecision(6))
}
