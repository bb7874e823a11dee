import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.{ts,tsx}'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 2,
    // Something builds dist anew under the feet of a run now and then, for a second or two; what it is has not been found.
    retry: 2,
    reporters: ['default', './test/helpers/closing_line.ts'],
  },
})
