// One bundle with lazy chunks starts fastest; everything it holds is pure JavaScript, so the package has no dependencies.
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { build } from 'esbuild'

rmSync('dist', { recursive: true, force: true })
const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
const { metafile } = await build({
  entryPoints: {
    main: 'src/cli/main.ts',
    index: 'src/index.ts',
    batch_worker: 'src/io/batch_worker.ts',
    fit_worker: 'src/io/fit_worker.ts',
  },
  outdir: 'dist',
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  minifySyntax: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  jsx: 'automatic',
  metafile: true,
  define: {
    'process.env.NODE_ENV': '"production"',
    'process.env.DEV': '"false"',
    __VERSION__: JSON.stringify(version),
  },
  external: ['react-devtools-core'],
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  legalComments: 'none',
})

// Bundling copies other people's code: their licences travel with it.
const packages = new Set(
  Object.keys(metafile.inputs).flatMap(path => /^(node_modules\/(?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []),
)
const notices = [...packages].sort().map(path => {
  const manifest = JSON.parse(readFileSync(`${path}/package.json`, 'utf8'))
  const text = ['LICENSE', 'LICENSE.md', 'license', 'license.md', 'LICENSE.txt', 'LICENCE'].flatMap(name => {
    try {
      return [readFileSync(`${path}/${name}`, 'utf8')]
    } catch {
      return []
    }
  })[0]
  return `${manifest.name} ${manifest.version} (${manifest.license})\n\n${text ?? ''}`
})
writeFileSync('dist/THIRD_PARTY_LICENSES', notices.join(`\n${'-'.repeat(80)}\n\n`))

execFileSync(
  'npx',
  [
    'tsc',
    '--noEmit',
    'false',
    '--emitDeclarationOnly',
    '--declaration',
    '--rootDir',
    'src',
    '--outDir',
    'dist/types',
    '--project',
    'tsconfig.build.json',
  ],
  { stdio: 'inherit' },
)
