import { mkdirSync } from 'node:fs'
import { build } from 'esbuild'

const FOLDER = 'node_modules/.cache'

/** A TypeScript program that imports from the checkout, as one file for node. Returns its path. */
export async function bundle(program, name) {
  mkdirSync(FOLDER, { recursive: true })
  const outfile = `${FOLDER}/${name}.mjs`
  await build({
    stdin: { contents: program, resolveDir: '.', loader: 'ts' },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: { js: "import{createRequire as $require}from'node:module';const require=$require(import.meta.url);" },
  })
  return outfile
}
