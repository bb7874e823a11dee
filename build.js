// A command is one file, since every file that a module loader opens costs start-up time; what is heavy and seldom needed is
// a file of its own. All that is bundled is pure JavaScript, so the installed package has no dependencies.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, relative, resolve } from 'node:path'
import { build } from 'esbuild'

const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
const isAsked = process.argv[2] !== '--if-stale'
const outdir = (isAsked && process.argv[2]) || 'dist'

// npm prepares the checkout when it is installed, and again when npx first links it: what is built already stays as it is, since
// it may be running.
if (!isAsked && isFresh()) process.exit()

const policies = readFileSync('src/policies/registry.ts', 'utf8')

/** Name of the file in dist → its source. A dynamic import of one becomes an import of that file. */
const entryPoints = {
  main: 'src/cli/main.ts',
  index: 'src/index.ts',
  ...filesOf('src/cli/commands', name => name !== 'registry.ts'),
  ...filesOf('src/policies', name => name !== 'threshold.ts' && policies.includes(`import('./${name}')`)),
  ...filesOf('src/io', name => name.endsWith('_worker.ts')),
  yaml: 'src/io/yaml.ts',
  schema: 'src/schema.ts',
  agent: 'src/upstream/agent.ts',
  response_cache: 'src/upstream/response_cache.ts',
  config_file: 'src/io/config_file.ts',
  segment_log: 'src/io/segment_log.ts',
  o200k: 'src/text/o200k.ts',
  re2: 'src/policies/re2.ts',
  route_call: 'src/cli/route_call.ts',
  batch_call: 'src/cli/batch_call.ts',
  eval_live: 'src/cli/live/eval_live.tsx',
  cli_progress: 'node_modules/cli-progress/cli-progress.js',
}

function isFresh() {
  // What a build writes last.
  const built = statSync(`${outdir}/types/index.d.ts`, { throwIfNoEntry: false })?.mtimeMs ?? 0
  const sources = readdirSync('src', { recursive: true }).map(name => `src/${name}`)
  return ['build.js', 'package-lock.json', ...sources].every(file => statSync(file).mtimeMs < built)
}

function filesOf(folder, isWanted) {
  const names = readdirSync(folder).filter(isWanted)
  return Object.fromEntries(names.map(name => [basename(name, '.ts'), `${folder}/${name}`]))
}

const ownFiles = {
  name: 'own-files',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /./ }, ({ kind, path, resolveDir }) => {
      if (kind !== 'dynamic-import') return undefined
      const source = path.startsWith('.') ? relative('.', resolve(resolveDir, path)) : `node_modules/${path}/${path}.js`
      const name = Object.keys(entryPoints).find(entry => entryPoints[entry] === source)
      return name && { path: `./${name}.js`, external: true }
    })
    // All policies and the configuration check options by it: one copy for all.
    onResolve({ filter: /\/schema\.ts$/ }, ({ kind, path, resolveDir }) =>
      kind === 'import-statement' && relative('.', resolve(resolveDir, path)) === entryPoints.schema
        ? { path: './schema.js', external: true }
        : undefined,
    )
    // commander wants child_process for subcommands that are programs of their own; we have none, and it is slow to load.
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      importer.includes('/commander/') ? { path: 'none', namespace: 'none' } : undefined,
    )
    onLoad({ filter: /./, namespace: 'none' }, () => ({ contents: '' }))
    // ink looks for it in development only.
    onResolve({ filter: /^react-devtools-core$/ }, () => ({ path: 'none', namespace: 'none' }))
  },
}

/** V8 holds a source with other characters in two bytes each, and compiles it more slowly; esbuild leaves them in regular expressions. */
function keepAscii(file) {
  const escaped = unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  writeFileSync(file, readFileSync(file, 'utf8').replace(/[\u0080-\uffff]/g, escaped))
}

rmSync(outdir, { recursive: true, force: true })
const inputs = new Set()
for (const [name, source] of Object.entries(entryPoints)) {
  if (!existsSync(source)) throw new Error(`build: expected ${source}, got none.`)
  const { metafile } = await build({
    entryPoints: { [name]: source },
    outdir,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    jsx: 'automatic',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    metafile: true,
    // Optional peers: whoever needs them installs them.
    external: ['onnxruntime-node', '@xenova/transformers'],
    plugins: [ownFiles],
    define: {
      'process.env.NODE_ENV': '"production"',
      'process.env.DEV': '"false"',
      __VERSION__: JSON.stringify(version),
    },
    banner: { js: "import{createRequire as $require}from'node:module';const require=$require(import.meta.url);" },
  })
  for (const path of Object.keys(metafile.inputs)) inputs.add(path)
  keepAscii(`${outdir}/${name}.js`)
}

// Bundling copies other people's code: their licences travel with it.
const packages = new Set([...inputs].flatMap(path => /^(node_modules\/(?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []))
const notices = [...packages].sort().map(path => {
  const { name, version: packaged, license } = JSON.parse(readFileSync(`${path}/package.json`, 'utf8'))
  const file = readdirSync(path).find(candidate => /^licen[cs]e/i.test(candidate))
  return `${name} ${packaged} (${license})\n\n${file ? readFileSync(`${path}/${file}`, 'utf8') : ''}`
})
writeFileSync(`${outdir}/THIRD_PARTY_LICENSES`, notices.join(`\n${'-'.repeat(80)}\n\n`))

const types = [
  '--noEmit',
  'false',
  '--emitDeclarationOnly',
  '--declaration',
  '--rootDir',
  'src',
  '--outDir',
  `${outdir}/types`,
]
execFileSync('npx', ['tsc', ...types, '--project', 'tsconfig.build.json'], { stdio: 'inherit' })
