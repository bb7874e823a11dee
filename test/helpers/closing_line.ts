import type { Reporter, TestModule } from 'vitest/node'

/** Prints `N passed, N failed` alone on the last line, the form that continuous integration reads. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const states = modules.flatMap(module => [...module.children.allTests()].map(test => test.result().state))
    const count = (state: string) => states.filter(found => found === state).length
    const broken = modules.filter(module => module.state() === 'failed' && module.children.size === 0).length
    const failed = count('failed') + broken + errors.length
    const skipped = count('skipped') + count('pending')
    process.stdout.write(`\n${count('passed')} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}\n`)
  }
}
