/** What stands where a number is undefined or never reached. */
export const NOTHING = '–'

/** 0.6644 → `0.664`. */
export function fixed(value: number | null, digits = 3): string {
  return value === null || Number.isNaN(value) ? NOTHING : value.toFixed(digits).replace('-', '−')
}

/** 0.2718 → `27.2%`. */
export function percent(value: number | null): string {
  return value === null || Number.isNaN(value) ? NOTHING : `${(100 * value).toFixed(1)}%`
}

/** 0.08 → `+0.080`. */
export function signed(value: number | null): string {
  return value === null || Number.isNaN(value) ? NOTHING : `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`
}

/** 9847 → `9,847`. */
export function grouped(count: number): string {
  return count.toLocaleString('en-US')
}

/** `1 row`, `2,000 rows`. */
export function counted(count: number, one: string, many: string): string {
  return `${grouped(count)} ${count === 1 ? one : many}`
}

/** Dollars with three significant digits. */
export function dollars(value: number | null): string {
  if (value === null || Number.isNaN(value)) return NOTHING
  return `$${value >= 100 ? value.toFixed(0) : value.toPrecision(3)}`
}
