// What `batch` costs: time against a bare read of the same file by csv-parse, rows per second, and peak memory.
import { createWriteStream, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runNode } from './run_node.mjs'

const bin = fileURLToPath(new URL('../bin/llmroute.js', import.meta.url))
const csvParse = import.meta.resolve('csv-parse')
const WORDS =
  `write prove explain the a of in function story about quick sort integral capital river translate into german
  summarise following text please list "ten" reasons why cats sleep so long and how to fix this error, poem spring rain`.split(
    /\s+/,
  )

/** Measures on generated rows, each figure with the other side of its ratio in the same run. */
export async function measure() {
  const folder = mkdtempSync(join(tmpdir(), 'llmroute-perf-'))
  try {
    const [one, four] = [join(folder, '1m.csv'), join(folder, '4m.csv')]
    await generate(one, 1_000_000)
    const bare = await run(['--input-type=module', '-e', bareRead(one)])
    const length = await batch(one, folder, ['--strategy', 'length'])
    const standard = await batch(one, folder, [])
    await generate(four, 4_000_000)
    const longer = await batch(four, folder, ['--strategy', 'length'])
    const longest = await batch(four, folder, [])
    return [
      figure('batch: length, 1 M rows, time over a bare csv-parse read', '×', length.seconds / bare.seconds, '≤ 2.5'),
      figure('batch: default strategy, 1 M rows', 'rows/s', Math.round(1_000_000 / standard.seconds), '≥ 15,000'),
      figure('batch: length, 1 M rows, peak memory', 'MB', Math.round(length.megabytes), '≤ 250'),
      figure('batch: default strategy, 1 M rows, peak memory', 'MB', Math.round(standard.megabytes), '≤ 250'),
      figure('batch: length, 4 M rows, peak memory', 'MB', Math.round(longer.megabytes), '≤ 250'),
      figure('batch: default strategy, 4 M rows, peak memory', 'MB', Math.round(longest.megabytes), '≤ 250'),
    ]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function figure(name, unit, value, target) {
  return { name, unit, value, target }
}

/** Rows of prompts of 3 to 60 words; every tenth holds a newline. */
async function generate(file, rows) {
  const out = createWriteStream(file)
  let state = 12345
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 4294967296
  }
  let text = 'id,category,prompt,user\n'
  for (let i = 0; i < rows; i++) {
    const words = Array.from(
      { length: 3 + Math.floor(random() ** 3 * 57) },
      () => WORDS[Math.floor(random() * WORDS.length)],
    )
    const prompt = words.join(' ').replaceAll('"', '""') + (i % 10 ? '' : '\nand say why')
    text += `${i},category ${i % 7},"${prompt}",user ${i % 1000}\n`
    if (text.length > 1 << 20) {
      if (!out.write(text)) await new Promise(resolve => out.once('drain', resolve))
      text = ''
    }
  }
  await new Promise(resolve => out.end(text, resolve))
}

function bareRead(file) {
  return `
    import { createReadStream } from 'node:fs'
    import { parse } from ${JSON.stringify(csvParse)}
    let rows = 0
    createReadStream(${JSON.stringify(file)}).pipe(parse()).on('data', () => rows++)`
}

async function batch(file, folder, flags) {
  const output = join(folder, 'routed.csv')
  const measured = await run([bin, 'batch', file, '-o', output, ...flags])
  if (!existsSync(output)) throw new Error(`batch wrote no ${output}`)
  rmSync(output)
  return measured
}

/** The whole process: wall time, and its greatest resident memory with all threads. */
async function run(args) {
  const peak = `process.on('exit', () => process.stderr.write('\\nmeasured ' + process.resourceUsage().maxRSS + '\\n'))`
  const { seconds, measured } = await runNode(args, peak)
  return { seconds, megabytes: measured / 1024 }
}
