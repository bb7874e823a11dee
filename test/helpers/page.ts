import { execFile, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { binary } from './run_cli.ts'

/** Addresses that pages show, and what stands for them here: ports of this machine may be taken. */
export type Addresses = Record<string, string>

/** The address at which pages have `llmroute serve`. */
const SERVED = 'localhost:6060'

/** What stands between a page and a shell: blocks of ```console, and blocks of any kind after a line `<!-- file: NAME -->`. */
const BLOCK =
  /(?<=<!-- file: (?<name>\S+) -->\n```\w+\n)(?<file>[\s\S]*?)(?=```)|(?<=```console\n)(?<console>[\s\S]*?)(?=```)/g

/**
 * Follows a page from top to bottom in `folder`, as a reader would: writes its files and runs its commands. Gives the page as it
 * should be, with the output that the commands have. A command that ends in ` &` runs until the end of the page.
 * @param addresses what the page shows → where it is.
 */
export async function followPage(page: string, folder: string, addresses: Addresses = {}): Promise<string> {
  const own = { ...addresses }
  const running: (() => void)[] = []
  writeFileSync(join(folder, 'llmroute'), `#!/bin/sh\nexec "${process.execPath}" "${binary}" "$@"\n`, { mode: 0o755 })
  let [shown, end] = ['', 0]
  try {
    for (const { index, groups, 0: block } of page.matchAll(BLOCK)) {
      shown += page.slice(end, index)
      end = index + block.length
      if (groups!.name === undefined) shown += await runBlock(block)
      else {
        writeFileSync(join(folder, groups!.name), replaced(block, Object.entries(own)))
        shown += block
      }
    }
  } finally {
    for (const stop of running) stop()
  }
  return shown + page.slice(end)

  async function runBlock(block: string): Promise<string> {
    let text = ''
    for (const part of block.split(/^(?=\$ )/m)) {
      const [, command = ''] = /^\$ ((?:.*\\\n)*.*)\n/.exec(part) ?? []
      const output = await run(command)
      text += `$ ${command}\n${output === '' || output.endsWith('\n') ? output : `${output}\n`}`
    }
    return text
  }

  async function run(command: string): Promise<string> {
    if (command.endsWith(' &')) {
      const served = await serve(command.slice(0, -2), folder)
      running.push(served.stop)
      own[SERVED] = served.address
      return ''
    }
    const there = replaced(command, Object.entries(own))
    const output = await shell(there, folder)
    return replaced(
      output,
      Object.entries(own).map(([here, address]) => [address, here]),
    )
  }
}

function replaced(text: string, pairs: readonly (readonly string[])[]): string {
  return pairs.reduce((result, [from, to]) => result.replaceAll(from!, to!), text)
}

function environment(folder: string): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${folder}:${process.env.PATH}`, NO_COLOR: '1' }
}

/** Standard output, whatever the exit code: pages show failures too. */
function shell(command: string, cwd: string): Promise<string> {
  return new Promise(resolve => {
    const child = execFile('bash', ['-c', command], { cwd, env: environment(cwd), maxBuffer: 1e8 }, (_, stdout) =>
      resolve(stdout),
    )
    child.stdin?.end()
  })
}

function serve(command: string, cwd: string): Promise<{ address: string; stop(): void }> {
  const child = spawn('bash', ['-c', `exec ${command} --port 0`], { cwd, env: environment(cwd), stdio: 'pipe' })
  let stderr = ''
  return new Promise((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', text => {
      stderr += text
      const address = /listening at http:\/\/(\S+)/.exec(stderr)?.[1]
      if (address) resolve({ address, stop: () => child.kill() })
    })
    child.once('exit', code => reject(new Error(`${command} ended with ${code}: ${stderr}`)))
  })
}
