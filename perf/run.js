// npm run perf [name ...]: measures what issues promise, each against something in the same run, since machines differ.
import { readdirSync } from 'node:fs'

const names = process.argv.slice(2)
const files = readdirSync(new URL('.', import.meta.url)).filter(name => name.endsWith('.js') && name !== 'run.js')
for (const file of files.filter(name => names.length === 0 || names.includes(name.slice(0, -3)))) {
  const { measure } = await import(`./${file}`)
  for (const { name, value, unit, target, interval } of await measure()) {
    const figure = Number.isInteger(value) ? value.toLocaleString('en-US') : value.toPrecision(3)
    const range = interval ? ` (${interval.map(end => end.toPrecision(3)).join(' to ')})` : ''
    console.log(`${name.padEnd(70)} ${figure.padStart(10)} ${unit.padEnd(10)} ${target}${range}`)
  }
}
