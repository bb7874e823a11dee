/** The part of undici that is used, without the rest of the package, which takes twice as long to load. */
declare module 'undici/lib/dispatcher/agent.js' {
  const Agent: typeof import('undici').Agent
  export = Agent
}
